//! What a server and a worker say to each other, one attempt at a time: JSON in text messages, bytes of outputs in binary ones.
//!
//! The worker begins with [`Word::Hello`] and is answered [`Order::Welcome`] or [`Order::Refused`]. Then the
//! server sends [`Order::Run`]; the worker answers with reports, after a success with each file ([`Word::File`], then so many bytes), and
//! last with [`Word::Ended`] or [`Word::GivenBack`].

use bytes::Bytes;
use fieldstone_jobs::JobEntry;
use fieldstone_jobs::ticket::{Ended, Report, Ticket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The version of this language.
pub const PROTOCOL: u32 = 2;
/// How often the server asks whether the worker lives.
pub const PING_EVERY: Duration = Duration::from_secs(5);
/// Who has said nothing for so long is taken for dead, by either side.
pub const SILENCE: Duration = Duration::from_secs(20);
/// Bytes of a text message at most: parameters of a job may be megabytes.
pub const LONGEST_TEXT: usize = 64 << 20;
/// Bytes of outputs in one message at most.
pub const PIECE: usize = 256 << 10;

/// Who connects: one slot of a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the worker.
    pub protocol: u32,
    /// Version of its program.
    pub version: String,
    /// Architecture of its processor: equal bytes are promised within one.
    pub arch: String,
    /// Revision of each type of job that it knows.
    pub revisions: BTreeMap<String, u32>,
    /// What it calls itself.
    pub name: String,
    /// Threads that a job gets there.
    pub threads: usize,
    /// Bytes of memory that a job may need there, by its own estimate.
    pub memory_bytes: u64,
}

impl Hello {
    /// Of this program.
    pub fn new(types: &[&JobEntry], name: String, threads: usize, memory_bytes: u64) -> Hello {
        Hello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            revisions: revisions(types),
            name,
            threads,
            memory_bytes,
        }
    }

    /// Why it cannot work for a server with these types; `None` if it can.
    pub(crate) fn refusal(&self, types: &[&JobEntry]) -> Option<String> {
        let (theirs, ours) = (&self.version, env!("CARGO_PKG_VERSION"));
        let who = format!("a worker of version {theirs} cannot work for a server of version {ours}");
        if self.protocol != PROTOCOL {
            let theirs = self.protocol;
            return Some(format!("{who}: it speaks version {theirs} of their language, expected {PROTOCOL}"));
        }
        if self.arch != std::env::consts::ARCH {
            let ours = std::env::consts::ARCH;
            return Some(format!("{who}: its processors are {:?}, expected {ours:?}", self.arch));
        }
        let ours = revisions(types);
        if let Some((name, revision)) = ours.iter().find(|(name, r)| self.revisions.get(*name) != Some(r)) {
            let theirs = self.revisions.get(name).map_or("none".to_owned(), u32::to_string);
            return Some(format!(
                "{who}: its revision of job type {name:?} is {theirs}, expected {revision}"
            ));
        }
        None
    }
}

fn revisions(types: &[&JobEntry]) -> BTreeMap<String, u32> {
    types.iter().map(|entry| (entry.type_name.to_owned(), entry.revision)).collect()
}

/// What a server says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The worker may work.
    Welcome,
    /// It may not, and why; the connection ends.
    Refused(String),
    /// An attempt is to be run.
    Run(Box<Errand>),
    /// It is to end.
    Cancel,
}

/// An attempt for a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Errand {
    /// What it is. Paths in it are the worker's to set.
    pub ticket: Ticket,
    /// Where its inputs are fetched from, in the order of the ticket: paths at the server, with a signature.
    pub links: Vec<String>,
    /// Milliseconds that it may take.
    pub time_limit_ms: Option<u64>,
    /// What is said of a job whose files are larger than the ticket allows.
    pub output_refusal: String,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// First: who it is.
    Hello(Hello),
    /// How the attempt gets on; never its end.
    Report(Report),
    /// A file of the attempt follows, of so many bytes.
    File {
        /// Name of the product.
        name: String,
        /// Without the dot.
        extension: String,
        /// Its size.
        bytes: u64,
    },
    /// The attempt has ended; all its files have been sent.
    Ended {
        /// How.
        how: Ended,
        /// Where its process died: the number of the cause.
        died: Option<usize>,
    },
    /// The worker has to go: somebody else is to run the attempt, and nothing is counted.
    GivenBack,
    /// The worker wants no more after what it runs.
    Leaving,
}

/// What a server hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A text message.
    Word(Word),
    /// A binary one.
    Bytes(Bytes),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_whose_results_could_be_other_bytes_is_refused_by_name() {
        static ONE: JobEntry = JobEntry { type_name: "mesh/one", revision: 3, ..JobEntry::DEFAULT };
        static TWO: JobEntry = JobEntry { type_name: "mesh/two", ..JobEntry::DEFAULT };
        let ours: &[&JobEntry] = &[&ONE, &TWO];
        let hello = || Hello::new(ours, "w".into(), 1, 1);
        assert_eq!(hello().refusal(ours), None);
        assert_eq!(hello().refusal(&[&ONE]), None, "it may know more");
        let of_old = Hello { version: "0.0.9".into(), ..hello() };
        assert_eq!(of_old.refusal(ours), None, "another version of the same revisions");
        let mut revisions = of_old.revisions.clone();
        revisions.insert("mesh/one".into(), 2);
        let cases = [
            (Hello { revisions, ..of_old.clone() }, "revision of job type \"mesh/one\" is 2, expected 3"),
            (Hello::new(&[&ONE], "w".into(), 1, 1), "revision of job type \"mesh/two\" is none, expected"),
            (Hello { arch: "pdp11".into(), ..hello() }, "its processors are \"pdp11\""),
            (
                Hello { protocol: 0, ..of_old },
                "a worker of version 0.0.9 cannot work for a server of version",
            ),
        ];
        for (hello, why) in cases {
            let refusal = hello.refusal(ours).expect(why);
            assert!(refusal.contains(why), "{refusal}");
        }
    }
}
