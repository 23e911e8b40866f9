"""Previews of a running server: milliseconds of changed sliders, what they leave behind, and GET job beside them. Prints a Markdown table.

Usage: preview_load.py BINARY PART CHANGES LEFT"""
import http.client
import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path

from service import Server

BINARY, PART, CHANGES, LEFT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def formula(slider):
    """A ball with a gyroid cut out of it."""
    return {
        "operators": [
            {"type": "GenerateSamplePoints", "parameters": {"size": [40, 40, 40], "resolution": [64, 64, 64]}},
            {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [36, 36, 36]}},
            {"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [slider] * 3}},
            {"type": "CSG", "parameters": {"operation": "Intersect"}},
        ],
        "edges": [
            {"source": 0, "target": [1, "Points"]},
            {"source": 0, "target": [2, "Points"]},
            {"source": 1, "target": [3, "A"]},
            {"source": 2, "target": [3, "B"]},
        ],
    }


def infill(slider):
    """The part filled with a gyroid, as docs/infill.json does."""
    graph = json.loads(Path(__file__).resolve().parent.parent.joinpath("docs/infill.json").read_text())
    for operator in graph["operators"]:
        if operator["type"] == "SampleTriangleMesh":
            operator["parameters"]["mesh_data"]["path"] = "part.stl"
        if operator["type"] == "SampleSurfaceLattice":
            operator["parameters"]["scale"] = [slider] * 3
    return graph


def median_ms(work, times):
    found = []
    for i in range(times):
        began = time.perf_counter()
        work(i)
        found.append((time.perf_counter() - began) * 1e3)
    return statistics.median(found), max(found)


class Client:
    """One kept connection, as a browser's tab has it."""

    def __init__(self, server):
        self.connection, self.token = http.client.HTTPConnection(server.host), server.token

    def call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, body and json.dumps(body), headers)
        reply = self.connection.getresponse()
        data = reply.read()
        if reply.status >= 300:
            sys.exit(f"{method} {path} answers {reply.status}: {data[:500].decode()}")
        return data


def size(data):
    """Bytes of stored files; the ledger grows by itself."""
    return sum(f.stat().st_size for f in Path(data).rglob("*") if f.is_file() and "ledger" not in f.name)


with Server(BINARY) as server:
    client, project = Client(server), f"/projects/{server.project}"
    part = Path(PART).read_bytes()
    server.upload("part.stl", len(part), [part])

    def preview(to, graph, resolution):
        to.call("POST", f"{project}/preview", {"graph": graph, "resolution": resolution, "tab": "bench"})

    def as_job(to, graph, resolution):
        """The same samples without previews: a job, asked for until it has ended, and its volume."""
        for operator in graph["operators"]:
            if operator["type"] == "GenerateSamplePoints":
                size = operator["parameters"]["size"]
                cell = max(size) / (resolution - 1)
                operator["parameters"]["resolution"] = [max(2, round(s / cell) + 1) for s in size]
        body = {"type": "implicit/evaluate", "parameters": {"graph": json.dumps(graph)}}
        job = json.loads(to.call("POST", f"{project}/jobs", body))
        while job["state"] in ("pending", "started"):
            job = json.loads(to.call("GET", f"{project}/jobs/{job['id']}"))
        if job["state"] != "success":
            sys.exit(f"the job ended as {job['state']}: {job['error']}")
        asset = job["outputs"]["assets"]["volume"]["id"]
        link = json.loads(to.call("GET", f"{project}/assets/{asset}?download=true"))["link"]
        to.call("GET", link.split(server.host, 1)[1])

    heading = f"| median of {CHANGES} changed sliders | resolution | preview, ms | slowest | as a job, ms | preview is faster by |"
    print(heading + "\n|---|---|---|---|---|---|")
    for name, graph in [("ball ∩ gyroid (formulas)", formula), ("part ∩ gyroid, Redistance", infill)]:
        preview(client, graph(10.0), 16)
        for resolution in (64, 128):
            ms, worst = median_ms(lambda i: preview(client, graph(8 + i * 0.05), resolution), CHANGES)
            peer, _ = median_ms(lambda i: as_job(client, graph(8 + i * 0.05), resolution), max(1, CHANGES // 5))
            print(f"| {name} | {resolution} | {ms:.1f} | {worst:.1f} | {peer:.1f} | {peer / ms:.1f}× |", flush=True)
    job = {"type": "implicit/evaluate", "parameters": {"graph": json.dumps(formula(10))}}
    job = server.call("POST", f"{project}/jobs", job)["id"]
    server.wait(job)
    before = (len(server.call("GET", f"{project}/jobs")), size(server.data))
    done = threading.Event()

    def many():
        mine = Client(server)
        for i in range(LEFT):
            preview(mine, formula(8 + i * 1e-3), 64)
        done.set()

    look = lambda _: client.call("GET", f"{project}/jobs/{job}")
    alone, _ = median_ms(look, 2000)
    worker = threading.Thread(target=many)
    worker.start()
    beside = []
    while not done.is_set():
        beside.append(median_ms(look, 50)[0])
    worker.join()
    after = (len(server.call("GET", f"{project}/jobs")), size(server.data))
    print(f"\n{LEFT} previews left {after[0] - before[0]} jobs and {after[1] - before[1]} bytes.")
    print(f"GET job: {alone:.3f} ms alone, {statistics.median(beside):.3f} ms beside them ({os.cpu_count()} cores, of which this script takes one).")
