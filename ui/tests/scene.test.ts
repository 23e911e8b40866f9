import { afterEach, describe, expect, it, vi } from 'vitest';
import { bricksOf, EDGE } from '../src/scene/bricks';
import type { Vec } from '../src/scene/field';
import { Pace } from '../src/scene/pace';

describe('bricks', () => {
  /** Whether every sample of a brick, those on its faces too, is the greatest. */
  const isEmpty = (samples: Int8Array, [nx, ny, nz]: Vec, [i, j, k]: Vec) => {
    for (let z = EDGE * k; z <= Math.min(EDGE * (k + 1), nz - 1); z++)
      for (let y = EDGE * j; y <= Math.min(EDGE * (j + 1), ny - 1); y++)
        for (let x = EDGE * i; x <= Math.min(EDGE * (i + 1), nx - 1); x++) if (samples[(z * ny + y) * nx + x] !== 127) return false;
    return true;
  };
  it.each([[[41, 33, 17], 3], [[40, 25, 34], 2], [[9, 10, 1], 1], [[1, 1, 1], 1], [[150, 9, 9], 1], [[30, 30, 30], 0]] as [Vec, number][])(
    'of %o samples are as far from the nearest that is not empty as one by one',
    (resolution, marks) => {
      const samples = new Int8Array(resolution.reduce((all, n) => all * n)).fill(127);
      let seed = 5;
      for (let m = 0; m < marks; m++) samples[(seed = (seed * 48271) % 2147483647) % samples.length] = -3;
      const { away, count } = bricksOf({ size: [1, 1, 1], offset: [0, 0, 0], resolution }, samples);
      const all: Vec[] = [];
      for (let k = 0; k < count[2]; k++) for (let j = 0; j < count[1]; j++) for (let i = 0; i < count[0]; i++) all.push([i, j, k]);
      const full = all.filter((brick) => !isEmpty(samples, resolution, brick));
      expect(all.length).toBe(away.length);
      all.forEach((brick, at) => {
        const nearest = Math.min(16, ...full.map((other) => Math.max(...other.map((n, a) => Math.abs(n - brick[a]!)))));
        expect(away[at], `brick ${brick}`).toBe(nearest);
      });
    },
  );
});

describe('pace', () => {
  afterEach(() => vi.unstubAllGlobals());

  /** Draws so many pictures on a card that takes `each` ms and so many more for a thousand pixels; gives the pixels of the last. */
  function drawn(pictures: number, each: number, perThousand: number) {
    let now = 0;
    let done = 0;
    let next: (() => void) | undefined;
    vi.stubGlobal('performance', { now: () => now });
    vi.stubGlobal('requestAnimationFrame', (call: () => void) => ((next = call), 1));
    const gl = { fenceSync: () => ({}), flush: () => {}, deleteSync: () => {}, isContextLost: () => false, SIGNALED: 1, getSyncParameter: () => (now >= done ? 1 : 0) };
    const pace = new Pace(gl as never);
    let pixels = 0;
    for (let i = 0; i < pictures; i++) {
      pixels = Math.min(pace.pixels, 1e6);
      done = now + each + (perThousand * pixels) / 1000;
      pace.drawn(pixels);
      // Screens show sixty pictures a second.
      for (next ??= () => {}; next; ) {
        const call: () => void = next;
        next = undefined;
        now += 1000 / 60;
        call();
      }
    }
    return pixels;
  }
  it('gives a slow card as many pixels as it draws thirty times a second', () => {
    const pixels = drawn(40, 10, 0.5);
    expect(10 + 0.5 * pixels / 1000).toBeLessThan(34);
    expect(pixels).toBeGreaterThan(20_000);
  });
  it('gives a fast card all of them, and never fewer than can be seen', () => {
    expect(drawn(40, 1, 0.001)).toBe(1e6);
    expect(drawn(40, 100, 1)).toBe(120 * 90);
  });
});
