// The graph as it is edited: operators with places, what feeds what, and every change as a new document.
import { fits, passesOn, type Operators, type Port } from './operators';

export interface Node {
  id: string;
  type: string;
  /** As the server takes them; what is left out has its default. */
  parameters: Record<string, unknown>;
  /** Pixels of the drawing, to the right and down. */
  x: number;
  y: number;
  /** Left out of what is computed: its first input of the same kind goes past it. */
  muted?: boolean;
}
/** What `source` gives goes into the input `port` of `target`; an input has one such edge at most. */
export interface Edge {
  source: string;
  target: string;
  port: string;
}
/** Never changed, only replaced: so that undo keeps the old ones. */
export interface Graph {
  nodes: Node[];
  edges: Edge[];
}

export const EMPTY: Graph = { nodes: [], edges: [] };

/** What is looked up in a graph, found once for each: graphs do not change. */
interface Index {
  nodes: Map<string, Node>;
  /** By the node that they end at. */
  into: Map<string, Edge[]>;
  labels: Map<string, string>;
}
const indices = new WeakMap<Graph, Index>();

function indexOf(graph: Graph): Index {
  const known = indices.get(graph);
  if (known) return known;
  const index: Index = { nodes: new Map(graph.nodes.map((node) => [node.id, node])), into: new Map(), labels: new Map() };
  for (const edge of graph.edges) {
    const others = index.into.get(edge.target);
    if (others) others.push(edge);
    else index.into.set(edge.target, [edge]);
  }
  const counts = new Map<string, number>();
  for (const { type } of graph.nodes) counts.set(type, (counts.get(type) ?? 0) + 1);
  const seen = new Map<string, number>();
  for (const { id, type } of graph.nodes) {
    const number = (seen.get(type) ?? 0) + 1;
    seen.set(type, number);
    index.labels.set(id, counts.get(type)! > 1 ? `${type} ${number}` : type);
  }
  indices.set(graph, index);
  return index;
}

export const nodeOf = (graph: Graph, id: string) => indexOf(graph).nodes.get(id);
export const edgesInto = (graph: Graph, target: string): readonly Edge[] => indexOf(graph).into.get(target) ?? [];
export const feeding = (graph: Graph, target: string, port: string) => edgesInto(graph, target).find((edge) => edge.port === port);

/** The node's inputs: those of its operator, then those that only its edges know (of an older form, or of an operator that is not known). */
export function portsOf(graph: Graph, operators: Operators, id: string): Port[] {
  const type = nodeOf(graph, id)?.type ?? '';
  const known = operators.get(type)?.inputs ?? [];
  const others = edgesInto(graph, id).filter(({ port }) => !known.some(({ name }) => name === port));
  return [...known, ...others.map(({ port }): Port => ({ name: port, type: 'Any', required: false, channels: null, wants: 'Sign' }))];
}

/** An id that the graph does not have. */
export function freshId(graph: Graph): string {
  const numbers = graph.nodes.map(({ id }) => Number(id.replace(/^n/, ''))).filter(Number.isFinite);
  return `n${Math.max(0, ...numbers) + 1}`;
}

/** The operator's type, with a number where the graph has several of them. */
export const labelOf = (graph: Graph, id: string) => indexOf(graph).labels.get(id) ?? '';

export const add = (graph: Graph, node: Node): Graph => ({ ...graph, nodes: [...graph.nodes, node] });

export const change = (graph: Graph, id: string, to: Partial<Omit<Node, 'id'>>): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node) => (node.id === id ? { ...node, ...to } : node)),
});

/** Sets a parameter; `undefined` gives it back its default. */
export function setParameter(graph: Graph, id: string, name: string, value: unknown): Graph {
  const { [name]: _, ...rest } = nodeOf(graph, id)?.parameters ?? {};
  return change(graph, id, { parameters: value === undefined ? rest : { ...rest, [name]: value } });
}

export function move(graph: Graph, places: Map<string, { x: number; y: number }>): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, ...places.get(node.id) })) };
}

/** Mutes what is heard; where all are muted already, all are heard again. */
export function mute(graph: Graph, ids: string[]): Graph {
  const all = graph.nodes.filter(({ id }) => ids.includes(id)).every(({ muted }) => muted);
  const set = ({ muted: _, ...node }: Node): Node => (all ? node : { ...node, muted: true });
  return { ...graph, nodes: graph.nodes.map((node) => (ids.includes(node.id) ? set(node) : node)) };
}

/** All that the nodes are computed of, themselves among it. */
export function upstream(graph: Graph, ids: string[]): Set<string> {
  const found = new Set(ids);
  const due = [...ids];
  for (let id = due.pop(); id !== undefined; id = due.pop()) {
    for (const { source } of edgesInto(graph, id)) {
      if (found.has(source)) continue;
      found.add(source);
      due.push(source);
    }
  }
  return found;
}

/** All nodes, what feeds a node before it; in a circle, as they come. */
export function inOrder(graph: Graph): Node[] {
  const done = new Set<string>();
  const ordered: Node[] = [];
  const isReady = ({ id }: Node) => edgesInto(graph, id).every(({ source }) => done.has(source));
  for (let due = graph.nodes; due.length > 0; due = due.filter(({ id }) => !done.has(id))) {
    const ready = due.filter(isReady);
    for (const node of ready.length > 0 ? ready : due) {
      done.add(node.id);
      ordered.push(node);
    }
  }
  return ordered;
}

/** Why an output cannot go into an input; null where it can. */
export type Refusal = { why: 'kind'; gives: string; takes: string } | { why: 'circle' } | null;

export function refusal(graph: Graph, operators: Operators, source: string, target: string, port: string): Refusal {
  if (upstream(graph, [source]).has(target)) return { why: 'circle' };
  const gives = operators.get(nodeOf(graph, source)?.type ?? '')?.output;
  const takes = portsOf(graph, operators, target).find(({ name }) => name === port)?.type;
  return fits(gives, takes) ? null : { why: 'kind', gives: gives!, takes: takes! };
}

/** Joins an output to an input, in place of what fed that input before. */
export function connect(graph: Graph, edge: Edge): Graph {
  const others = graph.edges.filter(({ target, port }) => target !== edge.target || port !== edge.port);
  return { ...graph, edges: [...others, edge] };
}

export const disconnect = (graph: Graph, target: string, port: string): Graph => ({
  ...graph,
  edges: graph.edges.filter((edge) => edge.target !== target || edge.port !== port),
});

/** What reaches past a node that is muted or taken out: the source of its first input of the kind that it gives. */
export function past(graph: Graph, operators: Operators, id: string): string | undefined {
  const ports = portsOf(graph, operators, id);
  const output = operators.get(nodeOf(graph, id)?.type ?? '')?.output;
  const port = ports.find(({ type }) => passesOn(type, output));
  return port && feeding(graph, id, port.name)?.source;
}

/** The node itself, or, where it is muted, the one that is heard in its place; undefined where nothing is. */
export function heard(graph: Graph, operators: Operators, id: string): string | undefined {
  let at: string | undefined = id;
  // A path without a circle is no longer than the graph.
  for (let n = 0; at !== undefined && n <= graph.nodes.length; n++) {
    if (!nodeOf(graph, at)?.muted) return at;
    at = past(graph, operators, at);
  }
  return undefined;
}

/** Takes nodes out. With `reconnect`, what they fed is fed by what reaches past them, where that fits. */
export function remove(graph: Graph, operators: Operators, ids: string[], reconnect = false): Graph {
  const gone = new Set(ids);
  const without = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, muted: gone.has(node.id) })) };
  const edges = graph.edges.flatMap((edge): Edge[] => {
    if (gone.has(edge.target)) return [];
    if (!gone.has(edge.source)) return [edge];
    const source = reconnect ? heard(without, operators, edge.source) : undefined;
    return source && !refusal(graph, operators, source, edge.target, edge.port) ? [{ ...edge, source }] : [];
  });
  return { nodes: graph.nodes.filter(({ id }) => !gone.has(id)), edges };
}

/** The input of an operator through which it can stand on an edge; undefined where it cannot. */
export function insertable(graph: Graph, operators: Operators, edge: Edge, type: string): string | undefined {
  const given = operators.get(nodeOf(graph, edge.source)?.type ?? '')?.output;
  const taken = portsOf(graph, operators, edge.target).find(({ name }) => name === edge.port)?.type;
  const operator = operators.get(type);
  if (!operator || !fits(operator.output, taken)) return undefined;
  return operator.inputs.find((port) => fits(given, port.type) && passesOn(port.type, operator.output))?.name
    ?? operator.inputs.find((port) => fits(given, port.type))?.name;
}

/** Puts a new node on an edge: what fed the input feeds it, and it feeds the input. */
export function insert(graph: Graph, operators: Operators, edge: Edge, node: Node): Graph {
  const port = insertable(graph, operators, edge, node.type);
  const added = add(graph, node);
  if (!port) return added;
  const { source, target } = edge;
  return connect(connect(added, { source, target: node.id, port }), { source: node.id, target, port: edge.port });
}

/** The nodes and the edges among them. */
export function part(graph: Graph, ids: string[]): Graph {
  const inside = new Set(ids);
  return {
    nodes: graph.nodes.filter(({ id }) => inside.has(id)),
    edges: graph.edges.filter(({ source, target }) => inside.has(source) && inside.has(target)),
  };
}

/** Adds a copy of a part, beside where that was; gives the ids of the new nodes, in the part's order. */
export function paste(graph: Graph, copied: Graph, by = 40): { graph: Graph; ids: string[] } {
  let next = graph;
  const names = new Map<string, string>();
  for (const node of copied.nodes) {
    const id = freshId(next);
    names.set(node.id, id);
    next = add(next, { ...node, id, x: node.x + by, y: node.y + by });
  }
  const edges = copied.edges.map(({ source, target, port }) => ({ source: names.get(source)!, target: names.get(target)!, port }));
  return { graph: { ...next, edges: [...next.edges, ...edges] }, ids: [...names.values()] };
}

/** Nodes that are heard and feed no other: the result, if there is one such node. */
export function results(graph: Graph, operators: Operators): string[] {
  const fed = new Set<string>();
  for (const edge of graph.edges) {
    if (nodeOf(graph, edge.target)?.muted) continue;
    const source = heard(graph, operators, edge.source);
    if (source) fed.add(source);
  }
  return graph.nodes.filter(({ id, muted }) => !muted && !fed.has(id)).map(({ id }) => id);
}

/** A graph whose new node is joined to what is at hand: the chosen nodes one after the other, else the points that the first of them is made of. */
export function addBeside(graph: Graph, operators: Operators, node: Node, chosen: string[]): Graph {
  let next = add(graph, node);
  const free = [...chosen];
  for (const port of operators.get(node.type)?.inputs ?? []) {
    const at = free.findIndex((id) => !refusal(next, operators, id, node.id, port.name));
    let source = at < 0 ? undefined : free.splice(at, 1)[0];
    if (!source && port.required && port.type === 'Vec3f') source = pointsOf(next, operators, chosen);
    if (source) next = connect(next, { source, target: node.id, port: port.name });
  }
  return next;
}

/** Where points come from that these nodes are made of; of the whole graph, where nothing is chosen and there is one such source. */
function pointsOf(graph: Graph, operators: Operators, chosen: string[]): string | undefined {
  const givesPoints = ({ type }: Node) => operators.get(type)?.output === 'Vec3f' && operators.get(type)?.group === 'source';
  const above = upstream(graph, chosen);
  const near = graph.nodes.filter((node) => above.has(node.id) && givesPoints(node));
  if (near.length > 0) return near[0]!.id;
  const all = graph.nodes.filter(givesPoints);
  return all.length === 1 ? all[0]!.id : undefined;
}
