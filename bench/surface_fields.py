"""Fields for the isosurface and redistancing benches, the same bytes everywhere, and errors against known distances.

surface_fields.py make FOLDER NAME N writes FOLDER/NAME_N.f32, N³ float32 with index [i, j, k], spacing 1 unless said.
surface_fields.py error NAME N FILE [BAND] prints the errors of distances in FILE in cells as one JSON line.

NAME infill: gyroid of cell 10 in a ball of radius 18 in [-20, 20]³. The others are fields whose zero set has a known
distance, none of them a distance itself: sphere (gradient 3 at the surface), box (its faces on planes of samples, of the
maximum norm) and box-turned (whose edges samples cannot hold: what lies between them is interpolated), torus (gradient
0.5 to 2 around the ring), gyroid (four cells; distance by projection onto the surface from many sides)."""
import json
import os
import sys

import numpy as np


def frame(p, n):
    return p - ((n - 1) / 2 + np.array([0.21, 0.43, 0.17]))


def turned(p):
    ca, sa, cb, sb = np.cos(0.35), np.sin(0.35), np.cos(0.6), np.sin(0.6)
    z = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
    x = np.array([[1, 0, 0], [0, cb, -sb], [0, sb, cb]])
    return p @ (x @ z).T


def sphere_field(p, n):
    r = 0.35 * n
    return 1.5 * r * (np.exp((frame(p, n) ** 2).sum(-1) / r ** 2 - 1) - 1)


def sphere_distance(p, n):
    return np.linalg.norm(frame(p, n), axis=-1) - 0.35 * n


def box_offsets(p, n):
    half = np.rint(np.array([0.30, 0.25, 0.20]) * n) + ((n - 1) / 2) % 1
    return np.abs(p - (n - 1) / 2) - half


def turned_box_offsets(p, n):
    return np.abs(turned(frame(p, n))) - np.array([0.30, 0.25, 0.20]) * n


def of_maximum_norm(offsets):
    return lambda p, n: 2.5 * offsets(p, n).max(-1)


def to_box(offsets):
    def distance(p, n):
        q = offsets(p, n)
        return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(-1), 0)
    return distance


def torus_distance(p, n):
    q = turned(frame(p, n))
    ring = np.hypot(q[..., 0], q[..., 1]) - 0.28 * n
    return np.hypot(ring, q[..., 2]) - 0.12 * n


def torus_field(p, n):
    q = turned(frame(p, n))
    d = torus_distance(p, n)
    return d * (1.25 + 0.75 * np.sin(3 * np.arctan2(q[..., 1], q[..., 0])))


def gyroid_phases(p, n):
    k = 8 * np.pi / n
    return k, np.sin(p * k), np.cos(p * k)


def gyroid_field(p, n):
    _, s, c = gyroid_phases(p, n)
    return (s * c[..., [1, 2, 0]]).sum(-1)


def gyroid_gradient(p, n):
    k, s, c = gyroid_phases(p, n)
    return k * (c * c[..., [1, 2, 0]] - s * s[..., [2, 0, 1]])


def onto_gyroid(p, n, steps):
    for _ in range(steps):
        g = gyroid_gradient(p, n)
        p = p - (gyroid_field(p, n) / (g * g).sum(-1))[:, None] * g
    return p


def gyroid_distance(q, n):
    """Six nearest of many points on the surface, each slid along it towards q."""
    from scipy.spatial import cKDTree
    from skimage.measure import marching_cubes
    m = 300
    a = np.linspace(-2, n + 1, m)
    _, s, c = gyroid_phases(a, n)
    samples = (s[:, None, None] * c[None, :, None] + s[None, :, None] * c[None, None, :]
               + s[None, None, :] * c[:, None, None]).astype(np.float32)
    surface = marching_cubes(samples, 0.0)[0].astype(np.float64) * (n + 3) / (m - 1) - 2
    surface = onto_gyroid(surface, n, 4)
    distance, near = cKDTree(surface).query(q, k=6, workers=-1)
    best = distance.min(1)
    for j in range(near.shape[1]):
        x = surface[near[:, j]]
        for _ in range(12):
            g = gyroid_gradient(x, n)
            normal = g / np.linalg.norm(g, axis=1, keepdims=True)
            r = q - x
            x = onto_gyroid(x + 0.7 * (r - (r * normal).sum(1, keepdims=True) * normal), n, 3)
        best = np.minimum(best, np.linalg.norm(q - x, axis=1))
    return np.sign(gyroid_field(q, n)) * best


def infill_field(p, n):
    p = p * (40 / (n - 1)) - 20
    s, c = np.sin(p * (2 * np.pi / 10)), np.cos(p * (2 * np.pi / 10))
    return np.maximum((s * c[..., [1, 2, 0]]).sum(-1), np.linalg.norm(p, axis=-1) - 18)


FIELDS = {"infill": infill_field, "sphere": sphere_field, "box": of_maximum_norm(box_offsets),
          "box-turned": of_maximum_norm(turned_box_offsets), "torus": torus_field, "gyroid": gyroid_field}
DISTANCES = {"sphere": sphere_distance, "box": to_box(box_offsets), "box-turned": to_box(turned_box_offsets),
             "torus": torus_distance, "gyroid": gyroid_distance}


def make(folder, name, n):
    path = os.path.join(folder, f"{name}_{n}.f32")
    if os.path.exists(path):
        return
    os.makedirs(folder, exist_ok=True)
    p = np.empty((n, n, 3))
    p[..., 1:] = np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), -1)
    with open(path + ".part", "wb") as out:
        for i in range(n):
            p[..., 0] = i
            out.write(FIELDS[name](p, n).astype("<f4").tobytes())
    os.replace(path + ".part", path)


def error(name, n, path, band):
    """At random samples, and at as many of those near the surface as a larger draw has. A truth is kept beside FILE's
    folder: the gyroid's takes a while."""
    kept = os.path.join(os.path.dirname(path), f"truth_{name}_{n}.npz")
    if not os.path.exists(kept):
        margin = int(0.07 * n) + 4 if name == "gyroid" else 0  # nearer the border its nearest point may lie outside
        count = 40_000 if name == "gyroid" else 1_000_000
        at = np.random.default_rng(7).integers(margin, n - margin, (count, 3))
        np.savez(kept, at=at.astype(np.int16), d=DISTANCES[name](at.astype(np.float64), n))
    truth = np.load(kept)
    at, d = truth["at"].astype(int), truth["d"]
    field = np.memmap(path, np.float32, "r", shape=(n, n, n))
    v = field[at[:, 0], at[:, 1], at[:, 2]].astype(np.float64)
    e, near = np.abs(v - d), np.abs(d) < 3
    judged = (np.abs(d) > 0.01) & (near if band else True)
    report = {"near_mean": e[near].mean(), "near_max": e[near].max(),
              "flips": int((np.sign(v) != np.sign(d))[judged].sum())}
    if not band:
        report.update(all_mean=e.mean(), all_max=e.max())
    print(json.dumps(report))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        error(sys.argv[2], int(sys.argv[3]), sys.argv[4], len(sys.argv) > 5)
