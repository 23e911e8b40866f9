//! The file of the audit log: a line of JSON for each event, readable by its owner alone, rotated by size.

use fieldstone_engine::{close_file, private_file};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// That the log cannot be written is told no more often than this.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Characters of one text in a line at most: some of them are the client's.
const LONGEST: usize = 200;

/// Something worth knowing afterwards: what happened, and facts about it.
#[derive(Clone, Debug)]
pub struct Event(Map<String, Value>);

impl Event {
    /// `what`, such as `project.delete`, now; `outcome` is `done`, `refused` or `failed`.
    pub fn new(what: &str, outcome: &str) -> Event {
        let time = json!(jiff::Timestamp::now().to_string());
        let names = ["time", "event", "outcome"].map(str::to_owned);
        Event(names.into_iter().zip([time, json!(what), json!(outcome)]).collect())
    }

    /// Adds a fact; `None` adds nothing. Texts are cut off where they are too long to be one.
    pub fn with(mut self, name: &str, value: Option<impl Into<Value>>) -> Event {
        let value = match value.map(Into::into) {
            None | Some(Value::Null) => return self,
            Some(Value::String(text)) => match text.char_indices().nth(LONGEST) {
                Some((end, _)) => json!(format!("{}…", &text[..end])),
                None => Value::String(text),
            },
            Some(value) => value,
        };
        self.0.insert(name.to_owned(), value);
        self
    }
}

/// Where the audit log is, and when a new file begins.
#[derive(Clone, Debug)]
pub struct AuditConfig {
    /// The file that is written; older ones have `.1`, `.2`, … at the end of their names.
    pub path: PathBuf,
    /// Bytes of one file at most.
    pub max_bytes: u64,
    /// Files that are kept, this one included.
    pub files: usize,
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AuditLog").field(&self.config).finish()
    }
}

/// The log, open. Several processes may append to the same file; one of them rotates it.
pub struct AuditLog {
    config: AuditConfig,
    state: Mutex<State>,
}

struct State {
    file: File,
    told: Option<Instant>,
}

impl AuditLog {
    /// Opens the log, made when absent. A file that others could read is narrowed.
    pub fn open(config: AuditConfig) -> io::Result<AuditLog> {
        let file = open(&config.path)?;
        Ok(AuditLog { config, state: Mutex::new(State { file, told: None }) })
    }

    /// Appends a line; the system has it when this returns. A log that cannot be written stops nothing, but is told.
    pub fn write(&self, event: &Event) {
        let mut line = serde_json::to_vec(&event.0).unwrap_or_default();
        line.push(b'\n');
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written =
            self.make_room(&mut state.file, line.len() as u64).and_then(|()| state.file.write_all(&line));
        if let Err(e) = written
            && state.told.is_none_or(|at| at.elapsed() >= TOLD_EVERY)
        {
            state.told = Some(Instant::now());
            tracing::error!("cannot write the audit log {}: {e}", self.config.path.display());
        }
    }

    /// Begins a new file where the line would make this one too long.
    fn make_room(&self, file: &mut File, bytes: u64) -> io::Result<()> {
        let is_full = |file: &File| -> io::Result<bool> {
            let size = file.metadata()?.len();
            Ok(size > 0 && size + bytes > self.config.max_bytes)
        };
        if !is_full(file)? {
            return Ok(());
        }
        // Of several processes that find it full one begins a new file, and the others go on with that.
        // Where files cannot be locked, a few more of them are short.
        let _ = file.lock();
        let current = open(&self.config.path)?;
        if !is_full(&current)? {
            *file = current;
            return Ok(());
        }
        let older = |n: usize| {
            let mut name = self.config.path.clone().into_os_string();
            name.push(format!(".{n}"));
            PathBuf::from(name)
        };
        let absent_is_fine = |done: io::Result<()>| match done {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        };
        let kept = self.config.files.max(1) - 1;
        for n in (1..kept).rev() {
            absent_is_fine(std::fs::rename(older(n), older(n + 1)))?;
        }
        absent_is_fine(match kept {
            0 => std::fs::remove_file(&self.config.path),
            _ => std::fs::rename(&self.config.path, older(1)),
        })?;
        *file = open(&self.config.path)?;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = private_file().append(true).open(path)?;
    // An older file, or one that the umask of another program left open.
    close_file(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn so_many_files_of_so_many_bytes_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let config = AuditConfig { path: path.clone(), max_bytes: 1000, files: 3 };
        let log = AuditLog::open(config).unwrap();
        for n in 0..100 {
            log.write(&Event::new("test", "done").with("n", Some(n)));
        }
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
        let mut numbers = Vec::new();
        for name in names.iter().rev() {
            let path = folder.path().join(name);
            assert!(std::fs::metadata(&path).unwrap().len() <= 1000);
            numbers.extend(lines(&path).iter().map(|line| line["n"].as_i64().unwrap()));
        }
        let first = numbers[0];
        assert!(
            first > 0 && numbers == (first..100).collect::<Vec<_>>(),
            "the last ones, in order: {numbers:?}"
        );
        // One file: it begins anew.
        let path = folder.path().join("single");
        let log = AuditLog::open(AuditConfig { path: path.clone(), max_bytes: 300, files: 1 }).unwrap();
        for n in 0..10 {
            log.write(&Event::new("test", "done").with("n", Some(n)));
        }
        assert_eq!(lines(&path).last().unwrap()["n"], 9);
        assert!(std::fs::metadata(&path).unwrap().len() <= 300 && !folder.path().join("single.1").exists());
    }

    #[test]
    fn processes_that_share_a_file_begin_a_new_one_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let config = AuditConfig { path: path.clone(), max_bytes: 1000, files: 100 };
        let logs = [(); 2].map(|()| AuditLog::open(config.clone()).unwrap());
        for n in 0..100 {
            logs[n % 2].write(&Event::new("test", "done").with("n", Some(n)));
        }
        let mut files: Vec<PathBuf> =
            (1..100).rev().map(|n| folder.path().join(format!("audit.jsonl.{n}"))).collect();
        files.push(path);
        files.retain(|file| file.exists());
        let numbers: Vec<i64> =
            files.iter().flat_map(|file| lines(file)).map(|line| line["n"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        let full = files.iter().rev().skip(1).map(|file| std::fs::metadata(file).unwrap().len()).min();
        assert!(full.unwrap() > 850, "none was begun too early: {full:?}");
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for name in ["new", "old"] {
            let path = folder.path().join(name);
            if name == "old" {
                std::fs::write(&path, "").unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            }
            let log = AuditLog::open(AuditConfig { path: path.clone(), max_bytes: 200, files: 2 }).unwrap();
            (0..4).for_each(|_| log.write(&Event::new("test", "done")));
            assert_eq!((mode(&path), mode(&folder.path().join(format!("{name}.1")))), (0o600, 0o600));
        }
    }

    #[test]
    fn a_line_is_a_line_whatever_a_client_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let log = AuditLog::open(AuditConfig { path: path.clone(), max_bytes: 1 << 20, files: 2 }).unwrap();
        let nasty = format!("\n{{\"event\":\"forged\"}}\n\u{2028}\u{1b}[2J{}", "x".repeat(1 << 20));
        log.write(&Event::new("test", "done").with("name", Some(nasty)).with("nothing", None::<String>));
        let lines = lines(&path);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["name"].as_str().unwrap().chars().count(), LONGEST + 1);
        assert_eq!(lines[0].get("nothing"), None);
        assert!(
            std::fs::read(&path).unwrap().iter().filter(|b| **b < b' ').count() == 1,
            "no control characters"
        );
    }
}
