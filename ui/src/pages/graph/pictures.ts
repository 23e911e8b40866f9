// Pictures of lattices, each drawn once of a preview: how its cells look.
import { api, ask } from '../../api/client';
import { colours } from '../../scene/looks';
import { Stage } from '../../scene/stage';
import { shapeOf } from './preview.svelte';

/** Samples along two cells. */
const SAMPLES = 49;
const made = new Map<string, string>();

/** An operator that samples a lattice of cells of 1 mm, with its name here. */
export interface Pictured {
  word: string;
  type: string;
  parameters: object;
}

/** Gives the address of a picture of each, one after the other; those that were made before at once. */
export async function pictureAll(project: string, all: Pictured[], signal: AbortSignal, done: (word: string, url: string) => void) {
  for (const { word } of all) if (made.has(word)) done(word, made.get(word)!);
  const due = all.filter(({ word }) => !made.has(word));
  if (due.length === 0) return;
  const frame = document.createElement('div');
  const canvas = document.createElement('canvas');
  // A stage is as large as what it is in, which is in the document, out of sight.
  frame.className = 'darkroom';
  frame.append(canvas);
  document.body.append(frame);
  const stage = new Stage(canvas, colours(), () => {}, false);
  try {
    for (const { word, ...operator } of due) {
      const { field } = await lattice(project, operator, signal);
      stage.showField(field);
      stage.lookFrom({ round: -50, above: 25, far: 1.4, target: [1, 1, 1] });
      const blob = await stage.picture();
      if (!blob || signal.aborted) return;
      const url = URL.createObjectURL(blob);
      made.set(word, url);
      done(word, url);
    }
  } finally {
    stage.end();
    frame.remove();
  }
}

async function lattice(project: string, operator: object, signal: AbortSignal) {
  const operators = [
    { type: 'GenerateSamplePoints', parameters: { offset: [0, 0, 0], size: [2, 2, 2], resolution: [SAMPLES, SAMPLES, SAMPLES] } },
    operator,
  ];
  const body = { graph: { operators, edges: [{ source: 0, target: [1, 'Points'] }] }, resolution: SAMPLES };
  const params = { path: { projectId: project } };
  const { data } = await ask(api.POST('/projects/{projectId}/preview', { params, body: body as never, signal, parseAs: 'arrayBuffer' }));
  return shapeOf(data as unknown as ArrayBuffer);
}
