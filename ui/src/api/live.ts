// What changes in a project while someone looks at it: from its stream of events, or by asking gently where there is no stream.
import { api, ApiFault, found, type Asset, type Job, type JobState, type Workflow } from './client';
import type { ServerEvent } from './events';
import { KINDS, type Kind, type Listener } from './news';
import { poll } from './poll';
import { openStream } from './stream';

/** Of jobs and workflows the stream tells only this much; assets it tells whole. */
interface Short {
  id: string;
  deleted?: true;
  state: JobState;
  name?: string | null;
  progress?: number;
  workflow_id?: string | null;
}
type InShort = Exclude<Kind, 'asset'>;

/** More changes than this at once are not fetched one by one. */
const MANY = 20;
/** Before what could not be fetched is fetched again. */
const PAUSE = 2000;

/** Follows a project until the function that this gives back is called. */
export function follow(project: string, listener: Listener): () => void {
  const live = new Live(project, listener);
  return () => live.end();
}

class Live {
  private over = new AbortController();
  private close: () => void;
  private timer = 0;
  private begun = false;
  /** Jobs and workflows as they were told last, to tell a change from mere progress. */
  private told = new Map<string, string>();
  private gone = new Set<string>();
  /** What is still to be fetched, and whether that is under way. */
  private due: Record<InShort, Set<string>> = { job: new Set(), workflow: new Set() };
  private fetching = false;

  constructor(
    private project: string,
    private listener: Listener,
  ) {
    this.close = openStream(`/projects/${project}/events`, {
      heard: (event) => this.hear(event),
      silent: (fault) => listener.silent?.(fault),
      refused: () => {
        listener.silent?.(null);
        this.close = poll(project, listener);
      },
    });
  }

  end() {
    this.over.abort();
    clearTimeout(this.timer);
    this.close();
  }

  private hear({ name, data }: ServerEvent) {
    // What changed between the page's own reading and the beginning of the first stream was told to nobody.
    if (name === 'lost' || (name === 'ready' && !this.begun)) void this.listener.anew(KINDS);
    this.begun = true;
    if (!KINDS.includes(name as Kind)) return;
    const kind = name as Kind;
    const news = JSON.parse(data) as Short;
    if (news.deleted) this.hearGone(kind, news.id);
    else if (kind === 'asset') this.listener.assets?.([news as unknown as Asset]);
    else this.hearShort(kind, news);
  }

  private hearGone(kind: Kind, id: string) {
    this.gone.add(`${kind}/${id}`);
    if (kind !== 'asset') this.due[kind].delete(id);
    this.listener.gone?.(kind, [id]);
  }

  private hearShort(kind: InShort, news: Short) {
    if (!(this.listener.wants?.(kind, news) ?? true)) return;
    if (kind === 'job' && news.state === 'started') this.listener.progress?.(news.id, news.progress ?? 0);
    const [place, version] = [`${kind}/${news.id}`, `${news.state} ${news.name}`];
    if (this.told.get(place) === version) return;
    this.told.set(place, version);
    this.due[kind].add(news.id);
    void this.fetchDue();
  }

  private async fetchDue() {
    if (this.fetching) return;
    this.fetching = true;
    try {
      while (this.due.job.size + this.due.workflow.size > 0) {
        await this.fetchKind('job', (id) => this.job(id), (jobs: Job[]) => this.listener.jobs(jobs));
        await this.fetchKind('workflow', (id) => this.workflow(id), (all: Workflow[]) => this.listener.workflows?.(all));
      }
    } catch (fault) {
      if (this.over.signal.aborted) return;
      if (!(fault instanceof ApiFault)) throw fault;
      this.timer = window.setTimeout(() => void this.fetchDue(), (fault.retryAfter ?? 0) * 1000 || PAUSE);
    } finally {
      this.fetching = false;
    }
  }

  private async fetchKind<T extends { id: string }>(kind: InShort, fetch: (id: string) => Promise<T | null>, tell: (all: T[]) => void) {
    const ids = [...this.due[kind]];
    this.due[kind].clear();
    if (ids.length > MANY) return this.listener.anew([kind]);
    try {
      const whole = (await Promise.all(ids.map(fetch))).filter((one) => one !== null);
      const there = whole.filter(({ id }) => !this.gone.has(`${kind}/${id}`));
      if (there.length > 0 && !this.over.signal.aborted) tell(there);
    } catch (fault) {
      for (const id of ids) this.due[kind].add(id);
      throw fault;
    }
  }

  private job(jobId: string) {
    const params = { path: { projectId: this.project, jobId } };
    return found(api.GET('/projects/{projectId}/jobs/{jobId}', { params, signal: this.over.signal }));
  }

  private workflow(workflowId: string) {
    const params = { path: { projectId: this.project, workflowId } };
    return found(api.GET('/projects/{projectId}/workflows/{workflowId}', { params, signal: this.over.signal }));
  }
}
