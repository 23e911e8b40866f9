//! The files of the blob folder as they lie there.

use super::mark::is_mark;
use crate::error::Result;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of one read from disk: few enough to be hashed while they are in a core's own cache.
const CHUNK: usize = 128 << 10;

/// A file or object below `blobs/`.
pub(crate) struct BlobFile {
    /// Where: of an object, its name below the prefix.
    pub(crate) path: PathBuf,
    /// The checksum that its place says; `None` where no blob should be.
    pub(crate) sha256: Option<String>,
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
    /// It lies there still, and is in quarantine.
    pub(crate) is_quarantined: bool,
}

/// Every file below `blobs/`, in the order of their names.
pub(crate) async fn all(data: &Path) -> Result<Vec<BlobFile>> {
    let root = data.join("blobs");
    Ok(tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        walk(&root, &root, &mut found)?;
        std::io::Result::Ok(found)
    })
    .await??)
}

/// The files of the folder for checksums that begin with these two digits; none where no blob has come that lies there.
pub(crate) async fn in_folder(data: &Path, digits: &str) -> Result<Vec<BlobFile>> {
    let root = data.join("blobs");
    let folder = root.join("sha256").join(digits);
    Ok(tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        match walk(&root, &folder, &mut found) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            walked => walked.map(|()| found),
        }
    })
    .await??)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<BlobFile>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let meta = match entry.metadata() {
            Ok(meta) => meta,
            // Swept since the folder was read.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        if meta.is_dir() {
            walk(root, &path, found)?;
        } else if !is_mark(path.strip_prefix(root).unwrap_or(&path)) {
            let sha256 = path.strip_prefix(root).ok().and_then(checksum_of);
            let (size, modified) = (meta.len(), meta.modified()?);
            found.push(BlobFile { path, sha256, size, modified, is_quarantined: false });
        }
    }
    Ok(())
}

/// The SHA-256 of a file, in hex, and its size.
pub(crate) fn checksum(path: &Path) -> std::io::Result<(String, u64)> {
    let (hash, size) = hash_to_end(&mut File::open(path)?)?;
    Ok((hex::encode(hash.finalize()), size))
}

/// The hash of all that is left to read, and how many bytes that is.
pub(super) fn hash_to_end(file: &mut File) -> std::io::Result<(Sha256, u64)> {
    let (mut hash, mut size, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((hash, size)),
            n => {
                hash.update(&chunk[..n]);
                size += n as u64;
            }
        }
    }
}

/// `sha256/ab/cdef…` to `abcdef…`.
pub(super) fn checksum_of(path: &Path) -> Option<String> {
    let digits = path.to_str()?.strip_prefix("sha256/")?;
    let (first, rest) = digits.split_once('/')?;
    let sha256 = format!("{first}{rest}");
    (first.len() == 2 && is_checksum(&sha256)).then_some(sha256)
}

/// Whether it is written as SHA-256 is here: 64 lower-case hex digits.
pub(super) fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where the blob lies below `blobs/`.
pub(crate) fn place_of(sha256: &str) -> PathBuf {
    let (first, rest) = sha256.split_at_checked(2).unwrap_or((sha256, ""));
    Path::new("sha256").join(first).join(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_checksums_are_blobs() {
        let sha256 = "0123456789abcdef".repeat(4);
        assert_eq!(checksum_of(&place_of(&sha256)), Some(sha256.clone()));
        for wrong in
            ["sha256/lock", "sha256/01/23", "lock", "sha256/01", &format!("sha256/AB/{}", &sha256[2..])]
        {
            assert_eq!(checksum_of(Path::new(wrong)), None, "{wrong}");
        }
    }
}
