"""Every operator of the builder in a graph or more, each with what it must give. Runs with numpy arrays and lists."""
import json
import math

import numpy as np

import oracles as o
from builders import dispatch, offered_values
from harness import box_obj

POINTS = np.random.default_rng(7).uniform(-1.5, 1.5, (200, 3)).astype(np.float32)
P = POINTS.astype(float)
XFORM = o.rigid(30, [0.2, -0.1, 0.3])
Q = o.local(P, XFORM)
SHAPE = o.rigid(-50, [0.1, 0.2, -0.3])
GRID = {"offset": [-1, -1, -1], "size": [2, 2, 2], "resolution": [33, 33, 33]}
AXIS = np.linspace(-1, 1, 33)
G = np.stack(np.meshgrid(AXIS, AXIS, AXIS, indexing="ij"), -1).transpose(2, 1, 0, 3).reshape(-1, 3)
VOLUME = {"offset": [-1.5, -1.6, -1.7], "size": [3.0, 3.2, 3.4], "resolution": [5, 4, 3]}


def slope(p):
    return 2 * p[:, 0] - p[:, 1] + 0.5 * p[:, 2] + 0.25


def volume_points():
    n, size = np.array(VOLUME["resolution"]), np.array(VOLUME["size"])
    i = np.stack(np.unravel_index(np.arange(n.prod()), n[::-1]), -1)[:, ::-1]
    return VOLUME["offset"] + size * i / (n - 1)


def sources(b):
    f, p = b.f, b.f.PointSource
    b.case("GenerateSamplePoints", p, G, f.GenerateSamplePoints(dict(GRID)), 1e-6)
    small = {"offset": np.array([-1, 0, 1]), "size": np.array([1, 2, 0.5]), "resolution": np.array([2, 2, 1]), "xform": XFORM}
    corners = np.array([[-1, 0, 1], [0, 0, 1], [-1, 2, 1], [0, 2, 1]], float)
    b.case("GenerateSamplePoints with xform", p, o.placed(corners, XFORM), f.GenerateSamplePoints(small))
    b.case("LoadSamplePoints of an array", p, P, f.LoadSamplePoints({"points": POINTS}))
    b.case("LoadSamplePoints of a list", p, P[:3], f.LoadSamplePoints({"points": POINTS[:3].tolist()}))
    numbers = np.arange(-30, 30)
    for kind, letter in [("Byte", "i1"), ("Float", "f4"), ("Integer", "i4"), ("None", "f4"), ("Vec2f", "f4"), ("Vec2i", "i4"),
                         ("Vec3f", "f4"), ("Vec3i", "i4"), ("Vec4f", "f4"), ("Vec4i", "i4")]:
        channels = int(kind[3]) if kind.startswith("Vec") else 1
        name = b.file(f"{kind}.bin", np.repeat(numbers, channels).astype("<" + letter).tobytes())
        want = np.repeat(numbers, channels) / (127 if kind == "Byte" else 1)
        root = load(f, name, kind)
        b.case(f"LoadVolume {kind}", root, want, None)


def load(f, name, kind=None):
    parameters = {"resolution": np.array(VOLUME["resolution"])}
    if kind:
        parameters["component_type"] = kind
    return f.LoadVolume({"file_type": "Raw", "path": name}, parameters)


def differences(b):
    f, p = b.f, b.f.PointSource
    grid, ball = f.GenerateSamplePoints(dict(GRID)), f.EllipsoidPrimitive(p, {"size": [1.2, 1.2, 1.2]})
    r = o.length(G)
    # Where differences are central and the ball's middle is far enough off.
    inner = (np.abs(G).max(axis=-1) < 0.85) & (r > 0.4)

    def near(want, tolerance):
        def check(got):
            got = got.reshape(-1, 3)[inner]
            worst = np.abs(got - want[inner]).max()
            assert got.shape[0] > 1000 and worst < tolerance, f"off by {worst}"
        return check

    if b.offers("ComputeNormals", "volume_offset"):
        slopes = load(f, b.file("slope.bin", slope(volume_points()).astype("<f4").tobytes()))
        place = {"volume_offset": np.array(VOLUME["offset"]), "volume_size": VOLUME["size"], "xform": XFORM}
        direction = o.placed(np.array([[2, -1, 0.5]]), XFORM) - XFORM[3, :3]
        want = np.repeat(direction / o.length(direction), len(P), axis=0)
        b.case("ComputeNormals of a volume", f.ComputeNormals(p, slopes, place), want, f.LoadSamplePoints({"points": POINTS}), 1e-4)
        b.case("ComputeNormals of computed samples", f.ComputeNormals(p, ball), near(G / np.maximum(r, 0.1)[:, None], 0.02), grid)
        return
    for spacing in [{"spacing_type": "Continuous", "step_size": 0.12}, {"spacing_type": "Discrete", "step_size": 2},
                    {"volume_size": np.array([2.0, 2.0, 2.0])}]:
        b.case(f"ComputeNormals {spacing}", f.ComputeNormals(ball, dict(spacing)), near(G / np.maximum(r, 0.1)[:, None], 0.03), grid)
        bent = 1 / np.maximum(r, 0.1)
        want = np.stack([bent, bent**2, bent], -1)
        b.case(f"ComputeCurvatures {spacing}", f.ComputeCurvatures(ball, dict(spacing)), near(want, 0.6), grid)


def transforms(b):
    f, p = b.f, b.f.PointSource
    points = f.LoadSamplePoints({"points": POINTS})

    def case(label, root, want, tolerance=2e-5):
        b.case(label, root, want, points, tolerance)

    r, azimuth = np.hypot(Q[:, 0], Q[:, 1]), np.arctan2(Q[:, 1], Q[:, 0])
    case("TransformCylindricalCoords", f.TransformCylindricalCoords(p, {"radial_scale": 0.7, "xform": XFORM}),
         np.stack([r, 0.7 * azimuth, Q[:, 2]], -1))
    case("TransformSphericalCoords", f.TransformSphericalCoords(p, {"xform": XFORM.flatten().tolist()}),
         np.stack([o.length(Q), np.arctan2(r, Q[:, 2]), azimuth], -1))
    n, q = np.array([1, 2, -1]) / math.sqrt(6), np.array([0.1, 0.2, 0.3])
    behind = np.minimum((Q - q) @ n, 0)
    mirror = {"mirror_normal": np.array([2.0, 4.0, -2.0]), "mirror_point": q, "xform": XFORM}
    case("TransformMirrorCoords", f.TransformMirrorCoords(p, mirror), o.placed(Q - 2 * behind[:, None] * n, XFORM))
    for c, axis in enumerate("XYZ"):
        angle = 2 * math.pi * 0.3 * Q[:, c]
        a, d, want = (c + 1) % 3, (c + 2) % 3, Q.copy()
        want[:, a] = np.cos(angle) * Q[:, a] - np.sin(angle) * Q[:, d]
        want[:, d] = np.sin(angle) * Q[:, a] + np.cos(angle) * Q[:, d]
        root = f.TransformTwistCoords(p, {"axis": axis, "frequency": 0.3, "xform": XFORM})
        case(f"TransformTwistCoords {axis}", root, o.placed(want, XFORM))
    s = o.local(Q, SHAPE)
    solids = {"Box": o.box(s, [1, 0.8, 0.6]), "Cylinder": o.cylinder(s, 0.5, 0.6), "Ellipsoid": o.length(s) - 0.5, "Plane": s[:, 2]}
    for shape, d in solids.items():
        steps = 0 if shape == "Plane" else 3
        size = [1, 1, 1] if shape == "Ellipsoid" else [1, 0.8, 0.6]
        grade = {"num_steps": steps, "step_size": 0.5, "offset": 0.1, "width": 0.8, "shape_size": size, "shape_type": shape,
                 "shape_xform": SHAPE, "xform": XFORM}
        want = o.placed(o.cell_size(Q, d, steps, 0.5, 0.1, 0.8), XFORM)
        case(f"GradeCellSize {shape}", f.GradeCellSize(p, grade), want, 1e-4)
    image, width, scale = np.random.default_rng(3).uniform(-0.2, 0.2, (3, 4)), np.array([1.1, 1.3, 1.7]), [2, 3]
    name = b.file("image.bin", image.astype("<f4").tobytes())
    pixels = f.LoadVolume({"file_type": "Raw", "path": name}, {"resolution": [4, 3, 1]})
    for shape in solids:
        by, n = o.texture(s, shape, width, scale, image)
        want = o.placed(Q - by[:, None] * (n @ SHAPE[:3, :3]), XFORM)
        relief = {"box_width": width, "scale": scale, "shape_type": shape, "shape_xform": SHAPE, "xform": XFORM}
        case(f"MapTexturePrimitive {shape}", f.MapTexturePrimitive(p, pixels, relief), want, 1e-4)
    size = [2.4, 2.2, 2.6]
    corners = np.array([[size[a] * ((k >> a & 1) - 0.5) for a in range(3)] for k in range(8)])
    linear, shift = np.array([[2, 0.1, 0], [0, 1, 0.3], [0.2, 0, 0.5]]), [1, 2, 3]
    mesh = {"file_type": "MeshFile", "path": b.file("hull.obj", box_obj(size, [0, 0, 0]))}
    text = json.dumps({"coordinates": (corners @ linear + shift).tolist()})
    inside = P * 0.6
    root = f.InterpolateBoundaryCoords(p, {"path": b.file("coordinates.json", text)}, mesh, {"tolerance": 1e-3, "xform": XFORM})
    b.case("InterpolateBoundaryCoords", root, o.local(inside, XFORM) @ linear + shift,
           f.LoadSamplePoints({"points": inside.tolist()}), 1e-4)


def solids(b):
    f, p = b.f, b.f.PointSource
    points = f.LoadSamplePoints({"points": POINTS})
    want = {
        "Box": (f.BoxPrimitive, [1, 0.8, 0.6], 0, o.box(Q, [1, 0.8, 0.6])),
        "BoxFrame": (f.BoxFramePrimitive, [1.6, 1.2, 1], 0.2, o.box_frame(Q, [1.6, 1.2, 1], 0.2)),
        "CappedCone": (f.CappedConePrimitive, [1.2, 1.2, 1], 0.25, o.capped_cone(Q, 0.6, 0.25, 1)),
        "Capsule": (f.CapsulePrimitive, [0.8, 0.8, 2], 0, o.capsule(Q, 0.4, 2)),
        "Cylinder": (f.CylinderPrimitive, [1, 1, 1.4], 0, o.cylinder(Q, 0.5, 1.4)),
        "Ellipsoid": (f.EllipsoidPrimitive, [1.4, 1.4, 1.4], 0, o.length(Q) - 0.7),
        "Link": (f.LinkPrimitive, [1, 1, 1.8], 0.15, o.link(Q, 0.15, 1, 1.8)),
        "Plane": (f.PlanePrimitive, [1, 1, 1], 0, Q[:, 2]),
        "Torus": (f.TorusPrimitive, [1.6, 1.6, 0.5], 0.25, o.torus(Q, 0.8, 0.25)),
    }
    for shape, (make, size, free, distance) in want.items():
        parameters = {"size": np.array(size), "free_param": free, "xform": XFORM}
        b.case(f"{shape}Primitive", make(p, dict(parameters)), distance, points, outside=shape == "BoxFrame")
        b.case(f"SampleBox {shape}", f.SampleBox(p, {**parameters, "shape_type": shape}), distance, points, outside=shape == "BoxFrame")


def meshes(b):
    f, p = b.f, b.f.PointSource
    points, size = f.LoadSamplePoints({"points": POINTS}), [1.2, 1.6, 1.0]
    b.file("box.obj", box_obj(size, [0, 0, 0]))
    mesh = {"file_type": "MeshFile", "path": "box.obj"}
    bvh = {"path": dispatch(b.t, b.project, "mesh/compute-bvh", {"mesh": "box.obj"})}
    distance = o.box(Q, size)
    for winding, want in [(0, distance), (1, -distance)]:
        parameters = {"cw_winding": winding, "xform": XFORM}
        b.case(f"SampleTriangleMesh {winding}", f.SampleTriangleMesh(p, dict(mesh), dict(parameters)), want, points)
        if b.offers("SampleTriangleMeshBvh", "cw_winding"):
            b.case(f"SampleTriangleMeshBvh {winding}", f.SampleTriangleMeshBvh(p, bvh, dict(mesh), dict(parameters)), want, points)
    if "SampleTriangleMeshBvh" in f:
        b.case("SampleTriangleMeshBvh", f.SampleTriangleMeshBvh(p, bvh, dict(mesh), {"xform": XFORM}), distance, points)


def lattices(b):
    f, p = b.f, b.f.PointSource
    points, scale = f.LoadSamplePoints({"points": POINTS}), np.array([0.8, 0.9, 1.1])
    cell = {"nodes": [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "edges": [[0, 1], [0, 2], [0, 3]]}

    def lattice(label, want, outside=True, **more):
        parameters = {"lattice_data": cell, "scale": scale, "section_radius": 0.08, "xform": XFORM, **more}
        b.case(f"SampleLattice {label}", f.SampleLattice(p, parameters), want, points, outside=outside)

    for section in ["Box", "Circle", "Cross"]:
        lattice(section, o.struts(Q, scale, 0.08, section), section_type=section, node_type="None", smoothing=0)
    lattice("Sphere", o.struts(Q, scale, 0.08, node_radius=0.2), node_type="Sphere", node_radius=0.2)
    lattice("graded radius", o.struts(Q, scale, 0.16), section_radius_grading_range=np.array([0, 1]),
            section_radius_grading_scale=[2, 2])
    # Heights are halved before the lattice sees them: a bound of the distance.
    lattice("graded cells", o.struts(Q * [1, 1, 0.5], scale, 0.08), scale_grading_range=[0, 1], scale_grading_scale=[2, 2])
    sharp = o.struts(Q, scale, 0.08)

    def rounded(got):
        less = sharp - got
        assert less[sharp > 0].max() < 0.1 * (1 - math.sqrt(0.5)) + 1e-5 and less.max() > 0.001, less.max()
        assert less[sharp > 0].min() > -1e-5, less.min()
    lattice("smooth", rounded, smoothing=0.1)

    network = {"nodes": [[-0.9, 0.1, 0.2], [0.8, 0.1, 0.2]], "edges": [[0, 1]]}
    a, c = (np.array(n) for n in network["nodes"])
    path = {"path": b.file("network.json", json.dumps(network))}
    bvh = {"path": dispatch(b.t, b.project, "network/compute-bvh", {"network": "network.json"})}
    for section in ["Box", "Circle", "Cross"]:
        for node_type in ["None", "Sphere"]:
            parameters = {"section_type": section, "section_radius": 0.2, "node_type": node_type, "node_radius": 0.4,
                          "smoothing": 0.0, "xform": XFORM}
            want = o.bar(Q, a, c, 0.2, section, 0.4 if node_type == "Sphere" else None)
            b.case(f"SampleBeam {section} {node_type}", f.SampleBeam(p, bvh, path, parameters), want, points, outside=True)


def surfaces(b):
    f, p = b.f, b.f.PointSource
    points, scale = f.LoadSamplePoints({"points": POINTS}), np.array([0.8, 0.9, 1.1])
    # Half a period away the values are those of another place; a whole one and they are the same.
    there = f.LoadSamplePoints({"points": (P + scale).tolist()})
    seen = {}
    for name in sorted(v for op, _, v in offered_values() if op == "SampleSurfaceLattice"):
        if name in o.SURFACES:
            want = o.surface(Q, name, scale) - (0 if name == "None" else 0.1)
            parameters = {"lattice_type": name, "scale": scale, "threshold": 0.1, "xform": XFORM}
            b.case(f"SampleSurfaceLattice {name}", f.SampleSurfaceLattice(p, parameters), want, points, 1e-4)
            continue

        def periodic(got, name=name):
            assert got.min() < -0.1 and got.max() > 0.1, (got.min(), got.max())
            before = seen.setdefault(name, got)
            assert np.abs(got - before).max() < 1e-4, "not periodic"
        for at in (points, there):
            b.case(f"SampleSurfaceLattice {name}", f.SampleSurfaceLattice(p, {"lattice_type": name, "scale": scale}), periodic, at)
    graded = {"lattice_type": "P", "scale": scale, "scale_grading_range": [0, 1], "scale_grading_scale": np.array([2, 2]),
              "threshold_grading_range": [-1, 1], "threshold_grading_offset": np.array([0.1, 0.5])}
    threshold = 0.3 + 0.2 * np.clip(P[:, 2], -1, 1)
    want = o.surface(P, "P", scale * [1, 1, 2]) - threshold
    b.case("SampleSurfaceLattice graded", f.SampleSurfaceLattice(p, graded), want, points, 1e-4)
    if "SampleSpinodoid" in f:
        def half_full(got):
            assert abs((got < 0).mean() - 0.4) < 0.05, (got < 0).mean()
        waves = {"angles": np.array([30, 0, 30]), "density": 0.4, "wave_count": 200, "pore_size": 0.2, "xform": XFORM}
        b.case("SampleSpinodoid", f.SampleSpinodoid(p, waves), half_full, f.GenerateSamplePoints(dict(GRID)))
    slopes = load(f, b.file("slope.bin", slope(volume_points()).astype("<f4").tobytes()))
    place = {"volume_offset": np.array(VOLUME["offset"]) * 2, "volume_size": np.array(VOLUME["size"]) * 2, "xform": XFORM}
    b.case("SampleVolume", f.SampleVolume(p, slopes, place), slope(Q / 2), points)
    grid = f.GenerateSamplePoints(dict(GRID))
    ball = f.EllipsoidPrimitive(p, {"size": [1, 1, 1]})
    b.case("SampleVolume of computed samples", f.SampleVolume(p, ball), o.length(G) - 0.5, grid)


def filters(b):
    f, p = b.f, b.f.PointSource
    points = f.LoadSamplePoints({"points": POINTS})
    one, two = f.BoxPrimitive(p, {"size": [1, 1, 1]}), f.EllipsoidPrimitive(p, {"size": [1.6, 1.6, 1.6]})
    x, y = o.box(P, [1, 1, 1]), o.length(P) - 0.8
    for operation, make in [("Union", f.CSGUnion), ("Intersect", f.CSGIntersect), ("Subtract", f.CSGSubtract)]:
        b.case(f"CSG{operation}", make(one, two), o.csg(operation, x, y), points)
        b.case(f"CSG{operation} smooth", make(one, two, 0.2), o.csg(operation, x, y, 0.2), points)
        root = f.CSG(one, two, {"operation": operation, "smoothing": 0.1})
        b.case(f"CSG {operation}", root, o.csg(operation, x, y, 0.1), points)
    weighted = f.LinearFilter(one, two, {"scale_a": 2, "scale_b": -0.5})
    b.case("LinearFilter", weighted, 2 * x - 0.5 * y, points)
    b.case("Shell", f.Shell(two, {"offset": 0.1, "thickness": 0.3}), np.abs(y - 0.1) - 0.15, points)
    grid, d = f.GenerateSamplePoints(dict(GRID)), o.length(G) - 0.8
    steep = f.LinearFilter(two, two, {"scale_a": 2, "scale_b": 1})
    # 3d + 0.3 is zero at d = −0.1; a cell is 1/16, and the ball's middle is the farthest.
    b.case("Redistance", f.Redistance(steep, {"pre_offset": 0.3, "post_offset": 0.05}), d + 0.15, grid, 0.1 / 16)
    b.case("Threshold", f.Threshold(two, {"width": 0.25}), np.round(127 * np.clip(d / 0.25, -1, 1)), grid, 1, dtype=np.int8)


def add_all(b):
    for group in (sources, differences, transforms, solids, meshes, lattices, surfaces, filters):
        group(b)
