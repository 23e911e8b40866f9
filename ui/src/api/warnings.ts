// What a job warns of, its output `warnings`, or a preview: a JSON list; where things are, in mm.

export interface Warning {
  kind: string;
  message: string;
  /** The worst first. */
  places: { at: [number, number, number]; thickness?: number; face?: string }[];
}

export type Written = Partial<Warning> & { at?: unknown };
const isPoint = (at: unknown): at is [number, number, number] => Array.isArray(at) && at.length === 3 && at.every((n) => Number.isFinite(n));

/** What the text says; a text that is no such list is one warning. */
export function warningsIn(text: string | undefined): Warning[] {
  if (!text) return [];
  try {
    return (JSON.parse(text) as Written[]).map(warningOf);
  } catch {
    return [{ kind: '', message: text, places: [] }];
  }
}

export function warningOf({ kind = '', message = '', at, places }: Written): Warning {
  const named = (places ?? []).filter((place) => isPoint(place.at));
  // Where there is no list, the warning itself names a place, or none.
  return { kind, message, places: named.length > 0 ? named : isPoint(at) ? [{ at }] : [] };
}
