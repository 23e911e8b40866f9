// What operators there are, and which values go into which inputs: the server's own rules.
import type { Operator } from '../../../api/types';

export type { Operator };
export type Parameter = Operator['parameters'][number];
export type Port = Operator['inputs'][number];
export type Kind = Operator['output'];
export type Operators = ReadonlyMap<string, Operator>;

/** Whether a port takes such values. Of what is not known, the server says it. */
export function fits(gives: Kind | undefined, takes: Kind | undefined): boolean {
  if (!gives || !takes) return true;
  const taken: Record<Kind, Kind[] | null> = {
    Vec3f: ['Vec3f', 'Any'],
    Float: ['Float', 'Any', 'Volume'],
    Volume: ['Volume', 'Float', 'Any'],
    Any: null,
    Byte: null,
  };
  return taken[takes]?.includes(gives) ?? true;
}

/** Points, numbers, or a volume without points. */
const family = (kind: Kind) => (kind === 'Byte' || kind === 'Any' ? 'Float' : kind);

/** Whether an input can stand for what the operator gives. */
export const passesOn = (input: Kind, output: Kind | undefined) => !!output && family(input) === family(output);

/** Operators that a text finds, the best first: all of its words are in the name or in what is said of it. */
export function search(operators: Operator[], text: string): Operator[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const score = ({ type, description, parameters, group }: Operator) => {
    const name = type.toLowerCase();
    const choices = parameters.flatMap(({ schema }) => (schema as { enum?: string[] }).enum ?? []);
    const rest = `${description} ${group} ${choices.join(' ')}`.toLowerCase();
    let sum = 0;
    for (const word of words) {
      const at = name.indexOf(word);
      if (at < 0 && !rest.includes(word)) return -1;
      sum += at === 0 ? 4 : at > 0 ? 3 : 0;
    }
    return sum;
  };
  const found = operators.map((operator) => ({ operator, score: score(operator) })).filter(({ score }) => score >= 0);
  return found.sort((a, b) => b.score - a.score).map(({ operator }) => operator);
}

/** A choice that the text names, so that searching for `gyroid` gives a lattice that is one. */
export function namedChoice({ parameters }: Operator, text: string): Record<string, string> {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word.length > 2);
  for (const { name, schema } of parameters) {
    const choice = ((schema as { enum?: string[] }).enum ?? []).find((one) => words.includes(one.toLowerCase()));
    if (choice) return { [name]: choice };
  }
  return {};
}

/** What tells a node from others of its type: a file, a text, a word. */
export function summaryOf(operator: Operator | undefined, parameters: Record<string, unknown>): string {
  const paths = Object.values(parameters).map((value) => (value as { path?: string } | null)?.path).filter(Boolean);
  const words = (operator?.parameters ?? [])
    .filter(({ schema }) => (schema as { enum?: string[] }).enum || (schema as { type?: string }).type === 'string')
    .map(({ name, default: initial }) => parameters[name] ?? initial)
    .filter((value) => typeof value === 'string' && value !== 'None');
  return [...paths, ...words.slice(0, 1)].join(', ');
}
