"""The HTTP service under load: http_load.py BINARY SECONDS CONNECTIONS CORES UPLOAD_MIB prints a Markdown table.

Starts the server on an empty data folder, runs one job on the bracket, keeps a job computing (volumes of 512 samples
and more) while `wrk` asks for that first job over kept-alive connections, then streams an upload into a fresh server
and reads the peak of its resident memory. Python's standard library only; `wrk` is Debian's package."""
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

BINARY, SECONDS, CONNECTIONS, CORES, UPLOAD_MIB = os.path.abspath(sys.argv[1]), *map(int, sys.argv[2:6])
BRACKET = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "testdata/parts/bracket.stl")
MIB = 1 << 20


class Server:
    """`fieldstone serve` on a free port with a data folder of its own."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fieldstone-bench-")
        data = os.path.join(self.folder.name, "data")
        self.process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data", data],
                                        stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on http://" in line:
                self.host = line.split("http://", 1)[1].strip().rstrip("/")
                break
        else:
            sys.exit("the server does not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.token = subprocess.run([BINARY, "keys", "create", "--name", "bench", "--data", data], check=True,
                                    stdout=subprocess.PIPE, text=True).stdout.strip()
        self.project = self.call("POST", "/projects", {"name": "bench"})["id"]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.folder.cleanup()

    def call(self, method, path, body=None):
        """One request; the JSON of its answer."""
        connection = http.client.HTTPConnection(self.host, timeout=600)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            sys.exit(f"{method} {path} answers {answer.status}: {text.decode()}")
        return json.loads(text)

    def upload(self, name, size, pieces):
        """Streams `pieces`, `size` bytes together, into the project's assets."""
        head = (f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n").encode()
        tail = b"\r\n--edge--\r\n"
        connection = http.client.HTTPConnection(self.host, timeout=600)
        connection.putrequest("POST", f"/projects/{self.project}/assets")
        connection.putheader("Authorization", f"Bearer {self.token}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=edge")
        connection.putheader("Content-Length", str(len(head) + size + len(tail)))
        connection.endheaders(head)
        for piece in pieces:
            connection.send(piece)
        connection.send(tail)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            sys.exit(f"the upload answers {answer.status}: {text.decode()}")
        return json.loads(text)

    def sample(self, resolution):
        """Dispatches a sampling of the bracket; the id of its job."""
        definition = "jobs: {sample: {type: implicit/from-mesh}}"
        body = {"definition": definition, "assets": {"sample.mesh": "bracket.stl"},
                "parameters": {"sample.resolution": str(resolution)}}
        return self.call("POST", f"/projects/{self.project}/workflows", body)["jobs"][0]

    def job(self, id):
        return self.call("GET", f"/projects/{self.project}/jobs/{id}")

    def wait(self, id):
        while (job := self.job(id))["state"] in ("pending", "started"):
            time.sleep(0.02)
        if job["state"] != "success":
            sys.exit(f"job {id} ended as {job['state']}: {job['error']}")

    def memory_mib(self, key):
        """A figure of /proc/PID/status in MiB."""
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(rf"^{key}:\s+(\d+)", status, re.M).group(1)) / 1024


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


def wrk(server, job, threads):
    url = f"http://{server.host}/projects/{server.project}/jobs/{job}"
    command = ["wrk", "--latency", f"-t{threads}", f"-c{CONNECTIONS}", f"-d{SECONDS}s",
               "-H", f"Authorization: Bearer {server.token}", url]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(out, file=sys.stderr)
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit("not every request was answered with 200")
    figure = lambda pattern: re.search(pattern, out, re.M).group(1)
    return (float(figure(r"Requests/sec:\s+([\d.]+)")), to_ms(figure(r"^ +50% +(\S+)")), to_ms(figure(r"^ +99% +(\S+)")))


def load():
    with Server() as server:
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


def row(what, figures):
    rate, p50, p99 = figures
    print(f"| {what} | {rate:,.0f} requests/s | p50 {p50:.2f} ms, p99 {p99:.2f} ms |", flush=True)


def upload():
    with Server() as server:
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
    if not shutil.which("wrk"):
        sys.exit("wrk is missing (Debian: apt-get install wrk)")
    print(f"{CONNECTIONS} connections, {SECONDS} s, client and server share {CORES} cores\n")
    print("| what | rate | |\n|---|---|---|", flush=True)
    load()
    upload()
