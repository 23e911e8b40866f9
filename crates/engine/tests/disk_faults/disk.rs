//! A disk that fails when it is told to, and what it holds after a loss of power. The functions of the C library by which files are
//! changed are defined here once more, and the linker takes these for all of this test program, SQLite in it included.

use libc::{AT_FDCWD, EIO, ENOSPC, c_char, c_int, c_long, c_uint, c_void, mode_t, off_t, size_t, ssize_t};
use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is broken (EIO); nothing is done.
    Broken,
    /// The disk is full (ENOSPC); nothing is done.
    Full,
    /// Half is written and said to be; the next write finds the disk full.
    Short,
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Bytes are written, or a file is cut.
    Write,
    /// A file or a folder is made durable.
    Sync,
    /// A file or a folder gets a name, or loses one.
    Name,
}

/// A folder on a failing disk, until it is dropped.
pub struct Disk {
    folder: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    done: Vec<Operation>,
    plan: Option<(usize, Fault)>,
    failed: Option<String>,
    full_next: bool,
    /// By number of the file: what was written since it was last made durable.
    unsynced: HashMap<u64, Vec<Range<u64>>>,
    /// What a sync that failed did not write and no later sync writes either, unless it is written anew.
    dropped: HashMap<u64, Vec<Range<u64>>>,
    /// New names whose folders are not durable yet, with the old names of what was renamed.
    names: Vec<(PathBuf, Option<PathBuf>)>,
}

/// Every failing disk of this process, by its folder.
static DISKS: RwLock<Vec<(PathBuf, Arc<Mutex<State>>)>> = RwLock::new(Vec::new());

impl Disk {
    pub fn of(folder: &Path) -> Disk {
        let folder = folder.canonicalize().unwrap();
        let state = Arc::<Mutex<State>>::default();
        DISKS.write().unwrap().push((folder.clone(), state.clone()));
        Disk { folder, state }
    }

    /// From now on operations are counted from 0, and the one of this number fails. A write that is to be short is the first
    /// one from there on.
    pub fn fail(&self, plan: Option<(usize, Fault)>) {
        let mut state = lock(&self.state);
        (state.done, state.plan, state.failed, state.full_next) = (Vec::new(), plan, None, false);
    }

    /// Nothing fails any more. What was done since the last call, and what of it failed.
    pub fn mend(&self) -> (Vec<Operation>, Option<String>) {
        let mut state = lock(&self.state);
        (state.plan, state.full_next) = (None, false);
        (std::mem::take(&mut state.done), state.failed.take())
    }

    /// Whether something has failed since [`Disk::fail`].
    pub fn has_failed(&self) -> bool {
        lock(&self.state).failed.is_some()
    }

    /// Copies the folder to `to` as a loss of power now may leave it: zeros for what was not made durable, old names for new
    /// ones whose folders were not.
    pub fn lose_power(&self, to: &Path) {
        let state = lock(&self.state);
        copy(&state, &self.folder, to);
        let at = |path: &Path| to.join(path.strip_prefix(&self.folder).unwrap());
        for (new, old) in state.names.iter().rev() {
            let new = at(new);
            match old.as_deref().map(at).filter(|old| !old.exists()) {
                Some(old) if new.exists() => {
                    std::fs::create_dir_all(old.parent().unwrap()).unwrap();
                    std::fs::rename(new, old).unwrap();
                }
                _ if new.is_dir() => std::fs::remove_dir_all(new).unwrap(),
                _ => std::fs::remove_file(new).unwrap_or_default(),
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        DISKS.write().unwrap().retain(|(folder, _)| *folder != self.folder);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn copy(state: &State, from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, meta) = (entry.path(), entry.metadata().unwrap());
        let to = to.join(entry.file_name());
        if meta.is_dir() {
            // The start makes those that are empty anew.
            if std::fs::read_dir(&path).unwrap().next().is_some() {
                copy(state, &path, &to);
            }
        } else if !path.to_string_lossy().ends_with("-shm") {
            let mut bytes = std::fs::read(&path).unwrap();
            for lost in
                [&state.unsynced, &state.dropped].iter().filter_map(|map| map.get(&meta.ino())).flatten()
            {
                let end = (lost.end as usize).min(bytes.len());
                bytes[(lost.start as usize).min(end)..end].fill(0);
            }
            std::fs::write(&to, bytes).unwrap();
        }
    }
}

enum Verdict {
    Done,
    Half,
    Error(c_int),
}

impl State {
    fn judge(&mut self, operation: Operation, what: &dyn Fn() -> String) -> Verdict {
        let number = self.done.len();
        self.done.push(operation);
        let is_write = operation == Operation::Write;
        if self.full_next && is_write {
            self.full_next = false;
            return Verdict::Error(ENOSPC);
        }
        let Some((at, fault)) = self.plan.filter(|_| self.failed.is_none()) else { return Verdict::Done };
        if number != at && !(fault == Fault::Short && number > at) || fault == Fault::Short && !is_write {
            return Verdict::Done;
        }
        self.failed = Some(format!("{fault:?} at operation {number}: {operation:?} {}", what()));
        match fault {
            Fault::Broken => Verdict::Error(EIO),
            Fault::Full => Verdict::Error(ENOSPC),
            Fault::Short => {
                self.full_next = true;
                Verdict::Half
            }
        }
    }

    fn wrote(&mut self, file: u64, range: Range<u64>, size_before: u64) {
        if size_before == 0 {
            // A new file may have the number of one that is gone.
            self.unsynced.remove(&file);
            self.dropped.remove(&file);
        }
        if let Some(dropped) = self.dropped.get_mut(&file) {
            *dropped = dropped
                .iter()
                .flat_map(|d| [d.start..d.end.min(range.start), d.start.max(range.end)..d.end])
                .collect();
            dropped.retain(|d| d.start < d.end);
        }
        self.unsynced.entry(file).or_default().push(range);
    }
}

/// The disk that a path is on.
fn disk_of(path: &Path) -> Option<Arc<Mutex<State>>> {
    let disks = DISKS.read().ok()?;
    disks.iter().find(|(folder, _)| path.starts_with(folder)).map(|(_, state)| state.clone())
}

/// The disk that an open file is on, and its path.
fn disk_of_file(fd: c_int) -> Option<(Arc<Mutex<State>>, PathBuf)> {
    if DISKS.read().ok()?.is_empty() {
        return None;
    }
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    Some((disk_of(&path)?, path))
}

fn fail(errno: c_int) -> c_int {
    // SAFETY: the address of this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

fn stat(fd: c_int) -> libc::stat {
    // SAFETY: a plain struct that `fstat` fills; zeros where it fails.
    unsafe {
        let mut stat = std::mem::zeroed();
        libc::fstat(fd, &raw mut stat);
        stat
    }
}

/// Writes `size` bytes to `fd` at `offset`, or at its position, by `real`, unless that is to fail.
fn write_to(fd: c_int, size: size_t, offset: Option<u64>, real: impl Fn(size_t) -> c_long) -> ssize_t {
    let Some((disk, path)) = disk_of_file(fd) else { return real(size) as ssize_t };
    let mut state = lock(&disk);
    let size = match state.judge(Operation::Write, &|| path.display().to_string()) {
        Verdict::Error(errno) => return fail(errno) as ssize_t,
        Verdict::Half => size.div_ceil(2),
        Verdict::Done => size,
    };
    let before = stat(fd);
    // SAFETY: a number that is asked for.
    let offset = offset.unwrap_or_else(|| unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) }.max(0) as u64);
    let written = real(size);
    if written > 0 {
        state.wrote(before.st_ino, offset..offset + written as u64, before.st_size as u64);
    }
    written as ssize_t
}

/// Nothing here has to outlast the machine: no sync is more than noted.
fn sync(fd: c_int) -> c_int {
    let Some((disk, path)) = disk_of_file(fd) else { return 0 };
    let (mut state, file) = (lock(&disk), stat(fd).st_ino);
    let judged = state.judge(Operation::Sync, &|| path.display().to_string());
    let written = state.unsynced.remove(&file).unwrap_or_default();
    if let Verdict::Error(errno) = judged {
        state.dropped.entry(file).or_default().extend(written);
        return fail(errno);
    }
    state.names.retain(|(new, _)| new.parent() != Some(path.as_path()));
    0
}

fn cut(fd: c_int, size: off_t) -> c_int {
    // SAFETY: the same call with its own number.
    let real = || unsafe { libc::syscall(libc::SYS_ftruncate, fd, size) } as c_int;
    let Some((disk, path)) = disk_of_file(fd) else { return real() };
    match lock(&disk).judge(Operation::Write, &|| format!("cut {}", path.display())) {
        Verdict::Error(errno) => fail(errno),
        _ => real(),
    }
}

/// # Safety
/// `text` is null or ends with a zero.
unsafe fn path(text: *const c_char) -> PathBuf {
    // SAFETY: as promised.
    let bytes = if text.is_null() { &[] } else { unsafe { CStr::from_ptr(text) }.to_bytes() };
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Gives `new` to what `old` names, or takes `new` from it where there is no `old`.
fn name(old: Option<PathBuf>, new: PathBuf, keeps_old: bool, real: impl Fn() -> c_long) -> c_int {
    let Some(disk) = disk_of(&new) else { return real() as c_int };
    let mut state = lock(&disk);
    if let Verdict::Error(errno) = state.judge(Operation::Name, &|| format!("{old:?} {new:?}")) {
        return fail(errno);
    }
    let done = real();
    if done == 0 && old.is_some() {
        state.names.push((new, old.filter(|_| !keeps_old)));
    }
    done as c_int
}

// SAFETY of all below: the arguments are those of the C library's functions of these names, and go to the kernel as they are.

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, size: size_t) -> ssize_t {
    write_to(fd, size, None, |size| unsafe { libc::syscall(libc::SYS_write, fd, bytes, size) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, size: size_t, at: off_t) -> ssize_t {
    let real = |size: size_t| unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, size, at) };
    write_to(fd, size, Some(at as u64), real)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, size: size_t, at: off_t) -> ssize_t {
    unsafe { pwrite(fd, bytes, size, at) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn copy_file_range(
    from: c_int,
    from_at: *mut off_t,
    to: c_int,
    to_at: *mut off_t,
    size: size_t,
    flags: c_uint,
) -> ssize_t {
    // All files here are smaller than what one call may copy; a part would be half of that and too large.
    let copy = |size: size_t| unsafe {
        libc::syscall(libc::SYS_copy_file_range, from, from_at, to, to_at, size, flags)
    };
    write_to(to, size.min(1 << 20), None, copy)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate(fd: c_int, size: off_t) -> c_int {
    cut(fd, size)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, size: off_t) -> c_int {
    cut(fd, size)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(old: *const c_char, new: *const c_char) -> c_int {
    let real = || unsafe { libc::syscall(libc::SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0) };
    name(Some(unsafe { path(old) }), unsafe { path(new) }, false, real)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn linkat(
    old_folder: c_int,
    old: *const c_char,
    new_folder: c_int,
    new: *const c_char,
    flags: c_int,
) -> c_int {
    let real = || unsafe { libc::syscall(libc::SYS_linkat, old_folder, old, new_folder, new, flags) };
    name(Some(unsafe { path(old) }), unsafe { path(new) }, true, real)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(folder: *const c_char, mode: mode_t) -> c_int {
    let real = || unsafe { libc::syscall(libc::SYS_mkdirat, AT_FDCWD, folder, mode) };
    let new = unsafe { path(folder) };
    let made = name(None, new.clone(), false, real);
    if let Some(disk) = disk_of(&new).filter(|_| made == 0) {
        lock(&disk).names.push((new, None));
    }
    made
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(file: *const c_char) -> c_int {
    let real = || unsafe { libc::syscall(libc::SYS_unlinkat, AT_FDCWD, file, 0) };
    name(None, unsafe { path(file) }, false, real)
}
