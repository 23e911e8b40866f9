//! `mesh/preprocess`: repairs a mesh so that everything behind it can rely on it, and says what it did.

use crate::context::JobContext;
use crate::error::JobError;
use crate::job_type::{JobEntry, Product, Slot, Work};
use crate::mesh_input::{contacts_of, mesh_memory_bytes, read_input_mesh, tell_repairs};
use anyhow::Context;
use fieldstone_kernel::distance::FaceNote;
use fieldstone_kernel::format::{MeshFormat, READ_NAMES, write_mesh};
use fieldstone_kernel::mesh::{Center, Preprocess, Report, preprocess};
use fieldstone_shape::bounds_json;
use fieldstone_shape::params::{Choices, Kind, Param, Values};
use serde_json::json;
use std::io::Write;

/// The job type.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "mesh/preprocess",
    revision: 5,
    doc: "Welds, cleans, orients and closes a mesh, optionally centres it, and reports what was done",
    inputs: &[Slot { name: "mesh", required: true, from_param: None, doc: READ_NAMES }],
    params: &[
        Param {
            name: "center",
            kind: Kind::Choice(&CENTERS.words()),
            default: Some("none"),
            doc: "What is moved to the origin: nothing, the middle of the bounding box, or the centre of mass",
        },
        Param {
            name: "weld_tolerance",
            kind: Kind::Number { min: 0.0, max: 1e9 },
            default: None,
            doc: "Distance within which vertices become one, mm; by default 1e-6 of the bounding box's diagonal",
        },
    ],
    products: &[Product { name: "mesh", extension: "ply", doc: "The repaired mesh, binary PLY" }],
    results: &["bounds", "face_count", "vertex_count", "watertight", "components", "report"],
    work: Work::plain(|_, inputs| mesh_memory_bytes(inputs), run),
    ..JobEntry::DEFAULT
};

/// What the words of `center` mean.
const CENTERS: Choices<Center, 3> =
    Choices([("none", Center::None), ("bounding_box", Center::BoundingBox), ("centroid", Center::Centroid)]);

fn run(values: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let input = cx.input("mesh")?.clone();
    let read = read_input_mesh(cx, &input, &monitor.part(0.0, 0.3))?;
    let options = Preprocess {
        center: CENTERS.read(values, "center"),
        weld_tolerance: values.number("weld_tolerance"),
        max_contacts: contacts_of(cx, &input)?,
        ..Preprocess::default()
    };
    let (mesh, report) = preprocess(read.mesh, &options, &monitor.part(0.3, 0.9))?;
    if mesh.triangles.is_empty() {
        let what = match report.degenerate_dropped {
            0 => "there is no triangle".to_owned(),
            n => format!(
                "all {n} triangles vanish when vertices within {} mm are welded",
                report.weld_tolerance
            ),
        };
        return Err(JobError::Invalid(format!("{}: {what}", input.filename)));
    }
    tell_repairs(&report, &input, cx)?;
    let mut out = cx.output("mesh", "ply")?;
    write_mesh(&mesh, MeshFormat::PLY, &mut out).and_then(|()| out.flush()).context("writing the mesh")?;
    cx.set_param("bounds", bounds_json(&report.bounds));
    cx.set_param("face_count", report.triangles);
    cx.set_param("vertex_count", report.vertices);
    cx.set_param("watertight", report.watertight);
    cx.set_param("components", report.components);
    cx.set_param("report", report_json(&report, &read.notes));
    monitor.progress(1.0);
    Ok(())
}

/// The report as JSON: counts, measures in mm, mm² and mm³, and what the reader of the file noted.
fn report_json(r: &Report, notes: &[String]) -> serde_json::Value {
    let inner = |note: &FaceNote| match *note {
        FaceNote::Inner { cut, dropped, united } => Some((cut, dropped, united)),
        _ => None,
    };
    let (cut, dropped, united) = r.faces.iter().find_map(inner).unwrap_or_default();
    json!({
        "vertices_welded": r.vertices_welded,
        "vertices_unused": r.vertices_unused,
        "degenerate_dropped": r.degenerate_dropped,
        "parts_lost": r.parts_lost,
        "duplicates_dropped": r.duplicates_dropped,
        "triangles_flipped": r.triangles_flipped,
        "holes_filled": r.holes_filled,
        "triangles_added": r.triangles_added,
        "zero_area": r.zero_area,
        "watertight": r.watertight,
        "components": r.components,
        "boundary_edges": r.boundary_edges,
        "nonmanifold_edges": r.nonmanifold_edges,
        "conflicting_edges": r.conflicting_edges,
        "vertices": r.vertices,
        "triangles": r.triangles,
        "weld_tolerance": r.weld_tolerance,
        "translation": r.translation,
        "volume": r.volume,
        "area": r.area,
        "shells_united": united,
        "faces_cut": cut,
        "inner_faces_dropped": dropped,
        "notes": notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Input, JobLimits, Outputs};
    use fieldstone_kernel::Monitor;
    use fieldstone_shape::MakerParams;
    use indexmap::IndexMap;
    use serde_json::Value;

    fn run_on(filename: &str, bytes: &[u8], params: Value) -> Result<(Outputs, tempfile::TempDir), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("staged");
        std::fs::write(&path, bytes).unwrap();
        let input =
            Input { path, filename: filename.to_owned(), checksum: String::new(), made: MakerParams::new() };
        let inputs = IndexMap::from([("mesh".to_owned(), vec![input])]);
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let mut cx = JobContext::new(inputs, out, Monitor::none(), JobLimits::default());
        let values = ENTRY.parse(serde_json::from_value::<IndexMap<String, Value>>(params).unwrap()).unwrap();
        run(&values, &mut cx).map_err(|e| e.to_string())?;
        Ok((cx.into_outputs(), folder))
    }

    const TETRAHEDRON: &str = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\nf 2 3 4\nf 1 4 3\n";

    #[test]
    fn outputs_are_as_declared_and_say_what_was_done() {
        let (outputs, _folder) =
            run_on("part.OBJ", TETRAHEDRON.as_bytes(), json!({"center": "bounding_box"})).unwrap();
        let names: Vec<_> = outputs.params.keys().map(String::as_str).collect();
        assert_eq!(names, ENTRY.params_out());
        assert_eq!(outputs.params["bounds"], r#"{"min": [-0.5, -0.5, -0.5], "max": [0.5, 0.5, 0.5]}"#);
        assert_eq!((&*outputs.params["face_count"], &*outputs.params["watertight"]), ("4", "true"));
        let report: Value = serde_json::from_str(&outputs.params["report"]).unwrap();
        assert_eq!(report["triangles_flipped"], 1);
        assert!((report["volume"].as_f64().unwrap() - 1.0 / 6.0).abs() < 1e-7);
        let [mesh] = &outputs.assets[..] else { panic!("one product") };
        assert_eq!((mesh.name, mesh.extension), ("mesh", "ply"));
        assert!(std::fs::read(&mesh.path).unwrap().starts_with(b"ply\nformat binary_little_endian"));
    }

    #[test]
    fn the_report_says_what_the_reader_noted() {
        let mut stl = vec![0; 80];
        stl.extend(7u32.to_le_bytes());
        for value in [0f32; 3].into_iter().chain([0., 0., 0., 1., 0., 0., 0., 1., 0.]) {
            stl.extend(value.to_le_bytes());
        }
        stl.extend([0; 2]);
        let (outputs, _folder) = run_on("part.stl", &stl, json!({})).unwrap();
        let report: Value = serde_json::from_str(&outputs.params["report"]).unwrap();
        let note = "byte 80: the header promises 7 triangles, the file holds 1; all of these were read";
        assert_eq!(report["notes"], json!([note]));
    }

    #[test]
    fn refusals_name_the_asset() {
        let refused = |name: &str, bytes: &[u8], params| run_on(name, bytes, params).err().unwrap();
        assert_eq!(refused("a.stl", b"", json!({})), "a.stl: STL byte 0: the file is empty");
        assert_eq!(
            refused("a.step", b"x", json!({})),
            "a.step: unknown mesh format \"step\", expected one of stl, obj, ply, 3mf"
        );
        assert_eq!(
            refused("a.obj", TETRAHEDRON.as_bytes(), json!({"weld_tolerance": "10"})),
            "a.obj: all 4 triangles vanish when vertices within 10 mm are welded"
        );
    }
}
