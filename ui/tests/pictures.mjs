// The guide's pictures of the app's pages, taken of a server with a part, jobs, a workflow and a graph: pictures.mjs BINARY [FOLDER], by default docs/app.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chromiumPath, open, startBrowser, startServer } from './harness.mjs';

const [binary, folder = new URL('../../docs/app', import.meta.url).pathname] = process.argv.slice(2);
const chromium = chromiumPath();
if (!binary || !chromium) {
  console.error(binary ? 'no Chromium (Debian: apt-get install chromium)' : 'usage: pictures.mjs BINARY [FOLDER]');
  process.exit(2);
}
const root = new URL('../..', import.meta.url).pathname;
const server = await startServer(binary);
const browser = await startBrowser(chromium);

/** A command of the program against the server, and what it prints. */
const call = (...words) =>
  execFileSync(binary, words, { cwd: root, encoding: 'utf8', env: { ...process.env, FIELDSTONE_SERVER: server.url, FIELDSTONE_TOKEN: server.key } }).trim();
/** One that is meant to fail. */
const attempt = (...words) => {
  try {
    call(...words);
  } catch {
    // As it should.
  }
};

/** A page as it stands once `ready` has come. */
async function shoot(name, path, ready, options) {
  const page = await open(browser, server, path, { viewport: { width: 1280, height: 800 }, ...options });
  await ready(page);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: `${folder}/${name}.png` });
  console.log(`${name}.png`);
  await page.context().close();
}
/** All small pictures have come. */
const drawn = (page, count) => page.waitForFunction((n) => [...document.images].filter((image) => image.naturalWidth > 0).length >= n, count, { timeout: 60_000 });

try {
  const project = call('projects', 'create', 'Brackets');
  call('projects', 'create', 'Heat sink');
  call('assets', 'cp', 'testdata/parts/bracket.stl', 'Brackets:bracket.stl');
  const of = ['--project', 'Brackets', '--wait'];
  attempt('jobs', 'run', 'export_slices', ...of, '--param', 'graph={"operators":[{"type":"SampleBox"}],"edges":[]}', '--param', 'layer_height=0.2');
  const job = JSON.parse(call('jobs', 'run', 'implicit/from-mesh', ...of, '--input', 'mesh=bracket.stl', '--param', 'resolution=96', '--json'));
  const workflow = JSON.parse(call('workflows', 'run', 'docs/sample-mesh.yaml', ...of, '--input', 'preprocess.mesh=bracket.stl', '--param', 'sample-mesh.resolution=64', '--json'));
  const graph = JSON.parse(readFileSync(`${root}docs/infill.json`, 'utf8').replaceAll('"part"', '"bracket.stl"').replace('[209, 169, 159]', '[105, 85, 80]'));
  await server.api('PATCH', `/projects/${project}`, { graph });

  await shoot('sign-in', '/', (page) => page.getByLabel('API key').waitFor(), { key: null });
  await shoot('projects', '/', async (page) => {
    await page.getByRole('link', { name: 'Brackets' }).waitFor();
    await drawn(page, 2);
  });
  await shoot('project', `/p/${project}`, async (page) => {
    await page.locator('.job .badge.success').first().waitFor();
    await drawn(page, 5);
  });
  await shoot('run', `/p/${project}/run?from=${job.id}`, (page) => page.getByText('Resolution', { exact: false }).first().waitFor());
  await shoot('job', `/p/${project}/j/${job.id}`, (page) => page.locator('.badge.success').first().waitFor());
  await shoot('workflow', `/p/${project}/w/${workflow.id}`, (page) => page.locator('.badge.success').nth(6).waitFor());
  await shoot('start', `/p/${project}/start`, (page) => page.locator('textarea, .cm-editor, form').first().waitFor());
  const seen = (page) => page.locator('[data-shown^="128x"]').waitFor({ timeout: 120_000 });
  await shoot('graph', `/p/${project}/graph`, seen);
  await shoot('library', `/p/${project}/graph`, async (page) => {
    await seen(page);
    await page.getByRole('button', { name: 'Library…' }).click();
    await page.getByRole('dialog').waitFor();
    await drawn(page, 6);
  });
  await shoot('narrow', `/p/${project}`, (page) => drawn(page, 5), { viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
} finally {
  await browser.close();
  await server.end();
}
