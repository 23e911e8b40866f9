//! What the blobs of a folder know of the ledger that names them, so that they are never held against another or an older one.
//!
//! A ledger has an id of its own and counts the transactions that gave a blob its row. After each of these the count is noted
//! beside the blobs. What is noted is never ahead of what is durable in the ledger: a ledger with a smaller count is an older
//! copy, and what it does not name is not garbage.

use crate::data_folder::private_file;
use crate::error::Result;
use futures::future::BoxFuture;
use rustix::fs::{FlockOperation, flock};
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A ledger at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerAge {
    /// Its id.
    pub(crate) ledger: String,
    /// Transactions so far that gave a blob its row.
    pub(crate) blob_rows: u64,
}

impl fmt::Display for LedgerAge {
    /// As it is noted: always of the same length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {:020}", self.ledger, self.blob_rows)
    }
}

/// The note beside the blobs, kept up to date.
pub(crate) enum LedgerMark {
    /// In a file, at once.
    File(FileMark),
    /// Elsewhere, soon.
    Late(LateMark),
}

impl LedgerMark {
    /// Notes `age` in a folder, whatever was noted before.
    pub(crate) fn write(data: &Path, age: &LedgerAge) -> std::io::Result<LedgerMark> {
        FileMark::write(data, age).map(LedgerMark::File)
    }

    /// Notes `age` in a folder, unless another server has noted a later one of the same ledger.
    pub(crate) fn share(data: &Path, age: &LedgerAge) -> std::io::Result<LedgerMark> {
        FileMark::share(data, age).map(LedgerMark::File)
    }

    /// Where `age` has been noted, later ones are noted by `note`, one at a time; what comes meanwhile is noted together.
    pub(super) fn elsewhere(
        age: LedgerAge,
        note: impl Fn(LedgerAge) -> Noting + Send + 'static,
    ) -> LedgerMark {
        LedgerMark::Late(LateMark::new(age, note))
    }

    /// Notes a later count; an earlier one, of a commit that was overtaken, changes nothing.
    pub(crate) fn advance(&self, blob_rows: u64) -> std::io::Result<()> {
        match self {
            LedgerMark::File(mark) => mark.advance(blob_rows),
            LedgerMark::Late(mark) => {
                mark.advance(blob_rows);
                Ok(())
            }
        }
    }

    /// Waits until all is noted, for so long.
    pub(crate) async fn settle(&self, most: Duration) {
        if let LedgerMark::Late(mark) = self {
            mark.settle(most).await;
        }
    }
}

type Noting = BoxFuture<'static, Result<()>>;

/// The count that is known, and the task that notes it.
pub(crate) struct LateMark {
    known: watch::Sender<u64>,
    noted: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

/// How long a note that failed waits.
const AGAIN: Duration = Duration::from_secs(1);

impl LateMark {
    fn new(age: LedgerAge, note: impl Fn(LedgerAge) -> Noting + Send + 'static) -> LateMark {
        let LedgerAge { ledger, blob_rows } = age;
        let (known, mut news) = watch::channel(blob_rows);
        let (done, noted) = watch::channel(blob_rows);
        let task = tokio::spawn(async move {
            while news.changed().await.is_ok() {
                let mut is_told = false;
                loop {
                    let blob_rows = *news.borrow_and_update();
                    let Err(e) = note(LedgerAge { ledger: ledger.clone(), blob_rows }).await else {
                        done.send_replace(blob_rows);
                        break;
                    };
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!("cannot note the age of the ledger beside the blobs: {e}");
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        });
        LateMark { known, noted, task }
    }

    fn advance(&self, blob_rows: u64) {
        self.known.send_if_modified(|known| {
            let is_later = blob_rows > *known;
            *known = blob_rows.max(*known);
            is_later
        });
    }

    async fn settle(&self, most: Duration) {
        let (known, mut noted) = (*self.known.borrow(), self.noted.clone());
        if tokio::time::timeout(most, noted.wait_for(|noted| *noted >= known)).await.is_err() {
            tracing::warn!("the age of the ledger could not be noted beside the blobs");
        }
    }
}

impl Drop for LateMark {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The note in a folder.
pub(crate) struct FileMark {
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
pub(super) fn read(text: &str) -> Option<LedgerAge> {
    let mut words = text.split_whitespace();
    let age = words.next().zip(words.next().and_then(|n| n.parse().ok()));
    age.map(|(ledger, blob_rows)| LedgerAge { ledger: ledger.to_owned(), blob_rows })
}

impl FileMark {
    fn write(data: &Path, age: &LedgerAge) -> std::io::Result<FileMark> {
        let mark = Self::over(data, age, false)?;
        mark.put(&mut mark.file.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(mark)
    }

    fn share(data: &Path, age: &LedgerAge) -> std::io::Result<FileMark> {
        let mark = Self::over(data, age, true)?;
        mark.advance_beside(&mut mark.file.lock().unwrap_or_else(PoisonError::into_inner), age.blob_rows)?;
        Ok(mark)
    }

    fn over(data: &Path, age: &LedgerAge, is_shared: bool) -> std::io::Result<FileMark> {
        let file = private_file().read(true).open(place(data))?;
        Ok(FileMark { ledger: age.ledger.clone(), is_shared, file: Mutex::new((file, age.blob_rows)) })
    }

    fn advance(&self, blob_rows: u64) -> std::io::Result<()> {
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
        let age = LedgerAge { ledger: self.ledger.clone(), blob_rows: *blob_rows };
        file.write_all(age.to_string().as_bytes())
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
