//! Vertices and triangles, written where the counts say.

use super::cap;
use super::rows::{LayerRow, PlaneRow, cells};
use super::slab::{Slab, below, shifted};
use super::square::Triangle;
use super::table::{Entry, INNER, table};
use std::mem::MaybeUninit;

/// A stretch of a vector to be filled from its start.
pub(super) struct Out<'a, T> {
    to: &'a mut [MaybeUninit<T>],
    at: usize,
}

impl<'a, T> Out<'a, T> {
    pub fn new(to: &'a mut [MaybeUninit<T>]) -> Out<'a, T> {
        Out { to, at: 0 }
    }

    #[inline(always)]
    fn push(&mut self, value: T) {
        self.to[self.at].write(value);
        self.at += 1;
    }

    /// Everything was written: the vector may be lengthened over it.
    pub fn finish(self) {
        assert_eq!(self.at, self.to.len(), "as many as were counted");
    }
}

/// The vertices and triangles of a stretch of rows.
pub(super) struct Target<'a> {
    pub positions: Out<'a, [f32; 3]>,
    pub triangles: Out<'a, [u32; 3]>,
}

/// Numbered rows of the planes and layers of a slab.
pub(super) struct Places<'a> {
    pub planes: &'a [PlaneRow],
    pub layers: &'a [LayerRow],
    pub rows: usize,
}

impl Places<'_> {
    pub fn plane(&self, p: usize, j: usize) -> &PlaneRow {
        &self.planes[p * self.rows + j]
    }

    pub fn layer(&self, p: usize, j: usize) -> &LayerRow {
        &self.layers[p * self.rows + j]
    }
}

/// Numbers of the vertices of one cell after the other along a row.
///
/// Every crossing of a row lies on an edge of an active cell, so running counts replace look-ups.
pub(super) struct Numbers {
    next: [u32; 8],
    inner: u32,
    ids: [u32; 64],
}

impl Numbers {
    pub fn new(places: &Places, p: usize, j: usize) -> Numbers {
        let [a, b] = [places.plane(p, j), places.plane(p + 1, j)];
        let [c, d] = [places.plane(p, j + 1), places.plane(p + 1, j + 1)];
        let [e, f] = [places.layer(p, j), places.layer(p, j + 1)];
        let next = [a.x, c.x, b.x, d.x, a.y, b.y, e.z, f.z];
        Numbers { next, inner: e.inner, ids: [0; 64] }
    }

    /// The numbers of the next active cell: of the crossings of its edges (others are meaningless), then of its inner vertices.
    #[inline(always)]
    pub fn advance(&mut self, case: u8, entry: &Entry) -> &[u32; 64] {
        self.ids[..8].copy_from_slice(&self.next);
        let crossed = &table().crossed[usize::from(case)];
        (0..8).for_each(|e| self.next[e] += crossed[e]);
        self.ids[8..INNER].copy_from_slice(&self.next[4..]);
        for id in &mut self.ids[INNER..][..entry.inner.len()] {
            *id = self.inner;
            self.inner += 1;
        }
        &self.ids
    }
}

impl Target<'_> {
    fn triangle(&mut self, ids: &[u32], t: Triangle, flip: bool) {
        let [a, b, c] = t.map(|p| ids[usize::from(p)]);
        self.triangles.push(if flip { [a, c, b] } else { [a, b, c] });
    }

    /// Crossings and border vertices of a plane's row, and the caps above it if the plane is the border.
    pub fn plane_row(&mut self, slab: &Slab, places: &Places, p: usize, j: usize) {
        let (g, row) = (slab.lattice, places.plane(p, j));
        let (y, z) = (g.coordinate(1, j as f64) as f32, g.coordinate(2, (slab.base + p) as f64) as f32);
        let (bits, samples) = (slab.bits(p, j), slab.row(p, j));
        if row.x < row.y {
            for i in ones(|w| (bits[w] ^ shifted(bits, w)) & below(g.n[0] - 1, w), bits.len()) {
                let t = g.crossing(0, g.relative(samples[i]), g.relative(samples[i + 1]));
                self.positions.push([g.coordinate(0, i as f64 + t) as f32, y, z]);
            }
        }
        if row.y < row.border {
            let (up, above) = (slab.bits(p, j + 1), slab.row(p, j + 1));
            for i in ones(|w| bits[w] ^ up[w], bits.len()) {
                let t = g.crossing(1, g.relative(samples[i]), g.relative(above[i]));
                let y = g.coordinate(1, j as f64 + t) as f32;
                self.positions.push([g.coordinate(0, i as f64) as f32, y, z]);
            }
        }
        if row.border < row.end {
            let all = slab.on_border(p, j);
            let mine = |i: &usize| all || *i == 0 || *i == g.n[0] - 1;
            for i in ones(|w| bits[w], bits.len()).filter(mine) {
                self.positions.push([g.coordinate(0, i as f64) as f32, y, z]);
            }
        }
        if let Some(upper) = cap::in_plane(slab, p)
            && j + 1 < g.n[1]
        {
            self.cap(slab, [(p, j), (p, j + 1)], [row, places.plane(p, j + 1)], row.y, !upper);
        }
    }

    /// The squares between two rows of border samples; `across` is the first crossing between the rows.
    fn cap(&mut self, slab: &Slab, at: [(usize, usize); 2], rows: [&PlaneRow; 2], across: u32, flip: bool) {
        let [mut x0, mut x1] = rows.map(|r| r.x);
        let [mut b0, mut b1] = rows.map(|r| r.border);
        let mut e = across;
        cap::squares(slab, at, |_, signs, triangles| {
            let s = [0, 1, 2, 3].map(|i| u32::from(signs >> i & 1));
            let ids = [b0, b0 + s[0], b1 + s[3], b1, x0, e + (s[0] ^ s[3]), x1, e];
            triangles.iter().for_each(|&t| self.triangle(&ids, t, flip));
            b0 += s[0];
            b1 += s[3];
            x0 += s[0] ^ s[1];
            x1 += s[3] ^ s[2];
            e += s[0] ^ s[3];
        });
    }

    /// Crossings and inner vertices of a layer's row, its cells and its caps.
    pub fn layer_row(&mut self, slab: &Slab, places: &Places, p: usize, j: usize) {
        let (g, row) = (slab.lattice, places.layer(p, j));
        let y = g.coordinate(1, j as f64) as f32;
        if row.z < row.inner {
            let [(a, va), (b, vb)] = [p, p + 1].map(|p| (slab.bits(p, j), slab.row(p, j)));
            for i in ones(|w| a[w] ^ b[w], a.len()) {
                let t = g.crossing(2, g.relative(va[i]), g.relative(vb[i]));
                let z = g.coordinate(2, (slab.base + p) as f64 + t) as f32;
                self.positions.push([g.coordinate(0, i as f64) as f32, y, z]);
            }
        }
        if j + 1 < g.n[1] {
            self.cell_row(slab, places, p, j);
            self.cap_columns(slab, places, p, j);
        }
        if j == 0 || j == g.n[1] - 1 {
            let rows = [places.plane(p, j), places.plane(p + 1, j)];
            self.cap(slab, [(p, j), (p + 1, j)], rows, row.z, j != 0);
        }
    }

    fn cell_row(&mut self, slab: &Slab, places: &Places, p: usize, j: usize) {
        let (table, mut numbers) = (table(), Numbers::new(places, p, j));
        cells(slab, p, j, |i, case, entry| {
            let ids = numbers.advance(case, entry);
            if !entry.inner.is_empty() {
                let means = &table.inner[range(&entry.inner)];
                let base = [i, j, slab.base + p].map(|c| c as f64);
                let inner = slab.lattice.inner(base, means, &slab.values(i, j, p));
                inner.into_iter().for_each(|p| self.positions.push(p));
            }
            for t in &table.triangles[range(&entry.triangles)] {
                self.triangles.push(t.map(|p| ids[usize::from(p & 63)]));
            }
        });
    }

    /// The squares of a layer's row on the borders x = 0 and x = end.
    fn cap_columns(&mut self, slab: &Slab, places: &Places, p: usize, j: usize) {
        let corners = [(p, j), (p, j + 1), (p + 1, j + 1), (p + 1, j)].map(|(p, j)| places.plane(p, j));
        let [l0, l1] = [places.layer(p, j), places.layer(p, j + 1)];
        cap::columns(slab, p, j, |end, triangles| {
            // The vertices at x = 0 are the first of their rows, those at x = end the last.
            let pick = |first: u32, after: u32| if end { after.wrapping_sub(1) } else { first };
            let b = corners.map(|r| pick(r.border, r.end));
            let y = corners.map(|r| pick(r.y, r.border));
            let z = [l0, l1].map(|r| pick(r.z, r.inner));
            let ids = [b[0], b[1], b[2], b[3], y[0], z[1], y[3], z[0]];
            triangles.iter().for_each(|&t| self.triangle(&ids, t, !end));
        });
    }
}

pub(super) fn range(r: &std::ops::Range<u32>) -> std::ops::Range<usize> {
    r.start as usize..r.end as usize
}

/// Places of the ones of a row of words, ascending.
#[inline(always)]
fn ones(word: impl Fn(usize) -> u64, words: usize) -> impl Iterator<Item = usize> {
    (0..words).flat_map(move |w| {
        let mut left = word(w);
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let i = left.trailing_zeros() as usize;
            left &= left - 1;
            Some(64 * w + i)
        })
    })
}
