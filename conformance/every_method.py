"""Any release of the unmodified client, each of its methods called at least once: every_method.py BINARY RELEASE.

RELEASE is for the record and picks the dialect of the key; the release itself is whatever `import metafold` finds.
The last check prints a line `method NAME ok` or `method NAME failed` for each; a method has failed when it never
returned or was called by a check that failed. `cargo xtask conformance` makes its table of them."""
import functools
import io
import os
import sys

import requests
from metafold import MetafoldClient

import harness
from harness import box_obj, check_box_volume, main, refused

RELEASE = tuple(int(part) for part in sys.argv[2].split("."))
LEGACY = RELEASE < (0, 8)
BOX = dict(size=(12.0, 8.0, 10.0), centre=(0.0, 1.0, -2.0))
RESOURCES = ("projects", "assets", "jobs", "workflows")
PREPROCESS = "jobs: {p: {type: mesh/preprocess}}"


#: Public methods of the client itself; the others are bare HTTP.
OF_CLIENT = ("poll", "set_project_id")
#: What became of each method: called by the check that runs, returned at least once, called by a check that failed.
CALLED, RETURNED, DOUBTED = set(), set(), set()


def check(function):
    """A check whose failure counts against every method that it called."""
    @functools.wraps(function)
    def run(t):
        CALLED.clear()
        try:
            function(t)
        except Exception:
            DOUBTED.update(CALLED)
            raise
    return harness.check(run)


def public(thing):
    return {m for m in dir(thing) if not m.startswith("_") and callable(getattr(thing, m))}


class Noted:
    """A resource of the client, or one that it answered with, that notes which of its methods were called."""

    def __init__(self, name, resource):
        self.name, self.resource, self.methods = name, resource, public(resource)

    def __getattr__(self, name):
        found = getattr(self.resource, name)
        if name not in self.methods:
            return found

        @functools.wraps(found)
        def call(*args, **kwargs):
            CALLED.add(f"{self.name}.{name}")
            result = found(*args, **kwargs)
            RETURNED.add(f"{self.name}.{name}")
            return result
        return call


def make_client(url, token):
    """A client on a project of its own: the first releases know no projects."""
    made = requests.post(url + "projects", json={"name": "All"}, headers={"Authorization": f"Bearer {token}"})
    project = made.json()["id"]
    client = MetafoldClient(access_token=token, project_id=project, base_url=url)
    client.own_project = project
    for name in RESOURCES:
        if hasattr(client, name):
            setattr(client, name, Noted(name, getattr(client, name)))
    client.noted = Noted("client", client)
    return client


def has(t, resource, method):
    noted = getattr(t.client, resource, None)
    return noted is not None and method in noted.methods


@check
def projects(t):
    """projects, where the release knows them."""
    if not hasattr(t.client, "projects"):
        return
    c = t.client.projects
    mine = c.get()
    other = c.create("Other", access="public", data={"a": [1]})
    assert (other.name, other.access.value, other.project) == ("Other", "public", {"a": [1]}), other
    assert [p.id for p in c.list(sort="name:1", q="name:*")] == [mine.id, other.id]
    changed = c.update(other.id, name="Renamed", access="private", data={"b": 2}, graph={"operators": [], "edges": []})
    assert (changed.name, changed.access.value, changed.project) == ("Renamed", "private", {"b": 2}), changed
    copy = c.duplicate(other.id, "Copy")
    assert copy.project == {"b": 2} and copy.id != other.id, copy
    c.delete(copy.id)
    refused(lambda: c.get(copy.id))
    if hasattr(t.client, "set_project_id"):
        t.client.noted.set_project_id(mine.id)


@check
def assets(t):
    """assets go up, are listed, changed, come down again and go."""
    c = t.client.assets
    text = box_obj(**BOX)
    t.box = c.create(t.server.path("box.obj", text))
    assert t.box.filename == "box.obj" and t.box.checksum.startswith("sha256:"), t.box
    spare = c.create(io.BytesIO(b"bytes"))
    if has(t, "assets", "update"):
        changed = c.update(spare.id, t.server.path("spare.obj", text))
        assert changed.id == spare.id and changed.checksum == t.box.checksum, changed
    assert {a.id for a in c.list()} == {t.box.id, spare.id}
    assert [a.id for a in c.list(sort="filename:1", q="filename:box.obj")] == [t.box.id]
    assert c.get(t.box.id) == t.box
    path = os.path.join(t.server.folder.name, "back.obj")
    c.download_file(t.box.id, path)
    assert open(path).read() == text
    if has(t, "assets", "download"):
        c.download(t.box.id, open(path, "wb"))
        assert open(path).read() == text
    c.delete(spare.id)
    refused(lambda: c.get(spare.id))


@check
def jobs(t):
    """jobs run, are polled, listed, renamed and deleted."""
    c = t.client.jobs
    if has(t, "jobs", "run"):
        params = {"mesh_filename": "box.obj", "max_resolution": 16}
        job = c.run("sample_triangle_mesh", params, name="first")
        assert (job.state, job.name, job.type) == ("success", "first", "sample_triangle_mesh"), job
        path = os.path.join(t.server.folder.name, "volume.bin")
        t.client.assets.download_file(job.assets[0].id, path)
        check_box_volume(open(path, "rb").read(), job.meta["patch"], **BOX)
        assert c.update(job.id, name="renamed").name == "renamed"
        refused(lambda: c.run("sample_triangle_mesh", {"mesh_filename": "absent.stl", "max_resolution": 16}))
        if has(t, "jobs", "run_status"):
            # The releases that polled before there were workflows do so with jobs.
            poll = c.poll if has(t, "jobs", "poll") else t.client.noted.poll
            answer = poll(c.run_status("sample_triangle_mesh", params))
            assert answer.json()["state"] == "success", answer.text
    else:
        w = t.client.workflows.run(PREPROCESS, assets={"p.mesh": "box.obj"})
        job = c.get(w.jobs[0])
    assert job.id in [j.id for j in c.list(sort="created:-1", q="state:success")]
    assert c.get(job.id).id == job.id
    if has(t, "jobs", "delete"):
        c.delete(job.id)
        refused(lambda: c.get(job.id))


@check
def workflows(t):
    """workflows, where the release knows them: run, canceled, listed and deleted."""
    if not hasattr(t.client, "workflows"):
        return
    c = t.client.workflows
    w = c.run(PREPROCESS, parameters={"p.center": "bounding_box"}, assets={"p.mesh": "box.obj"})
    assert w.state == "success" and c.get(w.id).jobs == w.jobs, w
    assert w.id in [x.id for x in c.list(sort="created:1", q="state:success")]
    noted = Noted("workflow", w)
    if "get_asset" in noted.methods:
        assert noted.get_asset("p.mesh").filename.endswith(".ply") and noted.get_asset("p.nothing") is None
        assert noted.get_parameter("p.face_count") == "12" and noted.get_parameter("q.face_count") is None
    t.of_workflow = noted.methods
    slow = "jobs: {" + ", ".join(f"j{i}: {{type: implicit/from-mesh}}" for i in range(8)) + "}"
    sent = dict(assets={f"j{i}.mesh": "box.obj" for i in range(8)},
                parameters={f"j{i}.resolution": str(500 + i) for i in range(8)})
    if has(t, "workflows", "run_async"):
        dispatched = c.run_async(slow, **sent)
        running, link = dispatched.id, dispatched.link
    else:  # the same request by hand: `run` waits
        url = f"{t.server.url}projects/{t.client.own_project}/workflows"
        answer = requests.post(url, json={"definition": slow, **sent}, headers={"Authorization": f"Bearer {t.token}"})
        running, link = answer.json()["id"], answer.json()["link"]
    assert c.cancel(running).state in ("canceled", "started"), running
    assert t.client.noted.poll(link).json()["state"] == "canceled"
    assert c.get(running).state == "canceled"
    refused(lambda: c.cancel(running))
    c.delete(running)
    refused(lambda: c.get(running))


@harness.check
def all_of_it(t):
    """no method was left out."""
    resources = [getattr(t.client, name, None) for name in RESOURCES]
    methods = {f"{noted.name}.{m}" for noted in resources if noted is not None for m in noted.methods}
    methods |= {f"client.{m}" for m in OF_CLIENT if hasattr(t.client, m)}
    methods |= {f"workflow.{m}" for m in getattr(t, "of_workflow", ())}
    for name in sorted(methods):
        print(f"method {name} {'ok' if name in RETURNED - DOUBTED else 'failed'}")
    assert methods <= RETURNED, f"{sorted(methods - RETURNED)} not called"


if __name__ == "__main__":
    main(make_client, *(["--dialect", "sdk-legacy"] if LEGACY else []))
