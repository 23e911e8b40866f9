// Debian's Firefox without a window, driven by Marionette, its own protocol: for a smoke of the app in another engine.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Firefox's path, or the one that FIREFOX names; null where there is none. */
export function firefoxPath() {
  for (const name of [process.env.FIREFOX, 'firefox-esr', 'firefox'].filter(Boolean)) {
    try {
      return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
    } catch {
      // The next name.
    }
  }
  return null;
}

/** Messages are `length:[kind, id, …]`, a command's `[0, id, name, parameters]`, an answer's `[1, id, error, result]`. */
class Marionette {
  #waiting = new Map();
  #have = Buffer.alloc(0);
  #last = 0;

  constructor(socket) {
    this.socket = socket;
    socket.on('data', (bytes) => this.#read(bytes));
    const lost = () => this.#waiting.forEach(({ failed }) => failed(new Error('Firefox is gone')));
    socket.on('close', lost).on('error', lost);
  }

  #read(bytes) {
    this.#have = Buffer.concat([this.#have, bytes]);
    for (;;) {
      const colon = this.#have.indexOf(58);
      const end = colon + 1 + Number(this.#have.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#have.length < end) return;
      const message = JSON.parse(this.#have.subarray(colon + 1, end).toString());
      this.#have = this.#have.subarray(end);
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message;
      const { done, failed } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) failed(new Error(`${error.error}: ${error.message}`));
      else done(result?.value ?? result);
    }
  }

  send(name, parameters = {}) {
    const id = (this.#last += 1);
    const text = JSON.stringify([0, id, name, parameters]);
    this.socket.write(`${Buffer.byteLength(text)}:${text}`);
    return new Promise((done, failed) => this.#waiting.set(id, { done, failed }));
  }
}

/** A Firefox with a profile of its own and one page; `evaluate` runs the body of a function there. */
export async function startFirefox(path) {
  const profile = mkdtempSync(join(tmpdir(), 'fieldstone-firefox-'));
  // A port that is free, and no talk with the world.
  const prefs = { 'marionette.port': 0, 'webgl.force-enabled': true, 'network.captive-portal-service.enabled': false, 'app.update.enabled': false };
  const lines = Object.entries(prefs).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const args = ['--headless', '--marionette', '--no-remote', '--profile', profile, 'about:blank'];
  const env = { ...process.env, HOME: profile, MOZ_DISABLE_CONTENT_SANDBOX: '1', MOZ_CRASHREPORTER_DISABLE: '1' };
  const firefox = spawn(path, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const port = await new Promise((found, failed) => {
    let log = '';
    const read = (bytes) => {
      log += bytes;
      const listening = /Listening on port (\d+)/i.exec(log);
      if (listening) found(Number(listening[1]));
    };
    firefox.stdout.on('data', read);
    firefox.stderr.on('data', read);
    firefox.on('error', failed);
    firefox.on('exit', () => failed(new Error('Firefox does not start:\n' + log)));
  });
  const socket = connect(port, '127.0.0.1');
  const marionette = new Marionette(socket);
  await marionette.send('WebDriver:NewSession', { acceptInsecureCerts: true });
  await marionette.send('WebDriver:SetTimeouts', { script: 60_000, pageLoad: 60_000 });
  const end = async () => {
    const over = new Promise((done) => firefox.on('exit', done));
    firefox.kill('SIGTERM');
    await over;
    socket.destroy();
    rmSync(profile, { recursive: true, force: true });
  };
  return {
    go: (url) => marionette.send('WebDriver:Navigate', { url }),
    evaluate: async (script, args = []) => {
      const names = args.map((_, i) => `$${i}`).join(', ');
      const whole = `const [${names}] = arguments; const told = arguments[arguments.length - 1];
        (async () => { ${script} })().then((value) => told({ value }), (error) => told({ error: String(error) }));`;
      const { value, error } = await marionette.send('WebDriver:ExecuteAsyncScript', { script: whole, args });
      if (error) throw new Error(error);
      return value;
    },
    picture: async () => Buffer.from(await marionette.send('WebDriver:TakeScreenshot', { full: false }), 'base64'),
    end,
  };
}
