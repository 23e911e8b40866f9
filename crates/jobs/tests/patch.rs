//! A volume that fills its patch: what a mesh measures, its volume measures too, told only by the job that made it.

mod common;
use common::{input, run};
use fieldstone_jobs::{Input, Outputs};
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh, write_mesh};
use fieldstone_kernel::measure::moments;
use fieldstone_kernel::{Monitor, TriMesh, testing};
use indexmap::IndexMap;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The volume of a mesh, as the job that made it hands it on.
fn volume_of(folder: &TempDir, mesh: &TriMesh, params: Value) -> Input {
    let path = folder.path().join("part.ply");
    write_mesh(mesh, MeshFormat::PLY, &mut std::fs::File::create(&path).unwrap()).unwrap();
    let mesh = input(&path, "part.ply", IndexMap::new());
    let made = run(folder, "implicit/from-mesh", &[("mesh", mesh)], params).unwrap();
    input(&made.assets[0].path, "volume.bin", made.params)
}

fn number(outputs: &Outputs, name: &str) -> f64 {
    outputs.params[name].parse().unwrap()
}

fn numbers(text: &str) -> Vec<f64> {
    serde_json::from_str(text).unwrap()
}

/// Area of the section of each layer: outer contours count, holes are taken off.
fn sections(cli: &str) -> Vec<f64> {
    let mut areas = Vec::new();
    for line in cli.lines() {
        if line.starts_with("$$LAYER/") {
            areas.push(0.0);
        }
        let Some(polyline) = line.strip_prefix("$$POLYLINE/") else { continue };
        let v: Vec<f64> = polyline.split(',').map(|n| n.parse().unwrap()).collect();
        let points: Vec<&[f64]> = v[3..].chunks(2).collect();
        let cross = |w: &[&[f64]]| 0.5 * (w[0][0] * w[1][1] - w[1][0] * w[0][1]);
        *areas.last_mut().unwrap() += points.windows(2).map(cross).sum::<f64>();
    }
    areas
}

/// Parts, with the samples on their longest axis and the length of their sharp edges.
fn parts() -> [(TriMesh, u32, f64); 5] {
    let cuboid = testing::cuboid;
    [
        (cuboid([-5.0; 3], [5.0; 3]), 65, 120.0),
        (cuboid([1.0, 2.0, 3.0], [11.0, 12.0, 13.0]), 34, 120.0),
        // Two axes that the cells divide, and two that they do not.
        (cuboid([0.0; 3], [16.0, 8.0, 4.0]), 65, 112.0),
        (cuboid([0.3, -0.7, 0.1], [16.3, 6.4, 4.6]), 50, 110.4),
        (testing::bumpy_sphere(60, 120, 10.0, 0.0), 49, 0.0),
    ]
}

#[test]
fn slices_say_where_they_lie_in_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let move_by = [100.0, 0.0, -3.0];
    let mut xform = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    xform[12..15].copy_from_slice(&move_by);
    let points =
        json!({"size": [10, 6, 2.25], "offset": [1, 2, 3], "resolution": [21, 13, 10], "xform": xform});
    let graph = json!({
        "operators": [
            {"type": "GenerateSamplePoints", "parameters": points},
            {"type": "SampleBox", "parameters": {"shape_type": "Box", "size": [300, 300, 300]}},
        ],
        "edges": [{"source": 0, "target": [1, "Points"]}],
    });
    for format in ["png", "svg"] {
        let params = json!({"graph": graph, "layer_height": 0.5, "format": format});
        let made = run(&folder, "export_slices", &[], params).unwrap();
        let of = |name: &str| numbers(&made.params[name]);
        assert_eq!((made.params["layer_count"].as_str(), number(&made, "layer_height")), ("5", 0.5));
        assert_eq!((of("patch_size"), of("patch_offset")), (vec![10.0, 6.0, 2.25], vec![101.0, 2.0, 0.0]));
    }
}

#[test]
fn a_part_that_fills_its_patch_is_meshed_measured_and_sliced_right() {
    for (mesh, resolution, edges) in parts() {
        let folder = tempfile::tempdir().unwrap();
        let right = moments(&mesh, &Monitor::none()).unwrap();
        let (min, max) = (mesh.bounds().min.map(f64::from), mesh.bounds().max.map(f64::from));
        let made = volume_of(&folder, &mesh, json!({"resolution": resolution}));
        let size = numbers(&made.made["patch_size"]);
        let offset = numbers(&made.made["patch_offset"]);
        let longest = (0..3).map(|a| max[a] - min[a]).fold(0.0, f64::max);
        let cell = longest / f64::from(resolution - 1);
        for a in 0..3 {
            let excess = size[a] - (max[a] - min[a]);
            assert!((-1e-6..cell).contains(&excess), "axis {a}: {size:?}");
            assert!((min[a] - offset[a] - 0.5 * excess).abs() < 1e-6, "axis {a}: {offset:?}");
        }
        // A mesh of samples cuts an edge off by a cell on either side at most; a ball loses what is beyond its chords.
        let volume =
            1.01 * edges * 0.5 * cell * cell / right.volume + 3e-3 * f64::from(u8::from(edges == 0.0)) + 1e-5;
        let area = edges * (2.0 - 2f64.sqrt()) * cell / right.area + 3e-3;
        let near = |what: &str, got: f64, right: f64, tolerance: f64| {
            let off = (got / right - 1.0).abs();
            assert!(off < tolerance, "{what} at {resolution}: {got}, right {right}, off by {off:.2e}");
        };

        let metrics = run(&folder, "implicit/metrics", &[("volume", made.clone())], json!({})).unwrap();
        near("volume", number(&metrics, "interior_volume"), right.volume, volume);
        near("area", number(&metrics, "surface_area"), right.area, area);
        assert_eq!(metrics.params["components"], "1");

        let surface =
            run(&folder, "mesh/from-volume", &[("volume", made.clone())], json!({"file_type": "ply"}));
        let surface = surface.unwrap();
        assert_eq!(surface.params["watertight"], "true");
        let bytes = std::fs::read(&surface.assets[0].path).unwrap();
        let meshed =
            read_mesh(&bytes, MeshFormat::PLY, &MeshLimits::default(), &Monitor::none()).unwrap().mesh;
        let measured = moments(&meshed, &Monitor::none()).unwrap();
        near("meshed volume", measured.volume, right.volume, volume);
        for a in 0..3 {
            let (low, high) = (f64::from(meshed.bounds().min[a]), f64::from(meshed.bounds().max[a]));
            assert!((low - min[a]).abs() < 0.02 * cell && (high - max[a]).abs() < 0.02 * cell, "axis {a}");
        }

        let graph = json!({"operators": [{"type": "LoadVolume", "parameters": {
            "volume_data": {"file_type": "Raw", "path": "volume.bin"}}}], "edges": []});
        let params = json!({"graph": graph, "layer_height": cell, "encoding": "ascii"});
        let layers = run(&folder, "export_cli", &[("any", made)], params).unwrap();
        let areas = sections(&std::fs::read_to_string(&layers.assets[0].path).unwrap());
        let sliced: f64 = areas.iter().map(|a| a * cell).sum();
        near("sliced volume", sliced, right.volume, volume + 1.5 * cell / size[2]);
    }
}

#[test]
fn a_volume_is_read_where_its_job_put_it_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = testing::cuboid([10.0; 3], [12.0; 3]);
    let params = json!({"resolution": 17, "padding": 2, "component_type": "Byte"});
    let made = volume_of(&folder, &mesh, params);
    let measure =
        |input: &Input, params| run(&folder, "implicit/metrics", &[("volume", input.clone())], params);
    let centroid = |outputs: &Outputs| numbers(&outputs.params["centroid"]);
    assert!(centroid(&measure(&made, json!({})).unwrap()).iter().all(|c| (c - 11.0).abs() < 1e-3));
    let moved = measure(&made, json!({"volume_offset": [0, 0, 0]})).unwrap();
    assert!(centroid(&moved).iter().all(|c| *c < 2.0));
    let disagrees = measure(&made, json!({"volume_resolution": [16, 17, 17]})).unwrap_err();
    assert_eq!(
        disagrees,
        "parameter \"volume_resolution\": is 16 × 17 × 17, the job that made the volume wrote 17 × 17 × 17 samples"
    );
    let uploaded = Input { made: IndexMap::new(), ..made.clone() };
    assert_eq!(
        measure(&uploaded, json!({})).unwrap_err(),
        "parameter \"volume_size\": is required: the volume was uploaded, no job here made it"
    );
    let mute = Input { made: IndexMap::from([("count".to_owned(), "7".to_owned())]), ..made.clone() };
    assert_eq!(
        measure(&mute, json!({})).unwrap_err(),
        "parameter \"volume_size\": is required: the job that made the volume does not say where its samples are"
    );
}

#[test]
fn a_graph_reads_a_volume_where_its_job_put_it() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = testing::cuboid([10.0; 3], [12.0; 3]);
    let made = volume_of(&folder, &mesh, json!({"resolution": 17, "padding": 2}));
    let graph = |parameters: Value| {
        let mut load = json!({"volume_data": {"path": "volume.bin"}});
        load.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        json!({"graph": {"operators": [
            {"type": "GenerateSamplePoints", "parameters": {"offset": [9, 9, 9], "size": [4, 4, 4], "resolution": [33, 33, 33]}},
            {"type": "LoadVolume", "parameters": load},
            {"type": "SampleVolume"}],
          "edges": [{"source": 0, "target": [2, "Points"]}, {"source": 1, "target": [2, "Volume"]}]}})
    };
    let measure = |params| run(&folder, "evaluate_metrics", &[("any", made.clone())], params);
    let outputs = measure(graph(json!({}))).unwrap();
    // Edges of 24 mm are cut off, by a cell of 0.125 mm on either side at most.
    assert!(
        (number(&outputs, "interior_volume") - 8.0).abs() < 1.01 * 24.0 * 0.5 * 0.125 * 0.125,
        "{:?}",
        outputs.params
    );
    let disagrees = measure(graph(json!({"resolution": [5, 5, 5]}))).unwrap_err();
    let says = "operators[1] (LoadVolume): parameter \"resolution\": is 5 × 5 × 5, the job that made the volume wrote 17 × 17 × 17 samples";
    assert!(disagrees.contains(says), "{disagrees}");
}
