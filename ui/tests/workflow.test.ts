// Where jobs of a workflow are drawn.
import { describe, expect, it } from 'vitest';
import { arrange, type Step } from '../src/pages/workflow/arrange';

const steps = (needs: Record<string, string[]>): Step[] => Object.entries(needs).map(([id, of]) => ({ id, needs: of }));

describe('jobs of a workflow', () => {
  it('stand behind all that they need, in no place twice', () => {
    // Random graphs without cycles: each job needs some of those before it.
    let seed = 7;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let turn = 0; turn < 200; turn++) {
      const count = 1 + random(40);
      const needs = (i: number) => Array.from({ length: i === 0 ? 0 : random(4) }, () => String(random(i)));
      const all = Array.from({ length: count }, (_, i) => ({ id: String(i), needs: [...new Set(needs(i))] })).reverse();
      const { places, columns, rows, lines } = arrange(all);
      expect(places.size).toBe(count);
      for (const { from, until, through } of lines) {
        const way = [places.get(from)!, ...through, places.get(until)!].map(({ column }) => column);
        way.slice(1).forEach((column, i) => expect(column).toBe(way[i]! + 1));
      }
      expect(lines.length).toBe(all.reduce((sum, { needs }) => sum + needs.length, 0));
      const spots = [...places.values(), ...lines.flatMap(({ through }) => through)];
      expect(new Set(spots.map(({ column, row }) => `${column} ${row}`)).size).toBe(spots.length);
      for (const { column, row } of places.values()) {
        expect(column).toBeLessThan(columns);
        expect(row).toBeGreaterThanOrEqual(0);
        expect(row).toBeLessThanOrEqual(rows - 1);
      }
    }
  });
  it('stand beside what they need', () => {
    const { places } = arrange(steps({ a: [], b: [], c: ['b'], d: ['a'] }));
    expect(places.get('d')!.row).toBe(places.get('a')!.row);
    expect(places.get('c')!.row).toBe(places.get('b')!.row);
  });
  it('may need what has been deleted', () => {
    expect(arrange(steps({ a: ['gone'] }))).toMatchObject({ columns: 1, rows: 1, lines: [] });
    expect(arrange([])).toMatchObject({ columns: 0, rows: 0, lines: [] });
  });
});
