// A volume: samples on a grid, their values between samples, and where a ray meets the surface.

export type Vec = [number, number, number];

/** Where a grid lies, as jobs say it: sample i of an axis is at `offset + size · i / (resolution − 1)`, mm. */
export interface Patch {
  size: Vec;
  offset: Vec;
  resolution: Vec;
}

/** Samples that are shown at most; of more, every second (third, …) of each axis is. */
export const MOST_SAMPLES = 2 ** 26;

export class Field {
  readonly cell: Vec;
  /** How fast values change at most, per mm: at least 1, so that a step of value / steepness never passes the surface. */
  readonly steepness: number;

  constructor(
    readonly patch: Patch,
    readonly samples: Float32Array | Int8Array,
    /** What a sample is multiplied with to be a value. */
    readonly scale: number,
  ) {
    this.cell = patch.size.map((s, a) => s / Math.max(1, patch.resolution[a]! - 1)) as Vec;
    this.steepness = Math.max(1, this.steepest());
  }

  get smallestCell() {
    return Math.min(...this.cell.filter((c) => c > 0));
  }

  /** The value at a point of the patch, linear between samples; null outside. */
  at(p: Vec): number | null {
    const [nx, ny, nz] = this.patch.resolution;
    const base: number[] = [];
    const part: number[] = [];
    for (let a = 0; a < 3; a++) {
      const n = this.patch.resolution[a]!;
      const u = this.cell[a]! > 0 ? (p[a]! - this.patch.offset[a]!) / this.cell[a]! : 0;
      if (u < -1e-6 || u > n - 1 + 1e-6 || Number.isNaN(u)) return null;
      base[a] = Math.max(0, Math.min(n - 2, Math.floor(u)));
      part[a] = Math.max(0, Math.min(1, u - base[a]!));
    }
    let value = 0;
    for (let corner = 0; corner < 8; corner++) {
      const [i, j, k] = [corner & 1, (corner >> 1) & 1, corner >> 2];
      const weight = (i ? part[0]! : 1 - part[0]!) * (j ? part[1]! : 1 - part[1]!) * (k ? part[2]! : 1 - part[2]!);
      if (weight === 0) continue;
      const x = Math.min(base[0]! + i, nx - 1);
      const y = Math.min(base[1]! + j, ny - 1);
      const z = Math.min(base[2]! + k, nz - 1);
      value += weight * this.samples[(z * ny + y) * nx + x]!;
    }
    return value * this.scale;
  }

  /** Where the ray `origin + t · direction` (of length 1) first meets the inside between two distances; null where it does not. */
  hit(origin: Vec, direction: Vec, near: number, far: number): Vec | null {
    const point = (t: number) => origin.map((o, a) => o + t * direction[a]!) as Vec;
    const least = 0.5 * this.smallestCell;
    let before = near;
    for (let t = near; t <= far; ) {
      const value = this.at(point(t)) ?? Infinity;
      if (value <= 0) return point(this.crossing(point, before, t));
      before = t;
      t += Math.max(least, Number.isFinite(value) ? (0.95 * value) / this.steepness : least);
    }
    return null;
  }

  /** Bisects between a distance outside and one inside. */
  private crossing(point: (t: number) => Vec, outside: number, inside: number): number {
    for (let i = 0; i < 24; i++) {
      const middle = (outside + inside) / 2;
      if ((this.at(point(middle)) ?? Infinity) <= 0) inside = middle;
      else outside = middle;
    }
    return inside;
  }

  /**
   * The volume inside. A sample stands for its cell, and one near the surface for the part of it that a flat surface at this
   * distance leaves inside; where values are not in mm, for all or nothing.
   */
  volume(inMillimetres: boolean): number {
    const [nx, ny, nz] = this.patch.resolution;
    const width = inMillimetres ? Math.cbrt(this.cell[0] * this.cell[1] * this.cell[2]) || 1e-9 : 1e-9;
    const slope = this.scale / width;
    let inside = 0;
    let i = 0;
    for (let z = 0; z < nz; z++) {
      for (let y = 0; y < ny; y++) {
        // Samples at the border stand for half a cell on that axis.
        const share = (z === 0 || z === nz - 1 ? 0.5 : 1) * (y === 0 || y === ny - 1 ? 0.5 : 1);
        for (let x = 0; x < nx; x++, i++) {
          const part = 0.5 - this.samples[i]! * slope;
          if (part > 0) inside += share * (part < 1 ? part : 1) * (x === 0 || x === nx - 1 ? 0.5 : 1);
        }
      }
    }
    return inside * this.cell[0] * this.cell[1] * this.cell[2];
  }

  private steepest(): number {
    const [nx, ny, nz] = this.patch.resolution;
    const { samples } = this;
    const most = [0, 0, 0];
    for (let z = 0, i = 0; z < nz; z++) {
      for (let y = 0; y < ny; y++) {
        for (let x = 0; x < nx; x++, i++) {
          const here = samples[i]!;
          if (x > 0) most[0] = Math.max(most[0]!, Math.abs(here - samples[i - 1]!));
          if (y > 0) most[1] = Math.max(most[1]!, Math.abs(here - samples[i - nx]!));
          if (z > 0) most[2] = Math.max(most[2]!, Math.abs(here - samples[i - nx * ny]!));
        }
      }
    }
    const slopes = most.map((m, a) => (this.cell[a]! > 0 ? (m * this.scale) / this.cell[a]! : 0));
    return Math.hypot(...slopes.filter(Number.isFinite)) / Math.sqrt(3);
  }
}

/** Every `stride`-th sample of each axis, and the patch that these lie on. */
export function thinned(patch: Patch, samples: Float32Array | Int8Array, stride: number): [Patch, Float32Array | Int8Array] {
  if (stride === 1) return [patch, samples];
  const [nx, ny] = patch.resolution;
  const resolution = patch.resolution.map((n) => Math.floor((n - 1) / stride) + 1) as Vec;
  const [mx, my, mz] = resolution;
  const few = new (samples.constructor as Float32ArrayConstructor)(mx * my * mz);
  for (let z = 0, i = 0; z < mz; z++)
    for (let y = 0; y < my; y++)
      for (let x = 0; x < mx; x++, i++) few[i] = samples[(z * stride * ny + y * stride) * nx + x * stride]!;
  const size = patch.size.map((s, a) => (s * (resolution[a]! - 1) * stride) / Math.max(1, patch.resolution[a]! - 1)) as Vec;
  return [{ size, offset: patch.offset, resolution }, few];
}

/** The least stride with which at most so many samples are left. */
export function strideFor(resolution: Vec, most = MOST_SAMPLES): number {
  let stride = 1;
  while (resolution.reduce((all, n) => all * (Math.floor((n - 1) / stride) + 1), 1) > most) stride += 1;
  return stride;
}
