//! Looking after a data folder from beside the server that may be running on it: check, gc, backup.
//!
//! None of them takes the folder's lock, none writes the ledger. Blobs are kept from being swept, or their rows from
//! being written, by the lock of the blobs, for moments.

mod backup;
mod check;
mod gc;
mod sweep;

pub use backup::{Backup, backup};
pub use check::{Report, check};
pub use gc::{Swept, gc};
pub(crate) use sweep::{sweep, sweep_old};
