// The area of a volume's surface against shapes whose area is known.
import { describe, expect, it } from 'vitest';
import { areaOf } from '../src/scene/area';
import { Field, type Vec } from '../src/scene/field';

/** The measured area of a shape, with so many samples along each axis of a box of 20 mm round the origin, twice as close along z. */
function measured(distance: (p: Vec) => number, n: number, bandOfBytes?: number): number {
  const resolution: Vec = [n, n, 2 * n - 1];
  const count = resolution[0] * resolution[1] * resolution[2];
  const samples = bandOfBytes ? new Int8Array(count) : new Float32Array(count);
  const at = (i: number, axis: number) => -10 + (20 * i) / (resolution[axis]! - 1);
  for (let z = 0, i = 0; z < resolution[2]; z++)
    for (let y = 0; y < n; y++)
      for (let x = 0; x < n; x++, i++) {
        const d = distance([at(x, 0), at(y, 1), at(z, 2)]);
        samples[i] = bandOfBytes ? Math.round(127 * Math.max(-1, Math.min(1, d / bandOfBytes))) : d;
      }
  const layers = areaOf(new Field({ size: [20, 20, 20], offset: [-10, -10, -10], resolution }, samples, 1));
  for (;;) {
    const { done, value } = layers.next();
    if (done) return value;
  }
}
const ball = (radius: number) => (p: Vec) => Math.hypot(...p) - radius;

describe('the area of a surface', () => {
  it('of a ball is that of a ball, and its error falls with the square of the cell', () => {
    const off = (n: number) => Math.abs(measured(ball(7.3), n) / (4 * Math.PI * 7.3 ** 2) - 1);
    expect(off(41)).toBeLessThan(0.002);
    expect(off(21) / off(41)).toBeGreaterThan(3);
  });
  it('of a flat cut across the box is that of the cut, whatever its slope', () => {
    // A plane through the middle that meets only the four sides along z: its part in the box is the box's floor over the cosine.
    for (const [a, b] of [[0, 0], [0.3, 0], [0.35, -0.6], [-0.1, 0.8]] as const) {
      const plane = ([x, y, z]: Vec) => (z - a * x - b * y) / Math.hypot(a, b, 1);
      expect(measured(plane, 31) / (400 * Math.hypot(a, b, 1))).toBeCloseTo(1, 5);
    }
  });
  it('of a cuboid is that of its sides, less a little at its edges; bytes measure as floats do', () => {
    const cuboid = ([x, y, z]: Vec) => Math.max(Math.abs(x) - 6.1, Math.abs(y) - 4.2, Math.abs(z) - 7.7);
    const exact = 8 * (6.1 * 4.2 + 4.2 * 7.7 + 7.7 * 6.1);
    const share = measured(cuboid, 61) / exact;
    expect(share).toBeLessThan(1);
    expect(share).toBeGreaterThan(0.98);
    expect(Math.abs(measured(ball(6), 41, 2) / (144 * Math.PI) - 1)).toBeLessThan(0.01);
  });
  it('of nothing is nothing, and so is that of a box that is full', () => {
    expect(measured(() => 1, 9)).toBe(0);
    expect(measured(() => -1, 9)).toBe(0);
  });
});
