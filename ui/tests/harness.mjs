// What the browser's checks share: a server of their own on a free port, a browser, people who are signed in, and a verdict per check.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

/** `fieldstone serve` over an empty folder, ended by `end()`. */
export async function startServer(binary) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldstone-browser-'));
  const data = join(folder, 'data');
  const server = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data', data], { stdio: ['ignore', 'ignore', 'pipe'] });
  const log = [];
  const url = await new Promise((found, failed) => {
    createInterface(server.stderr).on('line', (line) => {
      log.push(line);
      const address = /listening on (http:\/\/[^\s/]+)/.exec(line);
      if (address) found(address[1]);
    });
    server.on('exit', () => failed(new Error('the server does not start:\n' + log.join('\n'))));
  });
  const key = execFileSync(binary, ['keys', 'create', '--name', 'browser', '--data', data], { encoding: 'utf8' }).trim();
  const ended = new Promise((done) => server.on('exit', done));
  const end = async () => {
    server.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, key, log, end, api: (method, path, body) => call(url, key, method, path, body) };
}

/** Calls the API beside the browser. */
async function call(url, key, method, path, body) {
  const isForm = body instanceof FormData;
  const headers = { Authorization: `Bearer ${key}`, ...(body && !isForm ? { 'Content-Type': 'application/json' } : {}) };
  const response = await fetch(url + path, { method, headers, body: body && !isForm ? JSON.stringify(body) : body });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Debian's Chromium, or the one that CHROMIUM names; null where there is none. */
export function chromiumPath() {
  for (const name of [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].filter(Boolean)) {
    try {
      return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
    } catch {
      // The next name.
    }
  }
  return null;
}

export const startBrowser = (path) =>
  chromium.launch({
    executablePath: path,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });

/** A page of its own session, signed in unless `key` is null; requests that leave the server are noted in `page.strays`. */
export async function open(browser, server, path, { key = server.key, ...options } = {}) {
  const context = await browser.newContext({ baseURL: server.url, viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  if (key) await context.addInitScript((k) => sessionStorage.setItem('fieldstone.key', k), key);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.strays = [];
  page.faults = [];
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(server.url)) page.strays.push(request.url());
  });
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) page.faults.push(message.text());
  });
  await page.goto(path);
  return page;
}

/** A binary STL of a tetrahedron with edges along the axes, 10 mm. */
export function tetrahedron() {
  const [o, x, y, z] = [[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]];
  const faces = [[o, y, x], [o, x, z], [o, z, y], [x, y, z]];
  const bytes = Buffer.alloc(84 + 50 * faces.length);
  bytes.writeUInt32LE(faces.length, 80);
  faces.forEach((face, i) => face.flat().forEach((n, k) => bytes.writeFloatLE(n, 84 + 50 * i + 12 + 4 * k)));
  return bytes;
}
