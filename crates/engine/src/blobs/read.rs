//! Blobs as they are read: what is not what its name says is not given out as a whole.

use super::store::{Content, Opened};
use super::{Blobs, Damage};
use crate::error::{EngineError, Result};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
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
        let range = match range {
            None => 0..size,
            Some(r) => r.start.min(size)..r.end.min(size).max(r.start.min(size)),
        };
        let (is_whole, is_small) = (range == (0..size), size <= SMALL);
        let asked = if is_small { 0..size } else { range.clone() };
        let opened = if is_whole || is_small || size > CHECKED_FOR_A_PART {
            self.at.open(sha256, asked).await?
        } else {
            self.open_checked(sha256, asked).await?
        };
        if opened.size != size {
            return Err(self.refuse(sha256, &format!("it has {} bytes, its rows say {size}", opened.size)));
        }
        if is_small {
            let bytes = self.read_small(sha256, opened.content, size).await?;
            let part = bytes.slice(range.start as usize..range.end as usize);
            let bytes = futures::stream::iter((!part.is_empty()).then_some(Ok(part))).boxed();
            return Ok(Blob { size, range, bytes });
        }
        let check = is_whole.then(|| Check {
            sha256: sha256.to_owned(),
            hash: Sha256::new(),
            damage: self.damage.clone(),
        });
        let bytes = match opened.content {
            Content::File(file) => read_file(file, range.clone(), check),
            Content::Stream(stream) => read_stream(stream, range.end - range.start, check),
        };
        Ok(Blob { size, bytes, range })
    }

    /// The same where all of it was read first: of a bucket, into the cache if there is room.
    async fn open_checked(&self, sha256: &str, range: Range<u64>) -> Result<Opened> {
        let copy = match self.sound_copy(sha256).await {
            Err(EngineError::NoRoom(_)) => {
                let is_sound = self.is_sound(sha256).await?;
                return if is_sound { self.at.open(sha256, range).await } else { Err(damaged(sha256)) };
            }
            copy => copy?.ok_or_else(|| damaged(sha256))?,
        };
        let opened = tokio::task::spawn_blocking(move || {
            let file = File::open(copy.path())?;
            // The file stays open when the cache drops it.
            Ok(Opened { size: file.metadata()?.len(), content: Content::File(file) })
        });
        opened.await?
    }

    /// All bytes of a blob as they lie there, unchecked.
    pub(crate) async fn stream(&self, sha256: &str) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let opened = self.at.open(sha256, 0..0).await?;
        Ok(match opened.content {
            Content::File(file) => read_file(file, 0..opened.size, None),
            Content::Stream(stream) => read_stream(stream, opened.size, None),
        })
    }

    /// Bytes of a blob, by the blob itself.
    pub(crate) async fn size(&self, sha256: &str) -> Result<u64> {
        self.at.size(sha256).await
    }

    async fn read_small(&self, sha256: &str, content: Content, size: u64) -> Result<Bytes> {
        let bytes = match content {
            Content::File(file) => read_all(file, size).await?,
            Content::Stream(stream) => gather(stream, size).await?,
        };
        let found = hex::encode(Sha256::digest(&bytes));
        if found != sha256 {
            return Err(self.refuse(sha256, &format!("its bytes have the checksum sha256:{found}")));
        }
        Ok(bytes)
    }

    /// Reads a blob to its end: whether it is there and its bytes have its checksum. What is wrong is noted.
    pub(crate) async fn is_sound(&self, sha256: &str) -> Result<bool> {
        let read = self.at.checksum(sha256).await?;
        Ok(self.damage.judge(sha256, read))
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
pub(super) struct Check {
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

pub(super) fn read_file(
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

async fn read_all(mut file: File, size: u64) -> Result<Bytes> {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::with_capacity(size as usize);
        file.read_to_end(&mut bytes)?;
        std::io::Result::Ok(Bytes::from(bytes))
    });
    Ok(read.await??)
}

/// All that comes, but no more than one byte too many.
async fn gather(mut stream: BoxStream<'static, std::io::Result<Bytes>>, size: u64) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(size as usize);
    while let Some(piece) = stream.next().await {
        let piece =
            piece.map_err(|e| EngineError::Unreachable(format!("the bucket's answer was cut: {e}")))?;
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > size {
            break;
        }
    }
    Ok(bytes.into())
}

/// What comes, which must be `bytes` bytes.
fn read_stream(
    stream: BoxStream<'static, std::io::Result<Bytes>>,
    bytes: u64,
    check: Option<Check>,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let pieces =
        futures::stream::try_unfold((stream, bytes, check), |(mut stream, left, mut check)| async move {
            let Some(piece) = stream.next().await.transpose()? else {
                let cut = || {
                    std::io::Error::new(
                        std::io::ErrorKind::UnexpectedEof,
                        format!("{left} bytes are missing"),
                    )
                };
                return if left == 0 { Ok(None) } else { Err(cut()) };
            };
            let came = piece.len() as u64;
            let Some(left) = left.checked_sub(came) else {
                return Err(std::io::Error::other("more bytes came than were asked for"));
            };
            if let Some(check) = &mut check
                && came > 0
            {
                check.take(&piece, left == 0)?;
            }
            Ok(Some((piece, (stream, left, check))))
        });
    pieces.boxed()
}
