// Where in the graph the server's error is: it names operators and edges by their numbers in what was sent.
import type { Written } from './exchange';

export interface GraphFault {
  /** In the server's words. */
  text: string;
  /** The node that it is about; undefined where it is about the whole graph. */
  node?: string;
  /** Of the node. */
  parameter?: string;
  port?: string;
}

/** The error of a graph that was sent like this. */
export function placed(text: string, { graph, nodes, targets }: Written): GraphFault {
  const file = /no asset called "(.+?)"/.exec(text)?.[1];
  const reader = file === undefined ? -1 : graph.operators.findIndex(({ parameters }) => fileIn(parameters, file));
  if (reader >= 0) return { text, node: nodes[reader], parameter: fileIn(graph.operators[reader]!.parameters, file!) };
  const operator = /operators\[(\d+)\]/.exec(text);
  const edge = /edges\[(\d+)\]/.exec(text);
  const node = operator ? nodes[Number(operator[1])] : edge ? targets[Number(edge[1])] : undefined;
  if (!node) return { text };
  return { text, node, parameter: /parameter "([^"]+)"/.exec(text)?.[1], port: /input "([^"]+)"/.exec(text)?.[1] };
}

/** The error without the number of its operator, which people do not see at its node. */
export const atItsNode = ({ text }: GraphFault) => text.replace(/^.*?operators\[\d+\] \([^)]*\): /s, '');

/** The parameter that names the file. */
const fileIn = (parameters: Record<string, unknown> | undefined, file: string) =>
  Object.entries(parameters ?? {}).find(([, value]) => (value as { path?: string } | null)?.path === file)?.[0];
