// What job types and operators there are, as the server tells it.
import { api, ask } from './client';
import type { components } from '../../types/schema';

export type JobType = components['schemas']['JobType'];
export type Operator = components['schemas']['Operator'];
export type Parameter = JobType['parameters'][number];

/** Asks once; again only where there was no answer. */
function once<T>(fetch: () => Promise<T>): () => Promise<T> {
  let known: Promise<T> | undefined;
  return () => {
    known ??= fetch();
    known.catch(() => (known = undefined));
    return known;
  };
}

export const jobTypes = once(() => ask(api.GET('/job-types')).then(({ data }) => data));
export const operators = once(() => ask(api.GET('/operators')).then(({ data }) => data));
