// Deletes that can be undone: what is deleted goes out of sight at once, and from the server only when the time to undo is over.
import { textOf } from './api/client';

export interface Notice {
  id: number;
  text: string;
  /** Present while it can be undone. */
  undo?: () => void;
  bad?: boolean;
}

const SECONDS = 7;
const state = $state({ notices: [] as Notice[], hidden: [] as string[] });
const waiting = new Map<number, (leaving?: boolean) => Promise<void>>();
let last = 0;

export const notices = () => state.notices;
/** Whether a thing (`project/7`, `asset/12`) is on its way out. */
export const isHidden = (thing: string) => state.hidden.includes(thing);

export function notice(text: string, bad = false) {
  const id = ++last;
  state.notices.push({ id, text, bad });
  setTimeout(() => dismiss(id), bad ? 12_000 : 5_000);
}

export function dismiss(id: number) {
  void waiting.get(id)?.();
  state.notices = state.notices.filter((n) => n.id !== id);
}

/** Hides `thing`, and after a while carries out `remove`, unless it is undone. */
export function removeLater(thing: string, text: string, remove: (leaving: boolean) => Promise<unknown>) {
  const id = ++last;
  const show = () => (state.hidden = state.hidden.filter((t) => t !== thing));
  const carryOut = async (leaving = false) => {
    clearTimeout(timer);
    if (!waiting.delete(id)) return;
    state.notices = state.notices.filter((n) => n.id !== id);
    try {
      await remove(leaving);
    } catch (fault) {
      show();
      notice(textOf(fault), true);
    }
  };
  const timer = setTimeout(() => void carryOut(), SECONDS * 1000);
  waiting.set(id, carryOut);
  state.hidden.push(thing);
  const undo = () => {
    clearTimeout(timer);
    waiting.delete(id);
    show();
    state.notices = state.notices.filter((n) => n.id !== id);
  };
  state.notices.push({ id, text, undo });
}

// Who closes the page after deleting has deleted: these requests outlive it.
addEventListener('pagehide', () => waiting.forEach((carryOut) => void carryOut(true)));
