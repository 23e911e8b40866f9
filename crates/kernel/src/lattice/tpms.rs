//! Nodal surfaces: the 24 periodic functions whose zero sets approximate triply periodic minimal surfaces.
//!
//! # Formula
//! f(X, Y, Z) − threshold, with X = 2πx/sx and so on for a cell of sx × sy × sz. The functions here take x and 1/sx, and work on
//! positions in *cells* (x/sx), because a whole number of cells then cancels exactly ([`sin_cos_turns`]). Multiple angles come from
//! sin X and cos X by the double and triple angle formulas.
//!
//! # Promises
//! Sign only: the values have no unit and are no distance. abs(f(p) − f(q)) ≤ [`Surface::gradient_bound`] · |phase(p) − phase(q)|.
//! [`at_points`] and [`on_rows`] give the same bits for the same position, at every SIMD level.
//!
//! # Source
//! H. G. von Schnering and R. Nesper, "Nodal surfaces of Fourier series: fundamental invariants of structured matter",
//! Z. Phys. B 83 (1991) 407-412, Table 1, for all but those rows of [`SURFACES`] that name another. A second compilation: J. W. Fisher et al.,
//! "Catalog of triply periodic minimal surfaces, equation-based lattice structures, and their homogenized property data",
//! Data in Brief 49 (2023) 109311.

use super::tpms_formulas::{self as formulas, Axis, Dual};
use crate::by_level;
use crate::simd::Level;
use crate::trig::sin_cos_turns;
use std::cell::RefCell;

type Evaluate = fn(Level, [&[f32]; 6], [&[f32]; 6], [&[f32]; 6], f32, &mut [f32]);

/// One nodal surface.
pub struct Surface {
    /// Name on the wire (`lattice_type`).
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// f(X, Y, Z) as text: `c2X` is cos 2X, `sY` is sin Y.
    pub equation: &'static str,
    /// Where the equation is published.
    pub source: &'static str,
    /// True where no publication says which surface the id means, so that the equation is our choice.
    pub our_choice: bool,
    /// No gradient of f with respect to the phases (radians) is longer.
    pub gradient_bound: f64,
    /// Highest multiple of a phase in the equation.
    harmonics: u8,
    points: Evaluate,
    rows: Evaluate,
    value: fn([f64; 3]) -> f64,
    dual: fn([f64; 3]) -> Dual,
}

const VSN: &str = "von Schnering and Nesper 1991, Z. Phys. B 83, 407, Table 1";

macro_rules! surface {
    ($id:literal, $name:literal, $module:ident, $harmonics:literal, $bound:literal, $equation:literal, $source:expr, $our_choice:literal) => {
        Surface {
            id: $id,
            name: $name,
            equation: $equation,
            source: $source,
            our_choice: $our_choice,
            gradient_bound: $bound,
            harmonics: $harmonics,
            points: formulas::$module::points,
            rows: formulas::$module::rows,
            value: formulas::$module::value,
            dual: formulas::$module::dual,
        }
    };
}

/// Every surface, by id in alphabetical order.
#[rustfmt::skip]
pub static SURFACES: &[Surface] = &[
    surface!("CD", "C(D), complement of the diamond surface", cd, 3, 8.53,
        "c(3X+Y)cZ - s(3X-Y)sZ + c(X+3Y)cZ + s(X-3Y)sZ + c(X-Y)c3Z - s(X+Y)s3Z", VSN, false),
    surface!("CI2Y", "C(I2-Y**)", ci2y, 2, 5.817,
        "2(s2X cY sZ + sX s2Y cZ + cX sY s2Z) + c2X c2Y + c2Y c2Z + c2X c2Z",
        "von Schnering, Oehme and Rudolf 1991, Acta Chem. Scand. 45, 873; von Schnering and Nesper 1991, Table 1", false),
    surface!("CP", "C(P), complement of the primitive surface", cp, 1, 5.015,
        "cX + cY + cZ + 4 cX cY cZ", VSN, false),
    surface!("CPM_Y", "C(±Y)", cpm_y, 2, 3.475,
        "-2 cX cY cZ + s2X sY + sX s2Z + s2Y sZ", VSN, false),
    surface!("CS", "C(S), complement of the Fischer-Koch S surface", cs, 3, 17.373,
        "c2X + c2Y + c2Z + 2(s3X s2Y cZ + cX s3Y s2Z + s2X cY s3Z) + 2(s2X c3Y sZ + sX s2Y c3Z + c3X sY s2Z)", VSN, false),
    surface!("CY", "C(Y**), complement of the gyroid", cy, 3, 14.377,
        "3(sX cY + sY cZ + sZ cX) + 2(s3X cY + s3Y cZ + cX s3Z - sX c3Y - sY c3Z - c3X sZ)",
        "our choice: C(Y**) of von Schnering and Nesper 1991, Table 1, beside its C(D), C(P) and C(S)", true),
    surface!("C_Y", "C(Y)", c_y, 2, 5.259,
        "-sX sY sZ + s2X sY + s2Y sZ + sX s2Z - cX cY cZ + s2X cZ + cX s2Y + cY s2Z", VSN, false),
    surface!("D", "Schwarz' diamond surface, origin between the labyrinths", diamond, 1, 1.229,
        "cX cY cZ - sX sY sZ", "SchwarzD shifted by an eighth of a cell along each axis; D* of von Schnering and Nesper 1991 on another origin", false),
    surface!("F", "F*, three families of planes", f, 1, 1.003, "cX cY cZ", VSN, false),
    surface!("FRD", "Schoen's F-RD", frd, 2, 7.062,
        "4 cX cY cZ - (c2X c2Y + c2Y c2Z + c2Z c2X)", VSN, false),
    surface!("Gyroid", "Schoen's gyroid", gyroid, 1, 1.738,
        "sX cY + sY cZ + sZ cX", "Y** of von Schnering and Nesper 1991, Table 1; surface: Schoen 1970, NASA TN D-5541", false),
    surface!("I2Y", "I2-Y**, a pair of gyroids", i2y, 2, 6.949,
        "-2(s2X cY sZ + sX s2Y cZ + cX sY s2Z) + c2X c2Y + c2Y c2Z + c2X c2Z", VSN, false),
    surface!("IWP", "Schoen's I-WP", iwp, 2, 5.212,
        "2(cX cY + cY cZ + cZ cX) - (c2X + c2Y + c2Z)", VSN, false),
    surface!("P", "Schwarz' primitive surface", primitive, 1, 1.738, "cX + cY + cZ", VSN, false),
    surface!("PM_Y", "±Y", pm_y, 2, 4.136, "2 cX cY cZ + s2X sY + sX s2Z + s2Y sZ", VSN, false),
    surface!("S", "Fischer and Koch's S", s, 2, 2.452, "c2X sY cZ + cX c2Y sZ + sX cY c2Z", VSN, false),
    surface!("SD1", "Single diamond", single_diamond, 1, 1.738,
        "cX cY cZ + sX sY cZ + sX cY sZ + cX sY sZ",
        "our choice: c(X-Y)cZ + s(X+Y)sZ, D* of von Schnering and Nesper 1991, Table 1, multiplied out", true),
    surface!("Schwarz", "Schwarz' primitive surface", primitive, 1, 1.738, "cX + cY + cZ", VSN, false),
    surface!("SchwarzD", "Schwarz' diamond surface", schwarz_d, 1, 1.738,
        "sX sY sZ + sX cY cZ + cX sY cZ + cX cY sZ",
        "D* of von Schnering and Nesper 1991, Table 1, shifted by a quarter of a cell along each axis", false),
    surface!("SchwarzN", "Neovius' surface", neovius, 1, 7.021,
        "3(cX + cY + cZ) + 4 cX cY cZ", "Fisher et al. 2023, Data in Brief 49, 109311; surface: Neovius 1883, C(P) of Schoen 1970", false),
    surface!("SchwarzPW", "Hybrid of P and W", schwarz_pw, 1, 11.033,
        "4(cX cY + cY cZ + cZ cX) - 3 cX cY cZ + 2.4", "our choice: the \"PW hybrid\" of public generative-design scripts; no publication found", true),
    surface!("SchwarzW", "W, a single-labyrinth I-WP", schwarz_w, 1, 3.009,
        "cX cY + cY cZ + cZ cX - cX cY cZ", "our choice: the \"W\" (I-WP) of public generative-design scripts; no publication found", true),
    surface!("W", "W*", w, 2, 5.874,
        "c2X cY + c2Y cZ + cX c2Z - cX c2Y - cY c2Z - c2X cZ", VSN, false),
    surface!("Y", "Fischer and Koch's Y", y, 2, 7.265,
        "cX cY cZ + sX sY sZ + s2X sY + s2Y sZ + sX s2Z + s2X cZ + cX s2Y + cY s2Z", VSN, false),
];

impl Surface {
    /// The surface with this id, if there is one (`None` is no surface).
    pub fn find(id: &str) -> Option<&'static Surface> {
        SURFACES.iter().find(|s| s.id == id)
    }

    /// f and its gradient with respect to the phases (radians), in `f64`, at a position in cells.
    pub fn value_and_gradient(&self, cells: [f64; 3]) -> (f64, [f64; 3]) {
        let d = (self.dual)(cells.map(|u| u * std::f64::consts::TAU));
        (d.v, d.d)
    }

    /// A bound of |f| anywhere: f is zero somewhere, and nothing is further from it than half the diagonal of a cell.
    pub fn most(&self) -> f64 {
        self.gradient_bound * 3f64.sqrt() * std::f64::consts::PI
    }

    /// Bounds of f over the box `min`..`max`, in cells: true for every sample that this module computes there with threshold 0.
    /// Of a box larger than about half a cell only [`Surface::most`] is known. `None` where the box is not finite.
    pub fn bounds(&self, min: [f64; 3], max: [f64; 3]) -> Option<(f64, f64)> {
        use std::f64::consts::TAU;
        let half2: f64 = (0..3).map(|a| (0.5 * (max[a] - min[a])).powi(2)).sum();
        let half = TAU * half2.sqrt();
        if !half.is_finite() {
            return None;
        }
        let rounding = 1e-5 * (1.0 + self.gradient_bound);
        if half >= 1.5 {
            let most = self.most() + rounding;
            return Some((-most, most));
        }
        let v = (self.value)(std::array::from_fn(|a| (0.5 * (min[a] + max[a]) * TAU) % TAU));
        let reach = self.gradient_bound * half + rounding;
        Some((v - reach, v + reach))
    }
}

by_level! {
    /// sin and cos of the phases, `cells` of which are passed per unit.
    fn fundamental<'a>(u: &'a [f32], cells: f32, s: &mut [f32], c: &mut [f32]) {
        for ((u, s), c) in u.iter().zip(s).zip(c) {
            (*s, *c) = sin_cos_turns(*u * cells);
        }
    }

    /// The multiples of phases whose sine and cosine are known.
    fn multiples<'a>(s: &'a [f32], c: &'a [f32], s2: &mut [f32], c2: &mut [f32], s3: &mut [f32], c3: &mut [f32]) {
        let n = s.len();
        let (c, s2, c2, s3, c3) = (&c[..n], &mut s2[..n], &mut c2[..n], &mut s3[..n], &mut c3[..n]);
        for i in 0..n {
            let a = Axis::of(s[i], c[i]);
            (s2[i], c2[i], s3[i], c3[i]) = (a.s2, a.c2, a.s3, a.c3);
        }
    }
}

/// Tables that an equation with so many harmonics looks at: sines and cosines.
fn tables_of(surface: &Surface) -> usize {
    if surface.harmonics > 1 { 6 } else { 2 }
}

/// Fills the tables of an axis, one after the other in `t`, each `stride` long.
fn tabulate(level: Level, u: &[f32], cells: f32, t: &mut [f32], stride: usize) {
    let n = u.len();
    let mut parts = t.chunks_exact_mut(stride).map(|p| &mut p[..n]);
    let (Some(s), Some(c)) = (parts.next(), parts.next()) else { unreachable!("at least two tables") };
    fundamental(level, u, cells, s, c);
    if let (Some(s2), Some(c2), Some(s3), Some(c3)) = (parts.next(), parts.next(), parts.next(), parts.next())
    {
        multiples(level, s, c, s2, c2, s3, c3);
    }
}

/// The tables in `t`; where there are but two, they stand in for those that nobody looks at.
fn tables(t: &[f32], stride: usize) -> [&[f32]; 6] {
    let count = t.len() / stride;
    std::array::from_fn(|i| &t[i % count * stride..(i % count + 1) * stride])
}

/// f − `threshold` at points; `cells` is the number of cells per unit of x, y and z. All slices are equally long, or this panics.
/// Works on the calling thread, in pieces that stay in the L1 cache: give it one block of points at a time.
pub fn at_points(
    level: Level,
    surface: &Surface,
    p: [&[f32]; 3],
    cells: [f32; 3],
    threshold: f32,
    out: &mut [f32],
) {
    let n = out.len();
    assert!(p.iter().all(|p| p.len() == n), "one value per point");
    match tables_of(surface) {
        2 => pieces::<{ 2 * PIECE }>(level, surface, p, cells, threshold, out),
        _ => pieces::<{ 6 * PIECE }>(level, surface, p, cells, threshold, out),
    }
}

/// Points whose tables are made together.
const PIECE: usize = 128;

/// [`at_points`] with tables of `SIZE` entries an axis.
fn pieces<const SIZE: usize>(
    level: Level,
    surface: &Surface,
    p: [&[f32]; 3],
    cells: [f32; 3],
    threshold: f32,
    out: &mut [f32],
) {
    let mut t = [[0f32; SIZE]; 3];
    for (piece, out) in out.chunks_mut(PIECE).enumerate() {
        let range = piece * PIECE..piece * PIECE + out.len();
        for a in 0..3 {
            tabulate(level, &p[a][range.clone()], cells[a], &mut t[a], PIECE);
        }
        let [tx, ty, tz] = t.each_ref().map(|t| tables(t, PIECE));
        (surface.points)(level, tx, ty, tz, threshold, out);
    }
}

/// f − `threshold` on the grid of all (x, y, z), x fastest, then y, then z; `cells` per unit as in [`at_points`].
/// `out.len()` is the product of the three lengths, or this panics. The sines are computed once per axis value, so that a sample
/// costs a few multiplications. Works on the calling thread: give it one block at a time.
pub fn on_rows(
    level: Level,
    surface: &Surface,
    axes: [&[f32]; 3],
    cells: [f32; 3],
    threshold: f32,
    out: &mut [f32],
) {
    assert_eq!(out.len(), axes.iter().map(|u| u.len()).product(), "one value per point of the grid");
    if out.is_empty() {
        return;
    }
    // Blocks that follow each other share an axis or two.
    LAST_TABLES.with_borrow_mut(|last| {
        for (table, (u, cells)) in last.iter_mut().zip(axes.iter().zip(cells)) {
            table.update(level, tables_of(surface), u, cells);
        }
        let [tx, ty, tz] = last.each_ref().map(|t| tables(&t.values, t.u.len()));
        (surface.rows)(level, tx, ty, tz, threshold, out);
    });
}

thread_local! {
    /// Of the axes that this thread computed last.
    static LAST_TABLES: RefCell<[Table; 3]> = RefCell::default();
}

/// The tables of an axis, with all that they depend on.
#[derive(Default)]
struct Table {
    u: Vec<f32>,
    cells: f32,
    values: Vec<f32>,
}

impl Table {
    fn update(&mut self, level: Level, tables: usize, u: &[f32], cells: f32) {
        let wanted = tables * u.len();
        if self.values.len() == wanted && self.cells == cells && self.u == u {
            return;
        }
        self.u.clear();
        self.u.extend_from_slice(u);
        self.cells = cells;
        self.values.resize(wanted, 0.0);
        tabulate(level, u, cells, &mut self.values, u.len());
    }
}

#[cfg(test)]
#[path = "tpms_tests.rs"]
mod tests;
