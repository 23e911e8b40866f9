"""The API's document against the API: schemathesis, all checks, at least 2,000 cases, a fixed seed.

    api_document.py path/to/fieldstone [SEED [EXAMPLES]]
"""
import json
import os
import re
import subprocess
import sys
import urllib.request

from harness import ROOT, Server

SEED, EXAMPLES, LEAST = 20261124, 60, 2000


def main():
    seed = sys.argv[2] if len(sys.argv) > 2 else str(SEED)
    examples = sys.argv[3] if len(sys.argv) > 3 else str(EXAMPLES)
    with Server(os.path.abspath(sys.argv[1])) as server:
        token = server.token()
        # What is drawn finds something: small ids exist.
        for _ in range(2):
            body = json.dumps({"name": "drawn upon"}).encode()
            headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(server.url + "projects", body, headers)).close()
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"),
            "--config-file", os.path.join(ROOT, "conformance", "schemathesis.toml"),
            "run", server.url + "openapi.json", "--header", "Authorization: Bearer " + token,
            "--checks", "all", "--seed", seed, "--max-examples", examples, "--workers", "1", "--no-color",
        ]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": os.path.join(ROOT, "conformance", "schemathesis_types.py")}
        run = subprocess.run(command, cwd=server.folder.name, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = run.stdout.decode(errors="replace")
        cases = re.search(r"(\d+) generated", text)
        cases = int(cases.group(1)) if cases else 0
        faults = [line for line in server.log if "ERROR" in line or "panicked" in line]
    if run.returncode != 0 or faults:
        print(text)
        print("".join(faults))
        print(f"FAIL schemathesis: exit code {run.returncode}, {len(faults)} errors in the server's log")
    elif cases < LEAST and len(sys.argv) < 4:
        print(f"FAIL schemathesis: {cases} cases, expected at least {LEAST}")
    else:
        print(f"ok schemathesis: every answer of {cases} cases is one that the document describes (seed {seed})")
        return
    sys.exit(1)


if __name__ == "__main__":
    main()
