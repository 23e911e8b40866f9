//! Bad input over HTTP: each is a clear 4xx, or a failed job whose message names the value and its place.

mod served;

use serde_json::{Value, json};
use served::{Api, Served, box_stl, token};
use std::io::Cursor;

/// A server with a project; small limits, so that a bomb need not be large.
struct Bench {
    api: Api,
    project: String,
    _server: Served,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let token = token(&data);
        let server =
            Served::start(&data, &[("FIELDSTONE_MAX_UNPACKED", "64MiB"), ("FIELDSTONE_LOG", "warn")]);
        let api = Api::new(&server.url, &token);
        let project = api.project("bad input");
        Bench { api, project, _server: server, _folder: folder }
    }

    fn dispatch(&self, definition: &str, assets: Value, parameters: Value) -> (u16, Value) {
        let body = json!({ "definition": definition, "assets": assets, "parameters": parameters });
        self.api.post(&format!("/projects/{}/workflows", self.project), &body).unwrap()
    }

    /// The file is accepted as an upload; the job that reads it fails with all of `fragments` in its error.
    fn unreadable(&self, name: &str, bytes: &[u8], fragments: &[&str]) {
        self.api.must_upload(&self.project, name, bytes);
        let definition = "jobs: {read: {type: mesh/preprocess}, sample: {type: implicit/from-mesh}}";
        let (status, workflow) =
            self.dispatch(definition, json!({ "read.mesh": name, "sample.mesh": name }), json!({}));
        assert_eq!(status, 202, "{name}: {workflow}");
        let id = workflow["id"].as_str().unwrap();
        let (status, done) = self.api.finished(&format!("/projects/{}/workflows/{id}/status", self.project));
        assert_eq!((status, &done["state"]), (201, &json!("failure")), "{name}: {done}");
        for job in done["jobs"].as_array().unwrap() {
            let path = format!("/projects/{}/jobs/{}", self.project, job.as_str().unwrap());
            let (status, job) = self.api.get(&path).unwrap();
            assert_eq!((status, &job["state"]), (200, &json!("failure")), "{name}: {job}");
            assert_eq!(
                job["outputs"]["assets"].as_object().map_or(0, serde_json::Map::len),
                0,
                "{name}: {job}"
            );
            holds(name, &job["error"], fragments);
        }
    }

    /// A dispatch that is refused with 400 and all of `fragments` in its description.
    fn refused(&self, what: &str, definition: &str, assets: Value, parameters: Value, fragments: &[&str]) {
        let (status, body) = self.dispatch(definition, assets, parameters);
        is_error(what, 400, status, &body, fragments);
    }
}

fn is_error(what: &str, expected: u16, status: u16, body: &Value, fragments: &[&str]) {
    assert_eq!(status, expected, "{what}: {body}");
    assert_eq!(body["code"], expected, "{what}: {body}");
    assert!(body["name"].is_string() && body["msg"].is_string(), "{what}: {body}");
    holds(what, &body["description"], fragments);
}

fn holds(what: &str, message: &Value, fragments: &[&str]) {
    let message = message.as_str().unwrap_or_else(|| panic!("{what}: there is no message"));
    for fragment in fragments {
        assert!(message.contains(fragment), "{what}: {message:?} does not say {fragment:?}");
    }
    assert!(message.len() < 1000, "{what}: a message of {} bytes", message.len());
}

#[test]
fn bad_meshes_fail_their_job_and_name_the_place() {
    let bench = Bench::start();
    bench.unreadable("empty.stl", b"", &["STL", "byte 0", "empty"]);
    bench.unreadable(
        "letter.stl",
        b"Dear Sir or Madam,\nplease find enclosed no mesh.\n",
        &["STL", "Dear Sir"],
    );
    let long_letter = "Dear Sir or Madam, please find enclosed no mesh at all.\n".repeat(40);
    bench.unreadable("long-letter.stl", long_letter.as_bytes(), &["STL", "byte 0", "Dear Sir"]);

    let mut promising = box_stl([1.0; 3], 2);
    promising[80..84].copy_from_slice(&u32::MAX.to_le_bytes());
    promising.pop();
    bench.unreadable("promising.stl", &promising, &["STL", "byte 80", "4294967295"]);

    let zero = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 0 1 2\n";
    bench.unreadable("zero.obj", zero.as_bytes(), &["OBJ", "line 5", "index 0"]);
    bench.unreadable("far.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", &["OBJ", "line 4", "9"]);
    let nan = "v 0 0 0\nv 1 nan 0\nv 0 1 0\nf 1 2 3\n";
    bench.unreadable("nan.obj", nan.as_bytes(), &["OBJ", "line 2", "nan"]);
    let mut nan = box_stl([1.0; 3], 1);
    nan[84 + 7 * 50 + 12..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    bench.unreadable("nan.stl", &nan, &["STL", "triangle 7", "NaN"]);

    let ply = |vertices: u64, faces: u64| {
        format!(
            "ply\nformat ascii 1.0\nelement vertex {vertices}\nproperty float x\nproperty float y\nproperty float z\n\
             element face {faces}\nproperty list uchar int vertex_indices\nend_header\n\
             0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
        )
    };
    bench.unreadable("promising.ply", ply(4_000_000_000, 1).as_bytes(), &["PLY", "line 3", "4000000000"]);
    bench.unreadable("lying.ply", ply(3, 2).as_bytes(), &["PLY", "face"]);
    // The third vertex is read as a face without corners.
    bench.unreadable("lying-less.ply", ply(2, 1).as_bytes(), &["PLY", "no triangles"]);
    bench.unreadable("mesh.step", b"ISO-10303-21;", &["step", "stl, obj, ply, 3mf"]);
}

#[test]
fn a_zip_bomb_is_stopped_at_the_limit() {
    let bench = Bench::start();
    let spaces = 256 << 20;
    let limit = ["3D/3dmodel.model", "67108864"];
    bench.unreadable("bomb.3mf", &bomb(spaces, spaces as u32), &limit);
    // The same bytes under a header that says they are few.
    bench.unreadable("liar.3mf", &bomb(spaces, 1000), &["3D/3dmodel.model"]);
    bench.unreadable("no.3mf", b"PK no zip", &["3MF"]);
}

#[test]
fn bad_workflows_are_refused_with_the_place() {
    let bench = Bench::start();
    bench.api.must_upload(&bench.project, "box.stl", &box_stl([1.0; 3], 1));
    let none = || json!({});
    let cycle = "jobs:
  a: {type: mesh/compute-bvh, needs: [c], assets: {mesh: c}}
  b: {type: mesh/preprocess, needs: [a], assets: {mesh: a}}
  c: {type: mesh/preprocess, needs: [b], assets: {mesh: b}}";
    bench.refused("cycle", cycle, none(), none(), &["cycle", "a", "b", "c", "->"]);
    let needs = "jobs: {a: {type: mesh/preprocess, needs: [nowhere]}}";
    bench.refused("unknown need", needs, json!({"a.mesh": "box.stl"}), none(), &["jobs.a.needs", "nowhere"]);
    let mut many = String::from("jobs:\n");
    (0..10_000).for_each(|i| many += &format!("  job{i}: {{type: mesh/preprocess}}\n"));
    bench.refused("10,000 jobs", &many, none(), none(), &["jobs", "10000", "1000"]);
    bench.refused("no YAML", "jobs: {a: [", none(), none(), &["line 1"]);
    bench.refused("no jobs", "job: {}", none(), none(), &["job"]);
    let aliases = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &(b'b'..=b'k').map(|c| (c as char, (c - 1) as char)).fold(String::new(), |text, (c, before)| {
            text + &format!("{c}: &{c} [{}]\n", vec![format!("*{before}"); 9].join(", "))
        })
        + "jobs: {}\n";
    let (status, body) = bench.dispatch(&aliases, none(), none());
    is_error("a billion laughs", 400, status, &body, &[]);
    let sample = "jobs: {s: {type: implicit/from-mesh}}";
    bench.refused("no mesh", sample, none(), none(), &["mesh"]);
    bench.refused("absent mesh", sample, json!({"s.mesh": "absent.stl"}), none(), &["s.mesh", "absent.stl"]);
    bench.refused("unknown job", sample, json!({"x.mesh": "box.stl"}), none(), &["x.mesh"]);
}

#[test]
fn bad_resolutions_are_refused_with_their_range() {
    let bench = Bench::start();
    bench.api.must_upload(&bench.project, "box.stl", &box_stl([1.0; 3], 1));
    for value in ["0", "5000", "abc", "", "-3", "NaN", "2.5"] {
        let expected = ["resolution", "1024", value];
        let assets = || json!({ "s.mesh": "box.stl" });
        let parameters = json!({ "s.resolution": value });
        bench.refused(value, "jobs: {s: {type: implicit/from-mesh}}", assets(), parameters, &expected);
        let literal =
            format!("jobs: {{s: {{type: implicit/from-mesh, parameters: {{resolution: \"{value}\"}}}}}}");
        bench.refused(value, &literal, assets(), json!({}), &expected);
        let job = json!({
            "type": "sample_triangle_mesh",
            "parameters": { "mesh_filename": "box.stl", "max_resolution": value },
        });
        let (status, body) = bench.api.post(&format!("/projects/{}/jobs", bench.project), &job).unwrap();
        is_error(value, 400, status, &body, &["max_resolution", "1024", value]);
    }
}

#[test]
fn a_filename_stays_a_filename() {
    let bench = Bench::start();
    let stl = box_stl([1.0; 3], 1);
    for name in ["../../x", "..", "a/b.stl", "/etc/passwd", "a\\b.stl"] {
        let size = stl.len() as u64;
        let answer = bench.api.upload(&bench.project, name, Cursor::new(stl.clone()), size);
        let (status, body) = answer.unwrap();
        is_error(name, 400, status, &body, &["filename"]);
    }
    let assets = json!({ "a.mesh": "../../x" });
    bench.refused(
        "reference",
        "jobs: {a: {type: mesh/preprocess}}",
        assets,
        json!({}),
        &["a.mesh", "../../x"],
    );
}

#[test]
fn another_projects_assets_are_not_there() {
    let bench = Bench::start();
    let other = bench.api.project("other");
    let asset = bench.api.must_upload(&other, "secret.stl", &box_stl([1.0; 3], 1));
    let definition = "jobs: {a: {type: mesh/preprocess}}";
    let assets = json!({ "a.mesh": "secret.stl" });
    bench.refused("workflow", definition, assets, json!({}), &["a.mesh", "secret.stl", "project"]);
    let job = json!({
        "type": "sample_triangle_mesh",
        "parameters": { "mesh_filename": "secret.stl", "max_resolution": 16 },
    });
    let (status, body) = bench.api.post(&format!("/projects/{}/jobs", bench.project), &job).unwrap();
    is_error("job", 400, status, &body, &["mesh", "secret.stl"]);
    let id = asset["id"].as_str().unwrap();
    for suffix in ["", "?download=true"] {
        let path = format!("/projects/{}/assets/{id}{suffix}", bench.project);
        let (status, body) = bench.api.get(&path).unwrap();
        is_error("asset", 404, status, &body, &[]);
    }
}

/// A 3MF package whose model is `size` spaces, deflated to a twentieth of a thousandth; its headers say `claimed`.
fn bomb(size: usize, claimed: u32) -> Vec<u8> {
    let relations = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/3dmodel.model" Id="r0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>"#;
    let stored = |text: &str| (0u16, text.as_bytes().to_vec(), text.len() as u32, crc32(text.as_bytes()));
    let parts =
        [("_rels/.rels", stored(relations)), ("3D/3dmodel.model", (8, deflated_spaces(size), claimed, 0))];
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (name, (method, content, plain, crc)) in &parts {
        let offset = zip.len() as u32;
        let mut common = Vec::new();
        [20, 0, *method, 0, 0].iter().for_each(|x: &u16| common.extend(x.to_le_bytes()));
        [*crc, content.len() as u32, *plain].iter().for_each(|x| common.extend(x.to_le_bytes()));
        [name.len() as u16, 0].iter().for_each(|x| common.extend(x.to_le_bytes()));
        zip.extend(b"PK\x03\x04");
        zip.extend(&common);
        zip.extend(name.bytes());
        zip.extend(content);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let start = zip.len() as u32;
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    [parts.len() as u16; 2].iter().for_each(|x| zip.extend(x.to_le_bytes()));
    [directory.len() as u32, start].iter().for_each(|x| zip.extend(x.to_le_bytes()));
    zip.extend([0; 2]);
    zip
}

/// A deflate stream (RFC 1951) of at least `size` spaces: one literal, then copies of 258 bytes from distance 1.
fn deflated_spaces(size: usize) -> Vec<u8> {
    let (mut out, mut bits, mut count) = (Vec::with_capacity(size / 150), 0u64, 0);
    let mut put = |value: u64, n: u32| {
        bits |= value << count;
        count += n;
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    let code = |value: u64, n: u32| value.reverse_bits() >> (64 - n); // Huffman codes go in from their top bit
    put(1, 1); // the last block
    put(1, 2); // fixed codes
    put(code(0x30 + 0x20, 8), 8);
    for _ in 0..size / 258 {
        put(code(0xc0 + 285 - 280, 8), 8);
        put(0, 5);
    }
    put(0, 7); // end of block
    put(0, 7); // fill the last byte
    out
}

/// CRC-32 of zip files, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn the_bomb_is_a_bomb() {
    let bytes = bomb(1 << 20, 1 << 20);
    assert!(bytes.len() < 10_000, "{}", bytes.len());
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

/// A volume of 3 × 3 × 3 floats with one that is infinite and one that is not a number: the job that meshes or measures it,
/// alone or in a graph, names the first.
#[test]
fn volumes_with_samples_that_are_no_numbers() {
    let bench = Bench::start();
    let mut samples = [1.0f32; 27];
    (samples[13], samples[14], samples[26]) = (-1.0, f32::NAN, f32::INFINITY);
    let bytes: Vec<u8> = samples.iter().flat_map(|v| v.to_le_bytes()).collect();
    bench.api.must_upload(&bench.project, "hole.bin", &bytes);
    let graph = json!({"operators": [{"type": "LoadVolume", "parameters": {
        "volume_data": {"path": "hole.bin"}, "resolution": [3, 3, 3]}}]});
    let definition = "jobs: {mesh: {type: mesh/from-volume}, measure: {type: implicit/metrics}, \
        layers: {type: export_slices}, image: {type: export_vti}, values: {type: implicit/evaluate}}";
    let mut parameters = json!({"layers.graph": graph, "image.graph": graph, "values.graph": graph});
    for job in ["mesh", "measure"] {
        parameters[format!("{job}.volume_size")] = json!([4, 4, 4]);
        parameters[format!("{job}.volume_resolution")] = json!([3, 3, 3]);
    }
    let assets = json!({"mesh.volume": "hole.bin", "measure.volume": "hole.bin"});
    let (status, workflow) = bench.dispatch(definition, assets, parameters);
    assert_eq!(status, 202, "{workflow}");
    let id = workflow["id"].as_str().unwrap();
    let (_, done) = bench.api.finished(&format!("/projects/{}/workflows/{id}/status", bench.project));
    for job in done["jobs"].as_array().unwrap() {
        let path = format!("/projects/{}/jobs/{}", bench.project, job.as_str().unwrap());
        let (_, job) = bench.api.get(&path).unwrap();
        let what = job["type"].as_str().unwrap();
        let x =
            if what.starts_with("mesh") || what == "implicit/metrics" { "(2, 0, 0)" } else { "(1, 0, 0)" };
        let nan = format!("sample [2, 1, 1] at {x} is NaN");
        holds(what, &job["error"], &["hole.bin", &nan, "1 more are not finite"]);
    }
}
