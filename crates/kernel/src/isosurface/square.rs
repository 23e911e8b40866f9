//! The face rule: how the inside of a square of four samples is bounded.

/// Three points of a square, or of a cell: edges 0..12, then its inner vertices.
pub(super) type Triangle = [u8; 3];

/// Bit `i` of `signs` says that corner `i` (in cyclic order) is inside: whether two diagonal corners are.
pub(super) fn ambiguous(signs: u8) -> bool {
    signs == 0b0101 || signs == 0b1010
}

/// Whether the two inside corners of an ambiguous square hang together: whether the bilinear interpolant is inside
/// at its saddle (the asymptotic decider, Nielson and Hamann 1991, section 3). `values` are relative to the isovalue.
///
/// Only products of opposite corners are compared, so every cell and cap that meets here decides alike to the bit,
/// in whatever order it lists the corners.
#[inline]
pub(super) fn joined(values: [f64; 4], signs: u8) -> bool {
    let (even, odd) = (values[0] * values[2], values[1] * values[3]);
    if signs & 1 == 1 { even > odd } else { odd > even }
}

/// The polygons that bound the inside of a square, in the cyclic order of its corners. Points 0..4 are corners,
/// point `4 + i` is the crossing between corner `i` and the next.
pub(super) fn polygons(signs: u8, joined: bool) -> Vec<Vec<u8>> {
    let inside = |i: u8| signs >> (i % 4) & 1 == 1;
    if ambiguous(signs) && !joined {
        return (0..4).filter(|&i| inside(i)).map(|i| vec![4 + (i + 3) % 4, i, 4 + i]).collect();
    }
    let mut polygon = vec![];
    for i in 0..4 {
        if inside(i) {
            polygon.push(i);
        }
        if inside(i) != inside(i + 1) {
            polygon.push(4 + i);
        }
    }
    if polygon.is_empty() { vec![] } else { vec![polygon] }
}

/// Triangles of a square's inside: no three of a polygon's points lie on one side of the square, so none is flat.
pub(super) fn triangles(signs: u8, joined: bool) -> Vec<Triangle> {
    let fan = |p: &Vec<u8>| (2..p.len()).map(|i| [p[0], p[i - 1], p[i]]).collect::<Vec<_>>();
    polygons(signs, joined).iter().flat_map(fan).collect()
}
