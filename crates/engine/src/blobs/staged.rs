//! Files in the making: written and hashed, or adopted and read, before they get the name of a blob.

use super::files::hash_to_end;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file of `tmp/`; deleted when dropped.
pub(crate) struct Staged {
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    /// Whether a bucket has its bytes already.
    pub(super) is_sent: bool,
}

impl Staged {
    /// A new empty file.
    pub(super) fn new(path: PathBuf) -> std::io::Result<Staged> {
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Staged { path, file, hash: Sha256::new(), size: 0, is_sent: false })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Takes over a file that is complete, reading it once for its checksum.
    pub(crate) fn adopt(path: PathBuf) -> std::io::Result<Staged> {
        let mut file = File::open(&path)?;
        let (hash, size) = hash_to_end(&mut file)?;
        Ok(Staged { path, file, hash, size, is_sent: false })
    }

    /// The checksum of what is there so far.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }

    /// The checksum, once the bytes are on disk.
    pub(super) fn sync(&self) -> std::io::Result<String> {
        self.file.sync_all()?;
        Ok(self.sha256())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After `place` there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}
