//! Bodies of refused requests are read on: a client that is cut off while it sends often never reads the refusal.

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::EXPECT;
use axum::response::Response;
use futures::StreamExt;
use futures::future::{BoxFuture, Either};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

/// How long a refused body is read on at most.
const DRAIN: Duration = Duration::from_secs(1);

/// A body that its handler reads, and what is left of it when the handler has refused it.
struct Rest {
    stream: BodyDataStream,
    begun: bool,
}

fn lock(rest: &Mutex<Rest>) -> MutexGuard<'_, Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next(rest: &Mutex<Rest>, cx: &mut Context<'_>) -> Poll<Option<Result<bytes::Bytes, axum::Error>>> {
    let mut rest = lock(rest);
    rest.begun = true;
    rest.stream.poll_next_unpin(cx)
}

/// A layer: before an error is answered, what is left of the request is read for a second and thrown away.
#[derive(Clone)]
pub struct ReadOn;

/// See [`ReadOn`].
#[derive(Clone)]
pub struct ReadingOn<S>(S);

impl<S> Layer<S> for ReadOn {
    type Service = ReadingOn<S>;

    fn layer(&self, inner: S) -> ReadingOn<S> {
        ReadingOn(inner)
    }
}

impl<S, B> Service<Request> for ReadingOn<S>
where
    S: Service<Request, Response = Response<B>>,
    S::Future: Send + 'static,
    B: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<B>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // Most have no body, and nothing to be boxed for.
        if request.body().is_end_stream() {
            return Either::Left(self.0.call(request));
        }
        let (parts, body) = request.into_parts();
        let waits = parts.headers.contains_key(EXPECT);
        let rest = Arc::new(Mutex::new(Rest { stream: body.into_data_stream(), begun: false }));
        let shared = rest.clone();
        let body = Body::from_stream(futures::stream::poll_fn(move |cx| next(&shared, cx)));
        let answer = self.0.call(Request::from_parts(parts, body));
        Either::Right(Box::pin(read_on(answer, rest, waits)))
    }
}

async fn read_on<B, E>(
    answer: impl Future<Output = Result<Response<B>, E>>,
    rest: Arc<Mutex<Rest>>,
    waits: bool,
) -> Result<Response<B>, E> {
    let response = answer.await?;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    // Who waits for a go-ahead has sent nothing; who has stopped sending has been waited for.
    let is_silent = (waits && !lock(&rest).begun) || status == StatusCode::REQUEST_TIMEOUT;
    if is_error && !is_silent {
        let read = async { while let Some(Ok(_)) = std::future::poll_fn(|cx| next(&rest, cx)).await {} };
        // Whether it ended or took too long, the refusal goes out now.
        tokio::time::timeout(DRAIN, read).await.ok();
    }
    Ok(response)
}
