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

  constructor(
    private fetch: Fetch<T>,
    private limit = 200,
  ) {}

  /** Starts again, with another way to ask where one is given. The rows stay until the new ones are there. */
  async load(fetch = this.fetch) {
    this.fetch = fetch;
    await this.read(undefined);
  }

  async loadMore() {
    if (this.more && !this.loading) await this.read(this.rows.at(-1)?.id);
  }

  /** Puts rows in by their id: known ones where they are, new ones in front where `wanted` says so. */
  put(changed: T[], wanted: (row: T) => boolean) {
    const byId = new Map(changed.map((row) => [row.id, row]));
    const known = new Set(this.rows.map((row) => row.id));
    const kept = this.rows.flatMap((row) => {
      const now = byId.get(row.id) ?? row;
      return now === row || wanted(now) ? [now] : [];
    });
    const newest = Number(this.rows[0]?.id ?? -1);
    const isNew = (row: T) => !known.has(row.id) && Number(row.id) > newest && wanted(row);
    const added = changed.filter(isNew).sort((a, b) => Number(b.id) - Number(a.id));
    this.rows = [...added, ...kept];
  }

  drop(ids: string[]) {
    this.rows = this.rows.filter((row) => !ids.includes(row.id));
  }

  private async read(after: string | undefined) {
    const turn = ++this.turn;
    this.loading = true;
    this.fault = '';
    try {
      const { data, response } = await ask(this.fetch({ limit: String(this.limit), after }));
      // A later question has been asked meanwhile: this answer is of no use.
      if (turn !== this.turn) return;
      this.rows = after === undefined ? data : [...this.rows, ...data];
      this.more = response.headers.get('link')?.includes('rel="next"') ?? false;
    } catch (fault) {
      if (turn === this.turn) this.fault = textOf(fault);
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }
}

/** A search term `field:*text*` for text that a person typed. */
export function contains(field: string, text: string): string {
  const plain = text.replace(/["*]/g, '').trim();
  return plain ? `${field}:"*${plain}*"` : '';
}

export const both = (...terms: string[]) => terms.filter(Boolean).join(' AND ') || undefined;
