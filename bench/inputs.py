"""The meshes that the benches run on, the same bytes on every machine: inputs.py OUT [FILE]…

Writes for each mesh NAME.ply (indexed, what we read), NAME.v.f32 and NAME.f.u32 (what the peers read), and for the
STL bench NAME.stl. Made here: sphere, torus, blob82k, blob500k, blob1m, knot800k; each FILE (OBJ or STL) joins them
under its own name, vertices of equal coordinates welded. Existing outputs are kept."""
import math
import os
import sys

import numpy as np


def icosphere(frequency):
    """Unit icosphere of 20·frequency² triangles: each edge of the icosahedron is cut into `frequency` parts."""
    g = (1 + math.sqrt(5)) / 2
    p = np.array([[-1, g, 0], [1, g, 0], [-1, -g, 0], [1, -g, 0], [0, -1, g], [0, 1, g],
                  [0, -1, -g], [0, 1, -g], [g, 0, -1], [g, 0, 1], [-g, 0, -1], [-g, 0, 1]])
    faces = [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4], [11, 10, 2],
             [10, 7, 6], [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8], [3, 8, 9], [4, 9, 5],
             [2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]]
    k = frequency
    i, j = (a.ravel() for a in np.mgrid[0:k + 1, 0:k + 1])
    i, j = i[i + j <= k], j[i + j <= k]
    index = np.full((k + 2, k + 2), -1)
    index[i, j] = np.arange(len(i))
    up = i + j < k
    down = i + j < k - 1
    local = np.concatenate([
        np.stack([index[i, j], index[i + 1, j], index[i, j + 1]], 1)[up],
        np.stack([index[i + 1, j], index[i + 1, j + 1], index[i, j + 1]], 1)[down]])
    points, triangles = [], []
    for a, b, c in faces:
        triangles.append(local + len(i) * len(points))
        points.append((p[a] * (k - i - j)[:, None] + p[b] * i[:, None] + p[c] * j[:, None]) / k)
    points = np.concatenate(points)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    # Points on shared edges come out twice, equal up to rounding.
    _, first, inverse = np.unique(np.round(points, 9) + 0.0, axis=0, return_index=True, return_inverse=True)
    v, f = points[first], inverse.ravel()[np.concatenate(triangles)]
    assert len(f) == 20 * k * k and len(v) == len(f) // 2 + 2, "the icosphere is not closed"
    return v, f


def sphere():
    v, f = icosphere(64)
    return v * 20, f


def blob(frequency):
    """A closed star-shaped blob, noisy at three scales, about 40 mm across."""
    v, f = icosphere(frequency)
    x, y, z = v.T
    r = (1 + 0.48 * np.sin(7 * x + 1) * np.sin(6 * y + 2) * np.sin(8 * z + 3)
         + 0.03 * np.sin(31 * x) * np.cos(29 * y + 1) * np.sin(27 * z + 2)
         + 0.006 * np.sin(97 * x + 83 * y + 71 * z))
    return v * r[:, None] * 20, f


def tube(centre, radius, nu, nv):
    """A closed tube of 2·nu·nv triangles around the closed curve `centre`, of radius `radius(u, w)`."""
    u, w = np.arange(nu) * 2 * math.pi / nu, np.arange(nv) * 2 * math.pi / nv
    e = 1e-3
    p, ahead, behind = centre(u), centre(u + e), centre(u - e)
    tangent = ahead - behind
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    bend = ahead - 2 * p + behind
    normal = bend - (bend * tangent).sum(1, keepdims=True) * tangent
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    binormal = np.cross(tangent, normal)
    uu, ww = np.meshgrid(u, w, indexing="ij")
    v = p[:, None] + radius(uu, ww)[..., None] * (np.cos(ww)[..., None] * normal[:, None]
                                                  + np.sin(ww)[..., None] * binormal[:, None])
    i, j = np.arange(nu)[:, None], np.arange(nv)[None, :]
    i2, j2 = (i + 1) % nu, (j + 1) % nv
    a, b, c, d = i * nv + j, i2 * nv + j, i2 * nv + j2, i * nv + j2
    f = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ([a, b, c], [a, c, d])])
    return v.reshape(-1, 3), f


def torus():
    ring = lambda t: np.stack([15 * np.cos(t), 15 * np.sin(t), 0 * t], -1)
    return tube(ring, lambda u, w: 5.0 + 0 * u, 256, 128)


def knot():
    """A bumpy (2, 3) torus knot of 800,000 triangles: closed, far from convex."""
    curve = lambda t: 10 * np.stack([(2 + np.cos(3 * t)) * np.cos(2 * t), (2 + np.cos(3 * t)) * np.sin(2 * t),
                                     np.sin(3 * t)], -1)
    bumps = lambda u, w: 4.2 * (1 + 0.1 * np.sin(40 * u) * np.sin(6 * w) + 0.015 * np.sin(230 * u + 7 * w))
    return tube(curve, bumps, 4000, 100)


def outward(v, f):
    """Triangles turned so that the enclosed volume is positive."""
    a, b, c = v[f[:, 0]], v[f[:, 1]], v[f[:, 2]]
    return f if (a * np.cross(b, c)).sum() > 0 else f[:, ::-1]


def read_obj(path):
    vertices, triangles = [], []
    for line in open(path):
        words = line.split()
        if words[:1] == ["v"]:
            vertices.append([float(x) for x in words[1:4]])
        elif words[:1] == ["f"]:
            corner = [int(w.split("/")[0]) for w in words[1:]]
            corner = [c - 1 if c > 0 else len(vertices) + c for c in corner]
            triangles += [[corner[0], corner[k], corner[k + 1]] for k in range(1, len(corner) - 1)]
    return np.array(vertices), np.array(triangles)


def read_stl(path):
    """Binary STL, vertices of equal coordinates welded."""
    count = int(np.fromfile(path, "<u4", 1, offset=80)[0])
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    corners = np.fromfile(path, record, count, offset=84)["corners"].reshape(-1, 3)
    v, inverse = np.unique(corners + np.float32(0), axis=0, return_inverse=True)
    return v, inverse.reshape(-1, 3)


def write(stem, v, f):
    v, f = np.ascontiguousarray(v, "<f4"), np.ascontiguousarray(f, "<u4")
    v.tofile(stem + ".v.f32")
    f.tofile(stem + ".f.u32")
    faces = np.empty(len(f), np.dtype([("count", "u1"), ("corners", "<u4", 3)]))
    faces["count"], faces["corners"] = 3, f
    head = ("ply\nformat binary_little_endian 1.0\n"
            f"element vertex {len(v)}\nproperty float x\nproperty float y\nproperty float z\n"
            f"element face {len(f)}\nproperty list uchar uint vertex_indices\nend_header\n")
    with open(stem + ".ply.part", "wb") as out:
        out.write(head.encode())
        out.write(v.tobytes())
        out.write(faces.tobytes())
    os.replace(stem + ".ply.part", stem + ".ply")  # last: its presence says that all of NAME is there


def write_stl(path, v, f):
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    triangles = np.zeros(len(f), record)
    triangles["corners"] = v[f]
    with open(path + ".part", "wb") as out:
        out.write(b"binary STL".ljust(80, b"\0") + np.uint32(len(f)).tobytes() + triangles.tobytes())
    os.replace(path + ".part", path)


MADE = {"sphere": sphere, "torus": torus, "blob82k": lambda: blob(64), "blob500k": lambda: blob(158),
        "blob1m": lambda: blob(224), "knot800k": knot}

if __name__ == "__main__":
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    for name, make in MADE.items():
        stem = os.path.join(out, name)
        if not os.path.exists(stem + ".ply"):
            v, f = make()
            f = outward(v, f)
            if name == "knot800k":
                write_stl(stem + ".stl", v, f)
            write(stem, v, f)
    for path in sys.argv[2:]:
        name, extension = os.path.splitext(os.path.basename(path))
        v, f = {".obj": read_obj, ".stl": read_stl}[extension.lower()](path)
        write(os.path.join(out, name), v, f)
