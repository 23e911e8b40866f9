//! Previews: what a shape graph looks like at a low resolution, for whoever turns its knobs. No job, no row, no blob.
//!
//! They are computed in a process that stays ([`serve`]), because meshes and their hierarchies take longer to prepare than the samples to
//! compute. It sees no file: the bytes of assets come through its input, once each.

mod compute;
mod kept;
mod picture;
mod process;
pub mod talk;

pub use compute::files_of;
pub use process::serve;
