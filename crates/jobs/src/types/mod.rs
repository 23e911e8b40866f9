//! The one list of job types, and the laws that hold for all of them.

pub mod evaluate_graph;
pub mod evaluate_metrics;
pub mod export_cli;
pub mod export_slices;
pub mod export_triangle_mesh;
pub mod export_vti;
pub mod implicit_evaluate;
pub mod implicit_from_mesh;
pub mod implicit_metrics;
pub mod mesh_compute_bvh;
pub mod mesh_from_volume;
pub mod mesh_preprocess;
pub mod network_compute_bvh;
pub mod sample_triangle_mesh;

use crate::job_type::JobEntry;

/// Every job type, in the order of the documentation.
#[rustfmt::skip] // one a line, so that lists merge
pub static JOB_TYPES: &[&JobEntry] = &[
    &mesh_preprocess::ENTRY,
    &mesh_compute_bvh::ENTRY,
    &network_compute_bvh::ENTRY,
    &implicit_from_mesh::ENTRY,
    &implicit_evaluate::ENTRY,
    &implicit_metrics::ENTRY,
    &mesh_from_volume::ENTRY,
    &sample_triangle_mesh::ENTRY,
    &evaluate_graph::ENTRY,
    &evaluate_metrics::ENTRY,
    &export_triangle_mesh::ENTRY,
    &export_slices::ENTRY,
    &export_cli::ENTRY,
    &export_vti::ENTRY,
];

/// The job type called `type_name`, if there is one.
pub fn find(type_name: &str) -> Option<&'static JobEntry> {
    JOB_TYPES.iter().copied().find(|e| e.type_name == type_name)
}

#[cfg(test)]
mod laws {
    use super::*;
    use crate::context::{Input, JobContext, JobLimits};
    use crate::error::JobError;
    use fieldstone_kernel::format::{MeshFormat, write_mesh};
    use fieldstone_kernel::{Monitor, testing};
    use indexmap::IndexMap;
    use serde_json::Value;
    use sha2::{Digest, Sha256};
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_is_an_entry_and_every_entry_a_file() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/types");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|f| f.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|f| f != "mod")
            .collect();
        let entries: BTreeSet<String> =
            JOB_TYPES.iter().map(|e| e.type_name.replace(['/', '-'], "_")).collect();
        assert_eq!(files, entries);
        assert_eq!(entries.len(), JOB_TYPES.len(), "a type name is used twice");
    }

    #[test]
    fn names_are_unique_and_everything_is_documented() {
        for e in JOB_TYPES {
            let mut names = BTreeSet::new();
            let documented = [(e.type_name, e.doc)]
                .into_iter()
                .chain(e.inputs.iter().map(|s| (s.name, s.doc)))
                .chain(e.params.iter().map(|p| (p.name, p.doc)));
            for (name, doc) in documented {
                assert!(!doc.is_empty(), "{}: {name} has no doc", e.type_name);
                assert!(names.insert(name), "{}: {name} is used twice", e.type_name);
            }
            assert!(!e.type_name.is_empty());
            assert!(!e.products.is_empty() || !e.results.is_empty(), "{} makes nothing", e.type_name);
            let values = e.parse(given(e)).unwrap_or_else(|err| panic!("{}: {err}", e.type_name));
            let prepared = e.prepare(values, &JobLimits::default());
            prepared.unwrap_or_else(|err| panic!("{}: {err}", e.type_name));
        }
    }

    /// The entry's example as it would arrive.
    fn given(entry: &JobEntry) -> IndexMap<String, Value> {
        serde_json::from_str(entry.example).unwrap_or_else(|e| panic!("{}: {e}", entry.type_name))
    }

    /// An asset that fits a slot of this name.
    fn asset(slot: &str) -> (&'static str, Vec<u8>) {
        match slot {
            "mesh" => {
                let mut bytes = Vec::new();
                let mesh = testing::bumpy_sphere(20, 40, 10.0, 0.1);
                write_mesh(&mesh, MeshFormat::PLY, &mut bytes).unwrap();
                ("ball.ply", bytes)
            }
            "volume" => {
                let at = |i: u32| f64::from(i) / 7.5 - 1.0;
                let ball = |i: u32| at(i % 16).hypot(at(i / 16 % 16)).hypot(at(i / 256)) as f32 - 0.7;
                ("ball.bin", (0..4096).flat_map(|i| ball(i).to_le_bytes()).collect())
            }
            "network" => {
                ("net.json", br#"{"nodes": [[0,0,0],[1,0,0],[1,1,1]], "edges": [[0,1],[1,2]]}"#.to_vec())
            }
            other => panic!("no example asset for a slot called {other}"),
        }
    }

    /// Runs `entry` with its example and an asset in every required slot.
    fn run(entry: &JobEntry, monitor: Monitor) -> Result<RunOutputs, JobError> {
        let folder = tempfile::tempdir()?;
        let mut inputs = IndexMap::new();
        for slot in entry.inputs.iter().filter(|s| s.required) {
            let (filename, bytes) = asset(slot.name);
            let path = folder.path().join(filename);
            std::fs::write(&path, &bytes)?;
            let checksum = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
            let (filename, made) = (filename.to_owned(), fieldstone_shape::MakerParams::new());
            inputs.insert(slot.name.to_owned(), vec![Input { path, filename, checksum, made }]);
        }
        let out = folder.path().join("out");
        std::fs::create_dir(&out)?;
        let cx = JobContext::new(inputs, out, monitor, JobLimits::default());
        let outputs = entry.execute(given(entry), cx)?;
        let assets =
            outputs.assets.iter().map(|o| (o.name, o.extension, std::fs::read(&o.path).unwrap())).collect();
        Ok(RunOutputs { assets, params: outputs.params })
    }

    #[derive(Debug, PartialEq)]
    struct RunOutputs {
        assets: Vec<(&'static str, &'static str, Vec<u8>)>,
        params: IndexMap<String, String>,
    }

    #[test]
    fn runs_make_exactly_what_is_declared_and_the_same_bytes_again() {
        for e in JOB_TYPES {
            let made = run(e, Monitor::none()).unwrap_or_else(|err| panic!("{}: {err}", e.type_name));
            let assets: Vec<_> = made.assets.iter().map(|(name, extension, _)| (*name, *extension)).collect();
            let declared: Vec<_> = e.products.iter().map(|p| (p.name, p.extension)).collect();
            assert_eq!(assets, declared, "{}", e.type_name);
            assert_eq!(
                made.params.keys().map(String::as_str).collect::<Vec<_>>(),
                e.params_out(),
                "{}",
                e.type_name
            );
            let warnings: Value = serde_json::from_str(&made.params[crate::WARNINGS]).unwrap();
            for warning in warnings.as_array().expect("a list") {
                assert!(warning["kind"].is_string() && warning["message"].is_string(), "{warning}");
            }
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            assert!(
                pool.install(|| run(e, Monitor::none())).unwrap() == made,
                "{} made other bytes",
                e.type_name
            );
        }
    }

    #[test]
    fn every_export_says_how_many_parts_and_cavities_it_has() {
        let is_export =
            |e: &&&JobEntry| e.type_name.starts_with("export_") || e.type_name == "mesh/from-volume";
        let exports: Vec<_> = JOB_TYPES.iter().filter(is_export).collect();
        assert!(exports.len() >= 5);
        for e in exports {
            for name in ["components", "cavities"] {
                assert!(e.results.contains(&name), "{} does not tell its {name}", e.type_name);
            }
        }
    }

    #[test]
    fn cancelled_runs_end_as_cancelled() {
        for e in JOB_TYPES {
            let cancelled = Monitor::new(std::sync::Arc::new(true.into()), |_| ());
            let result = run(e, cancelled);
            assert!(matches!(result, Err(JobError::Cancelled(_))), "{}: {result:?}", e.type_name);
        }
    }
}
