"""The geometry part of a compression experiment, step by step over HTTP as the 0.15 client does it: experiment.py BINARY.

Twelve parts whose names hold spaces and dots, prepared ten to a workflow; then a workflow whose physics is not available
here: it fails cleanly, with everything else in place."""
import hashlib
import json
import math
import time

import requests

from harness import box_obj, check, main, refused

PARTS = {f"pad {i}.v{i % 3} left": dict(size=(4.0 + i, 6.0, 3.0 + 0.5 * i), centre=(float(i), 0.0, 2.0)) for i in range(12)}
MOST = 10


class Client:
    """Requests as the client's `requests` sends them, with its User-Agent."""

    def __init__(self, url, token):
        self.url = url
        self.session = requests.Session()
        self.session.headers.update({"Authorization": f"Bearer {token}", "User-Agent": "Python/3.11.7"})

    def ask(self, method, path, status, **kwargs):
        answer = self.session.request(method, self.url + path, **kwargs)
        if answer.status_code != status:
            raise requests.HTTPError(f"status {answer.status_code} for {method} {path}: {answer.text}")
        return answer.json()


def workflow(t, jobs, parameters, assets):
    """Dispatches and polls as the simulation layer does: the workflow itself, not its link."""
    body = {"definition": "---\n" + json.dumps({"jobs": jobs}) + "\n...\n", "parameters": parameters, "assets": assets}
    w = t.client.ask("POST", f"{t.project}/workflows", 202, json=body)
    assert w["link"].startswith("http") and w["state"] in ("pending", "started"), w
    return w["id"]


def ended(t, id):
    deadline = time.monotonic() + 120
    while True:
        w = t.client.ask("GET", f"{t.project}/workflows/{id}", 200)
        if w["state"] in ("success", "failure", "canceled"):
            return w, {j["name"]: j for j in (t.client.ask("GET", f"{t.project}/jobs/{j}", 200) for j in w["jobs"])}
        assert time.monotonic() < deadline, w
        time.sleep(0.05)


def batches():
    names = sorted(PARTS)
    return [names[i:i + MOST] for i in range(0, len(names), MOST)]


@check
def set_up(t):
    """a project of the experiment's type, found by name, and the parts uploaded once."""
    made = t.client.ask("POST", "projects", 201, json={"name": "Crush 1", "access": "private", "type": "digital_test_bench_experiment"})
    t.project = "projects/" + made["id"]
    found = t.client.ask("GET", "projects", 200, params={"q": 'name:"Crush 1"'})
    assert [p["id"] for p in found] == [made["id"]], found
    for name, box in PARTS.items():
        file, text = f"{name}.obj", box_obj(**box).encode()
        assert t.client.ask("GET", f"{t.project}/assets", 200, params={"q": f'filename:"{file}"'}) == []
        t.client.ask("POST", f"{t.project}/assets", 201, files={"file": (file, text)})
        [asset] = t.client.ask("GET", f"{t.project}/assets", 200, params={"q": f'filename:"{file}"'})
        assert asset["checksum"] == "sha256:" + hashlib.sha256(text).hexdigest(), asset


@check
def first_pass(t):
    """every part is prepared, ten to a workflow, all dispatched before the first is asked for."""
    sent = []
    for names in batches():
        jobs, assets = {}, {}
        for name in names:
            jobs[f"compute-bvh-{name}"] = {"type": "mesh/compute-bvh", "needs": [f"preprocess-mesh-{name}"],
                                           "assets": {"mesh": f"preprocess-mesh-{name}"}}
            jobs[f"preprocess-mesh-{name}"] = {"type": "mesh/preprocess"}
            assets[f"preprocess-mesh-{name}.mesh"] = f"{name}.obj"
        sent.append(workflow(t, jobs, {}, assets))
    t.prepared = {}
    for id in sent:
        w, jobs = ended(t, id)
        assert w["state"] == "success", {n: j["error"] for n, j in jobs.items()}
        t.prepared.update(jobs)
    for name, box in PARTS.items():
        bounds = json.loads(t.prepared[f"preprocess-mesh-{name}"]["outputs"]["params"]["bounds"])
        assert bounds == {k: [box["centre"][a] + s * box["size"][a] / 2 for a in range(3)]
                          for k, s in (("min", -1), ("max", 1))}, (name, bounds)


@check
def second_pass(t):
    """volumes with one spacing for all parts, and their measures by reference to the sampling job."""
    longest = max(max(box["size"]) for box in PARTS.values())
    spacing = longest / 63
    sent = []
    for names in batches():
        jobs, parameters, assets = {}, {}, {}
        for name in names:
            sample, metrics = f"sample-mesh-{name}", f"metrics-{name}"
            jobs[metrics] = {"type": "implicit/metrics", "needs": [sample], "assets": {"volume": sample},
                             "parameters": {f"volume_{k}": {"job": sample, "parameter": f"patch_{k}"}
                                            for k in ("size", "offset", "resolution")}}
            jobs[sample] = {"type": "implicit/from-mesh"}
            for slot, job in (("mesh", "preprocess-mesh"), ("bvh", "compute-bvh")):
                made = t.prepared[f"{job}-{name}"]["outputs"]["assets"]
                assets[f"{sample}.{slot}"] = next(iter(made.values()))["filename"]
            parameters[f"{sample}.resolution"] = str(round(max(PARTS[name]["size"]) / spacing) + 1)
        sent.append(workflow(t, jobs, parameters, assets))
    t.sampled = {}
    for id in sent:
        w, jobs = ended(t, id)
        assert w["state"] == "success", {n: j["error"] for n, j in jobs.items()}
        t.sampled.update(jobs)
    for name, box in PARTS.items():
        sample = t.sampled[f"sample-mesh-{name}"]
        assert any(a["filename"].endswith(".bin") for a in sample["assets"]), sample["assets"]
        patch = {k: json.loads(sample["outputs"]["params"][f"patch_{k}"]) for k in ("size", "offset", "resolution")}
        assert all(len(v) == 3 for v in patch.values()), patch
        volume = float(t.sampled[f"metrics-{name}"]["outputs"]["params"]["interior_volume"])
        assert 0.94 < volume / math.prod(box["size"]) <= 1, (name, volume, box)  # edges are cut off


@check
def physics(t):
    """the main workflow fails where physics begins; its measures are made, what follows is canceled."""
    first = sorted(PARTS)[0]
    sample = t.sampled[f"sample-mesh-{first}"]
    volumes = [next(a["filename"] for a in t.sampled[f"sample-mesh-{n}"]["assets"]) for n in sorted(PARTS)]
    lists = {k: [t.sampled[f"sample-mesh-{n}"]["outputs"]["params"][f"patch_{k}"] for n in sorted(PARTS)]
             for k in ("size", "offset", "resolution")}
    post = {"keys": '["/material{i}/cauchy_stress"]'}
    jobs = {
        "compress": {"type": "sim/custom"},
        "force-displacement": {"type": "sim/postprocess/force-displacement", "needs": ["compress"],
                               "assets": {"data": "compress"}, "parameters": {"method": "BoundaryForce"}},
        "metrics-part": {"type": "implicit/metrics"},
        "reduce-results": {"type": "sim/postprocess/reduce-results", "needs": ["von-mises-stress"],
                           "assets": {"data": [{"job": "von-mises-stress", "asset": "output"}]}},
        "von-mises-stress": {"type": "sim/postprocess/von-mises-stress", "needs": ["compress"],
                             "assets": {"data": "compress"}, "parameters": post},
    }
    parameters = {"compress.ups": '<?xml version="1.0" encoding="ISO-8859-1"?><Uintah_specification/>',
                  "compress.text_inputs": json.dumps({"velocity_a b.txt": [[0, 0, 0, -1]]}),
                  **{f"compress.volume_{k}": v for k, v in lists.items()},
                  **{f"metrics-part.volume_{k}": sample["outputs"]["params"][f"patch_{k}"]
                     for k in ("size", "offset", "resolution")}}
    w, jobs = ended(t, workflow(t, jobs, parameters, {"compress.volume": volumes, "metrics-part.volume": volumes[0]}))
    assert w["state"] == "failure", w
    states = {name: job["state"] for name, job in jobs.items()}
    assert states == {"compress": "failure", "force-displacement": "canceled", "metrics-part": "success",
                      "reduce-results": "canceled", "von-mises-stress": "canceled"}, states
    assert "sim/custom" in jobs["compress"]["error"], jobs["compress"]["error"]
    assert jobs["metrics-part"]["outputs"]["params"]["interior_volume"], jobs["metrics-part"]
    t.failed = w


@check
def manifest(t):
    """the manifest is kept with the project, and an ended workflow is not canceled again."""
    document = {"parts": sorted(PARTS), "workflow": t.failed["id"], "results": [{"jobId": t.failed["jobs"][0]}]}
    changed = t.client.ask("PATCH", t.project, 200, json={"project": document})
    assert changed["project"] == document, changed
    for state in ("pending", "started"):
        assert t.client.ask("GET", f"{t.project}/workflows", 200, params={"q": f"state:{state}"}) == []
    refused(lambda: t.client.ask("POST", f"{t.project}/workflows/{t.failed['id']}/cancel", 200), "status 4")


@check
def canceled(t):
    """an older run, found by its state, is canceled while it computes, and its jobs end with it."""
    names = sorted(PARTS)[:2]
    assets = {f"{n}.mesh": f"{n}.obj" for n in names}
    id = workflow(t, {n: {"type": "implicit/from-mesh"} for n in names}, {f"{n}.resolution": "900" for n in names}, assets)
    path, found, deadline = f"{t.project}/workflows", [], time.monotonic() + 60
    while not found:
        found = [w["id"] for w in t.client.ask("GET", path, 200, params={"q": "state:started"})]
        assert time.monotonic() < deadline, "it does not start"
    assert found == [id], found
    t.client.ask("POST", f"{path}/{id}/cancel", 200)
    w, jobs = ended(t, id)
    assert w["state"] == "canceled" and {j["state"] for j in jobs.values()} == {"canceled"}, jobs


if __name__ == "__main__":
    main(Client)
