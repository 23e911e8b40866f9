// Who may in, projects, and that the page keeps to its server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from '../harness.mjs';

const ui = new URL('../..', import.meta.url).pathname;

export const checks = [
  {
    name: 'the app fits the document that the server gives',
    async run({ server }) {
      const folder = mkdtempSync(join(tmpdir(), 'fieldstone-types-'));
      const document = join(folder, 'openapi.json');
      writeFileSync(document, await (await fetch(server.url + '/openapi.json')).text());
      for (const part of ['src', 'tsconfig.json', 'package.json']) cpSync(join(ui, part), join(folder, part), { recursive: true });
      symlinkSync(join(ui, 'node_modules'), join(folder, 'node_modules'));
      const npx = (...words) => execFileSync('npx', words, { cwd: folder, stdio: 'pipe', encoding: 'utf8' });
      try {
        npx('openapi-typescript', document, '--output', 'types/schema.d.ts');
        npx('svelte-check', '--fail-on-warnings');
      } catch (error) {
        throw new Error(`the document has other shapes than the app reads: ${error.stdout}`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
  {
    name: 'a wrong key is refused by name, a right one is kept for the tab, signing out forgets it',
    async run({ browser, server }) {
      const page = await open(browser, server, '/', { key: null });
      await page.getByLabel('API key').fill('fst_wrong_key');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('The server does not know this key.').waitFor();
      await page.getByLabel('API key').fill(server.key);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Projects' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Projects' }).waitFor();
      assert.equal(await page.evaluate(() => localStorage.getItem('fieldstone.key')), null);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      assert.equal(await page.evaluate(() => sessionStorage.getItem('fieldstone.key')), null);
      assert.deepEqual(page.strays, []);
    },
  },
  {
    name: 'a project is made, named anew, deleted, and back again when that is undone',
    async run({ browser, server }) {
      const page = await open(browser, server, '/');
      await page.getByRole('button', { name: 'New project' }).first().click();
      await page.getByRole('textbox', { name: 'Name' }).fill('First');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'First' }).waitFor();
      await page.goBack();
      await page.getByRole('button', { name: 'Rename First' }).click();
      await page.getByRole('textbox', { name: 'Name' }).fill('Second');
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: 'Second' }).waitFor();
      await page.getByRole('button', { name: 'Delete Second' }).click();
      await page.getByRole('link', { name: 'Second' }).waitFor({ state: 'detached' });
      assert.equal((await server.api('GET', '/projects')).length, 1, 'not deleted before the time to undo is over');
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByRole('link', { name: 'Second' }).waitFor();
      await page.getByRole('button', { name: 'Delete Second' }).click();
      const gone = page.waitForResponse((r) => r.request().method() === 'DELETE');
      await page.getByRole('button', { name: 'Dismiss' }).click();
      await gone;
      assert.deepEqual(await server.api('GET', '/projects'), []);
      assert.deepEqual([page.strays, page.faults], [[], []]);
    },
  },
  {
    name: 'addresses that no page has say so, and the API answers its own as ever',
    async run({ browser, server }) {
      const page = await open(browser, server, '/p/7/nowhere');
      await page.getByRole('heading', { name: 'There is no such page.' }).waitFor();
      const response = await fetch(server.url + '/nothing');
      assert.equal(response.status, 404);
      assert.equal((await response.json()).name, 'Not Found');
    },
  },
];
