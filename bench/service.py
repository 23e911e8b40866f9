"""The service for benchmarks: `serve` on a free port with a data folder of its own, and a client to it. Python's standard library only."""
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

class Server:
    """`fieldstone serve` on a free port with a data folder of its own, or with that of the server that it is `beside`; `settings` are
    variables of its environment."""

    def __init__(self, binary, settings=None, beside=None):
        self.binary, self.settings, self.beside = binary, settings or {}, beside

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fieldstone-bench-")
        data = self.data = self.beside.data if self.beside else os.path.join(self.folder.name, "data")
        environment = {**os.environ, **self.settings}
        self.process = subprocess.Popen([self.binary, "serve", "--listen", "127.0.0.1:0", "--data", data, "--reuse-results", "false"],
                                        stderr=subprocess.PIPE, text=True, env=environment)
        for line in self.process.stderr:
            if "listening on http://" in line:
                self.host = line.split("http://", 1)[1].strip().rstrip("/")
                break
        else:
            sys.exit("the server does not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        if self.beside:
            self.token, self.project = self.beside.token, self.beside.project
            return self
        self.token = subprocess.run([self.binary, "keys", "create", "--name", "bench", "--data", data], check=True,
                                    stdout=subprocess.PIPE, text=True, env=environment).stdout.strip()
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
