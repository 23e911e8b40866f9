//! Everything against trying every strut of many cells, in `f64`.

use super::*;
use crate::Monitor;
use crate::aabb::Aabb;
use crate::simd::Level;
use crate::testing::Rng;
use crate::vector::{cross, dot, sub};

const LIMITS: Limits = Limits { nodes: 10_000, edges: 10_000, candidates: 4_000_000 };
const STYLE: Style =
    Style { section: Section::Circle, section_radius: 0.2, node_radius: None, smoothing: 0.0 };

fn segment2(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (e, q) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let t = ((q[0] * e[0] + q[1] * e[1]) / (e[0] * e[0] + e[1] * e[1])).clamp(0.0, 1.0);
    (q[0] - t * e[0]).hypot(q[1] - t * e[1])
}

/// Signed distance to a polygon, by its edges and by counting crossings.
fn polygon(p: [f64; 2], corners: &[[f64; 2]]) -> f64 {
    let (mut best, mut inside) = (f64::INFINITY, false);
    for (i, a) in corners.iter().enumerate() {
        let b = corners[(i + 1) % corners.len()];
        best = best.min(segment2(p, *a, b));
        if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    if inside { -best } else { best }
}

fn oracle_strut(section: Section, p: [f64; 3], a: [f64; 3], b: [f64; 3], r: f64) -> f64 {
    let (e, q) = (sub(b, a), sub(p, a));
    let length = dot(e, e).sqrt();
    let u = e.map(|c| c / length);
    let along = dot(q, u);
    if section == Section::Circle {
        let t = along.clamp(0.0, length);
        let d: [f64; 3] = std::array::from_fn(|k| q[k] - t * u[k]);
        return dot(d, d).sqrt() - r;
    }
    let level = u[0].hypot(u[1]);
    let v = if level > 1e-9 { [-u[1] / level, u[0] / level, 0.0] } else { [1.0, 0.0, 0.0] };
    let w = cross(u, v);
    let b = r / 3.0;
    let outline: &[[f64; 2]] = match section {
        Section::Box => &[[-r, -r], [r, -r], [r, r], [-r, r]],
        _ => &[
            [-r, -b],
            [-b, -b],
            [-b, -r],
            [b, -r],
            [b, -b],
            [r, -b],
            [r, b],
            [b, b],
            [b, r],
            [-b, r],
            [-b, b],
            [-r, b],
        ],
    };
    let across = polygon([dot(q, v), dot(q, w)], outline);
    let beyond = (along - 0.5 * length).abs() - 0.5 * length - r;
    match across > 0.0 && beyond > 0.0 {
        true => across.hypot(beyond),
        false => across.max(beyond),
    }
}

/// The union as the module defines it, from all distances.
fn union(mut all: Vec<f64>, k: f64) -> f64 {
    all.sort_by(f64::total_cmp);
    let second = all.get(1).copied().unwrap_or(f64::INFINITY);
    if k <= 0.0 {
        return all[0];
    }
    let h = (1.0 - (second - all[0]) / k).max(0.0);
    all[0] - 0.5 * k * (1.0 + h - (1.0 + 2.0 * h - h * h).sqrt())
}

/// Distance to the repeated cell by trying `reach` cells around the point's own.
fn oracle_cell(
    p: [f64; 3],
    cell: &UnitCell,
    scale: [f64; 3],
    style: &Style,
    multiplier: f64,
    reach: i32,
) -> f64 {
    let home: [f64; 3] = std::array::from_fn(|k| (p[k] / scale[k]).floor());
    let mut all = vec![];
    for n in 0..(2 * reach + 1).pow(3) {
        let side = 2 * reach + 1;
        let shift = [n % side, n / side % side, n / side / side].map(|s| f64::from(s - reach));
        let at: Vec<[f64; 3]> = cell
            .nodes()
            .iter()
            .map(|q| std::array::from_fn(|k| (q[k] + home[k] + shift[k]) * scale[k]))
            .collect();
        let r = f64::from(style.section_radius) * multiplier;
        for e in cell.edges() {
            all.push(oracle_strut(style.section, p, at[e[0] as usize], at[e[1] as usize], r));
        }
        if let Some(radius) = style.node_radius {
            let used = (0..at.len() as u32).filter(|i| cell.edges().iter().flatten().any(|j| j == i));
            for q in used.map(|i| at[i as usize]) {
                all.push(dot(sub(p, q), sub(p, q)).sqrt() - f64::from(radius));
            }
        }
    }
    union(all, f64::from(style.smoothing))
}

fn random_cell(rng: &mut Rng) -> UnitCell {
    let count = 2 + rng.below(4);
    let nodes = (0..count).map(|_| std::array::from_fn(|_| rng.unit())).collect();
    let mut edges = vec![];
    for a in 0..count as u32 {
        for b in 0..a {
            if edges.is_empty() || rng.below(2) == 0 {
                edges.push([a, b]);
            }
        }
    }
    UnitCell::new(nodes, edges, &LIMITS).unwrap()
}

/// Centre to all corners.
fn bcc() -> UnitCell {
    let corner = |i: u32| std::array::from_fn(|a| f64::from(i >> a & 1));
    let nodes = std::iter::once([0.5; 3]).chain((0..8).map(corner)).collect();
    UnitCell::new(nodes, (1..9).map(|i| [0, i]).collect(), &LIMITS).unwrap()
}

type Columns = [Vec<f32>; 3];

fn points(rng: &mut Rng, count: usize, low: f64, high: f64) -> Columns {
    std::array::from_fn(|_| (0..count).map(|_| (low + (high - low) * rng.unit()) as f32).collect())
}

fn at(p: &Columns, i: usize) -> [f64; 3] {
    [0, 1, 2].map(|a| f64::from(p[a][i]))
}

fn sample_cell(l: &BeamLattice, p: &Columns, multiplier: Option<&[f32]>) -> Vec<f32> {
    let mut out = vec![0.0; p[0].len()];
    l.sample(Level::detect(), &p[0], &p[1], &p[2], multiplier, &mut out);
    out
}

#[test]
fn random_cells_agree_with_trying_every_strut() {
    let mut rng = Rng::new(1);
    for case in 0..36 {
        let cell = random_cell(&mut rng);
        let scale: [f64; 3] = std::array::from_fn(|_| 1.0 + 1.5 * rng.unit());
        let style = Style {
            section: [Section::Circle, Section::Box, Section::Cross][case % 3],
            section_radius: [0.02, 0.2, 0.6, 2.5][case % 4],
            node_radius: (case % 2 == 0).then_some([0.05, 0.5][case / 2 % 2]),
            smoothing: [0.0, 0.1, 0.4][case / 3 % 3],
        };
        let lattice = BeamLattice::new(&cell, scale, style, [0.5, 1.5], &LIMITS, &Monitor::none()).unwrap();
        let p = points(&mut rng, 60, -7.0, 7.0);
        let multiplier: Vec<f32> = (0..60).map(|_| 0.5 + rng.unit() as f32).collect();
        let got = sample_cell(&lattice, &p, Some(&multiplier));
        for i in 0..60 {
            let exact = oracle_cell(at(&p, i), &cell, scale, &style, f64::from(multiplier[i]), 4);
            let error = (f64::from(got[i]) - exact).abs();
            assert!(error < 4e-5, "case {case}, {:?}: {} for {exact}, {style:?}", at(&p, i), got[i]);
        }
    }
}

#[test]
fn struts_shared_by_cells_count_once() {
    // The twelve edges of a cube are three, its eight corners one: smoothing must not swell them.
    let corner = |i: u32| std::array::from_fn(|a| f64::from(i >> a & 1));
    let pairs = (0..8u32).flat_map(|i| (0..3).map(move |a| [i, i | 1 << a])).filter(|[a, b]| a != b);
    let cube = UnitCell::new((0..8).map(corner).collect(), pairs.collect(), &LIMITS).unwrap();
    let axes = UnitCell::new(
        vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        vec![[0, 1], [0, 2], [0, 3]],
        &LIMITS,
    )
    .unwrap();
    let style = Style { node_radius: Some(0.3), smoothing: 0.3, ..STYLE };
    let lattices = [cube, axes]
        .map(|c| BeamLattice::new(&c, [2.0; 3], style, [1.0; 2], &LIMITS, &Monitor::none()).unwrap());
    let p = points(&mut Rng::new(3), 500, -3.0, 3.0);
    let [a, b] = lattices.each_ref().map(|l| sample_cell(l, &p, None));
    let apart = a.iter().zip(&b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(apart < 2e-6, "{apart}");
}

#[test]
fn blocks_and_levels_give_the_same_bits() {
    let mut rng = Rng::new(5);
    let style = Style { section: Section::Cross, node_radius: Some(0.3), smoothing: 0.2, ..STYLE };
    let network = random_network(&mut rng, 60, true);
    for style in [style, Style { section: Section::Circle, ..style }, STYLE] {
        let lattice =
            BeamLattice::new(&bcc(), [1.0, 2.0, 1.5], style, [1.0; 2], &LIMITS, &Monitor::none()).unwrap();
        let p = points(&mut rng, 3000, -6.0, 16.0);
        let build = || {
            let bvh = NetworkBvh::build(&network, &Monitor::none()).unwrap();
            BeamNetwork::new(network.clone(), bvh, style).unwrap()
        };
        let run = |level, size: usize| {
            let beams = build();
            let [mut cell, mut net] = [vec![0.0; 3000], vec![0.0; 3000]];
            for from in (0..3000).step_by(size) {
                let r = from..(from + size).min(3000);
                let [x, y, z] = p.each_ref().map(|c| &c[r.clone()]);
                lattice.sample(level, x, y, z, None, &mut cell[r.clone()]);
                beams.sample(level, x, y, z, &mut net[r.clone()]);
            }
            [cell, net].map(|c| c.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let reference = run(Level::BASELINE, 3000);
        for level in Level::available() {
            for size in [1, 7, 64, 1024] {
                assert!(run(level, size) == reference, "{level:?}, blocks of {size}, {style:?}");
            }
        }
    }
}

fn random_network(rng: &mut Rng, count: usize, radii: bool) -> LineNetwork {
    let nodes: Vec<[f64; 3]> = (0..count).map(|_| std::array::from_fn(|_| 10.0 * rng.unit())).collect();
    let edges: Vec<[u32; 2]> = (1..count as u32).map(|i| [i, rng.below(i as usize) as u32]).collect();
    let radii = radii.then(|| edges.iter().map(|_| 0.05 + 0.6 * rng.unit() as f32).collect());
    LineNetwork::new(&nodes, edges, radii, &LIMITS).unwrap()
}

fn oracle_network(p: [f64; 3], network: &LineNetwork, style: &Style) -> f64 {
    let node = |i: u32| network.nodes()[i as usize].map(f64::from);
    let radius = |e: usize| f64::from(network.radii().map_or(style.section_radius, |r| r[e]));
    let edges = network.edges().iter().enumerate();
    let mut all: Vec<f64> =
        edges.map(|(i, e)| oracle_strut(style.section, p, node(e[0]), node(e[1]), radius(i))).collect();
    if let Some(r) = style.node_radius {
        all.extend((0..network.nodes().len() as u32).map(|i| {
            let d = sub(p, node(i));
            dot(d, d).sqrt() - f64::from(r)
        }));
    }
    union(all, f64::from(style.smoothing))
}

#[test]
fn networks_agree_with_trying_every_strut() {
    let mut rng = Rng::new(9);
    for case in 0..24 {
        let network = random_network(&mut rng, [2, 5, 40, 300][case % 4], case % 5 > 1);
        let style = Style {
            section: [Section::Circle, Section::Box, Section::Cross][case % 3],
            section_radius: [0.05, 0.3, 1.0][case / 2 % 3],
            node_radius: (case % 2 == 0).then_some([0.1, 0.6][case / 2 % 2]),
            smoothing: [0.0, 0.1, 0.8][case / 3 % 3],
        };
        let bvh = NetworkBvh::build(&network, &Monitor::none()).unwrap();
        let beams = BeamNetwork::new(network, bvh, style).unwrap();
        // Half of them far outside.
        let mut p = points(&mut rng, 300, -1.0, 11.0);
        let far = points(&mut rng, 300, -40.0, 50.0);
        p.iter_mut().zip(far).for_each(|(p, far)| p.extend(far));
        let mut out = vec![0.0; 600];
        beams.sample(Level::detect(), &p[0], &p[1], &p[2], &mut out);
        for i in 0..600 {
            let exact = oracle_network(at(&p, i), beams.network(), &style);
            let error = (f64::from(out[i]) - exact).abs();
            assert!(error < 1e-5 * (5.0 + exact), "case {case}, {:?}: {} for {exact}", at(&p, i), out[i]);
        }
    }
}

#[test]
fn a_blend_is_smooth_and_bounded() {
    let nodes = [[-5.0, 0.0, 0.0], [5.0, 0.0, 0.0], [0.0, -5.0, 0.3], [0.0, 5.0, 0.3]];
    let network = || LineNetwork::new(&nodes, vec![[0, 1], [2, 3]], None, &LIMITS).unwrap();
    let sampler = |smoothing| {
        let bvh = NetworkBvh::build(&network(), &Monitor::none()).unwrap();
        BeamNetwork::new(network(), bvh, Style { smoothing, ..STYLE }).unwrap()
    };
    let k = 0.5f32;
    let (sharp, smooth) = (sampler(0.0), sampler(k));
    // A line across the place where both struts are equally near, in steps of h.
    let h = 1.0 / 256.0;
    let t: Vec<f32> = (0..512).map(|i| h * i as f32).collect();
    let (y, z) = (vec![0.8; 512], vec![0.5; 512]);
    let values = [&sharp, &smooth].map(|s| {
        let mut out = vec![0.0; 512];
        s.sample(Level::detect(), &t, &y, &z, &mut out);
        out
    });
    let bend = |v: &[f32]| v.windows(3).fold(0.0f32, |m, w| m.max((w[0] - 2.0 * w[1] + w[2]).abs() / h));
    assert!(bend(&values[0]) > 0.5, "no crease to smooth: {}", bend(&values[0]));
    assert!(bend(&values[1]) < 0.03, "{}", bend(&values[1]));
    let most = k * (1.0 - 0.5f32.sqrt());
    let mut deepest = 0.0f32;
    for (a, b) in values[0].iter().zip(&values[1]) {
        assert!(b <= a && a - b <= most + 1e-6, "{a} {b}");
        deepest = deepest.max(a - b);
    }
    assert!(deepest > 0.99 * most, "{deepest} of {most}");
}

#[test]
fn ranges_hold_and_no_value_changes_faster_than_the_point() {
    let mut rng = Rng::new(13);
    let style = Style { section: Section::Box, node_radius: Some(0.3), smoothing: 0.3, ..STYLE };
    let lattice = BeamLattice::new(&bcc(), [2.0; 3], style, [0.5, 2.0], &LIMITS, &Monitor::none()).unwrap();
    for _ in 0..200 {
        let centre: [f64; 3] = std::array::from_fn(|_| rng.unit() * 9.0 - 4.0);
        let half = 0.3 * rng.unit();
        let over = Aabb { min: centre.map(|c| (c - half) as f32), max: centre.map(|c| (c + half) as f32) };
        let [low, high] = lattice.range(&over, [0.5, 2.0]);
        let p: Columns = std::array::from_fn(|a| {
            (0..32).map(|_| (centre[a] + half * (2.0 * rng.unit() - 1.0)) as f32).collect()
        });
        let multiplier: Vec<f32> = (0..32).map(|_| (0.5 + 1.5 * rng.unit()) as f32).collect();
        let graded = sample_cell(&lattice, &p, Some(&multiplier));
        assert!(graded.iter().all(|v| (low..=high).contains(v)), "{low} {high} {graded:?}");
        let plain = sample_cell(&lattice, &p, None);
        for i in 1..32 {
            let d = sub(at(&p, i), at(&p, i - 1));
            let apart = f64::from((plain[i] - plain[i - 1]).abs());
            assert!(apart <= dot(d, d).sqrt() + 1e-5);
        }
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let two = vec![[0.0; 3], [1.0; 3]];
    let cell = |nodes: &[[f64; 3]], edges: &[[u32; 2]]| {
        UnitCell::new(nodes.to_vec(), edges.to_vec(), &LIMITS).unwrap_err().to_string()
    };
    assert_eq!(cell(&two, &[[0, 1], [0, 2]]), "edge 1 joins nodes 0 and 2, there are only 2");
    assert_eq!(cell(&two, &[[1, 1]]), "edge 0 from node 1 to node 1 has no length");
    assert_eq!(cell(&two, &[[0, 1], [1, 0]]), "edge 1 repeats edge 0: both join nodes 1 and 0");
    assert_eq!(cell(&two, &[]), "there is no edge");
    let message = cell(&[[0.0; 3], [2.0, 0.0, f64::NAN]], &[[0, 1]]);
    assert!(message.starts_with("node 1 is at [2, 0, NaN]"), "{message}");
    let few = Limits { nodes: 1, ..LIMITS };
    let message = UnitCell::new(two.clone(), vec![[0, 1]], &few).unwrap_err().to_string();
    assert_eq!(message, "2 nodes, at most 1 are allowed");
    let radii = LineNetwork::new(&two, vec![[0, 1]], Some(vec![-1.0]), &LIMITS).unwrap_err().to_string();
    assert_eq!(radii, "radius of edge 0 is -1, expected a finite number of at least 0");
    let good = UnitCell::new(two, vec![[0, 1]], &LIMITS).unwrap();
    let lattice =
        |scale, style| BeamLattice::new(&good, scale, style, [1.0; 2], &LIMITS, &Monitor::none()).map(|_| ());
    assert!(matches!(lattice([1.0, 0.0, 1.0], STYLE), Err(BeamError::Scale { axis: 'y', .. })));
    let wide = Style { section: Section::Box, section_radius: 1e6, ..STYLE };
    assert!(matches!(lattice([1.0; 3], wide), Err(BeamError::TooMany { what: "candidate struts", .. })));
    let nan = Style { smoothing: f32::NAN, ..STYLE };
    assert!(matches!(lattice([1.0; 3], nan), Err(BeamError::Length { what: "smoothing", .. })));
}

#[test]
fn hierarchies_read_back_and_damage_is_refused_or_harmless() {
    let mut rng = Rng::new(21);
    let network = random_network(&mut rng, 50, false);
    let bvh = NetworkBvh::build(&network, &Monitor::none()).unwrap();
    let mut bytes = vec![];
    bvh.write(&[7; 32], &mut bytes).unwrap();
    let read = NetworkBvh::read(&mut &bytes[..], &network, &[7; 32]).unwrap();
    assert_eq!(read.order, bvh.order);
    let other = NetworkBvh::read(&mut &bytes[..], &network, &[8; 32]).unwrap_err().to_string();
    assert!(other.starts_with("the BVH belongs to another network: it was built for sha256:0707"), "{other}");
    for _ in 0..2000 {
        let mut b = bytes.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(b.len());
            b[at] = rng.next() as u8;
        }
        if rng.below(4) == 0 {
            b.truncate(rng.below(b.len()));
        }
        if let Ok(bvh) = NetworkBvh::read(&mut &b[..], &network, &[7; 32]) {
            let beams = BeamNetwork::new(network.clone(), bvh, STYLE).unwrap();
            beams.sample(Level::detect(), &[1.0, 99.0], &[2.0; 2], &[3.0; 2], &mut [0.0; 2]);
        }
    }
}
