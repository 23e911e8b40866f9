// What a view needs of the server, asked for while its own code is still being fetched.
import type { Field } from '../../scene/field';
import { coarseField } from './coarse';
import { lookUp, type Shown } from './load';

interface Begun {
  shown: Promise<Shown>;
  /** Of a large volume, something to see before all of it has come; without it all comes at once, a little later. */
  coarse: Promise<Field | null>;
}

const waiting = new Map<string, Begun>();
const named = (project: string, asset: string, warned: string | null) => [project, asset, warned].join();

function ask(project: string, asset: string, warned: string | null): Begun {
  const shown = lookUp(project, asset, warned);
  const coarse = shown.then((found) => (found.kind === 'volume' ? coarseField(project, found) : null)).catch(() => null);
  return { shown, coarse };
}

/** Asks for a view that will be shown. */
export function begin(project: string, asset: string, warned: string | null) {
  waiting.clear();
  waiting.set(named(project, asset, warned), ask(project, asset, warned));
}

/** What was asked for, once: whoever comes again is told of what has changed. */
export function take(project: string, asset: string, warned: string | null): Begun {
  const name = named(project, asset, warned);
  const begun = waiting.get(name) ?? ask(project, asset, warned);
  waiting.delete(name);
  return begun;
}
