//! What happened to a job, line by line.

use super::db::{Connection, Row};
use super::{Of, Store, db, sql};
use crate::error::Result;
use crate::model::{JobId, LogLevel, LogLine, Timestamp};

/// Lines kept of one job; later ones are dropped.
const MOST_LINES: i64 = 1000;
/// Characters kept of one line.
const LONGEST_LINE: usize = 2000;

/// Adds a line to a job's log.
pub(super) async fn add(tx: &mut Connection, job: JobId, line: &LogLine) -> Result<()> {
    let text: String = line.text.chars().take(LONGEST_LINE).collect();
    db::query(sql::LOG_ADD)
        .bind(job.0)
        .bind(line.at.0)
        .bind(i64::from(line.attempt))
        .bind(line.level.as_str())
        .bind(db::lossy(text))
        .bind(MOST_LINES)
        .execute(tx)
        .await?;
    Ok(())
}

impl Store {
    /// Adds lines to a job's log. A job that is gone has none.
    pub(crate) async fn add_log(&self, job: JobId, lines: &[LogLine]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin(Of::Job(job)).await?;
        for line in lines {
            add(&mut tx, job, line).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A job's log, oldest line first.
    pub(crate) async fn log(&self, job: JobId) -> Result<Vec<LogLine>> {
        let rows = db::query(sql::LOG_OF).bind(job.0).fetch_all(self.reader()).await?;
        let line = |row: &Row| {
            Ok(LogLine {
                at: Timestamp(row.try_get("at")?),
                attempt: row.try_get::<i64, _>("attempt")?.max(0) as u32,
                level: LogLevel::of(row.try_get("level")?),
                text: row.try_get("text")?,
            })
        };
        rows.iter().map(line).collect()
    }
}
