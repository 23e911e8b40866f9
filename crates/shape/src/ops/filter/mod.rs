//! Values to values.

pub mod csg;
pub mod linear_filter;
pub mod redistance;
pub mod shell;
pub mod threshold;
