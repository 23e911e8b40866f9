//! The process of previews, from inside.

use super::compute::{Refused, preview};
use super::kept::{Bytes, Files, Kept};
use super::picture::picture;
use super::talk::{File, Order, Request, Said, Start};
use crate::child::{ABANDONED, end_group, threads_of};
use crate::confine::{Confinement, confine};
use crate::error::JobError;
use anyhow::{Context, ensure};
use fieldstone_kernel::Monitor;
use indexmap::IndexMap;
use sha2::{Digest, Sha256};
use std::io::{BufRead, Read, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Share of its memory that the process keeps files and what was made of them in.
const KEPT_SHARE: u64 = 4;

/// What comes in, but for [`Order::Cancel`].
enum Incoming {
    Wanted(Wanted),
    File(String, Bytes),
}

/// What is to be computed.
enum Wanted {
    Preview(Box<Request>),
    /// Of the one file.
    Picture(IndexMap<String, File>),
}

impl Wanted {
    fn files(&self) -> &IndexMap<String, File> {
        match self {
            Wanted::Preview(request) => &request.files,
            Wanted::Picture(files) => files,
        }
    }

    /// Computes it: what is said of it, and the bytes behind that.
    fn compute(&self, files: &Files<'_>, room: u64, monitor: &Monitor) -> Result<(Said, Vec<u8>), Refused> {
        match self {
            Wanted::Preview(request) => {
                let (header, samples) = preview(request, files, room, monitor)?;
                let bytes = samples.len() as u64;
                Ok((Said::Done { header: Box::new(header), bytes }, samples))
            }
            Wanted::Picture(one) => {
                let (Some(file), Some(bytes)) = (one.values().next(), files.bytes.values().next()) else {
                    return Err(JobError::Invalid("there is no file to picture".to_owned()).into());
                };
                let png = picture(file, bytes, files.limits, monitor)?;
                Ok((Said::Pictured { bytes: png.len() as u64 }, png))
            }
        }
    }
}

/// What the reader of orders and the computing thread share: the flag of the preview that is being computed.
type Current = Arc<Mutex<Arc<AtomicBool>>>;

/// Answers orders until the input ends.
pub fn serve() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            say(&Said::Failed(format!("{e:#}")), &[]);
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the first line")?;
    let start: Start = serde_json::from_str(&line).context("the first line cannot be read")?;
    // What the number of threads depends on cannot be read afterwards.
    let threads = threads_of(start.threads);
    let bounds = Confinement {
        readable: Vec::new(),
        folder: None,
        memory_bytes: start.memory_bytes,
        file_bytes: 0,
        cpu_seconds: None,
    };
    for lack in confine(&bounds).context("cannot confine the process of previews")? {
        say(&Said::Lacks(lack), &[]);
    }
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")?;
    let current = Current::default();
    let (orders, incoming) = channel();
    let flag = current.clone();
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        if let Err(e) = listen(&orders, &flag) {
            tracing::error!("previews end: {e:#}");
        }
        // Nobody is left who could want anything.
        end_group();
        std::process::exit(ABANDONED)
    })?;
    let kept = Kept::new(start.memory_bytes / KEPT_SHARE);
    while let Ok(order) = incoming.recv() {
        if let Incoming::Wanted(wanted) = order {
            let cancel = Arc::new(AtomicBool::new(false));
            *current.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = cancel.clone();
            answer(&start, &wanted, &kept, &incoming, &pool, cancel)?;
        }
    }
    Ok(())
}

/// Hands on what comes in; a cancel is heard at once.
fn listen(orders: &Sender<Incoming>, current: &Current) -> anyhow::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let order = match serde_json::from_str(&line).context("an order cannot be read")? {
            Order::Preview(request) => Incoming::Wanted(Wanted::Preview(request)),
            Order::Picture(file) => {
                let files = IndexMap::from([(file.filename.clone(), *file)]);
                Incoming::Wanted(Wanted::Picture(files))
            }
            Order::File { checksum, bytes } => {
                let mut file = Vec::new();
                (&mut input).take(bytes).read_to_end(&mut file)?;
                ensure!(file.len() as u64 == bytes, "the input ends inside a file");
                Incoming::File(checksum, file)
            }
            Order::Cancel => {
                let flag = current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                flag.store(true, Ordering::Relaxed);
                line.clear();
                continue;
            }
        };
        line.clear();
        if orders.send(order).is_err() {
            break;
        }
    }
    Ok(())
}

/// Computes what is wanted and says what came of it.
fn answer(
    start: &Start,
    wanted: &Wanted,
    kept: &Kept,
    incoming: &Receiver<Incoming>,
    pool: &rayon::ThreadPool,
    cancel: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let bytes = match gather(wanted.files(), kept, incoming)? {
        Ok(bytes) => bytes,
        Err(damaged) => {
            say(&Said::Refused(damaged), &[]);
            return Ok(());
        }
    };
    let files = Files { kept, limits: &start.limits, named: wanted.files(), bytes, notes: Mutex::default() };
    let monitor = Monitor::new(cancel, |_| {});
    // What is kept stays, whatever this one needs.
    let room = start.memory_bytes - start.memory_bytes / KEPT_SHARE;
    let work =
        || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| wanted.compute(&files, room, &monitor)));
    match pool.install(work) {
        Ok(Ok((done, bytes))) => say(&done, &bytes),
        Ok(Err(Refused::TooLarge(needs))) => say(&Said::TooLarge(too_large(needs, room)), &[]),
        Ok(Err(Refused::Job(JobError::Invalid(text)))) => say(&Said::Refused(text), &[]),
        Ok(Err(Refused::Job(JobError::Cancelled(_)))) => say(&Said::Cancelled, &[]),
        Ok(Err(Refused::Job(JobError::Internal(e)))) => say(&Said::Failed(format!("{e:#}")), &[]),
        Err(_) => say(&Said::Failed("it crashed".to_owned()), &[]),
    }
    Ok(())
}

fn too_large(needs: u64, room: u64) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    format!(
        "it needs {} MiB, setting preview_memory leaves {} MiB: take a lower resolution or a smaller mesh",
        mib(needs),
        mib(room)
    )
}

/// The bytes of all files of a request: those that are not kept are asked for. The inner error is about bytes that are not what they
/// are called.
fn gather(
    files: &IndexMap<String, File>,
    kept: &Kept,
    incoming: &Receiver<Incoming>,
) -> anyhow::Result<Result<IndexMap<String, Arc<Bytes>>, String>> {
    let mut bytes = IndexMap::new();
    let mut absent: Vec<String> = Vec::new();
    for file in files.values() {
        match kept.get(&file.checksum).and_then(|kept| kept.downcast::<Bytes>().ok()) {
            Some(found) => {
                bytes.insert(file.checksum.clone(), found);
            }
            None if !absent.contains(&file.checksum) => absent.push(file.checksum.clone()),
            None => {}
        }
    }
    if absent.is_empty() {
        return Ok(Ok(bytes));
    }
    say(&Said::Needs(absent.clone()), &[]);
    let mut damaged = None;
    for wanted in &absent {
        let Ok(Incoming::File(checksum, file)) = incoming.recv() else {
            anyhow::bail!("expected the file {wanted}");
        };
        ensure!(checksum == *wanted, "expected the file {wanted}, got {checksum}");
        if format!("sha256:{}", hex::encode(Sha256::digest(&file))) != checksum {
            let name = files.values().find(|file| file.checksum == checksum).map(|file| &file.filename);
            damaged = Some(format!("the stored bytes of {name:?} are damaged; upload them again"));
            continue;
        }
        let (size, file) = (file.len() as u64, Arc::new(file));
        kept.put(checksum.clone(), file.clone(), size);
        bytes.insert(checksum, file);
    }
    Ok(damaged.map_or(Ok(bytes), Err))
}

/// A service that does not listen any more has closed our input as well: that ends us.
fn say(what: &Said, bytes: &[u8]) {
    let mut line = serde_json::to_vec(what).unwrap_or_default();
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.write_all(bytes)).and_then(|()| out.flush()).unwrap_or_default();
}
