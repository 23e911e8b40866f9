// The definition that the form begins with: repair a mesh, index it, sample its field.
export const SAMPLE = `jobs:
  preprocess:
    type: mesh/preprocess
  compute-bvh:
    type: mesh/compute-bvh
    needs: [preprocess]
    assets:
      mesh: preprocess
  sample-mesh:
    type: implicit/from-mesh
    needs: [preprocess, compute-bvh]
    assets:
      mesh: preprocess
      bvh: compute-bvh
`;
