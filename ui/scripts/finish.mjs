// Ends a build: brotli and gzip beside each file, a bound on how large all are, and `built.txt`, which says what was built of what.
// `cargo xtask test` holds both lists against the folders, so that what is committed is what the sources make.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const ui = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.env.FIELDSTONE_UI_OUT ?? join(ui, '../crates/server/app');
/** What changes nothing in the build. */
const ASIDE = new Set(['node_modules', 'tests', 'types', '.gitignore', 'README.md']);

function* files(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries) {
    if (folder === ui && ASIDE.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const listed = (folder) => [...files(folder)].map((path) => relative(folder, path).replaceAll('\\', '/')).sort();

/** Bytes of all files packed by gzip, at most: people wait for them. */
const MOST = 320_000;
/** And of the page with what it names. */
const MOST_AT_FIRST = 40_000;
const page = readFileSync(join(out, 'index.html'), 'utf8');
let [packed, first] = [0, 0];

for (const name of listed(out)) {
  const bytes = readFileSync(join(out, name));
  const brotli = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(join(out, name + '.br'), brotliCompressSync(bytes, { params: brotli }));
  const gzip = gzipSync(bytes, { level: 9 });
  packed += gzip.length;
  if (name === 'index.html' || page.includes(`"/${name}"`)) first += gzip.length;
  writeFileSync(join(out, name + '.gz'), gzip);
}
if (packed > MOST) throw new Error(`the app has ${packed} bytes packed, ${MOST} at most are for it`);
if (first > MOST_AT_FIRST) throw new Error(`the app's page has ${first} bytes packed, ${MOST_AT_FIRST} at most are for it`);
console.log(`${first} of ${MOST_AT_FIRST} bytes packed for the first page, ${packed} of ${MOST} bytes packed`);

const sources = listed(ui).map((name) => `${sha256(readFileSync(join(ui, name)))}  ${name}\n`);
const built = listed(out).map((name) => `${sha256(readFileSync(join(out, name)))}  ${name}\n`);
writeFileSync(join(out, 'built.txt'), `sources ${sha256(sources.join(''))}\n${built.join('')}`);
