// News of a project: as they happen, after the server was away, and where there is no stream of events.
import assert from 'node:assert/strict';
import { open } from '../harness.mjs';

/** A job of a type that nobody knows: it fails at once, which is enough to be seen. */
const dispatch = (server, project, name) => server.api('POST', `/projects/${project}/jobs`, { type: 'nobody/knows', name });
const upload = (server, project, name) => {
  const form = new FormData();
  form.set('file', new Blob(['solid']), name);
  return server.api('POST', `/projects/${project}/assets`, form);
};
const list = (page) => page.getByRole('list', { name: 'Jobs, newest first' });

/** A project's page, the requests that it has made, and the moment when its stream has begun and the lists are read. */
async function look({ browser, server, project }) {
  const page = await open(browser, server, '/');
  const asked = [];
  page.on('request', (request) => asked.push(request));
  const settled = page.waitForResponse((response) => response.url().endsWith('/events'));
  await page.goto(`/p/${project}`);
  await settled;
  await page.getByText('part.stl', { exact: true }).waitFor();
  await page.waitForLoadState('domcontentloaded');
  const of = (ending) => asked.filter((request) => ending.test(request.url()));
  return { page, of };
}

export const checks = [
  {
    name: 'jobs and files of others come and go on one stream, and no list is read again for them',
    async run(context) {
      const { server, project } = context;
      const { page, of } = await look(context);
      const job = await dispatch(server, project, 'made-elsewhere');
      const row = list(page).getByRole('listitem').filter({ hasText: 'made-elsewhere' });
      await row.locator('.badge.failure').waitFor({ timeout: 60_000 });
      const lists = of(/\/(jobs|assets|workflows)\?/).length;
      const file = await upload(server, project, 'sent-elsewhere.obj');
      await page.getByText('sent-elsewhere.obj', { exact: true }).waitFor();
      await server.remove(`/projects/${project}/assets/${file.id}`);
      await page.getByText('sent-elsewhere.obj', { exact: true }).waitFor({ state: 'detached' });
      await server.remove(`/projects/${project}/jobs/${job.id}`);
      await row.waitFor({ state: 'detached' });
      assert.equal(of(/\/(jobs|assets|workflows)\?/).length, lists, 'lists were read again');
      assert.equal(of(/\/events$/).length, 1, 'more than one stream');
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'the server is stopped and started again under a page, which says so and goes on without being loaded again',
    async run(context) {
      const { server, project } = context;
      const { page, of } = await look(context);
      await page.evaluate(() => (window.sameAsBefore = true));
      await server.stop();
      await page.getByText('No news from the server at the moment').waitFor();
      await server.startAgain();
      // Nobody told the page of this one, unless the stream is back already: it must read the lists.
      const away = await dispatch(server, project, 'while-away');
      await list(page).getByText('while-away').waitFor({ timeout: 60_000 });
      await page.getByText('No news from the server at the moment').waitFor({ state: 'detached' });
      const later = await dispatch(server, project, 'afterwards');
      await list(page).getByText('afterwards').waitFor();
      assert.equal(await page.evaluate(() => window.sameAsBefore), true);
      const streams = of(/\/events$/);
      assert.equal((await streams[0].allHeaders())['last-event-id'], undefined);
      assert.match((await streams.at(-1).allHeaders())['last-event-id'], /^[0-9a-f]{16}-\d+$/);
      for (const job of [away, later]) await server.remove(`/projects/${project}/jobs/${job.id}`);
      assert.deepEqual(page.strays, []);
    },
  },
  {
    name: 'two tabs of one person show the same: what is done in one is seen in the other, and undone',
    async run(context) {
      const { server, project } = context;
      const { page: one } = await look(context);
      const two = await one.context().newPage();
      await two.goto(`/p/${project}`);
      await two.getByText('part.stl', { exact: true }).waitFor();
      await one.locator('input[type=file]').setInputFiles({ name: 'both.obj', mimeType: 'model/obj', buffer: Buffer.from('solid') });
      for (const tab of [one, two]) await tab.getByText('both.obj', { exact: true }).waitFor();
      // A delete waits in its own tab until it can no longer be undone: the other is told when it is done.
      await one.getByRole('button', { name: 'Delete both.obj' }).click();
      await one.getByText('both.obj', { exact: true }).waitFor({ state: 'detached' });
      await one.getByRole('button', { name: 'Undo' }).click();
      await one.getByText('both.obj', { exact: true }).waitFor();
      assert.equal(await two.getByText('both.obj', { exact: true }).count(), 1);
      await two.getByRole('button', { name: 'Delete both.obj' }).click();
      await two.getByRole('button', { name: 'Dismiss' }).click();
      for (const tab of [one, two]) await tab.getByText('both.obj', { exact: true }).waitFor({ state: 'detached' });
      const job = await dispatch(server, project, 'in-both');
      for (const tab of [one, two]) await list(tab).getByText('in-both').waitFor();
      await server.remove(`/projects/${project}/jobs/${job.id}`);
      for (const tab of [one, two]) await list(tab).getByText('in-both').waitFor({ state: 'detached' });
      assert.deepEqual([one.strays, one.faults], [[], []]);
    },
  },
  {
    name: 'where the stream is refused, the page asks for news by itself',
    async run({ browser, server, project }) {
      const page = await open(browser, server, '/');
      const refusal = page.waitForResponse((response) => response.url().endsWith('/events') && response.status() === 403);
      await page.route(/\/events$/, (route) => route.fulfill({ status: 403, json: { description: 'no' } }));
      await page.goto(`/p/${project}`);
      await refusal;
      await page.getByText('part.stl', { exact: true }).waitFor();
      const job = await dispatch(server, project, 'seen-by-asking');
      await list(page).getByText('seen-by-asking').waitFor();
      await server.remove(`/projects/${project}/jobs/${job.id}`);
    },
  },
];
