// How solid a cell of each lattice is and how large its surface, against the threshold of a surface or the radius of struts in edges of the
// cell: measured when the project is built (`cargo xtask gen`).
import surfaces from '../lattices.json';
import struts from '../struts.json';

/** Values at thresholds from `from` to `to`, evenly: densities in 1/10,000 of the cell, areas in 1/1,000 of a face of the cell. */
interface Curve {
  from: number;
  to: number;
  density: number[];
  area: number[];
}
const curves: Record<string, Curve> = { ...surfaces, ...struts };

/** The unit cell of struts of this name, as `lattice_data` takes it. */
export const unitCell = (name: string) => (struts as Record<string, { cell: { nodes: number[][]; edges: number[][] } }>)[name]!.cell;
export const unitCells = Object.keys(struts);

const between = (values: number[], place: number) => {
  const k = Math.max(0, Math.min(values.length - 2, Math.floor(place)));
  return values[k]! + (values[k + 1]! - values[k]!) * (Math.max(0, Math.min(values.length - 1, place)) - k);
};

export interface Cell {
  threshold: number;
  /** The solid share of the cell. */
  density: number;
  /** Of the surface in a cubic cell of edge 1. */
  area: number;
}

/** A cell at a threshold; undefined of a lattice that was not measured. */
export function cellAt(lattice: string, threshold: number): Cell | undefined {
  const curve = curves[lattice];
  if (!curve) return undefined;
  const place = ((threshold - curve.from) / (curve.to - curve.from)) * (curve.density.length - 1);
  return { threshold, density: between(curve.density, place) / 1e4, area: between(curve.area, place) / 1e3 };
}

/** The cell that is solid to such a share, from 0 to 1. */
export function cellOf(lattice: string, density: number): Cell | undefined {
  const curve = curves[lattice];
  if (!curve) return undefined;
  const wished = density * 1e4;
  const after = curve.density.findIndex((value) => value >= wished);
  if (after < 1) return cellAt(lattice, after === 0 ? curve.from : curve.to);
  const [low, high] = [curve.density[after - 1]!, curve.density[after]!];
  const place = after - 1 + (wished - low) / (high - low);
  const threshold = curve.from + ((curve.to - curve.from) * place) / (curve.density.length - 1);
  return cellAt(lattice, Number(threshold.toPrecision(4)));
}

/** Lines of a chart 100 wide and 30 high: the density from none to all, the area from none to its most, and where a threshold is. */
export function chartOf(lattice: string, threshold: number): { density: string; area: string; x: number } | undefined {
  const curve = curves[lattice];
  if (!curve) return undefined;
  const line = (values: number[], most: number) =>
    values.map((value, i) => `${((100 * i) / (values.length - 1)).toFixed(1)},${(30 - (30 * value) / most).toFixed(1)}`).join(' ');
  const x = Math.max(0, Math.min(100, (100 * (threshold - curve.from)) / (curve.to - curve.from)));
  return { density: line(curve.density, 1e4), area: line(curve.area, Math.max(...curve.area)), x };
}
