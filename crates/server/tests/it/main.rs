//! The API as its clients see it: the real server on a free port over a data folder of its own.

mod access;
mod audit;
mod connections;
mod crud;
mod dialects;
mod downloads;
mod errors;
mod harness;
mod hostile;
mod index;
mod issuer;
mod limits;
mod lists;
mod metrics;
mod oauth;
mod page;
mod patches;
mod project_events;
mod registry;
mod resumable;
mod revoked;
mod sign_in;
mod uploads;
mod volumes;
mod work;
mod workbench;
