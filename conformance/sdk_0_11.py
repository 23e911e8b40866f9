"""The unmodified client metafold 0.11.0, which still dispatches jobs directly: sdk_0_11.py BINARY."""
import json
import math
import os

from metafold import MetafoldClient

import builders
import examples
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


def infill(t):
    """The box filled with gyroid cells of 4 mm, as the published lattice infill example builds it."""
    patch, volume = t.job.meta["patch"], t.job.assets[0].filename
    width = 3 * math.hypot(*(s / (n - 1) for s, n in zip(patch["size"], patch["resolution"])))
    operators = [
        {"type": "GenerateSamplePoints", "parameters": patch},
        {"type": "LoadVolume", "parameters": {"volume_data": {"file_type": "Raw", "path": volume},
                                              "resolution": patch["resolution"]}},
        {"type": "SampleVolume", "parameters": {"volume_offset": patch["offset"], "volume_size": patch["size"]}},
        {"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [4, 4, 4]}},
        {"type": "CSG", "parameters": {"operation": "Intersect"}},
        {"type": "Redistance", "parameters": {"size": patch["size"]}},
        {"type": "Threshold", "parameters": {"width": width}},
    ]
    wires = [(0, 2, "Points"), (1, 2, "Volume"), (0, 3, "Points"), (2, 4, "A"), (3, 4, "B"), (4, 5, "Samples"), (5, 6, "Samples")]
    return {"operators": operators, "edges": [{"source": s, "target": [d, name]} for s, d, name in wires]}


@check
def graphs(t):
    """a lattice infill: bytes of the field, its measures, its mesh."""
    graph, patch = infill(t), t.job.meta["patch"]
    job = t.client.jobs.run("evaluate_graph", {"graph": graph})
    field = read(t, job.assets[0])
    assert len(field) == math.prod(patch["resolution"]), len(field)
    signed = [b - 256 if b > 127 else b for b in field]
    assert min(signed) < -20 and max(signed) == 127, (min(signed), max(signed))
    measured = t.client.jobs.run("evaluate_metrics", {"graph": graph, "point_source": 0}).meta
    half = math.prod(BOX["size"]) / 2
    assert abs(measured["interior_volume"] - half) < 0.2 * half, measured  # seven samples a cell
    mesh = t.client.jobs.run("export_triangle_mesh", {"graph": graph, "point_source": 0})
    assert mesh.assets[0].filename.endswith(".stl") and mesh.meta["watertight"], mesh
    assert len(read(t, mesh.assets[0])) == 84 + 50 * mesh.meta["face_count"]
    as_obj = t.client.jobs.run("export_triangle_mesh", {"graph": graph, "point_source": 0, "file_type": "obj"})
    assert read(t, as_obj.assets[0]).startswith(b"v "), as_obj.assets


@check
def refused_graphs(t):
    """a graph that cannot be is refused with the place."""
    graph = infill(t)
    graph["edges"][3]["source"] = 0
    refused(lambda: t.client.jobs.run("evaluate_graph", {"graph": graph}), "operators[2] (SampleVolume)", "feed no other")
    graph = infill(t)
    graph["operators"][1]["parameters"]["volume_data"]["path"] = "absent.bin"
    refused(lambda: t.client.jobs.run("evaluate_graph", {"graph": graph}), "absent.bin")
    graph = infill(t)
    graph["operators"][0]["parameters"] = {"resolution": [100000] * 3}
    refused(lambda: t.client.jobs.run("evaluate_graph", {"graph": graph}), "operators[0]", "limit")


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


def connect(t):
    return MetafoldClient(t.token, project_id=t.project.id, base_url=t.server.url)


examples.checks(check, connect)
builders.checks(check, connect)

if __name__ == "__main__":
    main(lambda url, token: MetafoldClient(token, base_url=url))
