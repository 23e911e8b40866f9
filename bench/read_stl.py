"""Reading a binary STL with numpy-stl: read_stl.py FILE REPS prints one JSON line."""
import importlib.metadata
import sys

import stl

from common import bench

bench(lambda: stl.mesh.Mesh.from_file(sys.argv[1]), int(sys.argv[2]), version=importlib.metadata.version("numpy-stl"))
