"""Samples -> surface and samples -> distances by the Python peers: surface_peers.py PEER FILE N REPS THREADS [OUT].

FILE holds N³ float32. Isosurfaces (vtk-flying-edges, skimage): the JSON line tells the mesh's topology as delivered.
Distances (edt, sitk-maurer, skfmm-band): in cells, written to OUT; the band is ±3.5 cells."""
import json
import os
import sys

peer, path, n, reps, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
os.environ["OMP_NUM_THREADS"] = str(threads)

import numpy as np  # noqa: E402

from common import bench  # noqa: E402

phi = np.fromfile(path, np.float32).reshape(n, n, n)


def vtk_flying_edges():
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    vtk.vtkSMPTools.SetBackend("STDThread")
    vtk.vtkSMPTools.Initialize(threads)

    def run():
        image = vtk.vtkImageData()
        image.SetDimensions(n, n, n)
        image.GetPointData().SetScalars(numpy_to_vtk(phi.ravel(), deep=0))
        edges = vtk.vtkFlyingEdges3D()
        edges.SetInputData(image)
        edges.SetValue(0, 0.0)
        edges.ComputeNormalsOff()
        edges.ComputeGradientsOff()
        edges.ComputeScalarsOff()
        edges.Update()
        mesh = edges.GetOutput()
        return (vtk_to_numpy(mesh.GetPoints().GetData()),
                vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3))
    return run


def skimage():
    from skimage.measure import marching_cubes
    return lambda: marching_cubes(phi, 0.0)[:2]


def edt():
    import edt
    return lambda: -edt.sdf(phi < 0, parallel=threads)


def sitk_maurer():
    import SimpleITK as sitk
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)

    def run():
        inside = sitk.GetImageFromArray(phi) < 0
        far = sitk.SignedMaurerDistanceMap(inside, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
        return sitk.GetArrayFromImage(far).astype(np.float32)
    return run


def skfmm_band():
    import skfmm
    return lambda: np.ma.filled(skfmm.distance(phi, order=2, narrow=3.5), 99).astype(np.float32)


def topology(v, f):
    """Edges of one triangle, of more than two, and used twice in one direction; triangles that repeat a corner are counted
    and left out."""
    f = np.asarray(f, np.int64)
    whole = (f[:, 0] != f[:, 1]) & (f[:, 1] != f[:, 2]) & (f[:, 2] != f[:, 0])
    f = f[whole]
    directed = np.concatenate([f[:, a] * len(v) + f[:, b] for a, b in ((0, 1), (1, 2), (2, 0))])
    a, b = directed // len(v), directed % len(v)
    _, used = np.unique(np.minimum(a, b) * len(v) + np.maximum(a, b), return_counts=True)
    _, twice = np.unique(directed, return_counts=True)
    return {"vertices": len(v), "triangles": len(f), "degenerate": int((~whole).sum()),
            "open_edges": int((used == 1).sum()), "non_manifold_edges": int((used > 2).sum()),
            "misoriented_edges": int((twice > 1).sum())}


if __name__ == "__main__":
    run = {"vtk-flying-edges": vtk_flying_edges, "skimage": skimage, "edt": edt, "sitk-maurer": sitk_maurer,
           "skfmm-band": skfmm_band}[peer]()
    if len(sys.argv) > 6:
        bench(run, reps).astype(np.float32).tofile(sys.argv[6])
    else:
        print(json.dumps(topology(*bench(run, reps))))  # a line of its own: the peak memory is without it
