"""Formulas on a dense grid by the Python peers: evaluate_peers.py PEER CASE N REPS THREADS prints one JSON line.

CASE gyroid, gyroid-turned and operators are the graphs of our example bench_graph, formula for formula, on N³ samples
of [-0.5, 0.5]³ in float32. A time covers the evaluation alone: what is compiled is compiled by the call before."""
import importlib.metadata
import math
import os
import sys

peer, case, n, reps, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np  # noqa: E402

from common import bench  # noqa: E402

f = np.float32
K = 2 * math.pi * 8  # eight cells along each axis
C, S, C2, S2 = math.cos(0.3), math.sin(0.3), math.cos(0.4), math.sin(0.4)
axis = (-0.5 + np.arange(n) / (n - 1)).astype(f)


def formula(xp, x, y, z):
    """The case with the functions of an array library; x, y and z may be broadcast."""
    sin, cos, sqrt, maximum, minimum = xp.sin, xp.cos, xp.sqrt, xp.maximum, xp.minimum

    def gyroid(x, y, z):
        x, y, z = x * f(K), y * f(K), z * f(K)
        return sin(x) * cos(y) + sin(y) * cos(z) + sin(z) * cos(x)
    if case == "gyroid":
        return gyroid(x, y, z)
    y1 = x * f(S) + y * f(C)
    turned = gyroid(x * f(C) - y * f(S), y1 * f(C2) - z * f(S2), y1 * f(S2) + z * f(C2))
    if case == "gyroid-turned":
        return turned

    def blend(a, b, k):  # circular
        h = maximum(f(k) - abs(a - b), f(0)) * f(1 / k)
        return minimum(a, b) - f(k / 2) * (f(1) + h - sqrt(f(1) - h * (h - f(2))))
    rho2 = x * x + y * y
    rho = sqrt(rho2)
    ball = sqrt(rho2 + z * z) - f(0.42)
    sheet = (abs(turned) - f(0.004 * K)) * f(1 / K) - ball * f(0.01)
    qx, qy, qz = abs(x) - f(0.35), abs(y) - f(0.35), abs(z) - f(0.35)
    px, py, pz = maximum(qx, f(0)), maximum(qy, f(0)), maximum(qz, f(0))
    box = sqrt(px * px + py * py + pz * pz) + minimum(maximum(qx, maximum(qy, qz)), f(0))
    body = -blend(-sheet, blend(-ball, -box, 0.03), 0.02)
    ring = rho - f(0.38)
    torus = sqrt(ring * ring + z * z) - f(0.05)
    return maximum(blend(body, torus, 0.04), f(0.08) - rho)


def numpy():
    x, y, z = axis[:, None, None], axis[None, :, None], axis[None, None, :]
    return lambda: formula(np, x, y, z)


def jax():
    import jax
    import jax.numpy as jnp
    x, y, z = (jnp.asarray(a) for a in (axis[:, None, None], axis[None, :, None], axis[None, None, :]))
    compiled = jax.jit(lambda x, y, z: jnp.broadcast_to(formula(jnp, x, y, z), (n, n, n)))
    return lambda: np.asarray(compiled(x, y, z).block_until_ready())


def numba_sep():
    """Tables of sine and cosine per axis, into an array that exists."""
    import numba as nb
    nb.set_num_threads(threads)
    out = np.zeros((n, n, n), f)

    @nb.njit(parallel=True, fastmath=True)
    def fill(s, c, out):
        for i in nb.prange(n):
            for j in range(n):
                a = s[i] * c[j]
                for k in range(n):
                    out[i, j, k] = a + s[j] * c[k] + s[k] * c[i]

    def run():
        t = axis * f(K)
        fill(np.sin(t), np.cos(t), out)
        return out
    return run


def numba():
    """Point by point, into an array that exists."""
    import numba as nb
    nb.set_num_threads(threads)
    out = np.zeros((n, n, n), f)
    k8, c, s, c2, s2, by_k8 = f(K), f(C), f(S), f(C2), f(S2), f(1 / K)
    zero, one, two, half = f(0), f(1), f(2), f(0.5)
    shift, r_ball, r_box, r_ring, r_tube, r_hole, graded = (
        f(0.004 * K), f(0.42), f(0.35), f(0.38), f(0.05), f(0.08), f(0.01))
    k02, k03, k04 = f(0.02), f(0.03), f(0.04)
    sin, cos, sqrt = math.sin, math.cos, math.sqrt

    @nb.njit(fastmath=True, inline="always")
    def gyroid(x, y, z):
        return sin(x) * cos(y) + sin(y) * cos(z) + sin(z) * cos(x)

    @nb.njit(fastmath=True, inline="always")
    def turned(x, y, z):
        y1 = x * s + y * c
        return gyroid((x * c - y * s) * k8, (y1 * c2 - z * s2) * k8, (y1 * s2 + z * c2) * k8)

    @nb.njit(fastmath=True, inline="always")
    def blend(a, b, k):
        h = max(k - abs(a - b), zero) * (one / k)
        return min(a, b) - half * k * (one + h - sqrt(one - h * (h - two)))

    @nb.njit(fastmath=True, inline="always")
    def operators(x, y, z):
        rho = sqrt(x * x + y * y)
        ball = sqrt(x * x + y * y + z * z) - r_ball
        sheet = (abs(turned(x, y, z)) - shift) * by_k8 - ball * graded
        qx, qy, qz = abs(x) - r_box, abs(y) - r_box, abs(z) - r_box
        px, py, pz = max(qx, zero), max(qy, zero), max(qz, zero)
        box = sqrt(px * px + py * py + pz * pz) + min(max(qx, max(qy, qz)), zero)
        body = -blend(-sheet, blend(-ball, -box, k03), k02)
        ring = rho - r_ring
        return max(blend(body, sqrt(ring * ring + z * z) - r_tube, k04), r_hole - rho)

    @nb.njit(fastmath=True, inline="always")
    def straight(x, y, z):
        return gyroid(x * k8, y * k8, z * k8)
    of_point = {"gyroid": straight, "gyroid-turned": turned, "operators": operators}[case]

    @nb.njit(parallel=True, fastmath=True)
    def fill(a, out):
        for i in nb.prange(n):
            for j in range(n):
                for k in range(n):
                    out[i, j, k] = of_point(a[i], a[j], a[k])

    def run():
        fill(axis, out)
        return out
    return run


def samples(result):
    """Values at a thousand places, the same for every worker."""
    q = np.arange(1000, dtype=np.int64)
    return [float(v) for v in np.asarray(result)[q * 7919 % n, (q * 104729 + 31) % n, (q * 1299709 + 17) % n]]


if __name__ == "__main__":
    run = {"numpy": numpy, "numba": numba, "numba-sep": numba_sep, "jax": jax}[peer]()
    values = samples(run())
    bench(run, reps, version=importlib.metadata.version(peer.split("-")[0]), values=values)
