//! Bodies of requests: each must keep coming, and those that are kept in memory have so much of it together.

use crate::heap;
use crate::on_answer::Then;
use crate::wire::error::ApiError;
use axum::extract::Request;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory that documents of requests take together, from their first bytes to their answers.
const TOGETHER: usize = 192 << 20;
/// Documents of so many bytes are not counted.
pub(crate) const SMALL: usize = 64 << 10;
/// Memory of so many bytes goes back to the system when its document is answered.
const LARGE: usize = 8 << 20;
/// What is counted at once.
const UNIT: usize = 64 << 10;
/// Memory that a value of a document takes once it is read, beside its text.
const VALUE: usize = 80;
/// How many values an object counts as, with its table of names, beside those in it.
const OBJECT: usize = 6;
/// A body must bring so many bytes in the time that it may pause, or end.
const LEAST: usize = 64 << 10;
/// The time that it has for these while others wait for the memory.
const SHORT: Duration = Duration::from_secs(5);
/// How long a document waits for memory before it is refused, and when its sender may ask again.
const PATIENCE: Duration = Duration::from_secs(10);
const RETRY_S: u64 = 5;

/// The memory of all documents.
pub struct Bodies {
    room: Arc<Semaphore>,
    units: usize,
    patience: Duration,
}

/// What one request holds of it until it is answered.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Permits>);

#[derive(Default)]
struct Permits(Mutex<Vec<OwnedSemaphorePermit>>);

/// What a large document took goes back to the system before others may take it.
impl Drop for Permits {
    fn drop(&mut self) {
        let permits = std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner));
        let units: usize = permits.iter().map(OwnedSemaphorePermit::num_permits).sum();
        if units * UNIT < LARGE {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || {
                heap::give_back();
                drop(permits);
            });
        }
    }
}

impl Bodies {
    /// Enough for a document of `most` bytes at least.
    pub(crate) fn new(most: usize) -> Bodies {
        let units = TOGETHER.max(most.saturating_mul(2)).div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Bodies { room: Arc::new(Semaphore::new(units)), units, patience: PATIENCE }
    }

    /// Whether nothing is left of it.
    fn is_short(&self) -> bool {
        self.room.available_permits() == 0
    }

    /// Takes memory for `bytes` more, waiting for others to give theirs back, but not for ever.
    async fn take(&self, bytes: usize, held: &Held) -> Result<(), ApiError> {
        let units = bytes.div_ceil(UNIT);
        if units > self.units {
            let most = self.units * UNIT;
            return Err(ApiError::too_large(format!(
                "body: its values take about {bytes} bytes of memory, more than the {most} that all bodies may take"
            )));
        }
        let taken = self.room.clone().acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX));
        match tokio::time::timeout(self.patience, taken).await {
            Ok(Ok(permit)) => {
                held.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(permit);
                Ok(())
            }
            _ => {
                let text = "too many large bodies are on the way, try again later";
                let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text);
                Err(error.with_header(RETRY_AFTER, HeaderValue::from(RETRY_S)))
            }
        }
    }
}

impl Held {
    /// Of a request; what is in no request holds nothing for long.
    pub(crate) fn of(request: &Request) -> Held {
        request.extensions().get::<Held>().cloned().unwrap_or_default()
    }

    /// Counts a body that grows from `before` by `more` bytes.
    pub(crate) async fn grow(&self, bodies: &Bodies, before: usize, more: usize) -> Result<(), ApiError> {
        let after = before + more;
        if after <= SMALL {
            return Ok(());
        }
        let units = after.div_ceil(UNIT) - if before > SMALL { before.div_ceil(UNIT) } else { 0 };
        if units == 0 { Ok(()) } else { bodies.take(units * UNIT, self).await }
    }

    /// Counts the values of a document that is about to be read.
    pub(crate) async fn unfold(&self, bodies: &Bodies, values: usize) -> Result<(), ApiError> {
        bodies.take(values.saturating_mul(VALUE), self).await
    }
}

/// For [`OnAnswer`](crate::on_answer::OnAnswer): keeps what a request holds of the memory until it is answered.
pub(crate) fn hold(request: &mut Request) -> Option<Then> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let held = Held::default();
    request.extensions_mut().insert(held.clone());
    Some(Box::new(move |_, _| drop(held)))
}

/// Values in a JSON text, about: what follows a bracket or a comma, a colon once more, for the name before it, and objects for their
/// tables. Texts in it count alike: they may be documents, too.
pub(crate) fn values(text: &[u8]) -> usize {
    let weight = |byte: &u8| match byte {
        b'[' | b',' | b':' => 1,
        b'{' => OBJECT,
        _ => 0,
    };
    text.iter().map(weight).sum()
}

/// Whether a body keeps coming. What the server does with it meanwhile is not its sender's time.
pub(crate) struct Pace<'a> {
    bodies: &'a Bodies,
    pause: Duration,
    waited: Duration,
    bytes: usize,
}

impl<'a> Pace<'a> {
    /// Of a body that may pause for so many seconds.
    pub(crate) fn new(bodies: &'a Bodies, pause_s: u64) -> Pace<'a> {
        Pace { bodies, pause: Duration::from_secs(pause_s), waited: Duration::ZERO, bytes: 0 }
    }

    /// Time for the next bytes.
    fn window(&self) -> Duration {
        if self.bodies.is_short() { self.pause.min(SHORT) } else { self.pause }
    }

    /// Waits for the next piece of the body, but not for ever.
    pub(crate) async fn next<T>(&mut self, piece: impl Future<Output = T>) -> Result<T, ApiError> {
        tokio::pin!(piece);
        loop {
            let begun = Instant::now();
            let left = self.window().saturating_sub(self.waited);
            let came = tokio::time::timeout(left.min(SHORT), &mut piece).await;
            self.waited += begun.elapsed();
            match came {
                Ok(piece) => return Ok(piece),
                Err(_) if self.waited >= self.window() => return Err(self.refusal()),
                Err(_) => {}
            }
        }
    }

    /// Notes that so many bytes came.
    pub(crate) fn came(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= LEAST {
            (self.bytes, self.waited) = (0, Duration::ZERO);
        }
    }

    fn refusal(&self) -> ApiError {
        let (bytes, seconds) = (self.bytes, self.waited.as_secs());
        let text = format!(
            "body: {bytes} bytes arrived in {seconds} s, fewer than {LEAST} within the time that setting body_timeout sets"
        );
        ApiError::new(StatusCode::REQUEST_TIMEOUT, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[test]
    fn values_are_counted_in_texts_as_well() {
        assert_eq!(values(br#"{"a": [1, 2, "{\"b\": [3, 4]}"]}"#), 7 + 2 * OBJECT);
        assert_eq!(values(b"7"), 0);
    }

    #[tokio::test]
    async fn who_finds_no_memory_waits_and_is_refused_with_advice() {
        let bodies = Bodies { patience: Duration::ZERO, ..Bodies::new(0) };
        let status = |e: ApiError| e.into_response().status().as_u16();
        let (first, second) = (Held::default(), Held::default());
        bodies.take(TOGETHER, &first).await.unwrap();
        assert!(bodies.is_short());
        assert_eq!(status(bodies.take(1, &second).await.unwrap_err()), 503);
        drop(first);
        // It comes back from a thread of its own.
        let bodies = Bodies { patience: PATIENCE, ..bodies };
        bodies.take(1, &second).await.unwrap();
        assert_eq!(status(bodies.take(TOGETHER + 1, &second).await.unwrap_err()), 413);
    }
}
