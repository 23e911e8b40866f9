// Wall thickness of a field: how far a ray goes that enters at a point of the surface, straight inwards, until it comes out again.
import type { Field, Vec } from './field';

export interface Thickness {
  on: boolean;
  /** Where the scale of colours ends, mm. */
  most: number;
  /** What is thinner than this is marked, mm; 0 marks nothing. */
  limit: number;
}

/** Colours from thin to thick, as 0 to 1 of sRGB: blue to yellow by way of green, told apart without seeing red and green apart. */
export const SCALE: Vec[] = [[0.27, 0.0, 0.33], [0.23, 0.32, 0.55], [0.13, 0.57, 0.55], [0.37, 0.79, 0.38], [0.99, 0.91, 0.14]];
/** Of what is thinner than the limit. */
export const MARKED: Vec = [0.86, 0.08, 0.24];

/** A step of a ray where values are too small or too coarse to say more, as a share of a cell; the shader takes the same. */
export const STEP = 0.35;

/** The unit vector along which values grow; null where they do not. */
function outward(field: Field, p: Vec): Vec | null {
  const { offset, size } = field.patch;
  const slope = p.map((_, a) => {
    const [before, after] = [-1, 1].map((side) => {
      const q = [...p] as Vec;
      q[a] = Math.max(offset[a]!, Math.min(offset[a]! + size[a]!, p[a]! + side * field.cell[a]!));
      return q;
    }) as [Vec, Vec];
    const apart = after[a]! - before[a]!;
    return apart > 0 ? ((field.at(after) ?? 0) - (field.at(before) ?? 0)) / apart : 0;
  });
  const length = Math.hypot(...slope);
  return length > 0 ? (slope.map((n) => n / length) as Vec) : null;
}

/** The thickness at a point of the surface, mm; null where no side is the inner one. What goes on at the border of the grid ends there. */
export function thicknessAt(field: Field, p: Vec): number | null {
  const normal = outward(field, p);
  if (!normal) return null;
  const value = (t: number) => field.at(p.map((n, a) => n - t * normal[a]!) as Vec) ?? -1;
  const least = STEP * field.smallestCell;
  const { offset, size } = field.patch;
  // Where the ray leaves the grid.
  const far = Math.min(...normal.map((n, a) => (n === 0 ? Infinity : (p[a]! - offset[a]! - (n < 0 ? size[a]! : 0)) / n)));
  for (let t = 0, d = 0; t < far; ) {
    const [before, was] = [t, d];
    t = Math.min(far, t + Math.max(least, (0.95 * -d) / field.steepness));
    d = value(t);
    if (d >= 0) return before + ((t - before) * was) / Math.min(was - d, -1e-12);
  }
  return Math.max(0, far);
}
