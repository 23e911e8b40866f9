//! Where points and volumes come from.

pub mod generate_sample_points;
pub mod load_sample_points;
pub mod load_volume;
