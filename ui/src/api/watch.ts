// One job's own stream of events, read by fetch: an EventSource could not send the key.
import { freshHeaders, type JobState } from './client';
import { eventsIn } from './events';

export interface JobNews {
  state: JobState;
  progress: number;
  error: string | null;
}

/** Calls `heard` with each change of a job until it is over or the function that this gives back is called. A cut stream is opened again. */
export function watchJob(project: string, job: string, heard: (news: JobNews) => void): () => void {
  const over = new AbortController();
  let timer = 0;
  let done = false;

  async function read() {
    const address = `/projects/${project}/jobs/${job}/events`;
    const response = await fetch(address, { headers: await freshHeaders(), signal: over.signal });
    // Who may not or cannot listen is told by the page's own request.
    if (!response.ok || !response.body) return void (done = response.status < 500 && response.status !== 429);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const piece = await reader.read();
      if (piece.done) return;
      const { events, rest } = eventsIn(text + piece.value);
      text = rest;
      for (const { data } of events) {
        const news = JSON.parse(data) as JobNews;
        done = !['pending', 'started'].includes(news.state);
        heard(news);
      }
    }
  }

  async function go() {
    try {
      await read();
    } catch {
      // The connection broke: it is opened again below.
    }
    if (!done && !over.signal.aborted) timer = window.setTimeout(() => void go(), 2000);
  }
  void go();
  return () => {
    over.abort();
    clearTimeout(timer);
  };
}
