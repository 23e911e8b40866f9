//! Blobs as they are read: what is not what its name says is not given out as a whole.

use super::files::checksum;
use super::{Blobs, Damage, key};
use crate::error::{EngineError, Result};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::{GetResultPayload, ObjectStoreExt};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of one read from disk.
const CHUNK: usize = 512 << 10;
/// Blobs of so many bytes are read and checked before the first of them is given out.
const SMALL: u64 = 1 << 20;
/// Blobs of so many bytes are read and checked before a part of them is given out. Parts of larger ones are not checked: who
/// asks for a few bytes of many does not wait for all of them to be read.
pub(super) const CHECKED_FOR_A_PART: u64 = 64 << 20;

/// A blob's bytes, or a range of them.
pub struct Blob {
    /// Size of the whole blob.
    pub size: u64,
    /// What `bytes` covers.
    pub range: Range<u64>,
    /// The content. A whole blob whose bytes turn out not to have its checksum ends with an error in place of its last bytes.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

impl Blobs {
    /// The bytes of a blob that has `size` bytes, or of `range` of it, cut at its end.
    pub(crate) async fn read(&self, sha256: &str, size: u64, range: Option<Range<u64>>) -> Result<Blob> {
        let missing = |e: object_store::Error| match e {
            object_store::Error::NotFound { .. } => EngineError::NotFound(format!("blob {sha256}")),
            e => e.into(),
        };
        let got = self.store.get(&key(sha256)?).await.map_err(missing)?;
        if got.meta.size != size {
            return Err(self.refuse(sha256, &format!("it has {} bytes, its rows say {size}", got.meta.size)));
        }
        let GetResultPayload::File(file, _) = got.payload else {
            return Err(anyhow::anyhow!("blobs are expected to be files on this disk").into());
        };
        let range = match range {
            None => 0..size,
            Some(r) => r.start.min(size)..r.end.min(size).max(r.start.min(size)),
        };
        if size <= SMALL {
            let bytes = self.read_small(sha256, file, size).await?;
            let part = bytes.slice(range.start as usize..range.end as usize);
            let bytes = futures::stream::iter((!part.is_empty()).then_some(Ok(part))).boxed();
            return Ok(Blob { size, range, bytes });
        }
        let whole = range == (0..size);
        if !whole && size <= CHECKED_FOR_A_PART && !self.is_sound(sha256).await? {
            return Err(damaged(sha256));
        }
        let check = whole.then(|| Check {
            sha256: sha256.to_owned(),
            hash: Sha256::new(),
            damage: self.damage.clone(),
        });
        Ok(Blob { size, bytes: read_file(file, range.clone(), check), range })
    }

    /// Bytes of a blob, by the file itself.
    pub(crate) async fn size(&self, sha256: &str) -> Result<u64> {
        match self.store.head(&key(sha256)?).await {
            Ok(found) => Ok(found.size),
            Err(object_store::Error::NotFound { .. }) => Err(EngineError::NotFound(format!("blob {sha256}"))),
            Err(e) => Err(e.into()),
        }
    }

    async fn read_small(&self, sha256: &str, mut file: File, size: u64) -> Result<Bytes> {
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::with_capacity(size as usize);
            file.read_to_end(&mut bytes)?;
            let found = hex::encode(Sha256::digest(&bytes));
            std::io::Result::Ok((Bytes::from(bytes), found))
        });
        let (bytes, found) = read.await??;
        if found != sha256 {
            return Err(self.refuse(sha256, &format!("its bytes have the checksum sha256:{found}")));
        }
        Ok(bytes)
    }

    /// Reads a blob to its end: whether it is there and its bytes have its checksum. What is wrong is noted.
    pub(crate) async fn is_sound(&self, sha256: &str) -> Result<bool> {
        let path = self.local_path(sha256)?;
        let read = tokio::task::spawn_blocking(move || checksum(&path)).await?;
        self.judge(sha256, read)
    }

    /// What a read of a blob to its end says of it.
    pub(crate) fn judge(&self, sha256: &str, read: std::io::Result<(String, u64)>) -> Result<bool> {
        match read {
            Ok((found, _)) if found == sha256 => {
                self.damage.healed(sha256);
                return Ok(true);
            }
            Ok((found, _)) => {
                self.damage.found(sha256, &format!("its bytes have the checksum sha256:{found}"))
            }
            Err(e) => self.damage.found(sha256, &format!("it cannot be read: {e}")),
        }
        Ok(false)
    }

    fn refuse(&self, sha256: &str, what: &str) -> EngineError {
        self.damage.found(sha256, what);
        damaged(sha256)
    }
}

pub(super) fn damaged(sha256: &str) -> EngineError {
    EngineError::Internal(anyhow::anyhow!("the stored bytes of blob {sha256} are damaged"))
}

/// What all bytes of a blob must amount to.
struct Check {
    sha256: String,
    hash: Sha256,
    damage: Arc<Damage>,
}

impl Check {
    /// Takes the next bytes; after the `last` of them their checksum must be the blob's.
    fn take(&mut self, bytes: &[u8], last: bool) -> std::io::Result<()> {
        self.hash.update(bytes);
        if !last {
            return Ok(());
        }
        let found = hex::encode(self.hash.finalize_reset());
        if found == self.sha256 {
            return Ok(());
        }
        self.damage.found(&self.sha256, &format!("its bytes have the checksum sha256:{found}"));
        Err(std::io::Error::other(format!("the stored bytes of blob {} are damaged", self.sha256)))
    }
}

fn read_file(
    file: File,
    range: Range<u64>,
    check: Option<Check>,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let state = (file, range, check);
    let chunks = futures::stream::try_unfold(state, |(mut file, range, mut check)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; (range.end - range.start).min(CHUNK as u64) as usize];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut chunk)?;
            let rest = range.start + chunk.len() as u64..range.end;
            if let Some(check) = &mut check {
                check.take(&chunk, rest.is_empty())?;
            }
            std::io::Result::Ok((Bytes::from(chunk), (file, rest, check)))
        });
        read.await.map_err(std::io::Error::other)?.map(Some)
    });
    chunks.boxed()
}
