//! What a process that computes may not do: take more memory, time or disk than it was given, see files of others, speak to anybody.
//!
//! Made of what the kernel has: limits of resources (setrlimit(2)), Landlock for files (landlock(7)), a seccomp filter for system
//! calls (seccomp(2)). What a kernel lacks is told; the rest holds.

use crate::ticket::Ticket;
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::sync::LazyLock;

/// What a process that computes may do.
pub(crate) struct Confinement {
    /// Files that it may read.
    pub(crate) readable: Vec<PathBuf>,
    /// The folder that it may write to, if any.
    pub(crate) folder: Option<PathBuf>,
    /// Bytes of memory that it may write to.
    pub(crate) memory_bytes: u64,
    /// Bytes that a file it writes may have.
    pub(crate) file_bytes: u64,
    /// Seconds of all its processors together; `None`: no limit.
    pub(crate) cpu_seconds: Option<u64>,
}

impl From<&Ticket> for Confinement {
    fn from(ticket: &Ticket) -> Confinement {
        Confinement {
            readable: ticket.inputs.values().flatten().map(|input| input.path.clone()).collect(),
            folder: Some(ticket.folder.clone()),
            memory_bytes: ticket.memory_bytes,
            file_bytes: ticket.file_bytes,
            cpu_seconds: ticket.cpu_seconds,
        }
    }
}

/// Confines this process, before it has more than one thread: threads that were there before would not be. Returns what this system
/// lacks, a line for each.
pub(crate) fn confine(bounds: &Confinement) -> anyhow::Result<Vec<String>> {
    #[cfg(unix)]
    limits(bounds)?;
    #[cfg(target_os = "linux")]
    return Ok(linux::confine(bounds));
    #[cfg(not(target_os = "linux"))]
    Ok(vec!["jobs can read files and open connections: only Linux has Landlock and seccomp".to_owned()])
}

/// Makes what [`confine`] needs whatever the bounds: a process forked from this one has it.
#[cfg(target_os = "linux")]
pub(crate) fn prepare() {
    LazyLock::force(&linux::FILTER);
}

/// The lowest: who asks about jobs is answered first.
#[cfg(unix)]
const PRIORITY: i32 = 19;
/// Processes and threads of the same user, this one's among them: enough for every machine, far too few for a bomb.
#[cfg(unix)]
const PROCESSES: u64 = 4096;
/// Files that are open at the same time.
#[cfg(unix)]
const OPEN_FILES: u64 = 4096;

/// Limits memory, files and time of this process, keeps it from dumping cores, lets others go first, and makes it the first to go
/// when the machine runs out of memory.
#[cfg(unix)]
fn limits(bounds: &Confinement) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
    let limit = |resource: Resource, most: u64| {
        // Nobody may raise what an operator has set lower.
        let most = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    };
    limit(Resource::Core, 0)?;
    // On Linux this counts all private memory that can be written to, other than the main thread's stack.
    limit(Resource::Data, bounds.memory_bytes)?;
    limit(Resource::Fsize, bounds.file_bytes)?;
    limit(Resource::Nofile, OPEN_FILES)?;
    limit(Resource::Nproc, PROCESSES)?;
    if let Some(seconds) = bounds.cpu_seconds {
        limit(Resource::Cpu, seconds.max(1))?;
    }
    setpriority_process(None, PRIORITY)?;
    #[cfg(target_os = "linux")]
    linux::yield_to_others()?;
    #[cfg(target_os = "linux")]
    std::fs::write("/proc/self/oom_score_adj", "300").unwrap_or_default();
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Confinement;
    use landlock::{
        ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
        RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    };
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter_all_threads};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::LazyLock;

    /// What is asked of Landlock: files, TCP, abstract sockets and signals, as Linux 6.12 has it. Older kernels do what they can.
    const LANDLOCK: ABI = ABI::V6;

    /// Whatever else wakes up goes first at once: by its priority alone it would wait for the end of a slice. SCHED_IDLE, sched(7).
    pub(super) fn yield_to_others() -> std::io::Result<()> {
        let priority: libc::c_int = 0;
        // SAFETY: it reads what it is given. It is asked of the kernel, whose `sched_param` holds a number and nothing else: musl refuses
        // to set a policy, and its structure is another.
        match unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_IDLE, &raw const priority) }
        {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    }

    pub(super) fn confine(bounds: &Confinement) -> Vec<String> {
        let mut lacks = Vec::new();
        match files(bounds) {
            Ok(RulesetStatus::FullyEnforced) => {}
            Ok(RulesetStatus::PartiallyEnforced) => {
                lacks.push("Landlock is older than that of Linux 6.12: it confines jobs in part".to_owned());
            }
            Ok(RulesetStatus::NotEnforced) => {
                lacks.push("this kernel has no Landlock: jobs can read what the service can".to_owned());
            }
            Err(e) => lacks.push(format!("Landlock cannot be used, jobs can read what the service can: {e}")),
        }
        if let Err(e) = calls() {
            lacks.push(format!("seccomp cannot be used, jobs can open connections: {e}"));
        }
        lacks
    }

    /// From now on: inputs can be read, the folder can be written to, and there are no other files.
    fn files(bounds: &Confinement) -> Result<RulesetStatus, RulesetError> {
        let everything = AccessFs::from_all(LANDLOCK);
        let rules = Ruleset::default()
            .handle_access(everything)?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?
            .create()?;
        let mut inputs = bounds.readable.iter();
        let rules = inputs.try_fold(rules, |rules, path| allow(rules, path, AccessFs::ReadFile.into()))?;
        let mut folder = bounds.folder.iter();
        let rules =
            folder.try_fold(rules, |rules, path| allow(rules, path, everything & !AccessFs::Execute))?;
        Ok(rules.restrict_self()?.ruleset)
    }

    /// A path that is not there is not allowed either: the job finds that out by itself.
    fn allow(
        rules: RulesetCreated,
        path: &Path,
        access: landlock::BitFlags<AccessFs>,
    ) -> Result<RulesetCreated, RulesetError> {
        match PathFd::new(path) {
            Ok(file) => rules.add_rule(PathBeneath::new(file, access)),
            Err(_) => Ok(rules),
        }
    }

    /// System calls that no job needs: those that reach other machines or processes, or change the machine. They fail with EPERM.
    const CALLS: &[i64] = &[
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        // Rings do file and socket calls that no filter sees.
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_open_by_handle_at,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_setsid,
        libc::SYS_setpgid,
    ];

    /// Refuses [`CALLS`] from now on, and new privileges by starting programs.
    fn calls() -> Result<(), Box<dyn std::error::Error>> {
        let filter = FILTER.as_ref().map_err(String::as_str)?;
        Ok(apply_filter_all_threads(filter)?)
    }

    /// The filter that refuses [`CALLS`], compiled once; an error's text where it cannot be.
    pub(super) static FILTER: LazyLock<Result<BpfProgram, String>> =
        LazyLock::new(|| compile().map_err(|e| e.to_string()));

    fn compile() -> Result<BpfProgram, Box<dyn std::error::Error>> {
        let arch = std::env::consts::ARCH.try_into()?;
        let mut refused: BTreeMap<i64, _> = CALLS.iter().map(|call| (*call, Vec::new())).collect();
        if cfg!(target_arch = "x86_64") {
            // The same calls by the numbers of the x32 interface, which the filter would take for others.
            const X32: i64 = 0x4000_0000;
            refused.extend(CALLS.iter().map(|call| (*call | X32, Vec::new())));
        }
        let errno = SeccompAction::Errno(libc::EPERM as u32);
        let filter = SeccompFilter::new(refused, SeccompAction::Allow, errno, arch)?;
        Ok(filter.try_into()?)
    }
}
