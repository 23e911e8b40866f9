//! Schema versions that this build knows, each made from the one before it.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::sync::LazyLock;

/// Number, what it is called, and how it is made. A ledger remembers each with the checksum of its text, so none may change.
///
/// The list is written here, because sqlx's macro for it compiles SQLite and all of sqlx a second time.
const VERSIONS: [(i64, &str, &str); 12] = [
    (1, "first", include_str!("migrations/sqlite/0001_first.sql")),
    (2, "log results", include_str!("migrations/sqlite/0002_log_results.sql")),
    (3, "sign in", include_str!("migrations/sqlite/0003_sign_in.sql")),
    (4, "limits", include_str!("migrations/sqlite/0004_limits.sql")),
    (5, "memory", include_str!("migrations/sqlite/0005_memory.sql")),
    (6, "made", include_str!("migrations/sqlite/0006_made.sql")),
    (7, "queue", include_str!("migrations/sqlite/0007_queue.sql")),
    (8, "uploads", include_str!("migrations/sqlite/0008_uploads.sql")),
    (9, "documents", include_str!("migrations/sqlite/0009_documents.sql")),
    (10, "usage", include_str!("migrations/sqlite/0010_usage.sql")),
    (11, "output", include_str!("migrations/sqlite/0011_output.sql")),
    (13, "job inputs", include_str!("migrations/sqlite/0013_job_inputs.sql")),
];

/// The same for PostgreSQL, which begins with what SQLite had become by then: equal versions hold the same rows.
const POSTGRES_VERSIONS: [(i64, &str, &str); 3] = [
    (11, "first", include_str!("migrations/postgres/0011_first.sql")),
    (12, "heads", include_str!("migrations/postgres/0012_heads.sql")),
    (13, "job inputs", include_str!("migrations/postgres/0013_job_inputs.sql")),
];

/// The versions in SQLite, oldest first.
pub(super) static SQLITE: LazyLock<Migrator> = LazyLock::new(|| migrator(&VERSIONS));
/// The versions in PostgreSQL, oldest first.
pub(super) static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| migrator(&POSTGRES_VERSIONS));

fn migrator(versions: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(versions.iter().map(migration).collect())
}

/// The newest version.
pub(super) fn known(migrations: &Migrator) -> i64 {
    migrations.iter().map(|m| m.version).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_on_its_list() {
        files_are_listed("sqlite", &VERSIONS);
        files_are_listed("postgres", &POSTGRES_VERSIONS);
    }

    /// A change of what rows hold is one of both, with the same number.
    #[test]
    fn versions_of_one_database_alone_are_few() {
        /// What several servers need, whom SQLite never has.
        const OF_POSTGRES: [i64; 1] = [12];
        let sqlite = SQLITE.iter().map(|m| m.version).filter(|version| *version >= 11);
        let postgres = POSTGRES.iter().map(|m| m.version).filter(|version| !OF_POSTGRES.contains(version));
        assert_eq!(sqlite.collect::<Vec<_>>(), postgres.collect::<Vec<_>>());
    }

    fn files_are_listed(of: &str, versions: &[(i64, &str, &str)]) {
        let folder = format!("{}/src/store/migrations/{of}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    std::fs::read_to_string(path).unwrap(),
                )
            })
            .collect();
        files.sort();
        let listed = versions.iter().map(|(number, name, text)| {
            (format!("{number:04}_{}.sql", name.replace(' ', "_")), (*text).to_owned())
        });
        assert_eq!(files, listed.collect::<Vec<_>>());
    }

    /// Rows are mended by hand, with whatever SQLite a system has.
    #[test]
    fn triggers_use_no_function_that_an_older_sqlite_lacks() {
        for (number, _, text) in VERSIONS {
            let triggers = text.split("CREATE TRIGGER").skip(1);
            for trigger in triggers {
                assert!(
                    !trigger.contains("octet_length(") && !trigger.contains("string_agg("),
                    "{number}: {trigger}"
                );
            }
        }
    }
}
