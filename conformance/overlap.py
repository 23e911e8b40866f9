"""Seeded unions of boxes, balls and struts that overlap, touch, nest and face any way, against an exact boolean (Manifold).

Bounds: volume and area to 1e-5 of themselves; bodies and genus equal, but where parts touch in an edge alone, where a surface has no genus;
areas of sections to 1e-4 of the largest; distances to 2e-5 of the box's diagonal, signs where the surface is farther than that.

FIELDSTONE_OVERLAP_CASES says how many of the 300 (24 by default)."""
import json
import os
import struct
import subprocess
import sys
import tempfile

import manifold3d as m3
import numpy as np


def part(rng, mode):
    kind = {0: 0, 2: 2}.get(mode, rng.integers(0, 3))
    if mode in (0, 3):
        centre, size = rng.integers(-4, 5, 3) * 2.5, rng.integers(1, 5, 3) * 2.5
    else:
        centre, size = rng.uniform(-8, 8, 3), rng.uniform(1, 8, 3)
    turn = rng.uniform(0, 360, 3)
    if kind == 0:
        solid = m3.Manifold.cube(tuple(map(float, size)), True)
        solid = solid.rotate(tuple(turn)) if mode == 1 else solid
    elif kind == 1:
        solid = m3.Manifold.sphere(float(size[0]) / 2 + 1, int(rng.integers(12, 40)))
    else:
        radius, length = float(rng.uniform(0.4, 1.2)), float(rng.uniform(4, 14))
        solid = m3.Manifold.cylinder(length, radius, radius, int(rng.integers(4, 20)), True)
        solid = solid.rotate(tuple(rng.integers(0, 4, 3) * 90.0 if rng.random() < 0.5 else turn))
    mesh = solid.translate(tuple(map(float, centre))).to_mesh()
    return np.array(mesh.vert_properties[:, :3], np.float32, order="C"), np.array(mesh.tri_verts, np.uint32, order="C")


def parts(seed):
    """Boxes on a grid, boxes turned and off it, struts, or all of them, balls too."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 31)) if seed % 3 else int(rng.integers(2, 6))
    return [part(rng, seed % 4) for _ in range(count)], rng


def manifold(v, f):
    return m3.Manifold(m3.Mesh(v, f))


def write_stl(path, triangles):
    records = np.zeros(len(triangles), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("zero", "<u2")])
    records["corners"] = triangles
    with open(path, "wb") as file:
        file.write(b"\0" * 80 + struct.pack("<I", len(triangles)) + records.tobytes())


def read_ply(path):
    data = open(path, "rb").read()
    head, body = data.split(b"end_header\n", 1)
    counts = [int(line.split()[2]) for line in head.decode().splitlines() if line.startswith("element")]
    v = np.frombuffer(body, "<f4", 3 * counts[0]).reshape(-1, 3)
    f = np.frombuffer(body, [("n", "u1"), ("v", "<u4", 3)], counts[1], v.nbytes)["v"]
    return np.array(v), np.array(f, np.uint32)


def run(binary, folder, job, stl, **params):
    out = os.path.join(folder, job.replace("/", "-"))
    command = [binary, "run", job, "--input", f"mesh={stl}", "--out", out]
    command += [f"--param={key}={value}" for key, value in params.items()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(os.path.join(out, "result.json")) as file:
        result = json.load(file)
    return out, result["outputs"]["params"] if "params" in result["outputs"] else result["outputs"]


def bodies_and_genus(f):
    """Of a closed surface, vertices counted once for each fan around them; None where edges have four triangles."""
    corner_of = {}
    for t, tri in enumerate(f.tolist()):
        for k in range(3):
            edge = tri[k], tri[(k + 1) % 3]
            if edge in corner_of:
                return None
            corner_of[edge] = 3 * t + k
    parent = list(range(3 * len(f)))
    faces = list(range(len(f)))

    def root(p, i):
        while p[i] != i:
            p[i] = p[p[i]]
            i = p[i]
        return i

    for (a, b), h in corner_of.items():
        twin = corner_of[b, a]
        after = 3 * (twin // 3) + (twin % 3 + 1) % 3
        parent[root(parent, h)] = root(parent, after)
        faces[root(faces, h // 3)] = root(faces, twin // 3)
    fans = sum(parent[i] == i for i in range(len(parent)))
    bodies = sum(faces[i] == i for i in range(len(faces)))
    return bodies, 1 - (fans - len(f) // 2) // 2


def distance(p, a, b, c):
    """From points to triangles, by closest points (Ericson 2004, §5.1.5), the least over all triangles."""
    best = np.full(len(p), np.inf)
    for x, y, z in zip(a, b, c):
        n = np.cross(y - x, z - x)
        area2 = n @ n
        sides = [((x, y), z), ((y, z), x), ((z, x), y)]
        d = np.full(len(p), np.inf)
        for (u, w), _ in sides:
            e = w - u
            t = np.clip((p - u) @ e / max(e @ e, 1e-300), 0, 1)
            d = np.minimum(d, np.linalg.norm(p - u - t[:, None] * e, axis=1))
        if area2 > 1e-24:
            inside = np.all([np.cross(w - u, p - u) @ n >= 0 for (u, w), _ in sides], axis=0)
            d = np.where(inside, np.abs((p - x) @ n) / np.sqrt(area2), d)
        best = np.minimum(best, d)
    return best


def check(binary, folder, seed):
    solids, rng = parts(seed)
    shapes = [manifold(v, f) for v, f in solids]
    union = m3.Manifold.batch_boolean(shapes, m3.OpType.Add)

    def inside_out(i):
        # Where one part lies in another and they face apart, the inner one is a cavity.
        def apart(a, b):
            return (a - b).volume() > 1e-6 and (b - a).volume() > 1e-6

        return rng.random() < 0.2 and all(apart(shapes[i], shapes[j]) for j in range(len(shapes)) if j != i)

    triangles = [v[f[:, ::-1]] if inside_out(i) else v[f] for i, (v, f) in enumerate(solids)]
    if seed % 5 == 0:
        triangles[0][1] = triangles[0][1][::-1].copy()
    stl = os.path.join(folder, f"{seed}.stl")
    write_stl(stl, np.concatenate(triangles))
    out, params = run(binary, folder, "mesh/preprocess", stl)
    report = json.loads(params["report"])
    wrong = []

    def equal(name, got, right, bound):
        if not abs(got - right) <= bound:
            wrong.append(f"{name} {got}, right {right}")

    equal("volume", report["volume"], union.volume(), 1e-5 * union.volume())
    equal("area", report["area"], union.surface_area(), 1e-5 * union.surface_area())
    mesh = next(name for name in os.listdir(out) if name.endswith(".ply"))
    v, f = read_ply(os.path.join(out, mesh))
    shape = bodies_and_genus(f)
    exact = union.to_mesh64() if hasattr(union, "to_mesh64") else union.to_mesh()
    ev, ef = np.asarray(exact.vert_properties[:, :3], float), np.asarray(exact.tri_verts)
    low, high = ev.min(0), ev.max(0)
    if shape is None:
        if report["watertight"]:
            wrong.append("watertight with edges of four triangles")
    else:
        equal("bodies", shape[0], len(union.decompose()), 0)
        equal("genus", shape[1], union.genus(), 0)
        if not report["watertight"]:
            wrong.append("not watertight")
        ours = manifold(v, f)
        heights = low[2] + (high[2] - low[2]) * np.array([0.137, 0.391, 0.823])
        areas = [(ours.slice(float(z)).area(), union.slice(float(z)).area()) for z in heights]
        for got, right in areas:
            equal("section", got, right, 1e-4 * max(a for _, a in areas))
    out, params = run(binary, folder, "implicit/from-mesh", stl, resolution=28, padding=2)
    patch = json.loads(params["patch"])
    n = np.array(patch["resolution"])
    volume = next(name for name in os.listdir(out) if name.endswith(".bin"))
    field = np.fromfile(os.path.join(out, volume), "<f4")
    i = rng.integers(0, n, (150, 3))
    p = np.array(patch["offset"]) + np.array(patch["size"]) * i / np.maximum(n - 1, 1)
    got = field[(i[:, 2] * n[1] + i[:, 1]) * n[0] + i[:, 0]].astype(float)
    right = distance(p, *(ev[ef[:, k]] for k in range(3)))
    cell, diagonal = (np.array(patch["size"]) / np.maximum(n - 1, 1)).max(), np.linalg.norm(high - low)
    allowed = np.where(right <= 2.9 * cell, 2e-5 * diagonal, 0.25 * cell)
    for k in np.flatnonzero(np.abs(np.abs(got) - right) > allowed)[:3]:
        wrong.append(f"distance {got[k]:.5f} at {p[k].round(4).tolist()}, right {right[k]:.5f}")
    tiny = m3.Manifold.cube((1e-4 * diagonal,) * 3, True)
    for k in np.flatnonzero(right > 1e-3 * diagonal)[:40]:
        inside = not (union ^ tiny.translate(tuple(map(float, p[k])))).is_empty()
        if inside != (got[k] < 0):
            wrong.append(f"sign of {got[k]:.5f} at {p[k].round(4).tolist()}")
            break
    return wrong


def main(binary):
    cases = int(os.environ.get("FIELDSTONE_OVERLAP_CASES", "24"))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fieldstone-overlap-") as folder:
        for seed in range(cases):
            case = os.path.join(folder, str(seed))
            os.mkdir(case)
            wrong = check(binary, case, seed)
            failed += bool(wrong)
            for text in wrong:
                print(f"FAIL seed {seed}: {text}")
    if failed:
        raise SystemExit(f"FAIL {failed} of {cases} unions")
    print(f"ok   {cases} unions of overlapping, touching and nested parts as an exact boolean makes them")


if __name__ == "__main__":
    main(*sys.argv[1:])
