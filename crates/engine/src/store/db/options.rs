//! What connections of either database have in common.

use sqlx::Database;
use sqlx::pool::PoolOptions;
use std::time::Duration;

/// How long the writes of several wait for one another.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What all pools have in common. Connections are kept until their pool is closed: with an end to their lives sqlx has a task that
/// looks for old ones, and when a connection comes back and goes out again while it counts them, it counts 2^64 and takes a
/// thread for ever (sqlx issue 3645; sqlx-core 0.9.0, pool/inner.rs: `release` adds to `num_idle` after its permit is free, `pop_idle` has
/// subtracted by then).
pub(crate) fn pool_options<D: Database>() -> PoolOptions<D> {
    PoolOptions::new().test_before_acquire(false).max_lifetime(None).idle_timeout(None)
}
