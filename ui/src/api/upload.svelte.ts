// Uploads on their way: two at once, each with its progress, each can be stopped and tried again. One that is cut goes on where it was, also
// when the page is loaded anew and the same file is chosen again: the protocol is tus, the browser keeps the address of what has begun.
import type { DetailedError, HttpResponse, Upload as Transfer } from 'tus-js-client';
import { api, ask, faultOf, headers, textOf, type Asset } from './client';
import { words } from '../words';

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
/** How long a cut upload waits for its next tries, in ms. */
const TRIES = [300, 1000, 3000, 5000, 10_000];
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
  transfers.get(id)?.abort(true).catch(() => {});
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
  try {
    const { Upload: Transfer } = await import('tus-js-client');
    const begun = performance.now();
    let first: number | null = null;
    const transfer = new Transfer(upload.file, {
      endpoint: `${location.origin}/projects/${upload.project}/uploads`,
      headers: headers(),
      metadata: { filename: upload.file.name },
      retryDelays: TRIES,
      removeFingerprintOnSuccess: true,
      onProgress: (sent, all) => {
        first ??= sent;
        upload.fraction = sent / Math.max(1, all);
        upload.rate = ((sent - first) / Math.max(1, performance.now() - begun)) * 1000;
      },
      onSuccess: ({ lastResponse }) => void arrived(upload, lastResponse),
      onError: (fault) => fail(upload, textOf(said(fault as DetailedError))),
    });
    transfers.set(upload.id, transfer);
    const [cut] = await transfer.findPreviousUploads();
    if (cut) transfer.resumeFromPreviousUpload(cut);
    // It may have been stopped meanwhile.
    if (transfers.get(upload.id) === transfer) transfer.start();
  } catch (fault) {
    fail(upload, textOf(fault));
  }
}

/** The file is an asset now. */
async function arrived(upload: Upload, response: HttpResponse) {
  try {
    const path = { projectId: upload.project, assetId: response.getHeader('X-Asset') ?? '' };
    const { data } = await ask(api.GET('/projects/{projectId}/assets/{assetId}', { params: { path } }));
    transfers.delete(upload.id);
    state.uploads = state.uploads.filter((u) => u.id !== upload.id);
    for (const arrived of listeners) arrived(upload.project, data);
    next();
  } catch (fault) {
    fail(upload, textOf(fault));
  }
}

/** What the server said, or that it said nothing. */
function said({ originalResponse: response }: DetailedError): Error {
  if (!response?.getStatus()) return new Error(words.faults.unreachable);
  return faultOf({ status: response.getStatus(), headers: new Headers() }, read(response.getBody()));
}

function fail(upload: Upload, fault: string) {
  transfers.delete(upload.id);
  Object.assign(upload, { state: 'failed', fault });
  next();
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
