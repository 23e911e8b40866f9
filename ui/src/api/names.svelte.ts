// Names of projects by their ids, for the way back; asked for once.
import { api, ask } from './client';
import { words } from '../words';

const names = $state<Record<string, string>>({});
const asked = new Set<string>();

export function nameProject(id: string, name: string) {
  names[id] = name;
}

/** The project's name, or a word for it until that is known. */
export function projectName(id: string): string {
  return names[id] ?? words.toProject;
}

export async function learnName(id: string) {
  if (names[id] || asked.has(id)) return;
  asked.add(id);
  // Without a name the word for it does; the page says by itself what is wrong.
  const known = await ask(api.GET('/projects/{projectId}', { params: { path: { projectId: id } } })).catch(() => null);
  if (known) nameProject(id, known.data.name);
  else asked.delete(id);
}
