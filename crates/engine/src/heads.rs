//! Servers ("heads") that share a data folder: each has a file in `heads/`, which is locked as long as its process lives.

use crate::data_folder::{flocked, make_folder, private_file};
use crate::error::Result;
use rustix::fs::FlockOperation;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Folder of a data folder that holds their files.
const FOLDER: &str = "heads";

/// A server among those that share a ledger; no other ever has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HeadId(pub(crate) i64);

impl fmt::Display for HeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The file of this server. Its lock ends with this, or with the process; the file itself stays for whoever comes next, who finds from
/// it what this one has left.
#[derive(Debug)]
pub(crate) struct HeadFile {
    pub(crate) id: HeadId,
    _locked: File,
}

/// What is known of a server from its file in a data folder.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Its process lives.
    Lives,
    /// Its process has ended; nobody else looks after what it left as long as this is held.
    Ended(File),
    /// It has no file here: it served another folder, or its end was looked after.
    Unknown,
}

fn place(data: &Path, id: HeadId) -> PathBuf {
    data.join(FOLDER).join(id.to_string())
}

impl HeadFile {
    /// Makes the file of a new server.
    pub(crate) fn make(data: &Path) -> Result<HeadFile> {
        make_folder(&data.join(FOLDER))?;
        loop {
            let id = HeadId(i64::from(rand::random::<u32>()) + 1);
            let file = match private_file().read(true).create_new(true).open(place(data, id)) {
                Ok(file) => file,
                Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(e.into()),
            };
            // Somebody may have taken it for that of a dead one in between: then another is made.
            let Some(mut file) = flocked(file, FlockOperation::NonBlockingLockExclusive)? else { continue };
            file.write_all(number_of(&file)?.to_string().as_bytes())?;
            file.sync_all()?;
            if is_there(data, id)? {
                return Ok(HeadFile { id, _locked: file });
            }
        }
    }
}

/// What tells a file from a copy of it.
#[cfg(unix)]
fn number_of(file: &File) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.ino())
}

#[cfg(not(unix))]
fn number_of(_: &File) -> std::io::Result<u64> {
    Ok(0)
}

/// Whether the file of a server is there and no copy: who copies a data folder copies no server.
fn is_there(data: &Path, id: HeadId) -> std::io::Result<bool> {
    let place = place(data, id);
    match File::open(&place) {
        Ok(file) => Ok(std::fs::read_to_string(&place)? == number_of(&file)?.to_string()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// What the file of a server says.
pub(crate) fn look(data: &Path, id: HeadId) -> Result<Seen> {
    let file = match File::options().read(true).write(true).open(place(data, id)) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Seen::Unknown),
        Err(e) => return Err(e.into()),
    };
    let Some(file) = flocked(file, FlockOperation::NonBlockingLockExclusive)? else { return Ok(Seen::Lives) };
    // Looked after by somebody else meanwhile, or a copy.
    Ok(if is_there(data, id)? { Seen::Ended(file) } else { Seen::Unknown })
}

/// Servers that have a file here.
pub(crate) fn all(data: &Path) -> std::io::Result<Vec<HeadId>> {
    let entries = match std::fs::read_dir(data.join(FOLDER)) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let id = |entry: std::io::Result<std::fs::DirEntry>| {
        Ok(entry?.file_name().to_str().and_then(|name| name.parse().ok()).map(HeadId))
    };
    let ids = entries.map(id).collect::<std::io::Result<Vec<_>>>()?;
    Ok(ids.into_iter().flatten().collect())
}

/// Removes the file of a server whose end was looked after.
pub(crate) fn forget(data: &Path, id: HeadId) -> std::io::Result<()> {
    match std::fs::remove_file(place(data, id)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_server_says_whether_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        assert_eq!(all(data).unwrap(), []);
        let (one, other) = (HeadFile::make(data).unwrap(), HeadFile::make(data).unwrap());
        assert_ne!(one.id, other.id);
        assert!(matches!(look(data, one.id).unwrap(), Seen::Lives));
        let id = one.id;
        drop(one);
        let Seen::Ended(held) = look(data, id).unwrap() else { panic!("it has ended") };
        assert!(matches!(look(data, id).unwrap(), Seen::Lives), "somebody looks after it");
        drop(held);
        assert!(matches!(look(data, id).unwrap(), Seen::Ended(_)));
        // A copy of the folder is no place where it has ever served.
        let copy = tempfile::tempdir().unwrap();
        make_folder(&copy.path().join(FOLDER)).unwrap();
        for id in all(data).unwrap() {
            std::fs::copy(place(data, id), place(copy.path(), id)).unwrap();
            assert!(matches!(look(copy.path(), id).unwrap(), Seen::Unknown));
        }
        forget(data, id).unwrap();
        forget(data, id).unwrap();
        assert!(matches!(look(data, id).unwrap(), Seen::Unknown));
        assert_eq!(all(data).unwrap(), [other.id]);
    }
}
