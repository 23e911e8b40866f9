// A placement (`xform`, 16 numbers, columns first, translation at 12 to 14) as a move and turns about the axes.

export interface Placement {
  /** mm. */
  move: [number, number, number];
  /** Degrees about x, then y, then z, all fixed. */
  turn: [number, number, number];
}

/** Rounds away what is left of a zero in sines and cosines of right angles. */
const clean = (n: number) => Math.round(n * 1e14) / 1e14 + 0;

/** Rz · Ry · Rx, then the move. */
export function matrixOf({ move, turn }: Placement): number[] {
  const [a, b, c] = turn.map((degrees) => (degrees * Math.PI) / 180) as [number, number, number];
  const [sa, ca, sb, cb, sc, cc] = [Math.sin(a), Math.cos(a), Math.sin(b), Math.cos(b), Math.sin(c), Math.cos(c)];
  const columns = [
    [cb * cc, cb * sc, -sb, 0],
    [sa * sb * cc - ca * sc, sa * sb * sc + ca * cc, sa * cb, 0],
    [ca * sb * cc + sa * sc, ca * sb * sc - sa * cc, ca * cb, 0],
  ];
  return [...columns.flat().map(clean), ...move, 1];
}

/** The move and turns that make a matrix; null where it does more (scales, mirrors) or is none. */
export function placementOf(matrix: unknown): Placement | null {
  if (!Array.isArray(matrix) || matrix.length !== 16 || !matrix.every((n) => typeof n === 'number')) return null;
  const m = matrix as number[];
  const [r00, r10, r20] = [m[0]!, m[1]!, m[2]!];
  const level = Math.abs(r20) < 1 - 1e-12;
  const b = Math.asin(Math.max(-1, Math.min(1, -r20)));
  const a = level ? Math.atan2(m[6]!, m[10]!) : 0;
  const c = level ? Math.atan2(r10, r00) : Math.atan2(-m[4]!, m[5]!);
  const degrees = (n: number) => Math.round((n * 180e9) / Math.PI) / 1e9 + 0;
  const placement: Placement = { move: [m[12]!, m[13]!, m[14]!], turn: [degrees(a), degrees(b), degrees(c)] };
  return matrixOf(placement).every((n, i) => Math.abs(n - m[i]!) < 1e-9) ? placement : null;
}
