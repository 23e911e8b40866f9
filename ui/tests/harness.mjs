// What the browser's checks share: a server of their own on a free port, a browser, people who are signed in, and a verdict per check.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

/** `fieldstone serve` over an empty folder, with `more` words, ended by `end()`; between `stop()` and `startAgain()` nobody listens at its address. */
export async function startServer(binary, more = []) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldstone-browser-'));
  const data = join(folder, 'data');
  const log = [];
  let server;
  /** Starts it at an address and gives the one where it listens. */
  const start = (address) =>
    new Promise((found, failed) => {
      server = spawn(binary, ['serve', '--listen', address, '--data', data, ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
      createInterface(server.stderr).on('line', (line) => {
        log.push(line);
        const listening = /listening on (http:\/\/[^\s/]+)/.exec(line);
        if (listening) found(listening[1]);
      });
      server.on('exit', () => failed(new Error('the server does not start:\n' + log.join('\n'))));
    });
  const stop = async () => {
    if (server.exitCode !== null) return;
    const ended = new Promise((done) => server.on('exit', done));
    server.kill('SIGTERM');
    await ended;
  };
  const url = await start('127.0.0.1:0');
  const key = execFileSync(binary, ['keys', 'create', '--name', 'browser', '--data', data], { encoding: 'utf8' }).trim();
  const remove = (path) => fetch(url + path, { method: 'DELETE', headers: { Authorization: `Bearer ${key}` } });
  const end = async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, key, log, end, stop, startAgain: () => start(new URL(url).host), api: (method, path, body) => call(url, key, method, path, body), remove };
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
  return stl([[o, y, x], [o, x, z], [o, z, y], [x, y, z]]);
}

/** A binary STL of triangles, each three points. */
export function stl(faces) {
  const bytes = Buffer.alloc(84 + 50 * faces.length);
  bytes.writeUInt32LE(faces.length, 80);
  faces.forEach((face, i) => face.flat().forEach((n, k) => bytes.writeFloatLE(n, 84 + 50 * i + 12 + 4 * k)));
  return bytes;
}

/** A binary STL of a box with a corner at the origin. */
export function box(...size) {
  const corner = (i) => [0, 1, 2].map((a) => ((i >> a) & 1) * size[a]);
  // Corners of each side, round it as seen from outside.
  const sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
  return stl(sides.flatMap(([a, b, c, d]) => [[a, b, c], [a, c, d]]).map((face) => face.map(corner)));
}

/** How two PNGs of equal size differ, told by a page: the mean difference of a channel, 0 to 255, and the share of pixels that differ by more than 32. */
export const difference = (page, ...pngs) =>
  page.evaluate(async (pngs) => {
    const [a, b] = await Promise.all(
      pngs.map(async (png) => {
        const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
        const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const context = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
        context.drawImage(picture, 0, 0);
        return context.getImageData(0, 0, picture.width, picture.height);
      }),
    );
    if (a.width !== b.width || a.height !== b.height) return { mean: 255, share: 1 };
    let [sum, far] = [0, 0];
    for (let i = 0; i < a.data.length; i += 4) {
      const apart = [0, 1, 2, 3].map((c) => Math.abs(a.data[i + c] - b.data[i + c]));
      sum += apart[0] + apart[1] + apart[2] + apart[3];
      far += Math.max(...apart) > 32;
    }
    return { mean: sum / a.data.length, share: far / (a.data.length / 4) };
  }, pngs.map((png) => png.toString('base64')));

/** Over how much, in sizes of its narrower side, the pixels of a PNG reach that are not clear, and whether any of them is at its border, told by a page. */
export const reachOf = (page, png) =>
  page.evaluate(async (png) => {
    const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const { width, height } = picture;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let i = 0; i < width * height; i++) {
      if (data[4 * i + 3] < 100) continue;
      const [x, y] = [i % width, Math.floor(i / width)];
      [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
    }
    const isCut = left === 0 || top === 0 || right === width - 1 || bottom === height - 1;
    const side = Math.min(width, height);
    return { wide: (right - left + 1) / side, high: (bottom - top + 1) / side, isCut };
  }, png.toString('base64'));

/** Waits until the middle of the picture is in the window, and a mark of a place that is warned of is there. */
export async function isMarkedInTheMiddle(page) {
  const MARK = [208, 2, 27];
  // What is scrolled to and what is drawn is there two frames later; the full picture a little after the last movement.
  await page.locator('canvas').waitFor();
  for (let tries = 0; tries < 50; tries++) {
    await page.evaluate(() => new Promise((on) => requestAnimationFrame(() => requestAnimationFrame(on))));
    const { x, y, width, height } = await page.locator('canvas').boundingBox();
    const [left, top] = [Math.round(x + width / 2) - 1, Math.round(y + height / 2) - 1];
    const size = page.viewportSize();
    if (left < 0 || top < 0 || left + 2 > size.width || top + 2 > size.height) continue;
    if ((await shareNear(page, await page.screenshot({ clip: { x: left, y: top, width: 2, height: 2 } }), MARK)) === 1) return true;
  }
  return false;
}

/** The share of a PNG's pixels that are near a colour, told by a page. */
export const shareNear = (page, png, colour) =>
  page.evaluate(
    async ([png, [r, g, b]]) => {
      const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
      const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const context = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
      context.drawImage(picture, 0, 0);
      const { data } = context.getImageData(0, 0, picture.width, picture.height);
      let near = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40) near += 1;
      }
      return near / (data.length / 4);
    },
    [png.toString('base64'), colour],
  );
