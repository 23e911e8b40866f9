//! How a long computation is watched: cancelled from outside, progress reported from inside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The computation was cancelled; partial results were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("canceled")]
pub struct Cancelled;

type Report = Arc<dyn Fn(f32) + Send + Sync>;

/// Cancel flag and progress sink that every loop over user-sized data carries.
///
/// Cheap to clone and to share between threads. Progress is a fraction in 0..=1 of the whole;
/// [`Monitor::part`] gives a callee its share of it.
#[derive(Clone)]
pub struct Monitor {
    cancel: Arc<AtomicBool>,
    report: Option<Report>,
    from: f32,
    to: f32,
}

impl Monitor {
    /// Cancelled when `cancel` becomes true; `report` gets fractions, possibly from several threads.
    pub fn new(cancel: Arc<AtomicBool>, report: impl Fn(f32) + Send + Sync + 'static) -> Monitor {
        Monitor { cancel, report: Some(Arc::new(report)), from: 0.0, to: 1.0 }
    }

    /// Never cancelled, reports to nobody.
    pub fn none() -> Monitor {
        Monitor { cancel: Arc::default(), report: None, from: 0.0, to: 1.0 }
    }

    /// The same watch for a callee that does the share `from..to` of this one's work.
    pub fn part(&self, from: f32, to: f32) -> Monitor {
        let span = self.to - self.from;
        Monitor { from: self.from + span * from, to: self.from + span * to, ..self.clone() }
    }

    /// Errors once cancelled; call at least once a block.
    #[inline]
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    /// Reports that `fraction` (0..=1) of this part is done.
    pub fn progress(&self, fraction: f32) {
        if let Some(report) = &self.report {
            report(self.from + (self.to - self.from) * fraction.clamp(0.0, 1.0));
        }
    }
}
