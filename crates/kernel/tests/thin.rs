//! What is too thin for its grid is found and measured: walls, gaps and struts of known thickness, and nothing in healthy parts.

use fieldstone_kernel::Monitor;
use fieldstone_kernel::measure::{ThinFinder, ThinKind, ThinPlace};
use fieldstone_kernel::testing::Rng;

type Vec3 = [f64; 3];
type Field<'a> = &'a dyn Fn(Vec3) -> f64;

/// What is found in `field` on `n` samples per axis, `cell` apart, around the origin, in slabs of so many planes.
fn found_in_slabs(n: u32, cell: Vec3, slab: usize, field: Field) -> Vec<ThinPlace> {
    let low = cell.map(|c| -0.5 * c * f64::from(n - 1));
    let steps = [[cell[0], 0.0, 0.0], [0.0, cell[1], 0.0], [0.0, 0.0, cell[2]]];
    let mut finder = ThinFinder::new([n; 3], low, steps, 0.0);
    let at = |i: [u32; 3]| [0, 1, 2].map(|a| low[a] + cell[a] * f64::from(i[a]));
    let samples: Vec<f32> = (0..n * n * n).map(|i| field(at([i % n, i / n % n, i / n / n])) as f32).collect();
    for planes in samples.chunks(slab * (n * n) as usize) {
        finder.planes(planes, &Monitor::none()).unwrap();
    }
    finder.finish(None)
}

fn found(n: u32, field: Field) -> Vec<ThinPlace> {
    found_in_slabs(n, [1.0; 3], n as usize, field)
}

fn length(v: Vec3) -> f64 {
    dot(v, v).sqrt()
}

fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(v: Vec3) -> Vec3 {
    v.map(|c| c / length(v))
}

fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Three directions at right angles; seed 0: those of the axes.
fn frame(seed: u64) -> [Vec3; 3] {
    if seed == 0 {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    let mut rng = Rng::new(seed);
    let mut any = || unit([0; 3].map(|_| rng.unit() - 0.5));
    let (a, b) = (any(), any());
    let c = unit(cross(a, b));
    [a, cross(c, a), c]
}

fn turned(seed: u64) -> impl Fn(Vec3) -> Vec3 {
    let axes = frame(seed);
    move |p| axes.map(|a| dot(a, p))
}

fn cuboid(p: Vec3, half: Vec3) -> f64 {
    let q = [0, 1, 2].map(|a| p[a].abs() - half[a]);
    length(q.map(|v| v.max(0.0))) + q[0].max(q[1]).max(q[2]).min(0.0)
}

fn gyroid(p: Vec3, period: f64) -> f64 {
    let q = p.map(|v| v * std::f64::consts::TAU / period);
    q[0].sin() * q[1].cos() + q[1].sin() * q[2].cos() + q[2].sin() * q[0].cos()
}

#[test]
fn walls_and_gaps_are_measured_at_any_angle_seen_or_lost() {
    for seed in 0..6 {
        let turn = turned(seed);
        for t in [0.05, 0.4, 1.0, 1.5, 1.9] {
            for middle in [0.0, 0.37] {
                let wall = |p: Vec3| (turn(p)[2] - middle).abs() - 0.5 * t;
                for (kind, sign) in [(ThinKind::Wall, 1.0), (ThinKind::Gap, -1.0)] {
                    let places = found(25, &|p| sign * wall(p));
                    let [place] = &places[..] else { panic!("{seed} {t} {middle}: {places:?}") };
                    assert_eq!(place.kind, kind, "{seed} {t}: {place:?}");
                    assert!((place.thickness / t - 1.0).abs() < 0.01, "{seed} {t}: {place:?}");
                    assert!((place.cell - 1.0).abs() < 1e-6 && wall(place.at) < -0.49 * t, "{place:?}");
                }
            }
        }
    }
}

#[test]
fn struts_and_specks_are_found_wherever_they_lie_between_the_samples() {
    for seed in 0..6 {
        let axes = frame(seed);
        for t in [0.3, 0.5, 1.0, 1.5, 1.8] {
            for at in [[0.0; 3], [0.5; 3], [0.31, 0.11, 0.72], [1.0, 0.5, 1.5]] {
                let from = |p: Vec3| [0, 1, 2].map(|a| p[a] - at[a]);
                let strut = |p: Vec3| length(cross(from(p), axes[0])) - 0.5 * t;
                let speck = |p: Vec3| length(from(p)) - 0.5 * t;
                for (what, field) in [("strut", &strut as Field), ("speck", &speck)] {
                    let places = found(21, field);
                    let [place] = &places[..] else { panic!("{what} {seed} {t} {at:?}: {places:?}") };
                    assert_eq!(place.kind, ThinKind::Strut, "{what} {seed} {t} {at:?} {place:?}");
                    let bound = if t < 0.5 { 0.25 } else { 0.1 };
                    assert!((place.thickness / t - 1.0).abs() < bound, "{what} {seed} {t} {at:?}: {place:?}");
                }
            }
        }
    }
}

#[test]
fn round_walls_and_flat_cells_too() {
    for t in [0.2, 0.8, 1.5] {
        let places = found(33, &|p| (length([p[0] - 0.3, p[1] - 0.2, p[2]]) - 12.0).abs() - 0.5 * t);
        let [place] = &places[..] else { panic!("{t}: {places:?}") };
        assert!((place.thickness / t - 1.0).abs() < 0.1, "{t}: {place:?}");
    }
    // Across cells of a quarter the wall has three of them, along z it is thinner than one.
    let cell = [0.25, 0.25, 1.0];
    let places = found_in_slabs(25, cell, 25, &|p| (p[2] - 0.2).abs() - 0.375);
    assert!((places[0].thickness - 0.75).abs() < 1e-3 && places[0].cell == 1.0, "{places:?}");
    assert_eq!(found_in_slabs(25, cell, 25, &|p| (p[0] - 0.2).abs() - 0.375), []);
}

#[test]
fn other_units_and_other_slabs_tell_the_same() {
    let turn = turned(5);
    let field = |p: Vec3| 400.0 * ((turn(p)[1] - 0.2).abs() - 0.45);
    let whole = found(40, &field);
    assert!((whole[0].thickness - 0.9).abs() < 1e-3);
    for slab in [1, 3, 11, 16] {
        assert_eq!(found_in_slabs(40, [1.0; 3], slab, &field), whole);
    }
}

#[test]
fn a_region_without_a_sample_inside_is_asked_about_between_the_samples() {
    let asked = |inside: bool| {
        let n = 16;
        let mut finder =
            ThinFinder::new([n; 3], [0.0; 3], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 0.0);
        let samples: Vec<f32> = (0..n * n * n).map(|i| ((i % n) as f32 - 7.5).abs() - 0.1).collect();
        finder.planes(&samples, &Monitor::none()).unwrap();
        finder.finish(Some(&|kind, [a, b]: [Vec3; 2]| {
            assert!(kind == ThinKind::Wall && a[0].min(b[0]) <= 7.0 && a[0].max(b[0]) >= 8.0);
            inside
        }))
    };
    assert_eq!((asked(true).len(), asked(false).len()), (1, 0));
}

#[test]
fn nothing_is_found_in_healthy_parts() {
    for seed in 0..5 {
        let turn = turned(seed);
        let wedge = |p: Vec3, degrees: f64| {
            let (sin, cos) = (0.5 * degrees).to_radians().sin_cos();
            (p[1].abs() * cos - (p[0] + 6.0) * sin).max(length(p) - 14.0)
        };
        let cone = |p: Vec3| {
            let (sin, cos) = 30f64.to_radians().sin_cos();
            (p[1].hypot(p[2]) * cos - (p[0] + 8.0) * sin).max(p[0] - 4.0)
        };
        let sheet = |p: Vec3, period: f64| gyroid(p, period).abs() * period / 8.8 - 1.5;
        let healthy: [(&str, Field); 14] = [
            ("box", &|p| cuboid(p, [9.0, 7.0, 5.0])),
            ("off the grid", &|p| cuboid([p[0] - 0.5, p[1] - 0.4, p[2] - 0.1], [8.0; 3])),
            ("hollow", &|p| cuboid(p, [10.0, 9.0, 11.0]).max(-cuboid(p, [5.0, 5.0, 7.0]))),
            ("octahedron", &|p| (p[0].abs() + p[1].abs() + p[2].abs() - 14.0) / 3f64.sqrt()),
            ("union", &|p| {
                cuboid(p, [10.0, 4.0, 4.0]).min(cuboid([p[0] - 1.0, p[1] - 3.0, p[2]], [3.0, 7.0, 5.5]))
            }),
            ("seam", &|p| cuboid(p, [6.0, 4.0, 4.0]).min(cuboid([p[0] - 11.9, p[1], p[2]], [6.0, 4.0, 4.0]))),
            ("wedge of 30°", &|p| wedge(p, 30.0)),
            ("wedge of 45°", &|p| wedge(p, 45.0)),
            ("cone", &cone),
            ("strut of 2.1", &|p| p[1].hypot(p[2]) - 1.05),
            ("ball and bite", &|p| (length(p) - 12.0).max(7.0 - length([p[0] - 9.0, p[1], p[2]]))),
            ("torus", &|p| (p[0].hypot(p[1]) - 9.0).hypot(p[2]) - 3.0),
            ("gyroid in a ball", &|p| (gyroid(p, 16.0) * 1.8).max(length(p) - 14.0)),
            ("sheet of three", &|p| sheet(p, 20.0)),
        ];
        for (name, field) in healthy {
            let places = found(37, &|p| field(turn(p)));
            assert_eq!(places, [], "{name} {seed}");
        }
    }
}

/// Parts that begin at multiples of a step, each with the planes beyond it that it reads, say together what the whole does.
#[test]
fn parts_together_find_what_the_whole_finds() {
    let (n, cell) = (53u32, [0.7, 1.0, 1.3]);
    let turn = turned(5);
    let field = |p: Vec3| {
        let q = turn(p);
        let rods = ((q[1] - 6.0).hypot(q[2]) - 0.8).min((q[1] + 7.0).hypot(q[2] - 3.0) - 0.3);
        ((q[0] + 16.0).abs() - 0.4).min(rods.max(6.0 - q[0]))
    };
    let low = cell.map(|c| -0.5 * c * f64::from(n - 1));
    let steps = [[cell[0], 0.0, 0.0], [0.0, cell[1], 0.0], [0.0, 0.0, cell[2]]];
    let at = |i: [u32; 3]| [0, 1, 2].map(|a| low[a] + cell[a] * f64::from(i[a]));
    let plane = n * n;
    let samples: Vec<f32> = (0..n * plane).map(|i| field(at([i % n, i / n % n, i / plane])) as f32).collect();
    let finder = || ThinFinder::new([n; 3], low, steps, 0.0);
    let expected = found_in_slabs(n, cell, 9, &field);
    assert!(expected.iter().map(|p| p.measured).sum::<usize>() > 1000, "{expected:?}");
    let mut rng = Rng::new(8);
    for _ in 0..10 {
        let cuts: Vec<u32> = (0..=n)
            .filter(|z| *z == 0 || *z == n || (z.is_multiple_of(ThinFinder::STEP) && rng.below(2) == 0))
            .collect();
        let (mut joined, mut words) = (finder(), vec![]);
        for range in cuts.windows(2) {
            let first = range[0].saturating_sub(ThinFinder::BEYOND);
            let mut part = finder().part(&(range[0]..range[1]), first);
            let end = (range[1] + ThinFinder::BEYOND).min(n);
            for planes in samples[(first * plane) as usize..(end * plane) as usize].chunks(3 * plane as usize)
            {
                part.planes(planes, &Monitor::none()).unwrap();
            }
            words = part.into_words();
            assert!(joined.join(&words));
        }
        assert!(!joined.join(&words) || words.is_empty(), "the same places twice");
        assert!(!joined.join(&[1, 2, 3]), "no bins");
        assert_eq!(joined.finish(None), expected, "{cuts:?}");
    }
}
