//! What the blobs of a folder know of the ledger that names them, so that they are never held against another or an older one.
//!
//! A ledger has an id of its own and counts the transactions that gave a blob its row. After each of these the count is noted
//! beside the blobs. What is noted is never ahead of what is durable in the ledger: a ledger with a smaller count is an older
//! copy, and what it does not name is not garbage.

use crate::data_folder::private_file;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A ledger at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerAge {
    /// Its id.
    pub(crate) ledger: String,
    /// Transactions so far that gave a blob its row.
    pub(crate) blob_rows: u64,
}

/// The note beside the blobs of a folder.
pub(crate) struct LedgerMark {
    ledger: String,
    /// Whether several servers write it.
    is_shared: bool,
    file: Mutex<(File, u64)>,
}

fn place(data: &Path) -> PathBuf {
    data.join("blobs").join("ledger.mark")
}

/// What is noted in `data`; `None` where nothing is.
pub(crate) fn read_mark(data: &Path) -> std::io::Result<Option<LedgerAge>> {
    let text = match std::fs::read_to_string(place(data)) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    Ok(read(&text))
}

/// One that a crash left half written says nothing.
fn read(text: &str) -> Option<LedgerAge> {
    let mut words = text.split_whitespace();
    let age = words.next().zip(words.next().and_then(|n| n.parse().ok()));
    age.map(|(ledger, blob_rows)| LedgerAge { ledger: ledger.to_owned(), blob_rows })
}

impl LedgerMark {
    /// Notes `age`, whatever was noted before.
    pub(crate) fn write(data: &Path, age: &LedgerAge) -> std::io::Result<LedgerMark> {
        let mark = Self::over(data, age, false)?;
        mark.put(&mut mark.file.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(mark)
    }

    /// Notes `age`, unless another server has noted a later one of the same ledger.
    pub(crate) fn share(data: &Path, age: &LedgerAge) -> std::io::Result<LedgerMark> {
        let mark = Self::over(data, age, true)?;
        mark.advance_beside(&mut mark.file.lock().unwrap_or_else(PoisonError::into_inner), age.blob_rows)?;
        Ok(mark)
    }

    fn over(data: &Path, age: &LedgerAge, is_shared: bool) -> std::io::Result<LedgerMark> {
        let file = private_file().read(true).open(place(data))?;
        Ok(LedgerMark { ledger: age.ledger.clone(), is_shared, file: Mutex::new((file, age.blob_rows)) })
    }

    /// Notes a later count; an earlier one, of a commit that was overtaken, changes nothing.
    pub(crate) fn advance(&self, blob_rows: u64) -> std::io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if blob_rows <= file.1 {
            return Ok(());
        }
        if !self.is_shared {
            file.1 = blob_rows;
            return self.put(&mut file);
        }
        self.advance_beside(&mut file, blob_rows)
    }

    /// Notes a count unless another server has noted a later one, under the lock of the file.
    fn advance_beside(&self, file: &mut (File, u64), blob_rows: u64) -> std::io::Result<()> {
        flock(&file.0, FlockOperation::LockExclusive)?;
        let noted = self.put_later(file, blob_rows);
        flock(&file.0, FlockOperation::Unlock)?;
        noted
    }

    fn put_later(&self, file: &mut (File, u64), blob_rows: u64) -> std::io::Result<()> {
        let mut text = String::new();
        file.0.seek(SeekFrom::Start(0))?;
        file.0.read_to_string(&mut text)?;
        let noted = read(&text).filter(|age| age.ledger == self.ledger).map(|age| age.blob_rows);
        file.1 = blob_rows.max(noted.unwrap_or(0));
        if noted.is_none_or(|noted| noted < blob_rows) { self.put(file) } else { Ok(()) }
    }

    /// One write of always the same length.
    fn put(&self, (file, blob_rows): &mut (File, u64)) -> std::io::Result<()> {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(format!("{} {blob_rows:020}\n", self.ledger).as_bytes())
    }
}

/// Whether a path below `blobs/` is the note.
pub(super) fn is_mark(path: &Path) -> bool {
    path == Path::new("ledger.mark")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_servers_share_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        std::fs::create_dir(data.join("blobs")).unwrap();
        let age = |blob_rows| LedgerAge { ledger: "0123456789abcdef".into(), blob_rows };
        let noted = || read_mark(data).unwrap();
        let one = LedgerMark::share(data, &age(0)).unwrap();
        assert_eq!(noted(), Some(age(0)));
        one.advance(11).unwrap();
        // It looked at the ledger before the other wrote.
        let other = LedgerMark::share(data, &age(7)).unwrap();
        assert_eq!(noted(), Some(age(11)));
        other.advance(10).unwrap();
        assert_eq!(noted(), Some(age(11)));
        other.advance(12).unwrap();
        one.advance(11).unwrap();
        assert_eq!(noted(), Some(age(12)));
        let another = LedgerAge { ledger: "fedcba9876543210".into(), blob_rows: 3 };
        LedgerMark::share(data, &another).unwrap();
        assert_eq!(noted(), Some(another));
    }
}
