"""Unit cells of beam lattices by their names, and their share of solid worked out without the server."""
import itertools
import math

import numpy as np

CORNERS = list(itertools.product([0, 1], repeat=3))
CENTRE = [(0.5, 0.5, 0.5)]
FACES = [tuple(side if a == axis else 0.5 for a in range(3)) for axis in range(3) for side in (0, 1)]
MIDDLES = [p for p in itertools.product([0, 0.5, 1], repeat=3) if p.count(0.5) == 1]
INNER = [tuple(0.25 + 0.5 * c for c in p) for p in CORNERS]
GOLDEN = (1 + math.sqrt(5)) / 2


def permuted(*values):
    """All points whose coordinates are a permutation of these, each with either sign, about the cell's middle."""
    signed = itertools.product(*[{v, -v} for v in values])
    return sorted({tuple(0.5 + c for c in q) for p in signed for q in itertools.permutations(p)})


def cyclic(*values):
    """The same for the even permutations."""
    signed = itertools.product(*[{v, -v} for v in values])
    return sorted({tuple(0.5 + c for c in p[k:] + p[:k]) for p in signed for k in range(3)})


def joined(a, b, length):
    """The pairs of a point of `a` and one of `b` that are so far apart."""
    pairs = {tuple(sorted((p, q))) for p in a for q in b}
    return {pair for pair in pairs if abs(math.dist(*pair) - length) < 1e-6}


def cells():
    """{name: {"nodes", "edges"}}."""
    root2 = math.sqrt(2)
    cubic = joined(CORNERS, CORNERS, 1)
    uprights = {(p, q) for p, q in cubic if p[2] != q[2]}
    bcc = joined(CORNERS, CENTRE, math.sqrt(3) / 2)
    fcc = joined(CORNERS, FACES, root2 / 2)
    octahedron = joined(FACES, FACES, root2 / 2)
    star = joined(CENTRE, FACES, 0.5)
    edge_star = joined(CENTRE, MIDDLES, root2 / 2)
    rhombic = joined(FACES, INNER, math.sqrt(3) / 4)
    sites = [(0.25, 0.25, 0.25), (0.75, 0.75, 0.25), (0.75, 0.25, 0.75), (0.25, 0.75, 0.75)]
    kelvin = permuted(0, 0.25, 0.5)
    cut = permuted(0.5, 0.5, 0.5 * (root2 - 1))
    rounded = permuted(0.5, 0.5 * (root2 - 1), 0.5 * (root2 - 1))
    icosahedron = cyclic(0, 0.5 / GOLDEN, 0.5)
    dodecahedron = permuted(*[0.5 / GOLDEN] * 3) + cyclic(0, 0.5 / GOLDEN**2, 0.5)
    found = {
        "cubic": cubic,
        "columns": uprights,
        "bcc": bcc,
        "bccz": bcc | uprights,
        "body centred cubic frame": bcc | cubic,
        "fcc": fcc,
        "fccz": fcc | uprights,
        "face centred cubic frame": fcc | cubic,
        "fbcc": fcc | bcc,
        "octahedron": octahedron,
        "octet": fcc | octahedron,
        "isotruss": fcc | octahedron | cubic,
        "star": star,
        "edge star": edge_star,
        "full star": star | bcc,
        "diamond": joined(sites, CORNERS + FACES, math.sqrt(3) / 4),
        "kelvin": joined(kelvin, kelvin, root2 / 4),
        "rhombic dodecahedron": rhombic,
        "cuboctahedron": joined(MIDDLES, MIDDLES, root2 / 2),
        "tesseract": cubic | joined(INNER, INNER, 0.5) | joined(CORNERS, INNER, math.sqrt(3) / 4),
        "truncated cube": joined(cut, cut, root2 - 1),
        "rhombicuboctahedron": joined(rounded, rounded, root2 - 1),
        "icosahedron": joined(icosahedron, icosahedron, 1 / GOLDEN),
        "dodecahedron": joined(dodecahedron, dodecahedron, 1 / GOLDEN**2),
    }
    return {name: unit_cell(edges) for name, edges in found.items()}


def unit_cell(pairs):
    nodes = sorted({p for pair in pairs for p in pair})
    return {"nodes": [list(map(float, p)) for p in nodes],
            "edges": sorted([nodes.index(p), nodes.index(q)] for p, q in pairs)}


def solid_share(cell, radius, n=18):
    """The share of n³ points, one at random in each part of the cell, that are within `radius` of a strut of the cell or
    of its 26 neighbours. Good to about 0.005."""
    corners = np.stack(np.meshgrid(*[np.arange(n)] * 3), -1).reshape(-1, 3)
    p = (corners + np.random.default_rng(1).random(corners.shape)) / n
    nodes, nearest = np.array(cell["nodes"]), np.full(len(p), np.inf)
    for shift in itertools.product([-1, 0, 1], repeat=3):
        for i, j in cell["edges"]:
            a, b = nodes[i] + shift, nodes[j] + shift
            if (np.minimum(a, b) > 1 + radius).any() or (np.maximum(a, b) < -radius).any():
                continue
            t = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
            d = p - a - t[:, None] * (b - a)
            nearest = np.minimum(nearest, (d * d).sum(-1))
    return (nearest < radius**2).mean()
