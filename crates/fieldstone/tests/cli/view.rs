//! `fieldstone view`: what its link leads to, for each kind of file, and that nothing is left behind.

use crate::harness::{bracket, call, fieldstone, names, refusal};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// A running `fieldstone view`, killed when dropped.
struct View {
    child: Child,
    base: String,
    /// `/p/1/a/2`
    page: String,
    key: String,
}

impl View {
    /// Starts it and reads its link; its scratch goes to the folder `tmp` of `dir`.
    fn start(dir: &Path, args: &[&str]) -> View {
        let mut command = fieldstone(dir, &[&["view", "--no-open"], args].concat());
        let tmp = dir.join("tmp");
        std::fs::create_dir_all(&tmp).unwrap();
        let mut child = command.env("TMPDIR", tmp).stdout(Stdio::piped()).spawn().unwrap();
        let mut link = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut link).unwrap();
        let (url, key) = link.trim().split_once("#key=").unwrap_or_else(|| panic!("no link: {link:?}"));
        let (base, page) = url.split_at(url.find("/p/").unwrap());
        View { child, base: base.into(), page: page.into(), key: key.into() }
    }

    fn get(&self, path: &str) -> reqwest::blocking::Response {
        fieldstone_engine::choose_cryptography();
        let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        client.get(url).bearer_auth(&self.key).send().unwrap()
    }

    /// The asset that the page shows, and its bytes.
    fn asset(&self) -> (Value, Vec<u8>) {
        let path = self.page.replace("/p/", "/projects/").replace("/a/", "/assets/");
        let asset: Value = self.get(&format!("{path}?download=true")).json().unwrap();
        let bytes = self.get(asset["link"].as_str().unwrap()).bytes().unwrap().to_vec();
        (asset, bytes)
    }

    /// The job that made the asset.
    fn job(&self) -> Value {
        let project = self.page.split('/').nth(2).unwrap();
        let job = self.asset().0["job_id"].as_str().unwrap().to_owned();
        self.get(&format!("/projects/{project}/jobs/{job}")).json().unwrap()
    }

    /// Ctrl-C; the exit code.
    fn end(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // Already ended where it was told to.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_mesh_is_shown_as_it_is_and_ctrl_c_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(bracket(), dir.path().join("my part.stl")).unwrap();
    let view = View::start(dir.path(), &["my part.stl"]);
    let page = view.get(&view.page);
    assert_eq!(page.status(), 200);
    assert!(page.text().unwrap().contains("<!doctype html>"));
    let (asset, bytes) = view.asset();
    assert_eq!(asset["filename"], "my part.stl");
    assert!(bytes == std::fs::read(bracket()).unwrap());
    assert_eq!(names(&dir.path().join("tmp")).len(), 1);
    assert_eq!(view.end(), Some(0));
    assert_eq!(names(&dir.path().join("tmp")), [""; 0]);
}

#[test]
fn a_volume_is_shown_with_its_own_samples_where_its_job_says_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let part = format!("mesh={}", bracket().display());
    let run = ["run", "implicit/from-mesh", "--input", &part, "--param", "resolution=24", "--out", "field"];
    assert!(call(dir.path(), &run).status.success());
    let made: Value = crate::harness::read_json(&dir.path().join("field/result.json"));
    let file = format!("field/{}", made["outputs"]["assets"]["volume"]["filename"].as_str().unwrap());
    let view = View::start(dir.path(), &[&file]);
    let job = view.job();
    for name in ["patch_size", "patch_offset", "patch_resolution"] {
        let numbers = |job: &Value| -> Vec<f64> {
            serde_json::from_str(job["outputs"]["params"][name].as_str().unwrap()).unwrap()
        };
        assert_eq!(numbers(&job), numbers(&made), "{name}");
    }
    let floats = |bytes: &[u8]| -> Vec<f32> {
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (shown, own) = (floats(&view.asset().1), floats(&std::fs::read(dir.path().join(&file)).unwrap()));
    assert_eq!(shown.len(), own.len());
    // Interpolated at the samples themselves: the same but for rounding.
    let apart = shown.iter().zip(&own).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-3, "{apart} mm apart");
    assert_eq!(view.end(), Some(0));

    std::fs::rename(dir.path().join("field/result.json"), dir.path().join("made.json")).unwrap();
    let loose = refusal(dir.path(), &["view", &file], 1);
    assert!(loose.contains("--job says where its samples lie"), "{loose}");
    let view = View::start(dir.path(), &[&file, "--job", "made.json"]);
    assert_eq!(floats(&view.asset().1).len(), own.len());
}

#[test]
fn a_graph_is_evaluated_with_the_files_it_names_and_a_wrong_one_shown() {
    let dir = tempfile::tempdir().unwrap();
    let graph = std::fs::read_to_string(bracket().with_file_name("../../docs/infill.json")).unwrap();
    let coarse = graph.replace("[209, 169, 159]", "[27, 22, 21]");
    assert_ne!(graph, coarse);
    std::fs::write(dir.path().join("infill.json"), &coarse).unwrap();
    let part = format!("part={}", bracket().display());
    let view = View::start(dir.path(), &["infill.json", "--input", &part]);
    assert_eq!(view.asset().1.len(), 4 * 27 * 22 * 21);
    assert_eq!(view.end(), Some(0));

    std::fs::write(dir.path().join("infill.json"), coarse.replace("Gyroid", "Gyrod")).unwrap();
    let wrong = refusal(dir.path(), &["view", "infill.json", "--input", &part], 1);
    assert!(wrong.contains("did you mean \"Gyroid\"?") && wrong.contains("--> infill.json:5"), "{wrong}");
    let missing = refusal(dir.path(), &["view", "none.stl"], 1);
    assert_eq!(missing, "error: none.stl is not a file\n");
    std::fs::write(dir.path().join("part.step"), "").unwrap();
    let other = refusal(dir.path(), &["view", "part.step"], 1);
    assert!(other.contains("part.step: expected a mesh (stl, obj, ply, 3mf)"), "{other}");
}
