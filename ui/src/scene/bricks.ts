// Where a volume of bytes has nothing to see: how far, in bricks, the next brick is whose samples are not all at their greatest.
import type { Patch, Vec } from './field';

/** Cells along an edge of a brick. */
export const EDGE = 8;
/** A byte that stands for its value or more. */
const MOST = 127;
/** Rings of bricks that are told apart; all beyond them are as far as the first of these. */
const RINGS = 15;
const FAR = RINGS + 1;

export interface Bricks {
  /** Of each brick, x fastest, the distance in bricks (a step to any neighbour, over edges and corners too, is one) to the nearest that is not empty. */
  away: Uint8Array;
  count: Vec;
}

/** A brick is empty where all its samples, those of its faces too, are the greatest: every value between them is then as well. */
export function bricksOf({ resolution }: Patch, samples: Int8Array): Bricks {
  const [nx, ny, nz] = resolution;
  const count = resolution.map((n) => Math.max(1, Math.ceil((n - 1) / EDGE))) as Vec;
  const [bx, by, bz] = count;
  const away = new Uint8Array(bx * by * bz).fill(FAR);
  const row = new Uint8Array(bx + 1);
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      row.fill(0);
      for (let x = 0; x < nx; x++, i++) {
        if (samples[i] === MOST) continue;
        row[x >> 3] = 1;
        // A sample on a face belongs to both bricks.
        if ((x & 7) === 0 && x > 0) row[(x >> 3) - 1] = 1;
      }
      for (const k of bricksAt(z, bz)) {
        for (const j of bricksAt(y, by)) {
          const at = (k * by + j) * bx;
          for (let b = 0; b < bx; b++) if (row[b]) away[at + b] = 0;
        }
      }
    }
  }
  spread(away, count);
  return { away, count };
}

/** Bricks along an axis that have a sample. */
function bricksAt(sample: number, count: number): number[] {
  const own = Math.min(sample >> 3, count - 1);
  return (sample & 7) === 0 && sample > 0 && own === sample >> 3 ? [own - 1, own] : [own];
}

/** Numbers the bricks around those that are not empty, ring by ring: in each, what is known grows by one along every axis. */
function spread(away: Uint8Array, [bx, by, bz]: Vec) {
  let known = away.map((n) => (n === 0 ? 1 : 0));
  const axes = [[1, bx], [bx, by], [bx * by, bz]] as const;
  for (let ring = 1; ring <= RINGS; ring++) {
    for (const [step, length] of axes) {
      const grown = known.slice();
      for (let i = 0; i < grown.length; i++) {
        const place = Math.floor(i / step) % length;
        if ((place > 0 && known[i - step]) || (place + 1 < length && known[i + step])) grown[i] = 1;
      }
      known = grown;
    }
    known.forEach((one, i) => one && away[i] === FAR && (away[i] = ring));
  }
}
