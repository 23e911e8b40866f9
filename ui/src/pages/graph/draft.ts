// The graph as it was left, kept on this device until it is saved in its project.
import type { Graph } from './model/document';
import { isDocument } from './model/exchange';

export interface Draft {
  document: Graph;
  /** What the project held when it was begun, as text. */
  base: string;
  /** When it was changed last. */
  at: number;
}

const place = (project: string) => `fieldstone.graph.${project}`;

export function keptDraft(project: string): Draft | undefined {
  try {
    const draft = JSON.parse(localStorage.getItem(place(project)) ?? 'null') as Draft | null;
    return draft && isDocument(draft.document) ? draft : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it could be kept: a device may be full, or keep nothing. */
export function keepDraft(project: string, draft: Draft): boolean {
  try {
    localStorage.setItem(place(project), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export const forgetDraft = (project: string) => localStorage.removeItem(place(project));
