// The box of a mesh of the project, from its own bytes.
import { api, ask } from '../../api/client';
import { bytesOf } from '../../api/download';
import { readMesh } from '../../scene/mesh';
import type { Box } from './model/recipes';

export async function boxOf(project: string, filename: string): Promise<Box> {
  const query = { q: `filename:"${filename}"`, limit: '1' };
  const { data } = await ask(api.GET('/projects/{projectId}/assets', { params: { path: { projectId: project }, query } }));
  const asset = data[0];
  if (!asset) throw new Error(filename);
  const geometry = await readMesh(filename, (await bytesOf(project, asset, () => {})).buffer);
  geometry.computeBoundingBox();
  const { min, max } = geometry.boundingBox!;
  return { min: min.toArray(), max: max.toArray() };
}
