//! `fieldstone demo`: the README's first command, at a low resolution.

use crate::harness::{bracket, call, checksum, fieldstone, names, read_json, refusal};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

#[test]
fn the_demo_leaves_field_job_and_picture() {
    let dir = tempfile::tempdir().unwrap();
    let output = call(dir.path(), &["demo", "--resolution", "48"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    for job in ["preprocess", "compute-bvh", "sample-mesh"] {
        let lines = stderr.lines().filter(|l| l.trim_start().starts_with(job) && l.contains("success"));
        assert_eq!(lines.count(), 1, "{stderr}");
    }
    let out = dir.path().join("fieldstone-demo");
    assert_eq!(names(&out), ["job.json", "slices.png", "volume.bin"]);
    let job: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(job, read_json(&out.join("job.json")));
    assert_eq!((&job["name"], &job["type"]), (&"sample-mesh".into(), &"implicit/from-mesh".into()));
    assert_eq!(job["inputs"]["params"]["resolution"], "48");
    assert_eq!(job["outputs"]["assets"]["volume"]["checksum"], checksum(&out.join("volume.bin")).as_str());
    let resolution = job["outputs"]["params"]["patch_resolution"].as_str().unwrap();
    let resolution: Vec<usize> = serde_json::from_str(resolution).unwrap();
    assert_eq!(resolution[0], 48);
    let field = std::fs::read(out.join("volume.bin")).unwrap();
    assert_eq!(field.len(), 4 * resolution.iter().product::<usize>());
    assert_eq!(&std::fs::read(out.join("slices.png")).unwrap()[1..4], b"PNG");
}

#[test]
fn a_part_of_ones_own_is_taken_and_a_wrong_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(bracket(), dir.path().join("my part.stl")).unwrap();
    let output = call(dir.path(), &["demo", "my part.stl", "--resolution", "16", "--out", "field"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&dir.path().join("field")), ["job.json", "slices.png", "volume.bin"]);

    let missing = refusal(dir.path(), &["demo", "none.stl"], 1);
    assert_eq!(missing, "error: none.stl is not a file\n");
    std::fs::write(dir.path().join("empty.stl"), "").unwrap();
    let empty = refusal(dir.path(), &["demo", "empty.stl", "--out", "nothing"], 1);
    assert!(empty.contains("error: job preprocess failed: "), "{empty}");
    assert_eq!(names(&dir.path().join("nothing")), [""; 0]);
    let resolution = refusal(dir.path(), &["demo", "--resolution", "5000"], 2);
    assert!(resolution.contains("5000 is not in 2..=1024"), "{resolution}");
}

#[test]
fn ctrl_c_ends_a_running_demo_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = fieldstone(dir.path(), &["demo", "--resolution", "1024"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("uploaded") && stderr.read_line(&mut text).unwrap() > 0 {}
    let signalled = kill_process(Pid::from_child(&child), Signal::INT);
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    signalled.unwrap();
    assert!(text.ends_with("error: interrupted\n"), "{text}");
    assert_eq!(names(&dir.path().join("fieldstone-demo")), [""; 0]);
}
