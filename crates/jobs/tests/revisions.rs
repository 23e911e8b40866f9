//! Equal inputs give equal bytes until a job type's revision says otherwise. Other architectures round otherwise.
#![cfg(target_arch = "x86_64")]

mod common;
use common::{Given, answer, checksum};
use fieldstone_jobs::JOB_TYPES;
use std::fmt::Write;

/// testdata/revisions.txt has type, revision and checksum of what the example gives, a line each.
#[test]
fn bytes_change_only_with_the_revision() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/revisions.txt");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let mut now = String::new();
    let mut unraised = Vec::new();
    for entry in JOB_TYPES {
        let folder = tempfile::tempdir().unwrap();
        let outputs = answer(&folder, entry, Given::Example).unwrap();
        let mut all = String::new();
        for output in &outputs.assets {
            let bytes = std::fs::read(&output.path).unwrap();
            writeln!(all, "{}.{} {}", output.name, output.extension, checksum(&bytes)).unwrap();
        }
        for (name, value) in &outputs.params {
            writeln!(all, "{name}={value}").unwrap();
        }
        let same_revision = format!("{} {} ", entry.type_name, entry.revision);
        let line = same_revision.clone() + &checksum(all.as_bytes());
        if kept.lines().any(|old| old.starts_with(&same_revision) && old != line) {
            unraised.push(entry.type_name);
        }
        writeln!(now, "{line}").unwrap();
    }
    assert!(
        unraised.is_empty(),
        "raise the revision of {}: with equal inputs they give other bytes than before",
        unraised.join(", ")
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return std::fs::write(path, now).unwrap();
    }
    assert!(kept == now, "testdata/revisions.txt is not current: `cargo xtask gen` writes it");
}
