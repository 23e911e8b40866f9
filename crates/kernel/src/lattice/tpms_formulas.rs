//! The nodal equations themselves, written once for samples, for `f64` and for derivatives.

use crate::by_level;
use crate::simd::LANES;
use std::ops::{Add, Mul, Sub};

/// What an equation needs of a number.
pub(super) trait Real: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    fn k(v: f64) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn k(v: f64) -> f32 {
        v as f32
    }
}

impl Real for f64 {
    #[inline(always)]
    fn k(v: f64) -> f64 {
        v
    }
}

/// A value and its derivatives with respect to the three phases (forward differentiation).
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual {
    pub v: f64,
    pub d: [f64; 3],
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, o: Dual) -> Dual {
        Dual { v: self.v + o.v, d: std::array::from_fn(|a| self.d[a] + o.d[a]) }
    }
}

impl Sub for Dual {
    type Output = Dual;
    fn sub(self, o: Dual) -> Dual {
        Dual { v: self.v - o.v, d: std::array::from_fn(|a| self.d[a] - o.d[a]) }
    }
}

impl Mul for Dual {
    type Output = Dual;
    #[allow(clippy::suspicious_arithmetic_impl)] // the product rule
    fn mul(self, o: Dual) -> Dual {
        Dual { v: self.v * o.v, d: std::array::from_fn(|a| self.d[a] * o.v + self.v * o.d[a]) }
    }
}

impl Real for Dual {
    fn k(v: f64) -> Dual {
        Dual { v, d: [0.0; 3] }
    }
}

/// Sines and cosines of one axis: of the phase X, of 2X and of 3X.
#[derive(Clone, Copy)]
pub(super) struct Axis<T> {
    pub s: T,
    pub c: T,
    pub s2: T,
    pub c2: T,
    pub s3: T,
    pub c3: T,
}

impl<T: Real> Axis<T> {
    /// The multiples of the angle from its sine and cosine.
    #[inline(always)]
    pub fn of(s: T, c: T) -> Axis<T> {
        let q = T::k(4.0) * s * s;
        let s2 = T::k(2.0) * s * c;
        let c2 = T::k(1.0) - T::k(2.0) * s * s;
        Axis { s, c, s2, c2, s3: s * (T::k(3.0) - q), c3: c * (T::k(1.0) - q) }
    }
}

impl Axis<f32> {
    /// Entry `i` of tables that hold one function each.
    #[inline(always)]
    fn at(t: &[&[f32]; 6], i: usize) -> Axis<f32> {
        Axis { s: t[0][i], c: t[1][i], s2: t[2][i], c2: t[3][i], s3: t[4][i], c3: t[5][i] }
    }
}

impl Axis<Dual> {
    /// Phase `x` (radians) of axis `a`.
    fn dual(x: f64, a: usize) -> Axis<Dual> {
        let unit = |v: f64| std::array::from_fn(|b| if a == b { v } else { 0.0 });
        let (s, c) = x.sin_cos();
        Axis::of(Dual { v: s, d: unit(c) }, Dual { v: c, d: unit(-s) })
    }
}

/// One module per surface: `points` and `rows` are the same expression on the same numbers, hence the same bits.
macro_rules! surfaces {
    ($($name:ident: |$x:ident, $y:ident, $z:ident, $k:ident| $formula:expr;)+) => {$(
        pub(super) mod $name {
            use super::*;

            #[inline(always)]
            #[allow(clippy::redundant_closure_call)]
            fn formula<T: Real>($x: Axis<T>, $y: Axis<T>, $z: Axis<T>) -> T {
                #[allow(unused_variables)]
                let $k = |v: f64| T::k(v);
                $formula
            }

            by_level! {
                pub(in crate::lattice) fn points<'a>(x: [&'a [f32]; 6], y: [&'a [f32]; 6], z: [&'a [f32]; 6], threshold: f32, out: &mut [f32]) {
                    let n = out.len();
                    let (x, y, z) = (x.map(|t| &t[..n]), y.map(|t| &t[..n]), z.map(|t| &t[..n]));
                    for i in 0..n {
                        out[i] = formula(Axis::at(&x, i), Axis::at(&y, i), Axis::at(&z, i)) - threshold;
                    }
                }

                pub(in crate::lattice) fn rows<'a>(
                    x: [&'a [f32]; 6],
                    y: [&'a [f32]; 6],
                    z: [&'a [f32]; 6],
                    threshold: f32,
                    out: &mut [f32],
                ) {
                    let ny = y[0].len();
                    for (i, out) in out.chunks_exact_mut(x[0].len()).enumerate() {
                        row(x[0], x[1], x[2], x[3], x[4], x[5], Axis::at(&y, i % ny), Axis::at(&z, i / ny), threshold, out);
                    }
                }
            }

            /// Tables of their own, not an array of them: so the compiler knows that none overlaps `out`.
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn row(
                s: &[f32],
                c: &[f32],
                s2: &[f32],
                c2: &[f32],
                s3: &[f32],
                c3: &[f32],
                y: Axis<f32>,
                z: Axis<f32>,
                threshold: f32,
                out: &mut [f32],
            ) {
                let n = out.len();
                let x = [&s[..n], &c[..n], &s2[..n], &c2[..n], &s3[..n], &c3[..n]];
                let (long, whole) = (n - n % (4 * LANES), n - n % LANES);
                for i in 0..long {
                    out[i] = formula(Axis::at(&x, i), y, z) - threshold;
                }
                // Rows may be as short as one vector: a trip count that the compiler knows keeps it from unrolling
                // beyond that.
                for at in (long..whole).step_by(LANES) {
                    let (x, out) = (x.map(|t| &t[at..at + LANES]), &mut out[at..at + LANES]);
                    for i in 0..LANES {
                        out[i] = formula(Axis::at(&x, i), y, z) - threshold;
                    }
                }
                for i in whole..n {
                    out[i] = formula(Axis::at(&x, i), y, z) - threshold;
                }
            }

            pub(in crate::lattice) fn value(p: [f64; 3]) -> f64 {
                let [x, y, z] = p.map(|x| {
                    let (s, c) = x.sin_cos();
                    Axis::of(s, c)
                });
                formula(x, y, z)
            }

            pub(in crate::lattice) fn dual(p: [f64; 3]) -> Dual {
                formula(Axis::dual(p[0], 0), Axis::dual(p[1], 1), Axis::dual(p[2], 2))
            }
        }
    )+};
}

surfaces! {
    gyroid: |x, y, z, k| x.s * y.c + y.s * z.c + z.s * x.c;
    primitive: |x, y, z, k| x.c + y.c + z.c;
    schwarz_d: |x, y, z, k| x.s * (y.s * z.s) + x.s * (y.c * z.c) + x.c * (y.s * z.c) + x.c * (y.c * z.s);
    diamond: |x, y, z, k| x.c * (y.c * z.c) - x.s * (y.s * z.s);
    single_diamond: |x, y, z, k| x.c * (y.c * z.c) + x.s * (y.s * z.c) + x.s * (y.c * z.s) + x.c * (y.s * z.s);
    iwp: |x, y, z, k| k(2.0) * (x.c * y.c + y.c * z.c + z.c * x.c) - (x.c2 + y.c2 + z.c2);
    neovius: |x, y, z, k| k(3.0) * (x.c + y.c + z.c) + k(4.0) * (x.c * (y.c * z.c));
    f: |x, y, z, k| x.c * (y.c * z.c);
    frd: |x, y, z, k| k(4.0) * (x.c * (y.c * z.c)) - (x.c2 * y.c2 + y.c2 * z.c2 + z.c2 * x.c2);
    cp: |x, y, z, k| x.c + y.c + z.c + k(4.0) * (x.c * (y.c * z.c));
    // cos(3X+Y) cos Z − sin(3X−Y) sin Z and its two cyclic images, products written out.
    cd: |x, y, z, k| (x.c3 * (y.c * z.c) - x.s3 * (y.s * z.c) - x.s3 * (y.c * z.s) + x.c3 * (y.s * z.s))
        + (x.c * (y.c3 * z.c) - x.s * (y.s3 * z.c) + x.s * (y.c3 * z.s) - x.c * (y.s3 * z.s))
        + (x.c * (y.c * z.c3) + x.s * (y.s * z.c3) - x.s * (y.c * z.s3) - x.c * (y.s * z.s3));
    s: |x, y, z, k| x.c2 * (y.s * z.c) + x.c * (y.c2 * z.s) + x.s * (y.c * z.c2);
    cs: |x, y, z, k| x.c2 + y.c2 + z.c2
        + k(2.0) * (x.s3 * (y.s2 * z.c) + x.c * (y.s3 * z.s2) + x.s2 * (y.c * z.s3))
        + k(2.0) * (x.s2 * (y.c3 * z.s) + x.s * (y.s2 * z.c3) + x.c3 * (y.s * z.s2));
    y: |x, y, z, k| x.c * (y.c * z.c) + x.s * (y.s * z.s)
        + (x.s2 * y.s + y.s2 * z.s + x.s * z.s2 + x.c * y.s2 + y.c * z.s2 + x.s2 * z.c);
    c_y: |x, y, z, k| (x.s2 * y.s + y.s2 * z.s + x.s * z.s2 + x.c * y.s2 + y.c * z.s2 + x.s2 * z.c)
        - (x.c * (y.c * z.c) + x.s * (y.s * z.s));
    cy: |x, y, z, k| k(3.0) * (x.s * y.c + y.s * z.c + z.s * x.c)
        + k(2.0) * (x.s3 * y.c + x.c * z.s3 + y.s3 * z.c - x.s * y.c3 - x.c3 * z.s - y.s * z.c3);
    pm_y: |x, y, z, k| k(2.0) * (x.c * (y.c * z.c)) + (x.s2 * y.s + x.s * z.s2 + y.s2 * z.s);
    cpm_y: |x, y, z, k| (x.s2 * y.s + x.s * z.s2 + y.s2 * z.s) - k(2.0) * (x.c * (y.c * z.c));
    i2y: |x, y, z, k| x.c2 * y.c2 + y.c2 * z.c2 + x.c2 * z.c2
        - k(2.0) * (x.s2 * (y.c * z.s) + x.s * (y.s2 * z.c) + x.c * (y.s * z.s2));
    ci2y: |x, y, z, k| x.c2 * y.c2 + y.c2 * z.c2 + x.c2 * z.c2
        + k(2.0) * (x.s2 * (y.c * z.s) + x.s * (y.s2 * z.c) + x.c * (y.s * z.s2));
    w: |x, y, z, k| x.c2 * y.c + y.c2 * z.c + x.c * z.c2 - (x.c * y.c2 + y.c * z.c2 + x.c2 * z.c);
    schwarz_w: |x, y, z, k| x.c * y.c + y.c * z.c + z.c * x.c - x.c * (y.c * z.c);
    schwarz_pw: |x, y, z, k| k(4.0) * (x.c * y.c + y.c * z.c + z.c * x.c) - k(3.0) * (x.c * (y.c * z.c)) + k(2.4);
}
