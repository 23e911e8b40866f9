// The pages beside the app: the guide and its search, the API's viewer and a request tried there, the link of `fieldstone view`, and the
// page that notebooks show.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { open, reachOf, shareNear } from '../harness.mjs';
import { violationsOf } from './looks.mjs';

/** The project: the suite runs a copy of these files elsewhere, and says where it is. */
const ROOT = process.env.FIELDSTONE_ROOT ?? fileURLToPath(new URL('../../../', import.meta.url));

/** A ball of radius 10 mm as `fieldstone.notebook` puts it into its page. */
function ball() {
  const [n, size, band] = [32, 24, 6];
  const at = (i) => -size / 2 + (size * i) / (n - 1);
  const samples = new Int8Array(n ** 3);
  for (let z = 0, i = 0; z < n; z++)
    for (let y = 0; y < n; y++)
      for (let x = 0; x < n; x++, i++) {
        const distance = Math.hypot(at(x), at(y), at(z)) - 10;
        samples[i] = Math.round(127 * Math.max(-1, Math.min(1, distance / band)));
      }
  const three = (number) => [number, number, number];
  return {
    resolution: three(n), size: three(size), offset: three(-size / 2), band, stride: 1, steepness: 1,
    samples: deflateSync(Buffer.from(samples.buffer)).toString('base64'),
  };
}

/** The share of a frame's canvas that is near a colour. */
const share = async (frame, colour) => shareNear(frame.page(), await frame.locator('canvas').screenshot(), colour);

export const checks = [
  {
    name: 'the guide is read and searched, and nothing of it comes from elsewhere',
    async run({ browser, server }) {
      const page = await open(browser, server, '/guide', { key: null });
      await page.getByRole('link', { name: 'Operators' }).first().waitFor();
      await page.getByLabel('Search the guide').fill('gyroid thickness');
      await page.locator('.found a').first().waitFor();
      await page.getByLabel('Search the guide').fill('SampleSurfaceLattice');
      await page.locator('.found a', { hasText: 'Operators: SampleSurfaceLattice' }).click();
      await page.waitForURL('**/guide/operators#samplesurfacelattice');
      const broken = await page.evaluate(() => [...document.images].filter((image) => image.complete && !image.naturalWidth).length);
      assert.equal(broken, 0);
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'a request is tried in the viewer of the API',
    async run({ browser, server }) {
      const page = await open(browser, server, '/docs');
      await page.locator('.opblock-get .opblock-summary-path[data-path="/projects"]').click();
      await page.getByRole('button', { name: 'Execute' }).click();
      await page.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor();
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'the viewer of the API can be used by everyone: closed, with a request and its answer, and asking for the key; light, dark, narrow',
    async run({ browser, server, pictures }) {
      // An answer with texts, numbers, words and null.
      await server.api('POST', '/projects', { name: 'Answered', data: { number: 1.5, word: true, nothing: null } });
      for (const look of [{}, { colorScheme: 'dark' }, { viewport: { width: 360, height: 740 } }]) {
        const page = await open(browser, server, '/docs', look);
        await page.locator('.opblock').first().waitFor();
        const holds = async (what) => {
          // What Swagger UI draws is mended before the next frame.
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          assert.deepEqual(await violationsOf(page), [], `${what}, ${JSON.stringify(look)}`);
          const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert(tooWide <= 0, `${what}: ${tooWide} pixels wider than the window`);
        };
        await holds('closed');
        await page.locator('.opblock-get .opblock-summary-path[data-path="/projects"]').click();
        await page.waitForFunction(() => location.hash.endsWith('getProjects'));
        await page.getByRole('button', { name: 'Execute' }).click();
        await page.locator('.live-responses-table').waitFor();
        await page.locator('.opblock-post .opblock-summary-path[data-path="/projects/{projectId}/jobs"]').click();
        await page.getByLabel('Request body').waitFor();
        await holds('with a request and its answer');
        const cut = await page.locator('.opblock.is-open').evaluateAll((parts) =>
          parts
            .flatMap((part) => [...part.querySelectorAll('button, input, select, textarea, th, td')])
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
            .map((one) => one.className || one.textContent),
        );
        assert.deepEqual(cut, [], `cut off, ${JSON.stringify(look)}`);
        if (pictures && look.viewport) await page.screenshot({ path: join(pictures, 'docs-narrow.png') });
        await page.getByRole('button', { name: 'Authorize' }).click();
        await page.getByRole('dialog', { name: 'Available authorizations' }).waitFor();
        await holds('asking for the key');
        await page.getByRole('button', { name: 'Close' }).first().click();
        assert.deepEqual([page.strays, page.faults], [[], []]);
        // The address of an operation opens it.
        await page.goto('/docs#/Jobs/createJob');
        await page.getByLabel('Request body').waitFor();
        await page.context().close();
      }
    },
  },
  {
    name: 'the link of fieldstone view signs in on this machine and leaves no key in the address',
    async run({ browser, server }) {
      const page = await open(browser, server, `/#key=${server.key}`, { key: null });
      await page.getByRole('heading', { name: 'Projects' }).waitFor();
      assert.equal(new URL(page.url()).hash, '');
      assert.equal(await page.evaluate(() => localStorage.length), 0);
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'the page of a notebook shows a volume in a closed frame, cut open, with the value under the cursor',
    async run({ browser, server, pictures }) {
      const template = readFileSync(join(ROOT, 'python/fieldstone/view.html'), 'utf8');
      const html = template.replace('{/*volume*/}', () => JSON.stringify(ball()));
      const page = await open(browser, server, '/healthz', { key: null });
      await page.goto('about:blank');
      const escaped = html.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
      await page.setContent(`<iframe sandbox="allow-scripts" style="width: 800px; height: 500px; border: 0" srcdoc="${escaped}"></iframe>`);
      const frame = await (await page.waitForSelector('iframe')).contentFrame();
      await frame.locator('canvas[data-ready]').waitFor();
      const CUT = [226, 169, 104];
      assert.equal(await share(frame, CUT), 0);
      // In a narrow notebook it is no wider than that.
      await page.evaluate(() => (document.querySelector('iframe').style.width = '260px'));
      const narrow = async () => (await frame.locator('canvas').evaluate((canvas) => canvas.width / canvas.height)) < 0.8;
      while (!(await narrow())) await frame.evaluate(() => new Promise(requestAnimationFrame));
      const saved = await frame.evaluate(() => document.querySelector('canvas').toDataURL().split(',')[1]);
      const { wide, isCut } = await reachOf(page, Buffer.from(saved, 'base64'));
      assert(wide > 0.3 && !isCut, `the ball reaches over ${wide} of the frame`);
      await page.evaluate(() => (document.querySelector('iframe').style.width = '800px'));
      while (await narrow()) await frame.evaluate(() => new Promise(requestAnimationFrame));
      const matter = await frame.evaluate(() => document.querySelector('output').textContent);
      assert.equal(matter, '32 × 32 × 32 samples, 0.7742 mm apart');
      await frame.getByLabel('Plane, mm').fill('2');
      const cut = await share(frame, CUT);
      assert(cut > 0.02, `the cut covers ${cut}`);
      for (const [x, y] of [[400, 230], [330, 220], [480, 240]]) {
        await frame.locator('canvas').hover({ position: { x, y } });
        const [px, py, pz, , value] = (await frame.locator('output').innerText()).replace(/[<>] /, '').split(/\s+/).map(Number);
        assert(Math.abs(pz - 2) < 0.01, `z is ${pz}`);
        const exact = Math.max(-6, Math.hypot(px, py, pz) - 10);
        assert(Math.abs(value - exact) < 0.1, `value ${value}, exact ${exact}`);
      }
      if (pictures) await page.screenshot({ path: join(pictures, 'notebook.png') });
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
];
