//! Slices of a volume: layers, their contours and their coverage pictures.
//!
//! # Promises
//! A slice is the bilinear interpolant of one plane of samples; inside is where it lies below the isovalue. The plane is made of regular
//! samples ([`crate::regular`]), so what is solid to the isosurface is so to a slice, and one through a flat face is that just above it. What
//! reaches the border of the plane is closed along the border. Equal samples give equal results for any number of
//! threads.

mod cell;
mod contour;
mod crossings;
mod layers;
mod plane;
mod polygon;
mod raster;
mod sections;
mod simplify;

pub use contour::contours;
pub use layers::{Layers, planes_of, section};
pub use plane::Plane;
pub use polygon::{Polygon, total_area};
pub use raster::{Raster, coverage};
pub use sections::Sections;

/// Why something cannot be sliced as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SliceError {
    /// A length that has to be above zero is not.
    #[error("{what} is {value} mm, expected a finite number above 0")]
    NotPositive {
        /// `layer height`, `pixel size`.
        what: &'static str,
        /// What was given.
        value: f64,
    },
    /// Layers higher than what is to be cut.
    #[error("layer height is {height} mm, the {what} is {size} mm high")]
    TooHigh {
        /// What was asked for, mm.
        height: f64,
        /// `grid`, `part`.
        what: &'static str,
        /// Its extent along z, mm.
        size: f64,
    },
    /// More than the limit.
    #[error("{count} {what}, more than the limit of {limit}")]
    TooMany {
        /// `layers`, `pixels in a layer`.
        what: &'static str,
        /// What was asked for; as a float, since it may be beyond any integer.
        count: f64,
        /// The limit.
        limit: u64,
    },
}
