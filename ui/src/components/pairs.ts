// Rows of a form from a request, and back.
import type { Pair } from './Pairs.svelte';

/** A row for each entry; a list of files is as many rows of one name, anything else that is no text is its JSON. */
export function pairsOf(map: object | null | undefined): Pair[] {
  return Object.entries(map ?? {}).flatMap(([name, value]) => {
    if (typeof value === 'string') return [{ name, value }];
    const isList = Array.isArray(value) && value.every((one) => typeof one === 'string');
    return isList ? value.map((one: string) => ({ name, value: one })) : [{ name, value: JSON.stringify(value) }];
  });
}

/** The entries of the rows that are filled in; rows of one name together are a list. */
export function read(pairs: Pair[], value: (text: string) => unknown): Record<string, unknown> {
  const found = new Map<string, unknown[]>();
  for (const pair of pairs) {
    const name = pair.name.trim();
    if (name && pair.value.trim()) found.set(name, [...(found.get(name) ?? []), value(pair.value.trim())]);
  }
  return Object.fromEntries([...found].map(([name, values]) => [name, values.length > 1 ? values : values[0]]));
}
