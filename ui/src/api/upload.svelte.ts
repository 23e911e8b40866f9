// Uploads on their way: two at once, each with its progress, each can be stopped and tried again.
import { faultOf, headers, textOf, type Asset } from './client';
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
const state = $state({ uploads: [] as Upload[] });
const requests = new Map<number, XMLHttpRequest>();
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
  requests.get(id)?.abort();
  requests.delete(id);
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
  for (const upload of state.uploads.filter((u) => u.state === 'waiting').slice(0, AT_ONCE - sending)) send(upload);
}

function send(upload: Upload) {
  upload.state = 'sending';
  // fetch() does not tell how much of a body has been sent.
  const request = new XMLHttpRequest();
  requests.set(upload.id, request);
  const begun = performance.now();
  request.upload.onprogress = (event) => {
    upload.fraction = event.loaded / Math.max(1, event.total);
    upload.rate = (event.loaded / Math.max(1, performance.now() - begun)) * 1000;
  };
  request.onload = () => {
    requests.delete(upload.id);
    const body = read(request.responseText);
    if (request.status === 201) {
      state.uploads = state.uploads.filter((u) => u.id !== upload.id);
      for (const arrived of listeners) arrived(upload.project, body as Asset);
    } else {
      const reply = { status: request.status, headers: new Headers() };
      fail(upload, textOf(faultOf(reply, body)));
    }
    next();
  };
  request.onerror = () => {
    requests.delete(upload.id);
    fail(upload, words.faults.unreachable);
    next();
  };
  request.open('POST', `/projects/${upload.project}/assets`);
  for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
  const body = new FormData();
  body.append('file', upload.file, upload.file.name);
  request.send(body);
}

function fail(upload: Upload, fault: string) {
  Object.assign(upload, { state: 'failed', fault });
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
