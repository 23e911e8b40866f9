//! Looks after what servers have left that are gone: their leases, drafts, places among the living, and files.

use crate::blobs::Blobs;
use crate::error::{EngineError, Result};
use crate::heads::{self, HeadId, Seen};
use crate::store::{MISSED, Store};
use std::path::Path;
use std::time::{Duration, Instant};

/// A server says every second that it lives: one that does not within this time does not.
const BEAT: Duration = Duration::from_secs(3);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// For the start of a server: takes everything from those that are gone. Refused while one lives that serves another folder.
pub(crate) async fn settle(data: &Path, store: &Store, us: HeadId) -> Result<()> {
    let mut strangers = Vec::new();
    for owner in store.owners().await? {
        match owner {
            Some(id) if id == us => {}
            Some(id) => match heads::look(data, id)? {
                Seen::Lives => {}
                Seen::Ended(_held) => store.take_over(Some(id)).await?,
                Seen::Unknown => strangers.push(id),
            },
            None => store.take_over(None).await?,
        }
    }
    refuse_living(data, store, &strangers).await?;
    for id in strangers {
        store.take_over(Some(id)).await?;
    }
    for id in heads::all(data)?.into_iter().filter(|id| *id != us) {
        if !matches!(heads::look(data, id)?, Seen::Lives) {
            heads::forget(data, id)?;
        }
    }
    Ok(())
}

/// Refuses to go on beside one of these if it lives: what it stores is not here.
async fn refuse_living(data: &Path, store: &Store, strangers: &[HeadId]) -> Result<()> {
    let known = store.known_heads().await?;
    let fresh: Vec<_> = known
        .iter()
        .filter(|one| strangers.contains(&one.id) && one.silence < MISSED.as_micros() as i64)
        .collect();
    let mut first = Vec::with_capacity(fresh.len());
    for one in &fresh {
        first.push(store.last_beat(one.id).await?);
    }
    let begun = Instant::now();
    while !fresh.is_empty() && begun.elapsed() < BEAT {
        tokio::time::sleep(LOOK).await;
        for (one, first) in fresh.iter().zip(&first) {
            let beat = store.last_beat(one.id).await?;
            if beat.is_some() && beat != *first {
                return Err(EngineError::Conflict(format!(
                    "the server at {:?} on {:?} uses the same database with another data folder than {}: all servers of a \
                     database share one folder (setting data)",
                    one.address,
                    one.name,
                    data.display()
                )));
            }
        }
    }
    Ok(())
}

/// Takes everything from servers that have ended since; how many there were.
pub(crate) async fn take_over_from_ended(blobs: &Blobs, store: &Store, us: HeadId) -> Result<usize> {
    let data = blobs.folder();
    let mut ended = 0;
    for id in heads::all(data)?.into_iter().filter(|id| *id != us) {
        if let Seen::Ended(_held) = heads::look(data, id)? {
            store.take_over(Some(id)).await?;
            heads::forget(data, id)?;
            tracing::warn!("server {id} is gone: what it ran is taken over");
            ended += 1;
        }
    }
    if ended > 0 {
        blobs.remove_left()?;
    }
    Ok(ended)
}
