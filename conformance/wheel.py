"""The wheel as pip installs it, and what it brings to notebooks: wheel.py BINARY WHEEL BILL.

Values come from elsewhere: a sphere's formula, PyVista's own measures, CycloneDX's own schema."""
import base64
import csv
import hashlib
import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib

from harness import BRACKET, check, main

WHEEL, BILL = (os.path.abspath(path) for path in sys.argv[2:4])
RADIUS = 9.0


def sphere_graph(n, more=()):
    points = {"offset": [-12, -12, -12], "size": [24, 24, 24], "resolution": [n, n, n]}
    ball = {"shape_type": "Ellipsoid", "size": [2 * RADIUS] * 3}
    operators = [{"type": "GenerateSamplePoints", "parameters": points}, {"type": "SampleBox", "parameters": ball}, *more]
    edges = [{"source": 0, "target": [1, "Points"]}]
    edges += [{"source": i, "target": [i + 1, "Samples"]} for i in range(1, 1 + len(more))]
    return json.dumps({"operators": operators, "edges": edges})


@check
def wheel_is_whole(t):
    """the wheel's RECORD is true, and its name says where it runs."""
    with zipfile.ZipFile(WHEEL) as wheel:
        names = wheel.namelist()
        record = next(name for name in names if name.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(io.StringIO(wheel.read(record).decode())))
        assert sorted(row[0] for row in rows) == sorted(names), "RECORD lists what is there"
        for name, digest, size in rows:
            if name != record:
                data = wheel.read(name)
                exact = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                assert (digest, int(size)) == ("sha256=" + exact, len(data)), name
        tags = re.findall(r"^Tag: (.*)$", wheel.read(record.replace("RECORD", "WHEEL")).decode(), re.M)
    named = os.path.basename(WHEEL)[:-4].split("-")[-3:]
    assert {f"{named[0]}-{named[1]}-{platform}" for platform in named[2].split(".")} == set(tags), tags


@check
def installed(t):
    """pip installs it, and the program of it runs."""
    t.folder = tempfile.TemporaryDirectory(prefix="fieldstone-wheel-")
    home = os.path.join(t.folder.name, "site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", home, WHEEL]
    subprocess.run(pip, check=True)
    version = subprocess.run([os.path.join(home, "bin", "fieldstone"), "--version"], check=True, capture_output=True, text=True)
    assert version.stdout.startswith("fieldstone "), version
    os.environ["PATH"] = os.path.join(home, "bin") + os.pathsep + os.environ["PATH"]
    sys.path.insert(0, home)
    from fieldstone import notebook
    assert notebook.__file__.startswith(home)
    t.notebook = notebook


def evaluated(t, name, n, more=()):
    out = os.path.join(t.folder.name, name)
    command = ["fieldstone", "run", "implicit/evaluate", "--param", "graph=" + sphere_graph(n, more), "--out", out]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return t.notebook.load(out)


@check
def volume_is_the_field(t):
    """a volume's samples lie where the formula has these values."""
    t.volume = evaluated(t, "sphere", 25)
    x, y, z = t.volume.coordinates()
    exact = (x[None, None, :] ** 2 + y[None, :, None] ** 2 + z[:, None, None] ** 2) ** 0.5 - RADIUS
    assert t.volume.samples.shape == (25, 25, 25) and t.volume.samples.dtype.name == "float32"
    assert abs(t.volume.samples - exact).max() < 1e-4, abs(t.volume.samples - exact).max()
    assert t.volume.cell == (1.0, 1.0, 1.0), t.volume.cell


@check
def mesh_and_bytes(t):
    """a mesh is sampled without a server, as floats and as bytes, with the same surface."""
    floats = t.notebook.sample(BRACKET, resolution=40)
    few = t.notebook.sample(BRACKET, resolution=40, component_type="Byte")
    assert max(floats.resolution) == 40 and few.resolution == floats.resolution
    width = 3 * math.hypot(*floats.cell)
    assert abs(few.samples - floats.samples.clip(-width, width)).max() <= 0.51 * width / 127
    try:
        t.notebook.sample(os.path.join(t.folder.name, "none.stl"))
    except RuntimeError as error:
        assert "none.stl" in str(error), error
    else:
        raise AssertionError("a file that is not there was sampled")


@check
def pyvista_grid(t):
    """PyVista measures the sphere of the same grid."""
    grid = t.notebook.to_pyvista(t.volume)
    ball = grid.contour([0.0])
    assert abs(ball.area / (4 * math.pi * RADIUS**2) - 1) < 0.01, ball.area
    assert abs(ball.volume / (4 / 3 * math.pi * RADIUS**3) - 1) < 0.01, ball.volume
    bounds = [round(b / 2) * 2 for b in grid.bounds]
    assert bounds == [-12, 12, -12, 12, -12, 12], bounds


def facts_of(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S).group(1))


@check
def page_by_itself(t):
    """a view is one page that fetches nothing, with the samples that it says it has."""
    import numpy
    view = t.notebook.show(t.volume)
    assert not re.search(r"""(?:src|href|url|fetch)\s*[=(]\s*["']?\s*(?:https?:)?//""", view.html)
    facts = facts_of(view.html)
    stored = numpy.frombuffer(zlib.decompress(base64.b64decode(facts["samples"])), "i1").reshape(facts["resolution"][::-1])
    band = facts["band"]
    assert abs(stored * (band / 127) - t.volume.samples.clip(-band, band)).max() <= 0.51 * band / 127
    assert facts["steepness"] < 1.2 and facts["stride"] == 1
    large = evaluated(t, "large", 200)
    few = facts_of(t.notebook.show(large).html)
    assert few["stride"] == 2 and few["resolution"] == [100, 100, 100], few["resolution"]
    assert all(abs(s - 24 * 198 / 199) < 1e-9 for s in few["size"]), few["size"]
    path = os.path.join(t.folder.name, "page.html")
    view.save(path)
    assert open(path, encoding="utf-8").read() == view.html


@check
def notebook_page(t):
    """nbconvert keeps the view as it is."""
    import html
    import nbformat
    from nbconvert import HTMLExporter
    view = t.notebook.show(t.volume)
    output = nbformat.v4.new_output("display_data", {"text/html": view._repr_html_()})
    cell = nbformat.v4.new_code_cell("notebook.show(volume)", outputs=[output])
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    frame = re.search(r'<iframe sandbox="allow-scripts"[^>]* srcdoc="([^"]*)"', page)
    assert frame and html.unescape(frame.group(1)) == view.html


@check
def bill_of_materials(t):
    """the bill of materials is CycloneDX, as its own schema has it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(BILL, encoding="utf-8").read())
    assert wrong is None, wrong


if __name__ == "__main__":
    main(lambda url, token: None)
