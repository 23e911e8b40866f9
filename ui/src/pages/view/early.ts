// What a view needs of the server, asked for while its own code is still being fetched.
import type { Field } from '../../scene/field';
import { coarseField } from './coarse';
import { lookUp, type Shown } from './load';

interface Begun {
  /** Milliseconds of the page's clock. */
  since: number;
  shown: Promise<Shown>;
  /** Of a large volume, something to see before all of it has come; without it all comes at once, a little later. */
  coarse: Promise<Field | null>;
}

/** For so long what was asked for is as good as asked now, ms. */
const FRESH = 30_000;

const waiting = new Map<string, Begun>();
const named = (project: string, asset: string, warned: string | null) => [project, asset, warned].join();

function ask(project: string, asset: string, warned: string | null): Begun {
  const shown = lookUp(project, asset, warned);
  const coarse = shown.then((found) => (found.kind === 'volume' ? coarseField(project, found) : null)).catch(() => null);
  return { since: performance.now(), shown, coarse };
}

const fresh = (name: string) => {
  const begun = waiting.get(name);
  return begun && performance.now() - begun.since < FRESH ? begun : undefined;
};

/** Asks for a view that will be shown: once, however often and from wherever this is said. */
export function begin(project: string, asset: string, warned: string | null) {
  const name = named(project, asset, warned);
  if (fresh(name)) return;
  waiting.clear();
  const begun = ask(project, asset, warned);
  // What goes wrong is said where it is taken; it may never be.
  begun.shown.catch(() => undefined);
  waiting.set(name, begun);
}

/** What was asked for, once: whoever comes again is told of what has changed. */
export function take(project: string, asset: string, warned: string | null): Begun {
  const name = named(project, asset, warned);
  const begun = fresh(name) ?? ask(project, asset, warned);
  waiting.delete(name);
  return begun;
}
