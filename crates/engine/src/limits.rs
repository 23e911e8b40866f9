//! Limits on what a project may hold and a job may need.

/// Of one project, and of one job, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of its assets.
    pub(crate) bytes: Option<u64>,
    /// Bytes of the assets of all projects of its user.
    pub(crate) user_bytes: Option<u64>,
    /// Jobs that wait.
    pub(crate) waiting: Option<u64>,
    /// Bytes of memory that a job may need.
    pub(crate) memory: u64,
}

impl Limits {
    /// None at all.
    pub(crate) const NONE: Limits = Limits { bytes: None, user_bytes: None, waiting: None, memory: u64::MAX };

    /// What is wrong with a job that needs so many bytes of memory, if anything is.
    pub(crate) fn too_greedy(&self, needed: u64) -> Option<String> {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        (needed > self.memory).then(|| {
            format!(
                "needs up to {} MiB of memory, the limit is {} MiB (setting memory_limit)",
                mib(needed),
                mib(self.memory)
            )
        })
    }
}
