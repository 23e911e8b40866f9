// What the graph looks like, from coarse to fine: the newest request counts, whatever arrives when.
import { api, ApiFault, ask, wrongsOf } from '../../api/client';
import { warningOf, type Warning, type Written as WrittenWarning } from '../../api/warnings';
import { Field, type Vec } from '../../scene/field';
import type { Written } from './model/exchange';
import { placed, type GraphFault } from './model/faults';

/** The line before the samples. */
interface Header {
  resolution: Vec;
  offset: Vec;
  size: Vec;
  cell: number;
  band: number;
  promise: 'distance' | 'pieces' | 'bound' | 'sign';
  bounds: { min: Vec; max: Vec } | null;
  warnings: WrittenWarning[];
  milliseconds: { read: number; load: number; compute: number };
}
export interface Shape {
  field: Field;
  header: Header;
  /** The node whose values these are, what it was computed of, and the samples that were asked for. */
  node: string;
  key: string;
  step: number;
}

/** Samples on the longest axis, one after the other. */
export const STEPS = [48, 96, 128, 192];
/** Milliseconds that a first, coarse answer may take before a newer request ends it. */
const PATIENCE = 300;

/** Answers of a server that has too much to do at the moment. */
const BUSY = [429, 503];

interface Wanted {
  node: string;
  key: string;
  written: Written;
  finest: number;
  force: boolean;
}

/** The header and the samples of an answer. */
export function shapeOf(answer: ArrayBuffer): { header: Header; field: Field } {
  const bytes = new Uint8Array(answer);
  const end = bytes.indexOf(10);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Header;
  const samples = new Int8Array(answer, end + 1);
  const { size, offset, resolution, band } = header;
  return { header, field: new Field({ size, offset, resolution }, samples, band / 127) };
}

export class Preview {
  /** What was computed last; it stays until there is something newer. */
  shape = $state.raw<Shape>();
  fault = $state.raw<GraphFault>();
  /** What is warned of, of the last shape that was looked over: coarse ones are not, which would take longer. */
  warnings = $state.raw<Warning[]>([]);
  /** Why it was not computed finer. */
  coarse = $state('');
  working = $state(false);
  /** What the newest request is of. */
  key = $state('');
  /** Whether what is shown is what was asked for last. */
  current = $derived(this.shape !== undefined && this.shape.key === this.key && !this.fault);
  /** Of this tab, so that a newer request ends an older one on the server, too. */
  private tab = Math.random().toString(36).slice(2);
  private over?: AbortController;
  private next?: Wanted;
  private began = 0;
  private isCoarse = false;
  private finest = 0;
  private timer = 0;

  constructor(private project: string) {}

  /** Shows this from now on; what is shown already is computed again only by `force`. */
  want(node: string, written: Written, finest: number, force = false) {
    const key = JSON.stringify([node, written.graph]);
    if (!force && key === this.key && finest === this.finest) return;
    this.finest = finest;
    this.next = { node, key, written, finest, force };
    this.key = key;
    clearTimeout(this.timer);
    const left = this.working && this.isCoarse ? this.began + PATIENCE - performance.now() : 0;
    // A coarse answer that is about to come is shown, or a slider that is drawn without a pause would show nothing.
    if (left > 0) this.timer = window.setTimeout(() => this.next && this.start(), left);
    else this.start();
  }

  private start() {
    this.over?.abort();
    void this.run();
  }

  /** Wants nothing any more; what is shown stays. */
  stop() {
    clearTimeout(this.timer);
    this.next = undefined;
    this.fault = undefined;
    this.key = '';
    this.over?.abort();
    this.working = false;
  }

  private async run() {
    const over = new AbortController();
    this.over = over;
    this.working = true;
    while (this.next && !over.signal.aborted) {
      const wanted = this.next;
      this.next = undefined;
      try {
        await this.refine(wanted, over.signal);
      } catch (cause) {
        if (over.signal.aborted) return;
        // Another request of this tab has taken its place: it will be told.
        if (cause instanceof ApiFault && cause.status === 409) continue;
        if (this.next) continue;
        if (cause instanceof ApiFault && BUSY.includes(cause.status)) this.retry(wanted, cause.retryAfter);
        this.fault = placed(wrongsOf(cause).split('\n')[0]!, wanted.written);
      }
    }
    if (this.over === over) this.working = false;
  }

  /** Asks again in a while, unless something newer is wanted by then. */
  private retry(wanted: Wanted, seconds = 1) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.key !== wanted.key || this.next) return;
      this.next = wanted;
      this.start();
    }, seconds * 1000);
  }

  /** One request after the other, each finer, until something newer is wanted. */
  private async refine({ node, key, written, finest, force }: Wanted, signal: AbortSignal) {
    // What is shown already, as after an undo, only gets finer.
    const have = this.shape?.key === key && !force ? this.shape.step : 0;
    if (have > 0) this.fault = undefined;
    let last = '';
    for (const [i, resolution] of STEPS.filter((step) => step > have && step <= finest).entries()) {
      this.isCoarse = i === 0;
      this.began = performance.now();
      const isWatched = resolution > STEPS[0]! || finest === STEPS[0];
      const answer = await this.fetch(written, resolution, isWatched, signal).catch((cause) => {
        if (i + have === 0 || signal.aborted || !(cause instanceof ApiFault) || cause.status === 409) throw cause;
        // It is right as it is, and too much for the server when finer.
        this.coarse = cause.message;
        this.warnings = this.shape?.header.warnings.map(warningOf) ?? [];
      });
      if (!answer || signal.aborted) return;
      const { header, field } = answer;
      this.coarse = '';
      this.shape = { header, field, node, key, step: resolution };
      this.fault = undefined;
      if (isWatched) this.warnings = header.warnings.map(warningOf);
      // Samples that are a file's are the same at every step.
      const now = header.resolution.join();
      if (this.next || now === last) return;
      last = now;
    }
  }

  private async fetch(written: Written, resolution: number, watch: boolean, signal: AbortSignal) {
    const params = { path: { projectId: this.project } };
    const body = { graph: written.graph, resolution, watch, tab: this.tab };
    const { data } = await ask(api.POST('/projects/{projectId}/preview', { params, body: body as never, signal, parseAs: 'arrayBuffer' }));
    return shapeOf(data as unknown as ArrayBuffer);
  }
}
