"""Lattice infill by the best Python stack: infill_peers.py STEM CELL N REPS THREADS OUT.stl prints one JSON line.

MeshLib's distance field of the mesh (N samples along the longest side, 3 % around), its intersection with a gyroid by
numba, scikit-fmm's distances within a band, VTK's flying edges, a binary STL. From the mesh in memory to the file."""
import math
import os
import sys

stem, cell, n, reps, threads, out = sys.argv[1], float(sys.argv[2]), *map(int, sys.argv[3:6]), sys.argv[6]
os.environ["OMP_NUM_THREADS"] = str(threads)

import meshlib.mrmeshnumpy as mn  # noqa: E402
import meshlib.mrmeshpy as mm  # noqa: E402
import numba as nb  # noqa: E402
import numpy as np  # noqa: E402
import skfmm  # noqa: E402
import vtk  # noqa: E402
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy  # noqa: E402

from common import bench, load  # noqa: E402

vtk.vtkSMPTools.SetBackend("STDThread")
vtk.vtkSMPTools.Initialize(threads)
nb.set_num_threads(threads)
v, f = load(stem)
lo, hi = v.min(0).astype(float), v.max(0).astype(float)
pad = 0.03 * (hi - lo).max()
lo, hi = lo - pad, hi + pad
h = (hi - lo).max() / (n - 1)
dims = np.ceil((hi - lo) / h - 1e-9).astype(int) + 1
axes = [(lo[d] + h * np.arange(dims[d])).astype(np.float32) for d in range(3)]


def field():
    p = mm.MeshToDistanceVolumeParams()
    p.vol.origin = mm.Vector3f(*[float(x - 0.5 * h) for x in lo])  # its samples sit in voxel centres
    p.vol.dimensions = mm.Vector3i(*map(int, dims))
    p.vol.voxelSize = mm.Vector3f.diagonal(float(h))
    p.dist.signMode = mm.SignDetectionMode.HoleWindingRule  # right on meshes with holes, as ours
    return np.asarray(mn.getNumpy3Darray(mm.meshToDistanceVolume(mn.meshFromFacesVerts(f, v), p)), np.float32)


@nb.njit(parallel=True, fastmath=True)
def intersect(phi, sx, cx, sy, cy, sz, cz):
    a, b, c = phi.shape
    for i in nb.prange(a):
        for j in range(b):
            for k in range(c):
                g = sx[i] * cy[j] + sy[j] * cz[k] + sz[k] * cx[i]
                if g > phi[i, j, k]:
                    phi[i, j, k] = g


def lattice(phi):
    t = [x * np.float32(2 * math.pi / cell) for x in axes]
    intersect(phi, np.sin(t[0]), np.cos(t[0]), np.sin(t[1]), np.cos(t[1]), np.sin(t[2]), np.cos(t[2]))
    return phi


def distances(phi):
    band = 5.2 * h
    d = skfmm.distance(phi, dx=float(h), order=2, narrow=float(band))
    return np.where(np.ma.getmaskarray(d), np.copysign(np.float32(band), phi), np.ma.getdata(d)).astype(np.float32)


def surface(phi):
    image = vtk.vtkImageData()
    image.SetDimensions(*map(int, dims[::-1]))
    image.GetPointData().SetScalars(numpy_to_vtk(phi.ravel(), deep=0))
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.0)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    mesh = edges.GetOutput()
    return (vtk_to_numpy(mesh.GetPoints().GetData())[:, ::-1],
            vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3))


def write(v, f):
    corners = (v * h + lo).astype(np.float32)[f]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    records = np.zeros(len(f), np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]))
    records["normal"], records["corners"] = normals, corners
    with open(out, "wb") as file:
        file.write(b"\0" * 80 + np.uint32(len(f)).tobytes())
        records.tofile(file)
    return corners


def run():
    return write(*surface(distances(lattice(np.ascontiguousarray(field())))))


if __name__ == "__main__":
    corners = run()  # compiles
    a, b, c = np.moveaxis(corners.astype(np.float64), 1, 0)
    volume = abs(float((a * np.cross(b, c)).sum() / 6))
    bench(run, reps, volume=volume, triangles=len(corners), dims=[int(d) for d in dims])
