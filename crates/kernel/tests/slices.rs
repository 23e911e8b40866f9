//! Contours and coverage: closed forms, each against the other, and against sampling the bilinear shape itself.

mod common;

use common::Rng;
use fieldstone_kernel::slice::{Plane, Polygon, Raster, contours, coverage, total_area};
use fieldstone_kernel::{Monitor, Patch};

fn patch(size: [f64; 2], n: [u32; 2]) -> Patch {
    Patch::new([size[0], size[1], 0.0], [-3.0, 2.0, 7.0], [n[0], n[1], 1]).unwrap()
}

fn sampled(patch: &Patch, f: impl Fn(f64, f64) -> f64) -> Vec<f32> {
    let [nx, ny, _] = patch.resolution();
    let at = |i, j| patch.position([i, j, 0]);
    (0..ny)
        .flat_map(|j| (0..nx).map(move |i| (i, j)))
        .map(|(i, j)| at(i, j))
        .map(|[x, y, _]| f(x, y) as f32)
        .collect()
}

fn cut(patch: &Patch, samples: &[f32], iso: f32, tolerance: f64) -> Vec<Polygon> {
    contours(&Plane::new(patch, samples), iso, tolerance, &Monitor::none()).unwrap()
}

fn covered(patch: &Patch, samples: &[f32], iso: f32, pixel: [f64; 2]) -> (Raster, Vec<u8>) {
    let raster = Raster::new(patch, pixel, 1 << 30).unwrap();
    let mut out = vec![0; raster.pixels()];
    coverage(&Plane::new(patch, samples), iso, &raster, &mut out, &Monitor::none()).unwrap();
    (raster, out)
}

fn pixel_area(raster: &Raster, pixels: &[u8]) -> f64 {
    pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / 255.0 * raster.pixel()[0] * raster.pixel()[1]
}

/// Noise with islands in holes in islands, that also leaves the plane.
fn noise(rng: &mut Rng, n: [u32; 2]) -> Vec<f32> {
    let coarse: Vec<f32> = (0..n[0] * n[1]).map(|_| rng.below(2001) as f32 / 1000.0 - 1.0).collect();
    let (nx, ny) = (n[0] as usize, n[1] as usize);
    // Half of the fields are smoothed, which gives larger shapes.
    if rng.below(2) == 0 {
        return coarse;
    }
    let at = |i: usize, j: usize| coarse[j.min(ny - 1) * nx + i.min(nx - 1)];
    (0..nx * ny)
        .map(|k| (k % nx, k / nx))
        .map(|(i, j)| at(i, j) + at(i + 1, j) + at(i, j + 1) + at(i + 1, j + 1))
        .collect()
}

fn winding(polygon: &Polygon, [x, y]: [f64; 2]) -> bool {
    let p = polygon.points();
    let mut inside = false;
    for (a, b) in p.iter().zip(p.iter().cycle().skip(1)) {
        if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    inside
}

#[test]
fn a_disc_converges_with_the_square_of_the_cell() {
    let exact = std::f64::consts::PI * 1.6f64.powi(2);
    let mut errors = Vec::new();
    for n in [32, 64, 128, 256] {
        let p = patch([4.0, 4.0], [n, n]);
        let disc = sampled(&p, |x, y| (x + 1.013).hypot(y - 4.021) - 1.6);
        let polygons = cut(&p, &disc, 0.0, 0.0);
        assert_eq!(polygons.len(), 1);
        let (raster, pixels) = covered(&p, &disc, 0.0, [0.01, 0.01]);
        errors.push([(total_area(&polygons) - exact).abs(), (pixel_area(&raster, &pixels) - exact).abs()]);
    }
    for k in 0..2 {
        let rate = (errors[0][k] / errors[3][k]).log2() / 3.0;
        assert!(rate > 1.7, "order {rate} of {errors:?}");
        assert!(errors[3][k] < 3e-4, "{errors:?}");
    }
}

#[test]
fn a_ring_has_an_outside_and_a_hole() {
    let p = patch([4.0, 4.0], [128, 128]);
    let polygons = cut(&p, &sampled(&p, |x, y| ((x + 1.013).hypot(y - 4.021) - 1.15).abs() - 0.45), 0.0, 0.0);
    assert_eq!(polygons.iter().map(Polygon::is_hole).collect::<Vec<_>>(), [false, true]);
    let exact = std::f64::consts::PI * (1.6f64.powi(2) - 0.7f64.powi(2));
    assert!((total_area(&polygons) - exact).abs() < 1e-4);
}

#[test]
fn orientation_tells_holes_and_alternates_with_nesting() {
    let mut rng = Rng(5);
    for round in 0..60 {
        let n = [2 + rng.below(24) as u32, 2 + rng.below(24) as u32];
        let p = patch([f64::from(n[0]), 0.5 * f64::from(n[1])], n);
        let samples = noise(&mut rng, n);
        let iso = rng.below(1001) as f32 / 1000.0 - 0.5;
        let polygons = cut(&p, &samples, iso, 0.0);
        let [sx, sy, _] = p.size();
        for (i, one) in polygons.iter().enumerate() {
            let points = one.points();
            assert!(points.iter().zip(points.iter().cycle().skip(1)).all(|(a, b)| a != b));
            assert!(
                points.iter().all(|[x, y]| (-3.0..=sx - 3.0).contains(x) && (2.0..=sy + 2.0).contains(y))
            );
            // A point of its own boundary, which no other polygon passes through.
            let mid = [0, 1].map(|a| 0.5 * (points[0][a] + points[1][a]));
            let depth = polygons.iter().enumerate().filter(|(j, o)| *j != i && winding(o, mid)).count();
            assert_eq!(depth % 2 == 1, one.is_hole(), "round {round}, polygon {i} at depth {depth}");
        }
    }
}

#[test]
fn contours_and_coverage_agree_to_the_rounding() {
    let mut rng = Rng(6);
    for round in 0..60 {
        let n = [2 + rng.below(40) as u32, 2 + rng.below(40) as u32];
        let p = patch([0.3 * f64::from(n[0]), 0.2 * f64::from(n[1])], n);
        let samples = noise(&mut rng, n);
        // Not smaller than the cells: the same polygon.
        let k = 1.0 + rng.below(300) as f64 / 100.0;
        let pixel = [k * p.spacing()[0], (k + 0.3) * p.spacing()[1]];
        let (raster, pixels) = covered(&p, &samples, 0.1, pixel);
        let exact = total_area(&cut(&p, &samples, 0.1, 0.0));
        let bound = 0.5 / 255.0 * pixel[0] * pixel[1] * pixels.len() as f64 + 1e-9;
        let got = pixel_area(&raster, &pixels);
        assert!((got - exact).abs() < bound, "round {round}: {got}, polygons {exact}, bound {bound}");
    }
}

#[test]
fn every_pixel_is_the_bilinear_shapes_share() {
    let mut rng = Rng(7);
    let n = [7, 6];
    let p = patch([6.0, 5.0], n);
    let samples = noise(&mut rng, n);
    let (raster, pixels) = covered(&p, &samples, 0.0, [0.25, 0.2]);
    let value = |x: f64, y: f64| {
        let (i, j) = ((x as usize).min(5), (y as usize).min(4));
        let (u, v) = (x - i as f64, y - j as f64);
        let at = |i: usize, j: usize| f64::from(samples[j * 7 + i]);
        (at(i, j) * (1.0 - u) + at(i + 1, j) * u) * (1.0 - v)
            + (at(i, j + 1) * (1.0 - u) + at(i + 1, j + 1) * u) * v
    };
    const SUB: usize = 40;
    let (mut sum, mut worst) = (0.0, 0.0f64);
    for (k, &got) in pixels.iter().enumerate() {
        let (column, row) = (k % raster.width() as usize, k / raster.width() as usize);
        let below = raster.height() as usize - 1 - row;
        let hits = (0..SUB * SUB).filter(|s| {
            let (u, v) = ((s % SUB) as f64 + 0.5, (s / SUB) as f64 + 0.5);
            value((column as f64 + u / SUB as f64) * 0.25, (below as f64 + v / SUB as f64) * 0.2) < 0.0
        });
        let error = (f64::from(got) / 255.0 - hits.count() as f64 / (SUB * SUB) as f64).abs();
        (sum, worst) = (sum + error, worst.max(error));
    }
    // The oracle itself errs by about 1/SUB at an edge; noise bends sharply near saddles.
    assert!(
        worst < 0.1 && sum / (pixels.len() as f64) < 0.003,
        "worst {worst}, mean {}",
        sum / pixels.len() as f64
    );
}

#[test]
fn what_leaves_the_plane_is_closed_along_its_border() {
    let p = patch([4.0, 3.0], [9, 7]);
    let polygons = cut(&p, &[-1.0; 63], 0.0, 0.0);
    assert_eq!(polygons.len(), 1);
    assert_eq!(polygons[0].points().len(), 4, "{polygons:?}");
    assert_eq!(polygons[0].area(), 12.0);
    let (_, pixels) = covered(&p, &[-1.0; 63], 0.0, [0.3, 0.3]);
    // 14 × 10 pixels: the last column and none of the rows reach beyond the patch.
    for (k, &v) in pixels.iter().enumerate() {
        let share = if k % 14 == 13 { 4.0 / 0.3 - 13.0 } else { 1.0 };
        assert!((f64::from(v) - 255.0 * share).abs() <= 0.51, "pixel {k}: {v}");
    }
    assert!(cut(&p, &[1.0; 63], 0.0, 0.0).is_empty());
    assert!(cut(&p, &[0.0; 63], 0.0, 0.0).is_empty(), "the isovalue itself is outside");
    // A half plane leaves on three sides.
    let half = cut(&p, &sampled(&p, |x, _| x + 1.25), 0.0, 0.0);
    assert_eq!((half.len(), half[0].points().len()), (1, 4));
    assert!((half[0].area() - 1.75 * 3.0).abs() < 1e-6);
}

#[test]
fn a_tolerance_takes_points_and_little_area() {
    let p = patch([4.0, 4.0], [200, 200]);
    let disc = sampled(&p, |x, y| (x + 1.0).hypot(y - 4.0) - 1.5);
    let (fine, coarse) = (cut(&p, &disc, 0.0, 0.0), cut(&p, &disc, 0.0, 0.01));
    assert!(coarse[0].points().len() * 5 < fine[0].points().len());
    // No point moves inward or outward by more than the tolerance.
    let bound = 0.01 * std::f64::consts::TAU * 1.5;
    assert!((fine[0].area() - coarse[0].area()).abs() < bound);
}

/// Twice the signed area of a triangle.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

#[test]
fn simplified_contours_cross_neither_themselves_nor_each_other() {
    let mut rng = Rng(8);
    let mut left_out = 0;
    for round in 0..80 {
        let n = [4 + rng.below(24) as u32, 4 + rng.below(24) as u32];
        let p = patch([f64::from(n[0] - 1), f64::from(n[1] - 1)], n);
        let samples = noise(&mut rng, n);
        let tolerance = [0.05, 0.3, 1.0, 5.0][round % 4];
        let (all, few) = (cut(&p, &samples, 0.0, 0.0), cut(&p, &samples, 0.0, tolerance));
        let points = |polygons: &[Polygon]| polygons.iter().map(|p| p.points().len()).sum::<usize>();
        left_out += points(&all) - points(&few);
        assert_eq!(all.len(), few.len(), "round {round}: islands and holes stay");
        let edges: Vec<[[f64; 2]; 2]> = few
            .iter()
            .flat_map(|p| p.points().iter().zip(p.points().iter().cycle().skip(1)))
            .map(|(a, b)| [*a, *b])
            .collect();
        for (i, [a, b]) in edges.iter().enumerate() {
            for [c, d] in &edges[..i] {
                let through =
                    turn(*a, *b, *c) * turn(*a, *b, *d) < 0.0 && turn(*c, *d, *a) * turn(*c, *d, *b) < 0.0;
                assert!(!through, "round {round}: {:?} crosses {:?}", [a, b], [c, d]);
            }
        }
        for (i, (one, before)) in few.iter().zip(&all).enumerate() {
            assert_eq!(one.is_hole(), before.is_hole(), "round {round}");
            let points = one.points();
            let mid = [0, 1].map(|a| 0.5 * (points[0][a] + points[1][a]));
            let depth = few.iter().enumerate().filter(|(j, o)| *j != i && winding(o, mid)).count();
            assert_eq!(depth % 2 == 1, one.is_hole(), "round {round}, polygon {i} at depth {depth}");
        }
    }
    assert!(left_out > 3000, "{left_out}");
}

#[test]
fn neither_threads_nor_odd_values_show() {
    let mut rng = Rng(9);
    let n = [90, 110];
    let p = patch([4.0, 4.0], n);
    let mut samples = noise(&mut rng, n);
    for v in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 0.0, -0.0] {
        (0..100).for_each(|_| samples[rng.below(9900)] = v);
    }
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (cut(&p, &samples, 0.0, 0.0), covered(&p, &samples, 0.0, [0.01, 0.013]).1))
    };
    let (one, four) = (run(1), run(4));
    assert!(one == four);
    assert!(one.0.iter().flat_map(Polygon::points).flatten().all(|c| c.is_finite()));
}

#[test]
fn thin_planes_and_bad_pixels() {
    let line = patch([4.0, 0.0], [5, 1]);
    assert!(cut(&line, &[-1.0; 5], 0.0, 0.0).is_empty());
    assert!(covered(&line, &[-1.0; 5], 0.0, [1.0, 1.0]).1.iter().all(|&v| v == 0));
    let p = patch([4.0, 4.0], [5, 5]);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
        assert!(Raster::new(&p, [0.1, bad], 1 << 20).is_err(), "{bad}");
    }
    let message = Raster::new(&p, [0.001, 0.001], 1_000_000).unwrap_err().to_string();
    assert_eq!(message, "16000000 pixels in a layer, more than the limit of 1000000");
}

#[test]
fn cancelling_ends_it() {
    let cancel = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let monitor = Monitor::new(cancel, |_| ());
    let p = patch([1.0, 1.0], [3, 3]);
    let plane = Plane::new(&p, &[-1.0; 9]);
    assert!(contours(&plane, 0.0, 0.0, &monitor).is_err());
    let raster = Raster::new(&p, [0.1, 0.1], 1000).unwrap();
    assert!(coverage(&plane, 0.0, &raster, &mut [0; 100], &monitor).is_err());
}
