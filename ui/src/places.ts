// Which page an address names.

/** Pages and their addresses; `:name` is a number. The server answers `/` and all below `/p/` with this app. */
const PAGES = {
  projects: '/',
  project: '/p/:project',
  run: '/p/:project/run',
  job: '/p/:project/j/:job',
  workflow: '/p/:project/w/:workflow',
  start: '/p/:project/start',
  view: '/p/:project/a/:asset',
  layers: '/p/:project/a/:asset/layers',
  graph: '/p/:project/graph',
} as const;

export type PageName = keyof typeof PAGES;
export interface Place {
  page: PageName | 'nowhere';
  params: Record<string, string>;
  query: URLSearchParams;
}

const table = Object.entries(PAGES).map(([page, path]) => ({
  page: page as PageName,
  pattern: new RegExp('^' + path.replace(/:(\w+)/g, '(?<$1>[0-9]+)') + '/?$'),
}));

/** What an address names. */
export function placeOf(path: string, search = ''): Place {
  for (const { page, pattern } of table) {
    const found = pattern.exec(path);
    if (found) return { page, params: { ...found.groups }, query: new URLSearchParams(search) };
  }
  return { page: 'nowhere', params: {}, query: new URLSearchParams(search) };
}
