//! Programs that stand still: what they and those they started wait for, and their end. Of Linux's `/proc`; elsewhere nothing is
//! known of them, and only the program itself is ended.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// A process that a program has started, or one of these has.
pub struct Descendant {
    pid: u32,
    /// Its command, what each thread of it waits for in the kernel.
    text: String,
}

/// All processes below `pid`, each before those that it has started.
pub fn descendants(pid: u32) -> Vec<Descendant> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for child in numbers("/proc") {
        if let Some(parent) = parent(child) {
            children.entry(parent).or_default().push(child);
        }
    }
    let (mut found, mut next) = (Vec::new(), vec![pid]);
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(Descendant { pid: child, text: describe(child) });
            next.push(child);
        }
    }
    found
}

impl std::fmt::Display for Descendant {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "process {}: {}", self.pid, self.text)
    }
}

/// Ends them all, without asking.
pub fn kill(pids: impl Iterator<Item = u32>) {
    for pid in pids {
        // One that has ended meanwhile is no error.
        _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    }
}

impl Descendant {
    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

fn numbers(folder: &str) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The fourth field of `stat`, behind a name that may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn describe(pid: u32) -> String {
    let read = |path: String| std::fs::read_to_string(Path::new("/proc").join(path)).unwrap_or_default();
    let mut text = read(format!("{pid}/cmdline")).replace('\0', " ");
    for thread in numbers(&format!("/proc/{pid}/task")) {
        let name = read(format!("{pid}/task/{thread}/comm"));
        let place = read(format!("{pid}/task/{thread}/wchan"));
        text += &format!("\n  thread {} waits in {}", name.trim_end(), place.trim_end());
    }
    text
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_started_is_found_and_ended() {
        let mut shell = Command::new("sh").args(["-c", "sleep 1000 & wait"]).spawn().unwrap();
        let sleeper = loop {
            // The shell may not have come to it yet.
            match descendants(shell.id()).into_iter().find(|found| found.text.starts_with("sleep 1000")) {
                Some(found) => break found,
                None => std::thread::yield_now(),
            }
        };
        assert!(sleeper.to_string().contains("\n  thread sleep waits in "), "{sleeper}");
        kill(std::iter::once(sleeper.pid()));
        shell.wait().unwrap();
        assert!(descendants(shell.id()).is_empty());
    }
}
