"""Sixty-four hostile clients beside one good user: hostile.py path/to/fieldstone [--seconds N] [--timed]

Each kind of HOSTILE has clients of its own, with keys, projects and loopback addresses of their own. They spam, stall, hoard and
break off for N seconds (4 unless said otherwise) while the good user asks for a job again and again and runs small ones. That user
must see no error, and the server's resident memory must stay below 500 MB. With --timed the good user's p99 of GET job must be
below 50 ms and that of a small job below 2 s, which holds on a machine that does nothing else. The hostile clients are processes
of the lowest priority: what is measured is the server, not Python. Standard library only.
"""
import argparse
import collections
import http.client
import json
import multiprocessing
import os
import random
import socket
import sys
import threading
import time

from harness import Server

CLIENTS = 64
MOST_MEMORY = 500_000_000
MIB = 1 << 20
#: Refusals and ends that a hostile client may get.
EXPECTED = {200, 201, 202, 400, 401, 403, 404, 408, 409, 413, 429, 503, 507}


class House(Server):
    """The limits of a service that knows its users: quotas, and TLS beside plain HTTP."""

    options = ["--tls-listen", "127.0.0.1:0", "--project-quota", "32MiB", "--max-queue", "1000", "--reuse-results", "false"]


def graph(resolution, size=20.0):
    """A box on a grid, as the text of a graph."""
    return json.dumps({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"offset": [-size / 2] * 3, "resolution": [resolution] * 3, "size": [size] * 3}},
        {"type": "SampleBox", "parameters": {"size": [size / 2] * 3}}], "edges": [{"source": 0, "target": [1, "Points"]}]})


class Client:
    """A client from an address of loopback of its own, with a key and a project."""

    def __init__(self, host, address, token, project, tls_port=None):
        self.host, self.port = host.split(":")
        self.address, self.token, self.project, self.tls_port = address, token, project, tls_port
        self.random = random.Random(address)

    def socket(self, port=None):
        return socket.create_connection((self.host, port or int(self.port)), timeout=20, source_address=(self.address, 0))

    def call(self, method, path, body=None, token=None):
        """One request on a connection of its own; the status and the answer."""
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=60, source_address=(self.address, 0))
        try:
            text = body if isinstance(body, (bytes, str, type(None))) else json.dumps(body)
            connection.request(method, path, text, {"Authorization": "Bearer " + (token or self.token), "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def jobs(self):
        return f"/projects/{self.project}/jobs"

    def head(self, path, rest, token=None):
        text = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token or self.token}\r\n{rest}\r\n\r\n"
        return text.encode()


def list_bomb(c, until):
    """Jobs as large as they may be, and lists of all of them."""
    for _ in range(20):
        yield c.call("POST", c.jobs(), {"type": "no/such-type", "parameters": {"x": "y" * 250_000}})[0]
    while time.time() < until:
        yield c.call("GET", c.jobs())[0]


def project_spam(c, until):
    """Public projects with large documents."""
    while time.time() < until:
        yield c.call("POST", "/projects", {"name": "spam", "access": "public", "project": {"x": "y" * 200_000}})[0]
        yield c.call("GET", "/projects")[0]


def idle_sockets(c, until):
    """Connections that say nothing."""
    while time.time() < until:
        held = [c.socket() for _ in range(40)]
        time.sleep(1)
        for s in held:
            s.close()
        yield 200


def tls_stall(c, until):
    """Handshakes that never begin, or stop in their middle."""
    while time.time() < until:
        held = [c.socket(c.tls_port) for _ in range(40)]
        for s in held[::2]:
            s.sendall(bytes.fromhex("160301020001000001fc0303"))
        time.sleep(1)
        for s in held:
            s.close()
        yield 200


def slow_body(c, until):
    """Bodies that are almost as large as they may be and whose end comes a byte a second."""
    size = 15 * MIB
    while time.time() < until:
        with c.socket() as s:
            s.sendall(c.head(c.jobs(), f"Content-Type: application/json\r\nContent-Length: {size}"))
            try:
                s.sendall(b'{"type": "' + b"x" * (size - 1000))
                s.settimeout(1)
                for _ in range(900):
                    if time.time() > until:
                        break
                    s.sendall(b"x")
                    try:
                        answer = s.recv(100)
                        yield int(answer[9:12]) if answer else 200
                        break
                    except TimeoutError:
                        pass
            except OSError:
                yield 200


def half_upload(c, until):
    """Uploads that break off, or stand still."""
    part = b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    while time.time() < until:
        with c.socket() as s:
            s.sendall(c.head(f"/projects/{c.project}/assets", "Content-Type: multipart/form-data; boundary=e\r\nTransfer-Encoding: chunked"))
            try:
                for piece in [part] + [c.random.randbytes(MIB)] * c.random.randrange(1, 40):
                    s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                time.sleep(c.random.random())
            except OSError:
                pass
        yield 200


def quota_hog(c, until):
    """Whole uploads, beyond the quota and on."""
    while time.time() < until:
        body = b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + c.random.randbytes(3 * MIB) + b"\r\n--e--\r\n"
        with c.socket() as s:
            s.sendall(c.head(f"/projects/{c.project}/assets", f"Content-Type: multipart/form-data; boundary=e\r\nContent-Length: {len(body)}"))
            try:
                s.sendall(body)
                yield int(s.recv(100)[9:12] or 200)
            except OSError:
                yield 200


def starver(c, until):
    """As many jobs as the queue takes."""
    n = 0
    while time.time() < until:
        n += 1
        yield c.call("POST", c.jobs(), {"type": "evaluate_metrics", "parameters": {"graph": graph(48, 20 + n / 1000)}})[0]


OPERATOR = '{"type": "SampleBox", "parameters": {"size": [1, 2, 3]}},'
HEAD, TAIL = '{"type": "evaluate_metrics", "parameters": {"graph": ', "}}"
#: Many operators, numbers without end, both as a graph and as the text of one; deep nesting.
HUGE = [HEAD + '{"operators": [' + OPERATOR * 200_000 + '0], "edges": []}' + TAIL,
        HEAD + '{"operators": [' + "0," * 7_000_000 + '0], "edges": []}' + TAIL,
        HEAD + '"{\\"operators\\": [' + "[]," * 4_000_000 + '0], \\"edges\\": []}"' + TAIL,
        HEAD + '"{\\"operators\\": [' + OPERATOR.replace('"', '\\"') * 180_000 + '0], \\"edges\\": []}"' + TAIL,
        HEAD + "[" * 7_000_000,
        # As many values as are taken, as both.
        HEAD + '{"operators": [' + OPERATOR[:-3] + ', "more": [' + "1," * 2_300_000 + '1]}}], "edges": []}' + TAIL,
        HEAD + '"{\\"operators\\": [' + OPERATOR[:-3].replace('"', '\\"') + ', \\"more\\": [' + "1," * 2_300_000 + '1]}}], \\"edges\\": []}"' + TAIL]


def huge_graph(c, until):
    """Documents of megabytes."""
    while time.time() < until:
        try:
            yield c.call("POST", c.jobs(), c.random.choice(HUGE))[0]
        except OSError:
            # Refused by its length, the rest of it was not read.
            yield 413


def refused_key(c, until):
    """Keys that nobody has."""
    while time.time() < until:
        yield c.call("GET", c.jobs(), token="fsk_%012x_%032x" % (c.random.getrandbits(48), c.random.getrandbits(128)))[0]


def event_hoard(c, until):
    """Event streams that are opened and never read, and lists likewise."""
    status, text = c.call("POST", c.jobs(), {"type": "evaluate_metrics", "parameters": {"graph": graph(300)}})
    yield status
    job = json.loads(text).get("id", "1")
    held = []
    while time.time() < until:
        if len(held) < 50:
            s = c.socket()
            held.append(s)
            path = f"{c.jobs()}/{job}/events" if len(held) % 2 else c.jobs()
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {c.token}\r\n\r\n".encode())
        time.sleep(0.05)
    yield 200


HOSTILE = [list_bomb, project_spam, idle_sockets, tls_stall, slow_body, half_upload, quota_hog, starver, huge_graph, refused_key, event_hoard]


def hostile(kind, client, until, results):
    """One hostile client; what it was answered is put into `results`."""
    os.nice(19)
    seen = collections.Counter()
    while time.time() < until:
        try:
            for status in kind(client, until):
                seen[status] += 1
        except (OSError, http.client.HTTPException) as error:
            seen[type(error).__name__] += 1
    results.put((kind.__name__, seen))


class Good:
    """The user who must not notice."""

    def __init__(self, client, until):
        self.client, self.until = client, until
        self.gets, self.jobs, self.errors = [], [], []

    def timed(self, method, path, body=None):
        begun = time.perf_counter()
        status, text = self.client.call(method, path, body)
        if status not in (200, 201, 202):
            self.errors.append(f"{method} {path} answers {status}: {text[:200]!r}")
        elif method == "GET":
            self.gets.append(time.perf_counter() - begun)
        return json.loads(text)

    def run(self):
        n = 0
        while time.time() < self.until or not self.jobs:
            n += 1
            begun = time.perf_counter()
            try:
                job = self.timed("POST", self.client.jobs(), {"type": "evaluate_metrics", "parameters": {"graph": graph(16, 20 + n / 1000)}})
                while (seen := self.timed("GET", f"{self.client.jobs()}/{job['id']}")).get("state") in ("pending", "started"):
                    time.sleep(0.02)
                self.jobs.append(time.perf_counter() - begun)
                if seen.get("state") != "success":
                    self.errors.append(f"job {job['id']} ends as {seen}")
            except (OSError, KeyError, http.client.HTTPException) as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                if len(self.errors) > 20:
                    return


def watch(server, until, peak):
    while time.time() < until:
        with open(f"/proc/{server.process.pid}/status") as f:
            peak.append(next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS")))
        time.sleep(0.02)


def p99(times):
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("binary")
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--timed", action="store_true")
    options.add_argument("--only", help="these kinds of hostile clients, apart by commas")
    options = options.parse_args()
    only = options.only and options.only.split(",")
    kinds = [kind for kind in HOSTILE if not only or kind.__name__ in only]
    with House(os.path.abspath(options.binary)) as server:
        host = server.url.split("/")[2]
        tls_port = int(next(line for line in server.log if "TLS on https://" in line).split("https://127.0.0.1:")[1].split()[0].strip("/,"))

        def client(name, address):
            made = Client(host, address, server.token("--user", name), None, tls_port)
            made.project = json.loads(made.call("POST", "/projects", {"name": name})[1])["id"]
            return made
        good = client("good", "127.0.0.1")
        # A key of its own for each kind; an address for each client.
        of_kind = {kind: client(kind.__name__, f"127.0.1.{n}") for n, kind in enumerate(kinds, 1)}
        until, results, processes, peak = time.time() + options.seconds, multiprocessing.Queue(), [], []
        for n in range(CLIENTS):
            kind = kinds[n % len(kinds)]
            its = of_kind[kind]
            one = Client(host, f"127.0.2.{n + 1}", its.token, its.project, tls_port)
            processes.append(multiprocessing.Process(target=hostile, args=(kind, one, until, results)))
            processes[-1].start()
        user = Good(good, until)
        watcher = threading.Thread(target=watch, args=(server, until, peak))
        watcher.start()
        user.run()
        watcher.join()
        answers = collections.defaultdict(collections.Counter)
        for _ in processes:
            kind, seen = results.get(timeout=120)
            answers[kind] += seen
        for process in processes:
            process.join()
        faults = [line for line in server.log if " ERROR " in line or "panicked" in line]
    for kind, seen in answers.items():
        print(f"{kind}: {dict(seen)}", file=sys.stderr)
    print(f"peak memory {max(peak) / 1e6:.0f} MB; the good user's GET job p50 {sorted(user.gets)[len(user.gets) // 2] * 1e3:.1f} ms, "
          f"p99 {p99(user.gets) * 1e3:.1f} ms ({len(user.gets)}), small jobs p99 {p99(user.jobs):.2f} s ({len(user.jobs)})")
    unexpected = {kind: s for kind, seen in answers.items() for s in seen if isinstance(s, int) and s not in EXPECTED}
    verdicts = {
        "the good user sees no error": not user.errors or user.errors[:3],
        "the server's memory stays below 500 MB": max(peak) < MOST_MEMORY or f"{max(peak) / 1e6:.0f} MB",
        "hostile clients are refused by their own faults": not (unexpected or faults) or (unexpected, faults[:3]),
    }
    if options.timed:
        verdicts["p99 of the good user's GET job is below 50 ms"] = p99(user.gets) < 0.05 or f"{p99(user.gets) * 1e3:.1f} ms"
        verdicts["p99 of the good user's small job is below 2 s"] = p99(user.jobs) < 2 or f"{p99(user.jobs):.2f} s"
    for what, held in verdicts.items():
        print(f"ok {what}" if held is True else f"FAIL {what}: {held}", flush=True)
    sys.exit(any(held is not True for held in verdicts.values()))


if __name__ == "__main__":
    main()
