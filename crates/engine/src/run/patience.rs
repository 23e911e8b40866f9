//! What was computed is not thrown away because a bucket is away for a moment.

use super::running::AttemptHandle;
use crate::error::{EngineError, Result};
use std::time::{Duration, Instant};

/// How long an attempt waits for a bucket that does not answer.
const MOST: Duration = Duration::from_secs(30);
/// Between two tries, each of which tries again for a moment by itself.
const AGAIN: Duration = Duration::from_secs(1);

/// Of one attempt, from here on.
pub(super) struct Patience<'a> {
    handle: &'a AttemptHandle,
    begun: Instant,
}

impl Patience<'_> {
    pub(super) fn new(handle: &AttemptHandle) -> Patience<'_> {
        Patience { handle, begun: Instant::now() }
    }

    /// Returns when it is to be tried again; the error where that is of no use, took too long, or the attempt is to end.
    pub(super) async fn again(&self, error: EngineError) -> Result<()> {
        match error {
            EngineError::Unreachable(why) if self.begun.elapsed() < MOST && !self.handle.is_to_end() => {
                tracing::debug!("an attempt waits: {why}");
                tokio::time::sleep(AGAIN).await;
                Ok(())
            }
            error => Err(error),
        }
    }
}
