//! The hot loops: least and second least distance from a block of points to a few struts.

use super::strut::Strut;
use super::{Section, Style};
use crate::by_level;
use crate::simd::Level;

/// Struts and nodes by index: what a group of points is measured against.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub struts: &'a [Strut],
    pub which: &'a [u32],
    pub nodes: &'a [[f32; 3]],
    pub which_nodes: &'a [u32],
    /// All struts have the radius of the style.
    pub uniform: bool,
}

/// Points, and the multiplier of the section radius at each.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    pub x: &'a [f32],
    pub y: &'a [f32],
    pub z: &'a [f32],
    pub multiplier: &'a [f32],
}

/// Writes the distance to the union of the choice into `least`; `second` is room for as many values.
pub(super) fn evaluate(
    level: Level,
    style: &Style,
    choice: Choice,
    p: Points,
    least: &mut [f32],
    second: &mut [f32],
) {
    least.fill(f32::INFINITY);
    second.fill(f32::INFINITY);
    let blended = style.smoothing > 0.0;
    let Choice { struts, which, .. } = choice;
    match (style.section, choice.uniform) {
        (Section::Circle, true) => {
            if blended {
                squares(level, p.x, p.y, p.z, struts, which, least, second);
                roots(level, style.section_radius, p.multiplier, second);
            } else {
                least_square(level, p.x, p.y, p.z, struts, which, least);
            }
            roots(level, style.section_radius, p.multiplier, least);
        }
        (Section::Circle, false) => {
            capsules(level, p.x, p.y, p.z, p.multiplier, struts, which, least, second)
        }
        (Section::Box, _) => boxes(level, p.x, p.y, p.z, p.multiplier, struts, which, least, second),
        (Section::Cross, _) => crosses(level, p.x, p.y, p.z, p.multiplier, struts, which, least, second),
    }
    if let Some(radius) = style.node_radius {
        spheres(level, p.x, p.y, p.z, radius, choice.nodes, choice.which_nodes, least, second);
    }
    if blended {
        blend(level, style.smoothing, second, least);
    }
}

/// The same for one point.
pub(super) fn evaluate_one(style: &Style, choice: Choice, [x, y, z]: [[f32; 1]; 3], multiplier: f32) -> f32 {
    let (mut least, mut second) = ([0.0], [0.0]);
    let points = Points { x: &x, y: &y, z: &z, multiplier: &[multiplier] };
    evaluate(Level::BASELINE, style, choice, points, &mut least, &mut second);
    least[0]
}

#[inline(always)]
fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Squared distance to the axis.
#[inline(always)]
fn axis2(s: &Strut, x: f32, y: f32, z: f32) -> f32 {
    let [qx, qy, qz] = [x - s.start[0], y - s.start[1], z - s.start[2]];
    let t = (qx * s.along[0] + qy * s.along[1] + qz * s.along[2]) * s.inverse2;
    let t = min(max(t, 0.0), 1.0);
    let [ex, ey, ez] = [qx - t * s.along[0], qy - t * s.along[1], qz - t * s.along[2]];
    ex * ex + ey * ey + ez * ez
}

/// The point in the frame of the strut: how far beyond its end, and across, all mirrored to the positive side.
#[inline(always)]
fn in_frame(s: &Strut, r: f32, x: f32, y: f32, z: f32) -> (f32, f32, f32) {
    let [qx, qy, qz] = [x - s.centre[0], y - s.centre[1], z - s.centre[2]];
    let [u, v, w] = s.axes;
    let along = (qx * u[0] + qy * u[1] + qz * u[2]).abs() - (s.half + r);
    let side = (qx * v[0] + qy * v[1] + qz * v[2]).abs();
    let other = (qx * w[0] + qy * w[1] + qz * w[2]).abs();
    (along, side, other)
}

#[inline(always)]
fn to_box(s: &Strut, r: f32, x: f32, y: f32, z: f32) -> f32 {
    let (along, side, other) = in_frame(s, r, x, y, z);
    let (side, other) = (side - r, other - r);
    let (a, b, c) = (max(along, 0.0), max(side, 0.0), max(other, 0.0));
    (a * a + b * b + c * c).sqrt() + min(max(along, max(side, other)), 0.0)
}

#[inline(always)]
fn to_cross(s: &Strut, r: f32, x: f32, y: f32, z: f32) -> f32 {
    let (along, side, other) = in_frame(s, r, x, y, z);
    let thin = r * (1.0 / 3.0);
    let (far, near) = (max(side, other), min(side, other));
    let (beyond, beside) = (far - r, near - thin);
    let outside = max(beyond, beside);
    let (a, b) = (max(beyond, 0.0), max(beside, 0.0));
    // Inside, the nearest point of the outline may be the corner between two plates.
    let (c, d) = (max(thin - far, 0.0), max(-outside, 0.0));
    let flat = if outside > 0.0 { (a * a + b * b).sqrt() } else { -(c * c + d * d).sqrt() };
    let (a, b) = (max(along, 0.0), max(flat, 0.0));
    (a * a + b * b).sqrt() + min(max(along, flat), 0.0)
}

/// The two least of three, where `least` ≤ `second`.
macro_rules! keep_two {
    ($least:expr, $second:expr, $d:expr) => {
        let (d, least) = ($d, *$least);
        *$second = min(*$second, max(least, d));
        *$least = min(least, d);
    };
}

by_level! {
    fn least_square(
        x: &[f32], y: &[f32], z: &[f32], struts: &[Strut], which: &[u32], least: &mut [f32],
    ) {
        for &i in which {
            let s = struts[i as usize];
            for (((x, y), z), l) in x.iter().zip(y).zip(z).zip(least.iter_mut()) {
                *l = min(axis2(&s, *x, *y, *z), *l);
            }
        }
    }

    fn squares(
        x: &[f32], y: &[f32], z: &[f32], struts: &[Strut], which: &[u32], least: &mut [f32],
        second: &mut [f32],
    ) {
        for &i in which {
            let s = struts[i as usize];
            for ((((x, y), z), l), m) in x.iter().zip(y).zip(z).zip(least.iter_mut()).zip(second.iter_mut()) {
                keep_two!(l, m, axis2(&s, *x, *y, *z));
            }
        }
    }

    fn capsules(
        x: &[f32], y: &[f32], z: &[f32], multiplier: &[f32], struts: &[Strut], which: &[u32],
        least: &mut [f32], second: &mut [f32],
    ) {
        for &i in which {
            let s = struts[i as usize];
            let points = x.iter().zip(y).zip(z).zip(multiplier);
            for (((((x, y), z), k), l), m) in points.zip(least.iter_mut()).zip(second.iter_mut()) {
                keep_two!(l, m, axis2(&s, *x, *y, *z).sqrt() - s.radius * k);
            }
        }
    }

    fn boxes(
        x: &[f32], y: &[f32], z: &[f32], multiplier: &[f32], struts: &[Strut], which: &[u32],
        least: &mut [f32], second: &mut [f32],
    ) {
        for &i in which {
            let s = struts[i as usize];
            let points = x.iter().zip(y).zip(z).zip(multiplier);
            for (((((x, y), z), k), l), m) in points.zip(least.iter_mut()).zip(second.iter_mut()) {
                keep_two!(l, m, to_box(&s, s.radius * k, *x, *y, *z));
            }
        }
    }

    fn crosses(
        x: &[f32], y: &[f32], z: &[f32], multiplier: &[f32], struts: &[Strut], which: &[u32],
        least: &mut [f32], second: &mut [f32],
    ) {
        for &i in which {
            let s = struts[i as usize];
            let points = x.iter().zip(y).zip(z).zip(multiplier);
            for (((((x, y), z), k), l), m) in points.zip(least.iter_mut()).zip(second.iter_mut()) {
                keep_two!(l, m, to_cross(&s, s.radius * k, *x, *y, *z));
            }
        }
    }

    fn spheres(
        x: &[f32], y: &[f32], z: &[f32], radius: f32, nodes: &[[f32; 3]], which: &[u32],
        least: &mut [f32], second: &mut [f32],
    ) {
        for &i in which {
            let [cx, cy, cz] = nodes[i as usize];
            for ((((x, y), z), l), m) in x.iter().zip(y).zip(z).zip(least.iter_mut()).zip(second.iter_mut()) {
                let [ex, ey, ez] = [x - cx, y - cy, z - cz];
                keep_two!(l, m, (ex * ex + ey * ey + ez * ez).sqrt() - radius);
            }
        }
    }

    /// From squared distances to an axis to distances to the surface around it.
    fn roots(radius: f32, multiplier: &[f32], values: &mut [f32]) {
        for (v, k) in values.iter_mut().zip(multiplier) {
            *v = v.sqrt() - radius * k;
        }
    }

    /// The circular blend of the least two, into `least`.
    fn blend(k: f32, second: &[f32], least: &mut [f32]) {
        let inverse = 1.0 / k;
        for (l, m) in least.iter_mut().zip(second) {
            let h = max(1.0 - (m - *l) * inverse, 0.0);
            *l -= 0.5 * k * (1.0 + h - (1.0 + h * (2.0 - h)).sqrt());
        }
    }
}
