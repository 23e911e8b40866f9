// The graph editor: built and exported by keys alone, by mouse, with the server's errors at their place, and what it keeps.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMarkedInTheMiddle, open, shareNear, stl, tetrahedron } from '../harness.mjs';
import { violationsOf } from './looks.mjs';

/** Presses Tab until what has the focus is called so. */
async function tabTo(page, name, key = 'Tab') {
  const seen = [];
  for (let i = 0; i < 150; i++) {
    const now = await page.evaluate(() => {
      const element = document.activeElement;
      return (element?.getAttribute('aria-label') ?? element?.innerText ?? '').trim();
    });
    if (typeof name === 'string' ? now === name : name.test(now)) return;
    seen.push(now);
    await page.keyboard.press(key);
  }
  throw new Error(`no Tab leads to ${name}: ${[...new Set(seen)].join(' | ')}`);
}
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
/** Adds an operator by key, while the focus is in the graph. */
async function addByKey(page, text, label) {
  await page.keyboard.press('a');
  await page.getByRole('combobox', { name: 'Operators' }).waitFor();
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
  await page.waitForFunction((l) => document.activeElement?.innerText?.startsWith(l), label);
}
const shown = (page, resolution) => page.locator(`[data-shown="${resolution}x${resolution}x${resolution}"]`).waitFor({ timeout: 60_000 });
const editorOf = async ({ browser, server, graphs }, options) => {
  const page = await open(browser, server, `/p/${graphs}/graph`, options);
  await page.getByRole('button', { name: '+ Add' }).waitFor();
  return page;
};

/** What `fieldstone eval` measures of an exported graph. */
function measured(binary, json, part = tetrahedron()) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldstone-graph-'));
  try {
    writeFileSync(join(folder, 'graph.json'), json);
    writeFileSync(join(folder, 'part.stl'), part);
    execFileSync(binary, ['eval', 'graph.json', '-o', 'measures.json'], { cwd: folder, stdio: 'pipe' });
    return Number(JSON.parse(readFileSync(join(folder, 'measures.json'), 'utf8')).interior_volume);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function upload({ server, graphs }) {
  const form = new FormData();
  form.append('file', new Blob([tetrahedron()]), 'part.stl');
  return server.api('POST', `/projects/${graphs}/assets`, form);
}

/** A cube of 60 mm about the origin. */
function cube() {
  const corner = (i) => [i & 1, (i >> 1) & 1, i >> 2].map((bit) => 60 * bit - 30);
  const sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
  return stl(sides.flatMap(([a, b, c, d]) => [[a, b, c], [a, c, d]]).map((face) => face.map(corner)));
}

/** A wall of thickness t on a gyroid of cells a fills this of space: area 3.09165 a² and Euler characteristic −8 a cell (Steiner, Weyl). */
const wall = (t, a) => (3.09165 * t) / a - (8 * Math.PI * t ** 3) / (6 * a ** 3);
/** What the recipes fill, mm³, of a cube of 60 mm where they want a part. */
const RECIPES = {
  'infill-with-skin': 60 ** 3 - 57 ** 3 + 57 ** 3 * wall(1.2, 12),
  // The gyroid's share at a threshold −t is close to ½ − t/3; t grows by 0.04 a millimetre from the surface inwards.
  'graded-by-distance': 60 ** 3 / 2 - (0.04 / 3) * 2 * 30 ** 4,
  'hollow-with-drain-holes': 60 ** 3 - 56 ** 3 - 2 * 2 * Math.PI * 3 ** 2,
  // Whole cells all round, along and across: half of the tube.
  'lattice-round-a-cylinder': (Math.PI * (23 ** 2 - 15 ** 2) * 32) / 2,
  'heat-exchanger': (42 ** 2 - 40 ** 2) * 40 + 40 ** 3 * wall(0.8, 10),
  'struts-in-a-box': undefined,
  'text-engraved': 60 ** 3,
  'text-raised': 60 ** 3,
};
/**
 * How long the strokes of "Text" are, in tenths of what a capital has beyond a stroke's width: those of T, e, x and t, of lines and arcs; what
 * they share where they meet is about as much as their round ends add.
 */
const TEXT = 17 + (5.4 + 0.7 + 1.6 + 1.5 * Math.PI * 2.7 + 2.7) + 2 * Math.hypot(4.8, 7) + (7.5 + Math.PI + 0.4 + 3.6);

export const checks = [
  {
    name: 'a graph of five operators is built, joined, edited, undone and exported by keys alone, and is computed right',
    async run(context) {
      const { server, binary } = context;
      context.graphs = (await server.api('POST', '/projects', { name: 'Graphs' })).id;
      const page = await editorOf(context);
      await tabTo(page, '+ Add');
      await page.keyboard.press('Enter');
      await page.keyboard.type('generate');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.innerText?.startsWith('GenerateSamplePoints'));
      await page.getByText('These are points, which have no shape.').waitFor();
      await addByKey(page, 'samplebox', 'SampleBox');
      await shown(page, 128);
      await addByKey(page, 'gyroid', 'SampleSurfaceLattice');
      await addByKey(page, 'csg', 'CSG');
      // What is chosen feeds A; B is joined from port to port.
      await tabTo(page, /^Output of SampleBox/, 'Shift+Tab');
      await page.keyboard.press('Enter');
      const closed = await page.getByRole('button', { name: /^Input Points/ }).evaluateAll((all) => all.map((one) => one.disabled));
      assert(closed.length === 2 && closed.every(Boolean), 'numbers do not go into points');
      await page.getByText(/^Joining from SampleBox: 2 inputs fit, the others are disabled/).waitFor();
      await tabTo(page, /^Input B \(Float\)/);
      await page.keyboard.press('Enter');
      await page.getByText('SampleBox is joined to CSG B.').waitFor();
      await tabTo(page, /^CSG\n/, 'Shift+Tab');
      await press(page, 'Enter');
      await tabTo(page, 'operation');
      await page.keyboard.press('I');
      await tabTo(page, /^CSG\n/, 'Shift+Tab');
      await addByKey(page, 'redistance', 'Redistance');
      await tabTo(page, 'GenerateSamplePoints', 'Shift+Tab');
      await press(page, 'Enter');
      await tabTo(page, 'resolution, x');
      await page.keyboard.type('128');
      await tabTo(page, /^SampleSurfaceLattice\n/, 'Shift+Tab');
      await press(page, 'Enter');
      await tabTo(page, 'scale, mm, x');
      await press(page, '0', '.', '5');
      await shown(page, 128);
      // Undone and done again, and a node that is muted and heard again.
      await tabTo(page, /^SampleSurfaceLattice\n/, 'Shift+Tab');
      await press(page, 'Control+z');
      await page.getByText('Undone: scale of SampleSurfaceLattice').waitFor();
      await press(page, 'Control+y', 'm');
      await page.locator('.node.muted').waitFor();
      await press(page, 'Control+z');
      await tabTo(page, 'JSON', 'Shift+Tab');
      const download = page.waitForEvent('download');
      await page.keyboard.press('Enter');
      const json = readFileSync(await (await download).path(), 'utf8');
      const graph = JSON.parse(json);
      assert.deepEqual(graph.operators.map(({ type }) => type), ['GenerateSamplePoints', 'SampleBox', 'SampleSurfaceLattice', 'CSG', 'Redistance']);
      assert.deepEqual(graph.operators[2].parameters, { lattice_type: 'Gyroid', scale: [0.5, 0.5, 0.5] });
      // A gyroid at threshold 0 fills half of every cell, and 8 of them are a box of 1 mm³.
      const volume = measured(binary, json);
      assert(Math.abs(volume - 0.5) < 0.01, String(volume));
      assert.deepEqual([page.strays, page.faults], [[], []]);
      context.graphJson = json;
    },
  },
  {
    name: 'a draft survives a reload, is saved in its project, and a graph that was saved elsewhere is not written over',
    async run(context) {
      const { server, graphs } = context;
      const page = await editorOf(context);
      await page.locator('input[type=file]').setInputFiles({ name: 'five.json', mimeType: 'application/json', buffer: Buffer.from(context.graphJson) });
      await page.getByText('five.json is opened.').waitFor();
      await page.reload();
      await page.getByText(/^Your draft of/).waitFor();
      assert.equal(await page.locator('.node').count(), 5);
      assert.equal((await server.api('GET', `/projects/${graphs}`)).graph, null);
      await page.keyboard.press('Control+s');
      await page.getByText(/^Saved \d\d:\d\d\.$/).waitFor();
      const { graph } = await server.api('GET', `/projects/${graphs}`);
      assert.deepEqual({ operators: graph.operators, edges: graph.edges }, JSON.parse(context.graphJson));
      assert.equal(await page.evaluate((id) => localStorage.getItem(`fieldstone.graph.${id}`), graphs), null);
      await server.api('PATCH', `/projects/${graphs}`, { graph: { operators: [{ type: 'GenerateSamplePoints' }], edges: [] } });
      await page.locator('#node-n2').click();
      await page.keyboard.press('m');
      await page.keyboard.press('Control+s');
      await page.getByText('changed elsewhere meanwhile').waitFor();
      assert.equal((await server.api('GET', `/projects/${graphs}`)).graph.operators.length, 1);
      // What is saved comes in place of the draft, and undo brings that back.
      await page.getByRole('button', { name: 'Open what is saved' }).click();
      await page.locator('#node-n2').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.locator('.node.muted').waitFor();
      await server.api('PATCH', `/projects/${graphs}`, { graph: { operators: [{ type: 'GenerateSamplePoints', parameters: {} }], edges: [] } });
      await page.keyboard.press('Control+s');
      await page.getByText('changed elsewhere meanwhile').waitFor();
      await page.getByRole('button', { name: 'Save over it' }).click();
      await page.getByText(/^Saved /).first().waitFor();
      const over = (await server.api('GET', `/projects/${graphs}`)).graph;
      assert.deepEqual(over.operators.map(({ type }) => type), ['GenerateSamplePoints', 'SampleSurfaceLattice', 'CSG', 'Redistance']);
      await page.reload();
      await page.locator('.node.muted').waitFor();
      assert.deepEqual([page.strays, page.faults], [[], []]);
      await server.api('PATCH', `/projects/${graphs}`, { graph });
    },
  },
  {
    name: "the server's own error is shown at its operator, in the drawing and in the list, and goes when it is mended",
    async run(context) {
      const page = await editorOf(context);
      await shown(page, 128);
      await page.locator('#node-n4').click();
      await page.getByLabel('smoothing, mm', { exact: true }).fill('-1');
      const said = page.locator('.node.fault');
      await said.getByText('parameter "smoothing"').waitFor();
      assert.match(await said.innerText(), /^CSG/);
      await page.locator('.old canvas').waitFor();
      await page.getByRole('button', { name: 'List', exact: true }).click();
      const item = page.locator('li.fault');
      await item.getByText('parameter "smoothing"').waitFor();
      assert.deepEqual(await violationsOf(page), []);
      // An input that is left open is an error of the server's at that node.
      await page.getByLabel('smoothing, mm', { exact: true }).fill('0');
      await item.waitFor({ state: 'detached' });
      await page.getByRole('listitem').filter({ hasText: 'CSG' }).getByLabel(/^B /).selectOption('');
      await page.getByRole('button', { name: /^Look at CSG/ }).click();
      await page.locator('li.fault').getByText('input "B" is not connected').waitFor();
      await page.getByRole('listitem').filter({ hasText: 'CSG' }).getByLabel(/^B /).selectOption({ label: 'SampleBox' });
      await page.locator('li.fault').waitFor({ state: 'detached' });
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'an older answer never takes the place of a newer one, and the old shape stays, dimmed, until then',
    async run(context) {
      const page = await editorOf(context);
      await shown(page, 128);
      const held = [];
      await page.route(/\/preview$/, async (route) => {
        const { graph } = route.request().postDataJSON();
        const { scale } = graph.operators.find(({ type }) => type === 'SampleSurfaceLattice').parameters;
        if (scale[0] !== 0.25) return route.continue();
        const response = await route.fetch();
        held.push(async () => route.fulfill({ response }).catch(() => {}));
      });
      await page.locator('#node-n3').click();
      const scale = page.getByLabel('scale, mm, x', { exact: true });
      await scale.fill('0.25');
      await page.waitForFunction(() => document.querySelector('.old canvas'));
      while (held.length === 0) await page.evaluate(() => new Promise(requestAnimationFrame));
      await scale.fill('0.4');
      await shown(page, 128);
      const facts = await page.locator('.facts').innerText();
      for (const release of held) await release();
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      assert.equal(await page.locator('.facts').innerText(), facts);
      await shown(page, 128);
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'what the samples of a preview do not hold is warned of with its places, seen in the shape and gone to',
    async run({ browser, server, pictures }) {
      const { id } = await server.api('POST', '/projects', { name: 'Thin' });
      const graph = {
        operators: [
          { type: 'GenerateSamplePoints', parameters: { size: [20, 20, 20], offset: [-10, -10, -10], resolution: [64, 64, 64] } },
          { type: 'SampleBox', parameters: { shape_type: 'Ellipsoid', size: [16, 16, 16] } },
          { type: 'Shell', parameters: { offset: 0, thickness: 0.2 } },
        ],
        edges: [{ source: 0, target: [1, 'Points'] }, { source: 1, target: [2, 'Samples'] }],
      };
      await server.api('PATCH', `/projects/${id}`, { graph });
      const page = await open(browser, server, `/p/${id}/graph`);
      await shown(page, 128);
      const pane = page.locator('.pane');
      const warning = pane.getByText('walls thinner than 2 cells');
      await warning.waitFor();
      const RED = [208, 2, 27];
      const red = async () => shareNear(page, await pane.locator('canvas').screenshot(), RED);
      const pins = await red();
      assert(pins > 0.0001, `the places cover ${pins} of the picture`);
      const place = pane.getByRole('button', { name: /^at .* mm thick$/ }).first();
      const [x, y, z, thickness] = (await place.innerText()).match(/-?[0-9.]+(e-?[0-9]+)?/g).map(Number);
      assert(Math.abs(Math.hypot(x, y, z) - 8) < 0.2 && Math.abs(thickness - 0.2) < 0.04, await place.innerText());
      await place.click();
      assert(await pane.getByLabel('Cut it open').isChecked());
      await page.waitForFunction(() => document.querySelector('.pane button[aria-pressed="true"]'));
      if (pictures) await page.screenshot({ path: join(pictures, 'graph-warnings.png') });
      assert.deepEqual(await violationsOf(page), []);
      await page.setViewportSize({ width: 360, height: 740 });
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await pane.getByRole('button', { name: /^at .* mm thick$/ }).last().click();
      assert(await isMarkedInTheMiddle(page), 'on a phone the place is not in the middle of what is seen');
      await page.setViewportSize({ width: 1280, height: 800 });
      // Of a shape without them nothing is left.
      await page.locator('#node-n3').click();
      await page.getByLabel('thickness, mm', { exact: true }).fill('2');
      await warning.waitFor({ state: 'detached' });
      await shown(page, 128);
      assert((await red()) < pins / 10);
      // One that reaches the border is cut off: only where it is the result.
      await page.locator('#node-n2').click();
      await page.getByLabel('size, mm, x', { exact: true }).fill('24');
      await pane.getByText('is cut off there').waitFor();
      await page.getByRole('button', { name: /^Look at SampleBox/ }).first().click();
      await pane.getByText('is cut off there').waitFor({ state: 'detached' });
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'by mouse: edges are drawn, an operator is put on one and taken out, nodes are copied; the graph runs as a job',
    async run(context) {
      const page = await editorOf(context);
      await shown(page, 128);
      await page.locator('#node-n2').click();
      await page.getByRole('button', { name: 'Put an operator between SampleBox and CSG B' }).click({ force: true });
      await page.getByRole('combobox', { name: 'Operators' }).fill('shell');
      assert.deepEqual(await violationsOf(page), []);
      await page.keyboard.press('Enter');
      await page.getByText('Shell is put before CSG.').waitFor();
      assert.equal(await page.locator('.node').count(), 6);
      await page.getByRole('button', { name: 'Take out' }).click();
      await page.getByText(/Shell taken out/).waitFor();
      await page.getByRole('button', { name: /^Input B \(Float\), from SampleBox/ }).waitFor();
      // From the lattice's output to the box's place at B.
      const [from, to] = [page.getByRole('button', { name: /^Output of SampleSurfaceLattice/ }), page.getByRole('button', { name: /^Input B/ })];
      const [a, b] = [await from.boundingBox(), await to.boundingBox()];
      await page.mouse.move(a.x + a.width / 2, a.y + a.height / 2);
      await page.mouse.down();
      await page.mouse.move(b.x + b.width / 2, b.y + b.height / 2, { steps: 8 });
      await page.mouse.up();
      await page.getByRole('button', { name: /^Input B \(Float\), from SampleSurfaceLattice/ }).waitFor();
      await page.keyboard.press('Control+z');
      // An edge is chosen and cut, a node is drawn to another place; both are undone.
      await page.locator('.svelte-flow__edge').last().dispatchEvent('click');
      await page.keyboard.press('Delete');
      await page.getByText('1 edge cut.').waitFor();
      await page.keyboard.press('Control+z');
      const place = () => page.locator('#node-n5').boundingBox();
      const before = await place();
      await page.mouse.move(before.x + 10, before.y + 10);
      await page.mouse.down();
      await page.mouse.move(before.x + 10, before.y + 110, { steps: 50 });
      await page.mouse.up();
      await page.getByText('Moved.').waitFor();
      assert(Math.abs((await place()).y - before.y - 100) < 6, `it is where it was left: ${(await place()).y - before.y}`);
      await page.keyboard.press('Control+z');
      await page.waitForFunction((y) => Math.abs(document.querySelector('#node-n5').getBoundingClientRect().y - y) < 3, before.y);
      await page.locator('#node-n3').click();
      await page.keyboard.press('Control+c');
      await page.keyboard.press('Control+v');
      await page.getByText('SampleSurfaceLattice 2').first().waitFor();
      await page.keyboard.press('Control+z');
      // What has the focus is deleted: another operator has it then, so that keys go on.
      await page.locator('#node-n5').click();
      await page.keyboard.press('Delete');
      await page.waitForFunction(() => document.activeElement?.id === 'node-n1');
      await page.keyboard.press('Control+z');
      await page.getByRole('button', { name: 'Run or export…' }).click();
      await page.getByLabel('file_type').selectOption('ply');
      await page.getByText('The same from elsewhere').click();
      assert.deepEqual(await violationsOf(page), []);
      await page.getByRole('button', { name: 'Without a server' }).click();
      assert.match(await page.locator('dialog pre').innerText(), /fieldstone eval graph\.json -o shape\.ply$/);
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.locator('.badge.success').waitFor({ timeout: 60_000 });
      await page.getByText('.ply').first().waitFor();
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'recipes fill what they should, are laid around a part, and lattices are added from their pictures',
    async run(context) {
      const folder = new URL('../../src/pages/graph/recipes/', import.meta.url);
      const names = readdirSync(folder).map((name) => name.replace('.json', ''));
      assert.deepEqual(names, Object.keys(RECIPES).sort());
      for (const name of names) {
        const graph = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
        // At half their resolution, which is within a few percent and takes an eighth of the time.
        for (const { parameters } of graph.operators) parameters.resolution &&= parameters.resolution.map((n) => (n - 1) / 2 + 1);
        const volume = measured(context.binary, JSON.stringify(graph), cube());
        // Eight struts a cell, each half a diagonal long, less than a third of which is shared at nodes.
        const struts = 64 * 8 * Math.sqrt(75) * Math.PI;
        const [low, high] = RECIPES[name] ? [0.96 * RECIPES[name], 1.04 * RECIPES[name]] : [(2 / 3) * struts, struts];
        assert(volume > low && volume < high, `${name}: ${volume}, expected ${low} to ${high}`);
      }
      // Letters are little of a cube: what they take away and add together is their area times their thickness, 1 mm.
      const [engraved, raised] = ['text-engraved', 'text-raised'].map((name) => measured(context.binary, readFileSync(new URL(`${name}.json`, folder), 'utf8'), cube()));
      const letters = TEXT * 1.44 * 1.6;
      assert(Math.abs(raised - engraved - letters) < 0.1 * letters, `letters of ${raised - engraved} mm³, expected ${letters}`);
      await upload(context);
      const page = await editorOf(context);
      await page.getByRole('button', { name: 'Library…' }).first().click();
      await page.getByRole('button', { name: /^Hollow with drain holes/ }).click();
      await page.getByText('Hollow with drain holes is opened.').waitFor();
      await shown(page, 128);
      await page.locator('#node-n1').click();
      // A tetrahedron of 10 mm at the origin: 5 % beside it, and 128 cells along.
      await page.waitForFunction(() => document.querySelector('[aria-label="offset, mm, x"]')?.value === '-0.5');
      assert.equal(await page.getByLabel('resolution, x', { exact: true }).inputValue(), '129');
      await page.getByRole('button', { name: 'Library…' }).click();
      // Both labyrinths of a diamond surface are the same; of I-WP they are not (docs/accuracy.md).
      await page.getByRole('button', { name: /^SchwarzD\s+50 % solid/ }).waitFor({ timeout: 60_000 });
      assert.deepEqual(await violationsOf(page), []);
      await page.getByRole('button', { name: /^IWP\s+47 % solid/ }).waitFor();
      // A share that is wished for is what the server then computes.
      await page.getByLabel('Percent that should be solid').fill('30');
      const wished = page.getByRole('button', { name: /^IWP\s+30 % solid\s+threshold -/ });
      const threshold = Number(/threshold (-[0-9.]+)/.exec(await wished.innerText())[1]);
      const grid = { offset: [0, 0, 0], size: [2, 2, 2], resolution: [65, 65, 65] };
      const cells = {
        operators: [{ type: 'GenerateSamplePoints', parameters: grid }, { type: 'SampleSurfaceLattice', parameters: { lattice_type: 'IWP', threshold } }],
        edges: [{ source: 0, target: [1, 'Points'] }],
      };
      const solid = measured(context.binary, JSON.stringify(cells), cube()) / 8;
      assert(Math.abs(solid - 0.3) < 0.005, `${solid} is solid`);
      await wished.click();
      await page.waitForFunction(() => document.activeElement?.innerText?.startsWith('SampleSurfaceLattice\nIWP'));
      await page.getByRole('button', { name: /^Input Points \(Vec3f\), from GenerateSamplePoints/ }).last().waitFor();
      // The same of struts, by their radius.
      await page.getByRole('button', { name: 'Library…' }).click();
      await page.getByRole('button', { name: /^Octet\s+38 % solid\s+surface/ }).waitFor();
      await page.getByLabel('Percent that should be solid').fill('20');
      const octet = page.getByRole('button', { name: /^Octet\s+20 % solid\s+radius 0\.0/ });
      await octet.locator('img').waitFor({ timeout: 60_000 });
      if (context.pictures) await octet.screenshot({ path: join(context.pictures, 'library-octet.png') });
      const radius = Number(/radius (0\.[0-9]+)/.exec(await octet.innerText())[1]);
      await octet.click();
      await page.waitForFunction(() => document.activeElement?.innerText?.startsWith('SampleLattice'));
      const { cell } = JSON.parse(readFileSync(new URL('../../src/pages/graph/struts.json', import.meta.url), 'utf8')).Octet;
      const struts = { type: 'SampleLattice', parameters: { lattice_data: cell, section_radius: radius } };
      const strutCells = { ...cells, operators: [cells.operators[0], struts] };
      const share = measured(context.binary, JSON.stringify(strutCells), cube()) / 8;
      assert(Math.abs(share - 0.2) < 0.008, `${share} is solid`);
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
];
