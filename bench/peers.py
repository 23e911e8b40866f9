"""Mesh -> distance field by the Python peers: peers.py PEER STEM N REPS THREADS prints one JSON line.

A time covers everything a user waits for once the mesh is in memory: the search structure and a dense
N³ float32 field. Reading the mesh, importing the library and listing the sample positions are left out."""
import importlib.metadata
import os
import sys

peer, stem, n, reps, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
os.environ["OMP_NUM_THREADS"] = str(threads)  # read when the libraries load

import numpy as np  # noqa: E402

from common import bench, dump, grid_of, grid_points, load  # noqa: E402


def pysdf(v, f):
    import pysdf
    points, f = grid_points(*grid_of(v, n), n), f.astype(np.uint32)
    return lambda: pysdf.SDF(v, f)(points, n_threads=threads)


def open3d(v, f):
    import open3d as o3d
    points, f = grid_points(*grid_of(v, n), n), f.astype(np.uint32)

    def run():
        scene = o3d.t.geometry.RaycastingScene(nthreads=threads)
        scene.add_triangles(o3d.core.Tensor(v), o3d.core.Tensor(f))
        return scene.compute_signed_distance(o3d.core.Tensor(points), nthreads=threads).numpy()
    return run


def meshlib(v, f):
    import meshlib.mrmeshnumpy as mn
    import meshlib.mrmeshpy as mm
    origin, h = grid_of(v, n)

    def run():
        p = mm.MeshToDistanceVolumeParams()
        p.vol.origin = mm.Vector3f(*[float(o - 0.5 * h) for o in origin])  # its samples sit in voxel centres
        p.vol.dimensions = mm.Vector3i(n, n, n)
        p.vol.voxelSize = mm.Vector3f.diagonal(float(h))
        p.dist.signMode = mm.SignDetectionMode.ProjectionNormal  # its fastest
        return mn.getNumpy3Darray(mm.meshToDistanceVolume(mn.meshFromFacesVerts(f, v), p))
    return run


PEERS = {"pysdf": pysdf, "open3d": open3d, "meshlib": meshlib}
if __name__ == "__main__":
    run = PEERS[peer](*load(stem))
    dump(bench(run, reps, version=importlib.metadata.version(peer)))
