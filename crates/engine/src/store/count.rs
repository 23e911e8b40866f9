//! How many rows there are of what.

use super::{Store, db, rows, sql};
use crate::error::Result;
use crate::metrics::{Ledger, Queue};
use crate::model::Timestamp;
use std::collections::BTreeMap;

impl Store {
    /// Counts jobs that wait.
    pub(crate) async fn count_queue(&self) -> Result<Queue> {
        let queue = db::query(sql::COUNT_QUEUE).fetch_one(self.reader()).await?;
        Ok(Queue {
            length: queue.try_get::<i64, _>("count")?.max(0) as u64,
            oldest: queue.try_get::<Option<i64>, _>("oldest")?.map(Timestamp),
        })
    }

    /// Counts rows; jobs of types that are not `known` are counted together.
    pub(crate) async fn count(&self, known: &[&str]) -> Result<Ledger> {
        let mut tx = self.begin_to_read().await?;
        let mut jobs = BTreeMap::new();
        for row in db::query(sql::COUNT_JOBS).fetch_all(&mut *tx).await? {
            let type_name: String = row.try_get("type_name")?;
            // Anybody may dispatch any name; each would be a series of its own.
            let type_name = if known.contains(&type_name.as_str()) { type_name } else { "other".to_owned() };
            let state: String = row.try_get("state")?;
            *jobs.entry((state, type_name)).or_insert(0) += row.try_get::<i64, _>("count")?.max(0) as u64;
        }
        let blobs = db::query(sql::COUNT_BLOBS).fetch_one(&mut *tx).await?;
        let jobs = jobs.into_iter().map(|((state, name), n)| Ok((rows::state(&state)?, name, n)));
        Ok(Ledger {
            jobs: jobs.collect::<Result<_>>()?,
            blobs: blobs.try_get::<i64, _>("count")?.max(0) as u64,
            blob_bytes: blobs.try_get::<Option<i64>, _>("bytes")?.unwrap_or(0).max(0) as u64,
        })
    }
}
