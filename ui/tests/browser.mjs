// The app in a real browser against a real server: browser.mjs BINARY [FOLDER FOR PICTURES [WORDS OF A CHECK'S NAME…]]. Prints a verdict per check.
import { mkdirSync } from 'node:fs';
import { chromiumPath, startBrowser, startServer } from './harness.mjs';
import * as access from './checks/access.mjs';
import * as firefox from './checks/firefox.mjs';
import * as graph from './checks/graph.mjs';
import * as layers from './checks/layers.mjs';
import * as live from './checks/live.mjs';
import * as looks from './checks/looks.mjs';
import * as beside from './checks/pages.mjs';
import * as signIn from './checks/sign-in.mjs';
import * as view from './checks/view.mjs';
import * as work from './checks/work.mjs';

// Checks whose names have all these words, or all of them.
const [binary, pictures, ...only] = process.argv.slice(2);
const chromium = chromiumPath();
if (!chromium) {
  console.log('left out: the app in a browser, without Chromium (Debian: apt-get install chromium)');
  process.exit(0);
}
if (pictures) mkdirSync(pictures, { recursive: true });
const server = await startServer(binary);
const browser = await startBrowser(chromium);
const context = { server, browser, binary, pictures };
let failed = 0;
let count = 0;
try {
  const all = [access, signIn, work, live, view, layers, graph, beside, firefox, looks].flatMap((kind) => kind.checks).filter(({ name }) => only.every((word) => name.includes(word)));
  for (const check of all) {
    count += 1;
    try {
      await check.run(context);
      console.log(`ok app: ${check.name}`);
    } catch (error) {
      failed += 1;
      console.error(error.stack);
      console.log(`FAIL app: ${check.name}: ${String(error.message).split('\n')[0]}`);
    } finally {
      await Promise.all(browser.contexts().map((one) => one.close()));
    }
  }
} finally {
  await browser.close();
  await server.end();
}
console.log(`browser.mjs: ${count - failed} of ${count} checks hold`);
process.exit(failed > 0 ? 1 : 0);
