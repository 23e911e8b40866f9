//! A ledger is opened with the schema that it should have, and every statement can be run on it.

use super::schema::applied_version;
use super::*;
use crate::testing::TestLocation;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Column, Executor, SqlSafeStr, Statement, TypeInfo};

/// On PostgreSQL once more; but for what is about SQLite's file.
#[test]
fn the_same_on_postgresql() {
    let of_files = [
        "an_older_ledger_is_copied",
        "what_an_older_ledger_has_is_counted",
        "no_transaction_in_the_life_of_a_job_writes_more",
        "no_pool_has_a_task",
        "location",
        "migrations",
    ];
    crate::testing::again_on_postgres(&["store::", "keys::"], &of_files);
}

#[tokio::test]
async fn every_statement_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_test(folder.path()).await;
    for (name, text) in sql::ALL {
        match &store.write {
            Pool::Sqlite(pool) if !text.sqlite.is_empty() => {
                let prepared = pool.acquire().await.unwrap().prepare(text.sqlite.into_sql_str()).await;
                assert!(prepared.is_ok(), "{name}: {prepared:?}");
            }
            Pool::Postgres(pool) if !text.postgres.is_empty() => {
                let prepared = pool.acquire().await.unwrap().prepare(text.postgres.into_sql_str()).await;
                assert!(prepared.is_ok(), "{name}: {prepared:?}");
                for column in prepared.unwrap().columns() {
                    let read = ["INT8", "TEXT", "FLOAT8"].contains(&column.type_info().name());
                    // Of a row that is only there or not, and of a lock.
                    let unread = column.name() == "?column?" || column.type_info().name() == "VOID";
                    assert!(read || unread, "{name}: {column:?}");
                }
            }
            _ => {}
        }
    }
    store.close().await;
}

#[tokio::test]
async fn no_pool_has_a_task_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), true).await.unwrap();
    let looking = Store::open_read_only(folder.path()).await.unwrap();
    let options = [&store.write, &store.read, &looking.write, &looking.read].map(|pool| match pool {
        Pool::Sqlite(pool) => {
            let options = pool.options();
            (options.get_idle_timeout(), options.get_max_lifetime(), options.get_min_connections())
        }
        Pool::Postgres(_) => panic!("it is in the folder"),
    });
    let both: PoolOptions<sqlx::Postgres> = db::pool_options();
    assert_eq!(options, [(None, None, 0); 4]);
    assert_eq!((both.get_idle_timeout(), both.get_max_lifetime(), both.get_min_connections()), options[0]);
}

#[tokio::test]
async fn what_cannot_be_held_is_refused_with_its_place_or_kept_as_far_as_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_test(folder.path()).await;
    let caller = crate::model::Caller::of("u");
    let new = crate::model::NewProject::private("a\0b");
    let made = store.insert_project(&caller, &new, crate::model::Timestamp(1)).await;
    match crate::testing::is_on_postgres() {
        false => assert_eq!(made.unwrap().name, "a\0b"),
        true => {
            let refused = made.unwrap_err().to_string();
            assert!(refused.contains("U+0000") && refused.contains(r#""a\0""#), "{refused}");
        }
    }
    store.close().await;
}

#[tokio::test]
async fn an_older_ledger_is_copied_before_its_schema_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let old = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    let first = migrations::SQLITE.iter().take(1).cloned().collect();
    Migrator::with_migrations(first).run(&old).await.unwrap();
    sqlx::query(sql::META_SET.sqlite).bind("kept").bind("as it was").execute(&old).await.unwrap();
    old.close().await;
    let refused = Store::open_read_only(folder.path()).await.err().unwrap().to_string();
    assert!(refused.starts_with("the data folder has schema version 1, this fieldstone needs"), "{refused}");
    let store = Store::open(folder.path(), true).await.unwrap();
    assert_eq!(store.meta_or_init("kept", "lost").await.unwrap(), "as it was");
    store.close().await;
    let copy = SqliteConnectOptions::new().filename(folder.path().join("ledger.sqlite.before-2"));
    let copy = SqlitePoolOptions::new().connect_with(copy.read_only(true)).await.unwrap();
    let mut connection = Pool::Sqlite(copy.clone()).acquire().await.unwrap();
    assert_eq!(applied_version(&mut connection).await.unwrap(), 1);
    drop(connection);
    let kept: String = sqlx::query_scalar(sql::META_GET.sqlite).bind("kept").fetch_one(&copy).await.unwrap();
    assert_eq!(kept, "as it was");
    copy.close().await;
    let names = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name());
    let copies = names.filter(|n| n.to_string_lossy().contains(".before-")).count();
    Store::open(folder.path(), true).await.unwrap().close().await;
    assert_eq!(copies, 1, "an up-to-date ledger is not copied");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_test(folder.path()).await;
    let newer = "UPDATE _sqlx_migrations SET version = 999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    db::query(newer).execute(store.writer()).await.unwrap();
    store.close().await;
    let at = TestLocation::of(folder.path());
    for refused in
        [Store::open(&at, true).await, Store::open(&at, false).await, Store::open_read_only(&at).await]
    {
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("has schema version 999, this fieldstone knows up to"), "{refused}");
    }
}
