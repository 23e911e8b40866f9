//! Blobs as they are read.

use super::{Blobs, key};
use crate::error::{EngineError, Result};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::{GetResultPayload, ObjectStoreExt};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes of one read from disk.
const CHUNK: usize = 512 << 10;

/// A blob's bytes, or a range of them.
pub struct Blob {
    /// Size of the whole blob.
    pub size: u64,
    /// What `bytes` covers.
    pub range: Range<u64>,
    /// The content.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

impl Blobs {
    /// The bytes of a blob, or of `range` of it, cut at its end.
    pub(crate) async fn read(&self, sha256: &str, range: Option<Range<u64>>) -> Result<Blob> {
        let missing = |e: object_store::Error| match e {
            object_store::Error::NotFound { .. } => EngineError::NotFound(format!("blob {sha256}")),
            e => e.into(),
        };
        let got = self.store.get(&key(sha256)?).await.map_err(missing)?;
        let size = got.meta.size;
        let range = match range {
            None => 0..size,
            Some(r) => r.start.min(size)..r.end.min(size).max(r.start.min(size)),
        };
        let bytes = match got.payload {
            GetResultPayload::File(file, _) => read_file(file, range.clone()),
            GetResultPayload::Stream(_) => {
                return Err(anyhow::anyhow!("blobs are expected to be files on this disk").into());
            }
        };
        Ok(Blob { size, range, bytes })
    }
}

fn read_file(file: File, range: Range<u64>) -> BoxStream<'static, std::io::Result<Bytes>> {
    let chunks = futures::stream::try_unfold((file, range), |(mut file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; (range.end - range.start).min(CHUNK as u64) as usize];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut chunk)?;
            let rest = range.start + chunk.len() as u64..range.end;
            std::io::Result::Ok((Bytes::from(chunk), (file, rest)))
        });
        read.await.map_err(std::io::Error::other)?.map(Some)
    });
    chunks.boxed()
}
