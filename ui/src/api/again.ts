// What a workflow's jobs were given by whoever started it, out of what they show.
import type { Job, NewWorkflow } from './client';
import { filesOf, native } from './request';

type Given = Pick<NewWorkflow, 'assets' | 'parameters'>;

/** Files that no job of the workflow made, and parameters that no job before computed, as `job.input` and `job.parameter`. */
export function givenTo(jobs: Job[], definition: string): Required<Given> {
  const ours = new Map(jobs.map((job) => [job.id, job]));
  const given = { assets: {} as Record<string, unknown>, parameters: {} as Record<string, unknown> };
  for (const job of jobs.filter(({ name }) => name)) {
    const files = Object.entries(job.inputs.assets ?? {}).filter(([, asset]) => !ours.has(asset.job_id ?? ''));
    for (const [slot, names] of Object.entries(filesOf(Object.fromEntries(files)))) given.assets[`${job.name}.${slot}`] = names;
    const before = job.needs.flatMap((need) => Object.entries(ours.get(need)?.outputs.params ?? {}));
    // A reference names the parameter that it stands for; its value is what that job computed, and will be another next time.
    const isComputed = (text: string) => before.some(([name, value]) => value === text && definition.includes(name));
    for (const [name, text] of Object.entries(job.inputs.params ?? {}))
      if (!isComputed(text)) given.parameters[`${job.name}.${name}`] = native(text);
  }
  return given as Required<Given>;
}
