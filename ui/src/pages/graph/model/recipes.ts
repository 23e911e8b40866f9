// Ready graphs, laid around a part of the project: their grid holds it, and what is placed in them is placed at its middle.
import type { ServerGraph } from './exchange';

type Vec = [number, number, number];
export interface Box {
  min: Vec;
  max: Vec;
}

/** Cells on the longest axis of a grid that is laid around a part. */
const CELLS = 128;
/** How far it reaches beyond the part on each side, of the part's longest extent. */
const MARGIN = 0.05;

/** Parameters of a grid of cubes around a box. */
export function gridAround({ min, max }: Box): { offset: Vec; size: Vec; resolution: Vec } {
  const extent = max.map((n, a) => n - min[a]!);
  const longest = Math.max(...extent) || 1;
  const margin = MARGIN * longest;
  const cell = (longest + 2 * margin) / CELLS;
  // Numbers that people read: a thousandth of a cell is as good as none.
  const digits = 10 ** (3 - Math.floor(Math.log10(cell)));
  const round = (n: number) => Math.round(n * digits) / digits + 0;
  const counts = extent.map((n) => Math.ceil((n + 2 * margin) / cell - 1e-9)) as Vec;
  const size = counts.map((n) => round(n * cell)) as Vec;
  const offset = size.map((n, a) => round((min[a]! + max[a]! - n) / 2)) as Vec;
  return { offset, size, resolution: counts.map((n) => n + 1) as Vec };
}

/** How wide a letter is with the gap beside it, in heights: letters differ, but most are narrower. */
const LETTER = 0.75;
/** How much of a face its text takes at most, in either direction. */
const TAKEN = 0.8;

/** Parameters that write a line on the upper side of a box, in its middle. */
export function onTop({ min, max }: Box, text: string): { height: number; thickness: number; xform: number[] } {
  const [width, depth] = [max[0] - min[0], max[1] - min[1]];
  const most = TAKEN * Math.min(depth, width / (LETTER * text.length));
  const height = Number(most.toPrecision(2));
  return { height, thickness: Math.min(1, height / 5), xform: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, (min[0] + max[0]) / 2, (min[1] + max[1]) / 2, max[2], 1] };
}

/** The recipe for a file of the project, and around it where its box is known. */
export function fitted(recipe: ServerGraph, file: string, box?: Box): ServerGraph {
  const middle = box && box.min.map((n, a) => (n + box.max[a]!) / 2);
  const operators = recipe.operators.map(({ type, parameters = {} }) => {
    const mesh = parameters.mesh_data as { path: string } | undefined;
    if (mesh) return { type, parameters: { ...parameters, mesh_data: { ...mesh, path: file } } };
    if (!box || !middle) return { type, parameters };
    if (type === 'GenerateSamplePoints') return { type, parameters: { ...parameters, ...gridAround(box) } };
    if (type === 'SampleText') return { type, parameters: { ...parameters, ...onTop(box, String(parameters.text)) } };
    if (type !== 'SampleBox') return { type, parameters };
    return { type, parameters: { ...parameters, xform: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, ...middle, 1] } };
  });
  return { ...recipe, operators };
}

/** Whether a recipe is for a part. */
export const needsPart = (recipe: ServerGraph) => recipe.operators.some(({ parameters }) => parameters?.mesh_data !== undefined);
