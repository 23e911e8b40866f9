//! What a cell looks like inside: loops of crossings and their triangles, made once from the rules.
//!
//! Corner `c` of a cell sits at `(c & 1, c >> 1 & 1, c >> 2)`. Edges 0..4 run along x at `(y, z) = (e & 1, e >> 1)`;
//! 4, 5 along y at x = 0 and z = 0, 1; 6, 7 along z at x = 0 and y = 0, 1; 8..12 are 4..8 at x = 1.

use super::square::{self, Triangle};
use std::ops::Range;
use std::sync::OnceLock;

/// First number of an inner vertex.
pub(super) const INNER: usize = 12;

/// One way to fill a cell.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Of [`Table::triangles`].
    pub triangles: Range<u32>,
    /// Of [`Table::inner`].
    pub inner: Range<u32>,
    /// Of [`Table::tunnels`]: what the interior may join. Empty: nothing to be asked.
    pub tunnels: Range<u32>,
    /// Of [`Table::parts`].
    pub parts: Range<u32>,
    /// Region of the cell's surface that each corner belongs to.
    pub region: [u8; 8],
}

/// A disc, or the annulus between two loops, in a cell.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The loop's edges in order; empty for an annulus.
    pub boundary: Vec<u8>,
    /// Of [`Table::triangles`].
    pub triangles: Range<u32>,
    /// Number of its first inner vertex, and how many there are.
    pub inner: Range<u32>,
}

/// Regions of a cell's surface, named by a corner of each, that may hang together in the interior.
#[derive(Clone, Debug)]
pub(super) struct Tunnel {
    pub regions: [u8; 2],
    /// Of [`Table::entries`].
    pub entry: u32,
}

/// Every way to fill a cell.
pub(super) struct Table {
    /// Per sign case its first entry; those of the other face decisions follow in binary order.
    pub first: [u32; 256],
    /// Per sign case its ambiguous faces.
    pub ambiguous: [u8; 256],
    /// Whether the values must be looked at, because a face or the interior is ambiguous.
    pub asks: [bool; 256],
    /// Crossings per sign case of edges 0..8.
    pub crossed: [[u32; 8]; 256],
    pub entries: Vec<Entry>,
    pub triangles: Vec<Triangle>,
    /// The edges whose mean an inner vertex is, as bits.
    pub inner: Vec<u16>,
    pub tunnels: Vec<Tunnel>,
    pub parts: Vec<Part>,
    /// Triangles of a square's inside by its signs; 16 and 17 are 5 and 10 with the inside joined.
    pub squares: [Vec<Triangle>; 18],
}

/// The table, made on first use.
pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::new)
}

/// Corners of face `f` (axis `f / 2`, side `f % 2`), counter-clockwise seen from outside the cell.
pub(super) fn face(f: usize) -> [usize; 4] {
    let (a, side) = (f / 2, f % 2);
    let (u, v) = (1 << ((a + 1) % 3), 1 << ((a + 2) % 3));
    let base = side << a;
    if side == 1 {
        [base, base + u, base + u + v, base + v]
    } else {
        [base, base + v, base + u + v, base + u]
    }
}

/// Lower and upper corner of an edge.
pub(super) fn ends(e: usize) -> [usize; 2] {
    let right = usize::from(e >= 8);
    match e {
        0..4 => [2 * e, 2 * e + 1],
        4 | 5 | 8 | 9 => [right + 4 * (e & 1), right + 4 * (e & 1) + 2],
        _ => [right + 2 * (e & 1), right + 2 * (e & 1) + 4],
    }
}

fn edge_between(a: usize, b: usize) -> u8 {
    let wanted = [a.min(b), a.max(b)];
    (0..12).find(|&e| ends(e) == wanted).expect("neighbouring corners") as u8
}

/// Faces that an edge lies in, as bits.
fn faces_of(e: u8) -> u8 {
    let [a, b] = ends(e.into());
    (0..6).filter(|&f| face(f).contains(&a) && face(f).contains(&b)).map(|f| 1 << f).sum()
}

/// Squared distance between the middles of two edges, in quarters of the cell's width squared.
fn distance2(e: u8, f: u8) -> i32 {
    let middle = |e: u8| {
        let [a, b] = ends(e.into());
        [0, 1, 2].map(|k| ((a >> k & 1) + (b >> k & 1)) as i32)
    };
    let (p, q) = (middle(e), middle(f));
    (0..3).map(|k| (p[k] - q[k]) * (p[k] - q[k])).sum()
}

/// Regions of the cell's surface: corners of one sign joined by edges and by decided faces.
fn regions(case: u8, joined: u8) -> [u8; 8] {
    let mut region: [u8; 8] = std::array::from_fn(|c| c as u8);
    let mut unite = |a: usize, b: usize| {
        let (low, high) = (region[a].min(region[b]), region[a].max(region[b]));
        region.iter_mut().filter(|r| **r == high).for_each(|r| *r = low);
    };
    let inside = |c: usize| case >> c & 1 == 1;
    (0..12).map(ends).filter(|&[a, b]| inside(a) == inside(b)).for_each(|[a, b]| unite(a, b));
    for f in 0..6 {
        let q = face(f);
        if square::ambiguous(signs_of(case, f)) {
            let first = usize::from(inside(q[0]) != (joined >> f & 1 == 1));
            unite(q[first], q[first + 2]);
        }
    }
    region
}

/// Signs of a face's corners in its order.
pub(super) fn signs_of(case: u8, f: usize) -> u8 {
    face(f).iter().enumerate().map(|(i, &c)| (case >> c & 1) << i).sum()
}

/// Loops of edges on the cell's surface, running so that triangles in their order face outward.
fn loops(case: u8, joined: u8) -> Vec<Vec<u8>> {
    let mut next = [u8::MAX; 12];
    for f in 0..6 {
        let q = face(f);
        let edge = |p: u8| edge_between(q[p as usize - 4], q[(p as usize - 3) % 4]);
        for polygon in square::polygons(signs_of(case, f), joined >> f & 1 == 1) {
            for (i, &to) in polygon.iter().enumerate() {
                let from = polygon[(i + 1) % polygon.len()];
                if from >= 4 && to >= 4 {
                    next[edge(from) as usize] = edge(to);
                }
            }
        }
    }
    let mut all = vec![];
    for start in 0..12 {
        let mut e = start;
        let mut one = vec![];
        while next[e] != u8::MAX {
            one.push(e as u8);
            e = std::mem::replace(&mut next[e], u8::MAX) as usize;
        }
        if !one.is_empty() {
            all.push(one);
        }
    }
    all
}

/// Triangles of a loop without a chord between two edges of one face, the chords as short as can be; none: there are
/// no such triangles.
fn disc(points: &[u8]) -> Option<Vec<Triangle>> {
    let n = points.len();
    let chord = |i: usize, k: usize| match (k - i == 1) || (i == 0 && k == n - 1) {
        true => Some(0),
        false => (faces_of(points[i]) & faces_of(points[k]) == 0).then(|| distance2(points[i], points[k])),
    };
    // best[i][k]: cost and apex of the cheapest triangles between points i..=k.
    let mut best = vec![vec![Some((0, 0)); n]; n];
    for span in 2..n {
        for i in 0..n - span {
            let k = i + span;
            best[i][k] = chord(i, k).and_then(|own| {
                let split = |j: usize| Some((best[i][j]?.0 + best[j][k]?.0 + own, j));
                (i + 1..k).filter_map(split).min()
            });
        }
    }
    let mut triangles = vec![];
    let mut open = vec![(0, n - 1)];
    while let Some((i, k)) = open.pop() {
        if k - i > 1 {
            let j = best[i][k]?.1;
            triangles.push([points[i], points[j], points[k]]);
            open.extend([(i, j), (j, k)]);
        }
    }
    Some(triangles)
}

/// The annulus between two loops with a ring of inner vertices halfway (so that no triangle's side lies in a face):
/// triangles, and the edges whose mean each inner vertex is. Inner vertices are numbered from `inner`.
fn annulus(a: &[u8], b: &[u8], inner: usize) -> (Vec<Triangle>, Vec<u16>) {
    // Both loops have the annulus to their left, so seen along it they turn in opposite senses.
    let back: Vec<u8> = b.iter().rev().copied().collect();
    let (n, m) = (a.len(), back.len());
    let partner = |shift: usize, i: usize| back[(shift + i * m / n) % m];
    let cost = |shift: usize| (0..n).map(|i| distance2(a[i], partner(shift, i))).sum::<i32>();
    let shift = (0..m).min_by_key(|&s| cost(s)).unwrap_or(0);
    let ring = |i: usize| (inner + i % n) as u8;
    let mut triangles = vec![];
    for i in 0..n {
        let after = a[(i + 1) % n];
        triangles.extend([[a[i], after, ring(i + 1)], [a[i], ring(i + 1), ring(i)]]);
        triangles.push([ring(i), ring(i + 1), partner(shift, i)]);
        for j in i * m / n..(i + 1) * m / n {
            let (here, there) = (back[(shift + j) % m], back[(shift + j + 1) % m]);
            triangles.push([there, here, ring(i + 1)]);
        }
    }
    (triangles, (0..n).map(|i| 1 << a[i] | 1 << partner(shift, i)).collect())
}

impl Table {
    fn new() -> Table {
        let square = |s: usize| match s {
            16 => square::triangles(0b0101, true),
            17 => square::triangles(0b1010, true),
            _ => square::triangles(s as u8, false),
        };
        let mut table = Table {
            first: [0; 256],
            ambiguous: [0; 256],
            asks: [false; 256],
            crossed: [[0; 8]; 256],
            entries: vec![],
            triangles: vec![],
            inner: vec![],
            tunnels: vec![],
            parts: vec![],
            squares: std::array::from_fn(square),
        };
        let mut pending = vec![];
        for case in 0..=255u8 {
            let faces: Vec<usize> = (0..6).filter(|&f| square::ambiguous(signs_of(case, f))).collect();
            let c = usize::from(case);
            table.first[c] = table.entries.len() as u32;
            table.ambiguous[c] = faces.iter().map(|f| 1 << f).sum();
            table.asks[c] = !faces.is_empty();
            table.crossed[c] = std::array::from_fn(|e| {
                let [a, b] = ends(e);
                u32::from((case >> a ^ case >> b) & 1)
            });
            for decisions in 0..1u8 << faces.len() {
                let joined = faces.iter().enumerate().map(|(i, f)| (decisions >> i & 1) << f).sum();
                let loops = loops(case, joined);
                table.asks[c] |= loops.len() > 1;
                pending.push((table.entries.len(), case, joined, loops.clone()));
                let entry = table.entry(regions(case, joined), &loops, None);
                table.entries.push(entry);
            }
        }
        for (at, case, joined, loops) in pending {
            table.add_tunnels(at, regions(case, joined), case, &loops);
        }
        table
    }

    /// Fills a cell: a disc for every loop but the two of `joined`, which get an annulus.
    fn entry(&mut self, region: [u8; 8], loops: &[Vec<u8>], joined: Option<[usize; 2]>) -> Entry {
        let (t0, i0, p0) = (self.triangles.len() as u32, self.inner.len() as u32, self.parts.len() as u32);
        let mut part = |boundary: Vec<u8>, triangles: Vec<Triangle>, inner: Vec<u16>| {
            let (t, i) = (self.triangles.len() as u32, self.inner.len() as u32);
            self.triangles.extend(triangles);
            self.inner.extend(inner);
            let (triangles, inner) = (t..self.triangles.len() as u32, i - i0..self.inner.len() as u32 - i0);
            self.parts.push(Part { boundary, triangles, inner });
            self.inner.len() - i0 as usize + INNER
        };
        let mut inner = INNER;
        if let Some([a, b]) = joined {
            let (triangles, means) = annulus(&loops[a], &loops[b], inner);
            inner = part(vec![], triangles, means);
        }
        let alone = |l: &usize| joined.is_none_or(|j| !j.contains(l));
        for one in (0..loops.len()).filter(alone).map(|l| &loops[l]) {
            let centre = || {
                let fan = (0..one.len()).map(|i| [one[i], one[(i + 1) % one.len()], inner as u8]).collect();
                (fan, vec![one.iter().map(|e| 1 << e).sum::<u16>()])
            };
            let (triangles, means) = disc(one).map_or_else(centre, |d| (d, vec![]));
            inner = part(one.clone(), triangles, means);
        }
        let end = self.tunnels.len() as u32;
        Entry {
            triangles: t0..self.triangles.len() as u32,
            inner: i0..self.inner.len() as u32,
            tunnels: end..end,
            parts: p0..self.parts.len() as u32,
            region,
        }
    }

    /// Entries for every two loops with one region between them: the regions beyond may be joined.
    fn add_tunnels(&mut self, at: usize, region: [u8; 8], case: u8, loops: &[Vec<u8>]) {
        // The regions on the two sides of a loop, inside first.
        let sides: Vec<[u8; 2]> = loops
            .iter()
            .map(|l| {
                let [a, b] = ends(l[0].into());
                if case >> a & 1 == 1 { [region[a], region[b]] } else { [region[b], region[a]] }
            })
            .collect();
        let first = self.tunnels.len() as u32;
        for a in 0..loops.len() {
            for b in a + 1..loops.len() {
                let shared = (0..2).find(|&s| sides[a][s] == sides[b][s]);
                if let Some(s) = shared {
                    let entry = self.entry(region, loops, Some([a, b]));
                    self.entries.push(entry);
                    let regions = [sides[a][1 - s], sides[b][1 - s]];
                    self.tunnels.push(Tunnel { regions, entry: self.entries.len() as u32 - 1 });
                }
            }
        }
        self.entries[at].tunnels = first..self.tunnels.len() as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// The laws that make the mesh a manifold: within a cell only the faces' segments are open, each face has those of
    /// the face rule, and no other side of a triangle lies in a face.
    #[test]
    fn every_entry_is_bounded_by_the_segments_of_its_faces() {
        let table = table();
        for (n, entry) in table.entries.iter().enumerate() {
            let triangles = &table.triangles[entry.triangles.start as usize..entry.triangles.end as usize];
            let mut sides: HashMap<(u8, u8), i32> = HashMap::new();
            for t in triangles {
                for k in 0..3 {
                    *sides.entry((t[k], t[(k + 1) % 3])).or_default() += 1;
                }
            }
            assert!(sides.values().all(|&count| count == 1), "entry {n}");
            let mut leaving = [0; INNER];
            for &(a, b) in sides.keys() {
                let in_face = a.max(b) < INNER as u8 && faces_of(a) & faces_of(b) != 0;
                assert_eq!(sides.contains_key(&(b, a)), !in_face, "entry {n}: {a} {b}");
                if in_face {
                    leaving[usize::from(a)] += 1;
                }
            }
            assert!(leaving.iter().all(|&l| l <= 1), "entry {n}: two loops meet");
            let inner = entry.inner.len();
            assert!(
                INNER + inner <= 64 && triangles.iter().flatten().all(|&p| usize::from(p) < INNER + inner)
            );
        }
    }

    #[test]
    fn most_cells_need_no_inner_vertex() {
        let table = table();
        let plain = (0..256).filter(|&c| !table.asks[c]);
        assert!(plain.clone().count() > 120);
        for c in plain {
            let entry = &table.entries[table.first[c] as usize];
            assert!(entry.inner.is_empty() && entry.triangles.len() <= 5, "{c:08b}");
        }
    }
}
