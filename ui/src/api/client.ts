// The server's API, typed by its own document. Every call either gives the data or throws an `ApiFault`.
import createClient from 'openapi-fetch';
import { key, signOut } from '../session.svelte';
import { ready } from './ready';
import { words } from '../words';
import type { components, paths } from '../../types/schema';

export type Project = components['schemas']['Project'];
export type Asset = components['schemas']['Asset'];
export type Job = components['schemas']['Job'];
export type Workflow = components['schemas']['Workflow'];
export type LogLine = components['schemas']['LogLine'];
export type NewJob = components['schemas']['NewJob'];
export type NewWorkflow = components['schemas']['NewWorkflow'];
export type JobState = Job['state'];

/** What the server (or the way to it) said instead of an answer. */
export class ApiFault extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Which fields of the request are wrong, in the server's words. */
    readonly fields: { field: string; msg: string }[] = [],
    /** Seconds to wait before the next try, where the server named them. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** Dates in the form that the document describes, whatever dialect the key has. */
const SPELLING = { Prefer: 'dialect=openapi' };

export const headers = (): Record<string, string> => {
  const token = key();
  return token ? { ...SPELLING, Authorization: `Bearer ${token}` } : SPELLING;
};

/** The same once they may be used: a token that is about to end is renewed first. */
export async function freshHeaders() {
  await ready();
  return headers();
}

const client = createClient<paths>({ baseUrl: location.origin });
client.use({
  async onRequest({ request }) {
    for (const [name, value] of Object.entries(await freshHeaders())) request.headers.set(name, value);
    return request;
  },
});
export const api = client;

/** The fault in a reply's body, whatever its form. */
export function faultOf(response: { status: number; headers: Headers }, body: unknown): ApiFault {
  const said = (body ?? {}) as { description?: string; errors?: { field: string; msg: string }[] };
  const retry = Number(response.headers.get('retry-after')) || undefined;
  return new ApiFault(response.status, said.description ?? words.faults.status(response.status), said.errors, retry);
}

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of a call. A key that the server does not know (any more) signs out. */
export async function ask<T>(call: Promise<Reply<T>>): Promise<{ data: NonNullable<T>; response: Response }> {
  let reply: Reply<T>;
  try {
    reply = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiFault(0, words.faults.unreachable);
  }
  if (!reply.response.ok) {
    const fault = faultOf(reply.response, reply.error);
    if (fault.status === 401 && !reply.response.headers.get('www-authenticate')?.includes('scope=')) signOut('refused');
    throw fault;
  }
  return { data: reply.data as NonNullable<T>, response: reply.response };
}

/** The data of a call, or null where there is no such thing (any more). */
export async function found<T>(call: Promise<Reply<T>>): Promise<NonNullable<T> | null> {
  try {
    return (await ask(call)).data;
  } catch (fault) {
    if (fault instanceof ApiFault && fault.status === 404) return null;
    throw fault;
  }
}

export const textOf = (fault: unknown) => (fault instanceof Error ? fault.message : String(fault));

/** The same with a line for each field that is wrong. */
export const wrongsOf = (fault: unknown) => {
  const fields = fault instanceof ApiFault ? fault.fields : [];
  return [textOf(fault), ...fields.map(({ field, msg }) => `${field}: ${msg}`)].join('\n');
};

/** Names of a project's newest files, for forms to offer. */
export async function filenames(project: string): Promise<string[]> {
  const params = { path: { projectId: project }, query: { limit: '500' } };
  const { data } = await ask(api.GET('/projects/{projectId}/assets', { params }));
  return [...new Set(data.map((asset) => asset.filename))];
}
