"""What the client scripts share: a server of their own on a free port, a part, checks that print `ok` or `FAIL`."""
import array
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BRACKET = os.path.join(ROOT, "testdata", "parts", "bracket.stl")

SAMPLE_MESH = """
jobs:
  preprocess:
    type: mesh/preprocess
  compute-bvh:
    type: mesh/compute-bvh
    needs: [preprocess]
    assets:
      mesh: preprocess
  sample-mesh:
    type: implicit/from-mesh
    needs: [preprocess, compute-bvh]
    assets:
      mesh: preprocess
      bvh: compute-bvh
"""


class Server:
    """`fieldstone serve` on a free port of loopback with an empty data folder; ends with the `with` block."""

    #: More flags of `serve`.
    options = []

    def __init__(self, binary):
        self.binary = binary
        self.environment = dict(os.environ)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fieldstone-conformance-")
        self.data = os.path.join(self.folder.name, "data")
        self.log = []
        self.process, self.url = self.serve()
        return self

    def __exit__(self, *_):
        end(self.process)
        self.folder.cleanup()

    def serve(self):
        """Starts a server. Returns its process and its URL."""
        command = [self.binary, "serve", "--listen", "127.0.0.1:0", "--data", self.data, *self.options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=self.environment)
        for line in process.stderr:
            self.log.append(line)
            if "listening on http://" in line:
                url = "http://" + line.split("http://", 1)[1].split()[0].rstrip("/") + "/"
                break
        else:
            raise SystemExit("FAIL the server does not start: " + "".join(self.log))
        threading.Thread(target=lambda: self.log.extend(process.stderr), daemon=True).start()
        return process, url

    def token(self, *options):
        """A new API key."""
        command = [self.binary, "keys", "create", "--name", "conformance", "--data", self.data, *options]
        made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=self.environment)
        return made.stdout.strip()

    def path(self, name, content):
        """A file outside the server's data with this content."""
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as f:
            f.write(content.encode() if isinstance(content, str) else content)
        return path


def end(process):
    """Ends a process in order."""
    process.terminate()
    process.wait(timeout=30)


CHECKS = []


def check(function):
    """Registers a check; its docstring's first line is its name. Checks run in order and share one context."""
    CHECKS.append(function)
    return function


def main(client, *key_options, kind=Server):
    """Starts a server, runs every check with `client(url, token)`, prints a verdict per check and a count."""
    if "FIELDSTONE_PEERS" in os.environ:
        from cluster import Cluster as kind
    failed = 0
    with kind(os.path.abspath(sys.argv[1])) as server:
        token = server.token(*key_options)
        context = Context(server, token, client(server.url, token))
        for function in CHECKS:
            name = function.__doc__.splitlines()[0].rstrip(".")
            try:
                function(context)
                print(f"ok {name}", flush=True)
            except Exception as error:  # every kind: a check that cannot run has failed
                failed += 1
                traceback.print_exc()
                print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
        if failed:
            sys.stderr.write("server log:\n" + "".join(server.log[-50:]))
    print(f"{os.path.basename(sys.argv[0])}: {len(CHECKS) - failed} of {len(CHECKS)} checks hold")
    sys.exit(failed > 0)


class Context:
    """What checks pass on to later checks."""

    def __init__(self, server, token, client):
        self.server, self.token, self.client = server, token, client


def refused(function, *fragments):
    """Calls what must fail with an HTTP error whose text holds every fragment."""
    from requests import HTTPError
    try:
        result = function()
    except HTTPError as error:
        for fragment in fragments:
            assert fragment in str(error), f"{fragment!r} is not in {str(error)!r}"
        return
    raise AssertionError(f"it succeeded: {result!r}")


def box_obj(size, centre):
    """A closed box as OBJ text with four-sided faces."""
    text = "# a box\n"
    for k in range(8):
        corner = [centre[a] + size[a] * ((k >> a & 1) - 0.5) for a in range(3)]
        text += "v {} {} {}\n".format(*corner)
    for face in ("1 3 4 2", "5 6 8 7", "1 2 6 5", "3 7 8 4", "1 5 7 3", "2 4 8 6"):
        text += f"f {face}\n"
    return text


def box_distance(p, size, centre):
    """Exact signed distance to a box."""
    q = [abs(p[a] - centre[a]) - 0.5 * size[a] for a in range(3)]
    return math.hypot(*[max(x, 0.0) for x in q]) + min(max(q), 0.0)


def check_box_volume(data, patch, size, centre):
    """A downloaded volume against the formula: 1e-3 cell within three cells of the surface, half a cell beyond."""
    volume = array.array("f")
    volume.frombytes(data)
    n, cell = patch["resolution"], patch["size"][0] / (patch["resolution"][0] - 1)
    assert len(data) == 4 * math.prod(n), f"{len(data)} bytes for {n} samples"
    inside = 0
    for i, value in enumerate(volume):
        index = (i % n[0], i // n[0] % n[1], i // (n[0] * n[1]))
        p = [patch["offset"][a] + patch["size"][a] * index[a] / (n[a] - 1) for a in range(3)]
        exact = box_distance(p, size, centre)
        allowed = (2e-3 if abs(exact) < 3 * cell else 0.5) * cell
        assert abs(value - exact) <= allowed, f"sample {index}: {value}, exact is {exact}, cell {cell}"
        inside += value < 0
    share = inside * cell**3 / math.prod(size)
    assert 0.8 < share < 1.2, f"{inside} samples are inside, {share} of the box's volume"


def patch_of(parameter):
    """The patch from the three parameters that the SDK reads; `parameter(name)` is their JSON text."""
    patch = {key: json.loads(parameter("patch_" + key)) for key in ("size", "offset", "resolution")}
    assert all(len(v) == 3 for v in patch.values()), patch
    return patch


def edge_count(path):
    """(faces, edges, open edges, volume) of a binary STL. Vertices are the same if their bits are; an edge that two faces
    use, once in either direction, is closed."""
    import numpy as np
    faces = np.fromfile(path, np.dtype([("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")]), offset=84)["v"]
    # −0 is 0. Hashes by odd multipliers stand for vertices, and of these for edges, whose last bit is the direction.
    factors = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    vertex = ((faces + 0.0).view(np.uint32) * factors).sum(axis=-1, dtype=np.uint64)
    vertex ^= vertex >> np.uint64(29)
    a, b = vertex.ravel(), np.roll(vertex, -1, axis=1).ravel()
    assert (a != b).all(), "a face uses a vertex twice"
    low, high = np.minimum(a, b), np.maximum(a, b)
    edge = np.sort((low * factors[0] + high * factors[1]) & ~np.uint64(1) | (a < b))
    undirected = edge >> np.uint64(1)
    first = np.flatnonzero(np.diff(undirected, prepend=~undirected[:1]))
    times = np.diff(first, append=edge.size)
    pairs = first[times == 2]
    closed = (edge[pairs] != edge[pairs + 1]).sum()
    p = faces.astype(float)
    volume = np.einsum("ij,ij->i", p[:, 0], np.cross(p[:, 1], p[:, 2])).sum() / 6
    return len(faces), len(first), int(len(first) - closed), float(volume)
