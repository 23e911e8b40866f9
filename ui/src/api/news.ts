// What a page wants to hear of a project while someone looks at it.
import type { ApiFault, Asset, Job, Workflow } from './client';

export type Kind = 'job' | 'workflow' | 'asset';
export const KINDS: Kind[] = ['job', 'workflow', 'asset'];

export interface Listener {
  /** Which jobs and workflows are wanted; all, where this is missing. */
  wants?(kind: Kind, one: { id: string; workflow_id?: string | null }): boolean;
  /** Jobs that are new or have changed, each whole. */
  jobs(changed: Job[]): void;
  workflows?(changed: Workflow[]): void;
  assets?(changed: Asset[]): void;
  /** Fraction done of a job that runs. */
  progress?(job: string, fraction: number): void;
  /** What is no longer there. */
  gone?(kind: Kind, ids: string[]): void;
  /** Anything of these kinds may have changed: it is to be read again. */
  anew(kinds: Kind[]): Promise<unknown>;
  /** The server cannot be heard, or can again. */
  silent?(fault: ApiFault | null): void;
}

export const isOver = (job: Pick<Job, 'state'>) => !['pending', 'started'].includes(job.state);
