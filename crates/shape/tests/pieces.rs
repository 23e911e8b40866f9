//! The values of a grid do not depend on whether it is computed whole or in pieces, nor does what is said of them.

use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::NoAssets;
use fieldstone_shape::pieces::PIECE_STEP;
use fieldstone_shape::{Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Two thin sheets in a ball, a lattice beside them, and what comes behind.
fn document(n: [u32; 3], last: &[Value]) -> Value {
    let mut operators = vec![
        json!({"type": "GenerateSamplePoints", "parameters": {"size": [6, 6, 12], "resolution": n}}),
        json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [5, 5.5, 13]}}),
        json!({"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [3, 3, 3]}}),
        json!({"type": "Shell", "parameters": {"thickness": 0.2}}),
        json!({"type": "CSG", "parameters": {"operation": "Intersect"}}),
    ];
    operators.extend_from_slice(last);
    let mut edges = vec![
        json!({"source": 0, "target": [1, "Points"]}),
        json!({"source": 0, "target": [2, "Points"]}),
        json!({"source": 2, "target": [3, "Samples"]}),
        json!({"source": 1, "target": [4, "A"]}),
        json!({"source": 3, "target": [4, "B"]}),
    ];
    edges.extend((5..operators.len()).map(|i| json!({"source": i - 1, "target": [i, "Samples"]})));
    json!({"operators": operators, "edges": edges})
}

fn plan(n: [u32; 3], last: &[Value], visible: Visible, slab: u32) -> Plan {
    let graph = Arc::new(Graph::parse(&document(n, last), GraphLimits::default()).unwrap());
    Plan::of_result(&graph, visible).unwrap().in_slabs_of(slab)
}

fn program(plan: &Plan) -> Program {
    Program::build(plan.clone(), &NoAssets, &Monitor::none()).unwrap()
}

fn redistance() -> Value {
    json!({"type": "Redistance", "parameters": {}})
}

#[test]
fn pieces_have_the_values_of_the_whole_bit_by_bit() {
    let wall = || vec![redistance(), json!({"type": "Shell", "parameters": {"thickness": 0.3}})];
    // Graphs without kept values, with one, with one behind another.
    let cases = [
        (vec![], Visible::ALL, 90),
        (vec![], Visible::SURFACE, 16),
        (vec![redistance()], Visible::SURFACE, 24),
        (wall(), Visible::SURFACE, 24),
        ([wall(), vec![redistance()]].concat(), Visible::SURFACE, 32),
    ];
    let mut lost = 0;
    for (n, (last, visible, slab)) in cases.into_iter().enumerate() {
        let resolution = [37, 30, 90];
        let plan = plan(resolution, &last, visible, slab);
        let (plane, none) = (resolution[0] as usize * resolution[1] as usize, Monitor::none());
        let whole = program(&plan).watched();
        let mut values = vec![];
        for z in plan.slabs() {
            values.extend(whole.evaluate(z, &none).unwrap().swap_remove(0));
        }
        let expected = format!("{:?}", whole.lost_inputs());
        for samples in [1, 33 * plane as u64, 50 * plane as u64] {
            let pieces = plan.pieces(samples);
            assert!(pieces.len() > 1, "case {n}: {samples} samples are not cut");
            let joined = program(&plan).watched();
            for piece in &pieces {
                assert!(piece.start.is_multiple_of(PIECE_STEP));
                let of_piece = program(&plan).watched_in(piece.clone());
                let slabs = plan.slabs_around(piece);
                let beyond = piece.start.saturating_sub(PIECE_STEP)..(piece.end + PIECE_STEP).min(90);
                assert!(slabs[0].start <= beyond.start && slabs[slabs.len() - 1].end >= beyond.end);
                assert!(slabs.windows(2).all(|two| two[0].end == two[1].start), "{slabs:?}");
                for z in slabs {
                    let got = of_piece.evaluate(z.clone(), &none).unwrap().swap_remove(0);
                    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    let expected = &values[z.start as usize * plane..z.end as usize * plane];
                    assert!(bits(&got) == bits(expected), "case {n}: planes {z:?} of piece {piece:?}");
                }
                let words: BTreeMap<usize, Vec<u64>> = of_piece.lost_words().into_iter().collect();
                for (operator, words) in &words {
                    assert!(joined.join_lost(*operator, words));
                }
                assert!(!joined.join_lost(0, &[]), "nothing is lost on the way into points");
            }
            assert_eq!(format!("{:?}", joined.lost_inputs()), expected, "case {n}: {pieces:?}");
        }
        lost += usize::from(expected != "[]");
    }
    assert!(lost > 1, "some of these lose something on the way");
}

#[test]
fn what_reaches_beyond_a_slab_is_not_cut() {
    let n = [37, 30, 90];
    let cases = [
        (plan(n, &[redistance()], Visible::ALL, 24), "distances from afar"),
        (plan(n, &[redistance()], Visible::SURFACE, 8), "thin slabs"),
        (plan(n, &[redistance()], Visible::SURFACE, 90), "one slab"),
        (plan(n, &[redistance()], Visible::SURFACE, 21), "slabs that blocks do not fit into"),
        (plan([9, 9, 8], &[], Visible::ALL, 8), "no more than a step"),
    ];
    for (plan, what) in cases {
        let all = 0..plan.resolution()[2];
        assert!(matches!(&plan.pieces(1)[..], [piece] if *piece == all), "{what}");
    }
}
