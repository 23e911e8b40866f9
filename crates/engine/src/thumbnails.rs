//! Small pictures that were made: kept as files up to a number of bytes, those that nobody has looked at for longest go first.

use crate::cache::Cache;
use crate::data_folder::make_folder;
use crate::error::Result;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Folder of a data folder that holds them.
const FOLDER: &str = "thumbnails";
/// Files that are known to have none, at most.
const MOST_KNOWN: usize = 10_000;
/// How a PNG begins and ends (PNG 1.2 §3.1, §4.1.4).
const BEGIN: &[u8] = b"\x89PNG\r\n\x1a\n";
const END: &[u8] = b"IEND\xaeB`\x82";

/// Pictures by name: hex digits that say what they are of.
#[derive(Clone)]
pub(crate) struct Thumbnails {
    folder: Arc<PathBuf>,
    most_bytes: u64,
    /// Why there is none.
    none: Arc<Cache<String, Arc<str>>>,
    trimming: Arc<Mutex<()>>,
}

impl Thumbnails {
    /// Those of a data folder; with `most_bytes` of 0 there are none.
    pub(crate) fn open(data: &Path, most_bytes: u64) -> Result<Thumbnails> {
        let folder = data.join(FOLDER);
        make_folder(&folder)?;
        Ok(Thumbnails {
            folder: Arc::new(folder),
            most_bytes,
            none: Arc::new(Cache::new(MOST_KNOWN, MOST_KNOWN as u64)),
            trimming: Arc::default(),
        })
    }

    /// Whether any are made.
    pub(crate) fn are_wanted(&self) -> bool {
        self.most_bytes > 0
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.png"))
    }

    /// The picture, which was looked at now.
    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let bytes = std::fs::read(&path).ok()?;
        if !(bytes.starts_with(BEGIN) && bytes.ends_with(END)) {
            // Its last bytes were lost with the power: it is made anew.
            std::fs::remove_file(&path).unwrap_or_default();
            return None;
        }
        let touched = File::options().write(true).open(&path);
        touched.and_then(|file| file.set_modified(SystemTime::now())).unwrap_or_default();
        Some(bytes)
    }

    /// Why there is none, where that is known.
    pub(crate) fn refusal(&self, name: &str) -> Option<Arc<str>> {
        self.none.get(&name.to_owned())
    }

    /// Notes that there is none.
    pub(crate) fn refuse(&self, name: &str, why: &str) {
        self.none.insert(self.none.generation(), name.to_owned(), Arc::from(why), 1);
    }

    /// Keeps a picture; others go for it. Nothing depends on it: it is not synced.
    pub(crate) fn put(&self, name: &str, png: &[u8]) -> std::io::Result<()> {
        // Another server may be making the same.
        let partial = self.folder.join(format!("{name}.{:08x}.partial", rand::random::<u32>()));
        std::fs::write(&partial, png)?;
        std::fs::rename(partial, self.path(name))?;
        self.trim()
    }

    fn trim(&self) -> std::io::Result<()> {
        let _alone = self.trimming.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&*self.folder)? {
            let (path, found) = (entry.as_ref().map(|e| e.path()), entry.as_ref().map(|e| e.metadata()));
            if let (Ok(path), Ok(Ok(found))) = (path, found) {
                files.push((found.modified()?, found.len(), path));
            }
        }
        files.sort();
        let mut all: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if all <= self.most_bytes {
                break;
            }
            match std::fs::remove_file(path) {
                // Another server has.
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => all -= bytes,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn png(size: usize) -> Vec<u8> {
        [BEGIN, &vec![7; size - BEGIN.len() - END.len()], END].concat()
    }

    #[test]
    fn those_that_nobody_has_looked_at_for_longest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Thumbnails::open(folder.path(), 250).unwrap();
        for (name, age) in [("a", 30), ("b", 20)] {
            kept.put(name, &png(100)).unwrap();
            let file = File::options().write(true).open(kept.path(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        assert!(kept.get("a").is_some());
        kept.put("c", &png(100)).unwrap();
        assert_eq!(["a", "b", "c"].map(|name| kept.get(name).is_some()), [true, false, true]);
        std::fs::write(kept.path("c"), &png(100)[..50]).unwrap();
        assert_eq!(kept.get("c"), None, "it was cut off");
        assert_eq!(kept.refusal("d"), None);
        kept.refuse("d", "why");
        assert_eq!(kept.refusal("d").as_deref(), Some("why"));
    }
}
