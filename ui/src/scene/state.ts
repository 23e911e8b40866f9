// What one looks at: the camera, the section and the colours of thickness, short enough for a link.
import type { Thickness } from './thickness';

export type Axis = 'x' | 'y' | 'z';
export interface Section {
  on: boolean;
  axis: Axis;
  /** mm along the axis. */
  offset: number;
  /** Which side is cut away: what lies above the plane, or below. */
  flipped: boolean;
  /** Show values on the whole plane, not on the cut alone. */
  values: boolean;
}
/** Degrees round the vertical axis and above the horizon, distance in sizes of the thing, and what the camera looks at, mm. */
export interface Eye {
  round: number;
  above: number;
  far: number;
  target: [number, number, number];
}

/** A round number (1, 2 or 5 times a power of ten), at least this. */
function roundUp(least: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
  return [1, 2, 5, 10].map((n) => n * magnitude).find((n) => n >= least) ?? magnitude;
}

type Corner = readonly number[];
const longest = (min: Corner, max: Corner) => Math.max(...max.map((n, a) => n - min[a]!));

/** A round distance between lines of equal value, about a fortieth of the whole box. */
export const contourFor = (min: Corner, max: Corner) => roundUp(longest(min, max) / 40);

/** The end of a scale of thicknesses to begin with, about a tenth of the whole box. */
export const scaleFor = (min: Corner, max: Corner) => roundUp(longest(min, max) / 10);

const short = (n: number) => String(Number(n.toPrecision(6)));

export function toHash(eye: Eye, section: Section, thickness: Thickness): string {
  const parts = [`c=${[eye.round, eye.above, eye.far, ...eye.target].map(short).join(',')}`];
  if (section.on) {
    parts.push(`s=${section.axis}${short(section.offset)}${section.flipped ? 'f' : ''}${section.values ? 'v' : ''}`);
  }
  if (thickness.on) parts.push(`t=${[thickness.most, thickness.limit].map(short).join(',')}`);
  return '#' + parts.join('&');
}

/** What a link says; what it does not say, or says wrongly, is left out. */
export function fromHash(hash: string): { eye?: Eye; section?: Section; thickness?: Thickness } {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const numbers = (query.get('c') ?? '').split(',').map(Number);
  const [round, above, far, x, y, z] = numbers as [number, number, number, number, number, number];
  const whole = numbers.length === 6 && numbers.every(Number.isFinite) && far > 0;
  const eye = whole ? { round, above, far, target: [x, y, z] as [number, number, number] } : undefined;
  const [most, limit] = (query.get('t') ?? '').split(',').map(Number) as [number, number];
  const thickness = most > 0 && limit >= 0 && Number.isFinite(most + limit) ? { on: true, most, limit } : undefined;
  const found = /^([xyz])(-?[0-9.]+(?:e[+-]?[0-9]+)?)(f?)(v?)$/.exec(query.get('s') ?? '');
  if (!found) return { eye, thickness };
  const [, axis, offset, flipped, values] = found;
  if (!Number.isFinite(Number(offset))) return { eye, thickness };
  return { eye, thickness, section: { on: true, axis: axis as Axis, offset: Number(offset), flipped: !!flipped, values: !!values } };
}
