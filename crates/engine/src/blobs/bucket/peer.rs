//! The bucket of the store that tests have on loopback.

use crate::location::BucketUrl;
use crate::testing::{S3_BUCKET, S3Peer};
use object_store::aws::AmazonS3Builder;
use object_store::{BackoffConfig, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// By a client that tries a request three times.
pub(in crate::blobs) fn url(peer: &S3Peer) -> BucketUrl {
    let moment = Duration::from_millis(1);
    let backoff = BackoffConfig { init_backoff: moment, max_backoff: moment, base: 2.0 };
    let retry = RetryConfig { backoff, max_retries: 2, retry_timeout: Duration::from_secs(60) };
    let builder = AmazonS3Builder::new()
        .with_endpoint(peer.endpoint())
        .with_access_key_id("key")
        .with_secret_access_key("secret");
    let store = super::open::client(builder, S3_BUCKET, retry).unwrap();
    BucketUrl::over(Arc::new(store), S3_BUCKET, "lab")
}
