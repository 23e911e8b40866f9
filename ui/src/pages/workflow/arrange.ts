// Where the jobs of a workflow stand when they are drawn: each in the column after the last job that it needs.

export interface Step {
  id: string;
  needs: string[];
}
export interface Arranged {
  /** Column and row of each job, by its id; rows may be halves. */
  places: Map<string, { column: number; row: number }>;
  columns: number;
  rows: number;
  /** Pairs of ids: who is needed, and by whom. */
  edges: [string, string][];
}

/** Jobs that are needed but not among `steps` count as done long ago; a job in a cycle, which no server accepts, stands in the first column. */
export function arrange(steps: Step[]): Arranged {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const edges = steps.flatMap(({ id, needs }) => needs.filter((need) => byId.has(need)).map((need): [string, string] => [need, id]));
  const columnOf = new Map<string, number>();
  const place = (id: string): number => {
    const known = columnOf.get(id);
    if (known !== undefined) return known;
    columnOf.set(id, 0);
    const needs = byId.get(id)!.needs.filter((need) => byId.has(need));
    const column = Math.max(-1, ...needs.map(place)) + 1;
    columnOf.set(id, column);
    return column;
  };
  for (const { id } of steps) place(id);
  const columns: Step[][] = [];
  for (const step of steps) (columns[columnOf.get(step.id)!] ??= []).push(step);
  const rows = Math.max(0, ...columns.map((column) => column.length));
  const places: Arranged['places'] = new Map();
  columns.forEach((column, at) => {
    // Beside what it needs, so that few lines cross.
    const wish = ({ needs }: Step) => {
      const heights = needs.flatMap((need) => places.get(need)?.row ?? []);
      return heights.reduce((sum, row) => sum + row, 0) / (heights.length || 1);
    };
    const ordered = at === 0 ? column : [...column].sort((a, b) => wish(a) - wish(b));
    ordered.forEach(({ id }, n) => places.set(id, { column: at, row: n + (rows - column.length) / 2 }));
  });
  return { places, columns: columns.length, rows, edges };
}
