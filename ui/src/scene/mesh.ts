// A mesh from the formats that browsers' loaders read, its measures, and how it is drawn: cut by a plane, with a cap.
import * as THREE from 'three';
import { words } from '../words';
import type { Colours } from './volume';

/** The triangles of a file; three.js's loader for its ending is fetched when it is needed. */
export async function readMesh(filename: string, bytes: ArrayBuffer): Promise<THREE.BufferGeometry> {
  const ending = filename.toLowerCase().split('.').pop();
  const text = () => new TextDecoder().decode(bytes);
  if (ending === 'stl') return new (await import('three/examples/jsm/loaders/STLLoader.js')).STLLoader().parse(bytes);
  if (ending === 'ply') return new (await import('three/examples/jsm/loaders/PLYLoader.js')).PLYLoader().parse(bytes);
  if (ending === 'obj') {
    const group = new (await import('three/examples/jsm/loaders/OBJLoader.js')).OBJLoader().parse(text());
    return joined(group);
  }
  throw new Error(words.view.cannotRead(filename));
}

function joined(group: THREE.Group): THREE.BufferGeometry {
  const places: number[] = [];
  group.traverse((part) => {
    const geometry = (part as THREE.Mesh).geometry as THREE.BufferGeometry | undefined;
    if (!(part as THREE.Mesh).isMesh || !geometry) return;
    const loose = geometry.index ? geometry.toNonIndexed() : geometry;
    for (const n of loose.getAttribute('position').array) places.push(n);
  });
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute('position', new THREE.BufferAttribute(new Float32Array(places), 3));
  return geometry;
}

export interface Measures {
  triangles: number;
  area: number;
  /** Of a closed mesh whose faces look outward (divergence theorem). */
  volume: number;
}

export function measuresOf(geometry: THREE.BufferGeometry): Measures {
  const position = geometry.getAttribute('position');
  const { index } = geometry;
  const corners = index ? index.count : position.count;
  const at = (i: number, to: THREE.Vector3) => to.fromBufferAttribute(position, index ? index.getX(i) : i);
  const [a, b, c] = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()];
  // Far from the origin the tetrahedra would be large and cancel: they stand on the mesh's own first corner.
  const origin = new THREE.Vector3();
  if (corners > 0) at(0, origin);
  let [area, volume] = [0, 0];
  for (let i = 0; i + 2 < corners; i += 3) {
    at(i, a).sub(origin);
    at(i + 1, b).sub(origin);
    at(i + 2, c).sub(origin);
    volume += a.dot(b.clone().cross(c)) / 6;
    area += b.sub(a).cross(c.sub(a)).length() / 2;
  }
  return { triangles: Math.floor(corners / 3), area, volume };
}

/** The mesh, what fills the stencil where the plane is inside of it, and the cap that is drawn there. */
export function meshGroup(geometry: THREE.BufferGeometry, colours: Colours, plane: THREE.Plane) {
  const group = new THREE.Group();
  const material = new THREE.MeshStandardMaterial({
    color: colours.paint,
    roughness: 0.75,
    side: THREE.DoubleSide,
    flatShading: true,
    clippingPlanes: [plane],
  });
  const mesh = new THREE.Mesh(geometry, material);
  mesh.renderOrder = 3;
  const counting = (side: THREE.Side, operation: THREE.StencilOp) => {
    const count = new THREE.MeshBasicMaterial({
      side,
      depthWrite: false,
      depthTest: false,
      colorWrite: false,
      stencilWrite: true,
      stencilFunc: THREE.AlwaysStencilFunc,
      stencilFail: operation,
      stencilZFail: operation,
      stencilZPass: operation,
      clippingPlanes: [plane],
    });
    const half = new THREE.Mesh(geometry, count);
    half.renderOrder = 1;
    return half;
  };
  const stencils = new THREE.Group();
  stencils.add(counting(THREE.BackSide, THREE.IncrementWrapStencilOp), counting(THREE.FrontSide, THREE.DecrementWrapStencilOp));
  const cap = new THREE.Mesh(
    new THREE.PlaneGeometry(1, 1),
    new THREE.MeshBasicMaterial({
      color: colours.inner,
      side: THREE.DoubleSide,
      stencilWrite: true,
      stencilRef: 0,
      stencilFunc: THREE.NotEqualStencilFunc,
      stencilFail: THREE.ReplaceStencilOp,
      stencilZFail: THREE.ReplaceStencilOp,
      stencilZPass: THREE.ReplaceStencilOp,
    }),
  );
  cap.renderOrder = 2;
  cap.onAfterRender = (renderer) => renderer.clearStencil();
  group.add(stencils, cap, mesh);
  return { group, mesh, stencils, cap, material };
}
