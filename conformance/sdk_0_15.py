"""The unmodified client metafold 0.15.0 against a live server: sdk_0_15.py BINARY."""
import datetime
import hashlib
import io
import json
import math
import os

from metafold import MetafoldClient

from harness import BRACKET, SAMPLE_MESH, box_obj, check, check_box_volume, main, patch_of, refused

BOX = dict(size=(10.0, 20.0, 15.0), centre=(3.0, -4.0, 5.0))


@check
def projects(t):
    """projects are made, listed, read, changed, copied and deleted."""
    c = t.client
    t.project = c.projects.create("Parts of 2026", data={"state": [1, 2]})
    assert t.project.access.value == "private" and t.project.project == {"state": [1, 2]}, t.project
    age = datetime.datetime.now(datetime.timezone.utc) - t.project.created
    assert abs(age.total_seconds()) < 60, t.project.created
    c.set_project_id(t.project.id)
    assert c.projects.get() == t.project
    other = c.projects.create("Other", access="public")
    assert [p.name for p in c.projects.list()] == ["Other", "Parts of 2026"]
    assert [p.id for p in c.projects.list(sort="name:-1")] == [t.project.id, other.id]
    assert [p.id for p in c.projects.list(q='name:"Parts of 2026"')] == [t.project.id]
    assert [p.id for p in c.projects.list(q="!name:p* AND name:OTHER")] == [other.id]
    changed = c.projects.update(other.id, name="Renamed", access="org", graph={"operators": []})
    assert (changed.name, changed.access.value, changed.graph) == ("Renamed", "org", {"operators": []}), changed
    copy = c.projects.duplicate(t.project.id, "Copy")
    assert copy.project == t.project.project and copy.id != t.project.id
    c.projects.delete(copy.id)
    c.projects.delete(other.id)
    refused(lambda: c.projects.get(other.id), "404")


@check
def assets(t):
    """assets are uploaded, listed, read, downloaded and deleted."""
    c = t.client
    t.box = c.assets.create(t.server.path("größe 1.obj", box_obj(**BOX)))
    text = box_obj(**BOX).encode()
    assert t.box.filename == "größe 1.obj" and t.box.size == len(text), t.box
    assert t.box.checksum == "sha256:" + hashlib.sha256(text).hexdigest(), t.box
    assert t.box.project_id == t.project.id and t.box.job_id is None
    t.part = c.assets.create(BRACKET)
    nameless = c.assets.create(io.BytesIO(b"some bytes"))
    assert nameless.filename == "file", nameless
    assert c.assets.get(t.part.id) == t.part
    assert [a.id for a in c.assets.list(sort="size:1")] == [nameless.id, t.box.id, t.part.id]
    assert [a.id for a in c.assets.list(q="filename:bracket.stl")] == [t.part.id]
    assert [a.id for a in c.assets.list(q='filename:"größe 1.obj"')] == [t.box.id]
    path = os.path.join(t.server.folder.name, "back.stl")
    c.assets.download_file(t.part.id, path)
    assert open(path, "rb").read() == open(BRACKET, "rb").read()
    c.assets.delete(nameless.id)
    refused(lambda: c.assets.get(nameless.id), "404")
    refused(lambda: c.assets.list(q="filename"), "400")
    refused(lambda: c.assets.list(sort="colour:1"), "400", "colour")


@check
def sample_mesh(t):
    """the sample-mesh workflow runs and its parts are found by name."""
    c = t.client
    t.workflow = c.workflows.run(SAMPLE_MESH, parameters={"sample-mesh.resolution": "32"},
                                 assets={"preprocess.mesh": t.box.filename})
    w = t.workflow
    jobs = [c.jobs.get(id) for id in w.jobs]
    assert w.state == "success", [(j.name, j.state, j.error) for j in jobs]
    assert [j.name for j in jobs] == ["preprocess", "compute-bvh", "sample-mesh"], jobs
    assert all(j.workflow_id == w.id and j.started and j.finished for j in jobs), jobs
    assert sorted(jobs[2].needs) == sorted([jobs[0].id, jobs[1].id]), jobs[2].needs
    assert jobs[2].inputs.params["resolution"] == "32"
    assert jobs[2].inputs.assets["mesh"].job_id == jobs[0].id
    bounds = json.loads(jobs[0].outputs.params["bounds"])
    assert bounds == {"min": [-2.0, -14.0, -2.5], "max": [8.0, 6.0, 12.5]}, bounds
    assert next(iter(jobs[0].outputs.assets)) == "mesh" and next(iter(jobs[1].outputs.assets)) == "bvh"
    assert any(a.filename.endswith(".bin") for a in jobs[2].assets), jobs[2].assets
    size = json.loads(w.get_parameter("sample-mesh.patch_size"))
    assert len(size) == 3 and w.get_parameter("sample-mesh.nothing") is None


@check
def volume(t):
    """the volume has the promised size, order, signs and distances."""
    w = t.workflow
    patch = patch_of(lambda name: w.get_parameter("sample-mesh." + name))
    assert max(patch["resolution"]) == 32, patch
    asset = w.get_asset("sample-mesh.volume")
    data = Sink()
    t.client.assets.download(asset.id, data)
    assert asset.size == len(data.bytes) == 4 * math.prod(patch["resolution"]), asset
    assert asset.checksum == "sha256:" + hashlib.sha256(data.bytes).hexdigest()
    check_box_volume(data.bytes, patch, **BOX)


class Sink(io.BytesIO):
    """Keeps its bytes when the client closes it."""

    def close(self):
        self.bytes = self.getvalue()


@check
def bracket(t):
    """a part as a CAD system exports it goes the same way, by filename across workflows."""
    c = t.client
    first = c.workflows.run("jobs: {p: {type: mesh/preprocess}, b: {type: mesh/compute-bvh, needs: [p], assets: {mesh: p}}}",
                            assets={"p.mesh": "bracket.stl"})
    assert first.state == "success", [c.jobs.get(id).error for id in first.jobs]
    second = c.workflows.run("jobs: {sample my.part: {type: implicit/from-mesh}}",
                             assets={"sample my.part.mesh": first.get_asset("p.mesh").filename,
                                     "sample my.part.bvh": first.get_asset("b.bvh").filename},
                             parameters={"sample my.part.resolution": "64"})
    job = c.jobs.get(second.jobs[0])
    assert second.state == "success", job.error
    resolution = json.loads(job.outputs.params["patch_resolution"])
    assert max(resolution) == 64 and job.outputs.assets["volume"].size == 4 * math.prod(resolution)
    assert int(job.outputs.params["face_count"]) > 1000


@check
def references(t):
    """parameters and assets refer to other jobs in every spelling of the grammar."""
    c = t.client
    w = c.workflows.run("""---
jobs:
  second:
    type: implicit/from-mesh
    needs: [first, "1. mesh"]
    assets: {mesh: [{job: 1. mesh, asset: mesh}]}
    parameters: {resolution: 24}
  first:
    type: implicit/from-mesh
    needs: ["1. mesh"]
    assets: {mesh: {job: 1. mesh, asset: mesh}}
    parameters: {resolution: "16"}
  1. mesh: {type: mesh/preprocess}
...
""", assets={"1. mesh.mesh": ["größe 1.obj"]})
    states = {c.jobs.get(id).name: c.jobs.get(id) for id in w.jobs}
    assert w.state == "success", [(n, j.error) for n, j in states.items()]
    assert max(json.loads(states["second"].outputs.params["patch_resolution"])) == 24
    assert max(json.loads(states["first"].outputs.params["patch_resolution"])) == 16
    w = c.workflows.run("""
jobs:
  a: {type: implicit/from-mesh, parameters: {resolution: 16}}
  b: {type: implicit/from-mesh, needs: [a], parameters: {resolution: {job: a, parameter: face_count}}}
""", assets={"a.mesh": t.box.filename, "b.mesh": t.box.filename})
    b = next(j for j in map(c.jobs.get, w.jobs) if j.name == "b")
    assert w.state == "success" and max(json.loads(b.outputs.params["patch_resolution"])) == 12, b


@check
def empty_workflow(t):
    """a workflow without jobs succeeds."""
    w = t.client.workflows.run("jobs: {}")
    assert w.state == "success" and w.jobs == [], w


@check
def failing_workflow(t):
    """a workflow that fails says where, and what was to follow is canceled."""
    c = t.client
    c.assets.create(t.server.path("letter.stl", "Dear Sir or Madam,\nthis is no mesh.\n"))
    w = c.workflows.run(SAMPLE_MESH, assets={"preprocess.mesh": "letter.stl"})
    jobs = {j.name: j for j in map(c.jobs.get, w.jobs)}
    assert w.state == "failure", w
    assert jobs["preprocess"].state == "failure" and "STL" in jobs["preprocess"].error, jobs["preprocess"]
    assert jobs["compute-bvh"].state == jobs["sample-mesh"].state == "canceled", jobs
    w = c.workflows.run("jobs: {compress: {type: sim/custom}}")
    assert w.state == "failure" and "sim/custom" in c.jobs.get(w.jobs[0]).error, w
    refused(lambda: c.workflows.run("jobs: {a: {type: mesh/preprocess, needs: [b]}}"), "400", "b")
    refused(lambda: c.workflows.run(SAMPLE_MESH, assets={"preprocess.mesh": "nowhere.stl"}), "400", "nowhere.stl")


@check
def cancel(t):
    """a workflow is canceled while it runs, and only then."""
    c = t.client
    definition = "jobs: {" + ", ".join(f"j{i}: {{type: implicit/from-mesh}}" for i in range(12)) + "}"
    w = c.workflows.run_async(definition, assets={f"j{i}.mesh": "bracket.stl" for i in range(12)},
                              parameters={f"j{i}.resolution": str(400 + i) for i in range(12)})
    assert w.state in ("pending", "started") and w.link, w
    c.workflows.cancel(w.id)
    done = c.poll(w.link).json()
    assert done["state"] == "canceled", done
    assert any(c.jobs.get(id).state == "canceled" for id in w.jobs)
    refused(lambda: c.workflows.cancel(w.id), "status 4")
    refused(lambda: c.workflows.cancel(t.workflow.id), "status 4")


@check
def lists(t):
    """jobs and workflows are found by sort and q."""
    c = t.client
    assert [j.name for j in c.jobs.list(q="name:sample-mesh AND state:success")] == ["sample-mesh"]
    assert {j.type for j in c.jobs.list(q='type:"mesh/*" AND !type:mesh/compute-bvh')} == {"mesh/preprocess"}
    ids = [int(w.id) for w in c.workflows.list()]
    assert ids == sorted(ids, reverse=True) and len(ids) > 5, ids
    assert [int(w.id) for w in c.workflows.list(sort="id:1")] == ids[::-1]
    states = {w.state for w in c.workflows.list(q="state:failure")}
    assert states == {"failure"}, states
    assert c.workflows.list(q="state:pending") == []
    refused(lambda: c.jobs.list(q="colour:red"), "400", "colour")


@check
def deletes(t):
    """jobs and workflows are deleted, their assets stay."""
    c = t.client
    volume = t.workflow.get_asset("sample-mesh.volume")
    c.workflows.delete(t.workflow.id)
    refused(lambda: c.workflows.get(t.workflow.id), "404")
    refused(lambda: c.jobs.get(t.workflow.jobs[0]), "404")
    assert c.assets.get(volume.id).checksum == volume.checksum
    job = c.jobs.list(q="type:sim/custom")[0]
    c.jobs.delete(job.id)
    refused(lambda: c.jobs.get(job.id), "404")


@check
def strangers(t):
    """a wrong token is refused as the documentation says."""
    stranger = MetafoldClient(access_token="nobody", project_id=t.project.id, base_url=t.server.url)
    refused(stranger.projects.list, "401")
    refused(lambda: t.client.assets.list(project_id="999999"), "404")


if __name__ == "__main__":
    main(lambda url, token: MetafoldClient(access_token=token, base_url=url))
