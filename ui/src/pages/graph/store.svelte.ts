// The graph at rest: in its project on the server, and as a draft on this device until it is saved there.
import { api, ask } from '../../api/client';
import { nameProject } from '../../api/names.svelte';
import { forgetDraft, keepDraft, keptDraft } from './draft';
import type { Editor } from './editor.svelte';
import { EMPTY, type Graph } from './model/document';
import { NoGraph, read, saved } from './model/exchange';
import { texts } from './words';

/** Milliseconds after a change until the draft is kept. */
const PAUSE = 200;

export class Store {
  /** The document that the project holds. */
  private kept = $state.raw<Graph>(EMPTY);
  /** What the project holds, as text, to see whether someone else has changed it. */
  private base = 'null';
  private timer = 0;
  private opened = false;
  /** When the draft was changed last that was found at the start. */
  restored = $state<number>();
  /** What the project holds, where it is no graph. */
  unreadable = $state('');
  isFull = $state(false);
  savedAt = $state<number>();
  /** Whether the project holds another graph than when this one was begun. */
  overtaken = $state(false);
  isSaved = $derived.by(() => this.kept === this.editor.graph);

  constructor(
    private project: string,
    private editor: Editor,
  ) {}

  private params = () => ({ path: { projectId: this.project } });

  /** Opens the draft, else what the project holds. */
  async open() {
    const { data } = await ask(api.GET('/projects/{projectId}', { params: this.params() }));
    nameProject(this.project, data.name);
    this.base = JSON.stringify(data.graph ?? null);
    this.overtaken = false;
    const draft = keptDraft(this.project);
    this.kept = this.documentOf(data.graph);
    this.editor.open(draft?.document ?? this.kept);
    this.restored = draft?.at;
    this.overtaken = draft !== undefined && draft.base !== this.base;
    this.opened = true;
  }

  /** Opens what the project holds in place of the draft, which undo brings back. */
  async openSaved() {
    const draft = this.editor.graph;
    forgetDraft(this.project);
    await this.open();
    if (draft === this.kept) return;
    this.editor.open(draft);
    this.editor.replace(this.kept, texts.openedSaved);
  }

  private documentOf(graph: unknown): Graph {
    this.unreadable = '';
    if (graph === null || graph === undefined) return EMPTY;
    try {
      return read(graph, this.editor.operators);
    } catch (cause) {
      if (!(cause instanceof NoGraph)) throw cause;
      this.unreadable = cause.message;
      return EMPTY;
    }
  }

  /** Saves it in the project, unless that holds something new there; `over` saves it over that. */
  async save(over = false) {
    const document = this.editor.graph;
    const { data: now } = await ask(api.GET('/projects/{projectId}', { params: this.params() }));
    const held = JSON.stringify(now.graph ?? null);
    if (!over && held !== this.base) {
      this.overtaken = true;
      return;
    }
    const graph = saved(document, this.editor.operators);
    const { data } = await ask(api.PATCH('/projects/{projectId}', { params: this.params(), body: { graph } }));
    this.base = JSON.stringify(data.graph ?? null);
    [this.kept, this.savedAt, this.restored, this.overtaken, this.unreadable] = [document, Date.now(), undefined, false, ''];
    clearTimeout(this.timer);
    if (this.isSaved) forgetDraft(this.project);
  }

  /** The document has changed: it is kept soon. */
  touch() {
    if (!this.opened) return;
    clearTimeout(this.timer);
    if (this.isSaved) forgetDraft(this.project);
    else this.timer = window.setTimeout(() => this.keep(), PAUSE);
  }

  /** Keeps the draft now, if there is something to keep. */
  keep() {
    clearTimeout(this.timer);
    if (!this.opened || this.isSaved) return;
    this.isFull = !keepDraft(this.project, { document: this.editor.graph, base: this.base, at: Date.now() });
  }
}
