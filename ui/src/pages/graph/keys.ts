// The editor's keys: they count while nothing is typed into a field.
import type { Editor } from './editor.svelte';

const MOVES: Record<string, [number, number]> = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };

const typing = (event: Event) => (event.target as Element).closest('input, select, textarea, dialog, canvas') !== null;

function move(editor: Editor, [dx, dy]: [number, number]) {
  const chosen = editor.graph.nodes.filter(({ id }) => editor.chosen.includes(id));
  if (chosen.length === 0) return false;
  editor.moveTo(new Map(chosen.map(({ id, x, y }) => [id, { x: x + dx, y: y + dy }])), 'keys');
  return true;
}

function plain(editor: Editor, event: KeyboardEvent): boolean {
  const { key } = event;
  const isOnNode = (event.target as Element).closest('.node') !== null;
  if (MOVES[key]) return isOnNode && move(editor, MOVES[key]);
  const last = editor.chosen.at(-1);
  const acts: Record<string, (() => void) | undefined> = {
    a: () => (editor.adding = {}),
    m: () => editor.mute(),
    x: () => editor.remove(true),
    l: last ? () => editor.look(last) : undefined,
    Delete: () => editor.remove(),
    Backspace: () => editor.remove(),
    Escape: () => (editor.joining ? editor.leave() : (editor.chosen = [])),
  };
  acts[key]?.();
  return acts[key] !== undefined;
}

function withControl(editor: Editor, event: KeyboardEvent): boolean {
  const acts: Record<string, () => void> = {
    z: () => (event.shiftKey ? editor.redo() : editor.undo()),
    y: () => editor.redo(),
    a: () => (editor.chosen = editor.graph.nodes.map(({ id }) => id)),
    d: () => {
      editor.copy();
      editor.paste();
    },
  };
  acts[event.key.toLowerCase()]?.();
  return event.key.toLowerCase() in acts;
}

/** Does what a key says; whether it said something. */
export function keyed(editor: Editor, event: KeyboardEvent): boolean {
  if (typing(event) || event.altKey) return false;
  const done = event.ctrlKey || event.metaKey ? withControl(editor, event) : plain(editor, event);
  if (done) event.preventDefault();
  return done;
}
