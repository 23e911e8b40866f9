// How fast the app is, in Chromium with software WebGL against a server on loopback: figures.mjs BINARY [RUNS]. Prints a Markdown table of what
// is aimed at, what came out and what was slowest. On a machine that does nothing else, with a release build.
import { request } from 'node:http';
import { cpus } from 'node:os';
import { chromiumPath, open, startBrowser, startServer } from './harness.mjs';

const [binary, times = '9'] = process.argv.slice(2);
const RUNS = Number(times);
/** Milliseconds that the picture is turned for. */
const TURNING = 3000;
const SIDE = 256;

const chromium = chromiumPath();
if (!binary || !chromium) {
  console.error(binary ? 'no Chromium (Debian: apt-get install chromium)' : 'usage: figures.mjs BINARY [RUNS]');
  process.exit(2);
}

/** Notes, in the page, when things have happened: moments of `performance.now()`, and of the clock for jobs. */
function watch() {
  const seen = (window.figures = { frames: [], jobs: {}, moments: {} });
  const read = (gl) => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  // A picture is drawn once a pixel of it can be read.
  for (const name of ['drawElements', 'drawArrays']) {
    const draw = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...words) {
      draw.apply(this, words);
      seen.last = { gl: this, width: this.drawingBufferWidth };
    };
  }
  const drawn = () => {
    const { last } = seen;
    seen.last = undefined;
    if (last) {
      read(last.gl);
      seen.frames.push({ at: performance.now(), width: last.width });
      const state = document.querySelector('[data-seen]')?.dataset.seen;
      if (state) seen.moments[state] ??= performance.now();
    }
    requestAnimationFrame(drawn);
  };
  requestAnimationFrame(drawn);
  new MutationObserver(() => {
    if (document.querySelector('button.primary')) seen.moments.projects ??= performance.now();
    for (const badge of document.querySelectorAll('.job .badge.success')) {
      const id = badge.closest('.job').querySelector('a').href.split('/').pop();
      seen.jobs[id] ??= Date.now();
    }
  }).observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
}

const rows = [];
/** A row: what, the bound and whether more is better, and all that was measured. */
function tell(what, unit, bound, values, isFloor = false) {
  const sorted = [...values].sort((a, b) => a - b);
  const digits = (n) => n.toFixed(n < 100 ? 1 : 0);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  const worst = isFloor ? sorted[0] : sorted.at(-1);
  const holds = bound === null ? '' : (isFloor ? median >= bound : median <= bound) ? 'yes' : 'no';
  rows.push(`| ${what} | ${bound === null ? '' : `${isFloor ? '≥' : '≤'} ${bound} ${unit}`} | ${digits(median)} ${unit} | ${digits(worst)} ${unit} | ${values.length} | ${holds} |`);
}

/** Bytes of an answer as it is sent to a client that takes gzip. */
const sent = (url) =>
  new Promise((done, failed) => {
    request(url, { headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
      let bytes = 0;
      response.on('data', (piece) => (bytes += piece.length)).on('end', () => done(bytes));
    }).on('error', failed).end();
  });

async function finished(server, project, job) {
  job = await server.api('POST', `/projects/${project}/jobs`, job);
  while (!job.finished) job = await server.api('GET', `/projects/${project}/jobs/${job.id}`);
  if (job.state !== 'success') throw new Error(job.error);
  return job;
}

/** A ball with a gyroid cut out of it, `n` samples on each axis, as bytes. */
const volume = (n) => ({
  operators: [
    { type: 'GenerateSamplePoints', parameters: { offset: [-20, -20, -20], size: [40, 40, 40], resolution: [n, n, n] } },
    { type: 'SampleBox', parameters: { shape_type: 'Ellipsoid', size: [36, 36, 36] } },
    { type: 'SampleSurfaceLattice', parameters: { lattice_type: 'Gyroid', scale: [12, 12, 12] } },
    { type: 'CSG', parameters: { operation: 'Intersect' } },
    { type: 'Threshold', parameters: { width: 0.8 } },
  ],
  edges: [
    { source: 0, target: [1, 'Points'] },
    { source: 0, target: [2, 'Points'] },
    { source: 1, target: [3, 'A'] },
    { source: 2, target: [3, 'B'] },
    { source: 3, target: [4, 'Samples'] },
  ],
});

/** A page without anything kept from before, that notes what happens. */
async function fresh(browser, server, path) {
  const page = await open(browser, server, '/healthz');
  await page.addInitScript(watch);
  await page.goto(path);
  return page;
}

async function firstPaint({ browser, server }) {
  const [paints, projects, packed] = [[], [], []];
  for (let i = 0; i < RUNS; i++) {
    const page = await fresh(browser, server, '/');
    await page.getByRole('button', { name: 'New project' }).first().waitFor();
    await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length);
    const { paint, there, names } = await page.evaluate(() => ({
      there: window.figures.moments.projects,
      paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      names: performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => /\/app\/[^/]+\.(js|css)$/.test(name)),
    }));
    paints.push(paint);
    projects.push(there);
    if (i === 0) {
      let bytes = await sent(server.url + '/');
      for (const name of names) bytes += await sent(name);
      packed.push(bytes / 1000);
    }
    await page.context().close();
  }
  tell('first route, packed by gzip', 'kB', 40, packed);
  tell('first paint', 'ms', 300, paints);
  tell('the list of projects in the page', 'ms', null, projects);
}

/** Chooses a file in the list: how long after the click its coarse picture and all of it were there. */
async function chosen(page, project, asset) {
  const link = page.locator(`a[href="/p/${project}/a/${asset}"]`).first();
  await link.waitFor();
  await link.evaluate((element) => {
    window.figures.clicked = performance.now();
    element.click();
  });
  await page.waitForFunction(() => window.figures.moments.whole, null, { timeout: 60_000 });
  const { clicked, moments } = await page.evaluate(() => ({ clicked: window.figures.clicked, moments: window.figures.moments }));
  return { coarse: moments.coarse - clicked, whole: moments.whole - clicked };
}

async function volumes({ browser, server, project }) {
  const { outputs } = await finished(server, project, { type: 'implicit/evaluate', parameters: { graph: volume(SIDE) } });
  const asset = outputs.assets.volume.id;
  const [coarse, atOnce, whole, fromAddress, rates, still] = [[], [], [], [], [], []];
  for (let i = 0; i < RUNS; i++) {
    // From the click in the list of files: as soon as it is there, and when the page has come to rest.
    const hasty = await fresh(browser, server, `/p/${project}`);
    atOnce.push((await chosen(hasty, project, asset)).coarse);
    await hasty.context().close();
    const page = await fresh(browser, server, `/p/${project}`);
    await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => /\/View-[^/]*\.js/.test(name)));
    await page.evaluate(() => new Promise((rested) => requestIdleCallback(() => requestIdleCallback(rested))));
    const moments = await chosen(page, project, asset);
    coarse.push(moments.coarse);
    whole.push(moments.whole);
    if (i < 3) {
      const { rate, after } = await page.evaluate(turn, TURNING);
      rates.push(rate);
      still.push(after);
    }
    await page.context().close();
    const direct = await fresh(browser, server, `/p/${project}/a/${asset}`);
    await direct.waitForFunction(() => window.figures.moments.whole, null, { timeout: 60_000 });
    fromAddress.push(await direct.evaluate(() => window.figures.moments.whole));
    await direct.context().close();
  }
  tell(`coarse picture of ${SIDE}³ int8, from the click`, 'ms', 300, coarse);
  tell('the same, clicked before the page was at rest', 'ms', null, atOnce);
  tell(`all of ${SIDE}³ int8, from the click`, 'ms', 1500, whole);
  tell('the same from its address, page and all', 'ms', null, fromAddress);
  tell('frames in a second while it turns', '', 25, rates, true);
  tell('full picture after the last movement', 'ms', 250, still);
}

/** In the page: turns the picture by keys, a step a frame; the rate of frames, and how long the full one takes after the last. */
async function turn(milliseconds) {
  const canvas = document.querySelector('canvas');
  const { frames } = window.figures;
  const settled = () => new Promise((done) => setTimeout(done, 600));
  await settled();
  const full = frames.at(-1).width;
  const begun = performance.now();
  const before = frames.length;
  let last = begun;
  while (last - begun < milliseconds) {
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, cancelable: true }));
    last = performance.now();
    await new Promise(requestAnimationFrame);
  }
  const rate = (frames.length - before) / ((performance.now() - begun) / 1000);
  while (!frames.some(({ at, width }) => at > last && width === full)) await new Promise(requestAnimationFrame);
  return { rate, after: frames.find(({ at, width }) => at > last && width === full).at - last };
}

async function jobs({ browser, server, project }) {
  const page = await fresh(browser, server, `/p/${project}`);
  await page.locator('.job').first().waitFor();
  const late = [];
  for (let i = 0; i < RUNS; i++) {
    // Others than before, or their results would be given again at once.
    const job = await server.api('POST', `/projects/${project}/jobs`, { type: 'implicit/evaluate', parameters: { graph: volume(40 + i) } });
    // The answers of a read are those of the ledger: the first that says so is later than the ledger, by one round trip at most.
    let [known, state] = [0, job.state];
    while (state !== 'success') {
      known = Date.now();
      ({ state } = await server.api('GET', `/projects/${project}/jobs/${job.id}`));
      if (state === 'failure') throw new Error('the job failed');
    }
    await page.waitForFunction((id) => window.figures.jobs[id], job.id);
    late.push(Math.max(0, (await page.evaluate((id) => window.figures.jobs[id], job.id)) - known));
  }
  await page.context().close();
  tell('state of a job on screen after the ledger', 'ms', 200, late);
}

const server = await startServer(binary);
const browser = await startBrowser(chromium);
try {
  const project = (await server.api('POST', '/projects', { name: 'Figures' })).id;
  const context = { server, browser, project };
  await firstPaint(context);
  await volumes(context);
  await jobs(context);
  console.log(`Chromium ${browser.version()}, SwiftShader, ${cpus().length} cores (${cpus()[0].model}), 1280 × 800.\n`);
  console.log('| what | aim | median | worst | runs | holds |\n|---|---|---|---|---|---|\n' + rows.join('\n'));
} finally {
  await browser.close();
  await server.end();
}
