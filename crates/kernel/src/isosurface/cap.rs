//! Caps: where the inside reaches the patch's border, the border's squares close it.
//!
//! A border sample that is inside is a vertex. Every square of the border is filled by the face rule from its inside corners
//! and the crossings of its edges, so that its sides are those of the cell behind it.

use super::slab::Slab;
use super::square::{self, Triangle};
use super::table::table;

/// Whether plane `p` is the patch's lower (`false`) or upper border.
pub(super) fn in_plane(slab: &Slab, p: usize) -> Option<bool> {
    match slab.base + p {
        0 => Some(false),
        k if k == slab.lattice.n[2] - 1 => Some(true),
        _ => None,
    }
}

/// Triangles of a square's inside; corners in cyclic order.
fn fill(signs: u8, values: impl Fn() -> [f64; 4]) -> &'static [Triangle] {
    let joined = square::ambiguous(signs) && square::joined(values(), signs);
    let index = if joined { 16 + usize::from(signs == 0b1010) } else { signs.into() };
    &table().squares[index]
}

/// Calls `each` with place, signs and triangles of every square between two neighbouring rows along x, in order, that has
/// a corner inside. Corners run (i, lower), (i + 1, lower), (i + 1, upper), (i, upper).
pub(super) fn squares(
    slab: &Slab,
    [lower, upper]: [(usize, usize); 2],
    mut each: impl FnMut(usize, u8, &'static [Triangle]),
) {
    let [a, b] = [lower, upper].map(|(p, j)| slab.bits(p, j));
    let bit = |r: &[u64], i: usize| (r[i / 64] >> (i % 64) & 1) as u8;
    let mut i = 0;
    while i + 1 < slab.lattice.n[0] {
        if i % 64 == 0 && a[i / 64] | b[i / 64] == 0 {
            // The last square of these may still have a corner in the next word.
            i += 63;
            if i + 1 >= slab.lattice.n[0] {
                break;
            }
        }
        let signs = bit(a, i) | bit(a, i + 1) << 1 | bit(b, i + 1) << 2 | bit(b, i) << 3;
        if signs != 0 {
            let value = |(p, j): (usize, usize), i: usize| slab.lattice.relative(slab.row(p, j)[i]);
            let values = || [value(lower, i), value(lower, i + 1), value(upper, i + 1), value(upper, i)];
            each(i, signs, fill(signs, values));
        }
        i += 1;
    }
}

/// Calls `each` for the squares x = 0 (`false`) and x = end of row `j` of layer `p` with their triangles. Corners run
/// (j, p), (j + 1, p), (j + 1, p + 1), (j, p + 1).
pub(super) fn columns(slab: &Slab, p: usize, j: usize, mut each: impl FnMut(bool, &'static [Triangle])) {
    for end in [false, true] {
        let i = if end { slab.lattice.n[0] - 1 } else { 0 };
        let corners = [(p, j), (p, j + 1), (p + 1, j + 1), (p + 1, j)];
        let bit = |(p, j): (usize, usize)| (slab.bits(p, j)[i / 64] >> (i % 64) & 1) as u8;
        let signs = (0..4).map(|c| bit(corners[c]) << c).sum();
        each(end, fill(signs, || corners.map(|(p, j)| slab.lattice.relative(slab.row(p, j)[i]))));
    }
}
