"""What the examples that are published with the clients do, written anew with the client's own builder."""
import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from metafold import func as f
from metafold.func_types import JSONEvaluator

import cells
from builders import THREADS, offered_values
from harness import BRACKET, edge_count


def graph(root, source):
    evaluator = JSONEvaluator(source)
    root(evaluator)
    return evaluator.json()


def measures(t, connect, roots, source):
    """What evaluate_metrics says of each of {name: shape}."""
    def one(root):
        return connect(t).jobs.run("evaluate_metrics", {"graph": graph(root, source), "point_source": 0}).meta
    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(roots, pool.map(one, roots.values())))


def checks(check, connect):
    """Registers the examples; `connect(t)` gives a client for `t.project.id`."""

    @check
    def lattice_infill(t):
        """the lattice infill example: a mesh at 256, filled with gyroid cells of 10 mm, to a watertight STL."""
        c = connect(t)
        if "bracket.stl" not in {a.filename for a in c.assets.list()}:
            c.assets.create(BRACKET)
        job = c.jobs.run("sample_triangle_mesh", {"mesh_filename": "bracket.stl", "max_resolution": 256})
        patch, volume = job.meta["patch"], next(a for a in job.assets if a.filename.endswith(".bin"))
        assert max(patch["resolution"]) == 256, patch
        place = {"volume_offset": patch["offset"], "volume_size": patch["size"]}
        asset = {"file_type": "Raw", "path": volume.filename}
        mesh = f.SampleVolume(f.PointSource, f.LoadVolume(asset, {"resolution": patch["resolution"]}), place)
        gyroid = f.SampleSurfaceLattice(f.PointSource, {"lattice_type": "Gyroid", "scale": [10, 10, 10]})
        infill = f.Redistance(f.CSGIntersect(mesh, gyroid))
        parameters = {"graph": graph(infill, f.GenerateSamplePoints(dict(patch))), "point_source": 0}
        stl = c.jobs.run("export_triangle_mesh", parameters)
        assert stl.assets[0].filename.endswith(".stl"), stl.assets
        path = os.path.join(t.server.folder.name, "infill.stl")
        c.assets.download_file(stl.assets[0].id, path)
        faces, edges, open_edges, inside = edge_count(path)
        assert open_edges == 0 and 2 * edges == 3 * faces and faces > 500_000, (faces, edges, open_edges)
        measured = c.jobs.run("evaluate_metrics", parameters).meta
        assert abs(inside - measured["interior_volume"]) < 2e-3 * inside, (inside, measured)
        # A gyroid's two sides are alike: half of the part's own volume, which a solid infill has.
        parameters["graph"] = graph(mesh, f.GenerateSamplePoints(dict(patch)))
        whole = c.jobs.run("evaluate_metrics", parameters).meta["interior_volume"]
        assert abs(inside / whole - 0.5) < 0.02, (inside, whole)

    @check
    def surface_lattice_metrics(t):
        """the surface lattice example: measures of all 24, shelled after redistancing."""
        names = sorted(v for o, _, v in offered_values() if o == "SampleSurfaceLattice" and v != "None")
        cell = lambda n: f.SampleSurfaceLattice(f.PointSource, {"lattice_type": n, "scale": [1, 1, 1]})
        walls = {n: f.Shell(f.Redistance(cell(n)), {"thickness": 0.05}) for n in names}
        found = measures(t, connect, walls, f.GenerateSamplePoints({"size": [1, 1, 1], "resolution": [48, 48, 48]}))
        assert len(found) == 24
        for name, m in found.items():
            area, density = m["surface_area"], m["relative_density"]
            # A thin wall has two sides: its volume is about thickness × half of its area.
            assert 0.05 < density < 0.8 and 0.6 < 0.025 * area / density < 1.2, (name, m)
        # Areas of the minimal surfaces in a cell of 1: Schwarz P 2.345, D 3.838 (von Schnering and Nesper 1991), gyroid 3.092.
        for name, area in {"P": 2.345, "Schwarz": 2.345, "SchwarzD": 3.838, "D": 3.838, "Gyroid": 3.092}.items():
            assert abs(found[name]["relative_density"] / 0.05 / area - 1) < 0.03, (name, found[name])

    @check
    def beam_lattice_metrics(t):
        """the beam lattice example: measures of 24 unit cells at two radii."""
        shapes = cells.cells()
        assert len(shapes) == 24
        radii = (0.06, 0.1)
        lattice = lambda cell, r: f.SampleLattice(f.PointSource, {
            "lattice_data": cell, "scale": [1, 1, 1], "section_type": "Circle", "section_radius": r,
            "node_type": "Sphere", "node_radius": r})
        roots = {(n, r): lattice(cell, r) for n, cell in shapes.items() for r in radii}
        source = f.GenerateSamplePoints({"offset": [0, 0, 0], "size": [1, 1, 1], "resolution": [64, 64, 64]})
        found = measures(t, connect, roots, source)
        for name, cell in shapes.items():
            thin, thick = (found[name, r] for r in radii)
            assert 0 < thin["relative_density"] < thick["relative_density"] < 1, (name, thin, thick)
            share = cells.solid_share(cell, radii[1])
            assert abs(thick["relative_density"] - share) < 0.015, (name, thick, share)
            low, high = np.array(thick["bounds"]["min"]), np.array(thick["bounds"]["max"])
            assert np.abs(low + high - 1).max() < 1e-3 and (low >= 0).all(), (name, thick["bounds"])
        for r in radii:
            # Three cylinders at right angles: their sum less what they share (Steinmetz).
            exact, got = 3 * math.pi * r**2 - 8 * math.sqrt(2) * r**3, found["cubic", r]["relative_density"]
            assert abs(got / exact - 1) < 0.03, (r, got, exact)
            column = found["columns", r]["relative_density"]
            assert abs(column / (math.pi * r**2) - 1) < 0.03, (r, column)
