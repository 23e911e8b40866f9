// Every page in light, dark and narrow: no violation that axe-core knows, nothing wider than the window; pictures of them when asked for.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { open } from '../harness.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LOOKS = {
  light: {},
  dark: { colorScheme: 'dark' },
  narrow: { viewport: { width: 360, height: 740 } },
};
/** Name, address and what is there once the page is ready. */
const pages = ({ project, failed, jobs, mesh, volume, graphs, warned, plate, slices, layers }) => [
  ['sign-in', '/', 'API key', { key: null }],
  ['projects', '/', 'New project'],
  ['project', `/p/${project}`, 'part.stl'],
  ['run', `/p/${project}/run?from=${jobs.at(-1)}`, 'The same from elsewhere'],
  ['start', `/p/${project}/start`, 'Definition (YAML)'],
  ['job', `/p/${project}/j/${jobs.at(-1)}`, 'Outputs'],
  ['job-failed', `/p/${project}/j/${failed}`, 'Why it failed'],
  ['workflow', `/p/${project}/w/1`, 'preprocess'],
  ['graph', `/p/${graphs}/graph`, 'values: '],
  ['view-mesh', `/p/${project}/a/${mesh}`, 'Triangles'],
  ['guide', '/guide', 'Install'],
  ['guide-operators', '/guide/operators', 'Surface lattices'],
  ['view-warnings', `${warned}#c=-50,25,1.66,0,0,0&s=x0`, 'Choose a place'],
  ['view-thickness', `/p/${project}/a/${plate}#c=-50,25,1.2,0,0,0&t=4,1`, 'thinner than 1 mm'],
  ['layers', `${slices}#layer=17`, 'Drag to move'],
  ['layers-volume', `${layers}#layer=17`, 'Drag to move'],
  ['view-volume', `/p/${project}/a/${volume}#c=-50,25,1.66,3,3,3&s=y3fv`, 'Samples'],
];

/** What axe-core finds wrong with the page as it is. */
export async function violationsOf(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`);
}

async function looksRight(context, [name, address, ready, options], [look, how]) {
  const page = await open(context.browser, context.server, address, { ...how, ...options });
  await page.getByText(ready).first().waitFor();
  const told = await violationsOf(page);
  if (context.pictures) await page.screenshot({ path: join(context.pictures, `${name}-${look}.png`) });
  assert.deepEqual(told, [], `${name}, ${look}`);
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(tooWide <= 0, `${name}, ${look}: ${tooWide} pixels wider than the window`);
  assert.deepEqual([page.strays, page.faults], [[], []], name);
  await page.context().close();
}

export const checks = Object.entries(LOOKS).map((look) => ({
  name: `every page can be used by everyone, ${look[0]}`,
  async run(context) {
    context.jobs ??= (await context.server.api('GET', `/projects/${context.project}/workflows/1`)).jobs;
    for (const page of pages(context)) await looksRight(context, page, look);
  },
}));
