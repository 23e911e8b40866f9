// Files in a zip that lies on the server: its directory and each file are fetched when they are needed, by ranges of bytes.
// Source: PKWARE, APPNOTE.TXT 6.3.10, 4.3.7 to 4.3.16 and 4.5.3 (zip64).
import { texts } from './words';

/** Gives the bytes from `start` to before `end`. */
export type Read = (start: number, end: number, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

export interface Entry {
  name: string;
  /** Where its header begins, and how many bytes it has as it is packed. */
  offset: number;
  packed: number;
  isDeflated: boolean;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const long = (data: DataView, at: number) => Number(data.getBigUint64(at, true));
const FULL = 0xffffffff;

/** All files of a zip of `size` bytes, in the order of its directory. */
export async function directoryOf(read: Read, size: number): Promise<Entry[]> {
  const tailAt = Math.max(0, size - 65_577);
  const tail = view(await read(tailAt, size));
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error(texts.noZip);
  let [count, length, start] = [tail.getUint16(end + 10, true), tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  if (end >= 20 && tail.getUint32(end - 20, true) === 0x07064b50) {
    const at = long(tail, end - 12);
    const large = view(await read(at, at + 56));
    [count, length, start] = [long(large, 32), long(large, 40), long(large, 48)];
  }
  return entriesIn(await read(start, start + length), count);
}

function entriesIn(bytes: Uint8Array, count: number): Entry[] {
  const data = view(bytes);
  const entries: Entry[] = [];
  for (let i = 0, at = 0; i < count; i++) {
    if (at + 46 > data.byteLength || data.getUint32(at, true) !== 0x02014b50) throw new Error(texts.noZip);
    const [name, extra, comment] = [28, 30, 32].map((field) => data.getUint16(at + field, true)) as [number, number, number];
    let [packed, offset] = [data.getUint32(at + 20, true), data.getUint32(at + 42, true)];
    for (let x = at + 46 + name; x + 4 <= at + 46 + name + extra; x += 4 + data.getUint16(x + 2, true)) {
      if (data.getUint16(x, true) !== 1) continue;
      let field = x + 4 + (data.getUint32(at + 24, true) === FULL ? 8 : 0);
      if (packed === FULL) [packed, field] = [long(data, field), field + 8];
      if (offset === FULL) offset = long(data, field);
    }
    const text = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name));
    entries.push({ name: text, offset, packed, isDeflated: data.getUint16(at + 10, true) === 8 });
    at += 46 + name + extra + comment;
  }
  return entries;
}

/** A file's bytes. */
export async function fileOf(read: Read, { offset, packed, isDeflated }: Entry, signal?: AbortSignal): Promise<Blob> {
  const header = view(await read(offset, offset + 30, signal));
  const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const bytes = new Blob([await read(start, start + packed, signal)]);
  return isDeflated ? new Response(bytes.stream().pipeThrough(new DecompressionStream('deflate-raw'))).blob() : bytes;
}
