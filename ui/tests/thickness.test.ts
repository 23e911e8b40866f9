// Wall thickness against shapes whose walls are known, and what jobs warn of as it is read.
import { describe, expect, it } from 'vitest';
import { warningsIn } from '../src/api/warnings';
import { Field, type Patch, type Vec } from '../src/scene/field';
import { thicknessAt } from '../src/scene/thickness';

const patch: Patch = { size: [20, 20, 20], offset: [-10, -10, -10], resolution: [61, 61, 61] };
/** Samples a third of a millimetre apart. */
function sampled(distance: (p: Vec) => number, bandOfBytes?: number): Field {
  const n = 61;
  const samples = bandOfBytes ? new Int8Array(n ** 3) : new Float32Array(n ** 3);
  const at = (i: number) => -10 + (20 * i) / (n - 1);
  for (let z = 0, i = 0; z < n; z++)
    for (let y = 0; y < n; y++)
      for (let x = 0; x < n; x++, i++) {
        const d = distance([at(x), at(y), at(z)]);
        samples[i] = bandOfBytes ? Math.round(127 * Math.max(-1, Math.min(1, d / bandOfBytes))) : d;
      }
  return new Field(patch, samples, bandOfBytes ? bandOfBytes / 127 : 1);
}
const dot = (a: Vec, b: Vec) => a.reduce((sum, n, i) => sum + n * b[i]!, 0);

describe('the thickness of a wall', () => {
  it('of a plate is the plate', () => {
    for (const direction of [[0, 0, 1], [1, 2, 2], [3, 0, 4]] as Vec[]) {
      const normal = direction.map((n) => n / Math.hypot(...direction)) as Vec;
      for (const wall of [0.8, 2, 5.3]) {
        const plate = (p: Vec) => Math.abs(dot(p, normal) - 0.1) - wall / 2;
        const top = normal.map((n) => n * (0.1 + wall / 2)) as Vec;
        expect(Math.abs(thicknessAt(sampled(plate), top)! / wall - 1)).toBeLessThan(0.01);
        // Bytes know distances within 1 mm alone.
        expect(Math.abs(thicknessAt(sampled(plate, 1), top)! / wall - 1)).toBeLessThan(0.02);
      }
    }
  });
  it('of a tube is that of its wall, from outside and from inside', () => {
    for (const wall of [1, 1.5, 3]) {
      const tube = sampled((p) => Math.abs(Math.hypot(p[0], p[1]) - 6) - wall / 2);
      for (const angle of [0, 0.4, 1.1, 2.9]) {
        for (const radius of [6 + wall / 2, 6 - wall / 2]) {
          const p: Vec = [radius * Math.cos(angle), radius * Math.sin(angle), 0.7];
          expect(Math.abs(thicknessAt(tube, p)! / wall - 1)).toBeLessThan(0.02);
        }
      }
    }
  });
  it('of a rod is its diameter, also where values are no distances', () => {
    const rod = (p: Vec) => Math.hypot(p[0], p[2]) - 4;
    for (const field of [sampled(rod), sampled((p) => 7 * rod(p)), sampled((p) => rod(p) / 5)]) {
      expect(Math.abs(thicknessAt(field, [0, 1, 4])! / 8 - 1)).toBeLessThan(0.01);
    }
  });
  it('ends where the grid ends', () => {
    expect(thicknessAt(sampled((p) => p[2] - 3), [0, 0, 3])).toBeCloseTo(13, 0);
  });
});

describe('warnings', () => {
  it('have the places that a job names', () => {
    const places = [{ at: [1, 2, 3], thickness: 0.4, lost: true }, { at: [4, 5, 6], thickness: 0.6 }];
    const text = JSON.stringify([
      { kind: 'thin_wall', message: 'walls', at: [1, 2, 3], places },
      { kind: 'specks', message: 'parts', at: [7, 8, 9] },
      { kind: 'cut_off', message: 'cut', at: [0, 0, 1], places: [{ face: 'upper z', at: [0, 0, 1] }, { face: 'lower x', at: [null, 0, 0] }] },
      { kind: 'note', message: 'all is well' },
    ]);
    expect(warningsIn(text).map(({ places }) => places.map(({ at }) => at.join()))).toEqual([['1,2,3', '4,5,6'], ['7,8,9'], ['0,0,1'], []]);
    expect(warningsIn('not a list')).toEqual([{ kind: '', message: 'not a list', places: [] }]);
    expect(warningsIn(undefined)).toEqual([]);
  });
});
