//! Quarantine in a bucket: the blob stays where it is, beside an object that says since when no row names it.

use super::super::key;
use super::super::store::{IsNeeded, Purged, Quarantined};
use super::Bucket;
use crate::blobs::store::BlobStore;
use crate::error::{EngineError, Result};
use futures::TryStreamExt;
use jiff::civil::Date;
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt, PutPayload};
use std::collections::HashSet;
use std::path::PathBuf;

fn marker(sha256: &str, day: Date) -> Key {
    Key::from(format!("quarantine/{sha256}/{day}"))
}

impl Bucket {
    pub(super) async fn put_marker(&self, sha256: &str, today: Date) -> Result<bool> {
        key(sha256)?;
        if self.below(format!("quarantine/{sha256}")).try_next().await?.is_some() {
            return Ok(false);
        }
        match self.size(sha256).await {
            Err(EngineError::NotFound(_)) => return Ok(false),
            found => found?,
        };
        self.store.put(&marker(sha256, today), PutPayload::new()).await.map_err(|e| self.fault(&e))?;
        Ok(true)
    }

    pub(super) async fn markers(&self) -> Result<Vec<Quarantined>> {
        let mut found = Vec::new();
        let mut objects = self.below("quarantine".to_owned());
        while let Some(object) = objects.try_next().await? {
            let name =
                object.location.as_ref().strip_prefix("quarantine/").and_then(|name| name.split_once('/'));
            let Some((sha256, day)) = name else { continue };
            // What somebody else put there is left alone.
            let (Ok(_), Ok(day)) = (key(sha256), day.parse()) else { continue };
            found.push(Quarantined { sha256: sha256.to_owned(), day, path: PathBuf::new() });
        }
        Ok(found)
    }

    pub(super) async fn quarantined_names(&self) -> Result<HashSet<String>> {
        Ok(self.markers().await?.into_iter().map(|blob| blob.sha256).collect())
    }

    pub(super) async fn drop_marker(&self, blob: &Quarantined) -> Result<()> {
        match self.store.delete(&marker(&blob.sha256, blob.day)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.fault(&e)),
        }
    }

    /// A blob that has got a row since loses its marker alone. The blob goes first: what a crash leaves is a marker of nothing.
    pub(super) async fn purge_marked(&self, oldest: Date, is_needed: IsNeeded<'_>) -> Result<Purged> {
        let mut purged = Purged::default();
        for blob in self.markers().await?.into_iter().filter(|blob| blob.day <= oldest) {
            if !is_needed(blob.sha256.clone()).await? {
                let size = match self.size(&blob.sha256).await {
                    Err(EngineError::NotFound(_)) => None,
                    size => Some(size?),
                };
                if let Some(size) = size
                    && self.delete(&blob.sha256).await?
                {
                    purged.blobs += 1;
                    purged.bytes += size;
                }
            }
            self.drop_marker(&blob).await?;
        }
        Ok(purged)
    }
}
