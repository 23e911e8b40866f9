"""The same jobs at the server and at a worker: worker_load.py BINARY [ROUNDS] prints a Markdown table.

Two servers, one that runs a job at a time itself and one that runs none and has a worker of one slot beside it, take turns at the same
jobs on one thread. Then the worker does nothing for a minute. Python's standard library only."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

from service import Server

BINARY = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
PART = open(os.path.join(os.path.dirname(__file__), "../testdata/parts/bracket.stl"), "rb").read()
IDLE_S = 60
SETTINGS = {"FIELDSTONE_THREADS": "1", "FIELDSTONE_MAX_REQUEST_RATE": "0", "FIELDSTONE_LOG": "info"}


def gyroid(resolution):
    """A graph that takes a while and of which next to nothing comes out."""
    return {"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"offset": [0, 0, 0], "size": [10, 10, 10], "resolution": [resolution] * 3}},
        {"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [5, 5, 5]}}],
        "edges": [{"source": 0, "target": [1, "Points"]}]}


def timed(server, kind, parameters):
    """Seconds from the dispatch of a job to its end as a client sees it."""
    begun = time.perf_counter()
    id = server.call("POST", f"/projects/{server.project}/jobs", {"type": kind, "parameters": parameters})["id"]
    while (job := server.job(id))["state"] in ("pending", "started"):
        time.sleep(0.001)
    if job["state"] != "success":
        sys.exit(f"job {id} ended as {job['state']}: {job['error']}")
    return time.perf_counter() - begun


def in_turn(pair, kind, parameters, rounds=ROUNDS):
    """Median seconds of each, which take turns."""
    times = [[timed(server, kind, parameters) for server in pair] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times)]


def row(name, here, there):
    print(f"| {name} | {here * 1e3:,.1f} ms | {there * 1e3:,.1f} ms | {there / here - 1:+.1%} |", flush=True)


def processor_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(name, pid):
    before = processor_seconds(pid)
    time.sleep(IDLE_S)
    memory = next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")).split()[1]
    print(f"\n{name}, idle for {IDLE_S} s: {processor_seconds(pid) - before:.2f} s of processor time, {int(memory) / 1024:.0f} MiB")


with (Server(BINARY, {**SETTINGS, "FIELDSTONE_CONCURRENT_JOBS": "1"}) as here,
      Server(BINARY, {**SETTINGS, "FIELDSTONE_CONCURRENT_JOBS": "0"}) as there,
      tempfile.TemporaryDirectory() as folder):
    key = os.path.join(folder, "token")
    with open(key, "wb") as file:
        subprocess.run([BINARY, "keys", "create", "--worker", "--name", "bench", "--data", there.data], check=True, stdout=file)
    worker = subprocess.Popen([BINARY, "worker", "--server", f"http://{there.host}", "--token-file", key, "--threads", "1",
                               "--scratch", folder, "--memory", "8GiB"], stderr=subprocess.DEVNULL)
    try:
        while not there.call("GET", "/workers"):
            time.sleep(0.02)
        for server in (here, there):
            server.upload("bracket.stl", len(PART), [PART])
        print("| job | at the server | at a worker | |\n|---|---|---|---|")
        sample = {"mesh_filename": "bracket.stl"}
        row("bracket.stl sampled, 16 along its longest side", *in_turn((here, there), "sample_triangle_mesh", {**sample, "max_resolution": 16}, 3 * ROUNDS))
        row("measures of a gyroid of 384³ samples", *in_turn((here, there), "evaluate_metrics", {"graph": gyroid(384)}))
        row("bracket.stl sampled, 300: a large output", *in_turn((here, there), "sample_triangle_mesh", {**sample, "max_resolution": 300}))
        firsts = []
        for n in range(5):
            # Another first byte of the header makes another input of the same mesh.
            name, mesh = f"fresh{n}.stl", bytes([n + 1]) + PART[1:]
            there.upload(name, len(mesh), [mesh])
            firsts.append(timed(there, "sample_triangle_mesh", {"mesh_filename": name, "max_resolution": 16}))
        print(f"\nthe first of these jobs at a worker with an input that it has to fetch: {statistics.median(firsts) * 1e3:.1f} ms")
        idle("a worker", worker.pid)
    finally:
        worker.terminate()
        worker.wait(timeout=60)
