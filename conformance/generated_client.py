"""A client generated from /openapi.json, which knows nothing else of us: generated_client.py BINARY.

It is made by openapi-python-client, typed throughout: a document that names a field wrongly, or a type, fails here.
"""
import datetime
import io
import os
import subprocess
import sys
import time
import uuid

from harness import BRACKET, SAMPLE_MESH, check, main


def client(url, token):
    """Generates the package, imports it and returns its client."""
    folder = os.environ["GENERATED"]
    config = os.path.join(folder, "config.yml")
    with open(config, "w") as file:
        # What tus calls its pieces are bytes; the generator has to be told.
        file.write("post_hooks: []\npackage_name_override: generated\n"
                   "content_type_overrides:\n  application/offset+octet-stream: application/octet-stream\n")
    program = os.path.join(os.path.dirname(sys.executable), "openapi-python-client")
    made = subprocess.run(
        [program, "generate", "--url", url + "openapi.json", "--meta", "none", "--config", config,
         "--output-path", os.path.join(folder, "generated"), "--fail-on-warning"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    assert made.returncode == 0, made.stdout
    sys.path.insert(0, folder)
    from generated import AuthenticatedClient
    return AuthenticatedClient(base_url=url.rstrip("/"), token=token, raise_on_unexpected_status=True, timeout=60)


def polled(call, *ids, client):
    """The answer of a status route once it is final; anything but a documented answer raises."""
    deadline = time.monotonic() + 120
    while True:
        answer = call.sync_detailed(*ids, client=client)
        if answer.status_code != 202:
            return answer.parsed
        assert time.monotonic() < deadline, answer.parsed


@check
def projects(c):
    """projects are made, changed, found and read."""
    from generated.api.projects import create_project, get_project, get_projects, update_project
    from generated.models import NewProject, Project, ProjectChange
    c.project = create_project.sync(client=c.client, body=NewProject(name="generated")).id
    changed = update_project.sync(c.project, client=c.client, body=ProjectChange(name="by a machine"))
    assert isinstance(changed, Project) and changed.name == "by a machine", changed
    found = get_projects.sync(client=c.client, q='name:"by a *"', sort="created:-1")
    assert [p.id for p in found] == [c.project], found
    project = get_project.sync(c.project, client=c.client)
    assert isinstance(project.created, datetime.datetime) and project.created.tzinfo, project


@check
def assets(c):
    """a file goes up, is listed and comes down by its link."""
    import httpx
    from generated.api.assets import create_asset, get_asset, get_assets
    from generated.models import Asset, CreateAssetBody, GetAssetDownload
    from generated.types import File
    with open(BRACKET, "rb") as file:
        content = file.read()
    part = File(payload=io.BytesIO(content), file_name="bracket.stl", mime_type="model/stl")
    asset = create_asset.sync(c.project, client=c.client, body=CreateAssetBody(file=part))
    assert isinstance(asset, Asset) and (asset.filename, asset.size) == ("bracket.stl", len(content)), asset
    assert [a.id for a in get_assets.sync(c.project, client=c.client)] == [asset.id]
    linked = get_asset.sync(c.project, asset.id, client=c.client, download=GetAssetDownload.TRUE)
    assert httpx.get(linked.link).content == content


@check
def job(c):
    """a job is dispatched, polled and read, and so is its log."""
    from generated.api.jobs import create_job, get_job, get_job_log, get_job_status
    from generated.models import Job, JobState, NewJob, NewJobAssetsType0, NewJobParametersType0
    new = NewJob(
        type_="sample_triangle_mesh", name="a field",
        parameters=NewJobParametersType0.from_dict({"mesh_filename": "bracket.stl", "max_resolution": 32}),
    )
    sent = create_job.sync(c.project, client=c.client, body=new)
    assert sent.link.endswith("/status"), sent
    ended = polled(get_job_status, c.project, sent.id, client=c.client)
    assert isinstance(ended, Job) and ended.state == JobState.SUCCESS, ended
    read = get_job.sync(c.project, sent.id, client=c.client)
    assert read == ended and read.started <= read.finished, read
    volume = read.outputs.assets.additional_properties["volume"]
    assert volume.size > 0 and volume.size % 4 == 0, volume
    assert any("attempt 1" in line.text for line in get_job_log.sync(c.project, sent.id, client=c.client))
    wrong = NewJob(type_="implicit/from-mesh", assets=NewJobAssetsType0.from_dict({"mesh": "none.stl"}))
    refused = create_job.sync_detailed(c.project, client=c.client, body=wrong)
    assert refused.status_code == 400 and "none.stl" in refused.parsed.errors[0].msg, refused


@check
def workflow(c):
    """a workflow is dispatched, polled and deleted with its jobs."""
    from generated.api.jobs import get_jobs
    from generated.api.workflows import create_workflow, delete_workflow, get_workflow_status
    from generated.models import NewWorkflow, NewWorkflowAssetsType0, NewWorkflowParametersType0
    new = NewWorkflow(
        definition=SAMPLE_MESH,
        assets=NewWorkflowAssetsType0.from_dict({"preprocess.mesh": "bracket.stl"}),
        parameters=NewWorkflowParametersType0.from_dict({"sample-mesh.resolution": "32"}),
    )
    sent = create_workflow.sync(c.project, client=c.client, body=new)
    ended = polled(get_workflow_status, c.project, sent.id, client=c.client)
    assert ended.state.value == "success" and len(ended.jobs) == 3, ended
    jobs = get_jobs.sync(c.project, client=c.client, q="state:success AND name:sample-mesh")
    assert len(jobs) == 1 and jobs[0].workflow_id == sent.id, jobs
    assert delete_workflow.sync_detailed(c.project, sent.id, client=c.client).status_code == 200


@check
def strangers(c):
    """what does not exist and who may not ask is told as documented."""
    from generated import AuthenticatedClient
    from generated.api.projects import get_project, get_projects
    assert get_project.sync_detailed("999999", client=c.client).parsed.code == 404
    stranger = AuthenticatedClient(base_url=c.server.url.rstrip("/"), token=str(uuid.uuid4()))
    assert get_projects.sync(client=stranger).code == 401


if __name__ == "__main__":
    import tempfile
    with tempfile.TemporaryDirectory(prefix="fieldstone-generated-") as os.environ["GENERATED"]:
        main(client)
