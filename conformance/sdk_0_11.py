"""The unmodified client metafold 0.11.0, which still dispatches jobs directly: sdk_0_11.py BINARY."""
import json
import math
import os

from metafold import MetafoldClient

from harness import BRACKET, SAMPLE_MESH, box_obj, check, check_box_volume, main, patch_of, refused

BOX = dict(size=(12.0, 8.0, 10.0), centre=(0.0, 1.0, -2.0))


def read(t, asset):
    path = os.path.join(t.server.folder.name, "download.bin")
    t.client.assets.download_file(asset.id, path)
    return open(path, "rb").read()


@check
def set_up(t):
    """a project and two parts."""
    t.project = t.client.projects.create("Parts")
    t.client.set_project_id(t.project.id)
    t.box = t.client.assets.create(t.server.path("box.obj", box_obj(**BOX)))
    t.part = t.client.assets.create(BRACKET)
    assert {a.filename for a in t.client.assets.list()} == {"box.obj", "bracket.stl"}


@check
def sample_triangle_mesh(t):
    """jobs.run samples a mesh; the patch is in meta and the volume the first .bin."""
    job = t.client.jobs.run("sample_triangle_mesh", {"mesh_filename": "box.obj", "max_resolution": 24}, name="box")
    assert (job.name, job.type, job.state) == ("box", "sample_triangle_mesh", "success"), job
    assert job.parameters["max_resolution"] == 24, job.parameters
    patch = job.meta["patch"]
    assert set(patch) == {"size", "offset", "resolution"} and max(patch["resolution"]) == 24, patch
    volume = next(a for a in job.assets if a.filename.endswith(".bin"))
    assert volume == job.assets[0] and volume.job_id == job.id, job.assets
    check_box_volume(read(t, volume), patch, **BOX)
    t.job = job


@check
def bracket(t):
    """the bracket at 128 samples."""
    job = t.client.jobs.run("sample_triangle_mesh", {"mesh_filename": "bracket.stl", "max_resolution": 128})
    assert max(job.meta["patch"]["resolution"]) == 128
    assert job.assets[0].size == 4 * math.prod(job.meta["patch"]["resolution"])


@check
def status(t):
    """run_status returns a link that is polled to the end."""
    link = t.client.jobs.run_status("sample_triangle_mesh", {"mesh_filename": "box.obj", "max_resolution": 24})
    answer = t.client.jobs.poll(link)
    assert answer.status_code in (200, 201) and answer.json()["state"] == "success", answer.text
    again = answer.json()["assets"][0]
    assert again["checksum"] == t.job.assets[0].checksum, "the same inputs gave different bytes"


@check
def failing_job(t):
    """a failing job raises with its reason."""
    t.client.assets.create(t.server.path("zero.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n"))
    refused(lambda: t.client.jobs.run("sample_triangle_mesh", {"mesh_filename": "zero.obj", "max_resolution": 24}),
            "OBJ", "line 4")
    refused(lambda: t.client.jobs.run("sample_triangle_mesh", {"mesh_filename": "absent.obj", "max_resolution": 24}),
            "absent.obj")
    refused(lambda: t.client.jobs.run("sample_triangle_mesh", {"mesh_filename": "box.obj", "max_resolution": "abc"}),
            "max_resolution", "abc")
    refused(lambda: t.client.jobs.run("no_such_type", {}), "no_such_type")


@check
def jobs(t):
    """jobs are listed, renamed and deleted."""
    c = t.client
    assert c.jobs.update(t.job.id, name="a new name").name == "a new name"
    assert [j.id for j in c.jobs.list(q='name:"a new name"')] == [t.job.id]
    assert len(c.jobs.list(q="type:sample_triangle_mesh AND state:success", sort="id:1")) == 3
    c.jobs.delete(t.job.id)
    refused(lambda: c.jobs.get(t.job.id), "")


@check
def workflows(t):
    """the sample-mesh workflow of the newer half of the API."""
    w = t.client.workflows.run(SAMPLE_MESH, parameters={"sample-mesh.resolution": "24"},
                               assets={"preprocess.mesh": "box.obj"})
    assert w.state == "success", [t.client.jobs.get(id).error for id in w.jobs]
    patch = patch_of(lambda name: w.get_parameter("sample-mesh." + name))
    volume = w.get_asset("sample-mesh.volume")
    check_box_volume(read(t, volume), patch, **BOX)
    assert json.loads(w.get_parameter("sample-mesh.patch"))["resolution"] == patch["resolution"]
    assert t.client.workflows.get(w.id).state == "success" and len(t.client.workflows.list()) == 1
    refused(lambda: t.client.workflows.cancel(w.id), "")
    t.client.workflows.delete(w.id)


if __name__ == "__main__":
    main(lambda url, token: MetafoldClient(token, base_url=url))
