"""The unmodified client metafold 0.5.0, of the family that refuses newer fields: sdk_0_5.py BINARY."""
import os

from metafold import MetafoldClient

import builders
from harness import box_obj, check, check_box_volume, main, refused

BOX = dict(size=(12.0, 8.0, 10.0), centre=(0.0, 1.0, -2.0))


@check
def projects(t):
    """projects are made, listed and changed, although this release sends Access.PRIVATE."""
    t.project = t.client.projects.create("Old parts")
    assert t.project.access.value == "private", t.project
    c = t.client = MetafoldClient(t.token, t.project.id, t.server.url)
    assert c.projects.update(name="Older parts", access="public").name == "Older parts"
    assert [p.id for p in c.projects.list(q="name:older*")] == [t.project.id]


@check
def assets(t):
    """assets are uploaded, replaced under the same id and downloaded."""
    c = t.client
    asset = c.assets.create(t.server.path("draft.obj", "v 0 0 0\n"))
    t.box = c.assets.update(asset.id, t.server.path("box.obj", box_obj(**BOX)))
    assert t.box.id == asset.id and t.box.checksum != asset.checksum, t.box
    assert [a.id for a in c.assets.list()] == [asset.id]
    path = os.path.join(t.server.folder.name, "back.obj")
    c.assets.download_file(t.box.id, path)
    assert open(path).read() == box_obj(**BOX)


@check
def sample_triangle_mesh(t):
    """a job runs, is renamed and its volume is the first asset."""
    c = t.client
    job = c.jobs.run("sample_triangle_mesh", {"mesh_filename": t.box.filename, "max_resolution": 16}, name="first")
    assert job.state == "success" and c.jobs.update(job.id, name="renamed").name == "renamed"
    assert [j.name for j in c.jobs.list(q="state:success")] == ["renamed"]
    path = os.path.join(t.server.folder.name, "volume.bin")
    c.assets.download_file(job.assets[0].id, path)
    check_box_volume(open(path, "rb").read(), job.meta["patch"], **BOX)
    refused(lambda: c.jobs.run("sample_triangle_mesh", {"mesh_filename": "absent.stl", "max_resolution": 16}),
            "absent.stl")


builders.checks(check, lambda t: MetafoldClient(t.token, t.project.id, t.server.url))

if __name__ == "__main__":
    main(lambda url, token: MetafoldClient(token, base_url=url), "--dialect", "sdk-legacy")
