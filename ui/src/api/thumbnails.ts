// Small pictures of files and projects: asked for two at a time, so that nothing else waits for them, and kept while the page is open.
import { freshHeaders } from './client';

const AT_ONCE = 2;
/** Pictures that are kept, as addresses of this page's own; null where there is none. */
const MOST = 500;

const known = new Map<string, string | null>();
const waiting: { path: string; done: (address: string | null) => void; signal: AbortSignal }[] = [];
let asking = 0;

/** The address of the picture at a path of the API, or null where there is none. `version` tells its pictures apart. */
export function thumbnail(path: string, version: string, signal: AbortSignal): Promise<string | null> {
  const name = `${path} ${version}`;
  const found = known.get(name);
  if (found !== undefined) return Promise.resolve(found);
  return new Promise((done) => {
    const keep = (address: string | null) => {
      known.set(name, address);
      // Whoever shows one holds its address; of those that were asked for first nobody does, as a rule.
      for (const [old, gone] of known) {
        if (known.size <= MOST) break;
        if (gone) URL.revokeObjectURL(gone);
        known.delete(old);
      }
      done(address);
    };
    waiting.push({ path, done: keep, signal });
    next();
  });
}

function next() {
  while (asking < AT_ONCE && waiting.length > 0) {
    // The newest first: older ones may have been scrolled past.
    const { path, done, signal } = waiting.pop()!;
    if (signal.aborted) continue;
    asking += 1;
    void ask(path, signal).then((answer) => {
      asking -= 1;
      if (answer === null || typeof answer === 'string') done(answer);
      // Who is busy says when to come again; until then others are asked for.
      else if (answer) setTimeout(() => (waiting.unshift({ path, done, signal }), next()), 1000 * answer.again);
      next();
    });
  }
}

/** Its address, null where there is none, in how many seconds it may be there, or undefined where nobody answers. */
async function ask(path: string, signal: AbortSignal): Promise<string | null | { again: number } | undefined> {
  try {
    const response = await fetch(path, { headers: await freshHeaders(), signal });
    if (response.status === 404) return null;
    if (response.ok) return URL.createObjectURL(await response.blob());
    const again = Number(response.headers.get('Retry-After'));
    return again > 0 ? { again } : undefined;
  } catch {
    return undefined;
  }
}
