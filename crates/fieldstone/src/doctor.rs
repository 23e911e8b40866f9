//! `fieldstone doctor`: whether this machine and its settings are fit to serve.

use crate::memory;
use crate::settings::Settings;
use crate::size::Size;
use crate::upkeep::DataFlag;
use fieldstone_engine::model::{CredentialKind, Timestamp};
use fieldstone_engine::{Location, keys};
use fieldstone_kernel::simd::Level;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone doctor
  fieldstone doctor --data /srv/fieldstone --json

Looks at the data folder (writable, closed to others, room, ledger), the address to listen on, memory, processor, open files,
the clock and keys that end soon. Changes nothing, and works beside a running server. Exit code 1 when something would keep the
server from working. `fieldstone check` reads every stored byte; this does not.")]
pub struct DoctorArgs {
    #[command(flatten)]
    pub data: DataFlag,
    /// JSON on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Fine,
    /// It works, but somebody should know.
    Warning,
    /// The server would not start, or not work.
    Bad,
}

/// What was looked at and found.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    text: String,
}

/// A server should keep so much room at least, and half a day of uploads is more.
const LITTLE_ROOM: u64 = 1 << 30;
/// A ledger's log that is folded in seldom grows beyond.
const LARGE_WAL: u64 = 256 << 20;
/// Connections and blobs need descriptors; below this the server answers 503 early.
const FEW_FILES: u64 = 1024;
/// Keys that end within are told.
const SOON_US: i64 = 14 * 86_400 * 1_000_000;
/// Memory of one job on a 256³ grid, with room for the server.
const LITTLE_MEMORY: u64 = 1 << 30;

/// Looks at everything.
pub async fn doctor(args: DoctorArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let data = settings.data.clone();
    let mut findings = vec![folder(&data), room(&data)];
    if settings.database.is_none() {
        findings.push(wal(&data));
    }
    findings.extend(credentials(settings.location()).await);
    findings.extend([
        address(&settings).await,
        memory_found(&settings),
        processor(),
        open_files(),
        clock(&data),
    ]);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for Finding { check, verdict, text } in &findings {
            let mark = match verdict {
                Verdict::Fine => "fine",
                Verdict::Warning => "warning",
                Verdict::Bad => "BAD",
            };
            println!("{mark:<8} {check:<12} {text}");
        }
    }
    let bad = findings.iter().any(|finding| finding.verdict == Verdict::Bad);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn found(check: &'static str, verdict: Verdict, text: impl Into<String>) -> Finding {
    Finding { check, verdict, text: text.into() }
}

/// Whether files can be made and made durable there, and who may look.
fn folder(data: &Path) -> Finding {
    let (shown, say) = (data.display(), |verdict, text: String| found("data folder", verdict, text));
    if !data.exists() {
        return say(Verdict::Fine, format!("{shown} is not there yet: serve makes it"));
    }
    let probe = data.join(format!("tmp/doctor-{}", std::process::id()));
    let probe = if data.join("tmp").is_dir() { probe } else { data.join("lock.doctor") };
    let written =
        std::fs::File::create(&probe).and_then(|mut f| f.write_all(b"?").and_then(|()| f.sync_all()));
    std::fs::remove_file(&probe).ok();
    if let Err(e) = written {
        return say(Verdict::Bad, format!("{shown} cannot be written: {e}"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(data).map_or(0, |m| m.permissions().mode() & 0o777);
        if mode & 0o077 != 0 {
            return say(
                Verdict::Warning,
                format!("{shown} is open to other users (mode {mode:03o}): chmod 700"),
            );
        }
    }
    say(Verdict::Fine, format!("{shown} can be written, and is closed to others"))
}

/// Bytes left on the disk of the data folder.
fn room(data: &Path) -> Finding {
    let there = data.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    match rustix::fs::statvfs(there) {
        Err(e) => found("disk", Verdict::Bad, format!("cannot be asked: {e}")),
        Ok(disk) => {
            let (free, size) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
            let verdict = if free < LITTLE_ROOM { Verdict::Warning } else { Verdict::Fine };
            found("disk", verdict, format!("{} of {} are free", Size(free).rounded(), Size(size).rounded()))
        }
    }
}

/// The ledger's log, which a running server folds in now and then and a stop to the end.
fn wal(data: &Path) -> Finding {
    let bytes = |name: &str| std::fs::metadata(data.join(name)).map(|m| m.len());
    let Ok(ledger) = bytes("ledger.sqlite") else {
        return found("ledger", Verdict::Fine, "none yet");
    };
    let wal = bytes("ledger.sqlite-wal").unwrap_or(0);
    let verdict = if wal > LARGE_WAL { Verdict::Warning } else { Verdict::Fine };
    found("ledger", verdict, format!("{}, and {} of log", Size(ledger).rounded(), Size(wal).rounded()))
}

/// Whether the ledger opens, and which keys and clients end soon.
async fn credentials(at: Location<'_>) -> Vec<Finding> {
    if at.database.is_none() && !at.data.join("ledger.sqlite").exists() {
        return Vec::new();
    }
    let now = Timestamp::now().0;
    let (mut usable, mut findings) = (0, Vec::new());
    for kind in [CredentialKind::Key, CredentialKind::Client] {
        let all = match keys::list(at, kind).await {
            Ok(all) => all,
            Err(e) => return vec![found("keys", Verdict::Bad, format!("the ledger cannot be read: {e}"))],
        };
        for key in all.iter().filter(|key| key.revoked.is_none()) {
            let left = key.expires.map(|at| at.0 - now);
            usable += usize::from(left.is_none_or(|left| left > 0));
            if let Some(left) = left.filter(|left| (0..SOON_US).contains(left)) {
                let days = left / 86_400_000_000;
                findings.push(found("keys", Verdict::Warning, format!("{:?} ends in {days} days", key.name)));
            }
        }
    }
    let verdict = if usable == 0 { Verdict::Warning } else { Verdict::Fine };
    findings.insert(0, found("keys", verdict, format!("{usable} keys and clients work")));
    findings
}

/// Whether the address can be listened on, or who answers there.
async fn address(settings: &Settings) -> Finding {
    let (listen, say) = (&settings.listen, |verdict, text: String| found("address", verdict, text));
    match tokio::net::TcpListener::bind(listen).await {
        Ok(_) => say(Verdict::Fine, format!("{listen} is free")),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
            if is_served(listen).await {
                say(Verdict::Fine, format!("{listen} is served by this service already"))
            } else {
                say(Verdict::Bad, format!("{listen} is taken by another program"))
            }
        }
        Err(e) => say(Verdict::Bad, format!("{listen} cannot be listened on: {e}")),
    }
}

async fn is_served(listen: &str) -> bool {
    fieldstone_engine::choose_cryptography();
    let port = listen.rsplit(':').next().unwrap_or_default();
    let near = listen.replacen("0.0.0.0", "127.0.0.1", 1);
    let near = if near.starts_with("[::]") { format!("127.0.0.1:{port}") } else { near };
    let Ok(http) = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build() else {
        return false;
    };
    // Our own document, not just any 200.
    match http.get(format!("http://{near}/openapi.json")).send().await {
        Ok(answer) => answer.text().await.is_ok_and(|text| text.contains("Fieldstone")),
        Err(_) => false,
    }
}

fn memory_found(settings: &Settings) -> Finding {
    let (there, for_jobs) = (memory::available(), settings.engine().memory_limit_bytes);
    let text = format!("{}, of which jobs may have {}", Size(there).rounded(), Size(for_jobs).rounded());
    match () {
        () if for_jobs > there => {
            found("memory", Verdict::Bad, format!("{text}: more than there is (memory_limit)"))
        }
        () if there < LITTLE_MEMORY => {
            found("memory", Verdict::Warning, format!("{text}: little for fine grids"))
        }
        () => found("memory", Verdict::Fine, text),
    }
}

fn processor() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    found("processor", Verdict::Fine, format!("{cores} cores, {:?}", Level::detect().kind()))
}

#[cfg(unix)]
fn open_files() -> Finding {
    use rustix::process::{Resource, getrlimit};
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < FEW_FILES => found(
            "open files",
            Verdict::Warning,
            format!("{most} at most, expected {FEW_FILES} (ulimit -Hn)"),
        ),
        Some(most) => found("open files", Verdict::Fine, format!("{most} at most")),
        None => found("open files", Verdict::Fine, "no limit"),
    }
}

#[cfg(not(unix))]
fn open_files() -> Finding {
    found("open files", Verdict::Fine, "no limit that could be asked for")
}

/// A clock that has gone back makes leases, links and keys last too long.
fn clock(data: &Path) -> Finding {
    let now = std::time::SystemTime::now();
    let last = ["ledger.sqlite", "ledger.sqlite-wal", "audit.jsonl"];
    let last = last.iter().filter_map(|name| std::fs::metadata(data.join(name)).ok()?.modified().ok()).max();
    let ahead = last.and_then(|last| last.duration_since(now).ok());
    match ahead {
        Some(ahead) if ahead > Duration::from_secs(60) => found(
            "clock",
            Verdict::Bad,
            format!("the ledger was written {} s from now: the clock went back", ahead.as_secs()),
        ),
        _ => found("clock", Verdict::Fine, jiff::Timestamp::now().strftime("%F %T UTC").to_string()),
    }
}
