// Places for nodes that have none: a column for each step from the sources, and in it the order in which edges cross least.
import type { Graph } from './document';

export const COLUMN = 300;
const ROW = 150;
/** Times that columns are put into order by their neighbours; more changes nothing in graphs that people read. */
const ROUNDS = 8;

/**
 * The graph with a place for every node: layers by the longest path, order within them by barycentres, up and down in turn
 * (Sugiyama, Tagawa, Toda 1981, sections 3 and 4, without nodes for long edges).
 */
export function laidOut(graph: Graph): Graph {
  const layers = layered(graph);
  const columns: string[][] = [];
  for (const { id } of graph.nodes) (columns[layers.get(id)!] ??= []).push(id);
  const sources = neighbours(graph, 'target', 'source');
  const targets = neighbours(graph, 'source', 'target');
  for (let round = 0; round < ROUNDS; round++) {
    const down = round % 2 === 0;
    const order = down ? columns : [...columns].reverse();
    for (const column of order) sortBy(column, (down ? sources : targets), rows(columns));
  }
  const row = rows(columns);
  const tallest = Math.max(0, ...columns.map((column) => column.length));
  const place = (id: string) => {
    const layer = layers.get(id)!;
    return { x: layer * COLUMN, y: (row.get(id)! + (tallest - columns[layer]!.length) / 2) * ROW };
  };
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, ...place(node.id) })) };
}

/** Steps from a source, by the longest way; in a circle no more than there are nodes. */
function layered(graph: Graph): Map<string, number> {
  const layers = new Map(graph.nodes.map(({ id }) => [id, 0]));
  for (let n = 0; n < graph.nodes.length; n++) {
    let moved = false;
    for (const { source, target } of graph.edges) {
      if (layers.get(target)! > layers.get(source)!) continue;
      layers.set(target, layers.get(source)! + 1);
      moved = true;
    }
    if (!moved) break;
  }
  const used = [...new Set(layers.values())].sort((a, b) => a - b);
  return new Map([...layers].map(([id, layer]) => [id, used.indexOf(layer)]));
}

function neighbours(graph: Graph, from: 'source' | 'target', to: 'source' | 'target'): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const edge of graph.edges) found.set(edge[from], [...(found.get(edge[from]) ?? []), edge[to]]);
  return found;
}

const rows = (columns: string[][]) => new Map(columns.flatMap((column) => column.map((id, i) => [id, i - column.length / 2] as const).map(([id, at]) => [id, at + column.length / 2] as const)));

function sortBy(column: string[], near: Map<string, string[]>, row: Map<string, number>) {
  const mean = (id: string) => {
    const list = near.get(id) ?? [];
    return list.length > 0 ? list.reduce((sum, one) => sum + row.get(one)!, 0) / list.length : row.get(id)!;
  };
  const means = new Map(column.map((id) => [id, mean(id)]));
  column.sort((a, b) => means.get(a)! - means.get(b)!);
}
