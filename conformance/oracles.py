"""What operators must give, in numpy: closed forms of docs/operators.md for N × 3 arrays of points, mm."""
import math

import numpy as np


def rigid(degrees, translation):
    """A turn about z, then a shift, as the client writes it: 4 × 4, the translation in the last row."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, s, 0, 0], [-s, c, 0, 0], [0, 0, 1, 0], [*translation, 1]])


def placed(p, xform):
    """object → world."""
    return p @ xform[:3, :3] + xform[3, :3]


def local(p, xform):
    """world → object, of a rigid map."""
    return (p - xform[3, :3]) @ xform[:3, :3].T


def length(v):
    return np.sqrt((v * v).sum(axis=-1))


def box(p, size):
    q = np.abs(p) - np.asarray(size) / 2
    return length(np.maximum(q, 0)) + np.minimum(q.max(axis=-1), 0)


def box_frame(p, size, bar):
    q = np.abs(p) - np.asarray(size) / 2
    r = np.abs(q + bar / 2) - bar / 2
    edges = [np.stack([q[:, 0], r[:, 1], r[:, 2]], -1), np.stack([r[:, 0], q[:, 1], r[:, 2]], -1),
             np.stack([r[:, 0], r[:, 1], q[:, 2]], -1)]
    return np.min([length(np.maximum(e, 0)) + np.minimum(e.max(axis=-1), 0) for e in edges], axis=0)


def capsule(p, radius, height):
    q = p.copy()
    q[:, 2] -= np.clip(q[:, 2], radius - height / 2, height / 2 - radius)
    return length(q) - radius


def cylinder(p, radius, height):
    d = np.stack([np.hypot(p[:, 0], p[:, 1]) - radius, np.abs(p[:, 2]) - height / 2], -1)
    return np.minimum(d.max(axis=-1), 0) + length(np.maximum(d, 0))


def capped_cone(p, bottom, top, height):
    """After Quilez, "distance functions": cap or side, whichever is nearer."""
    h = height / 2
    q = np.stack([np.hypot(p[:, 0], p[:, 1]), p[:, 2]], -1)
    k1, k2 = np.array([top, h]), np.array([top - bottom, 2 * h])
    radius = np.where(q[:, 1] < 0, bottom, top)
    cap = np.stack([q[:, 0] - np.minimum(q[:, 0], radius), np.abs(q[:, 1]) - h], -1)
    side = q - k1 + k2 * np.clip(((k1 - q) @ k2) / (k2 @ k2), 0, 1)[:, None]
    sign = np.where((side[:, 0] < 0) & (cap[:, 1] < 0), -1, 1)
    return sign * np.minimum(length(cap), length(side))


def link(p, bar, width, height):
    z = np.maximum(np.abs(p[:, 2]) - (height - width) / 2, 0)
    return np.hypot(np.hypot(p[:, 0], z) - (width / 2 - bar), p[:, 1]) - bar


def torus(p, outer, tube):
    return np.hypot(np.hypot(p[:, 0], p[:, 1]) - (outer - tube), p[:, 2]) - tube


def union(a, b, k=0.0):
    if k == 0:
        return np.minimum(a, b)
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.minimum(a, b) - k / 2 * (1 + h - np.sqrt(1 - h * (h - 2)))


def csg(operation, a, b, k=0.0):
    if operation == "Union":
        return union(a, b, k)
    return -union(-a, -b if operation == "Intersect" else b, k)


def struts(p, scale, radius, section="Circle", node_radius=None):
    """The cubic lattice: endless bars along the axes through the corners of cells."""
    scale = np.asarray(scale)
    d = np.abs(p - scale * np.round(p / scale))
    found = []
    for axis in range(3):
        u, v = d[:, (axis + 1) % 3], d[:, (axis + 2) % 3]
        if section == "Circle":
            found.append(np.hypot(u, v) - radius)
            continue
        for a, b in [(radius, radius)] if section == "Box" else [(radius, radius / 3), (radius / 3, radius)]:
            found.append(np.hypot(np.maximum(u - a, 0), np.maximum(v - b, 0)) + np.minimum(np.maximum(u - a, v - b), 0))
    if node_radius is not None:
        found.append(length(d) - node_radius)
    return np.min(found, axis=0)


def bar(p, a, b, radius, section="Circle", node_radius=None):
    """One strut along x from a to b."""
    half, middle = (b[0] - a[0]) / 2, (np.asarray(a) + b) / 2
    q = p - middle
    beyond = np.maximum(np.abs(q[:, 0]) - half, 0)
    plates = {"Box": [(radius, radius)], "Cross": [(radius, radius / 3), (radius / 3, radius)]}
    if section == "Circle":
        found = [np.sqrt(beyond**2 + q[:, 1]**2 + q[:, 2]**2) - radius]
    else:
        found = [box(q, [2 * (half + radius), 2 * y, 2 * z]) for y, z in plates[section]]
    if node_radius is not None:
        found += [length(p - end) - node_radius for end in (a, b)]
    return np.min(found, axis=0)


def cell_size(p, d, steps, step_size, offset, width):
    t = np.clip((d - offset) / width, 0, 1)
    level = np.floor(t * steps) if steps else t
    return p / (1 + step_size * level)[:, None]


def texture(p, shape, width, scale, image):
    """(how far, along which normal) a point moves; `image` is rows of pixels."""
    q, azimuth = p / width, lambda v: np.arctan2(v[:, 1], v[:, 0]) / (2 * math.pi) + 0.5
    if shape == "Plane":
        uv, n = q[:, :2] + 0.5, np.broadcast_to([0.0, 0, 1], p.shape)
    elif shape == "Cylinder":
        uv, n = np.stack([azimuth(p), q[:, 2] + 0.5], -1), p * [1, 1, 0]
    elif shape == "Ellipsoid":
        uv, n = np.stack([azimuth(q), np.arccos(q[:, 2] / length(q)) / math.pi], -1), q / width
    else:
        face = np.abs(q).argmax(axis=-1)
        own = np.arange(3) == face[:, None]
        n = np.where(own, np.where(q < 0, -1.0, 1.0), 0)
        uv = q[~own].reshape(-1, 2) + 0.5
    rows, columns = image.shape
    at = uv * scale * [columns, rows] - 0.5
    low = np.floor(at).astype(int)
    s, t = (at - low).T
    pixel = lambda i, j: image[(low[:, 1] + j) % rows, (low[:, 0] + i) % columns]
    value = (pixel(0, 0) * (1 - s) + pixel(1, 0) * s) * (1 - t) + (pixel(0, 1) * (1 - s) + pixel(1, 1) * s) * t
    return value, n / length(n)[:, None]


# von Schnering and Nesper 1991, Table 1, and the others as docs/operators.md has them, for phases.
SURFACES = {
    "Gyroid": lambda s, c, X, Y, Z: s(X) * c(Y) + s(Y) * c(Z) + s(Z) * c(X),
    "P": lambda s, c, X, Y, Z: c(X) + c(Y) + c(Z),
    "Schwarz": lambda s, c, X, Y, Z: c(X) + c(Y) + c(Z),
    "SchwarzD": lambda s, c, X, Y, Z: s(X) * s(Y) * s(Z) + s(X) * c(Y) * c(Z) + c(X) * s(Y) * c(Z) + c(X) * c(Y) * s(Z),
    "D": lambda s, c, X, Y, Z: c(X) * c(Y) * c(Z) - s(X) * s(Y) * s(Z),
    "F": lambda s, c, X, Y, Z: c(X) * c(Y) * c(Z),
    "IWP": lambda s, c, X, Y, Z: 2 * (c(X) * c(Y) + c(Y) * c(Z) + c(Z) * c(X)) - (c(2 * X) + c(2 * Y) + c(2 * Z)),
    "FRD": lambda s, c, X, Y, Z: 4 * c(X) * c(Y) * c(Z) - (c(2 * X) * c(2 * Y) + c(2 * Y) * c(2 * Z) + c(2 * Z) * c(2 * X)),
    "SchwarzN": lambda s, c, X, Y, Z: 3 * (c(X) + c(Y) + c(Z)) + 4 * c(X) * c(Y) * c(Z),
    "S": lambda s, c, X, Y, Z: c(2 * X) * s(Y) * c(Z) + c(X) * c(2 * Y) * s(Z) + s(X) * c(Y) * c(2 * Z),
    "CP": lambda s, c, X, Y, Z: c(X) + c(Y) + c(Z) + 4 * c(X) * c(Y) * c(Z),
    "None": lambda s, c, X, Y, Z: np.ones_like(X),
}


def surface(p, name, scale):
    return SURFACES[name](np.sin, np.cos, *(2 * math.pi * p / scale).T)
