//! The two databases that a ledger may be in, behind one face: what differs between SQLite and PostgreSQL is here, in `sql.rs` and in
//! `open.rs`, and nowhere else.

mod builder;
mod connection;
mod query;
mod row;
mod value;

pub(crate) use builder::Builder;
pub(crate) use connection::{Connection, Pool, Transaction};
pub(crate) use query::{Query, Text, query, query_scalar};
pub(crate) use row::Row;
pub(crate) use value::{NulInText, Value, lossy};
