//! The folders that blobs lie in, one for each pair of digits that a checksum begins with. Each is made when the first blob
//! comes that lies in it.

use crate::data_folder::make_folder;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many there may be.
const MOST: usize = 256;

/// The folders, and which of them this process knows to be durable.
pub(super) struct BlobFolders {
    top: PathBuf,
    durable: [AtomicBool; MOST],
}

impl BlobFolders {
    /// Those in `top`, which is durable itself.
    pub(super) fn new(top: PathBuf) -> BlobFolders {
        BlobFolders { top, durable: std::array::from_fn(|_| AtomicBool::new(false)) }
    }

    /// Makes the one for this checksum, durably. One that is there is made durable once: whoever made it may have been
    /// killed, or may not have come so far yet.
    pub(super) fn ready(&self, sha256: &str) -> std::io::Result<()> {
        let digits = sha256.get(..2).unwrap_or_default();
        let durable = u8::from_str_radix(digits, 16).ok().map(|n| &self.durable[usize::from(n)]);
        let durable = durable.ok_or_else(|| std::io::Error::other(format!("{sha256:?} is no checksum")))?;
        if !durable.load(Ordering::Acquire) {
            make_folder(&self.top.join(digits))?;
            durable.store(true, Ordering::Release);
        }
        Ok(())
    }
}
