//! The interior rule: which regions of a cell's surface hang together inside, by sweeping the trilinear interpolant.
//!
//! A section z = t of a cell is a square with a bilinear interpolant, whose inside and outside parts each reach a corner. So its
//! parts are its corners joined by the face rule, and they change only where a corner's value or the decider
//! `A(t) C(t) - B(t) D(t)` changes its sign: at most six heights. Between these heights the cell is a product, and
//! across one a part goes on if one of its corners keeps its sign. Hence a union-find over (section, corner) gives the
//! connectedness of the trilinear inside and outside exactly (up to rounding where two of them just touch).

use super::square;
use super::table::{Table, signs_of, table};

/// Sections: both faces and at most seven open intervals between six heights.
const SECTIONS: usize = 9;

/// The entry of a cell with these values (relative to the isovalue).
pub(super) fn entry_of(case: u8, values: &[f64; 8]) -> usize {
    let table = table();
    let mut at = table.first[usize::from(case)] as usize;
    let mut joined = 0u8;
    let ambiguous = (0..6).filter(|f| table.ambiguous[usize::from(case)] >> f & 1 == 1);
    for (bit, f) in ambiguous.enumerate() {
        if square::joined(super::table::face(f).map(|c| values[c]), signs_of(case, f)) {
            joined |= 1 << f;
            at += 1 << bit;
        }
    }
    if table.entries[at].tunnels.is_empty() { at } else { through(table, at, case, joined, values) }
}

/// Follows the one tunnel through the interior, if there is one.
fn through(table: &Table, at: usize, case: u8, joined: u8, values: &[f64; 8]) -> usize {
    let entry = &table.entries[at];
    let root = sweep(case, joined, values, &entry.region);
    let range = entry.tunnels.start as usize..entry.tunnels.end as usize;
    let mut open = table.tunnels[range].iter().filter(|t| {
        let [a, b] = t.regions.map(usize::from);
        root[a] == root[b]
    });
    // A trilinear interpolant joins two loops at most; more is rounding where surfaces touch, and any choice is sound.
    match (open.next(), open.next()) {
        (Some(tunnel), None) => tunnel.entry as usize,
        _ => at,
    }
}

/// Per corner the number of its part of the cell.
fn sweep(case: u8, joined: u8, values: &[f64; 8], region: &[u8; 8]) -> [u8; 8] {
    let heights = heights(values);
    let mut parts = Parts { parent: std::array::from_fn(|i| i as u8) };
    let mut before = case & 15;
    let mut sections = 1;
    parts.section(0, before, joined >> 4 & 1 == 1);
    for pair in heights.windows(2).filter(|w| w[0] < w[1]) {
        let t = 0.5 * (pair[0] + pair[1]);
        let v: [f64; 4] = std::array::from_fn(|q| values[q] + t * (values[q + 4] - values[q]));
        let signs = (0..4).map(|q| u8::from(v[q] < 0.0) << q).sum();
        let (even, odd) = (v[0] * v[3], v[1] * v[2]);
        parts.section(sections, signs, if signs & 1 == 1 { even > odd } else { odd > even });
        parts.link(sections, before, signs);
        before = signs;
        sections += 1;
    }
    parts.section(sections, case >> 4, joined >> 5 & 1 == 1);
    parts.link(sections, before, case >> 4);
    let node = |c: usize| if c < 4 { c } else { 4 * sections + c - 4 };
    // What the surface joins is joined, whatever rounding says.
    (0..8).for_each(|c| parts.unite(node(c), node(region[c].into())));
    std::array::from_fn(|c| parts.find(node(c)) as u8)
}

/// 0, the heights where a section changes, 1; ascending.
fn heights(v: &[f64; 8]) -> Vec<f64> {
    let mut heights = vec![0.0, 1.0];
    let slope: [f64; 4] = std::array::from_fn(|q| v[q + 4] - v[q]);
    heights.extend((0..4).map(|q| -v[q] / slope[q]));
    let c = v[0] * v[3] - v[1] * v[2];
    let b = v[0] * slope[3] + v[3] * slope[0] - v[1] * slope[2] - v[2] * slope[1];
    let a = slope[0] * slope[3] - slope[1] * slope[2];
    let discriminant = b * b - 4.0 * a * c;
    if discriminant > 0.0 {
        let q = -0.5 * (b + discriminant.sqrt().copysign(b));
        heights.extend([q / a, c / q]);
    }
    heights.retain(|t| (0.0..=1.0).contains(t));
    heights.sort_unstable_by(f64::total_cmp);
    heights
}

struct Parts {
    parent: [u8; 4 * SECTIONS],
}

impl Parts {
    fn find(&self, mut i: usize) -> usize {
        while self.parent[i] as usize != i {
            i = self.parent[i] as usize;
        }
        i
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b)] = a.min(b) as u8;
    }

    /// Joins the corners of one section; corner `q` sits at `(q & 1, q >> 1)`.
    fn section(&mut self, s: usize, signs: u8, joined: bool) {
        let inside = |q: usize| signs >> q & 1 == 1;
        for (a, b) in [(0, 1), (2, 3), (0, 2), (1, 3)] {
            if inside(a) == inside(b) {
                self.unite(4 * s + a, 4 * s + b);
            }
        }
        if signs == 0b1001 || signs == 0b0110 {
            let (a, b) = if inside(0) == joined { (0, 3) } else { (1, 2) };
            self.unite(4 * s + a, 4 * s + b);
        }
    }

    /// Goes on from the section before `s` wherever a corner keeps its sign.
    fn link(&mut self, s: usize, before: u8, signs: u8) {
        for q in (0..4).filter(|q| (before ^ signs) >> q & 1 == 0) {
            self.unite(4 * s + q, 4 * s - 4 + q);
        }
    }
}
