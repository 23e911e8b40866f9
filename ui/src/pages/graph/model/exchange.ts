// The graph as the server takes it, and back: muted operators left out there, places kept beside.
import { feeding, heard, portsOf, type Edge, type Graph, type Node } from './document';
import { laidOut } from './layout';
import type { Operators } from './operators';

export interface ServerGraph {
  operators: { type: string; parameters?: Record<string, unknown> }[];
  edges: { source: number; target: [number, string] }[];
}
/** With what the server does not read: the document as it is edited. */
export interface SavedGraph extends ServerGraph {
  editor?: { document: Graph };
}

export interface Written {
  graph: ServerGraph;
  /** The node of each operator, and that at which each edge ends. */
  nodes: string[];
  targets: string[];
}

/** What the server computes: the nodes that are heard; with `target` only those that it is made of. */
export function written(document: Graph, operators: Operators, target?: string): Written {
  const fed = (id: string) =>
    portsOf(document, operators, id).flatMap(({ name }) => {
      const edge = feeding(document, id, name);
      const source = edge && heard(document, operators, edge.source);
      return source ? [{ port: name, source }] : [];
    });
  const root = target && heard(document, operators, target);
  const wanted = new Set<string>(root ? [root] : []);
  for (const id of wanted) for (const { source } of fed(id)) wanted.add(source);
  const nodes = document.nodes.filter(({ id, muted }) => !muted && (target === undefined || wanted.has(id)));
  const numbers = new Map(nodes.map(({ id }, i) => [id, i]));
  const edges = nodes.flatMap(({ id }, i) =>
    fed(id).map(({ port, source }) => ({ source: numbers.get(source)!, target: [i, port] as [number, string] })),
  );
  return {
    graph: { operators: nodes.map(({ type, parameters }) => ({ type, parameters })), edges },
    nodes: nodes.map(({ id }) => id),
    targets: edges.map(({ target: [at] }) => nodes[at]!.id),
  };
}

/** What the project keeps: what is computed, and beside it the document with its places and muted nodes. */
export const saved = (document: Graph, operators: Operators): SavedGraph => ({
  ...written(document, operators).graph,
  editor: { document },
});

/** Why a text is no graph. */
export class NoGraph extends Error {}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The document of a graph, or of its text. Places that it does not have are found for it. */
export function read(given: unknown, operators: Operators): Graph {
  let value = given;
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value);
    } catch (cause) {
      throw new NoGraph(cause instanceof Error ? cause.message : String(cause));
    }
  }
  if (!isObject(value) || !Array.isArray(value.operators)) throw new NoGraph('expected {"operators": […], "edges": […]}');
  const graph = value as unknown as SavedGraph;
  const kept = documentOf(graph.editor);
  // Who changed the operators without this editor has changed the graph: the document beside them is out of date.
  if (kept && JSON.stringify(written(kept, operators).graph) === JSON.stringify({ operators: graph.operators, edges: graph.edges })) return kept;
  const nodes = graph.operators.map((operator, i): Node => {
    if (!isObject(operator) || typeof operator.type !== 'string') throw new NoGraph(`operators[${i}]: expected an object with a "type"`);
    return { id: `n${i + 1}`, type: operator.type, parameters: isObject(operator.parameters) ? operator.parameters : {}, x: 0, y: 0 };
  });
  const edges = (graph.edges ?? []).map((edge, i): Edge => {
    const [at, port] = Array.isArray(edge?.target) ? edge.target : [];
    const [source, target] = [nodes[edge?.source], nodes[at as number]];
    if (!source || !target || typeof port !== 'string') throw new NoGraph(`edges[${i}]: expected {"source": index, "target": [index, input]}`);
    return { source: source.id, target: target.id, port };
  });
  return laidOut({ nodes, edges });
}

function documentOf(editor: unknown): Graph | undefined {
  const document = isObject(editor) ? editor.document : undefined;
  return isDocument(document) ? document : undefined;
}

/** Whether something that was kept is a document of this editor, whole. */
export function isDocument(document: unknown): document is Graph {
  if (!isObject(document) || !Array.isArray(document.nodes) || !Array.isArray(document.edges)) return false;
  const isNode = (node: unknown) =>
    isObject(node) && typeof node.id === 'string' && typeof node.type === 'string' && isObject(node.parameters) && Number.isFinite(node.x) && Number.isFinite(node.y);
  const ids = new Set(document.nodes.filter(isNode).map((node) => (node as Node).id));
  const isEdge = (edge: unknown) => isObject(edge) && ids.has(edge.source as string) && ids.has(edge.target as string) && typeof edge.port === 'string';
  return ids.size === document.nodes.length && document.edges.every(isEdge);
}
