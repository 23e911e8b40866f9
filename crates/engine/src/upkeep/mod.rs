//! Looking after a data folder from beside the server that may be running on it: check, gc, backup; and moving its ledger, which no
//! server may use meanwhile.
//!
//! None of the first three takes the folder's lock, none writes the ledger. Blobs are kept from being swept, or their rows from
//! being written, by the lock of the blobs, for moments.

mod backup;
mod belonging;
mod check;
mod copy;
mod copy_blobs;
mod gc;
mod heads;
mod partial;
mod read_all;
mod scrub;
mod sweep;
mod uploads;

pub use backup::{Backup, backup};
pub(crate) use belonging::{check_ledger_is_current, check_ledger_is_there, mark};
pub use check::{Report, check};
pub use copy::copy_ledger;
pub use copy_blobs::{BlobPlace, CopiedBlobs, copy_blobs};
pub use gc::{Swept, gc};
pub(crate) use heads::{settle, take_over_from_ended};
pub(crate) use scrub::{Scrubbed, scrub};
pub(crate) use sweep::{FolderSwept, restore_quarantined, sweep, sweep_documents, sweep_folder};
pub(crate) use uploads::sweep_uploads;
