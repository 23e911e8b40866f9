//! Lists: short ones whole, long ones as a stream of batches; pages with a link to the next.

use crate::app::App;
use crate::auth::{Scope, Session};
use crate::extract::Page;
use crate::reply::Reply;
use crate::wire::error::ApiError;
use crate::wire::{One, Resource, dialect::Dialect};
use axum::body::Body;
use axum::http::HeaderValue;
use bytes::Bytes;
use fieldstone_engine::model::{Caller, Listable};
use fieldstone_engine::{Engine, EngineError};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream;
use std::io;
use std::sync::Arc;

/// Reads the resources with these ids, in their order.
type Read<R> = Box<dyn Fn(Vec<i64>) -> BoxFuture<'static, Result<Vec<R>, EngineError>> + Send>;

/// Answers a list, whose entries `read` finds by their ids for a caller. It counts as a request, and once more for each further batch.
pub(crate) async fn answer<R: Resource + Send + 'static, S: Scope, F>(
    app: &App,
    session: &Session<S>,
    what: Listable,
    page: Page,
    read: impl Fn(Engine, Arc<Caller>, Vec<i64>) -> F + Send + 'static,
) -> Result<Reply, ApiError>
where
    F: Future<Output = Result<Vec<R>, EngineError>> + Send + 'static,
{
    let (engine, caller) = (app.engine.clone(), session.caller.clone());
    let read: Read<R> = Box::new(move |ids| read(engine.clone(), caller.clone(), ids).boxed());
    let listing = app.engine.list(&session.caller, what, &page.query).await?;
    let (most, bytes) = (app.config.max_list_bytes, listing.bytes());
    if bytes > most {
        return Err(ApiError::too_large(format!(
            "the list has {} entries of about {bytes} bytes together, more than the {most} that setting max_list allows: ask for \
             pages with limit=100 and follow the Link rel=\"next\", or for fewer with q",
            listing.rows.len()
        )));
    }
    let mut batches = listing.batches();
    app.rates.spend(&session.caller, batches.len().saturating_sub(1));
    let next = listing.next.and_then(|id| HeaderValue::from_str(&page.next(id)).ok());
    let reply = if batches.len() > 1 {
        session.raw(stream_of(batches, session.choice.dialect, read))
    } else {
        let all = match batches.pop() {
            Some(ids) => read(ids).await?,
            None => Vec::new(),
        };
        session.many(&all)
    };
    Ok(reply.with_next(next))
}

/// A JSON array, a batch at a time: no more of it is held, however slowly the client reads.
fn stream_of<R: Resource + Send + 'static>(batches: Vec<Vec<i64>>, dialect: Dialect, read: Read<R>) -> Body {
    // What stands in front of the next resource: the bracket, later a comma.
    let start = (batches.into_iter(), b'[', read);
    let pieces = stream::unfold(Some(start), move |state| async move {
        let (mut batches, front, read) = state?;
        let Some(ids) = batches.next() else {
            let end: &'static [u8] = if front == b'[' { b"[]" } else { b"]" };
            return Some((Ok(Bytes::from_static(end)), None));
        };
        let written = match read(ids).await {
            // On another thread: other requests do not wait for it.
            Ok(all) => tokio::task::spawn_blocking(move || piece(&all, dialect, front))
                .await
                .map_err(io::Error::other),
            Err(e) => Err(io::Error::other(e.to_string())),
        };
        match written {
            Ok((bytes, front)) => Some((Ok(bytes), Some((batches, front, read)))),
            Err(e) => {
                // The head has gone out with a 200: that the list breaks off is all that can still be said.
                tracing::error!("a list breaks off: {e}");
                Some((Err(e), None))
            }
        }
    });
    Body::from_stream(pieces)
}

/// One batch as it stands in the array behind `front`, and what stands in front of the next.
fn piece<R: Resource>(all: &[R], dialect: Dialect, mut front: u8) -> (Bytes, u8) {
    let mut bytes = Vec::new();
    for resource in all {
        bytes.push(std::mem::replace(&mut front, b','));
        // A Vec takes all that is written to it, and our views have text keys.
        serde_json::to_writer(&mut bytes, &One { resource, dialect, link: None }).expect("views serialise");
    }
    (bytes.into(), front)
}
