//! What the ledger keeps of itself: its secret, its id, how often it gave a blob a row.

use super::db::Connection;
use super::{Of, Store, db, sql};
use crate::blobs::{LedgerAge, LedgerMark};
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;

const ID: &str = "ledger_id";
const BLOB_ROWS: &str = "blob_rows";

impl Store {
    /// The value kept under `name`.
    pub(crate) async fn meta(&self, name: &str) -> Result<Option<String>> {
        Ok(db::query_scalar(sql::META_GET).bind(name).fetch_optional(self.reader()).await?)
    }

    /// The value kept under `name`, which is `value` when there is none yet.
    pub(crate) async fn meta_or_init(&self, name: &str, value: &str) -> Result<String> {
        let mut tx = self.begin(Of::Rows).await?;
        db::query(sql::META_INIT).bind(name).bind(value).execute(&mut *tx).await?;
        let kept = db::query_scalar(sql::META_GET).bind(name).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Keeps `value` under `name`.
    pub(crate) async fn set_meta(&self, name: &str, value: &str) -> Result<()> {
        self.write(db::query(sql::META_SET).bind(name).bind(value)).await
    }

    /// The ledger at this moment; `None` when it has no id yet.
    pub(crate) async fn age(&self) -> Result<Option<LedgerAge>> {
        let Some(ledger) = self.meta(ID).await? else { return Ok(None) };
        let blob_rows = self.meta(BLOB_ROWS).await?.and_then(|n| n.parse().ok()).unwrap_or(0);
        Ok(Some(LedgerAge { ledger, blob_rows }))
    }

    /// The same; it gets an id when it has none.
    pub(crate) async fn age_or_new(&self) -> Result<LedgerAge> {
        let ledger = self.meta_or_init(ID, &hex::encode(rand::random::<[u8; 8]>())).await?;
        Ok(self.age().await?.unwrap_or(LedgerAge { ledger, blob_rows: 0 }))
    }

    /// The same ledger, which notes beside the blobs how often it gave one a row.
    pub(crate) fn marking(self, mark: LedgerMark) -> Store {
        Store { mark: Some(Arc::new(mark)), ..self }
    }

    /// Waits for a moment until that is noted, for the end of a server.
    pub(crate) async fn settle_mark(&self) {
        if let Some(mark) = &self.mark {
            mark.settle(Duration::from_secs(5)).await;
        }
    }

    /// After the commit of a transaction that counted with [`count_blob_rows`].
    pub(crate) fn blob_rows_committed(&self, blob_rows: u64) {
        if let Some(mark) = &self.mark
            && let Err(e) = mark.advance(blob_rows)
        {
            tracing::warn!("cannot note the age of the ledger beside the blobs: {e}");
        }
    }
}

/// Counts a transaction that gives a blob its row.
pub(super) async fn count_blob_rows(tx: &mut Connection) -> Result<u64> {
    let count: String = db::query_scalar(sql::META_COUNT).bind(BLOB_ROWS).fetch_one(tx).await?;
    Ok(count.parse().map_err(anyhow::Error::from)?)
}
