//! The two databases that a ledger may be in, behind one face: what differs between SQLite and PostgreSQL is here, in `sql.rs` and in
//! `open.rs`, and nowhere else.

mod builder;
mod connection;
mod options;
mod query;
mod row;
mod text;
mod value;

pub(crate) use builder::Builder;
pub(crate) use connection::{Connection, Pool, Transaction};
pub(crate) use options::{BUSY_TIMEOUT, pool_options};
pub(crate) use query::{Query, query, query_scalar};
pub(crate) use row::Row;
pub(crate) use text::Text;
pub(crate) use value::{NulInText, Value, lossy};
