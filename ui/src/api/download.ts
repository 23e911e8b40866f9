// An asset's bytes: a signed link of this origin, which needs no key.
import { api, ApiFault, ask } from './client';
import { words } from '../words';

/** A link that opens the asset's bytes for an hour. */
export async function linkOf(project: string, asset: string): Promise<string> {
  const path = { projectId: project, assetId: asset };
  const { data } = await ask(
    api.GET('/projects/{projectId}/assets/{assetId}', { params: { path, query: { download: 'true' } } }),
  );
  const link = (data as { link?: string }).link;
  if (!link) throw new ApiFault(0, words.faults.noLink);
  // The server may know itself by another name than this page does; the signature covers the path, not the host.
  const url = new URL(link);
  return url.pathname + url.search;
}

/** Saves the asset as a file of the browser's. */
export async function save(project: string, asset: { id: string; filename: string }) {
  const anchor = document.createElement('a');
  anchor.href = await linkOf(project, asset.id);
  anchor.download = asset.filename;
  anchor.click();
}

/** The asset's bytes, with the fraction that has come so far. */
export async function bytesOf(
  project: string,
  asset: { id: string; size: number },
  told: (fraction: number) => void,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(await linkOf(project, asset.id), { signal });
  if (!response.ok || !response.body) throw new ApiFault(response.status, words.faults.status(response.status));
  const bytes = new Uint8Array(asset.size);
  let have = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (have + value.length > bytes.length) throw new ApiFault(0, words.faults.cutOff);
    bytes.set(value, have);
    have += value.length;
    told(have / Math.max(1, bytes.length));
  }
  if (have !== bytes.length) throw new ApiFault(0, words.faults.cutOff);
  return bytes;
}
