//! A copy is the ledger itself, in another database.

use super::*;
use crate::location::Location;
use crate::model::*;
use crate::store::usage_tests::Doings;
use crate::testing::TestLocation;

/// The columns of a table as the database has them, in the order of their names.
async fn columns(store: &Store, table: &str) -> Vec<(String, Kind)> {
    let mut connection = store.reader().acquire().await.unwrap();
    let of = if connection.is_postgres() {
        "SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() \
         AND table_name = $1 ORDER BY column_name::text COLLATE \"C\""
    } else {
        "SELECT name, lower(type) FROM pragma_table_info($1) ORDER BY name"
    };
    let rows = db::query(of).bind(table).fetch_all(&mut connection).await.unwrap();
    let column = |row: &Row| {
        let (name, kind): (String, String) = row.read().unwrap();
        let kind = match kind.as_str() {
            "bigint" | "integer" => Kind::Integer,
            "double precision" => Kind::Float,
            "text" => Kind::Text,
            other => panic!("{table}.{name} is a {other}"),
        };
        (name, kind)
    };
    rows.iter().map(column).collect()
}

#[tokio::test]
async fn every_column_of_every_table_is_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_test(folder.path()).await;
    for table in TABLES {
        let mut listed: Vec<_> =
            table.columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        let mut found = columns(&store, table.name).await;
        // Which server runs or writes it now: none does that is copied.
        found.retain(|(name, _)| name != "owner");
        assert_eq!(found, listed, "{}", table.name);
    }
    let mut connection = store.reader().acquire().await.unwrap();
    let all = if connection.is_postgres() {
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name <> 'heads'"
    } else {
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'"
    };
    let count: i64 = db::query_scalar(all).fetch_one(&mut connection).await.unwrap();
    assert_eq!(count as usize, TABLES.len() + 1, "and the table of versions");
}

#[tokio::test]
async fn a_copy_and_a_copy_of_it_are_the_same_and_go_on_with_new_numbers() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let first = Store::open(folders[0].path(), true).await.unwrap();
    let mut doings = Doings::new(5, first.clone());
    for _ in 0..60 {
        doings.step().await;
    }
    doings.waiting_job_with_an_input().await;
    // Its number is never given again.
    let last =
        first.insert_project(&Caller::of("u"), &NewProject::private("p"), Timestamp(1)).await.unwrap().id;
    first.delete_project(last).await.unwrap();
    // In PostgreSQL, where this run of the tests has one, and back.
    let second = Store::of_test(folders[1].path()).await;
    let third = Store::open(folders[2].path(), true).await.unwrap();
    let counts = first.copy_rows(&second).await.unwrap();
    assert!(
        counts.iter().all(|(table, rows)| *rows > 0 || ["keys", "uploads", "meta"].contains(table)),
        "{counts:?}"
    );
    assert_eq!(second.copy_rows(&third).await.unwrap(), counts);
    let again = second.copy_rows(&third).await.unwrap_err().to_string();
    assert!(again.starts_with("there is a ledger already where the copy should go"), "{again}");
    for store in [&first, &second, &third] {
        let new =
            store.insert_project(&Caller::of("u"), &NewProject::private("p"), Timestamp(1)).await.unwrap();
        assert_eq!(new.id.0, last.0 + 1);
        // Triggers count again, from what was copied.
        let faults = store.snapshot().await.unwrap().faults;
        assert_eq!(faults, [""; 0]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_copied_is_named() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let first = Store::open(folders[0].path(), true).await.unwrap();
    first.insert_project(&Caller::of("u"), &NewProject::private("a\0b"), Timestamp(1)).await.unwrap();
    let at = TestLocation::of(folders[1].path());
    let second = Store::open(Location::from(&at), true).await.unwrap();
    let copied = first.copy_rows(&second).await;
    if crate::testing::is_on_postgres() {
        let refused = copied.unwrap_err().to_string();
        assert!(refused.contains("table projects, row 1") && refused.contains("U+0000"), "{refused}");
        assert_eq!(second.snapshot().await.unwrap().assets, 0, "all or nothing");
    } else {
        copied.unwrap();
    }
    first.close().await;
    second.close().await;
}
