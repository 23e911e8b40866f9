// What an asset is and what is known of it: a volume by the job that made it, a mesh by its own bytes.
import { api, ask, type Asset, type Job } from '../../api/client';
import { kindOf } from '../../format';
import { warningsIn, type Warning } from '../../api/warnings';
import { words } from '../../words';
import type { Patch, Vec } from '../../scene/field';

export interface Shown {
  asset: Asset;
  kind: 'mesh' | 'volume';
  job?: Job;
  /** Of a volume. */
  patch?: Patch;
  isByte?: boolean;
  /** mm that a stored 127 stands for; null where no one says. */
  width?: number | null;
  warnings: Warning[];
}

const numbers = (text: string | undefined): Vec | undefined => {
  try {
    const list: unknown = JSON.parse(text ?? '');
    return Array.isArray(list) && list.length === 3 && list.every((n) => Number.isFinite(n)) ? (list as Vec) : undefined;
  } catch {
    return undefined;
  }
};

/** `warned`: a job that was made of it, whose warnings are shown as well. */
export async function lookUp(project: string, id: string, warned: string | null): Promise<Shown> {
  const path = { projectId: project };
  const { data: asset } = await ask(
    api.GET('/projects/{projectId}/assets/{assetId}', { params: { path: { ...path, assetId: id } } }),
  );
  const jobOf = async (jobId: string) => (await ask(api.GET('/projects/{projectId}/jobs/{jobId}', { params: { path: { ...path, jobId } } }))).data;
  const job = asset.job_id ? await jobOf(asset.job_id) : undefined;
  const jobs = [job, warned && warned !== asset.job_id ? await jobOf(warned) : undefined];
  const warnings = jobs.flatMap((one) => warningsIn(one?.outputs.params?.warnings));
  if (kindOf(asset.filename) === 'mesh') return { asset, kind: 'mesh', job, warnings };
  const results = job?.outputs.params ?? {};
  const [size, offset, resolution] = ['patch_size', 'patch_offset', 'patch_resolution'].map((name) => numbers(results[name]));
  if (!size || !offset || !resolution) throw new Error(words.view.noPatch(asset.filename));
  const samples = resolution[0] * resolution[1] * resolution[2];
  if (![samples, 4 * samples].includes(asset.size)) throw new Error(words.view.otherSize(asset.size, resolution));
  const patch = { size, offset, resolution };
  const isByte = asset.size === samples;
  return { asset, kind: 'volume', job, patch, isByte, width: isByte ? widthOf(job, patch) : null, warnings };
}

/** A Byte volume saturates at its job's `width`, by default 3 diagonals of a cell. */
function widthOf(job: Job | undefined, patch: Patch): number | null {
  const said = Number(job?.inputs.params?.width);
  if (said > 0) return said;
  if (job?.type !== 'implicit/from-mesh') return null;
  return 3 * Math.hypot(...patch.size.map((s, a) => s / Math.max(1, patch.resolution[a]! - 1)));
}
