//! What a row of samples or of cells brings to the mesh: counts, then places.
//!
//! A row of a plane owns the crossings of its edges along x and of the edges along y to the next row, its border vertices and
//! the triangles of the caps z = 0 and z = end. A row of a layer (between two planes) owns the crossings of its edges along z,
//! the inner vertices of its cells, and the triangles of its cells and of the caps on x and y.

use super::cap;
use super::slab::{Slab, below, shifted};
use super::table::{Entry, table};
use super::tunnel;

/// Counts of a plane's row; after [`PlaneRow::place`] the first numbers.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct PlaneRow {
    /// Crossings along x, along y, border vertices, and the number after these.
    pub x: u32,
    pub y: u32,
    pub border: u32,
    pub end: u32,
    pub triangles: u32,
}

/// Counts of a layer's row; after [`LayerRow::place`] the first numbers.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct LayerRow {
    /// Crossings along z, inner vertices, and the number after these.
    pub z: u32,
    pub inner: u32,
    pub end: u32,
    pub triangles: u32,
}

impl PlaneRow {
    pub fn count(slab: &Slab, p: usize, j: usize) -> PlaneRow {
        let [nx, ny, _] = slab.lattice.n;
        let bits = slab.bits(p, j);
        let mut row = PlaneRow::default();
        for w in 0..bits.len() {
            row.x += ((bits[w] ^ shifted(bits, w)) & below(nx - 1, w)).count_ones();
            if slab.on_border(p, j) {
                row.border += bits[w].count_ones();
            }
        }
        if !slab.on_border(p, j) {
            row.border = (bits[0] & 1) as u32 + (bits[(nx - 1) / 64] >> ((nx - 1) % 64) & 1) as u32;
        }
        if j + 1 < ny {
            row.y = bits.iter().zip(slab.bits(p, j + 1)).map(|(a, b)| (a ^ b).count_ones()).sum();
            if cap::in_plane(slab, p).is_some() {
                cap::squares(slab, [(p, j), (p, j + 1)], |_, _, t| row.triangles += t.len() as u32);
            }
        }
        row
    }

    pub fn vertices(&self) -> u32 {
        self.x + self.y + self.border
    }

    /// Turns counts into numbers from `first` on.
    pub fn place(&mut self, first: u32) {
        let (x, y) = (self.x, self.y);
        self.end = first + self.vertices();
        (self.x, self.y, self.border) = (first, first + x, first + x + y);
    }

    /// Numbers that begin `first` earlier.
    pub fn renumber(&mut self, first: u32) {
        for number in [&mut self.x, &mut self.y, &mut self.border, &mut self.end] {
            *number -= first;
        }
    }
}

impl LayerRow {
    pub fn count(slab: &Slab, p: usize, j: usize) -> LayerRow {
        let ny = slab.lattice.n[1];
        let mut row = LayerRow {
            z: slab.bits(p, j).iter().zip(slab.bits(p + 1, j)).map(|(a, b)| (a ^ b).count_ones()).sum(),
            ..LayerRow::default()
        };
        if j + 1 < ny {
            cells(slab, p, j, |_, _, entry| {
                row.triangles += entry.triangles.len() as u32;
                row.inner += entry.inner.len() as u32;
            });
            cap::columns(slab, p, j, |_, t| row.triangles += t.len() as u32);
        }
        if j == 0 || j == ny - 1 {
            cap::squares(slab, [(p, j), (p + 1, j)], |_, _, t| row.triangles += t.len() as u32);
        }
        row
    }

    pub fn vertices(&self) -> u32 {
        self.z + self.inner
    }

    /// Turns counts into numbers from `first` on.
    pub fn place(&mut self, first: u32) {
        let z = self.z;
        self.end = first + self.vertices();
        (self.z, self.inner) = (first, first + z);
    }
}

/// Calls `each` with the place, sign case and filling of every cell of a row that the surface passes.
#[inline]
pub(super) fn cells(slab: &Slab, p: usize, j: usize, mut each: impl FnMut(usize, u8, &Entry)) {
    let table = table();
    let rows = [(p, j), (p, j + 1), (p + 1, j), (p + 1, j + 1)].map(|(p, j)| slab.bits(p, j));
    for w in 0..rows[0].len() {
        let here = rows.map(|r| r[w]);
        let next = rows.map(|r| shifted(r, w));
        let any = here.iter().chain(&next).fold(0, |a, b| a | b);
        let all = here.iter().chain(&next).fold(u64::MAX, |a, b| a & b);
        let mut active = any & !all & below(slab.lattice.n[0] - 1, w);
        while active != 0 {
            let i = active.trailing_zeros();
            active &= active - 1;
            let bit = |r: u64, place: u32| ((r >> i & 1) as u8) << place;
            let case =
                (0..4).fold(0, |c, r| c | bit(here[r as usize], 2 * r) | bit(next[r as usize], 2 * r + 1));
            let i = 64 * w + i as usize;
            let entry = match table.asks[usize::from(case)] {
                false => table.first[usize::from(case)] as usize,
                true => tunnel::entry_of(case, &slab.values(i, j, p)),
            };
            each(i, case, &table.entries[entry]);
        }
    }
}
