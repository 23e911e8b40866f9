//! Every file in `testdata/bad` is refused, or read with a note; either names the place.

use fieldstone_kernel::Monitor;
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};
use std::path::Path;

const LIMITS: MeshLimits =
    MeshLimits { max_triangles: 1_000_000, max_unpacked_bytes: 1 << 24, max_contacts: 100_000 };

const MESSAGES: &[(&str, &str)] = &[
    ("cloud-without-faces.ply", "PLY header: there is no element \"face\", only [vertex]"),
    (
        "contains-itself.3mf",
        "3MF 3D/3dmodel.model: object 2 lies more than 32 components deep, or contains itself",
    ),
    ("copies-of-copies.3mf", "the mesh has 1000001 placed objects, more than the limit of 1000000"),
    (
        "count-too-low.stl",
        "2 triangles, byte 80: the header promises 1 triangles, the file holds 2; all of these were read",
    ),
    ("empty.stl", "STL byte 0: the file is empty"),
    ("endless-tag.3mf", "3MF 3D/3dmodel.model line 2: a tag, text or comment of more than 1048576 bytes"),
    ("four-vertices-in-a-facet.stl", "STL line 8: a facet has 4 vertices before \"endloop\", expected 3"),
    ("index-0.obj", "OBJ line 4: vertex index 0, indices count from 1"),
    (
        "index-out-of-range.3mf",
        "3MF 3D/3dmodel.model line 4: vertex index 3 is out of range, the object has 3 vertices",
    ),
    ("index-out-of-range.obj", "OBJ line 4: vertex index 4 is out of range, the file has 3 vertices"),
    ("index-out-of-range.ply", "PLY face 0: vertex index -2 is out of range, the file has 3 vertices"),
    ("infinite-vertex.obj", "OBJ line 2: the coordinate \"1e39\" is not finite"),
    ("lying-header-ascii.ply", "PLY element face: the header promises 4 rows, the file ends behind 2"),
    (
        "lying-header.ply",
        "PLY line 3: element vertex promises 3000000000 rows of at least 12 bytes, the file has 49 bytes behind its header",
    ),
    ("lying-list-length.ply", "PLY face 0: the file ends inside this row"),
    ("nan-vertex.obj", "OBJ line 2: the coordinate \"nan\" is not finite"),
    ("nan-vertex.ply", "PLY line 11: the coordinate \"nan\" is not finite"),
    ("nan-vertex.stl", "STL triangle 1: the coordinate NaN is not finite"),
    (
        "needs-unknown-extension.3mf",
        "3MF 3D/3dmodel.model line 4: the file requires the extension b (http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02), which is not read here, for \"b:beamlattice\"",
    ),
    ("negative-index-too-far.obj", "OBJ line 4: vertex index -4 points before the first of 3 vertices"),
    ("no-faces.obj", "OBJ end of file: there are no triangles"),
    ("no-model.3mf", "3MF package: there is no model part, neither by _rels/.rels nor 3D/3dmodel.model"),
    ("not-a-zip.3mf", "3MF package: not a readable zip: invalid Zip archive: Could not find EOCD"),
    (
        "promises-4-billion-triangles.stl",
        "1 triangles, byte 80: the header promises 4294967295 triangles, the file holds 1; all of these were read",
    ),
    (
        "text-named.stl",
        "STL byte 0: this is text, but it does not begin with \"solid\": \"Dear reader,\\nthis is a letter and no mes\"…",
    ),
    ("truncated.stl", "STL byte 80: the header promises 2 triangles, the 70 bytes behind it hold 1"),
    (
        "zip-bomb-with-lying-size.3mf",
        "3MF 3D/3dmodel.model line 1: File is larger than its declared uncompressed size",
    ),
    (
        "zip-bomb.3mf",
        "the mesh has 40000113 unpacked bytes in 3D/3dmodel.model, more than the limit of 16777216",
    ),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bad")
}

/// The error, or what was read and noted.
fn refusal(name: &str) -> String {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    assert!(bytes.len() < 1 << 16, "{name} is no small file");
    let format = MeshFormat::of_filename(name).unwrap();
    match read_mesh(&bytes, format, &LIMITS, &Monitor::none()) {
        Ok(read) => format!("{} triangles, {}", read.mesh.triangles.len(), read.notes.join(", ")),
        Err(e) => e.to_string(),
    }
}

#[test]
fn messages_name_the_place() {
    for (name, message) in MESSAGES {
        assert_eq!(&refusal(name), message, "{name}");
    }
}

#[test]
fn every_bad_file_is_listed() {
    let mut files: Vec<String> =
        std::fs::read_dir(folder()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let mut listed: Vec<&str> = MESSAGES.iter().map(|m| m.0).collect();
    listed.sort();
    let actual: Vec<_> = files.iter().map(|f| (f.as_str(), refusal(f))).collect();
    assert_eq!(files, listed, "{actual:#?}");
}
