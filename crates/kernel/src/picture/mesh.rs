//! A mesh, drawn triangle by triangle; of two the nearer is seen.

use super::{Frame, Rays, Vector, seen, shade};
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::vector;

/// Triangles between two looks at the monitor.
const AT_ONCE: usize = 256;

/// A picture of `pixels` by `pixels`: red, green, blue, cover of each, from the top. Faces are seen from both sides. A mesh without triangles
/// is seen nowhere.
pub fn mesh_picture(mesh: &TriMesh, pixels: u32, monitor: &Monitor) -> Result<Vec<u8>, Cancelled> {
    let mut rays = Rays::new(pixels);
    let place = |i: u32| seen(mesh.positions[i as usize].map(f64::from));
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for part in mesh.triangles.chunks(AT_ONCE) {
        monitor.check()?;
        for p in part.iter().flatten().map(|i| place(*i)) {
            (0..2).for_each(|k| (low[k], high[k]) = (low[k].min(p[k]), high[k].max(p[k])));
        }
    }
    let frame = Frame::around(low, high, rays.size);
    let mut depths = vec![f64::INFINITY; rays.colours.len()];
    for part in mesh.triangles.chunks(AT_ONCE) {
        monitor.check()?;
        for triangle in part {
            draw(&mut rays, &mut depths, &frame, triangle.map(place), mesh_normal(mesh, *triangle));
        }
    }
    Ok(rays.finish())
}

/// The normal of the side that is seen.
fn mesh_normal(mesh: &TriMesh, triangle: [u32; 3]) -> Vector {
    let normal = vector::normal(triangle.map(|i| mesh.positions[i as usize].map(f64::from)));
    if seen(normal)[2] > 0.0 { normal.map(|v| -v) } else { normal }
}

fn draw(rays: &mut Rays, depths: &mut [f64], frame: &Frame, corners: [Vector; 3], normal: Vector) {
    let [a, b, c] = corners.map(|p| frame.place([p[0], p[1]]));
    let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    // Seen from its edge.
    if area == 0.0 || !area.is_finite() {
        return;
    }
    let colour = shade(normal, 1.0).map(|v| v as f32);
    let span = |k: usize| {
        let (low, high) = (a[k].min(b[k]).min(c[k]), a[k].max(b[k]).max(c[k]));
        let last = rays.size as f64;
        (low - 0.5).ceil().clamp(0.0, last) as usize..((high - 0.5).floor() + 1.0).clamp(0.0, last) as usize
    };
    let (columns, rows) = (span(0), span(1));
    for row in rows {
        let y = row as f64 + 0.5;
        for column in columns.clone() {
            let x = column as f64 + 0.5;
            // Barycentric coordinates.
            let wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area;
            let wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area;
            let wa = 1.0 - wb - wc;
            if wa < 0.0 || wb < 0.0 || wc < 0.0 {
                continue;
            }
            let depth = wa * corners[0][2] + wb * corners[1][2] + wc * corners[2][2];
            let at = row * rays.size + column;
            if depth < depths[at] {
                depths[at] = depth;
                rays.colours[at] = Some(colour);
            }
        }
    }
}
