// The state of the editor: the document with its history, what is chosen, what is looked at, and what is being joined.
import { getContext, setContext } from 'svelte';
import * as changes from './model/document';
import { EMPTY, labelOf, nodeOf, portsOf, refusal, results, type Edge, type Graph, type Node } from './model/document';
import type { GraphFault } from './model/faults';
import { begin, changed, redone, undone } from './model/history';
import { COLUMN, laidOut } from './model/layout';
import type { Operator, Operators } from './model/operators';
import { texts } from './words';

/** An end of an edge that waits for the other: an output, or an input. */
export type Joining = { node: string; port?: string };
/** Where a new operator goes: on an edge, or beside what is chosen. */
export type Adding = { edge?: Edge };

const KEY = Symbol('editor');

export class Editor {
  operators = $state.raw<Operators>(new Map());
  files = $state.raw<string[]>([]);
  private history = $state.raw(begin(EMPTY));
  chosen = $state.raw<string[]>([]);
  /** Edges that are chosen in the drawing. */
  wires = $state.raw<Edge[]>([]);
  joining = $state.raw<Joining>();
  adding = $state.raw<Adding>();
  fault = $state.raw<GraphFault>();
  /** What was done last, for those who do not see it. */
  said = $state('');
  /** Counts the graphs that were opened. */
  opened = $state(0);
  private wanted = $state<string>();
  /** What was copied last. */
  private copied: Graph = EMPTY;

  constructor(readonly project: string) {}

  get graph() {
    return this.history.now;
  }
  get undoable() {
    return this.history.before.at(-1)?.what;
  }
  get redoable() {
    return this.history.after[0]?.what;
  }
  ends = $derived(results(this.graph, this.operators));
  /** The node whose shape is shown: the one that is wanted, else the result. */
  looked = $derived(this.wanted && nodeOf(this.graph, this.wanted) ? this.wanted : this.ends.length === 1 ? this.ends[0] : undefined);
  get isPinned() {
    return this.wanted !== undefined && this.looked === this.wanted;
  }

  label = (id: string) => labelOf(this.graph, id);
  operator = (node: Node): Operator | undefined => this.operators.get(node.type);
  ports = (id: string) => portsOf(this.graph, this.operators, id);

  open(graph: Graph) {
    this.history = begin(graph);
    this.chosen = [];
    this.wanted = undefined;
    this.joining = undefined;
    this.fault = undefined;
    this.opened += 1;
  }

  apply(graph: Graph, what: string, mark = '') {
    this.history = changed(this.history, graph, what, mark);
    if (!mark) this.said = what;
    this.chosen = this.chosen.filter((id) => nodeOf(graph, id));
  }
  /** Another graph in place of this one, which undo brings back. */
  replace(graph: Graph, what: string) {
    this.apply(graph, what);
    this.wanted = undefined;
    this.opened += 1;
  }
  undo() {
    const what = this.undoable;
    if (!what) return;
    this.history = undone(this.history);
    this.said = texts.undone(what);
    this.chosen = this.chosen.filter((id) => nodeOf(this.graph, id));
  }
  redo() {
    const what = this.redoable;
    if (!what) return;
    this.history = redone(this.history);
    this.said = texts.redone(what);
  }

  choose(id: string, more = false) {
    const rest = this.chosen.filter((one) => one !== id);
    this.chosen = !more ? [id] : rest.length === this.chosen.length ? [...rest, id] : rest;
  }

  look(id: string) {
    this.wanted = this.wanted === id ? undefined : id;
    this.said = this.wanted ? texts.lookingAt(this.label(id)) : texts.lookingAtResult;
  }

  /** Adds an operator where `adding` says; gives its id. */
  add(operator: Operator, parameters: Record<string, unknown> = {}): string {
    const { edge } = this.adding ?? {};
    const id = changes.freshId(this.graph);
    const node: Node = { id, type: operator.type, parameters, x: 0, y: 0 };
    const next = edge ? changes.insert(this.graph, this.operators, edge, node) : changes.addBeside(this.graph, this.operators, node, this.chosen);
    const fed = next.edges.filter(({ target }) => target === id);
    const what = edge ? texts.inserted(operator.type, this.label(edge.target)) : texts.added(operator.type);
    this.apply(changes.change(next, id, this.placeBehind(fed.map(({ source }) => source))), what);
    this.said = [what, ...fed.map(({ source, port }) => texts.fedBy(port, this.label(source)))].join(' ');
    this.chosen = [id];
    this.adding = undefined;
    return id;
  }

  /** To the right of what feeds a node, else of what was added last, or the next place below at which nothing lies. */
  private placeBehind(sources: string[]) {
    const before = sources.map((id) => nodeOf(this.graph, id)!);
    const from = before.length > 0 ? before : this.graph.nodes.slice(-1);
    const x = from.length > 0 ? Math.max(...from.map((node) => node.x)) + COLUMN : 0;
    const y = from.length > 0 ? Math.min(...from.map((node) => node.y)) : 0;
    const isTaken = (at: number) => this.graph.nodes.some((node) => Math.abs(node.x - x) < 200 && Math.abs(node.y - at) < 110);
    let at = y;
    while (isTaken(at)) at += 120;
    return { x, y: at };
  }

  /** Begins an edge at an output or an input, or ends it at one. */
  join(end: Joining) {
    const start = this.joining;
    this.joining = undefined;
    if (!start) {
      this.joining = end;
      this.said = end.port ? texts.joiningTo(this.label(end.node), end.port) : texts.joiningFrom(this.label(end.node), this.fitting());
      return;
    }
    if (start.node === end.node && start.port === end.port) return this.leave();
    const [source, target, port] = start.port ? [end.node, start.node, start.port] : [start.node, end.node, end.port];
    if (port) this.connect({ source, target, port });
  }

  connect(edge: Edge) {
    this.joining = undefined;
    const no = this.refusal(edge);
    if (no) this.said = no;
    else this.apply(changes.connect(this.graph, edge), texts.joined(this.label(edge.source), this.label(edge.target), edge.port));
  }

  /** Why these cannot be joined; empty where they can. */
  refusal({ source, target, port }: Edge): string {
    const no = refusal(this.graph, this.operators, source, target, port);
    if (!no) return '';
    return no.why === 'circle' ? texts.circle : texts.otherKind(this.label(target), port, no.takes, no.gives);
  }
  /** Why an end cannot take what is being joined; empty where it can. */
  closed(end: Joining): string {
    const start = this.joining;
    if (!start || (start.node === end.node && start.port === end.port)) return '';
    if (!start.port === !end.port) return texts.sameSide;
    return start.port ? this.refusal({ source: end.node, target: start.node, port: start.port }) : this.refusal({ source: start.node, target: end.node, port: end.port! });
  }
  private fitting(): number {
    return this.graph.nodes.flatMap(({ id }) => this.ports(id).filter(({ name }) => !this.closed({ node: id, port: name }))).length;
  }
  leave() {
    if (this.joining) this.said = texts.notJoined;
    this.joining = undefined;
  }

  disconnect(target: string, port: string) {
    if (changes.feeding(this.graph, target, port)) this.apply(changes.disconnect(this.graph, target, port), texts.cut(this.label(target), port));
  }
  set(id: string, name: string, value: unknown) {
    this.apply(changes.setParameter(this.graph, id, name, value), texts.set(name, this.label(id)), `${id}.${name}`);
  }
  mute(ids = this.chosen) {
    if (ids.length > 0) this.apply(changes.mute(this.graph, ids), texts.mutedOnes(this.names(ids)));
  }
  remove(reconnect = false, ids = this.chosen) {
    if (ids.length === 0) return this.cutWires();
    const names = this.names(ids);
    this.apply(changes.remove(this.graph, this.operators, ids, reconnect), (reconnect ? texts.tookOut : texts.deletedOnes)(names));
  }
  private cutWires() {
    const cut = this.wires.reduce((graph, { target, port }) => changes.disconnect(graph, target, port), this.graph);
    if (this.wires.length > 0) this.apply(cut, texts.cutWires(this.wires.length));
    this.wires = [];
  }
  moveTo(places: Map<string, { x: number; y: number }>, mark = '') {
    this.apply(changes.move(this.graph, places), texts.moved, mark);
  }
  arrange() {
    this.apply(laidOut(this.graph), texts.arranged);
  }
  private names = (ids: string[]) => ids.map(this.label).join(', ');

  /** The chosen nodes as a graph of their own. */
  copy(): Graph {
    this.copied = changes.part(this.graph, this.chosen);
    this.said = texts.copiedOnes(this.names(this.chosen));
    return this.copied;
  }
  /** Pastes what was copied here, or a graph from elsewhere below all that is here. */
  paste(part?: Graph) {
    const copied = part ?? this.copied;
    if (copied.nodes.length === 0) return;
    const below = part ? Math.max(0, ...this.graph.nodes.map(({ y }) => y + 160)) : 0;
    const moved = { ...copied, nodes: copied.nodes.map((node) => ({ ...node, y: node.y + below })) };
    const { graph, ids } = changes.paste(this.graph, moved, part ? 0 : undefined);
    this.apply(graph, texts.pastedOnes(ids.length));
    this.chosen = ids;
  }
}

export const shareEditor = (editor: Editor) => setContext(KEY, editor);
export const useEditor = () => getContext<Editor>(KEY);
