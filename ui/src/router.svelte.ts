// Where the reader is, and going from one to the next without loading the document again.

import { placeOf } from './places';

const state = $state({ place: placeOf(location.pathname, location.search) });
export const place = () => state.place;

const read = () => (state.place = placeOf(location.pathname, location.search));

export function go(address: string, replace = false) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  read();
  scrollTo(0, 0);
}

/** Takes over clicks on links to pages of the app; links to anything else stay the browser's. */
export function startRouter() {
  addEventListener('popstate', read);
  document.addEventListener('click', (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const link = (event.target as Element).closest?.('a[href]') as HTMLAnchorElement | null;
    if (!plain || !link || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || placeOf(link.pathname).page === 'nowhere') return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}

export const to = {
  projects: () => '/',
  project: (project: string) => `/p/${project}`,
  run: (project: string, from?: string) => `/p/${project}/run${from ? `?from=${from}` : ''}`,
  start: (project: string, from?: string) => `/p/${project}/start${from ? `?from=${from}` : ''}`,
  job: (project: string, job: string) => `/p/${project}/j/${job}`,
  workflow: (project: string, workflow: string) => `/p/${project}/w/${workflow}`,
  layers: (project: string, asset: string) => `/p/${project}/a/${asset}/layers`,
  graph: (project: string) => `/p/${project}/graph`,
  /** With what another job than its own warns of, where one is named. */
  view: (project: string, asset: string, job?: string) => `/p/${project}/a/${asset}${job ? `?warnings=${job}` : ''}`,
};
