//! What a job says of the size of its outputs before it runs, held against the files that it makes.

mod common;
use common::run;
use fieldstone_jobs::{JOB_TYPES, JobLimits, KnownInputs, find};
use serde_json::{Value, json};

/// 7 × 5 × 3 samples of a box, of its points, or of its inside as bytes.
fn graph(last: &str) -> Value {
    let mut graph = json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"size": [3, 2, 1], "resolution": [7, 5, 3]}},
        {"type": "SampleBox", "parameters": {"size": [2, 1, 0.5]}},
        {"type": "Threshold"}],
      "edges": [{"source": 0, "target": [1, "Points"]}, {"source": 1, "target": [2, "Samples"]}]});
    let kept =
        ["GenerateSamplePoints", "SampleBox", "Threshold"].iter().position(|name| *name == last).unwrap();
    graph["operators"].as_array_mut().unwrap().truncate(kept + 1);
    graph["edges"].as_array_mut().unwrap().truncate(kept);
    json!({ "graph": graph })
}

/// What is said of a job without inputs.
fn said(type_name: &str, params: &Value) -> u64 {
    let entry = find(type_name).unwrap();
    let values = entry.parse(common::given(params.clone())).unwrap();
    entry.prepare(values, &JobLimits::default()).unwrap().least_output_bytes(&KnownInputs::new())
}

/// Bytes of the files that it makes.
fn made(type_name: &str, params: &Value) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let outputs = run(&folder, type_name, &[], params.clone()).unwrap();
    outputs.assets.iter().map(|asset| asset.path.metadata().unwrap().len()).sum()
}

#[test]
fn the_size_of_a_volume_is_known_before_it_is_computed() {
    for (last, bytes) in
        [("SampleBox", 7 * 5 * 3 * 4), ("Threshold", 7 * 5 * 3), ("GenerateSamplePoints", 7 * 5 * 3 * 12)]
    {
        for type_name in ["implicit/evaluate", "evaluate_graph"] {
            let params = graph(last);
            assert_eq!(
                (said(type_name, &params), made(type_name, &params)),
                (bytes, bytes),
                "{type_name} {last}"
            );
        }
    }
    for (last, samples) in [("SampleBox", 7 * 5 * 3 * 4), ("Threshold", 7 * 5 * 3)] {
        let (said, made) = (said("export_vti", &graph(last)), made("export_vti", &graph(last)));
        assert_eq!(said, samples);
        assert!((samples..samples + 1000).contains(&made), "{made} with what stands around the samples");
    }
}

#[test]
fn no_graph_job_makes_less_than_it_said() {
    let of_graphs =
        JOB_TYPES.iter().filter(|e| e.takes_any_input() && e.inputs.iter().all(|slot| !slot.required));
    for entry in of_graphs {
        let params: Value = serde_json::from_str(entry.example).unwrap();
        let (said, made) = (said(entry.type_name, &params), made(entry.type_name, &params));
        assert!(said <= made, "{} said {said} bytes and made {made}", entry.type_name);
    }
}
