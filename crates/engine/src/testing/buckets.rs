//! The same tests once more with a bucket: one in memory, or the one that the environment names.

use crate::location::BucketUrl;
use object_store::memory::InMemory;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

/// Names a bucket for tests: `memory`, or `s3://bucket`. Each data folder has a prefix of its own in it.
pub const BUCKET: &str = "FIELDSTONE_TEST_BUCKET";

/// Keeps the second run from beginning a third.
const AGAIN: &str = "FIELDSTONE_TEST_IN_BUCKET";

/// The bucket of a data folder in this run of the tests; `None`: stored files are in the folder.
pub fn bucket_of(data: &Path) -> Option<BucketUrl> {
    let url = std::env::var(BUCKET).ok()?;
    let prefix = hex::encode(&Sha256::digest(data.as_os_str().as_encoded_bytes())[..8]);
    if url != "memory" {
        let url = format!("{}/{prefix}", url.trim_end_matches('/'));
        return Some(url.parse().unwrap_or_else(|e| panic!("{BUCKET}: {e}")));
    }
    // It outlives the servers that use it.
    static STORES: Mutex<Option<HashMap<PathBuf, Arc<InMemory>>>> = Mutex::new(None);
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    let store = stores.get_or_insert_default().entry(data.to_owned()).or_default().clone();
    Some(BucketUrl::over(store, "memory", &prefix))
}

/// Whether this run of the tests is with a bucket.
pub fn is_in_bucket() -> bool {
    std::env::var_os(BUCKET).is_some()
}

/// Runs the tests of this program whose names contain one of `these` and none of `but` once more, with a bucket.
pub fn again_in_bucket(these: &[&str], but: &[&str]) {
    if std::env::var_os(AGAIN).is_some() || super::postgres::is_on_postgres() {
        return;
    }
    let mut again = Command::new(std::env::current_exe().expect("a program knows its file"));
    again.args(these).args(but.iter().flat_map(|name| ["--skip", name])).env(AGAIN, "1");
    if !is_in_bucket() {
        again.env(BUCKET, "memory");
    }
    let said = again.output().expect("a program can start itself");
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "with a bucket:\n{text}{}", String::from_utf8_lossy(&said.stderr));
    assert!(!text.contains(" 0 passed"), "no such test: {text}");
    eprintln!(
        "with a bucket: {}",
        text.lines().rfind(|line| line.starts_with("test result")).unwrap_or_default()
    );
}
