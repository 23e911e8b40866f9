//! The engine as the server and the commands talk to it, a file for each noun.

mod assets;
mod engine;
mod events;
mod jobs;
mod keys;
mod lists;
mod metrics;
mod previews;
mod projects;
mod resume;
mod resumed;
mod thumbnails;
mod turn;
mod upload;
mod volumes;
mod workers;
mod workflows;

pub use engine::Engine;
#[cfg(test)]
pub(crate) use engine::tests;
pub use events::{News, ProjectEvent};
pub use previews::NewPreview;
pub use resumed::Resumed;
pub use thumbnails::Thumbnail;
pub use upload::Upload;
pub use volumes::ThinVolume;
