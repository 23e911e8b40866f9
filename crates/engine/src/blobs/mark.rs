//! What the blobs of a folder know of the ledger that names them, so that they are never held against another or an older one.
//!
//! A ledger has an id of its own and counts the transactions that gave a blob its row. After each of these the count is noted
//! beside the blobs. What is noted is never ahead of what is durable in the ledger: a ledger with a smaller count is an older
//! copy, and what it does not name is not garbage.

use crate::data_folder::private_file;
use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
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
    let mut words = text.split_whitespace();
    // One that a crash left half written says nothing.
    let age = words.next().zip(words.next().and_then(|n| n.parse().ok()));
    Ok(age.map(|(ledger, blob_rows)| LedgerAge { ledger: ledger.to_owned(), blob_rows }))
}

impl LedgerMark {
    /// Notes `age`, whatever was noted before.
    pub(crate) fn write(data: &Path, age: &LedgerAge) -> std::io::Result<LedgerMark> {
        let file = private_file().open(place(data))?;
        let mark = LedgerMark { ledger: age.ledger.clone(), file: Mutex::new((file, age.blob_rows)) };
        mark.put(&mut mark.file.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(mark)
    }

    /// Notes a later count; an earlier one, of a commit that was overtaken, changes nothing.
    pub(crate) fn advance(&self, blob_rows: u64) -> std::io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if blob_rows <= file.1 {
            return Ok(());
        }
        file.1 = blob_rows;
        self.put(&mut file)
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
