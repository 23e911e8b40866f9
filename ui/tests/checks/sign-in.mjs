// Signing in at an issuer: the whole way there and back, what may go wrong on it, and the end of what it gave.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { open, startServer } from '../harness.mjs';
import { startIssuer } from '../issuer.mjs';
import { violationsOf } from './looks.mjs';

const AUDIENCE = 'https://fields.example/';

/** Runs with an issuer and a server that trusts it, for the app as its client. */
export async function between({ binary }, run, before = () => {}) {
  const issuer = await startIssuer();
  before(issuer);
  const server = await startServer(binary, ['--issuer', issuer.url, '--audience', AUDIENCE, '--issuer-client', issuer.client]);
  issuer.redirect = server.url + '/';
  try {
    await run(issuer, server);
  } finally {
    await server.end();
    issuer.end();
  }
}

const offer = (page, issuer) => page.getByRole('button', { name: `Sign in with ${new URL(issuer.url).host}` });
const kept = (page, name) => page.evaluate((name) => sessionStorage.getItem(name), name);

/** Signs in from the page that is open. */
async function goIn(page, issuer) {
  await offer(page, issuer).click();
  await page.getByRole('link', { name: 'Allow' }).click();
}
/** Changes what is remembered of the token. */
const change = (page, grant) =>
  page.evaluate((grant) => {
    const all = { ...JSON.parse(sessionStorage.getItem('fieldstone.grant')), ...grant };
    sessionStorage.setItem('fieldstone.grant', JSON.stringify(all));
  }, grant);

export const checks = [
  {
    name: 'people sign in at an issuer, come back to their page, and the app asks the issuer for tokens alone',
    run: (context) =>
      between(context, async (issuer, server) => {
        const page = await open(context.browser, server, '/p/7/nowhere?x=1#here', { key: null });
        await goIn(page, issuer);
        await page.getByRole('heading', { name: 'There is no such page.' }).waitFor();
        assert.equal(page.url(), `${server.url}/p/7/nowhere?x=1#here`);
        const [asked] = issuer.asked;
        assert.deepEqual([asked.audience, asked.prompt], [AUDIENCE, undefined]);
        assert(asked.scope.split(' ').includes('jobs:write') && asked.state.length >= 20, JSON.stringify(asked));
        assert.notEqual(issuer.forms[0].code_verifier, asked.code_challenge);
        assert.equal(await kept(page, 'fieldstone.sign-in'), null);
        assert.equal(await page.evaluate(() => localStorage.length), 0);
        await page.getByRole('link', { name: 'Go to the projects' }).click();
        await page.getByRole('button', { name: 'New project' }).first().click();
        await page.getByRole('textbox', { name: 'Name' }).fill('Of Ida');
        const made = page.waitForResponse((r) => r.request().method() === 'POST' && r.url() === server.url + '/projects');
        await page.keyboard.press('Enter');
        assert.equal((await (await made).json()).user, 'ida');
        // Of all that is at the issuer, the page can reach one address: the browser does not send the others.
        const reached = (address) => page.evaluate((address) => fetch(address, { method: 'POST' }).then(() => true, () => false), address);
        assert.deepEqual([await reached(issuer.url + 'token'), await reached(issuer.url + 'keys'), await reached(issuer.url)], [true, false, false]);
        assert.deepEqual(new Set(page.strays.map((url) => url.replace(/\?.*/, ''))), new Set([issuer.url + 'authorize', issuer.url + 'token']));
      }),
  },
  {
    name: 'a token of the issuer is renewed before it ends, and who signs out is asked by the issuer the next time',
    run: (context) =>
      between(context, async (issuer, server) => {
        const page = await open(context.browser, server, '/', { key: null });
        await goIn(page, issuer);
        await page.getByRole('heading', { name: 'Projects' }).waitFor();
        const first = await kept(page, 'fieldstone.key');
        await change(page, { renewAt: 0 });
        await page.reload();
        await page.getByText('No projects yet').waitFor();
        assert.deepEqual(issuer.forms.map((form) => form.grant_type), ['authorization_code', 'refresh_token']);
        assert.notEqual(await kept(page, 'fieldstone.key'), first);
        // The one that came with it is another: the first counted once.
        await change(page, { renewAt: 0 });
        await page.reload();
        await page.getByText('No projects yet').waitFor();
        assert.equal(issuer.forms.length, 3);
        assert.notEqual(issuer.forms[2].refresh_token, issuer.forms[1].refresh_token);
        await page.getByRole('button', { name: 'Sign out' }).click();
        await offer(page, issuer).waitFor();
        assert.deepEqual([await kept(page, 'fieldstone.key'), await kept(page, 'fieldstone.grant')], [null, null]);
        await goIn(page, issuer);
        await page.getByText('No projects yet').waitFor();
        assert.deepEqual(issuer.asked.map((asked) => asked.prompt), [undefined, 'login']);
        assert.deepEqual(page.faults, []);
      }),
  },
  {
    name: 'who signs out is signed out at the issuer, too, where it ends sessions, and comes back from there',
    run: (context) =>
      between(
        context,
        async (issuer, server) => {
          const page = await open(context.browser, server, '/', { key: null });
          await goIn(page, issuer);
          await page.getByRole('heading', { name: 'Projects' }).waitFor();
          // A token that is renewed without another word on the session belongs to the same one.
          issuer.gives.answer = { id_token: undefined };
          await change(page, { renewAt: 0 });
          await page.reload();
          await page.getByText('No projects yet').waitFor();
          await page.getByRole('button', { name: 'Sign out' }).click();
          await page.getByRole('link', { name: 'Back' }).click();
          await offer(page, issuer).waitFor();
          assert.equal(page.url(), server.url + '/');
          assert.deepEqual(issuer.left, [{ tenant: '1', client_id: issuer.client, post_logout_redirect_uri: issuer.redirect, id_token_hint: 'of-ida' }]);
          assert.deepEqual([await kept(page, 'fieldstone.key'), await kept(page, 'fieldstone.grant')], [null, null]);
          assert.deepEqual(page.faults, []);
        },
        (issuer) => (issuer.endsSessions = true),
      ),
  },
  {
    name: 'a sign-in that is over is said, by the app or by the server, and leads back to the page',
    run: (context) =>
      between(context, async (issuer, server) => {
        const page = await open(context.browser, server, '/', { key: null });
        const over = page.getByText('Your sign-in has ended.');
        await goIn(page, issuer);
        await page.getByText('No projects yet').waitFor();
        // Without a way to renew it.
        await change(page, { refresh: undefined, renewAt: 0, ends: 0 });
        await page.goto('/?sort=name%3A1');
        await over.waitFor();
        assert.equal(await kept(page, 'fieldstone.key'), null);
        await goIn(page, issuer);
        await page.getByText('No projects yet').waitFor();
        assert.equal(page.url(), `${server.url}/?sort=name%3A1`);
        // The issuer does not renew it.
        await change(page, { refresh: 'spent', renewAt: 0 });
        await page.reload();
        await over.waitFor();
        await goIn(page, issuer);
        await page.getByText('No projects yet').waitFor();
        // The server finds that it has ended.
        const ended = issuer.token(issuer.asked[0], { exp: Math.floor(Date.now() / 1000) - 60 });
        await page.evaluate((token) => sessionStorage.setItem('fieldstone.key', token), ended);
        await page.reload();
        await over.waitFor();
        assert.deepEqual(page.faults, []);
      }),
  },
  {
    name: 'what goes wrong at the issuer is said: no consent, another state, a code twice, a token for others, an old one',
    run: (context) =>
      between(context, async (issuer, server) => {
        const page = await open(context.browser, server, '/', { key: null });
        const host = new URL(issuer.url).host;
        const isOut = async (text) => {
          await page.getByRole('alert').getByText(text).waitFor();
          assert.deepEqual([await kept(page, 'fieldstone.key'), await kept(page, 'fieldstone.sign-in'), page.url()], [null, null, server.url + '/']);
        };
        await offer(page, issuer).click();
        await page.getByRole('link', { name: 'Deny' }).click();
        await isOut(`${host} did not let you in.`);
        await offer(page, issuer).click();
        const link = await page.getByRole('link', { name: 'Allow' }).getAttribute('href');
        await page.goto(link.replace(/state=[^&]*/, 'state=another'));
        await isOut('was not begun in this tab');
        // What was begun counts no more, nor does a link that somebody sends.
        await page.goto(link);
        await isOut('was not begun in this tab');
        await page.goto('/?error=access_denied&state=x');
        await isOut('was not begun in this tab');
        assert.equal(issuer.forms.length, 0, 'none of these codes is turned into a token');
        await offer(page, issuer).click();
        const used = await page.getByRole('link', { name: 'Allow' }).getAttribute('href');
        await page.context().request.post(issuer.url + 'token', { form: { client_id: issuer.client, grant_type: 'authorization_code', code: new URL(used).searchParams.get('code') } });
        await page.goto(used);
        await isOut(`${host} says: it is unknown, or was used`);
        for (const [claims, text] of [
          [{ aud: 'https://them.example/' }, `The server does not take what ${host} gave: token is not for the audience`],
          [{ exp: 1 }, `The server does not take what ${host} gave: token has expired`],
        ]) {
          issuer.gives.claims = claims;
          await goIn(page, issuer);
          await isOut(text);
        }
        assert.deepEqual(page.faults, []);
        for (const look of [{}, { colorScheme: 'dark' }, { viewport: { width: 360, height: 740 } }]) {
          const other = await open(context.browser, server, '/', { key: null, ...look });
          await offer(other, issuer).waitFor();
          assert.deepEqual(await violationsOf(other), []);
          if (context.pictures) await other.screenshot({ path: join(context.pictures, `sign-in-issuer-${look.colorScheme ?? (look.viewport ? 'narrow' : 'light')}.png`) });
        }
      }),
  },
  {
    name: 'while the issuer is away, that is said, and keys go on',
    run: (context) =>
      between(
        context,
        async (issuer, server) => {
          const page = await open(context.browser, server, '/', { key: null });
          await page.getByText('Signing in without a key is not possible at the moment').waitFor();
          assert.equal(await offer(page, issuer).count(), 0);
          await page.getByLabel('API key').fill(server.key);
          await page.keyboard.press('Enter');
          await page.getByRole('heading', { name: 'Projects' }).waitFor();
          assert.deepEqual([page.strays, page.faults], [[], []]);
        },
        (issuer) => (issuer.isDown = true),
      ),
  },
];
