// Contours of a layer: of a plane of samples, and out of the files that jobs write; what they enclose.
import type { Field } from '../../scene/field';

/** x and y of a closed contour's points one after the other, mm, y upwards; counter-clockwise round matter, clockwise round a hole. */
export type Contour = number[];

/** Twice the area is positive round matter (shoelace formula). */
export function areaOf(contour: Contour): number {
  let twice = 0;
  // Far from the origin products would cancel.
  const [x0, y0] = contour as [number, number];
  for (let i = 0; i + 3 < contour.length; i += 2) {
    twice += (contour[i]! - x0) * (contour[i + 3]! - y0) - (contour[i + 2]! - x0) * (contour[i + 1]! - y0);
  }
  return twice / 2;
}

/** The contours of plane `k` of a field's samples, where values cross zero: linear along the edges of cells, closed at the grid's border. */
export function contoursOf(field: Field, k: number): Contour[] {
  const [nx, ny] = field.patch.resolution;
  const { cell, samples, patch } = field;
  // A ring of outside lies round the samples; a contour ends at the last one that is inside.
  const value = (x: number, y: number) => (x < 0 || y < 0 || x >= nx || y >= ny ? Infinity : samples[(k * ny + y) * nx + x]!);
  const across = nx + 2;
  const edge = (x: number, y: number, upward: boolean) => 2 * ((y + 1) * across + x + 1) + Number(upward);
  /** From each crossing to the next, with the inside on the left. */
  const next = new Map<number, number>();
  for (let y = -1; y < ny; y++) {
    for (let x = -1; x < nx; x++) {
      const v = [value(x, y), value(x + 1, y), value(x + 1, y + 1), value(x, y + 1)];
      const inside = v.map((n) => n <= 0);
      if (inside.every((one) => one === inside[0])) continue;
      const edges = [edge(x, y, false), edge(x + 1, y, true), edge(x, y + 1, false), edge(x, y, true)];
      const [exits, entries] = [true, false].map((from) => [0, 1, 2, 3].filter((i) => inside[i] === from && inside[(i + 1) % 4] !== from));
      // Two corners across are one piece where the value at the saddle is inside.
      const middle = (v[0]! * v[2]! - v[1]! * v[3]!) / (v[0]! + v[2]! - v[1]! - v[3]!);
      const isJoined = entries!.length === 2 && middle <= 0;
      for (const exit of exits!) {
        const step = [1, 2, 3].map((n) => (exit + (isJoined ? n : 4 - n)) % 4).find((i) => entries!.includes(i))!;
        next.set(edges[exit]!, edges[step]!);
      }
    }
  }
  const point = (id: number): [number, number] => {
    const at = id >> 1;
    const [x, y] = [(at % across) - 1, Math.floor(at / across) - 1];
    const [dx, dy] = id & 1 ? [0, 1] : [1, 0];
    const [from, to] = [value(x, y), value(x + dx, y + dy)];
    const t = from === Infinity ? 1 : to === Infinity ? 0 : from === to ? 0 : from / (from - to);
    return [patch.offset[0] + (x + t * dx) * cell[0], patch.offset[1] + (y + t * dy) * cell[1]];
  };
  const contours: Contour[] = [];
  for (const start of next.keys()) {
    const contour: Contour = [];
    for (let id: number | undefined = start; id !== undefined && next.has(id); ) {
      contour.push(...point(id));
      const to: number = next.get(id)!;
      next.delete(id);
      id = to;
    }
    if (contour.length > 0) contours.push([...contour, contour[0]!, contour[1]!]);
  }
  return contours;
}

/** The contours of a picture as export_slices writes it; its size, mm. */
export function contoursOfSvg(text: string): { contours: Contour[]; size: [number, number] } {
  const [, width, height] = /viewBox="0 0 ([0-9.e+-]+) ([0-9.e+-]+)"/.exec(text) ?? [];
  const [, path = ''] = / d="([^"]*)"/.exec(text) ?? [];
  const size: [number, number] = [Number(width), Number(height)];
  const contours = path.split('M').slice(1).map((one) => {
    const contour = (one.match(/[0-9.e+-]+/g) ?? []).map((n, i) => (i % 2 ? size[1] - Number(n) : Number(n)));
    return [...contour, ...contour.slice(0, 2)];
  });
  return { contours, size };
}
