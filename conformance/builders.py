"""Graphs made with a client's own builder (`metafold.func`), evaluated by the server, with a record of what was used.

`operators.py` has the graphs. Every operator, constructor, parameter and enumerated value that the release's builder
offers must be in one of them: what is offered is read from the module, so that nothing can be forgotten.
"""
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numpy as np
import requests
from metafold import func
from metafold.func_types import JSONEvaluator

from harness import refused

THREADS = 24  # the client sleeps a second after each look at an unfinished job


class Offered:
    """`metafold.func`, remembering which names were asked for."""

    def __init__(self):
        self.used = set()

    def __getattr__(self, name):
        self.used.add(name)
        return getattr(func, name)

    def __contains__(self, name):
        return hasattr(func, name)


def offered_names():
    """Operators and constructors: the classes with parameters, and functions that build on them."""
    here = {n: v for n, v in vars(func).items() if getattr(v, "__module__", None) == func.__name__}
    return {n for n in here if not n.endswith("_Parameters") and "_Enum_" not in n}


def offered_parameters():
    """(operator, parameter) of all of them."""
    suffix = "_Parameters"
    declared = {n[:-len(suffix)]: v for n, v in vars(func).items() if n.endswith(suffix)}
    return {(n, p) for n, v in declared.items() for p in v.__annotations__}


def offered_values():
    """(operator, parameter, value) of enumerations."""
    named = (n.split("_Enum_") + [v] for n, v in vars(func).items() if "_Enum_" in n)
    return {(operator, parameter, value) for operator, parameter, v in named for value in get_args(v)}


class Case:
    """A graph and what it must give: an array, or a function that looks at the values."""

    def __init__(self, label, root, want, source, tolerance, outside, dtype):
        self.label, self.want, self.tolerance, self.outside, self.dtype = label, want, tolerance, outside, dtype
        evaluator = JSONEvaluator(source)
        root(evaluator)
        self.graph = evaluator.json()

    def check(self, data):
        got = np.frombuffer(data, self.dtype).astype(float)
        if callable(self.want):
            return self.want(got)
        want = np.asarray(self.want, float)
        assert got.size == want.size, f"{got.size} values, expected {want.size}"
        got, error = got.reshape(want.shape), np.abs(got.reshape(want.shape) - want)
        if self.outside:  # exact outside, inside at most the depth
            error = np.where(want > 0, error, np.maximum(got - 1e-5, want - got - 1e-5).clip(0))
        worst = np.unravel_index(np.nanargmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        assert error[worst] <= self.tolerance, f"value {worst} is {got[worst]}, expected {want[worst]}"


class Bench:
    """Uploads, evaluates, remembers. `connect()` gives a client of its own for a thread."""

    def __init__(self, t, project, connect):
        self.t, self.project, self.connect = t, project, connect
        self.f, self.cases, self.files = Offered(), [], {}

    def file(self, name, content):
        """Uploads once."""
        if name not in self.files:
            self.files[name] = content
            self.t.client.assets.create(self.t.server.path(name, content))
        return name

    def case(self, label, root, want, source, tolerance=2e-5, outside=False, dtype=np.float32):
        self.cases.append(Case(label, root, want, source, tolerance, outside, dtype))

    def offers(self, operator, parameter):
        return (operator, parameter) in offered_parameters()

    def run(self, case):
        client = self.connect()
        asset = client.jobs.run("evaluate_graph", {"graph": case.graph}).assets[0]
        path = os.path.join(self.t.server.folder.name, asset.filename)
        client.assets.download_file(asset.id, path)
        with open(path, "rb") as f:
            case.check(f.read())

    def run_all(self):
        """Evaluates every case; one error names all that fail."""
        def verdict(case):
            try:
                self.run(case)
            except Exception as error:  # every kind: a graph that cannot be evaluated has failed
                return f"{case.label}: {type(error).__name__}: {error}"
            return None

        with ThreadPoolExecutor(THREADS) as pool:
            failures = [v for v in pool.map(verdict, self.cases) if v]
        assert not failures, f"{len(failures)} of {len(self.cases)} graphs:\n" + "\n".join(failures)

    def forgotten(self, refused):
        """What the builder offers and no case uses, but for the operators that are refused."""
        operators = [(o["type"], p, v) for c in self.cases for o in c.graph["operators"]
                     for p, v in o.get("parameters", {}).items()]
        parameters = {(o, p) for o, p, _ in operators}
        values = {(o, p, v) for o, p, v in operators if isinstance(v, str)}
        left = (offered_names() - self.f.used) | (offered_parameters() - parameters) | (offered_values() - values)
        return {x for x in left if (x if isinstance(x, str) else x[0]) not in refused}


def dispatch(t, project, kind, assets):
    """A job whose inputs are assets, which these clients cannot say; returns the name of what it made first."""
    headers = {"Authorization": f"Bearer {t.token}"}
    answer = requests.post(f"{t.server.url}projects/{project}/jobs", json={"type": kind, "assets": assets}, headers=headers)
    assert answer.status_code == 202, answer.text
    link = answer.json()["link"]
    while answer.status_code == 202:
        time.sleep(0.05)
        answer = requests.get(link, headers={**headers, "Prefer": "dialect=openapi"})
    assert answer.status_code == 201, answer.text
    return next(iter(answer.json()["outputs"]["assets"].values()))["filename"]


def checks(check, connect):
    """Registers what holds for every release with a builder; `connect(t)` gives a client for `t.project.id`."""

    @check
    def builder(t):
        """every operator of the SDK's builder is evaluated to its values."""
        import operators
        t.bench = Bench(t, t.project.id, lambda: connect(t))
        operators.add_all(t.bench)
        t.bench.run_all()

    @check
    def nothing_forgotten(t):
        """the graphs hold every operator, constructor, parameter and enumerated value of the builder."""
        forgotten = t.bench.forgotten(refused={"SampleCustomShape"})
        assert not forgotten, forgotten
        assert len(t.bench.cases) > 90 and len(offered_names()) > 30, (len(t.bench.cases), len(offered_names()))

    @check
    def custom_shape(t):
        """a custom shape is refused by its name."""
        shader = {"file_type": "ShaderBinarySPIRV", "path": t.bench.file("shape.spv", b"\x03\x02\x23\x07")}
        root = t.bench.f.SampleCustomShape(t.bench.f.PointSource, shader)
        case = Case("SampleCustomShape", root, None, t.bench.f.GenerateSamplePoints(), 0, False, np.float32)
        refused(lambda: connect(t).jobs.run("evaluate_graph", {"graph": case.graph}),
                "operators[1]", "SampleCustomShape", "not offered", "shader")
