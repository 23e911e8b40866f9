//! Preprocessing of parts that overlap, touch and nest, against closed forms.

use fieldstone_kernel::mesh::{Preprocess, preprocess};
use fieldstone_kernel::testing::{cuboid, joined};
use fieldstone_kernel::{Monitor, TriMesh};

/// A box with its faces turned outward, or all inward.
fn block(min: [f32; 3], max: [f32; 3], inward: bool) -> TriMesh {
    let mut mesh = cuboid(min, max);
    mesh.triangles.iter_mut().filter(|_| inward).for_each(|t| t.swap(1, 2));
    mesh
}

#[test]
fn overlapping_shells_become_their_union_however_they_faced() {
    let second = |inward| block([10.0; 3], [30.0; 3], inward);
    let mut one_flipped = joined(&cuboid([0.0; 3], [20.0; 3]), &second(false));
    one_flipped.triangles[15].swap(0, 1);
    let inverted = joined(&block([0.0; 3], [20.0; 3], true), &second(false));
    let both = joined(&block([0.0; 3], [20.0; 3], true), &second(true));
    for mesh in [one_flipped, inverted, both, joined(&cuboid([0.0; 3], [20.0; 3]), &second(false))] {
        let (_, report) = preprocess(mesh, &Preprocess::default(), &Monitor::none()).unwrap();
        assert!((report.volume - 15000.0).abs() < 1e-3, "{}", report.volume);
        assert!((report.area - 4200.0).abs() < 1e-3 && report.watertight && report.components == 1);
    }
}

#[test]
fn the_wall_between_boxes_that_touch_goes_but_a_sheet_given_twice_stays_once() {
    let stacked = joined(&cuboid([0.0; 3], [2.0, 2.0, 1.0]), &cuboid([0.0, 0.0, 1.0], [2.0, 2.0, 3.0]));
    let (_, report) = preprocess(stacked, &Preprocess::default(), &Monitor::none()).unwrap();
    assert!((report.volume - 12.0).abs() < 1e-6 && (report.area - 32.0).abs() < 1e-6 && report.watertight);
    // The same, one of them inside out; and two that share the wall in which both end.
    let inverted = joined(&cuboid([0.0; 3], [2.0, 2.0, 1.0]), &block([0.0, 0.0, 1.0], [2.0, 2.0, 3.0], true));
    let flush = joined(&cuboid([0.0; 3], [2.0, 2.0, 1.0]), &cuboid([0.0; 3], [2.0, 2.0, 3.0]));
    for (mesh, volume) in [(inverted, 12.0), (flush, 12.0)] {
        let (_, report) = preprocess(mesh, &Preprocess::default(), &Monitor::none()).unwrap();
        assert!((report.volume - volume).abs() < 1e-6 && (report.area - 32.0).abs() < 1e-6, "{report:?}");
        assert!(report.watertight);
    }
    let mut sheet = cuboid([0.0; 3], [2.0, 2.0, 1.0]);
    sheet.triangles.truncate(4);
    let twice = joined(&sheet, &sheet);
    let (mesh, _) = preprocess(twice, &Preprocess::default(), &Monitor::none()).unwrap();
    assert_eq!(mesh.triangles.len(), 4);
}

#[test]
fn a_cavity_that_touches_the_wall_from_inside_stays_a_cavity() {
    let mesh = joined(&cuboid([0.0; 3], [4.0; 3]), &block([0.0, 1.0, 1.0], [2.0, 3.0, 3.0], true));
    let (_, report) = preprocess(mesh, &Preprocess::default(), &Monitor::none()).unwrap();
    assert!((report.volume - 56.0).abs() < 1e-6, "{}", report.volume);
}
