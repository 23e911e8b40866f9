//! The same tests once more with a bucket: one in memory, or the one that the environment names.

use super::again::run_again;
use crate::location::BucketUrl;
use object_store::memory::InMemory;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
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
    let bucket = (!is_in_bucket()).then(|| (BUCKET, "memory".to_owned()));
    let variables: Vec<_> = bucket.into_iter().chain([(AGAIN, "1".to_owned())]).collect();
    run_again("with a bucket", these, but, &variables);
}
