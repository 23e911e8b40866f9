// Layers of a Common Layer Interface file, ASCII or binary, as export_cli writes it.
// Source: "Common Layer Interface (CLI), Version 2.0", Brite/EuRam project BE 2578 (1994), sections 2 to 4.
import { texts } from './words';
import type { Contour } from './contours';

export interface CliLayer {
  /** Of its upper surface, mm. */
  top: number;
  contours: Contour[];
}
export interface Cli {
  min: [number, number];
  max: [number, number];
  /** Below the first layer, mm. */
  bottom: number;
  layers: CliLayer[];
}

export function readCli(bytes: Uint8Array): Cli {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 4096));
  const found = head.indexOf('$$HEADEREND');
  if (found < 0) throw new Error(texts.noCli);
  const unit = Number(/\$\$UNITS\/([0-9.e+-]+)/.exec(head)?.[1] ?? 1);
  const box = (/\$\$DIMENSION\/([^\r\n$]+)/.exec(head)?.[1] ?? '').split(',').map(Number);
  if (box.length !== 6 || !box.every(Number.isFinite)) throw new Error(texts.noCli);
  const start = found + '$$HEADEREND'.length;
  const layers = /\$\$BINARY/.test(head) ? binary(bytes, start, unit) : ascii(new TextDecoder('latin1').decode(bytes.subarray(start)), unit);
  // The first one is without contours: it says where the first that is solid begins.
  const [bottom, ...rest] = layers;
  if (!bottom || rest.length === 0) throw new Error(texts.noCli);
  return { min: [box[0]!, box[1]!], max: [box[3]!, box[4]!], bottom: bottom.top, layers: rest };
}

function ascii(text: string, unit: number): CliLayer[] {
  const layers: CliLayer[] = [];
  for (const [, word, rest] of text.matchAll(/\$\$(LAYER|POLYLINE)\/([^$\r\n]*)/g)) {
    const numbers = rest!.split(',').map(Number);
    if (word === 'LAYER') layers.push({ top: numbers[0]! * unit, contours: [] });
    else layers.at(-1)?.contours.push(numbers.slice(3).map((n) => n * unit));
  }
  return layers;
}

const LAYER = 127;
const POLYLINE = 130;

function binary(bytes: Uint8Array, start: number, unit: number): CliLayer[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const layers: CliLayer[] = [];
  for (let at = start; at + 6 <= data.byteLength; ) {
    const command = data.getUint16(at, true);
    if (command === LAYER) {
      layers.push({ top: data.getFloat32(at + 2, true) * unit, contours: [] });
      at += 6;
    } else if (command === POLYLINE && at + 14 <= data.byteLength) {
      const count = data.getInt32(at + 10, true);
      if (count < 0 || at + 14 + 8 * count > data.byteLength) throw new Error(texts.noCli);
      layers.at(-1)?.contours.push(Array.from({ length: 2 * count }, (_, i) => data.getFloat32(at + 14 + 4 * i, true) * unit));
      at += 14 + 8 * count;
    } else {
      throw new Error(texts.noCli);
    }
  }
  return layers;
}
