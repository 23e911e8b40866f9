// Densities and areas of lattices against what is known of their equations (docs/accuracy.md: exact rays).
import { describe, expect, it } from 'vitest';
import { cellAt, cellOf, chartOf, unitCell, unitCells } from '../src/pages/graph/model/lattices';

describe('a cell of a lattice', () => {
  it('is as solid and as large as its equation says', () => {
    for (const [lattice, density, area] of [['Gyroid', 0.5, 3.09165], ['P', 0.5, 2.35257], ['SchwarzD', 0.5, 3.83804], ['IWP', 0.46929, 3.55356]] as const) {
      const cell = cellAt(lattice, 0)!;
      expect(Math.abs(cell.density - density)).toBeLessThan(1e-3);
      expect(Math.abs(cell.area / area - 1)).toBeLessThan(2.5e-2);
    }
    expect(cellAt('nobody', 0)).toBeUndefined();
  });
  it('is found by the share that is wished for, and a gyroid grows alike on both sides', () => {
    for (const density of [0.05, 0.2, 0.5, 0.8]) {
      for (const lattice of ['Gyroid', 'IWP', 'SchwarzN']) expect(Math.abs(cellOf(lattice, density)!.density - density)).toBeLessThan(5e-4);
      expect(Math.abs(cellOf('Gyroid', density)!.threshold + cellOf('Gyroid', 1 - density)!.threshold)).toBeLessThan(0.01);
    }
  });
  it('of struts along the edges is a union of three cylinders: 3πr² − 8√2r³', () => {
    for (const r of [0.05, 0.1, 0.21, 0.3]) {
      const cell = cellAt('Cubic', r)!;
      const [density, area] = [3 * Math.PI * r ** 2 - 8 * Math.SQRT2 * r ** 3, 6 * Math.PI * r - 24 * Math.SQRT2 * r ** 2];
      expect(Math.abs(cell.density - density)).toBeLessThan(1e-3);
      expect(Math.abs(cell.area / area - 1)).toBeLessThan(2.5e-2);
      expect(Math.abs(cellOf('Cubic', density)!.threshold - r)).toBeLessThan(1e-3);
    }
    for (const name of unitCells) {
      const { nodes, edges } = unitCell(name);
      expect(edges.flat().every((node) => node >= 0 && node < nodes.length)).toBe(true);
      expect(cellAt(name, 0)!.density).toBe(0);
    }
  });
  it('is drawn from nothing to all', () => {
    const { density, x } = chartOf('Gyroid', 0)!;
    expect(density.split(' ').length).toBe(33);
    expect(density.startsWith('0.0,30.0')).toBe(true);
    expect(x).toBeCloseTo(50, 0);
  });
});
