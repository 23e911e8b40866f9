// A file that goes to the server by the tus protocol 1.0 (https://tus.io/protocols/resumable-upload): it goes on where it was cut, also after the
// page was loaded anew, and waits while the server is away. The protocol's own client has 15 kB, packed, of which one server needs this much.
import { key } from '../session.svelte';
import { ApiFault, faultOf, headers } from './client';
import { ready } from './ready';
import { words } from '../words';

const VERSION = { 'Tus-Resumable': '1.0.0' };
/** How long it waits for its next tries when it is cut, in ms; what comes through begins them anew. */
const TRIES = [300, 1000, 3000, 5000, 10_000];
/** Answers after which the same may succeed later, 0 is none at all. */
const isPassing = (status: number) => status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;
/** Answers after which an upload must begin anew. */
const isGone = (status: number) => status === 404 || status === 410;

export class Transfer {
  private url: string | null;
  private request: XMLHttpRequest | null = null;
  private ended = false;
  private readonly place: string;

  constructor(
    /** Where uploads begin. */
    private readonly endpoint: string,
    private readonly file: File,
    /** Told of the bytes that are there, and on their way. */
    private readonly told: (sent: number) => void,
  ) {
    this.place = ['fieldstone.upload', endpoint, file.name, file.size, file.lastModified].join(' ');
    this.url = localStorage.getItem(this.place);
  }

  /** Sends what the server has not; gives the asset's id. */
  async send(): Promise<string> {
    let [best, tries] = [-1, 0];
    for (;;) {
      await ready();
      const used = key();
      try {
        let reply = await (this.url ? this.call('HEAD', this.url) : this.begin());
        let asset = reply.getResponseHeader('X-Asset');
        if (!asset) {
          const offset = Number(reply.getResponseHeader('Upload-Offset'));
          if (offset > best) [best, tries] = [offset, 0];
          reply = await this.piece(offset);
          asset = reply.getResponseHeader('X-Asset');
        }
        if (asset) return asset;
        throw new ApiFault(0, words.faults.cutOff);
      } catch (fault) {
        const status = fault instanceof ApiFault ? fault.status : NaN;
        const isStale = isGone(status) && this.url !== null;
        // The token of an issuer may have ended on the way: there is a new one, or nobody is signed in.
        if (status === 401) await ready();
        const isRenewed = status === 401 && key() !== null && key() !== used;
        if (this.ended || tries === TRIES.length || !(isStale || isRenewed || isPassing(status))) throw fault;
        if (isStale) this.forget();
        await new Promise((go) => setTimeout(go, TRIES[tries++]));
      }
    }
  }

  /** Ends it, and what has come of it. */
  end() {
    this.ended = true;
    this.request?.abort();
    if (this.url) void fetch(this.url, { method: 'DELETE', headers: { ...headers(), ...VERSION } }).catch(() => {});
    this.forget();
  }

  /** It need not go on any more. */
  forget() {
    localStorage.removeItem(this.place);
    this.url = null;
  }

  private async begin() {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(this.file.name)));
    const reply = await this.call('POST', this.endpoint, {
      'Upload-Length': String(this.file.size),
      'Upload-Metadata': `filename ${name}`,
    });
    this.url = new URL(reply.getResponseHeader('Location')!, this.endpoint).href;
    localStorage.setItem(this.place, this.url);
    return reply;
  }

  private piece(offset: number) {
    const type = { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset) };
    return this.call('PATCH', this.url!, type, this.file.slice(offset), (sent) => this.told(offset + sent));
  }

  /** One request. XMLHttpRequest, because fetch does not tell how much of a body is sent. */
  private call(method: string, url: string, more: Record<string, string> = {}, body?: Blob, told?: (sent: number) => void) {
    return new Promise<XMLHttpRequest>((answered, refused) => {
      if (this.ended) return refused(new ApiFault(0, words.faults.cutOff));
      const request = (this.request = new XMLHttpRequest());
      request.open(method, url);
      for (const [name, value] of Object.entries({ ...headers(), ...VERSION, ...more })) request.setRequestHeader(name, value);
      if (told) request.upload.onprogress = ({ loaded }) => told(loaded);
      request.onload = () => {
        if (request.status < 300) answered(request);
        else refused(faultOf({ status: request.status, headers: new Headers() }, read(request.responseText)));
      };
      request.onerror = () => refused(new ApiFault(0, words.faults.unreachable));
      request.onabort = () => refused(new ApiFault(0, words.faults.cutOff));
      request.send(body);
    });
  }
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
