// Work that was not done again: a job's log names the one that had done it before (docs/api.md).
import type { LogLine } from './client';

/** The job whose results a job was given, by its log; null where it did its work itself. */
export function reusedFrom(log: LogLine[]): string | null {
  const said = log.map(({ text }) => /^the same work was done by job (\S+): its results are reused$/.exec(text)).find(Boolean);
  return said?.[1] ?? null;
}
