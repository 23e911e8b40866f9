"""The HTTP service under load: http_load.py BINARY SECONDS CONNECTIONS CORES UPLOAD_MIB prints a Markdown table.

Starts the server on an empty data folder, runs one job on the bracket, keeps a job computing (volumes of 512 samples
and more) while `wrk` asks for that first job over kept-alive connections, and then for a thousand jobs that wait or run.
Measures how soon a job starts on an idle server, a hundred workflows at once, and lists of 100,000 jobs. Streams an
upload into a fresh server and reads the peak of its resident memory. Python's standard library only; `wrk` is Debian's
package."""
import concurrent.futures
import http.client
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

from service import Server

BINARY, SECONDS, CONNECTIONS, CORES, UPLOAD_MIB = os.path.abspath(sys.argv[1]), *map(int, sys.argv[2:6])
BRACKET = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "testdata/parts/bracket.stl")
MIB = 1 << 20


def read(path):
    with open(path, "rb") as f:
        return f.read()


def keep_computing(server, stop):
    """Until `stop`: two jobs are dispatched at any time, so that one always computes. Resolutions differ."""
    resolution, queue = 512, [server.sample(511)]
    while not stop.is_set():
        queue.append(server.sample(resolution))
        resolution = 512 + (resolution - 511) % 32
        server.wait(queue.pop(0))


def to_ms(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[unit]


def wrk(server, job, threads, script=()):
    url = f"http://{server.host}/projects/{server.project}/jobs/{job}"
    command = ["wrk", "--latency", f"-t{threads}", f"-c{CONNECTIONS}", f"-d{SECONDS}s", *script,
               "-H", f"Authorization: Bearer {server.token}", url]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(out, file=sys.stderr)
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit("not every request was answered with 200")
    figure = lambda pattern: re.search(pattern, out, re.M).group(1)
    return (float(figure(r"Requests/sec:\s+([\d.]+)")), to_ms(figure(r"^ +50% +(\S+)")), to_ms(figure(r"^ +99% +(\S+)")))


def load():
    with Server(BINARY) as server:
        server.upload("bracket.stl", os.path.getsize(BRACKET), [read(BRACKET)])
        job = server.sample(64)
        server.wait(job)
        threads = max(1, CORES // 2)
        quiet = wrk(server, job, threads)
        stop = threading.Event()
        worker = threading.Thread(target=keep_computing, args=(server, stop))
        worker.start()
        try:
            busy = wrk(server, job, threads)
            running = server.call("GET", f"/projects/{server.project}/jobs?q=state:started")
        finally:
            stop.set()
            worker.join()
        row("GET job, nothing else runs", quiet)
        if not running:
            sys.exit("no job was computing at the end of the load")
        row("GET job while a job computes", busy)


def live_jobs():
    """A thousand unfinished jobs, each asked for by its own id, while the machine works through them."""
    with Server(BINARY) as server:
        server.upload("bracket.stl", os.path.getsize(BRACKET), [read(BRACKET)])
        jobs = [server.sample(400 + i % 600) for i in range(1000)]
        script = os.path.join(server.folder.name, "each.lua")
        with open(script, "w") as f:
            f.write("local n = 0\nrequest = function()\n  n = n % 1000 + 1\n  return wrk.format('GET', "
                    f"'/projects/{server.project}/jobs/' .. ({int(jobs[0]) - 1} + n))\nend\n")
        row("GET job, 1,000 jobs that wait or run", wrk(server, jobs[0], max(1, CORES // 2), ("-s", script)))
        ended = server.call("GET", f"/projects/{server.project}/jobs?q=state:success")
        made = sum(asset["size"] for job in ended for asset in job["outputs"]["assets"].values())
        print(f"| &emsp;meanwhile | {len(ended)} of these ended | {made / 1e6:.0f} MB made |", flush=True)
        if not server.call("GET", f"/projects/{server.project}/jobs?q=state:pending"):
            sys.exit("the jobs ended before the load did")


def first_start():
    """From sending a dispatch to hearing that the job has started, on a server with nothing else to do."""
    with Server(BINARY) as server:
        server.upload("bracket.stl", os.path.getsize(BRACKET), [read(BRACKET)])
        started, ended = [], []
        for i in range(50):
            begun = time.perf_counter()
            job = server.sample(16 + i)
            connection = http.client.HTTPConnection(server.host, timeout=60)
            connection.request("GET", f"/projects/{server.project}/jobs/{job}/events",
                               headers={"Authorization": f"Bearer {server.token}"})
            first = None
            for line in connection.getresponse():
                if line.startswith(b"data: ") and b'"pending"' not in line and first is None:
                    first = time.perf_counter() - begun
            started.append(first * 1e3)
            ended.append((time.perf_counter() - begun) * 1e3)
            server.wait(job)
        print(f"| dispatch to start, idle server, 50 times | median {statistics.median(started):.1f} ms | "
              f"to the end of a small job (bracket, 16 to 65 samples): median {statistics.median(ended):.1f} ms |", flush=True)


def workflows():
    """A hundred workflows dispatched at once."""
    with Server(BINARY) as server:
        server.upload("bracket.stl", os.path.getsize(BRACKET), [read(BRACKET)])
        definition = ("jobs: {p: {type: mesh/preprocess}, b: {type: mesh/compute-bvh, needs: [p], assets: {mesh: p}}, "
                      "s: {type: implicit/from-mesh, needs: [p, b], assets: {mesh: p, bvh: b}}}")
        begun = time.perf_counter()

        def dispatch(i):
            body = {"definition": definition, "assets": {"p.mesh": "bracket.stl"}, "parameters": {"s.resolution": str(16 + i % 48)}}
            return server.call("POST", f"/projects/{server.project}/workflows", body)["id"]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            ids = list(pool.map(dispatch, range(100)))
        sent = time.perf_counter() - begun
        for id in ids:
            while (w := server.call("GET", f"/projects/{server.project}/workflows/{id}"))["state"] in ("pending", "started"):
                time.sleep(0.02)
            if w["state"] != "success":
                sys.exit(f"workflow {id} ended as {w['state']}")
        took = time.perf_counter() - begun
        print(f"| 100 workflows of 3 jobs at once | all succeed after {took:.2f} s | dispatched within {sent:.2f} s |", flush=True)


def lists():
    """Lists of a project with 100,000 jobs, written into the ledger beside the server."""
    with Server(BINARY) as server:
        server.call("POST", f"/projects/{server.project}/jobs", {"type": "none"})
        ledger = sqlite3.connect(os.path.join(server.data, "ledger.sqlite"), timeout=60)
        ledger.row_factory = sqlite3.Row
        row = dict(ledger.execute("SELECT * FROM jobs").fetchone())
        rows = ({**row, "id": None, "name": f"part {i % 1000} v{i}", "state": "success" if i % 3 else "failure",
                 "ready": 0, "created": row["created"] + i} for i in range(100_000))
        ledger.executemany(f"INSERT INTO jobs VALUES ({','.join(':' + c for c in row)})", rows)
        ledger.commit()
        ledger.close()
        for query in ("q=name:%22part+77+v*%22&sort=created:-1", "q=state:success+AND+name:*99998&sort=name:1"):
            times = []
            for _ in range(21):
                begun = time.perf_counter()
                found = server.call("GET", f"/projects/{server.project}/jobs?{query}")
                times.append((time.perf_counter() - begun) * 1e3)
            print(f"| list of 100,000 jobs, `{query}`: {len(found)} found | median {statistics.median(times):.1f} ms | "
                  f"at most {max(times):.1f} ms |", flush=True)


def row(what, figures):
    rate, p50, p99 = figures
    print(f"| {what} | {rate:,.0f} requests/s | p50 {p50:.2f} ms, p99 {p99:.2f} ms |", flush=True)


def upload():
    with Server(BINARY) as server:
        before = server.memory_mib("VmHWM")
        piece = os.urandom(MIB)
        start = time.perf_counter()
        asset = server.upload("large.bin", UPLOAD_MIB * MIB, (piece for _ in range(UPLOAD_MIB)))
        took = time.perf_counter() - start
        if asset["size"] != UPLOAD_MIB * MIB:
            sys.exit(f"the upload arrived as {asset['size']} bytes")
        print(f"| upload of {UPLOAD_MIB} MiB | {UPLOAD_MIB / took:,.0f} MiB/s | server's peak memory "
              f"{server.memory_mib('VmHWM'):.0f} MiB ({before:.0f} before) |", flush=True)


if __name__ == "__main__":
    has_wrk = shutil.which("wrk")
    if not has_wrk:
        print("The requests per second are left out: wrk is missing (Debian: apt-get install wrk)\n")
    print(f"{CONNECTIONS} connections, {SECONDS} s, client and server share {CORES} cores\n")
    print("| what | rate | |\n|---|---|---|", flush=True)
    if has_wrk:
        load()
        live_jobs()
    first_start()
    workflows()
    lists()
    upload()
