//! docs/lattices/*.png: a unit cell of each nodal surface, ray by ray.

use crate::run::root;
use anyhow::Context;
use fieldstone_kernel::lattice::tpms::{SURFACES, Surface};
use fieldstone_kernel::picture::{FORWARD, RIGHT, UP, Vector, shade};
use rayon::prelude::*;
use std::io::BufWriter;

/// Pixels along an edge.
const SIZE: u32 = 160;
/// Rays per pixel and axis.
const RAYS: u32 = 2;
/// Steps of a ray through the cell.
const STEPS: u32 = 120;

/// Writes a picture for each surface.
pub fn write() -> anyhow::Result<()> {
    let folder = root().join("docs/lattices");
    std::fs::create_dir_all(&folder)?;
    for surface in SURFACES {
        let path = folder.join(format!("{}.png", surface.id));
        let file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), SIZE, SIZE);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(&draw(surface))?;
    }
    eprintln!("wrote docs/lattices");
    Ok(())
}

fn draw(surface: &Surface) -> Vec<u8> {
    let row = |y: u32| (0..SIZE).flat_map(move |x| pixel(surface, x, y)).collect::<Vec<u8>>();
    (0..SIZE).into_par_iter().flat_map_iter(row).collect()
}

fn pixel(surface: &Surface, x: u32, y: u32) -> [u8; 3] {
    let mut sum = [0.0; 3];
    for j in 0..RAYS {
        for i in 0..RAYS {
            let at = |p: u32, sub: u32| {
                (f64::from(p) + (f64::from(sub) + 0.5) / f64::from(RAYS)) / f64::from(SIZE) - 0.5
            };
            let colour = ray(surface, at(x, i), -at(y, j));
            (0..3).for_each(|c| sum[c] += colour[c]);
        }
    }
    let scale = 255.0 / f64::from(RAYS * RAYS);
    sum.map(|v| (v * scale).round().clamp(0.0, 255.0) as u8)
}

/// Width of the view in cells.
const WIDTH: f64 = 1.9;

/// Colour where a ray first meets the solid; white where it does not.
fn ray(surface: &Surface, u: f64, v: f64) -> Vector {
    let start: Vector = std::array::from_fn(|a| 0.5 + WIDTH * (u * RIGHT[a] + v * UP[a]) - 2.0 * FORWARD[a]);
    let Some((enter, leave)) = through_cell(start) else { return [1.0; 3] };
    let at = |t: f64| -> Vector { std::array::from_fn(|a| start[a] + t * FORWARD[a]) };
    let inside = |t: f64| surface.value_and_gradient(at(t)).0 < 0.0;
    let step = (leave - enter) / f64::from(STEPS);
    for k in 0..=STEPS {
        let mut t = enter + step * f64::from(k) + 1e-9;
        if !inside(t) {
            continue;
        }
        if k == 0 {
            return shade(face_normal(at(enter)), 0.82);
        }
        let (mut out, mut within) = (t - step, t);
        for _ in 0..20 {
            t = 0.5 * (out + within);
            if inside(t) { within = t } else { out = t }
        }
        return shade(surface.value_and_gradient(at(within)).1, 1.0);
    }
    [1.0; 3]
}

/// Where a ray enters and leaves the cell.
fn through_cell(start: Vector) -> Option<(f64, f64)> {
    let mut span = (f64::NEG_INFINITY, f64::INFINITY);
    for a in 0..3 {
        let (t0, t1) = ((0.0 - start[a]) / FORWARD[a], (1.0 - start[a]) / FORWARD[a]);
        span = (span.0.max(t0.min(t1)), span.1.min(t0.max(t1)));
    }
    (span.0 < span.1).then_some(span)
}

/// Outward normal of the cell's face that the point is on.
fn face_normal(p: Vector) -> Vector {
    let depth = |a: usize| (p[a] - 0.5).abs();
    let axis = (0..3).max_by(|a, b| depth(*a).total_cmp(&depth(*b))).unwrap_or(0);
    std::array::from_fn(|a| if a == axis { (p[a] - 0.5).signum() } else { 0.0 })
}
