"""Makes bracket.stl, the part of the demo: an L-bracket with a gusset, as a CAD system exports it.

    python -m venv .venv && .venv/bin/pip install cadquery==2.8.0
    .venv/bin/python bracket.py bracket.stl

The committed file was made with CadQuery 2.8.0 on Python 3.11. Units are mm. The tessellation has what
STL exports of CAD models have: long slivers where planes meet fillets, dense fans around holes.
"""

import sys

import cadquery as cq

FOOT = 100.0  # length of the foot, x
WIDTH = 80.0  # width of foot and wall, y
HEIGHT = 75.0  # height of the wall, z
PLATE = 10.0  # thickness of foot and wall
RIB = 12.0  # thickness of the gusset
TOLERANCE = 0.02  # mm between surface and triangles
ANGLE = 0.12  # rad between neighbouring facets


def plates():
    """Foot and wall with the fillet between them and rounded outer corners."""
    foot = cq.Workplane("XY").box(FOOT, WIDTH, PLATE, centered=(False, True, False))
    wall = cq.Workplane("XY").box(PLATE, WIDTH, HEIGHT, centered=(False, True, False))
    inner_edge = cq.selectors.NearestToPointSelector((PLATE, 0, PLATE))
    part = foot.union(wall).edges(inner_edge).fillet(6.0)
    part = part.edges("|Z and >X").fillet(14.0)
    return part.edges("|X and >Z").fillet(18.0)


def gusset():
    """The rib between foot and wall: a hollow curve, sunk into both plates by half their thickness."""
    sunk, reach, rise = PLATE / 2, FOOT * 0.62, HEIGHT - 12.0
    outline = (
        cq.Workplane("XZ")
        .moveTo(sunk, sunk)
        .lineTo(reach, sunk)
        .lineTo(reach, PLATE + 2.0)
        .threePointArc((33.0, 29.0), (PLATE + 3.0, rise))
        .lineTo(sunk, rise)
        .close()
    )
    rib = outline.extrude(RIB / 2, both=True)
    return rib.faces(cq.selectors.BoxSelector((30, -RIB, 15), (50, RIB, 45))).edges().fillet(1.5)


def with_holes(part):
    """Four counterbored bolt holes, a slot, two bearing bores with bolt circles, a hole in the gusset."""
    bolts = [(80.0, -26.0), (80.0, 26.0), (32.0, -27.0), (32.0, 27.0)]
    top = cq.Workplane("XY", origin=(0, 0, PLATE))
    part = part.copyWorkplane(top).pushPoints(bolts).cboreHole(8.4, 15.0, 4.6)
    part = part.cut(cq.Workplane("XY").center(80.0, 0.0).slot2D(24.0, 9.0, 90).extrude(PLATE))

    wall = cq.Workplane("YZ")
    for y in (-23.0, 23.0):
        part = part.cut(wall.center(y, 46.0).circle(11.0).extrude(PLATE))
        bolt_circle = wall.center(y, 46.0).polarArray(15.0, 45, 360, 4).circle(1.65)
        part = part.cut(bolt_circle.extrude(PLATE))
    return part.cut(cq.Workplane("XZ").center(22.0, 22.0).circle(5.0).extrude(RIB, both=True))


def main(path):
    part = with_holes(plates().union(gusset())).faces("<Z").edges().chamfer(0.6)
    solid = part.val()
    assert solid.isValid(), "the solid is not valid"
    cq.exporters.export(part, path, exportType="STL", tolerance=TOLERANCE, angularTolerance=ANGLE)
    box = solid.BoundingBox()
    print(f"volume {solid.Volume():.3f} mm3, area {solid.Area():.3f} mm2")
    print(f"bounds {box.xmin:.4f} {box.ymin:.4f} {box.zmin:.4f} to {box.xmax:.4f} {box.ymax:.4f} {box.zmax:.4f} mm")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "bracket.stl")
