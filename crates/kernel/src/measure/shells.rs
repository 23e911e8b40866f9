//! The shells of a mesh as it was read (what hangs together over vertices of equal position), and which of them a field lost.

use crate::aabb::Aabb;
use crate::mesh::{TriMesh, equal_positions};
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::union_find::{Numbering, unite_corners};
use crate::vector::{Vector, cross, dot, norm, sub};

/// Area vectors of a closed shell sum to nothing; to this share of its area.
const CLOSED: f64 = 1e-4;

/// One shell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shell {
    /// Box of its vertices.
    pub bounds: Aabb,
    /// Enclosed volume, negative where the faces look inward; means something where it is closed.
    pub volume: f64,
    /// Whether its faces look evenly in all directions, as those of every closed shell do.
    pub closed: bool,
}

#[derive(Clone, Copy)]
struct Sums {
    bounds: Aabb,
    origin: Vector,
    volume: f64,
    area: f64,
    normal: Vector,
}

/// The shells of `mesh` in the order of their first triangles.
pub fn shells(mesh: &TriMesh, monitor: &Monitor) -> Result<Vec<Shell>, Cancelled> {
    let mut parent = equal_positions(&mesh.positions, monitor)?;
    unite_corners(&mut parent, &mesh.triangles, monitor)?;
    let mut numbers = Numbering::new(mesh.positions.len());
    let mut sums: Vec<Sums> = vec![];
    for (t, triangle) in mesh.triangles.iter().enumerate() {
        if t.is_multiple_of(1 << 16) {
            monitor.check()?;
        }
        let (shell, is_new) = numbers.of(&mut parent, triangle[0]);
        let corners = mesh.corners(t);
        if is_new {
            let origin = corners[0].map(f64::from);
            sums.push(Sums { bounds: Aabb::EMPTY, origin, volume: 0.0, area: 0.0, normal: [0.0; 3] });
        }
        sums[shell].add(corners);
    }
    Ok(sums.into_iter().map(Sums::shell).collect())
}

impl Sums {
    fn add(&mut self, corners: [[f32; 3]; 3]) {
        corners.iter().for_each(|p| self.bounds.grow(*p));
        // From a vertex of the shell, so that small shells far away keep their digits.
        let [a, b, c] = corners.map(|p| sub(p.map(f64::from), self.origin));
        let normal = cross(sub(b, a), sub(c, a));
        self.volume += dot(a, normal);
        self.area += norm(normal);
        self.normal = sub(self.normal, normal);
    }

    fn shell(self) -> Shell {
        let closed = norm(self.normal) <= CLOSED * self.area;
        Shell { bounds: self.bounds, volume: self.volume / 6.0, closed }
    }
}

/// The closed shells of which `field`, the samples of `patch`, has nothing: no sample in the shell's box is inside, or none is outside
/// where its faces look inward. Boxes are searched until as many samples were looked at as there are; shells behind that
/// count as kept.
pub fn lost_shells(
    shells: &[Shell],
    field: &[f32],
    patch: &Patch,
    monitor: &Monitor,
) -> Result<Vec<Shell>, Cancelled> {
    let mut left = field.len();
    let mut lost = vec![];
    for shell in shells.iter().filter(|s| s.closed && s.volume != 0.0) {
        monitor.check()?;
        let wanted = |v: &f32| (*v < 0.0) == (shell.volume > 0.0);
        match any_within(&shell.bounds, field, patch, wanted, &mut left) {
            Some(true) => {}
            Some(false) => lost.push(*shell),
            None => break,
        }
    }
    Ok(lost)
}

/// Whether a sample in the box is wanted; `None` where more samples than `left` would have to be looked at.
fn any_within(
    bounds: &Aabb,
    field: &[f32],
    patch: &Patch,
    wanted: impl Fn(&f32) -> bool,
    left: &mut usize,
) -> Option<bool> {
    let (n, h, offset) = (patch.resolution().map(|n| n as usize), patch.spacing(), patch.offset());
    let range = |a: usize| {
        let cells = |v: f32| if h[a] > 0.0 { (f64::from(v) - offset[a]) / h[a] } else { 0.0 };
        let (first, last) = (cells(bounds.min[a]).ceil().max(0.0), cells(bounds.max[a]).floor());
        first as usize..((last + 1.0).max(0.0) as usize).min(n[a])
    };
    let [x, y, z] = [range(0), range(1), range(2)];
    for k in z {
        for j in y.clone() {
            let row = (k * n[1] + j) * n[0];
            let samples = if x.is_empty() { &[] } else { &field[row + x.start..row + x.end] };
            if samples.iter().any(&wanted) {
                return Some(true);
            }
            *left = left.checked_sub(samples.len())?;
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cuboid, joined};

    #[test]
    fn loose_triangles_hang_together_where_their_corners_are_equal() {
        let both = joined(&cuboid([0.0; 3], [1.0, 2.0, 3.0]), &cuboid([5.0; 3], [6.0; 3]));
        let mut soup = TriMesh {
            positions: (0..both.triangles.len()).flat_map(|t| both.corners(t)).collect(),
            triangles: (0..both.triangles.len() as u32).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect(),
        };
        let found = shells(&soup, &Monitor::none()).unwrap();
        assert_eq!(
            found.iter().map(|s| (s.volume, s.closed)).collect::<Vec<_>>(),
            [(6.0, true), (1.0, true)]
        );
        assert_eq!(found[0].bounds, Aabb { min: [0.0; 3], max: [1.0, 2.0, 3.0] });
        soup.triangles.pop();
        assert!(!shells(&soup, &Monitor::none()).unwrap()[1].closed);
    }

    #[test]
    fn what_lies_between_the_samples_is_lost() {
        let patch = Patch::new([10.0; 3], [0.0; 3], [11; 3]).unwrap();
        let at = |i: usize| i as f32;
        let ball = |i: usize| {
            let r = |x: f32| x - 4.0;
            (r(at(i % 11)).powi(2) + r(at(i / 11 % 11)).powi(2) + r(at(i / 121)).powi(2)).sqrt() - 3.0
        };
        let field: Vec<f32> = (0..1331).map(ball).collect();
        let seen = cuboid([2.0; 3], [6.0; 3]);
        let thin = cuboid([8.2, 8.2, 1.0], [8.6, 8.6, 9.0]);
        let mut bubble = cuboid([4.2; 3], [4.4; 3]);
        bubble.triangles.iter_mut().for_each(|t| t.swap(0, 1));
        let found = shells(&joined(&joined(&seen, &thin), &bubble), &Monitor::none()).unwrap();
        let lost = lost_shells(&found, &field, &patch, &Monitor::none()).unwrap();
        assert_eq!(lost, found[1..]);
    }
}
