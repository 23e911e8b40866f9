// A stream of events that stays: opened again after a cut, behind the last event that was heard. Read by fetch: an EventSource could not
// send the key.
import { ApiFault, faultOf, freshHeaders } from './client';
import { eventsIn, type ServerEvent } from './events';
import { words } from '../words';

export interface Ears {
  heard(event: ServerEvent): void;
  /** The server cannot be heard, or can again. */
  silent(fault: ApiFault | null): void;
  /** There is no stream to be had here; nothing more is told. */
  refused(): void;
}

/** Milliseconds before a cut stream is opened again: twice as long after each try that failed, but never longer than `LONGEST`. */
const SHORTEST = 500;
const LONGEST = 30_000;
export const pauseAfter = (failures: number) => Math.min(LONGEST, SHORTEST * 2 ** failures);
/** A stream that stood shorter than this was no success: some proxies cut each at once. */
const STEADY = 5000;
/** The first event comes at once, and a sign of life every 15 seconds: after so long without one, the connection is dead. */
const FIRST = 15_000;
const QUIET = 45_000;
/** Streams in a row that gave no event: something on the way holds them back. */
const MUTE = 2;

const isRefusal = ({ status }: ApiFault) => status === 501 || (status >= 400 && status < 500 && status !== 408 && status !== 429);

export function openStream(address: string, ears: Ears): () => void {
  const stream = new Stream(address, ears);
  return () => stream.end();
}

class Stream {
  /** The connection in use; none while the page cannot be seen, so that many tabs do not take all that a browser may open. */
  private now: AbortController | null = null;
  private last?: string;
  private failures = 0;
  private mute = 0;
  private timer = 0;
  private watchdog = 0;

  constructor(
    private address: string,
    private ears: Ears,
  ) {
    document.addEventListener('visibilitychange', this.turn);
    this.turn();
  }

  end() {
    document.removeEventListener('visibilitychange', this.turn);
    this.hangUp();
  }

  private turn = () => {
    if (document.visibilityState !== 'visible') return this.hangUp();
    if (!this.now) void this.go();
  };

  private hangUp() {
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.now?.abort();
    this.now = null;
  }

  private async go() {
    const connection = (this.now = new AbortController());
    const began = Date.now();
    let fault: ApiFault | null = null;
    try {
      this.mute += 1;
      await this.read(connection);
    } catch (cause) {
      fault = cause instanceof ApiFault ? cause : new ApiFault(0, words.faults.unreachable);
      // Without an answer nothing is known of what lies on the way, unless the wait for one was over.
      if (!connection.signal.aborted) this.mute = 0;
    }
    if (this.now !== connection) return;
    clearTimeout(this.watchdog);
    if ((fault && isRefusal(fault)) || this.mute >= MUTE) {
      this.end();
      return this.ears.refused();
    }
    this.failures = Date.now() - began >= STEADY && !fault?.status ? 0 : this.failures + 1;
    if (fault && this.failures > 1) this.ears.silent(fault);
    const pause = fault?.retryAfter ? fault.retryAfter * 1000 : pauseAfter(this.failures);
    this.timer = window.setTimeout(() => void this.go(), pause);
  }

  private async read(connection: AbortController) {
    this.expect(connection, FIRST);
    const behind: Record<string, string> = this.last ? { 'Last-Event-ID': this.last } : {};
    const response = await fetch(this.address, { headers: { ...(await freshHeaders()), ...behind }, signal: connection.signal });
    if (!response.ok || !response.body) throw faultOf(response, await response.json().catch(() => null));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ; ) {
      const piece = await reader.read();
      if (piece.done || this.now !== connection) return;
      this.expect(connection, QUIET);
      const { events, rest } = eventsIn(text + piece.value);
      text = rest;
      for (const event of events) this.hear(event);
    }
  }

  private hear(event: ServerEvent) {
    this.mute = 0;
    this.last = event.id ?? this.last;
    this.ears.silent(null);
    this.ears.heard(event);
  }

  private expect(connection: AbortController, within: number) {
    clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(() => connection.abort(), within);
  }
}
