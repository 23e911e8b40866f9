//! A ledger copied to another database, row by row, and then compared with it, row by row; all of it or nothing.

use super::db::{self, Builder, Connection, Row, Value};
use super::tables::{Kind, TABLES, Table};
use super::{Of, Store, sql};
use crate::error::{EngineError, Result};
use anyhow::anyhow;
use futures::TryStreamExt;

impl Store {
    /// Copies every row to `to`, which must have none; how many rows each table has.
    pub(crate) async fn copy_rows(&self, to: &Store) -> Result<Vec<(&'static str, u64)>> {
        let (mut source, mut target) = (self.begin_to_read().await?, to.begin(Of::Rows).await?);
        for table in TABLES {
            let first = Builder::new("SELECT 1 FROM ").and(table.name).and(" LIMIT 1").build();
            if first.fetch_optional(&mut *target).await?.is_some() {
                let text = format!(
                    "there is a ledger already where the copy should go: its table {} has rows",
                    table.name
                );
                return Err(EngineError::Conflict(text));
            }
        }
        // What they count is copied like everything else.
        let triggers = Triggers::take_away(&mut target).await?;
        for table in TABLES {
            copy_table(table, &mut source, &mut target).await?;
        }
        triggers.put_back(&mut target).await?;
        let mut counts = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            counts.push((table.name, compare(table, &mut source, &mut target).await?));
        }
        target.commit().await?;
        Ok(counts)
    }
}

async fn copy_table(table: &Table, source: &mut Connection, target: &mut Connection) -> Result<()> {
    let mut rows = select(table).fetch(&mut *source)?;
    while let Some(row) = rows.try_next().await? {
        let mut insert = Builder::new("INSERT INTO ").and(table.name).and(" (");
        insert.push(names(table)).push(") VALUES (");
        for (place, value) in values(table, &row)?.into_iter().enumerate() {
            insert.push(if place == 0 { "" } else { ", " }).push_bind(value);
        }
        insert.push(")");
        let inserted = insert.build().execute(&mut *target).await;
        inserted.map_err(|e| match EngineError::from(e) {
            EngineError::Invalid { message, .. } => {
                EngineError::Conflict(format!("table {}, row {}: {message}", table.name, key(table, &row)))
            }
            e => e,
        })?;
    }
    drop(rows);
    if table.is_numbered() {
        let last = last_number(table, source).await?;
        set_last_number(table, last, target).await?;
    }
    Ok(())
}

/// Refuses a copy that is not the same in every value; how many rows there are.
async fn compare(table: &Table, source: &mut Connection, target: &mut Connection) -> Result<u64> {
    let (mut ours, mut theirs) = (select(table).fetch(&mut *source)?, select(table).fetch(&mut *target)?);
    let mut count = 0;
    loop {
        let (one, other) = (ours.try_next().await?, theirs.try_next().await?);
        let (Some(one), Some(other)) = (&one, &other) else {
            return match (one, other) {
                (None, None) => Ok(count),
                _ => {
                    Err(anyhow!("table {} has more rows on one side than its first {count}", table.name)
                        .into())
                }
            };
        };
        if values(table, one)? != values(table, other)? {
            return Err(
                anyhow!("table {}: row {} is not the same in the copy", table.name, key(table, one)).into()
            );
        }
        count += 1;
    }
}

fn names(table: &Table) -> String {
    table.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Every row in the order of the key.
fn select(table: &Table) -> db::Query<'static> {
    let mut select = Builder::new("SELECT ");
    select.push(names(table)).push(" FROM ").push(table.name).push(" ORDER BY ").push(table.key.join(", "));
    select.build()
}

fn values(table: &Table, row: &Row) -> Result<Vec<Value<'static>>> {
    let value = |(place, (_, kind)): (usize, &(_, Kind))| {
        Ok(match kind {
            Kind::Integer => Value::Integer(row.try_get(place)?),
            Kind::Float => Value::Float(row.try_get(place)?),
            Kind::Text => Value::from(row.try_get::<Option<String>, _>(place)?),
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

/// What tells the row apart, for people.
fn key(table: &Table, row: &Row) -> String {
    let of = |name: &&str| {
        let (_, kind) = table.columns.iter().find(|(column, _)| column == name)?;
        match kind {
            Kind::Text => row.try_get::<String, _>(*name).ok(),
            Kind::Integer | Kind::Float => row.try_get::<i64, _>(*name).ok().map(|number| number.to_string()),
        }
    };
    table.key.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// The last number that a row of the table was given.
async fn last_number(table: &Table, connection: &mut Connection) -> Result<i64> {
    let last = if connection.is_postgres() {
        let last = Builder::new("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ");
        last.and(table.name).and("_id_seq").build()
    } else {
        db::query("SELECT seq FROM sqlite_sequence WHERE name = $1").bind(table.name)
    };
    Ok(last.fetch_optional(connection).await?.map_or(Ok(0), |row| row.try_get(0))?)
}

async fn set_last_number(table: &Table, last: i64, connection: &mut Connection) -> Result<()> {
    if connection.is_postgres() {
        let set = db::query("SELECT setval($1::regclass, GREATEST($2, 1), $2 > 0)");
        set.bind(format!("{}_id_seq", table.name)).bind(last).execute(connection).await?;
        return Ok(());
    }
    db::query("DELETE FROM sqlite_sequence WHERE name = $1")
        .bind(table.name)
        .execute(&mut *connection)
        .await?;
    let insert = db::query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)");
    Ok(insert.bind(table.name).bind(last).execute(connection).await?)
}

/// Triggers that are away until the end of a transaction: SQLite's as they were made.
struct Triggers(Vec<String>);

impl Triggers {
    async fn take_away(connection: &mut Connection) -> Result<Triggers> {
        if connection.is_postgres() {
            switch_triggers(connection, " DISABLE TRIGGER USER").await?;
            return Ok(Triggers(Vec::new()));
        }
        let mut made = Vec::new();
        for row in db::query(sql::TRIGGERS).fetch_all(&mut *connection).await? {
            let (name, text): (String, String) = row.read()?;
            Builder::new("DROP TRIGGER ").and(name).build().execute(&mut *connection).await?;
            made.push(text);
        }
        Ok(Triggers(made))
    }

    async fn put_back(self, connection: &mut Connection) -> Result<()> {
        if connection.is_postgres() {
            return switch_triggers(connection, " ENABLE TRIGGER USER").await;
        }
        for text in self.0 {
            Builder::new("").and(text).build().execute(&mut *connection).await?;
        }
        Ok(())
    }
}

async fn switch_triggers(connection: &mut Connection, how: &str) -> Result<()> {
    for table in TABLES {
        Builder::new("ALTER TABLE ").and(table.name).and(how).build().execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
