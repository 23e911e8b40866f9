// Something of a large volume before all of it has come: every so manieth sample, which the server picks.
import { api, ask } from '../../api/client';
import { Field, strideFor, type Patch } from '../../scene/field';
import type { Shown } from './load';

/** So many samples come at once: 64 on each axis. */
const SAMPLES = 2 ** 18;
const MOST_STRIDE = 64;

/** What values are multiplied with: a stored 127 stands for the width. */
export const scaleOf = (shown: Shown) => (shown.isByte ? (shown.width ?? 1) / 127 : 1);

/** The volume at a lower resolution; null where it is small enough to come as a whole. */
export async function coarseField(project: string, shown: Shown): Promise<Field | null> {
  const stride = Math.min(MOST_STRIDE, strideFor(shown.patch!.resolution, SAMPLES));
  if (stride === 1) return null;
  const params = { path: { projectId: project, assetId: shown.asset.id }, query: { stride: String(stride) } };
  const { data } = await ask(api.GET('/projects/{projectId}/assets/{assetId}/volume', { params, parseAs: 'arrayBuffer' }));
  const bytes = new Uint8Array(data as unknown as ArrayBuffer);
  const end = bytes.indexOf(10);
  const patch = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Patch;
  // Floats have to begin at a multiple of four.
  const samples = bytes.slice(end + 1).buffer;
  return new Field(patch, shown.isByte ? new Int8Array(samples) : new Float32Array(samples), scaleOf(shown));
}
