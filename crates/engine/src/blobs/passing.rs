//! Pieces of a job on their way to the run that joins them: files beside those of its attempt, by their checksums, never blobs.

use super::files::hash_to_end;
use super::read::read_file;
use super::{Blob, Blobs};
use crate::error::Result;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the name of a folder of pieces ends with.
const ENDING: &str = ".pieces";

/// The name of the folder of an attempt's pieces.
pub(crate) fn pieces_of(attempt: &str) -> String {
    format!("{attempt}{ENDING}")
}

/// A piece that has been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PassingFile {
    pub(crate) path: PathBuf,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

impl PassingFile {
    /// Moves a file into a folder of pieces, under its checksum, for which it is read once.
    pub(crate) fn adopt(file: &Path, folder: &Path) -> std::io::Result<PassingFile> {
        let (hash, bytes) = hash_to_end(&mut File::open(file)?)?;
        let sha256 = hex::encode(sha2::Digest::finalize(hash));
        let path = folder.join(&sha256);
        // Equal pieces are one file.
        std::fs::rename(file, &path)?;
        Ok(PassingFile { path, sha256, bytes })
    }
}

impl Blobs {
    /// Opens a piece of an attempt that runs, here or at another server of this folder.
    pub(crate) async fn open_piece(&self, sha256: &str) -> Result<Option<Blob>> {
        let (work, name) = (self.root.join("work"), sha256.to_owned());
        let opened = tokio::task::spawn_blocking(move || find(&work, &name)).await??;
        let Some(file) = opened else { return Ok(None) };
        let size = file.metadata()?.len();
        Ok(Some(Blob { size, range: 0..size, bytes: read_file(file, 0..size, None) }))
    }
}

/// The file of this name in the folders of pieces in `work`, which are there or one level below.
fn find(work: &Path, name: &str) -> std::io::Result<Option<File>> {
    for entry in std::fs::read_dir(work)? {
        let folder = entry?.path();
        let folders = match is_of_pieces(&folder) {
            true => vec![folder],
            // Of an attempt, or of a server; what is gone meanwhile is nobody's.
            false => std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()).collect(),
        };
        for folder in folders.iter().filter(|folder| is_of_pieces(folder)) {
            match File::open(folder.join(name)) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                opened => return opened.map(Some),
            }
        }
    }
    Ok(None)
}

fn is_of_pieces(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_found_by_its_checksum_whichever_server_made_it() {
        let data = tempfile::tempdir().unwrap();
        for work in [data.path().to_owned(), data.path().join("7")] {
            let folder = work.join(pieces_of("12-1"));
            std::fs::create_dir_all(&folder).unwrap();
            let file = folder.join("made");
            std::fs::write(&file, work.as_os_str().as_encoded_bytes()).unwrap();
            let piece = PassingFile::adopt(&file, &folder).unwrap();
            assert_eq!((piece.sha256.len(), piece.bytes), (64, work.as_os_str().len() as u64));
            assert!(!file.exists() && piece.path.exists());
            assert!(find(data.path(), &piece.sha256).unwrap().is_some());
        }
        assert!(find(data.path(), &"0".repeat(64)).unwrap().is_none());
    }
}
