"""The unmodified client metafold 0.2.1, the first with a graph builder: sdk_0_2.py BINARY."""
from types import SimpleNamespace

import requests
from metafold import MetafoldClient

import builders
import examples
from harness import check, main


@check
def project(t):
    """a project, which this release cannot make, is served to it."""
    headers = {"Authorization": f"Bearer {t.token}"}
    answer = requests.post(f"{t.server.url}projects", json={"name": "Oldest parts"}, headers=headers)
    t.project = SimpleNamespace(id=answer.json()["id"])
    t.client = MetafoldClient(t.token, t.project.id, t.server.url)
    assert t.client.assets.list() == [] and t.client.jobs.list() == []


def connect(t):
    return MetafoldClient(t.token, t.project.id, t.server.url)


examples.checks(check, connect)
builders.checks(check, connect)

if __name__ == "__main__":
    main(lambda url, token: None, "--dialect", "sdk-legacy")
