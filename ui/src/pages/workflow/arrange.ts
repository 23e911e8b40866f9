// Where the jobs of a workflow stand when they are drawn: each in the column after the last job that it needs (the layers of Sugiyama,
// Tagawa, Toda 1981). A line that goes past a column has a place of its own there, so that it never runs behind a job.

export interface Step {
  id: string;
  needs: string[];
}
export interface Spot {
  column: number;
  /** From 0 at the top; halves where a column has fewer than the longest. */
  row: number;
}
export interface Arranged {
  /** Where each job stands, by its id. */
  places: Map<string, Spot>;
  columns: number;
  rows: number;
  /** From who is needed to who needs it, with the places between that the line goes through. */
  lines: { from: string; until: string; through: Spot[] }[];
}

/** What stands in a column: a job, or a line on its way. */
interface Item {
  before: Item[];
  spot: Spot;
}

/** Jobs that are needed but not among `steps` count as done long ago; a job in a cycle, which no server accepts, stands in the first column. */
export function arrange(steps: Step[]): Arranged {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const needsOf = ({ needs }: Step) => [...new Set(needs)].flatMap((need) => byId.get(need) ?? []);
  const items = new Map<Step, Item>();
  const place = (step: Step): Item => {
    const known = items.get(step);
    if (known) return known;
    const item: Item = { before: [], spot: { column: 0, row: 0 } };
    items.set(step, item);
    item.spot.column = Math.max(-1, ...needsOf(step).map((need) => place(need).spot.column)) + 1;
    return item;
  };
  const columns: Item[][] = [];
  for (const step of steps) (columns[place(step).spot.column] ??= []).push(place(step));
  const lines = steps.flatMap((step) =>
    needsOf(step).map((need) => {
      const [first, last] = [place(need), place(step)];
      let behind = first;
      const through: Spot[] = [];
      for (let column = first.spot.column + 1; column < last.spot.column; column++) {
        behind = { before: [behind], spot: { column, row: 0 } };
        columns[column]!.push(behind);
        through.push(behind.spot);
      }
      last.before.push(behind);
      return { from: need.id, until: step.id, through };
    }),
  );
  const rows = Math.max(0, ...columns.map((column) => column.length));
  for (const column of columns) {
    // Beside what it needs, so that few lines cross.
    const wish = ({ before }: Item) => before.reduce((sum, { spot }) => sum + spot.row, 0) / (before.length || 1);
    const ordered = column[0]?.spot.column === 0 ? column : [...column].sort((a, b) => wish(a) - wish(b));
    ordered.forEach((item, n) => (item.spot.row = n + (rows - column.length) / 2));
  }
  return { places: new Map(steps.map((step) => [step.id, place(step).spot])), columns: columns.length, rows, lines };
}
