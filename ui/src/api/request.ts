// The request that would make a finished job or workflow again.
import type { Job, NewJob } from './client';

/** What a parameter's text says: JSON where it is JSON that is no mere word, else the text. */
export function native(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? text : value;
  } catch {
    return text;
  }
}

/** Slots that hold several files show as `name`, `name.1`, `name.2`: they are one list again. */
export function filesOf(assets: Job['inputs']['assets']): Record<string, string | string[]> {
  const slots: Record<string, string[]> = {};
  for (const [slot, asset] of Object.entries(assets ?? {})) {
    const base = slot.replace(/\.[0-9]+$/, '');
    (slots[base in (assets ?? {}) ? base : slot] ??= []).push(asset.filename);
  }
  return Object.fromEntries(Object.entries(slots).map(([slot, names]) => [slot, names.length > 1 ? names : names[0]!]));
}

export function requestOf(job: Job): NewJob {
  const parameters = Object.entries(job.inputs.params ?? {}).map(([name, text]) => [name, native(text)]);
  const request = { type: job.type, assets: filesOf(job.inputs.assets), parameters: Object.fromEntries(parameters) };
  return (job.name && !job.workflow_id ? { ...request, name: job.name } : request) as NewJob;
}
