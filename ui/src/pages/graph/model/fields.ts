// What kind of field a parameter has, and how far its slider goes.
import type { Parameter } from './operators';

export type Form =
  | { as: 'number'; whole: boolean; low?: number; high?: number }
  | { as: 'choice'; words: string[] }
  | { as: 'vector'; count: number; whole: boolean; low?: number; high?: number }
  | { as: 'placement' }
  | { as: 'file'; kind?: string }
  | { as: 'text'; most?: number }
  | { as: 'json' };

interface Schema {
  type?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  maxLength?: number;
  properties?: { path?: unknown; file_type?: { const?: string } };
}

export function formOf(parameter: Pick<Parameter, 'schema'>): Form {
  const schema = parameter.schema as Schema;
  if (schema.enum) return { as: 'choice', words: schema.enum };
  if (schema.properties?.path) return { as: 'file', kind: schema.properties.file_type?.const };
  if (schema.type === 'string') return { as: 'text', most: schema.maxLength };
  if (schema.type === 'integer' || schema.type === 'number') {
    return { as: 'number', whole: schema.type === 'integer', low: schema.minimum, high: schema.maximum };
  }
  const { items, minItems, maxItems } = schema;
  const isVector = items && ['integer', 'number'].includes(items.type ?? '') && minItems === maxItems && minItems !== undefined;
  if (!isVector) return { as: 'json' };
  if (minItems === 16) return { as: 'placement' };
  return { as: 'vector', count: minItems, whole: items.type === 'integer', low: items.minimum, high: items.maximum };
}

/** The value of a vector parameter, one number for each axis; whatever spelling it has that the server takes. */
export function vectorOf(value: unknown, count: number): number[] | undefined {
  const numbers = (list: unknown[]) => (list.length === count && list.every((n) => Number.isFinite(Number(n))) ? list.map(Number) : undefined);
  if (Array.isArray(value)) return numbers(value.flat());
  if (typeof value === 'object' && value !== null) return numbers(['x', 'y', 'z'].slice(0, count).map((axis) => (value as Record<string, unknown>)[axis]));
  return typeof value === 'number' ? Array<number>(count).fill(value) : undefined;
}

/** Ranges up to this wide are meant; wider ones only keep out nonsense. */
const MEANT = 1000;

/**
 * Where a slider begins and ends, and its steps, for a value that it starts from: the whole range where that is a meant one, else about the
 * value, so that it can be doubled and halved.
 */
export function sliderOf({ whole, low = -Infinity, high = Infinity }: { whole: boolean; low?: number; high?: number }, from: number, initial: number | null) {
  let [first, last] = [low, high];
  if (!(high - low <= MEANT)) {
    const size = Math.max(Math.abs(from), Math.abs(initial ?? 0)) || 1;
    const round = 10 ** Math.floor(Math.log10(size));
    const reach = Math.ceil((2 * size) / round) * round;
    first = Math.max(low, low >= 0 || (initial ?? from) > 0 ? Math.min(0, from) : -reach);
    last = Math.min(high, reach);
    // A range that begins just above zero begins at its first step.
    if (low > 0 && first === low) first = Math.max(low, whole ? 1 : reach / 100);
  }
  const fine = 10 ** Math.floor(Math.log10((last - first) / 100));
  return { low: first, high: last, step: whole ? Math.max(1, fine) : fine };
}
