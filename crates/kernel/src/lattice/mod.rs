//! Periodic and random structures that fill all of space, given by formulas.

pub mod spinodoid;
pub mod tpms;
mod tpms_formulas;
