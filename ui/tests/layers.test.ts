// Layers: contours of planes with known areas, and the files that jobs write, read again.
import { describe, expect, it } from 'vitest';
import { readCli } from '../src/pages/layers/cli';
import { areaOf, contoursOf, contoursOfSvg } from '../src/pages/layers/contours';
import { directoryOf, fileOf } from '../src/pages/layers/zip';
import { Field, type Patch } from '../src/scene/field';

/** One plane, 61 × 41 samples on 12 × 8 mm round the origin. */
function plane(distance: (x: number, y: number) => number): Field {
  const patch: Patch = { size: [12, 8, 0], offset: [-6, -4, 3], resolution: [61, 41, 1] };
  const samples = Float32Array.from({ length: 61 * 41 }, (_, i) => distance(-6 + 0.2 * (i % 61), -4 + 0.2 * Math.floor(i / 61)));
  return new Field(patch, samples, 1);
}
const areas = (field: Field) => contoursOf(field, 0).map(areaOf).sort((a, b) => a - b);
/** Numbers as bytes, the lowest first. */
const bytesOf = (size: number, set: (to: DataView) => void) => {
  const bytes = new Uint8Array(size);
  set(new DataView(bytes.buffer));
  return [...bytes];
};
const u16 = (n: number) => bytesOf(2, (to) => to.setUint16(0, n, true));
const u32 = (n: number) => bytesOf(4, (to) => to.setUint32(0, n, true));
const u64 = (n: number) => bytesOf(8, (to) => to.setBigUint64(0, BigInt(n), true));
const f32 = (n: number) => bytesOf(4, (to) => to.setFloat32(0, n, true));
const ascii = (text: string) => [...new TextEncoder().encode(text)];
const none = (size: number) => Array<number>(size).fill(0);
const within = (value: number, right: number, share: number) => expect(Math.abs(value / right - 1)).toBeLessThan(share);

describe('contours of a plane of samples', () => {
  it('go counter-clockwise round matter and clockwise round a hole, and enclose the right areas', () => {
    const [hole, outline, ...more] = areas(plane((x, y) => Math.abs(Math.hypot(x - 0.03, y) - 2.5) - 0.75));
    expect(more).toEqual([]);
    within(hole!, -Math.PI * 1.75 ** 2, 0.005);
    within(outline!, Math.PI * 3.25 ** 2, 0.005);
  });
  it('of a box are exact, and those of two boxes are two', () => {
    const box = (x: number, y: number, at: number) => Math.max(Math.abs(x - at) - 1.05, Math.abs(y) - 1.5);
    const found = areas(plane((x, y) => Math.min(box(x, y, -3), box(x, y, 3))));
    expect(found.length).toBe(2);
    for (const area of found) within(area, 2.1 * 3, 0.01);
  });
  it('are closed at the border of the grid', () => {
    expect(areas(plane(() => -1))).toEqual([expect.closeTo(96, 6)]);
    expect(areas(plane((x) => x - 1))).toEqual([expect.closeTo(7 * 8, 4)]);
    expect(areas(plane(() => 1))).toEqual([]);
  });
  it('at a saddle are joined where the value between is inside', () => {
    const saddle = (shift: number) => contoursOf(plane((x, y) => -(x - 0.1) * (y - 0.1) + shift), 0).length;
    expect([saddle(0.002), saddle(-0.002)]).toEqual([2, 1]);
  });
});

describe('files of layers', () => {
  it('SVG are read with y upwards', () => {
    const svg = '<svg width="4mm" height="3mm" viewBox="0 0 4 3">\n<path d="M1 2.5L3 2.5L3 0.5L1 0.5Z\nM1.5 2L1.5 1L2 1L2 2Z\n"/>\n</svg>';
    const { contours, size } = contoursOfSvg(svg);
    expect(size).toEqual([4, 3]);
    expect(contours.map(areaOf)).toEqual([4, -0.5]);
    expect(contours[0]!.slice(0, 2)).toEqual([1, 0.5]);
  });
  const head = (kind: string) => `$$HEADERSTART\r\n$$${kind}\r\n$$UNITS/1\r\n$$DIMENSION/0,1,2,5,6,7\r\n$$LAYERS/2\r\n$$HEADEREND`;
  it('CLI are read as text and as numbers', () => {
    const text = `${head('ASCII')}\r\n$$GEOMETRYSTART\r\n$$LAYER/2\r\n$$LAYER/2.5\r\n$$POLYLINE/1,1,4,0,1,5,1,5,6,0,1\r\n$$GEOMETRYEND\r\n`;
    const numbers = [...u16(127), ...f32(2), ...u16(127), ...f32(2.5), ...u16(130), ...[1, 1, 4].flatMap(u32), ...[0, 1, 5, 1, 5, 6, 0, 1].flatMap(f32)];
    const layers = [{ top: 2.5, contours: [[0, 1, 5, 1, 5, 6, 0, 1]] }];
    for (const bytes of [ascii(text), [...ascii(head('BINARY')), ...numbers]]) {
      expect(readCli(new Uint8Array(bytes))).toEqual({ min: [0, 1], max: [5, 6], bottom: 2, layers });
    }
    expect(() => readCli(new Uint8Array([...ascii(head('BINARY')), ...numbers.slice(0, 40)]))).toThrow('not a whole one');
    const empty = `${head('ASCII')}\r\n$$GEOMETRYSTART\r\n$$LAYER/2\r\n$$GEOMETRYEND\r\n`;
    expect(() => readCli(new Uint8Array(ascii(empty)))).toThrow('not a whole one');
    expect(() => readCli(new Uint8Array(ascii('solid')))).toThrow('no Common Layer');
  });
  it('of a zip are found by its directory, also by that of a large one', async () => {
    for (const isLarge of [false, true]) {
      const zip = await zipped({ '00000.svg': 'a'.repeat(100), '00001.svg': 'the second' }, isLarge);
      const read = async (start: number, end: number) => zip.slice(start, end) as Uint8Array<ArrayBuffer>;
      const entries = await directoryOf(read, zip.length);
      expect(entries.map(({ name }) => name)).toEqual(['00000.svg', '00001.svg']);
      expect(await (await fileOf(read, entries[1]!)).text()).toBe('the second');
      await expect(directoryOf(read, zip.length - 3)).rejects.toThrow('not a whole one');
    }
  });
});

/** A zip as APPNOTE.TXT has it; `isLarge` writes sizes and offsets as zip64 does. */
async function zipped(files: Record<string, string>, isLarge: boolean): Promise<Uint8Array> {
  const parts: number[] = [];
  const directory: number[] = [];
  const small = (n: number) => u32(isLarge ? 0xffffffff : n);
  for (const [name, text] of Object.entries(files)) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
    const packed = [...new Uint8Array(await new Response(stream).arrayBuffer())];
    const extra = isLarge ? [...u16(1), ...u16(24), ...[text.length, packed.length, parts.length].flatMap(u64)] : [];
    const sizes = [...small(packed.length), ...small(text.length), ...u16(name.length), ...u16(extra.length)];
    directory.push(...u32(0x02014b50), ...none(6), ...u16(8), ...none(8), ...sizes, ...none(10), ...small(parts.length), ...ascii(name), ...extra);
    parts.push(...u32(0x04034b50), ...none(22), ...u16(name.length), ...none(2), ...ascii(name), ...packed);
  }
  const [count, size, start] = [Object.keys(files).length, directory.length, parts.length];
  const large = [...u32(0x06064b50), ...none(28), ...[count, size, start].flatMap(u64), ...u32(0x07064b50), ...none(4), ...u64(start + size), ...none(4)];
  const end = [...u32(0x06054b50), ...none(6), ...u16(isLarge ? 0xffff : count), ...small(size), ...small(start), ...none(2)];
  return new Uint8Array([...parts, ...directory, ...(isLarge ? large : []), ...end]);
}
