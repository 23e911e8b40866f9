//! Times a body-centred lattice of 4,096 struts on a grid, as a network and as a unit cell.
//!
//! Run: `cargo run --release -p fieldstone-kernel --example sample_beams -- [RESOLUTION]`

use fieldstone_kernel::Monitor;
use fieldstone_kernel::beam::{
    BeamLattice, BeamNetwork, Limits, LineNetwork, NetworkBvh, Section, Style, UnitCell,
};
use fieldstone_kernel::simd::Level;
use rayon::prelude::*;
use std::time::Instant;

const LIMITS: Limits = Limits { nodes: 1 << 20, edges: 1 << 20, candidates: 1 << 22 };
const BLOCK: usize = 1024;

type Sample<'a> = dyn Fn(&[f32], &[f32], &[f32], &mut [f32]) + Sync + 'a;

fn main() {
    let resolution = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(256usize);
    for section in [Section::Circle, Section::Box, Section::Cross] {
        for smoothing in [0.0, 0.1] {
            let style = Style { section, section_radius: 0.12, node_radius: None, smoothing };
            println!("{section:?}, smoothing {smoothing}:");
            let start = Instant::now();
            let network = network();
            let bvh = NetworkBvh::build(&network, &Monitor::none()).expect("not cancelled");
            let beams = BeamNetwork::new(network, bvh, style).expect("good network");
            println!("  network: {:.1} ms to prepare", start.elapsed().as_secs_f64() * 1e3);
            time(resolution, &|x, y, z, out| beams.sample(Level::detect(), x, y, z, out));
            let start = Instant::now();
            let lattice = BeamLattice::new(&cell(), [1.0; 3], style, [1.0; 2], &LIMITS, &Monitor::none())
                .expect("good cell");
            println!("  unit cell: {:.1} ms to prepare", start.elapsed().as_secs_f64() * 1e3);
            time(resolution, &|x, y, z, out| lattice.sample(Level::detect(), x, y, z, None, out));
        }
    }
}

fn time(resolution: usize, sample: &Sample) {
    let mut field = vec![0.0f32; resolution.pow(3)];
    let step = 8.0 / (resolution - 1) as f32;
    for _ in 0..3 {
        let start = Instant::now();
        field.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
            let mut p = [[0.0f32; BLOCK]; 3];
            let [mut i, mut j, mut k] =
                [1, resolution, resolution * resolution].map(|n| block * BLOCK / n % resolution);
            for at in 0..out.len() {
                p[0][at] = i as f32 * step;
                p[1][at] = j as f32 * step;
                p[2][at] = k as f32 * step;
                i += 1;
                if i == resolution {
                    (i, j) = (0, j + 1);
                }
                if j == resolution {
                    (j, k) = (0, k + 1);
                }
            }
            let [x, y, z] = p.each_ref().map(|c| &c[..out.len()]);
            sample(x, y, z, out);
        });
        let seconds = start.elapsed().as_secs_f64();
        let inside = field.iter().filter(|v| **v < 0.0).count();
        println!("    {seconds:.3} s, {:.2} % inside", 100.0 * inside as f64 / field.len() as f64);
    }
}

fn cell() -> UnitCell {
    let corner = |i: u32| std::array::from_fn(|a| f64::from(i >> a & 1));
    let nodes = std::iter::once([0.5; 3]).chain((0..8).map(corner)).collect();
    UnitCell::new(nodes, (1..9).map(|i| [0, i]).collect(), &LIMITS).expect("good cell")
}

/// Eight cells along each axis.
fn network() -> LineNetwork {
    let n = 8;
    let mut nodes: Vec<[f64; 3]> = vec![];
    let mut edges = vec![];
    let corner = |i: u32, j: u32, k: u32| (k * (n + 1) + j) * (n + 1) + i;
    let all = |n: u32| (0..n * n * n).map(move |c| [c % n, c / n % n, c / n / n]);
    nodes.extend(all(n + 1).map(|c| c.map(f64::from)));
    for [i, j, k] in all(n) {
        let centre = nodes.len() as u32;
        nodes.push([i, j, k].map(|c| f64::from(c) + 0.5));
        edges.extend((0..8u32).map(|o| [centre, corner(i + (o & 1), j + (o >> 1 & 1), k + (o >> 2))]));
    }
    LineNetwork::new(&nodes, edges, None, &LIMITS).expect("good network")
}
