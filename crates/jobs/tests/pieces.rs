//! A job that is cut makes the bytes that it makes whole, wherever it is cut.

mod common;

use common::given;
use fieldstone_jobs::{Cut, Input, JOB_TYPES, JobContext, JobEntry, JobError, JobLimits, Outputs, Share};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::testing::Rng;
use indexmap::IndexMap;
use serde_json::{Value, json};
use std::ops::Range;
use std::path::Path;
use tempfile::TempDir;

/// Planes of the grid.
const NZ: u32 = 43;

/// Thin walls and struts that the border cuts off, some of them specks: a job warns of all of it.
fn document(last: &[Value]) -> Value {
    let mut operators = vec![
        json!({"type": "GenerateSamplePoints", "parameters": {"size": [2, 1.9, 4], "resolution": [25, 22, NZ]}}),
        json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [2.2, 1.8, 3.8]}}),
        json!({"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [0.7, 0.7, 0.7]}}),
        json!({"type": "Shell", "parameters": {"thickness": 0.4}}),
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
    json!({"graph": {"operators": operators, "edges": edges}})
}

/// All that a run has made.
#[derive(Debug, PartialEq)]
struct Made {
    files: Vec<(String, Vec<u8>)>,
    params: IndexMap<String, String>,
}

struct Job<'a> {
    folder: TempDir,
    entry: &'a JobEntry,
    params: Value,
}

impl Job<'_> {
    fn run(&self, share: Share, pieces: Vec<Input>, samples: Option<u64>) -> Result<Outputs, JobError> {
        let out = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let inputs = IndexMap::from([("pieces".to_owned(), pieces)]);
        let cx = JobContext::new(inputs, out, Monitor::none(), JobLimits::default());
        self.entry.execute(given(self.params.clone()), cx.with_share(share).with_piece_samples(samples))
    }

    fn whole(&self) -> Made {
        made(self.run(Share::Whole, vec![], None).unwrap())
    }

    fn cut(&self, samples: u64) -> Option<Cut> {
        self.run(Share::Whole, vec![], Some(samples)).unwrap().cut
    }

    fn piece(&self, range: Range<u32>) -> Input {
        let made = self.run(Share::Piece(range), vec![], Some(1)).unwrap();
        let [file] = &made.assets[..] else { panic!("one file, not {made:?}") };
        assert_eq!(made.params[fieldstone_jobs::WARNINGS], "[]", "warned of by the run that joins");
        piece_input(&file.path)
    }

    fn join(&self, pieces: Vec<Input>) -> Result<Outputs, JobError> {
        self.run(Share::Join { slot: "pieces".into() }, pieces, Some(1))
    }
}

fn piece_input(path: &Path) -> Input {
    common::input(path, "piece", IndexMap::new())
}

fn made(outputs: Outputs) -> Made {
    let files = outputs.assets.iter().map(|o| (o.name.to_owned(), std::fs::read(&o.path).unwrap()));
    Made { files: files.collect(), params: outputs.params }
}

/// Every job type that takes a graph, with that of [`document`] and what comes behind it.
fn jobs(last: &[Value]) -> Vec<Job<'static>> {
    let takes_graph = |entry: &&&JobEntry| entry.params.iter().any(|p| p.name == "graph");
    let job = |entry: &&'static JobEntry| {
        let folder = tempfile::tempdir().unwrap();
        Job { folder, entry, params: document(last) }
    };
    JOB_TYPES.iter().filter(takes_graph).map(job).collect()
}

#[test]
fn any_cuts_make_the_bytes_of_the_whole() {
    let mut rng = Rng::new(16);
    let mut cut = vec![];
    let threshold = json!({"type": "Threshold", "parameters": {"width": 0.3}});
    for last in [vec![], vec![threshold]] {
        for job in jobs(&last) {
            let name = job.entry.type_name;
            if job.cut(5_000).is_none() {
                continue;
            }
            cut.push(name);
            let whole = job.whole();
            assert!(
                whole.params[fieldstone_jobs::WARNINGS].contains("cut_off"),
                "{name}: {:?}",
                whole.params
            );
            assert!(whole.params[fieldstone_jobs::WARNINGS].contains("thin_"), "{name}: {:?}", whole.params);
            for round in 0..4 {
                let is_cut = |z: &u32| {
                    *z == 0 || *z == NZ || (z.is_multiple_of(8) && (round == 0 || rng.below(2) == 0))
                };
                let cuts: Vec<u32> = (0..=NZ).filter(is_cut).collect();
                let pieces = cuts.windows(2).map(|z| job.piece(z[0]..z[1])).collect();
                let joined = made(job.join(pieces).unwrap());
                assert!(
                    joined == whole,
                    "{name} cut at {cuts:?}: {:?}, whole {:?}",
                    joined.params,
                    whole.params
                );
            }
        }
    }
    cut.sort_unstable();
    cut.dedup();
    let expected = ["evaluate_graph", "evaluate_metrics", "export_triangle_mesh", "implicit/evaluate"];
    assert_eq!(cut, expected);
}

#[test]
fn a_job_says_how_it_is_cut_and_what_that_needs() {
    let plane = 25 * 22;
    for job in jobs(&[]).into_iter().filter(|job| job.cut(5_000).is_some()) {
        for planes in [1, 8, 9, 16, 24, 42] {
            let cut = job.cut(planes * plane).unwrap();
            let ends: Vec<u32> = cut.pieces.iter().map(|z| z.end).collect();
            let begins: Vec<u32> = cut.pieces.iter().map(|z| z.start).collect();
            assert_eq!((begins[0], ends[ends.len() - 1]), (0, NZ));
            assert_eq!(begins[1..], ends[..ends.len() - 1]);
            let most = (planes / 8 * 8).max(8);
            assert!(cut.pieces.iter().all(|z| z.len() as u64 <= most), "{planes}: {:?}", cut.pieces);
            assert!(cut.join_memory_bytes(0) < cut.piece_memory);
        }
        assert_eq!(job.cut(u64::from(NZ) * plane), None, "it has no more samples");
    }
}

#[test]
fn creases_and_what_needs_the_whole_grid_are_not_cut() {
    let mut seen = 0;
    for mut job in jobs(&[]).into_iter().filter(|job| job.cut(5_000).is_some()) {
        if job.entry.params.iter().any(|p| p.name == "feature_preserving") {
            job.params["feature_preserving"] = json!(true);
            assert_eq!(job.cut(5_000), None, "{}", job.entry.type_name);
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
    let redistanced = jobs(&[json!({"type": "Redistance"})]);
    let evaluate = redistanced.iter().find(|job| job.entry.type_name == "implicit/evaluate").unwrap();
    assert_eq!(evaluate.cut(5_000), None, "distances to what is anywhere");
}

#[test]
fn pieces_that_are_damaged_or_missing_are_our_fault_and_no_result() {
    for job in jobs(&[]).into_iter().filter(|job| job.cut(5_000).is_some()) {
        if job.entry.products.first().is_some_and(|product| product.name == "volume") {
            continue;
        }
        let [lower, upper] = [0..24, 24..NZ].map(|z| job.piece(z));
        let bytes = std::fs::read(&lower.path).unwrap();
        for (n, damage) in [&bytes[..bytes.len() / 2], &bytes[..7], b"", &bytes[8..]].into_iter().enumerate()
        {
            let path = job.folder.path().join(format!("damaged{n}"));
            std::fs::write(&path, damage).unwrap();
            let joined = job.join(vec![piece_input(&path), upper.clone()]);
            assert!(matches!(joined, Err(JobError::Internal(_))), "{n}: {joined:?}");
        }
        let joined = job.join(vec![upper]);
        assert!(matches!(joined, Err(JobError::Internal(_))), "{joined:?}");
    }
}
