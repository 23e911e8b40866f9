// Undo and redo: the documents before this one and after it.

export interface History<T> {
  before: { document: T; what: string }[];
  now: T;
  after: { document: T; what: string }[];
  /** What the last change was of; another of the same soon after is part of it. */
  mark: string;
  at: number;
}

/** Steps that are kept. */
const STEPS = 200;
/** Milliseconds within which changes with the same mark are one: a slider that is drawn is undone at once. */
const TOGETHER = 1000;

export const begin = <T>(now: T): History<T> => ({ before: [], now, after: [], mark: '', at: 0 });

/** The history with a change; `what` says it to people, `mark` is not empty where the next change of the same mark continues it. */
export function changed<T>(history: History<T>, document: T, what: string, mark = '', at = Date.now()): History<T> {
  if (document === history.now) return history;
  const continues = mark !== '' && mark === history.mark && at - history.at < TOGETHER && history.before.length > 0;
  const before = continues ? history.before : [...history.before, { document: history.now, what }].slice(-STEPS);
  return { before, now: document, after: [], mark, at };
}

export function undone<T>(history: History<T>): History<T> {
  const last = history.before.at(-1);
  if (!last) return history;
  const after = [{ document: history.now, what: last.what }, ...history.after];
  return { before: history.before.slice(0, -1), now: last.document, after, mark: '', at: 0 };
}

export function redone<T>(history: History<T>): History<T> {
  const [next, ...after] = history.after;
  if (!next) return history;
  return { before: [...history.before, { document: history.now, what: next.what }], now: next.document, after, mark: '', at: 0 };
}
