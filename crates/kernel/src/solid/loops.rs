//! The distance formulas as loops over points.

use crate::by_level;

#[inline(always)]
fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn length2(a: f32, b: f32) -> f32 {
    (a * a + b * b).sqrt()
}

#[inline(always)]
fn length3(a: f32, b: f32, c: f32) -> f32 {
    (a * a + b * b + c * c).sqrt()
}

/// Distance to an axis-aligned box from the excesses abs(p) − half.
#[inline(always)]
fn box3(a: f32, b: f32, c: f32) -> f32 {
    length3(max(a, 0.0), max(b, 0.0), max(c, 0.0)) + min(max(a, max(b, c)), 0.0)
}

#[inline(always)]
fn box2(a: f32, b: f32) -> f32 {
    length2(max(a, 0.0), max(b, 0.0)) + min(max(a, b), 0.0)
}

by_level! {
    pub(super) fn cuboid<'a>(half: [f32; 3], x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            *o = box3(x.abs() - half[0], y.abs() - half[1], z.abs() - half[2]);
        }
    }

    /// Outside: the nearest of the bars of one octant. Inside: the nearest of what bounds the frame, the cuboid's outside and the three
    /// windows, each of them convex, so that no bar's end hides in another bar.
    pub(super) fn box_frame<'a>(half: [f32; 3], bar: f32, x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        let t = 0.5 * bar;
        // A bar as thick as half the cuboid fills it: clamping keeps the bar's centre inside the octant.
        let (ux, uy, uz) = (half[0] - bar, half[1] - bar, half[2] - bar);
        let (tx, ty, tz) = (min(t, 0.5 * half[0]), min(t, 0.5 * half[1]), min(t, 0.5 * half[2]));
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            let (px, py, pz) = (x.abs(), y.abs(), z.abs());
            let (qx, qy, qz) = (px - half[0], py - half[1], pz - half[2]);
            let (bx, by, bz) = ((qx + tx).abs() - tx, (qy + ty).abs() - ty, (qz + tz).abs() - tz);
            let outside = min(box3(qx, by, bz), min(box3(bx, qy, bz), box3(bx, by, qz)));
            let (wx, wy, wz) = (max(px - ux, 0.0), max(py - uy, 0.0), max(pz - uz, 0.0));
            // A window exists where both of its half widths are positive.
            let far = 3.0e38;
            let xy = if (ux > 0.0) & (uy > 0.0) { length2(wx, wy) } else { far };
            let yz = if (uy > 0.0) & (uz > 0.0) { length2(wy, wz) } else { far };
            let xz = if (ux > 0.0) & (uz > 0.0) { length2(wx, wz) } else { far };
            let inside = min(min(min(-qx, -qy), -qz), min(xy, min(yz, xz)));
            *o = if outside > 0.0 { outside } else { -inside };
        }
    }

    /// In the half-plane of (radius, z): a trapezoid.
    pub(super) fn capped_cone<'a>(bottom: f32, top: f32, half: f32, x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        let (ex, ez) = (top - bottom, 2.0 * half);
        let e2 = ex * ex + ez * ez;
        let per_e2 = if e2 > 0.0 { 1.0 / e2 } else { 0.0 };
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            let r = length2(*x, *y);
            let lid = if *z < 0.0 { bottom } else { top };
            let cap_z = z.abs() - half;
            let cap = length2(max(r - lid, 0.0), cap_z);
            let t = min(max(((r - bottom) * ex + (z + half) * ez) * per_e2, 0.0), 1.0);
            let side = length2(r - bottom - t * ex, z + half - t * ez);
            let within = (cap_z < 0.0) & ((r - bottom) * ez - (z + half) * ex < 0.0);
            let d = min(cap, side);
            *o = if within { -d } else { d };
        }
    }

    pub(super) fn capsule<'a>(radius: f32, straight: f32, x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            *o = length3(*x, *y, max(z.abs() - straight, 0.0)) - radius;
        }
    }

    pub(super) fn cylinder<'a>(radius: f32, half: f32, x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            *o = box2(length2(*x, *y) - radius, z.abs() - half);
        }
    }

    pub(super) fn link<'a>(ring: f32, bar: f32, straight: f32, x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            let across = length2(*x, max(z.abs() - straight, 0.0)) - ring;
            *o = length2(across, *y) - bar;
        }
    }

    /// Where the tube is thicker than its ring, the inner part of the circle is no surface: what would land there ends at the point
    /// where the circle meets the axis.
    pub(super) fn torus<'a>(ring: f32, tube: f32, x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        let tip = max(tube * tube - ring * ring, 0.0).sqrt();
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            let r = length2(*x, *y);
            let d = length2(r - ring, *z);
            let behind = (ring * d < (ring - r) * tube) & (d < tube);
            let to_tip = length2(r, z.abs() - tip);
            *o = if behind { -to_tip } else { d - tube };
        }
    }
}
