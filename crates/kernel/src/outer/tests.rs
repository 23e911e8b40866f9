//! The surface of overlapping, touching and nested parts against closed forms.

use super::*;
use crate::testing::{bumpy_sphere, cuboid, joined, torus};

fn surface(mesh: &TriMesh) -> Faces {
    let bvh = Bvh::build(mesh, &Monitor::none()).unwrap();
    outer(mesh, &bvh, MAX_CONTACTS, &Monitor::none()).unwrap()
}

fn check(mesh: &TriMesh, volume: f64, area: f64) {
    let Faces::SomeInner(found) = surface(mesh) else { panic!("no inner face found") };
    let (v, a) = (found.mesh.signed_volume(), found.mesh.area());
    assert!((v - volume).abs() < 1e-6 * volume, "volume {v}, not {volume}");
    assert!((a - area).abs() < 1e-6 * area, "area {a}, not {area}");
    assert!(Shells::of(&found.mesh, |i| i).closed);
}

#[test]
fn overlapping_boxes() {
    let a = cuboid([0.0; 3], [20.0; 3]);
    check(&joined(&a, &cuboid([10.0; 3], [30.0; 3])), 15000.0, 4200.0);
    // Sunk in, flush on four sides, face to face, the same twice, and one inside the other.
    check(&joined(&a, &cuboid([5.0, 5.0, 19.0], [15.0, 15.0, 30.0])), 9000.0, 2400.0 + 400.0);
    check(&joined(&a, &cuboid([0.0, 0.0, 15.0], [20.0, 20.0, 30.0])), 12000.0, 3200.0);
    check(&joined(&a, &cuboid([0.0, 0.0, 20.0], [20.0, 20.0, 30.0])), 12000.0, 3200.0);
    check(&joined(&a, &cuboid([5.0, 5.0, 20.0], [15.0, 15.0, 30.0])), 9000.0, 2400.0 + 400.0);
    check(&joined(&a, &a), 8000.0, 2400.0);
    check(&joined(&a, &cuboid([5.0; 3], [15.0; 3])), 8000.0, 2400.0);
}

#[test]
fn many_boxes_through_each_other() {
    let mut all = cuboid([0.0, 4.0, 4.0], [30.0, 6.0, 6.0]);
    for i in 0..5 {
        let at = 1.0 + 6.0 * i as f32;
        all = joined(&all, &cuboid([at, 0.0, 4.0], [at + 2.0, 10.0, 6.0]));
        all = joined(&all, &cuboid([at, 4.5, 0.0], [at + 2.0, 5.5, 10.0]));
    }
    let volume = 120.0 + 5.0 * (2.0 * 8.0 * 2.0) + 5.0 * (2.0 * 1.0 * 8.0);
    let Faces::SomeInner(found) = surface(&all) else { panic!() };
    assert!((found.mesh.signed_volume() - volume).abs() < 1e-3, "{}", found.mesh.signed_volume());
}

#[test]
fn nothing_is_done_where_nothing_overlaps() {
    let ball = bumpy_sphere(24, 48, 10.0, 0.2);
    let mut cavity = cuboid([-1.0; 3], [1.0; 3]);
    cavity.triangles.iter_mut().for_each(|t| t.swap(0, 1));
    let apart = cuboid([20.0; 3], [21.0; 3]);
    for mesh in [ball.clone(), torus(20, 12, 5.0, 1.0), joined(&ball, &cavity), joined(&ball, &apart)] {
        assert!(matches!(surface(&mesh), Faces::AllOuter));
    }
}
