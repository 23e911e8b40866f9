// Whether what is committed is what the sources make: compare.mjs BUILT COMMITTED.
// Plain files are compared byte for byte; packed ones are unpacked, because another release of zlib or brotli packs otherwise.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

const [built, committed] = process.argv.slice(2);
const names = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'built.txt')
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

const unpacked = (path) => {
  const bytes = readFileSync(path);
  if (path.endsWith('.br')) return brotliDecompressSync(bytes);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
};

const [want, have] = [names(built), names(committed)];
const problems = [
  ...want.filter((name) => !have.includes(name)).map((name) => `${name} is missing`),
  ...have.filter((name) => !want.includes(name)).map((name) => `${name} is built of nothing`),
  ...want
    .filter((name) => have.includes(name))
    .filter((name) => !unpacked(join(built, name)).equals(unpacked(join(committed, name))))
    .map((name) => `${name} is not what the sources make`),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error('build anew: cd ui && npm run build');
  process.exit(1);
}
console.log(`${want.length} files are what the sources make`);
