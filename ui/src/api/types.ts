// What job types there are, as the server tells it.
import { api, ask } from './client';
import type { components } from '../../types/schema';

export type JobType = components['schemas']['JobType'];
export type Parameter = JobType['parameters'][number];

let known: Promise<JobType[]> | undefined;

/** The server's job types, asked for once. */
export function jobTypes(): Promise<JobType[]> {
  known ??= ask(api.GET('/job-types')).then(({ data }) => data);
  known.catch(() => (known = undefined));
  return known;
}
