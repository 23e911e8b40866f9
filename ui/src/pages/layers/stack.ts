// The layers of an asset: of a zip of pictures or contours, of a CLI file, or of a volume plane by plane.
import { bytesOf, linkOf } from '../../api/download';
import { api, ApiFault, ask, type Asset, type Job } from '../../api/client';
import { Field, type Vec } from '../../scene/field';
import { words } from '../../words';
import { texts } from './words';
import { scaleOf } from '../view/coarse';
import { lookUp } from '../view/load';
import { readCli } from './cli';
import { areaOf, contoursOf, contoursOfSvg, type Contour } from './contours';
import { directoryOf, fileOf, type Read } from './zip';

export interface Layer {
  contours?: Contour[];
  picture?: ImageBitmap;
  /** mm²; missing of a picture that is too large to be counted. */
  area?: number;
}
export interface Stack {
  asset: Asset;
  count: number;
  /** The height of a layer, mm; of slices whose job does not say where they lie, above the bottom of their grid. */
  heightOf: (k: number) => number;
  isAboveBottom: boolean;
  /** What all layers lie in, mm. */
  min: [number, number];
  max: [number, number];
  layer: (k: number, signal: AbortSignal) => Promise<Layer>;
}

/** Bytes of a CLI file and pixels of a picture at most. */
const MOST_BYTES = 2 ** 28;
const MOST_PIXELS = 2 ** 25;

export async function stackOf(project: string, id: string, told: (fraction: number) => void, signal: AbortSignal): Promise<Stack> {
  const path = { projectId: project, assetId: id };
  const { data: asset } = await ask(api.GET('/projects/{projectId}/assets/{assetId}', { params: { path } }));
  const ending = asset.filename.toLowerCase().split('.').pop();
  if (ending === 'cli') return ofCli(asset, await bytesOf(project, small(asset), told, signal));
  if (ending === 'zip' && asset.job_id) {
    const where = { projectId: project, jobId: asset.job_id };
    const { data: job } = await ask(api.GET('/projects/{projectId}/jobs/{jobId}', { params: { path: where } }));
    if (job.type === 'export_slices') return ofZip(project, asset, job);
  }
  if (ending === 'bin') return ofVolume(project, id, told, signal);
  throw new Error(texts.cannotRead(asset.filename));
}

function small(asset: Asset): Asset {
  if (asset.size > MOST_BYTES) throw new Error(texts.tooLarge(asset.filename));
  return asset;
}

const enclosed = (contours: Contour[]): Layer => ({ contours, area: contours.reduce((sum, one) => sum + areaOf(one), 0) });

function ofCli(asset: Asset, bytes: Uint8Array): Stack {
  const { layers, bottom, min, max } = readCli(bytes);
  const heightOf = (k: number) => ((layers[k - 1]?.top ?? bottom) + layers[k]!.top) / 2;
  return { asset, count: layers.length, heightOf, isAboveBottom: false, min, max, layer: async (k) => enclosed(layers[k]!.contours) };
}

async function ofVolume(project: string, id: string, told: (fraction: number) => void, signal: AbortSignal): Promise<Stack> {
  const shown = await lookUp(project, id, null);
  if (!shown.patch) throw new Error(texts.cannotRead(shown.asset.filename));
  const bytes = await bytesOf(project, shown.asset, told, signal);
  const field = new Field(shown.patch, shown.isByte ? new Int8Array(bytes.buffer) : new Float32Array(bytes.buffer), scaleOf(shown));
  const { offset, size, resolution } = shown.patch;
  const [min, max] = [[offset[0], offset[1]], [offset[0] + size[0], offset[1] + size[1]]] as [Vec2, Vec2];
  const heightOf = (k: number) => offset[2] + k * field.cell[2];
  return { asset: shown.asset, count: resolution[2], heightOf, isAboveBottom: false, min, max, layer: async (k) => enclosed(contoursOf(field, k)) };
}
type Vec2 = [number, number];

/** A number or a list of them that a job was given, else what it takes by itself. */
function given<T>(job: Job, name: string, otherwise: T): T {
  const text = job.inputs.params?.[name];
  return text === undefined ? otherwise : (JSON.parse(text) as T);
}

async function ofZip(project: string, asset: Asset, job: Job): Promise<Stack> {
  const link = await linkOf(project, asset.id);
  const read: Read = async (start, end, signal) => {
    const response = await fetch(link, { headers: { Range: `bytes=${start}-${end - 1}` }, signal });
    if (response.status !== 206) throw new ApiFault(response.status, words.faults.status(response.status));
    return new Uint8Array(await response.arrayBuffer());
  };
  const entries = await directoryOf(read, asset.size);
  if (entries.length === 0) throw new Error(texts.noZip);
  const said = job.outputs.params ?? {};
  const step = Number(said.layer_height ?? given(job, 'layer_height', 0.1));
  const [offset, extent] = [said.patch_offset, said.patch_size].map((text) => text && (JSON.parse(text) as Vec)) as [Vec?, Vec?];
  const [x, y, bottom] = offset ?? [0, 0, 0];
  const top = bottom + (extent?.[2] ?? Infinity);
  const pixel = given<number | Vec2>(job, 'pixel_size', [0.05, 0.05]);
  const [px, py] = typeof pixel === 'number' ? [pixel, pixel] : pixel;
  const layer = async (k: number, signal?: AbortSignal): Promise<Layer & { size: Vec2 }> => {
    const entry = entries[k]!;
    const file = await fileOf(read, entry, signal);
    if (entry.name.endsWith('.svg')) {
      const { contours, size } = contoursOfSvg(await file.text());
      return { ...enclosed(contours.map((contour) => contour.map((n, i) => n + (i % 2 ? y : x)))), size };
    }
    const picture = await createImageBitmap(new Blob([file], { type: 'image/png' }));
    const white = covered(picture);
    return { picture, area: white === undefined ? undefined : white * px * py, size: [picture.width * px, picture.height * py] };
  };
  const first = await layer(0);
  first.picture?.close();
  // Each is cut in its middle; the last one may be thinner.
  const heightOf = (k: number) => (bottom + k * step + Math.min(top, bottom + (k + 1) * step)) / 2;
  const max: Vec2 = [x + first.size[0], y + first.size[1]];
  return { asset, count: entries.length, heightOf, isAboveBottom: !offset, min: [x, y], max, layer };
}

/** How many pixels are white, grey ones in part; undefined where there are too many to count. */
function covered(picture: ImageBitmap): number | undefined {
  const { width, height } = picture;
  if (width * height > MOST_PIXELS) return undefined;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i]!;
  return sum / 255;
}
