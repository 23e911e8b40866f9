// Layers one by one: of pictures, of contours, of CLI files and of volumes, by keys and by typed numbers, with what each encloses.
import assert from 'node:assert/strict';
import { open } from '../harness.mjs';

/** A tube along z: outer radius 8 mm, inner 6, 12 mm high, round the origin; the grid begins at z = -8. */
const tube = {
  operators: [
    { type: 'GenerateSamplePoints', parameters: { offset: [-10, -10, -8], size: [20, 20, 16], resolution: [41, 41, 33] } },
    { type: 'SampleBox', parameters: { shape_type: 'Cylinder', size: [16, 16, 12] } },
    { type: 'SampleBox', parameters: { shape_type: 'Cylinder', size: [12, 12, 20] } },
    { type: 'CSG', parameters: { operation: 'Subtract' } },
  ],
  edges: [
    { source: 0, target: [1, 'Points'] },
    { source: 0, target: [2, 'Points'] },
    { source: 1, target: [3, 'A'] },
    { source: 2, target: [3, 'B'] },
  ],
};
const RING = Math.PI * (8 ** 2 - 6 ** 2);

async function made(server, project, type, parameters = {}) {
  let job = await server.api('POST', `/projects/${project}/jobs`, { type, parameters: { graph: tube, ...parameters } });
  while (!job.finished) job = await server.api('GET', `/projects/${project}/jobs/${job.id}`);
  assert.equal(job.state, 'success', job.error);
  return job;
}
const said = (page) => page.locator('aside [aria-live]');
/** What the page says of the layer that is shown once it is there: its area and the words after it. */
async function told(page, number) {
  await page.locator(`[data-shown="${number - 1}"]`).waitFor();
  const [area, ...rest] = (await said(page).innerText()).split(/ mm², ?/);
  return { area: parseFloat(area), rest: rest.join('') };
}

export const checks = [
  {
    name: 'layers of pictures, contours, CLI files and volumes are gone through by keys and typed heights, with area and contours',
    async run(context) {
      const { browser, server } = context;
      const project = (await server.api('POST', '/projects', { name: 'Sliced' })).id;
      const kinds = [
        ['export_slices', { layer_height: 0.5, pixel_size: [0.1, 0.1] }, 'slices', 32, 0.25, 0.01, null],
        ['export_slices', { layer_height: 0.5, format: 'svg' }, 'slices', 32, 0.25, 0.01, '1 outline, 1 hole'],
        ['export_cli', { layer_height: 0.5 }, 'layers', 32, 0.25, 0.01, '1 outline, 1 hole'],
        ['implicit/evaluate', {}, 'volume', 33, 0.5, 0.01, '1 outline, 1 hole'],
      ];
      for (const [type, parameters, slot, count, height, share, contours] of kinds) {
        const job = await made(server, project, type, parameters);
        const asset = job.outputs.assets[slot].id;
        context.layers = `/p/${project}/a/${asset}/layers`;
        if (contours && slot === 'slices') context.slices = context.layers;
        const page = await open(browser, server, `/p/${project}/j/${job.id}`);
        const link = page.getByRole('link', { name: job.outputs.assets[slot].filename });
        await link.click();
        if (slot === 'volume') await page.getByRole('link', { name: 'Layers', exact: true }).click();
        await page.waitForURL(`**${context.layers}*`);
        // In the middle at first, then where the height is typed.
        const z = page.getByLabel(/^Height/);
        await z.fill(String(height));
        await page.keyboard.press('Enter');
        const at = Number(await page.getByLabel(`Layer, of ${count}`).first().inputValue());
        assert.equal(Number(await z.inputValue()), height, type);
        const ring = await told(page, at);
        assert(Math.abs(ring.area / RING - 1) < share, `${type}: ${ring.area}, ${RING} is right`);
        if (contours) assert.equal(ring.rest, contours);
        // By keys: up and down, ten at once, and the ends, where there is nothing.
        await page.locator('canvas').focus();
        for (const [key, to] of [['ArrowUp', at + 1], ['PageDown', at - 9], ['ArrowDown', at - 10], ['End', count], ['Home', 1]]) {
          await page.keyboard.press(key);
          await page.locator(`[data-shown="${to - 1}"]`).waitFor();
        }
        const none = await told(page, 1);
        assert(none.area === 0, `${type}: ${none.area} below the tube`);
        if (contours) assert.equal(none.rest, '0 outlines');
        assert.deepEqual([page.strays, page.faults], [[], []]);
        if (slot !== 'volume') {
          await page.context().close();
          continue;
        }
        // The address is a link to the layer.
        await page.getByLabel(`Layer, of ${count}`).first().fill('13');
        await page.keyboard.press('Enter');
        await page.waitForFunction(() => location.hash === '#layer=13');
        const other = await open(browser, server, page.url().slice(server.url.length));
        await told(other, 13);
      }
    },
  },
  {
    name: 'a file without layers says so',
    async run({ browser, server, project, mesh }) {
      const page = await open(browser, server, `/p/${project}/a/${mesh}/layers`);
      await page.getByText('part.stl has no layers to show').waitFor();
    },
  },
];
