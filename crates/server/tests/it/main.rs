//! The API as its clients see it: the real server on a free port over a data folder of its own.

mod crud;
mod dialects;
mod downloads;
mod errors;
mod harness;
mod index;
mod limits;
mod metrics;
mod page;
mod uploads;
mod work;
