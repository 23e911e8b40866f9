// Numbers, sizes and times as people read them.
import { words } from './words';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `760 kB`: powers of 1000, three digits. */
export function size(bytes: number): string {
  let at = 0;
  let n = bytes;
  while (n >= 999.5 && at < UNITS.length - 1) {
    n /= 1000;
    at += 1;
  }
  return `${at === 0 ? n : Number(n.toPrecision(3))} ${UNITS[at]}`;
}

/** `12.3 s`, `4 min 5 s`, `2 h 3 min`. */
export function duration(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 60) return `${s < 10 ? Number(s.toFixed(1)) : Math.round(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'second'], [60, 'minute'], [24, 'hour'], [7, 'day'], [4.35, 'week'], [12, 'month'], [Infinity, 'year'],
];

/** `2 minutes ago`; the last few seconds are "just now", also for clocks that differ a little. */
export function ago(date: string, now = Date.now()): string {
  let n = (now - Date.parse(date)) / 1000;
  if (n < 5) return words.justNow;
  for (const [many, unit] of STEPS) {
    if (n < many) return relative.format(-Math.floor(n), unit);
    n /= many;
  }
  return date;
}

/** The full date, in the reader's own zone. */
export const fullDate = (date: string) =>
  new Date(date).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** A length, area or other measure with as many digits as help. */
export function measure(n: number, digits = 4): string {
  if (n === 0 || !Number.isFinite(n)) return String(n);
  const size = Math.abs(n);
  if (size >= 1e6 || size < 1e-4) return n.toExponential(digits - 1);
  return String(Number(n.toPrecision(Math.max(digits, Math.ceil(Math.log10(size))))));
}

/** Whether a file of a job can be looked at: a mesh, or a volume whose job says where it lies. */
export const isShown = (slot: string, asset: { filename: string; job_id?: string | null }) =>
  kindOf(asset.filename) === 'mesh' || (kindOf(asset.filename) === 'volume' && slot.startsWith('volume') && !!asset.job_id);

/** Whether a file of a job can be looked at layer by layer. */
export const hasLayers = (slot: string, asset: { filename: string; job_id?: string | null }) =>
  asset.filename.endsWith('.cli') || (slot === 'slices' && asset.filename.endsWith('.zip') && !!asset.job_id);

/** What a file's name says it holds. */
export function kindOf(filename: string): 'mesh' | 'volume' | 'other' {
  const ending = filename.toLowerCase().split('.').pop() ?? '';
  if (['stl', 'obj', 'ply'].includes(ending)) return 'mesh';
  return ending === 'bin' ? 'volume' : 'other';
}
