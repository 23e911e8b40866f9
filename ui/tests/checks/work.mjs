// A project at work: files up and down, jobs by form, what failed and why, workflows, and lists that are long.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open, tetrahedron } from '../harness.mjs';

const WORKFLOW = `jobs:
  preprocess: {type: mesh/preprocess}
  sample: {type: implicit/from-mesh, needs: [preprocess], assets: {mesh: preprocess}, parameters: {resolution: 16}}
`;
const shell = (text) => `'${text}'`;
const sha256 = (bytes) => 'sha256:' + createHash('sha256').update(bytes).digest('hex');
const names = (server, project) => server.api('GET', `/projects/${project}/assets`).then((all) => all.map((a) => a.filename));

export const checks = [
  {
    name: 'a file goes up, comes down with the same bytes, and its delete can be undone',
    async run(context) {
      const { browser, server } = context;
      context.project = (await server.api('POST', '/projects', { name: 'Work' })).id;
      const page = await open(browser, server, `/p/${context.project}`);
      const file = { name: 'part.stl', mimeType: 'model/stl', buffer: tetrahedron() };
      await page.locator('input[type=file]').setInputFiles(file);
      await page.getByText('part.stl', { exact: true }).waitFor();
      // Its picture, here and for the project.
      const isDrawn = () => [...document.querySelectorAll('img')].some((img) => img.naturalWidth === 192);
      await page.waitForFunction(isDrawn, null, { timeout: 60_000 });
      const projects = await open(browser, server, '/');
      await projects.waitForFunction(isDrawn, null, { timeout: 60_000 });
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download part.stl' }).click();
      const saved = readFileSync(await (await download).path());
      assert.equal(sha256(saved), sha256(file.buffer));
      assert.equal((await download).suggestedFilename(), 'part.stl');
      await page.getByRole('button', { name: 'Delete part.stl' }).click();
      await page.getByText('No files yet').waitFor();
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('part.stl', { exact: true }).waitFor();
      assert.deepEqual(await names(server, context.project), ['part.stl']);
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'files are found by their names, jobs by type and state',
    async run({ browser, server }) {
      const { id } = await server.api('POST', '/projects', { name: 'Found' });
      for (const name of ['bracket.stl', 'lid.stl']) {
        const form = new FormData();
        form.append('file', new Blob([tetrahedron()]), name);
        await server.api('POST', `/projects/${id}/assets`, form);
      }
      const jobs = [
        { type: 'mesh/preprocess', assets: { mesh: 'lid.stl' } },
        { type: 'implicit/from-mesh', assets: { mesh: 'lid.stl' }, parameters: { resolution: 16 } },
        { type: 'sim/heat' },
      ];
      for (const job of jobs) await server.api('POST', `/projects/${id}/jobs`, job);
      const page = await open(browser, server, `/p/${id}`);
      await page.waitForFunction(() => document.querySelectorAll('.job .badge.success').length === 2 && document.querySelector('.job .badge.failure'), null, { timeout: 60_000 });
      await page.getByLabel('Find a file').fill('BRACK');
      await page.getByText('lid.stl', { exact: true }).waitFor({ state: 'detached' });
      await page.getByText('bracket.stl', { exact: true }).waitFor();
      const rows = (count) => page.waitForFunction((n) => document.querySelectorAll('.job').length === n, count);
      await page.getByLabel('Find by type').fill('from-mesh');
      await rows(1);
      await page.getByLabel('Find by type').fill('');
      await rows(3);
      await page.locator('select').selectOption('failure');
      await rows(1);
      assert.match(await page.locator('.job').innerText(), /sim\/heat/);
      assert.deepEqual([page.strays, page.faults], [[], []]);
      await page.close();
      await server.remove(`/projects/${id}`);
    },
  },
  {
    name: 'a file dropped on the page is uploaded; one that the server refuses says why and can be tried again',
    async run({ browser, server, project }) {
      const page = await open(browser, server, `/p/${project}`);
      await page.getByText('part.stl', { exact: true }).waitFor();
      const drop = (name) =>
        page.evaluate((filename) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(['solid x'], filename));
          window.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
        }, name);
      await drop('dropped.obj');
      await page.getByText('dropped.obj', { exact: true }).waitFor();
      await drop('x'.repeat(300) + '.obj');
      await page.getByRole('alert').getByText('255').waitFor();
      await page.getByRole('button', { name: /^Stop uploading/ }).click();
      assert.equal((await names(server, project)).length, 2);
    },
  },
  {
    name: 'an upload that is cut at half goes on where it was, also when the page is loaded anew and the file is chosen again',
    async run({ browser, server, project }) {
      const folder = mkdtempSync(join(tmpdir(), 'fieldstone-upload-'));
      const file = join(folder, 'large.bin');
      const bytes = Buffer.from(Uint8Array.from({ length: 6 << 20 }, (_, i) => i ^ (i >> 9)));
      writeFileSync(file, bytes);
      const page = await open(browser, server, `/p/${project}`);
      await page.getByText('part.stl', { exact: true }).waitFor();
      const sent = [];
      page.on('request', (request) => {
        if (request.method() === 'PATCH') sent.push(Number(request.headers()['upload-offset']));
      });
      const network = await page.context().newCDPSession(page);
      const limit = (uploadThroughput) =>
        network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
      const until = (done) => page.waitForFunction(done, null, { timeout: 60_000, polling: 20 });
      const choose = () => page.locator('input[type=file]').setInputFiles(file);
      await limit(2 << 20);
      await choose();
      await until(() => document.querySelector('.upload progress')?.value > 0.3);
      // The server is gone, and comes back.
      const again = page.waitForRequest((request) => request.method() === 'PATCH', { timeout: 60_000 });
      await server.stop();
      await server.startAgain();
      await again;
      await until(() => document.querySelector('.upload progress')?.value > 0.6);
      assert.deepEqual([sent.length, sent[0]], [2, 0]);
      assert(sent[1] > 1 << 20, `it went on at byte ${sent[1]}`);
      // The page goes, and what has come stays.
      await page.reload();
      await page.getByText('part.stl', { exact: true }).waitFor();
      await limit(-1);
      await choose();
      await page.getByText('large.bin', { exact: true }).waitFor();
      await page.locator('.upload').waitFor({ state: 'detached' });
      assert.equal(sent.length, 3);
      assert(sent[2] > sent[1], `it went on at byte ${sent[2]} after ${sent[1]}`);
      const [made] = await server.api('GET', `/projects/${project}/assets?q=filename:large.bin`);
      assert.equal(made.checksum, sha256(bytes));
      assert.deepEqual(await server.api('GET', `/projects/${project}/uploads`), []);
      assert.deepEqual(page.strays, []);
      await server.remove(`/projects/${project}/assets/${made.id}`);
      rmSync(folder, { recursive: true });
    },
  },
  {
    name: 'a job is run by the form, seen to its end, and offered as curl, Python and a command, which does the same',
    async run({ browser, server, binary, project }) {
      const page = await open(browser, server, `/p/${project}/run`);
      await page.getByLabel('Job type').fill('implicit/from-mesh');
      await page.getByLabel(/^mesh required/).fill('part.stl');
      await page.getByLabel('resolution', { exact: true }).fill('16');
      await page.getByLabel('component_type').selectOption('Byte');
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.locator('.badge.success').waitFor({ timeout: 60_000 });
      await page.getByText('patch_resolution').waitFor();
      assert.match(await page.locator('pre').last().innerText(), /curl -X POST .*jobs/);
      await page.getByRole('button', { name: 'Python' }).click();
      assert.match(await page.locator('pre').last().innerText(), /client\.jobs\.run\(\s+"implicit\/from-mesh"/);
      await page.getByRole('button', { name: 'Command line' }).click();
      const command = (await page.locator('pre').last().innerText()).replace(/^fieldstone/, shell(binary));
      const env = { ...process.env, FIELDSTONE_TOKEN: server.key };
      execFileSync('sh', ['-c', command], { env, stdio: 'pipe' });
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'a job that fails shows why, then its log, before all else',
    async run(context) {
      const { browser, server, project } = context;
      const job = await server.api('POST', `/projects/${project}/jobs`, { type: 'mesh/preprocess', assets: { mesh: 'dropped.obj' } });
      context.failed = job.id;
      const page = await open(browser, server, `/p/${project}`);
      await page.locator('.badge.failure').waitFor({ timeout: 60_000 });
      await page.goto(`/p/${project}/j/${job.id}`);
      await page.getByRole('heading', { name: 'Why it failed' }).waitFor();
      const headings = await page.locator('h2').allInnerTexts();
      assert.deepEqual(headings.slice(0, 2), ['Why it failed', 'Log']);
    },
  },
  {
    name: 'a workflow is started by the form, drawn and followed to its end, and started again with the same files and parameters',
    async run(context) {
      const { browser, server, project } = context;
      const page = await open(browser, server, `/p/${project}/start`);
      await page.getByLabel('Definition (YAML)').fill(WORKFLOW);
      await page.getByLabel('File').fill('part.stl');
      await page.getByRole('button', { name: 'Remove sample-mesh.resolution' }).click();
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.getByRole('heading', { name: 'Workflow 1' }).waitFor();
      await page.getByText('after preprocess').waitFor();
      // Each of its two jobs in the drawing and in the list, and the workflow itself.
      const done = () => document.querySelectorAll('.badge.success').length === 5;
      await page.waitForFunction(done, null, { timeout: 60_000 });
      const drawn = page.getByRole('navigation', { name: 'Jobs and what they need' }).getByRole('link');
      const [first, second] = await drawn.all();
      assert.match(await first.innerText(), /^preprocess\s+✓\s*done\s+(< )?\d+ s/);
      const [before, after] = [await first.boundingBox(), await second.boundingBox()];
      assert.ok(before.x + before.width < after.x, 'what is needed stands on the left');
      await page.getByText('2 of 2 jobs would be given the results that are there').waitFor();
      await page.getByRole('button', { name: 'Command line' }).click();
      await page.getByText("--input 'preprocess.mesh=part.stl'").waitFor();
      await page.getByRole('link', { name: 'Start again…' }).click();
      await page.waitForFunction(() => [...document.querySelectorAll('input')].some((input) => input.value === 'part.stl'));
      const filled = await page.locator('form input').evaluateAll((inputs) => inputs.map((input) => input.value));
      assert.deepEqual(filled, ['preprocess.mesh', 'part.stl', 'sample.resolution', '16']);
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.getByRole('heading', { name: 'Workflow 2' }).waitFor();
      await page.waitForFunction(done, null, { timeout: 60_000 });
      await second.click();
      await page.getByText('its results are reused').waitFor();
      const earlier = (await server.api('GET', `/projects/${project}/workflows/1`)).jobs[1];
      await page.locator('dl div', { hasText: 'Results reused from' }).getByRole('link', { name: `Job ${earlier}` }).waitFor();
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'a workflow that fails shows which job failed, why and its log, before all else',
    async run({ browser, server, project }) {
      const definition = 'jobs: {read: {type: mesh/preprocess}, then: {type: implicit/from-mesh, needs: [read], assets: {mesh: read}}}';
      const workflow = await server.api('POST', `/projects/${project}/workflows`, { definition, assets: { 'read.mesh': 'dropped.obj' } });
      const page = await open(browser, server, `/p/${project}/w/${workflow.id}`);
      await page.getByRole('heading', { name: 'Why read failed' }).waitFor({ timeout: 60_000 });
      assert.deepEqual((await page.locator('h2').allInnerTexts()).slice(0, 3), ['Why read failed', 'Log', 'Its jobs']);
      await page.locator('ol li.error').first().waitFor();
      const { error } = await server.api('GET', `/projects/${project}/jobs/${workflow.jobs[0]}`);
      assert.equal(await page.locator('section.error pre').innerText(), error);
      assert.deepEqual([page.strays, page.faults], [[], []]);
      await server.remove(`/projects/${project}/workflows/${workflow.id}`);
    },
  },
  {
    name: 'a job is canceled, from the list and on its own page, and those that need it with it',
    async run({ browser, server, project }) {
      const graph = {
        operators: [
          { type: 'GenerateSamplePoints', parameters: { size: [9, 9, 9], offset: [0, 0, 0], resolution: [320, 320, 320] } },
          { type: 'SampleSurfaceLattice', parameters: { lattice_type: 'Gyroid', scale: [1, 1, 1] } },
          { type: 'Redistance' },
        ],
        edges: [{ source: 0, target: [1, 'Points'] }, { source: 1, target: [2, 'Samples'] }],
      };
      const long = await server.api('POST', `/projects/${project}/jobs`, { type: 'implicit/evaluate', name: 'long', parameters: { graph } });
      const definition = JSON.stringify({ jobs: { first: { type: 'implicit/evaluate', parameters: { graph } }, then: { type: 'nobody/knows', needs: ['first'] } } });
      const workflow = await server.api('POST', `/projects/${project}/workflows`, { definition });
      const page = await open(browser, server, `/p/${project}`);
      const row = page.getByRole('list', { name: 'Jobs, newest first' }).getByRole('listitem').filter({ hasText: 'long' });
      await row.getByRole('button', { name: `Cancel job ${long.id}` }).click();
      await row.locator('.badge.canceled').waitFor();
      assert.equal(await row.getByRole('button').count(), 0);
      await page.goto(`/p/${project}/j/${workflow.jobs[0]}`);
      await page.getByRole('button', { name: 'Cancel the job' }).click();
      await page.locator('.badge.canceled').waitFor();
      const states = await Promise.all(workflow.jobs.map(async (id) => (await server.api('GET', `/projects/${project}/jobs/${id}`)).state));
      assert.deepEqual(states, ['canceled', 'canceled']);
      assert.equal((await server.api('GET', `/projects/${project}/workflows/${workflow.id}`)).state, 'canceled');
      assert.deepEqual([page.strays, page.faults], [[], []]);
      await server.remove(`/projects/${project}/workflows/${workflow.id}`);
      await server.remove(`/projects/${project}/jobs/${long.id}`);
    },
  },
  {
    name: 'ten thousand jobs scroll, and few of them are in the document',
    async run({ browser, server, project }) {
      const page = await open(browser, server, '/');
      const [example] = await server.api('GET', `/projects/${project}/jobs?limit=1`);
      // So many real jobs would take minutes to dispatch; the pages of the list are made up as the server would cut them.
      await page.route(/\/projects\/\d+\/jobs\?/, (route) => {
        const query = new URL(route.request().url()).searchParams;
        const first = Number(query.get('after') ?? 10_001) - 1;
        const count = Math.min(Number(query.get('limit')), query.has('q') ? 0 : first);
        const jobs = Array.from({ length: count }, (_, i) => ({ ...example, id: String(first - i), type: `type-${first - i}` }));
        const link = first > count && count > 0 ? { Link: '</next>; rel="next"' } : {};
        return route.fulfill({ json: jobs, headers: link });
      });
      await page.goto(`/p/${project}`);
      const list = page.getByRole('list', { name: 'Jobs, newest first' });
      await list.getByText('type-10000').waitFor();
      for (let have = 0, tries = 0; tries < 400 && !(await list.getByText('type-1', { exact: true }).count()); tries++) {
        await list.evaluate((frame) => (frame.scrollTop = frame.scrollHeight));
        await page.waitForFunction((n) => document.querySelector('[role=listitem]')?.getAttribute('aria-setsize') !== n, have, { timeout: 10_000 }).catch(() => {});
        have = await list.getByRole('listitem').first().getAttribute('aria-setsize');
      }
      await list.getByText('type-1', { exact: true }).waitFor();
      assert.equal(await list.getByRole('listitem').first().getAttribute('aria-setsize'), '10000');
      assert((await list.getByRole('listitem').count()) < 60);
    },
  },
];
