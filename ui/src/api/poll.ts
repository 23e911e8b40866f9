// What changes in a project, by asking gently: for where its stream of events cannot be had.
import { api, ApiFault, ask, found, type Job } from './client';
import { isOver, type Listener } from './news';

/** Between two questions while something runs, while nothing does, and while the page cannot be seen. */
const BUSY = 1000;
const IDLE = 4000;
const HIDDEN = 30_000;
/** Jobs whose progress is asked for one by one. */
const WATCHED = 4;
const NEWEST = 50;
const UNFINISHED = '!state:success AND !state:failure AND !state:canceled';

/** Follows a project until the function that this gives back is called. */
export function poll(project: string, listener: Listener): () => void {
  const watch = new Watch(project, listener);
  return () => watch.end();
}

class Watch {
  private timer = 0;
  private over = new AbortController();
  /** The last version seen of each job, to tell what changed; unfinished ones are asked for until they are over. */
  private seen = new Map<string, string>();
  private unfinished = new Set<string>();
  private faults = 0;
  private first = true;

  constructor(
    private project: string,
    private listener: Listener,
  ) {
    document.addEventListener('visibilitychange', this.wake);
    void this.turn();
  }

  end() {
    this.over.abort();
    clearTimeout(this.timer);
    document.removeEventListener('visibilitychange', this.wake);
  }

  private wake = () => {
    if (document.visibilityState !== 'visible') return;
    clearTimeout(this.timer);
    void this.turn();
  };

  private async turn() {
    let pause = document.visibilityState === 'visible' ? IDLE : HIDDEN;
    try {
      await this.look();
      if (this.unfinished.size > 0) pause = Math.min(pause, BUSY);
      if (this.faults > 0) this.listener.silent?.(null);
      this.faults = 0;
    } catch (fault) {
      if (this.over.signal.aborted) return;
      this.faults += 1;
      if (!(fault instanceof ApiFault)) throw fault;
      if (fault.status === 401 || fault.status === 404) return;
      if (this.faults > 1) this.listener.silent?.(fault);
      pause = fault.retryAfter ? fault.retryAfter * 1000 : Math.min(HIDDEN, IDLE * this.faults);
    }
    if (this.over.signal.aborted) return;
    this.timer = window.setTimeout(() => void this.turn(), pause);
  }

  private async look() {
    const newest = await this.list(undefined, NEWEST);
    const open = await this.list(UNFINISHED, 200);
    const now = new Map([...open, ...newest].map((job) => [job.id, job]));
    const finished: Job[] = [];
    const gone: string[] = [];
    for (const id of this.unfinished) {
      if (now.has(id)) continue;
      const job = await this.one(id);
      if (job) finished.push(job);
      else gone.push(id);
    }
    const wanted = (job: Job) => this.listener.wants?.('job', job) ?? true;
    const changed = [...finished, ...now.values()].filter((job) => this.isNews(job) && wanted(job));
    this.unfinished = new Set([...now.values()].filter((job) => !isOver(job)).map((job) => job.id));
    if (gone.length > 0) this.listener.gone?.('job', gone);
    if (changed.length > 0) this.listener.jobs(changed);
    if (!this.first && (gone.length > 0 || changed.length > 0)) void this.listener.anew(['workflow', 'asset']);
    this.first = false;
    await this.tellProgress([...now.values()].filter((job) => job.state === 'started').slice(0, WATCHED));
  }

  private isNews(job: Job): boolean {
    const version = `${job.state} ${job.name} ${job.started}`;
    if (this.seen.get(job.id) === version) return false;
    this.seen.set(job.id, version);
    return true;
  }

  private async tellProgress(running: Job[]) {
    if (!this.listener.progress) return;
    for (const job of running) {
      try {
        const path = { projectId: this.project, jobId: job.id };
        const { response } = await ask(
          api.GET('/projects/{projectId}/jobs/{jobId}/status', { params: { path }, signal: this.over.signal }),
        );
        const fraction = Number(response.headers.get('x-progress'));
        if (response.status === 202) this.listener.progress(job.id, fraction);
      } catch (fault) {
        // A job that has failed by now answers 400; the next turn shows it.
        if (!(fault instanceof ApiFault) || ![400, 404].includes(fault.status)) throw fault;
      }
    }
  }

  private async list(q: string | undefined, limit: number): Promise<Job[]> {
    const params = { path: { projectId: this.project }, query: { limit: String(limit), q } };
    const { data } = await ask(api.GET('/projects/{projectId}/jobs', { params, signal: this.over.signal }));
    return data;
  }

  private one(id: string): Promise<Job | null> {
    const params = { path: { projectId: this.project, jobId: id } };
    return found(api.GET('/projects/{projectId}/jobs/{jobId}', { params, signal: this.over.signal }));
  }
}
