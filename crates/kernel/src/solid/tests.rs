//! Solids against brute force and closed forms.

use super::*;
use crate::testing::Rng;

const KINDS: [Kind; 9] = [
    Kind::Box,
    Kind::BoxFrame,
    Kind::CappedCone,
    Kind::Capsule,
    Kind::Cylinder,
    Kind::Ellipsoid,
    Kind::Link,
    Kind::Plane,
    Kind::Torus,
];

/// Every kind in several proportions, the awkward ones too.
fn samples() -> Vec<(Kind, [f64; 3], f64)> {
    let mut all = vec![
        (Kind::Box, [2.0, 3.0, 1.0], 0.0),
        (Kind::BoxFrame, [2.0, 3.0, 1.6], 0.3),
        (Kind::BoxFrame, [2.0, 3.0, 0.5], 0.3),
        (Kind::BoxFrame, [1.0, 1.0, 1.0], 0.7),
        (Kind::CappedCone, [2.0, 9.0, 1.5], 0.3),
        (Kind::CappedCone, [1.0, 9.0, 1.5], 1.2),
        (Kind::CappedCone, [2.0, 9.0, 3.0], 0.0),
        (Kind::Capsule, [1.0, 9.0, 3.0], 0.0),
        (Kind::Capsule, [2.0, 9.0, 1.0], 0.0),
        (Kind::Cylinder, [2.0, 9.0, 0.5], 0.0),
        (Kind::Cylinder, [1.0, 9.0, 3.0], 0.0),
        (Kind::Ellipsoid, [2.0, 2.0, 2.0], 0.0),
        (Kind::Ellipsoid, [2.0, 3.0, 1.0], 0.0),
        (Kind::Ellipsoid, [3.0, 0.6, 0.6], 0.0),
        (Kind::Link, [2.0, 9.0, 3.0], 0.2),
        (Kind::Link, [2.0, 9.0, 1.0], 0.5),
        (Kind::Torus, [3.0, 9.0, 9.0], 0.4),
        (Kind::Torus, [3.0, 9.0, 9.0], 1.0),
        (Kind::Torus, [3.0, 9.0, 9.0], 1.5),
    ];
    all.push((Kind::Plane, [1.0; 3], 0.0));
    all
}

/// Whether p is in the solid, from the definition alone, in `f64`.
fn inside(kind: Kind, size: [f64; 3], free: f64, p: [f64; 3]) -> bool {
    let [x, y, z] = p;
    let [hx, hy, hz] = size.map(|s| s / 2.0);
    let r = x.hypot(y);
    match kind {
        Kind::Box => x.abs() < hx && y.abs() < hy && z.abs() < hz,
        Kind::BoxFrame => {
            let q = p.map(f64::abs);
            let h = [hx, hy, hz];
            let in_bar = (0..3).filter(|&a| q[a] > h[a] - free).count();
            (0..3).all(|a| q[a] < h[a]) && in_bar >= 2
        }
        Kind::CappedCone => z.abs() < hz && r < hx + (free - hx) * (z + hz) / size[2],
        Kind::Capsule => {
            let straight = (hz - hx).max(0.0);
            r.hypot(z - z.clamp(-straight, straight)) < hx
        }
        Kind::Cylinder => r < hx && z.abs() < hz,
        Kind::Ellipsoid => (x / hx).powi(2) + (y / hy).powi(2) + (z / hz).powi(2) < 1.0,
        Kind::Link => {
            // The centre line, point by point.
            let straight = (hz - hx).max(0.0);
            let ring = hx - free;
            let z = z.abs();
            let bend = (z - straight).atan2(x.abs()).max(0.0);
            let (cx, cz) = (ring * bend.cos(), straight + ring * bend.sin());
            let on_bend = (x.abs() - cx).hypot(y).hypot(z - cz);
            let on_straight = (x.abs() - ring).hypot(y).hypot(z - z.clamp(-straight, straight));
            on_bend.min(on_straight) < free
        }
        Kind::Plane => z < 0.0,
        Kind::Torus => (r - (hx - free)).hypot(z) < free,
    }
}

fn random_points(rng: &mut Rng, n: usize, span: f64) -> [Vec<f32>; 3] {
    [(); 3].map(|()| (0..n).map(|_| ((rng.unit() - 0.5) * span) as f32).collect())
}

fn distances(s: &Solid, p: &[Vec<f32>; 3]) -> Vec<f32> {
    let mut out = vec![0.0; p[0].len()];
    s.distance(Level::detect(), &p[0], &p[1], &p[2], &mut out);
    out
}

/// The ball of radius abs(d) holds no point of the other side, and touches one: that is what the distance is.
#[test]
fn distances_are_exact_inside_and_outside() {
    let mut rng = Rng::new(1);
    for (kind, size, free) in samples() {
        let s = Solid::new(kind, size, free).unwrap();
        let p = random_points(&mut rng, 600, 5.0);
        let d = distances(&s, &p);
        let mut touched = 0;
        for i in 0..d.len() {
            let q = [p[0][i], p[1][i], p[2][i]].map(f64::from);
            let within = inside(kind, size, free, q);
            assert_eq!(d[i] < 0.0, within, "{kind:?} {size:?} {free} at {q:?}: {}", d[i]);
            let r = f64::from(d[i].abs());
            let moved = |n: [f64; 3], by: f64| -> [f64; 3] { std::array::from_fn(|a| q[a] + by * n[a]) };
            for _ in 0..60 {
                let n: [f64; 3] = std::array::from_fn(|_| rng.unit() - 0.5);
                let l = n.iter().map(|c| c * c).sum::<f64>().sqrt();
                let to = moved(n.map(|c| c / l), r - 1e-5);
                assert_eq!(
                    inside(kind, size, free, to),
                    within,
                    "{kind:?} {size:?} {free} at {q:?}: {r} too far"
                );
            }
            // Where the distance has a gradient, the nearest point lies along it.
            let h = 2e-3;
            let g: [f64; 3] = std::array::from_fn(|a| {
                let at = |by: f64| {
                    let mut e = q;
                    e[a] += by;
                    f64::from(s.distance_at(e.map(|c| c as f32)))
                };
                (at(h) - at(-h)) / (2.0 * h)
            });
            let l = g.iter().map(|c| c * c).sum::<f64>().sqrt();
            let nearest = moved(g.map(|c| c / l), -f64::from(d[i]));
            let near = 5e-3 * (1.0 + r);
            let touches = (0..60).any(|_| {
                let around = nearest.map(|c| c + (rng.unit() - 0.5) * 2.0 * near);
                inside(kind, size, free, around) != within
            });
            touched += usize::from(touches);
        }
        // Not where the step straddles a crease.
        assert!(touched > 560, "{kind:?} {size:?} {free}: {touched}");
    }
}

#[test]
fn no_distance_changes_faster_than_its_point() {
    let mut rng = Rng::new(2);
    for (kind, size, free) in samples() {
        let s = Solid::new(kind, size, free).unwrap();
        let p = random_points(&mut rng, 2000, 8.0);
        let e = random_points(&mut rng, 2000, 0.3);
        let q: [Vec<f32>; 3] = std::array::from_fn(|a| p[a].iter().zip(&e[a]).map(|(p, e)| p + e).collect());
        let (d, f) = (distances(&s, &p), distances(&s, &q));
        for i in 0..d.len() {
            let step = (0..3).map(|a| f64::from(q[a][i] - p[a][i]).powi(2)).sum::<f64>().sqrt();
            assert!(
                f64::from((d[i] - f[i]).abs()) <= step + 4e-6,
                "{kind:?} {size:?}: {} {} {step}",
                d[i],
                f[i]
            );
        }
    }
}

#[test]
fn volumes_in_closed_form_are_those_of_the_sign() {
    for (kind, size, free) in samples() {
        let s = Solid::new(kind, size, free).unwrap();
        if kind == Kind::Plane {
            assert_eq!(s.volume(), f64::INFINITY);
            continue;
        }
        // One random point in each cell of a grid over ±1.6.
        let n = 128;
        let mut rng = Rng::new(6);
        let cell = 3.2 / n as f64;
        let mut solid = 0usize;
        for k in 0..n * n {
            let corner = |i: usize| cell * i as f64 - 1.6;
            let mut random = |i: usize| (corner(i) + cell * rng.unit()) as f32;
            let x: Vec<f32> = (0..n).map(&mut random).collect();
            let y: Vec<f32> = (0..n).map(|_| random(k % n)).collect();
            let z: Vec<f32> = (0..n).map(|_| random(k / n)).collect();
            solid += distances(&s, &[x, y, z]).iter().filter(|d| **d < 0.0).count();
        }
        let counted = solid as f64 * cell.powi(3);
        let error = (counted / s.volume() - 1.0).abs();
        assert!(error < 0.003, "{kind:?} {size:?} {free}: {counted} {}", s.volume());
    }
}

/// By brute force: the nearest point over a grid of the two angles, refined around the best.
fn search(e: [f64; 3], p: [f64; 3]) -> f64 {
    use std::f64::consts::{FRAC_PI_2, PI};
    let p = p.map(f64::abs);
    let distance = |u: f64, v: f64| {
        let q = [e[0] * u.sin() * v.cos(), e[1] * u.sin() * v.sin(), e[2] * u.cos()];
        (0..3).map(|a| (p[a] - q[a]).powi(2)).sum::<f64>().sqrt()
    };
    let (mut u, mut v, mut best) = (FRAC_PI_2 / 2.0, FRAC_PI_2 / 2.0, f64::INFINITY);
    let mut span = PI / 4.0;
    for pass in 0..60 {
        let (cu, cv) = (u, v);
        let steps = if pass == 0 { 120 } else { 6 };
        for i in -steps..=steps {
            for j in -steps..=steps {
                let along = |k: i32| span * f64::from(k) / f64::from(steps);
                let (a, b) = (cu + along(i), cv + along(j));
                let d = distance(a, b);
                if d < best {
                    (u, v, best) = (a, b, d);
                }
            }
        }
        span *= if pass == 0 { 0.05 } else { 0.6 };
    }
    best
}

/// The search loses its way at its poles: the best of three with the poles on different axes.
fn ellipsoid_oracle(e: [f64; 3], p: [f64; 3]) -> f64 {
    let turned = |v: [f64; 3], by: usize| -> [f64; 3] { std::array::from_fn(|a| v[(a + by) % 3]) };
    let best = (0..3).map(|by| search(turned(e, by), turned(p, by))).fold(f64::INFINITY, f64::min);
    let sign = (0..3).map(|a| (p[a] / e[a]).powi(2)).sum::<f64>() < 1.0;
    if sign { -best } else { best }
}

#[test]
fn ellipsoids_agree_with_brute_force() {
    let mut rng = Rng::new(3);
    for half in [[1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [3.0, 1.0, 1.0], [2.0, 2.0, 0.4], [1.0, 0.3, 0.1]] {
        let largest = half.iter().fold(0.0f64, |m, h| m.max(*h));
        for i in 0..36 {
            let mut p: [f64; 3] = std::array::from_fn(|_| (rng.unit() - 0.5) * 3.0 * largest);
            match i % 6 {
                // On planes and axes of symmetry, near the centre, near the surface.
                0 => p[rng.below(3)] = 0.0,
                1 => (p[0], p[2]) = (0.0, 0.0),
                2 => p = p.map(|c| c * 1e-3),
                3 => {
                    let l = (0..3).map(|a| (p[a] / half[a]).powi(2)).sum::<f64>().sqrt();
                    p = p.map(|c| c / l * 1.001);
                }
                _ => {}
            }
            let f = p.map(|c| c as f32);
            let mut out = [0.0];
            ellipsoid::distance(Level::detect(), half, &f[..1], &f[1..2], &f[2..], &mut out);
            let want = ellipsoid_oracle(half, f.map(f64::from));
            let scale = largest + f.iter().map(|c| f64::from(c.abs())).sum::<f64>();
            let error = (f64::from(out[0]) - want) / scale;
            assert!(error.abs() < 2e-7, "{half:?} {f:?}: {} {want}", out[0]);
        }
    }
}

/// At extreme proportions the brute force search is not exact enough: compare with many more steps of bisection.
#[test]
fn eight_steps_are_enough_for_any_proportions() {
    let mut rng = Rng::new(4);
    let mut worst = 0.0f64;
    for _ in 0..3000 {
        let half: [f64; 3] = std::array::from_fn(|_| 10f64.powf(-4.0 * rng.unit()));
        let p: [f32; 3] = std::array::from_fn(|_| (10f64.powf(1.0 - 5.0 * rng.unit())) as f32);
        let mut out = [0.0];
        ellipsoid::distance(Level::detect(), half, &p[..1], &p[1..2], &p[2..], &mut out);
        let least = half.iter().fold(f64::INFINITY, |m: f64, h| m.min(*h)).powi(2);
        let g = |s: f64| {
            (0..3).map(|a| (half[a] * f64::from(p[a]) / (s + (half[a].powi(2) - least))).powi(2)).sum::<f64>()
        };
        let (mut low, mut high) = (0.0f64, 1e4);
        for _ in 0..200 {
            let s = if low > 0.0 { (low * high).sqrt() } else { high * 1e-3 };
            if g(s) > 1.0 {
                low = s
            } else {
                high = s
            }
            if high < 1e-300 {
                break;
            }
        }
        let d = (0..3)
            .map(|a| f64::from(p[a]) * (1.0 - half[a].powi(2) / (high + (half[a].powi(2) - least))))
            .map(|r| r * r)
            .sum::<f64>()
            .sqrt();
        let scale = half.iter().sum::<f64>() + p.iter().map(|c| f64::from(*c)).sum::<f64>();
        worst = worst.max((f64::from(out[0].abs()) - d).abs() / scale);
    }
    assert!(worst < 2e-7, "{worst:e}");
}

#[test]
fn flat_ellipsoids_are_discs_and_none_is_not_a_number() {
    let s = Solid::new(Kind::Ellipsoid, [2.0, 2.0, 0.0], 0.0).unwrap();
    assert!((s.distance_at([0.0, 0.0, 0.5]) - 0.5).abs() < 1e-5);
    assert!((s.distance_at([2.0, 0.0, 0.0]) - 1.0).abs() < 1e-5);
    let point = Solid::new(Kind::Ellipsoid, [0.0; 3], 0.0).unwrap();
    assert!((point.distance_at([3.0, 4.0, 0.0]) - 5.0).abs() < 1e-5);
    for kind in KINDS {
        for (size, free) in [([0.0; 3], 0.0), ([1.0, 0.0, 0.0], 0.0), ([0.0, 1.0, 1.0], 0.0), ([1e9; 3], 1e8)]
        {
            let s = Solid::new(kind, size, free).unwrap();
            for p in [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 0.0, 1e-30], [-1e6, 1e6, 3.0], [1e9; 3]] {
                assert!(s.distance_at(p).is_finite(), "{kind:?} {size:?} {p:?}");
            }
        }
    }
}

#[test]
fn every_level_gives_the_same_bits() {
    let mut rng = Rng::new(5);
    let p = random_points(&mut rng, 333, 4.0);
    for (kind, size, free) in samples() {
        let s = Solid::new(kind, size, free).unwrap();
        let want: Vec<f32> = (0..333).map(|i| s.distance_at([p[0][i], p[1][i], p[2][i]])).collect();
        for level in Level::available() {
            let mut out = vec![0.0; 333];
            s.distance(level, &p[0], &p[1], &p[2], &mut out);
            assert_eq!(out, want, "{kind:?} {level:?}");
        }
    }
}

#[test]
fn impossible_parameters_are_refused() {
    assert!(matches!(Solid::new(Kind::Box, [1.0, -1.0, 1.0], 0.0), Err(SolidError::Size(_))));
    assert!(Solid::new(Kind::Cylinder, [1.0, f64::NAN, 1.0], 0.0).is_ok());
    assert!(matches!(Solid::new(Kind::Cylinder, [f64::INFINITY, 1.0, 1.0], 0.0), Err(SolidError::Size(_))));
    for (kind, free) in
        [(Kind::Torus, 0.6), (Kind::Link, 0.3), (Kind::BoxFrame, -0.1), (Kind::CappedCone, f64::NAN)]
    {
        let e = Solid::new(kind, [1.0; 3], free).unwrap_err();
        assert!(matches!(e, SolidError::Free { .. }), "{e}");
    }
}
