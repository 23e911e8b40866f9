// Uploads on their way: two at once, each with its progress, each can be stopped and tried again. One that is cut goes on where it was, also
// when the page is loaded anew and the same file is chosen again.
import { api, ask, textOf, type Asset } from './client';
import { Transfer } from './tus';

export interface Upload {
  id: number;
  project: string;
  file: File;
  state: 'waiting' | 'sending' | 'failed';
  fraction: number;
  /** Bytes in a second, of late. */
  rate: number;
  fault: string;
}

const AT_ONCE = 2;
const state = $state({ uploads: [] as Upload[] });
const transfers = new Map<number, Transfer>();
const listeners = new Set<(project: string, asset: Asset) => void>();
let last = 0;

/** Uploads of a project that are not done. */
export const uploadsOf = (project: string) => state.uploads.filter((u) => u.project === project);

/** Calls `arrived` for each upload that is done; gives what ends that. */
export function onUploaded(arrived: (project: string, asset: Asset) => void) {
  listeners.add(arrived);
  return () => void listeners.delete(arrived);
}

export function upload(project: string, files: Iterable<File>) {
  for (const file of files) {
    state.uploads.push({ id: ++last, project, file, state: 'waiting', fraction: 0, rate: 0, fault: '' });
  }
  next();
}

export function stop(id: number) {
  // With what has come of it.
  transfers.get(id)?.end();
  transfers.delete(id);
  state.uploads = state.uploads.filter((u) => u.id !== id);
  next();
}

export function again(id: number) {
  const upload = state.uploads.find((u) => u.id === id);
  if (upload) Object.assign(upload, { state: 'waiting', fraction: 0, fault: '' });
  next();
}

function next() {
  const sending = state.uploads.filter((u) => u.state === 'sending').length;
  for (const upload of state.uploads.filter((u) => u.state === 'waiting').slice(0, AT_ONCE - sending)) void send(upload);
}

async function send(upload: Upload) {
  upload.state = 'sending';
  const begun = performance.now();
  let first: number | null = null;
  const transfer = new Transfer(`${location.origin}/projects/${upload.project}/uploads`, upload.file, (sent) => {
    first ??= sent;
    upload.fraction = sent / Math.max(1, upload.file.size);
    upload.rate = ((sent - first) / Math.max(1, performance.now() - begun)) * 1000;
  });
  transfers.set(upload.id, transfer);
  try {
    const path = { projectId: upload.project, assetId: await transfer.send() };
    transfer.forget();
    const { data } = await ask(api.GET('/projects/{projectId}/assets/{assetId}', { params: { path } }));
    state.uploads = state.uploads.filter((u) => u.id !== upload.id);
    for (const arrived of listeners) arrived(upload.project, data);
  } catch (fault) {
    // What was stopped is no longer in the list.
    Object.assign(upload, { state: 'failed', fault: textOf(fault) });
  }
  transfers.delete(upload.id);
  next();
}
