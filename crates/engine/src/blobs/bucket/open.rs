//! The client of a bucket: credentials and endpoint from the variables that all tools of S3 know.

use crate::choose_cryptography;
use crate::error::{EngineError, Result};
use crate::location::BucketUrl;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// How long a request is tried again: a client waits for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time for a connection to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Time without a byte. A large part may take longer than this in all.
const SILENCE: Duration = Duration::from_secs(30);

/// The objects below the prefix.
pub(super) fn store(url: &BucketUrl) -> Result<Arc<dyn ObjectStore>> {
    let objects: Arc<dyn ObjectStore> = match url.given() {
        Some(given) => given,
        None => Arc::new(s3(url)?),
    };
    Ok(match url.prefix() {
        "" => objects,
        prefix => Arc::new(PrefixStore::new(objects, Key::from(prefix))),
    })
}

fn s3(url: &BucketUrl) -> Result<AmazonS3> {
    let retry = RetryConfig { max_retries: 5, retry_timeout: PATIENCE, ..RetryConfig::default() };
    client(AmazonS3Builder::from_env(), url.bucket(), retry)
        .map_err(|e| EngineError::invalid("blobs", format!("{url} cannot be used: {}", why(&e))))
}

/// A client whose credentials and endpoint are known.
pub(super) fn client(
    builder: AmazonS3Builder,
    bucket: &str,
    retry: RetryConfig,
) -> object_store::Result<AmazonS3> {
    choose_cryptography();
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint].iter();
    let is_plain =
        endpoint.filter_map(|key| builder.get_config_value(key)).any(|url| url.starts_with("http://"));
    let client = ClientOptions::new()
        // Whoever gives such an endpoint means it.
        .with_allow_http(is_plain)
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE);
    // One at a time is deleted, and not every store can delete many.
    let builder = builder.with_bucket_name(bucket).with_disable_bulk_delete(true);
    builder.with_client_options(client).with_retry(retry).build()
}

/// The innermost cause, on one line: what is around it repeats the request.
pub(super) fn why(error: &object_store::Error) -> String {
    let mut cause: &dyn Error = error;
    let mut texts = vec![cause.to_string()];
    while let Some(next) = cause.source() {
        cause = next;
        texts.push(cause.to_string());
    }
    let text = texts.iter().rev().find(|text| !text.is_empty()).cloned().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().take(400).collect()
}
