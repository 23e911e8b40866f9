// What one looks at: the camera and the section, short enough for a link.

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

/** A round distance between lines of equal value, about a fortieth of the whole box. */
export function contourFor(min: readonly number[], max: readonly number[]): number {
  const size = Math.max(...max.map((n, a) => n - min[a]!));
  const magnitude = 10 ** Math.floor(Math.log10(Math.max(size, 1e-9) / 40));
  return [1, 2, 5, 10].map((n) => n * magnitude).find((n) => n >= size / 40) ?? magnitude;
}

const short = (n: number) => String(Number(n.toPrecision(6)));

export function toHash(eye: Eye, section: Section): string {
  const parts = [`c=${[eye.round, eye.above, eye.far, ...eye.target].map(short).join(',')}`];
  if (section.on) {
    parts.push(`s=${section.axis}${short(section.offset)}${section.flipped ? 'f' : ''}${section.values ? 'v' : ''}`);
  }
  return '#' + parts.join('&');
}

/** What a link says; what it does not say, or says wrongly, is left out. */
export function fromHash(hash: string): { eye?: Eye; section?: Section } {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const numbers = (query.get('c') ?? '').split(',').map(Number);
  const [round, above, far, x, y, z] = numbers as [number, number, number, number, number, number];
  const whole = numbers.length === 6 && numbers.every(Number.isFinite) && far > 0;
  const eye = whole ? { round, above, far, target: [x, y, z] as [number, number, number] } : undefined;
  const found = /^([xyz])(-?[0-9.]+(?:e[+-]?[0-9]+)?)(f?)(v?)$/.exec(query.get('s') ?? '');
  if (!found) return { eye };
  const [, axis, offset, flipped, values] = found;
  if (!Number.isFinite(Number(offset))) return { eye };
  return { eye, section: { on: true, axis: axis as Axis, offset: Number(offset), flipped: !!flipped, values: !!values } };
}
