"""One server and two, with the ledger in SQLite and in PostgreSQL: heads_load.py BINARY SECONDS CONNECTIONS URL prints a Markdown table.

URL names an empty database of PostgreSQL; each case has a schema of its own in it. Measures GET job by `wrk`, of one finished job at
each server at once, and how many jobs a second are claimed, started and ended: workflows of 1,000 jobs of a type that nobody
knows, each of which is claimed, finds that out and fails, without a process of its own. Python's standard library only; `wrk` is Debian's
package."""
import contextlib
import os
import re
import subprocess
import sys
import time

from service import Server

BINARY, SECONDS, CONNECTIONS, URL = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
JOBS, WORKFLOWS = 1000, 3


def get_job(servers, job):
    """Requests a second of all servers together, and the worst p99 of one in ms."""
    def command(server):
        url = f"http://{server.host}/projects/{server.project}/jobs/{job}"
        return ["wrk", "--latency", "-t1", f"-c{int(CONNECTIONS) // len(servers)}", f"-d{SECONDS}s",
                "-H", f"Authorization: Bearer {server.token}", url]
    runs = [subprocess.Popen(command(server), stdout=subprocess.PIPE, text=True) for server in servers]
    rate, worst = 0.0, 0.0
    for run in runs:
        out = run.communicate()[0]
        if run.returncode or "Non-2xx" in out or "Socket errors" in out:
            sys.exit(f"not every request was answered with 200: {out}")
        rate += float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
        number, unit = re.search(r"^ +99% +([\d.]+)(us|ms|s)", out, re.M).groups()
        worst = max(worst, float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit])
    return rate, worst


def ended(servers):
    """Jobs a second from the first claim to the last end."""
    definition = "jobs: {" + ", ".join(f"j{n}: {{type: no/such-type}}" for n in range(JOBS)) + "}"
    begun = time.perf_counter()
    sent = [servers[n % len(servers)].call("POST", f"/projects/{servers[0].project}/workflows", {"definition": definition})
            for n in range(WORKFLOWS)]
    dispatched = time.perf_counter() - begun
    for workflow in sent:
        path = f"/projects/{servers[0].project}/workflows/{workflow['id']}"
        while servers[0].call("GET", path)["state"] in ("pending", "started"):
            time.sleep(0.02)
    return JOBS * WORKFLOWS / (time.perf_counter() - begun), dispatched


def measure(name, servers, database):
    settings = {"FIELDSTONE_MAX_REQUEST_RATE": "0", "FIELDSTONE_CONCURRENT_JOBS": "4", "FIELDSTONE_LOG": "error"}
    if database:
        settings["FIELDSTONE_DATABASE"] = f"{URL}{'&' if '?' in URL else '?'}options=-c%20search_path%3Dbench_{os.getpid()}_{servers}"
    with contextlib.ExitStack() as stack:
        all = [stack.enter_context(Server(BINARY, settings))]
        all += [stack.enter_context(Server(BINARY, settings, all[0])) for _ in range(servers - 1)]
        job = all[0].call("POST", f"/projects/{all[0].project}/jobs", {"type": "no/such-type"})["id"]
        while all[0].job(job)["state"] in ("pending", "started"):
            time.sleep(0.02)
        (rate, p99), (jobs, _) = get_job(all, job), ended(all)
        print(f"| {name} | {rate:,.0f} requests/s, p99 {p99:.2f} ms | {jobs:,.0f} jobs/s |", flush=True)


print("| ledger | GET job | claimed, started and ended |\n|---|---|---|")
measure("SQLite, one server", 1, False)
measure("PostgreSQL, one server", 1, True)
measure("PostgreSQL, two servers", 2, True)
