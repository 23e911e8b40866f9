// A long list, page by page: the first at once, the next when the reader comes near the end of what is there.
import { ask, textOf } from './client';

/** Fetches `limit` rows after the one with this id, as `ask` takes it. */
export type Fetch<T> = (query: { limit: string; after?: string }) => Parameters<typeof ask<T[]>>[0];

export class Pages<T extends { id: string }> {
  rows = $state.raw<T[]>([]);
  /** Whether the server has rows after these. */
  more = $state(false);
  loading = $state(true);
  fault = $state('');
  private turn = 0;
  private fetch?: Fetch<T>;
  private wanted: (row: T) => boolean = () => true;
  /** What was put or dropped while the server was asked: its answer may be older. */
  private meanwhile: (() => void)[] = [];

  constructor(private limit = 200) {}

  /** Starts with these rows, and those of `put` that are `wanted`. The rows that are there stay until the new ones are. */
  async load(fetch: Fetch<T>, wanted: (row: T) => boolean = () => true) {
    [this.fetch, this.wanted] = [fetch, wanted];
    await this.read(undefined);
  }

  /** Asks again for what was asked for last, if anything was. */
  async reload() {
    if (this.fetch) await this.read(undefined);
  }

  async loadMore() {
    if (this.more && !this.loading) await this.read(this.rows.at(-1)?.id);
  }

  /** Puts rows in by their id, newest first: known ones in place of what they were, as long as they are wanted, and new ones. A list that was never
   * asked for stays empty. */
  put(changed: T[]) {
    if (!this.fetch) return;
    if (this.loading) this.meanwhile.push(() => this.put(changed));
    const number = (row: T) => Number(row.id);
    const last = this.more ? Math.min(...this.rows.map(number)) : -1;
    const ids = new Set(changed.map((row) => row.id));
    const known = new Set(this.rows.map((row) => row.id));
    // What lies behind the last row comes with its own page.
    const fitting = changed.filter((row) => this.wanted(row) && (known.has(row.id) || number(row) > last));
    this.rows = [...fitting, ...this.rows.filter((row) => !ids.has(row.id))].sort((a, b) => number(b) - number(a));
  }

  drop(ids: string[]) {
    if (this.loading) this.meanwhile.push(() => this.drop(ids));
    this.rows = this.rows.filter((row) => !ids.includes(row.id));
  }

  private async read(after: string | undefined) {
    const turn = ++this.turn;
    this.loading = true;
    this.fault = '';
    try {
      const { data, response } = await ask(this.fetch!({ limit: String(this.limit), after }));
      // A later question has been asked meanwhile: this answer is of no use.
      if (turn !== this.turn) return;
      this.rows = after === undefined ? data : [...this.rows, ...data];
      this.more = response.headers.get('link')?.includes('rel="next"') ?? false;
    } catch (fault) {
      if (turn === this.turn) this.fault = textOf(fault);
    } finally {
      if (turn === this.turn) {
        this.loading = false;
        for (const again of this.meanwhile.splice(0)) again();
      }
    }
  }
}

const plainly = (text: string) => text.replace(/["*]/g, '').trim();

/** Whether the term of `contains` for this text finds a value. */
export const isIn = (value: string, text: string) => value.toLowerCase().includes(plainly(text).toLowerCase());

/** A search term `field:*text*` for text that a person typed. */
export function contains(field: string, text: string): string {
  const plain = plainly(text);
  return plain ? `${field}:"*${plain}*"` : '';
}

export const both = (...terms: string[]) => terms.filter(Boolean).join(' AND ') || undefined;
