// Where the reader is, and going from one to the next without loading the document again.

import { placeOf, type Place } from './places';

const state = $state({ place: placeOf(location.pathname, location.search) });
export const place = () => state.place;

const read = () => (state.place = placeOf(location.pathname, location.search));

export function go(address: string, replace = false) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  read();
  scrollTo(0, 0);
}

/** The link to a page of the app that is pressed, so that it opens here. */
function pressed(event: MouseEvent): HTMLAnchorElement | undefined {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const link = (event.target as Element).closest?.('a[href]') as HTMLAnchorElement | null;
  if (!plain || !link || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
  if (link.origin !== location.origin || placeOf(link.pathname).page === 'nowhere') return;
  return link.hash && link.pathname === location.pathname ? undefined : link;
}

/** Takes over clicks on links to pages of the app; links to anything else stay the browser's. `ahead` is told of a page as soon as the mouse is down on a link to it. */
export function startRouter(ahead: (to: Place) => void) {
  addEventListener('popstate', read);
  document.addEventListener('click', (event) => {
    const link = pressed(event);
    if (!link) return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
  document.addEventListener('pointerdown', (event) => {
    // A finger may be about to scroll.
    const link = event.pointerType === 'mouse' && pressed(event);
    if (link) ahead(placeOf(link.pathname, link.search));
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
