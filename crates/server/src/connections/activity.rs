//! What a connection is doing: at work for its client, or waiting for it, and since when.

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Not waiting.
const NOT: u64 = u64::MAX;

/// What whoever needs a slot waits for: one came free, or a connection began to wait for its client.
#[derive(Default)]
pub(crate) struct Bell {
    listeners: AtomicUsize,
    rung: Notify,
}

impl Bell {
    /// Wakes who listens. Without a listener it costs a look.
    pub(crate) fn ring(&self) {
        if self.listeners.load(SeqCst) > 0 {
            self.rung.notify_waiters();
        }
    }

    /// Looks, and looks again at every ring and after each `pause`, until there is something to see.
    pub(crate) async fn until<T>(&self, pause: Duration, mut look: impl FnMut() -> Option<T>) -> T {
        let _listening = Listening::new(&self.listeners);
        loop {
            let rung = self.rung.notified();
            tokio::pin!(rung);
            // Before the look: what changes after it is heard of.
            rung.as_mut().enable();
            match look() {
                Some(seen) => return seen,
                // Rung or not, it is time for another look.
                None => drop(tokio::time::timeout(pause, rung).await),
            }
        }
    }
}

/// Counts a listener, as long as it listens.
struct Listening<'a>(&'a AtomicUsize);

impl Listening<'_> {
    fn new(count: &AtomicUsize) -> Listening<'_> {
        count.fetch_add(1, SeqCst);
        Listening(count)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Shared by all that see a part of one connection. Times are nanoseconds since `began`.
pub(crate) struct Activity {
    began: Instant,
    /// Of all that are compared.
    bell: Arc<Bell>,
    /// Since when a request, or more of it, is waited for.
    input_since: AtomicU64,
    /// Since when the client has taken nothing of what is being written to it.
    output_since: AtomicU64,
    /// Asked to end, and not yet decided.
    called: AtomicBool,
    call: Notify,
}

impl Activity {
    /// A connection that has said nothing yet. Both are the same for all connections that are compared.
    pub(crate) fn new(began: Instant, bell: Arc<Bell>) -> Activity {
        let activity = Activity {
            began,
            bell,
            input_since: AtomicU64::new(NOT),
            output_since: AtomicU64::new(NOT),
            called: AtomicBool::new(false),
            call: Notify::new(),
        };
        activity.awaits_input();
        activity
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// From now on the client is to send something.
    pub(crate) fn awaits_input(&self) {
        self.input_since.store(self.now(), SeqCst);
        self.bell.ring();
    }

    /// The client has sent what was waited for: it is our turn.
    pub(crate) fn works(&self) {
        self.input_since.store(NOT, SeqCst);
    }

    /// A write waits for the client to take what was written before.
    pub(crate) fn awaits_reader(&self) {
        self.output_since.store(self.now(), SeqCst);
        self.bell.ring();
    }

    /// The client has taken something.
    pub(crate) fn was_read(&self) {
        self.output_since.store(NOT, SeqCst);
    }

    /// Since when nothing happened for lack of the client; `None` while it is our turn, or when it has been asked to end.
    pub(crate) fn idle_since(&self) -> Option<u64> {
        let (input, output) = (self.input_since.load(SeqCst), self.output_since.load(SeqCst));
        // What was answered may still be on its way out: that it moves counts, not when it was written.
        let since = if output == NOT { input } else { output };
        (since != NOT && !self.called.load(SeqCst)).then_some(since)
    }

    /// The same, if it was at least so long ago.
    pub(crate) fn idle_for(&self, least: Duration) -> Option<u64> {
        self.idle_since().filter(|since| u128::from(self.now().saturating_sub(*since)) >= least.as_nanos())
    }

    /// Asks the connection to end for the sake of another.
    pub(crate) fn call(&self) {
        self.called.store(true, SeqCst);
        self.call.notify_one();
    }

    /// Whether it has been asked, and not yet decided.
    pub(crate) fn is_called(&self) -> bool {
        self.called.load(SeqCst)
    }

    /// Resolves when the connection has to give way to another; not while it works for its client.
    pub(crate) async fn must_go(&self) {
        loop {
            self.call.notified().await;
            self.called.store(false, SeqCst);
            if self.idle_since().is_some() {
                return;
            }
            // It stays, so another one has to be found.
            self.bell.ring();
        }
    }
}

/// The body of a request: while its next piece is waited for, so is the client.
pub(crate) struct Watched<B> {
    body: B,
    activity: Arc<Activity>,
    waits: bool,
}

impl<B> Watched<B> {
    pub(crate) fn new(body: B, activity: Arc<Activity>) -> Watched<B> {
        Watched { body, activity, waits: false }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_pending() != self.waits {
            self.waits = frame.is_pending();
            if self.waits { self.activity.awaits_input() } else { self.activity.works() }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer: with its end the next request is waited for.
pub(crate) struct Answering<B> {
    body: B,
    activity: Arc<Activity>,
}

impl<B> Answering<B> {
    pub(crate) fn new(body: B, activity: Arc<Activity>) -> Answering<B> {
        // Also when the rest of a request was not read.
        activity.works();
        Answering { body, activity }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answering<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Answering<B> {
    fn drop(&mut self) {
        self.activity.awaits_input();
    }
}
