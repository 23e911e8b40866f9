//! One square of four samples: where the contour enters and leaves it.
//!
//! Corners and sides are numbered counter-clockwise from the lower left: corner 0 (0,0), 1 (1,0), 2 (1,1), 3 (0,1);
//! side `k` joins corners `k` and `k+1`: bottom, right, top, left. A contour piece runs from one side to another with
//! the inside on its left.
//!
//! # Formula
//! Where two opposite corners are inside, the saddle of the bilinear interpolant decides whether they are joined:
//! `s = (f0 f2 - f1 f3) / (f0 + f2 - f1 - f3)`, taken with the isovalue subtracted.
//!
//! # Source
//! Nielson and Hamann, "The asymptotic decider" (Visualization 1991).

/// Up to two pieces, each from side to side.
pub(super) type Pieces = ([[u8; 2]; 2], usize);

/// Pieces for each pattern of inside corners (bit `k`: corner `k`) without saddles; 255: none.
///
/// A piece starts at the side where, walking the border counter-clockwise, inside turns to outside, and ends where
/// outside turns to inside: that leaves the inside on its left.
fn simple(pattern: u8) -> Option<[u8; 2]> {
    let inside = |k: u8| pattern >> (k & 3) & 1 == 1;
    let from = (0..4).find(|&k| inside(k) && !inside(k + 1))?;
    let to = (0..4).find(|&k| !inside(k) && inside(k + 1))?;
    Some([from, to])
}

/// The pieces of a cell with this pattern; `joined` says, for a saddle, whether the inside corners are joined.
pub(super) fn pieces(pattern: u8, joined: impl Fn() -> bool) -> Pieces {
    const NONE: [u8; 2] = [255; 2];
    match pattern {
        // Corners 0 and 2: cut off one by one, or round the outside corners 1 and 3.
        0b0101 if joined() => ([[0, 1], [2, 3]], 2),
        0b0101 => ([[0, 3], [2, 1]], 2),
        0b1010 if joined() => ([[1, 2], [3, 0]], 2),
        0b1010 => ([[1, 0], [3, 2]], 2),
        _ => simple(pattern).map_or(([NONE; 2], 0), |p| ([p, NONE], 1)),
    }
}

/// Whether the saddle of the interpolant of `f` (corners in order) lies below `iso`.
pub(super) fn saddle_inside(f: [f32; 4], iso: f32) -> bool {
    let g = f.map(|v| f64::from(v) - f64::from(iso));
    // At a saddle g0 and g2 share a sign which g1 and g3 do not have: the denominator has the sign of g0.
    let (numerator, denominator) = (g[0] * g[2] - g[1] * g[3], g[0] + g[2] - g[1] - g[3]);
    numerator * denominator < 0.0
}

/// Crossings this close to a sample, in cells, are taken for the sample: several around it become one point.
const SNAP: f64 = 1.0 / 65536.0;

/// Where between samples `a` (at 0) and `b` (at 1) the line through them meets `iso`, in 0..=1.
pub(super) fn crossing(a: f64, b: f64, iso: f64) -> f64 {
    let t = (iso - a) / (b - a);
    // Infinite or not a number: the middle is as good as anything.
    match t {
        t if !t.is_finite() => 0.5,
        t if t < SNAP => 0.0,
        t if t > 1.0 - SNAP => 1.0,
        t => t,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_meet_at_sides_and_keep_the_inside_on_the_left() {
        for pattern in 0..16u8 {
            for joined in [false, true] {
                let (pieces, n) = pieces(pattern, || joined);
                let mut ends = [0; 4];
                for [from, to] in &pieces[..n] {
                    // The corner before `from`, counter-clockwise, is inside: it lies left of the piece.
                    assert_eq!(pattern >> from & 1, 1, "{pattern:04b} from {from}");
                    assert_eq!(pattern >> ((to + 1) % 4) & 1, 1, "{pattern:04b} to {to}");
                    ends[*from as usize] += 1;
                    ends[*to as usize] += 1;
                }
                for k in 0..4u8 {
                    let crossed = (pattern >> k & 1) != (pattern >> ((k + 1) % 4) & 1);
                    assert_eq!(ends[k as usize], u32::from(crossed), "{pattern:04b} side {k}");
                }
            }
        }
    }

    #[test]
    fn the_saddle_decides() {
        assert!(saddle_inside([-3.0, 1.0, -3.0, 1.0], 0.0));
        assert!(!saddle_inside([-1.0, 3.0, -1.0, 3.0], 0.0));
        assert!(saddle_inside([3.0, -3.5, 3.0, -3.5], 0.0));
        assert!(!saddle_inside([3.0, -2.5, 3.0, -2.5], 0.0));
        assert!(saddle_inside([-1.0, 3.0, -1.0, 3.0], 1.5));
    }
}
