"""Volumes of Fieldstone in a notebook: as numpy arrays, as PyVista grids, and as a view that needs no server.

    from fieldstone import notebook
    volume = notebook.load("field")                  # or notebook.fetch(client, job), notebook.sample("part.stl")
    volume.samples                                   # float32, mm, negative inside, [z, y, x]
    notebook.to_pyvista(volume).contour([0.0])
    notebook.show(volume)
"""
import base64
import html
import json
import math
import os
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass

import numpy

#: Samples on the longest axis of what a page shows at most; of more, every second, third, … of each axis is.
MOST = 128


@dataclass(frozen=True)
class Volume:
    """Samples of a signed distance field: sample i of an axis lies at offset + size · i / (resolution − 1), mm."""

    samples: numpy.ndarray  #: float32 [z, y, x], mm, negative inside
    size: tuple  #: x, y, z, mm
    offset: tuple  #: x, y, z, mm

    @property
    def resolution(self):
        """Samples on x, y and z."""
        return self.samples.shape[::-1]

    @property
    def cell(self):
        """The distance between neighbours on x, y and z, mm."""
        return tuple(s / max(n - 1, 1) for s, n in zip(self.size, self.resolution))

    def coordinates(self):
        """Where samples lie: three float64 arrays, of x, y and z, mm."""
        return tuple(o + s * numpy.linspace(0, 1, n) for o, s, n in zip(self.offset, self.size, self.resolution))


def load(path, job=None):
    """The volume in a file, with the document of the job that made it: a dict or another file; by default what `fieldstone run`
    (result.json) or `fieldstone demo` (job.json) leaves beside it. The folder that these leave stands for both."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    if job is None:
        names = [os.path.join(folder, name) for name in ("result.json", "job.json")]
        job = next((name for name in names if os.path.isfile(name)), None)
        if job is None:
            raise FileNotFoundError(f"there is neither {names[0]} nor {names[1]}: which job made {path}?")
    if not isinstance(job, dict):
        with open(job, encoding="utf-8") as file:
            job = json.load(file)
    if folder == path:
        made = [os.path.join(folder, name) for name in (job["outputs"]["assets"]["volume"]["filename"], "volume.bin")]
        path = made[0] if os.path.isfile(made[0]) else made[1]
    with open(path, "rb") as file:
        return _volume(file.read(), job.get("type"), job["inputs"].get("params") or {}, job["outputs"]["params"])


def fetch(client, job, name="volume"):
    """The volume that a job made on a server; `client` and `job` are the official SDK's (metafold 0.8 or later)."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "volume.bin")
        client.assets.download_file(job.outputs.assets[name].id, path)
        with open(path, "rb") as file:
            return _volume(file.read(), job.type, job.inputs.params or {}, job.outputs.params)


def sample(mesh, resolution=128, **params):
    """The field of a mesh file, made by this machine's `fieldstone run implicit/from-mesh`, without a server."""
    beside = os.path.join(os.path.dirname(sys.executable), "fieldstone")
    program = beside if os.path.isfile(beside) else "fieldstone"
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "run", "implicit/from-mesh", "--input", f"mesh={mesh}", "--out", folder]
        for key, value in {"resolution": resolution, **params}.items():
            command += ["--param", f"{key}={value}"]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return load(folder)


def _volume(data, kind, inputs, outputs):
    size, offset, resolution = (tuple(json.loads(outputs["patch_" + key])) for key in ("size", "offset", "resolution"))
    count = math.prod(resolution)
    if len(data) == 4 * count:
        samples = numpy.frombuffer(data, "<f4")
    elif len(data) == count:
        diagonal = math.hypot(*(s / max(n - 1, 1) for s, n in zip(size, resolution)))
        width = float(inputs.get("width") or (3 * diagonal if kind == "implicit/from-mesh" else 0))
        if not width > 0:
            raise ValueError("a volume of bytes whose job does not say at how many mm they saturate (width)")
        samples = numpy.frombuffer(data, "i1").astype("f4") * numpy.float32(width / 127)
    else:
        raise ValueError(f"{len(data)} bytes are no volume of {' × '.join(map(str, resolution))} samples")
    return Volume(samples.reshape(resolution[::-1]), size, offset)


def to_pyvista(volume):
    """The same as a pyvista.ImageData with the point array "distance"; `.contour([0.0])` is the surface."""
    import pyvista

    grid = pyvista.ImageData(dimensions=volume.resolution, spacing=volume.cell, origin=volume.offset)
    grid.point_data["distance"] = volume.samples.ravel()
    return grid


@dataclass(frozen=True)
class View:
    """A page that shows a volume by itself: in Jupyter, VS Code and Colab as a cell's result, and in what nbconvert makes."""

    html: str  #: The whole page; nothing in it is fetched from anywhere
    height: int  #: Of its frame in a notebook, pixels

    def save(self, path):
        """Writes the page."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.html)

    def _repr_html_(self):
        page = html.escape(self.html, quote=True)
        style = f"width: 100%; height: {self.height}px; border: 0"
        return f'<iframe sandbox="allow-scripts" title="Volume" style="{style}" srcdoc="{page}"></iframe>'


def show(volume, height=480):
    """A view of a volume, or of the volume or mesh in a file, or in what a job left: turned by the mouse, cut open by a plane, read under the cursor."""
    if not isinstance(volume, Volume):
        volume = load(volume) if os.path.isdir(volume) or str(volume).endswith(".bin") else sample(volume)
    stride = max(1, *(math.ceil((n - 1) / (MOST - 1)) for n in volume.resolution))
    few = volume.samples[::stride, ::stride, ::stride]
    size = [s * (m - 1) * stride / max(n - 1, 1) for s, m, n in zip(volume.size, few.shape[::-1], volume.resolution)]
    cell = max(volume.cell) * stride
    # Int8 over eight cells on either side: the surface is exact to a sixteenth of a cell, and far values are only "beyond".
    band = 8 * cell
    bytes_ = numpy.rint(numpy.clip(few / band, -1, 1) * 127).astype("i1").tobytes()
    slopes = [abs(numpy.diff(few, axis=2 - a)).max(initial=0) / (c * stride or 1) for a, c in enumerate(volume.cell)]
    facts = {"resolution": few.shape[::-1], "size": size, "offset": volume.offset, "band": band, "stride": stride,
             "steepness": max(1, float(numpy.hypot.reduce(slopes)) / math.sqrt(3)),
             "samples": base64.b64encode(zlib.compress(bytes_, 9)).decode()}
    with open(os.path.join(os.path.dirname(__file__), "view.html"), encoding="utf-8") as file:
        return View(file.read().replace("{/*volume*/}", json.dumps(facts), 1), height)
