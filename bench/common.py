"""What the peer workers share: the input mesh, the grid, the clock, the one JSON line they print."""
import json
import os
import time

import numpy as np


def load(stem):
    """The indexed mesh that inputs.py wrote: float32 (n, 3) vertices and int32 (m, 3) triangles."""
    v = np.fromfile(stem + ".v.f32", np.float32).reshape(-1, 3)
    f = np.fromfile(stem + ".f.u32", np.uint32).reshape(-1, 3)
    return v, f.astype(np.int32)


def grid_of(v, n):
    """Cube grid with n samples per axis around the mesh, 10 % padding: lowest corner and cell edge."""
    lo, hi = v.min(0).astype(np.float64), v.max(0).astype(np.float64)
    half = 0.55 * float((hi - lo).max())
    return 0.5 * (lo + hi) - half, 2 * half / (n - 1)


def grid_points(origin, h, n):
    """The n³ sample positions as a float32 (n³, 3) array."""
    axes = [(origin[d] + h * np.arange(n)).astype(np.float32) for d in range(3)]
    points = np.empty((n, n, n, 3), np.float32)
    for d in range(3):
        points[..., d] = axes[d].reshape([-1 if d == e else 1 for e in range(3)])
    return points.reshape(-1, 3)


def rss_peak_mb():
    """Peak resident memory of this process in MiB."""
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def bench(run, reps, **more):
    """One warm-up call, `reps` timed ones, and the JSON line with the times in seconds."""
    result = run()
    times = []
    for _ in range(reps):
        del result
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    print(json.dumps(dict(times=times, rss_peak_mb=rss_peak_mb(), **more)))
    return result


def dump(result):
    """Leaves the last field under $BENCH_DUMP for a look at its numbers."""
    if path := os.environ.get("BENCH_DUMP"):
        np.ascontiguousarray(result, np.float32).tofile(path)
