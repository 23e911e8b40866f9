//! Middleware that looks at each request, and at the head of its answer where it wants to.

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower::{Layer, Service};

/// What is done with the head of an answer.
pub type Then = Box<dyn FnOnce(StatusCode, &mut HeaderMap) + Send>;

/// A layer of a function that looks at a request, and gives what is done with its answer, if anything. Other than `axum::middleware::from_fn` it
/// copies no service and boxes no future, which is most of what a request costs that is answered from memory.
#[derive(Clone)]
pub struct OnAnswer<F>(pub F);

/// See [`OnAnswer`].
#[derive(Clone)]
pub struct Watched<S, F> {
    inner: S,
    look: F,
}

impl<S, F: Clone> Layer<S> for OnAnswer<F> {
    type Service = Watched<S, F>;

    fn layer(&self, inner: S) -> Watched<S, F> {
        Watched { inner, look: self.0.clone() }
    }
}

impl<S, F, B> Service<Request<Body>> for Watched<S, F>
where
    S: Service<Request<Body>, Response = Response<B>>,
    F: Fn(&mut Request<Body>) -> Option<Then>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answered<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let then = (self.look)(&mut request);
        Answered { answer: self.inner.call(request), then }
    }
}

pin_project! {
    /// An answer to come, and what is done with its head.
    pub struct Answered<A> {
        #[pin]
        answer: A,
        then: Option<Then>,
    }
}

impl<A, B, E> Future for Answered<A>
where
    A: Future<Output = Result<Response<B>, E>>,
{
    type Output = A::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.answer.poll(cx));
        if let (Ok(response), Some(then)) = (&mut answer, this.then.take()) {
            then(response.status(), response.headers_mut());
        }
        Poll::Ready(answer)
    }
}
