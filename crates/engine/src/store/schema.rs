//! Which version a ledger has, and which it may have.

use super::db::{self, Connection};
use super::sql;
use crate::error::{EngineError, Result};

/// Refuses a newer schema, and an older one unless it `may_change`.
pub(super) fn refuse_other(what: &str, found: i64, known: i64, may_change: bool) -> Result<()> {
    if found > known {
        let text = format!("the {what} has schema version {found}, this fieldstone knows up to {known}");
        return Err(EngineError::Conflict(text));
    }
    if found < known && !may_change {
        return Err(EngineError::Conflict(format!(
            "the {what} has schema version {found}, this fieldstone needs {known}: the next start of \
             `fieldstone serve` brings it up to date"
        )));
    }
    Ok(())
}

/// 0 for a database without a schema.
pub(super) async fn applied_version(connection: &mut Connection) -> Result<i64> {
    if db::query(sql::TABLE_OF_VERSIONS).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(0);
    }
    Ok(db::query_scalar(sql::VERSION).fetch_one(connection).await?)
}
