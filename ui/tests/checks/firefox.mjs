// A smoke in Firefox, where it is: signing in, a project, a volume in three dimensions and its layers.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firefoxPath, startFirefox } from '../firefox.mjs';
import { between } from './sign-in.mjs';

const path = firefoxPath();
if (!path) console.log('left out: the app in Firefox, which is not here (Debian: apt-get install firefox-esr)');

/** Waits in the page until there is something, and gives it. */
const until = (what) => `for (let found; ; await new Promise((on) => setTimeout(on, 20))) if ((found = ${what})) return found;`;
const signIn = `
  const input = document.querySelector('input[type=password]');
  input.value = $0;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  input.form.requestSubmit();`;
const drawn = `document.querySelector('[data-ready=true]') ? 'drawn' : document.body.innerText.includes('cannot draw in three dimensions') && 'no WebGL'`;

const smoke = {
  name: 'in Firefox, too, one signs in, sees a project, a volume in three dimensions and a layer of it',
  async run({ server, project, volume, pictures }) {
    const firefox = await startFirefox(path);
    try {
      await firefox.go(`${server.url}/p/${project}`);
      await firefox.evaluate(until("document.querySelector('input[type=password]') && 'asked'"));
      await firefox.evaluate(signIn, [server.key]);
      await firefox.evaluate(until("document.body.innerText.includes('part.stl') && 'seen'"));
      await firefox.go(`${server.url}/p/${project}/a/${volume}#c=-50,25,1.66,3,3,3&s=y3fv`);
      const view = await firefox.evaluate(until(drawn));
      if (pictures) writeFileSync(join(pictures, 'firefox.png'), await firefox.picture());
      // Without a graphics card and without Mesa it has no WebGL: then the page has said so.
      if (view !== 'drawn') console.log(`left out: three dimensions in Firefox: ${view} here`);
      await firefox.go(`${server.url}/p/${project}/a/${volume}/layers#layer=20`);
      const layer = await firefox.evaluate(until("/[0-9.]+ mm², .*/.exec(document.querySelector('aside')?.innerText ?? '')?.[0]"));
      assert.match(layer, /^[0-9.]+ mm², 1 outline$/);
    } finally {
      await firefox.end();
    }
  },
};

/** Asks page after page until one of them has something: while one goes to another there is nobody to ask. */
async function comes(firefox, what) {
  for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((on) => setTimeout(on, 50))) {
    const found = await firefox.evaluate(`return ${what}`).catch(() => null);
    if (found) return found;
  }
  throw new Error(`${what} does not come`);
}
const click = (kind, text) => `(() => { const found = [...document.querySelectorAll('${kind}')].find((one) => !one.disabled && one.innerText.startsWith('${text}')); found?.click(); return !!found; })()`;

const atIssuer = {
  name: 'in Firefox, too, people sign in at an issuer, come back, and are signed out there',
  run: (context) =>
    between(
      context,
      async (issuer, server) => {
        const firefox = await startFirefox(path);
        try {
          await firefox.go(`${server.url}/p/7/nowhere`);
          await comes(firefox, click('button', 'Sign in with'));
          await comes(firefox, click('a', 'Allow'));
          await comes(firefox, "document.body.innerText.includes('There is no such page.')");
          assert.equal(await firefox.evaluate('return location.href'), `${server.url}/p/7/nowhere`);
          assert.deepEqual(issuer.forms.map((form) => form.grant_type), ['authorization_code']);
          await comes(firefox, click('button', 'Sign out'));
          await comes(firefox, click('a', 'Back'));
          await comes(firefox, "[...document.querySelectorAll('button')].some((one) => one.innerText.startsWith('Sign in with'))");
          assert.deepEqual([issuer.left.length, await firefox.evaluate('return location.href')], [1, `${server.url}/`]);
        } finally {
          await firefox.end();
        }
      },
      (issuer) => (issuer.endsSessions = true),
    ),
};

export const checks = path ? [smoke, atIssuer] : [];
