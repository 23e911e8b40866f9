"""A job that is cut, by one to four workers: pieces_load.py BINARY [RESOLUTION] [PIECE_SAMPLES] [MEMORY] [WORKERS] prints a Markdown table.

The surface of struts in a cube of RESOLUTION³ samples as STL: whole at a server that cuts nothing, then in pieces of PIECE_SAMPLES samples by
each of these numbers of workers (1,2,4) of one thread and MEMORY each, for a server without slots of its own. Every checksum is compared. The
peak is the largest resident set that a process of an attempt had. Python's standard library only."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime

from service import Server

BINARY = os.path.abspath(sys.argv[1])
N = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
PIECE = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 27
MEMORY = sys.argv[4] if len(sys.argv) > 4 else "3GiB"
COUNTS = [int(count) for count in (sys.argv[5] if len(sys.argv) > 5 else "1,2,4").split(",")]
SETTINGS = {"FIELDSTONE_MAX_REQUEST_RATE": "0", "FIELDSTONE_LOG": "error", "FIELDSTONE_REUSE_RESULTS": "false"}

# Three cells along each axis, their struts 1/64 of the cube thick.
GRAPH = {"operators": [
    {"type": "GenerateSamplePoints", "parameters": {"offset": [0, 0, 0], "size": [30, 30, 30], "resolution": [N] * 3}},
    {"type": "SampleLattice", "parameters": {"lattice_data": {"nodes": [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "edges": [[0, 1], [0, 2], [0, 3]]}, "scale": [10, 10, 10], "section_radius": 0.234, "node_radius": 0.3}}],
    "edges": [{"source": 0, "target": [1, "Points"]}]}
JOB = {"type": "export_triangle_mesh", "parameters": {"graph": GRAPH}}


def children(pid):
    """All processes below one."""
    direct = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            direct += open(path).read().split()
        except OSError:
            pass
    return [below for child in direct for below in [int(child), *children(int(child))]]


def peak_of(pid):
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))
    except (OSError, AttributeError):
        return 0


class Peaks(threading.Thread):
    """The largest resident set, KiB, of any process below these."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.most, self.done = pids, 0, False
        self.start()

    def run(self):
        while not self.done:
            self.most = max([self.most] + [peak_of(child) for pid in self.pids for child in children(pid)])
            time.sleep(0.02)


def run(server):
    begun = time.perf_counter()
    id = server.call("POST", f"/projects/{server.project}/jobs", JOB)["id"]
    while (job := server.job(id))["state"] in ("pending", "started"):
        time.sleep(0.05)
    seconds = time.perf_counter() - begun
    if job["state"] != "success":
        sys.exit(f"job {id} ended as {job['state']}: {job['error']}")
    log = server.call("GET", f"/projects/{server.project}/jobs/{id}/log")
    return seconds, job, log


def joined_after(log):
    """Seconds from the attempt's start to the moment when all pieces are there."""
    at = {key: time_of(line) for line in log for key in ("started", "are joined") if key in line["text"]}
    return at["are joined"] - at["started"] if len(at) == 2 else None


def time_of(line):
    return datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()


def row(name, seconds, pieces, peak, job):
    mesh = job["outputs"]["assets"]["mesh"]
    faces = int(job["outputs"]["params"]["face_count"])
    print(f"| {name} | {seconds:.1f} s | {'' if pieces is None else f'{pieces:.1f} s'} | {peak / 1024:,.0f} MiB | {faces:,} | {mesh['checksum'][:23]} |", flush=True)
    return mesh["checksum"], job["outputs"]["params"]


print(f"{N}³ samples, pieces of {PIECE:,} at most\n\n| | time | until all pieces are there | peak of one process | triangles | checksum |\n|---|---|---|---|---|---|")
seen = []
with Server(BINARY, {**SETTINGS, "FIELDSTONE_CONCURRENT_JOBS": "1", "FIELDSTONE_THREADS": "1", "FIELDSTONE_PIECE_SAMPLES": "0",
                     "FIELDSTONE_MEMORY_LIMIT": "64GiB"}) as server:
    peaks = Peaks([server.process.pid])
    seconds, job, log = run(server)
    seen.append(row("whole, one thread", seconds, None, peaks.most, job))
    peaks.done = True
for count in COUNTS:
    with (Server(BINARY, {**SETTINGS, "FIELDSTONE_CONCURRENT_JOBS": "0", "FIELDSTONE_PIECE_SAMPLES": str(PIECE)}) as server,
          tempfile.TemporaryDirectory() as folder):
        key = os.path.join(folder, "token")
        with open(key, "wb") as file:
            subprocess.run([BINARY, "keys", "create", "--worker", "--name", "bench", "--data", server.data], check=True, stdout=file)
        workers = [subprocess.Popen([BINARY, "worker", "--server", f"http://{server.host}", "--token-file", key, "--threads", "1",
                                     "--scratch", folder, "--memory", MEMORY], stderr=subprocess.DEVNULL) for _ in range(count)]
        try:
            while len(server.call("GET", "/workers")) < count:
                time.sleep(0.02)
            peaks = Peaks([worker.pid for worker in workers])
            seconds, job, log = run(server)
            peaks.done = True
            seen.append(row(f"{count} worker{'s' * (count > 1)}", seconds, joined_after(log), peaks.most, job))
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(timeout=60)
if any(other != seen[0] for other in seen):
    sys.exit("the results differ")
