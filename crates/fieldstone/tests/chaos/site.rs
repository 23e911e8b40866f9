//! Where the service is: its database, its bucket, its folder, the addresses of its servers.

use crate::served::{Api, command, worker_key};
use fieldstone_engine::testing::{Postgres, S3Peer};
use sqlx::{Connection, PgConnection, Row};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Servers.
pub const HEADS: usize = 2;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stays while processes come and go.
pub struct Site {
    pub database: Postgres,
    pub store: Option<S3Peer>,
    pub data: PathBuf,
    pub worker_key: PathBuf,
    /// Addresses of the servers.
    pub listen: [String; HEADS],
    settings: Vec<(&'static str, String)>,
    token: String,
    _folder: tempfile::TempDir,
}

impl Site {
    /// One with stored files in a bucket or in the folder, and with results that are given again or not, by seed; `None` without PostgreSQL.
    pub fn new(seed: u64) -> Option<Site> {
        let database = Postgres::start().expect("PostgreSQL starts")?;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let store = (!seed.is_multiple_of(2)).then(S3Peer::start_alone);
        let mut settings = vec![
            ("FIELDSTONE_DATABASE", database.url()),
            ("FIELDSTONE_LOG", "warn".into()),
            ("FIELDSTONE_CONCURRENT_JOBS", "1".into()),
            ("FIELDSTONE_THREADS", "1".into()),
            ("FIELDSTONE_REUSE_RESULTS", seed.is_multiple_of(3).to_string()),
            // A job may be unlucky often; here only its loss is an error.
            ("FIELDSTONE_MAX_ATTEMPTS", "100000".into()),
            ("FIELDSTONE_MAX_REQUEST_RATE", "100000".into()),
        ];
        if let Some(store) = &store {
            settings.extend(store.variables());
        }
        let mut site = Site {
            database,
            store,
            worker_key: PathBuf::new(),
            listen: free_addresses(),
            settings,
            token: String::new(),
            data,
            _folder: folder,
        };
        site.token =
            command(&site.data, &["keys", "create", "--name", "test"], &site.settings()).trim().into();
        site.worker_key = worker_key(&site.data, &site.settings());
        Some(site)
    }

    /// Variables of servers and commands.
    pub fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// A client of one of the servers.
    pub fn api(&self, head: usize) -> Api {
        Api::within(&self.url(head), &self.token, PATIENCE)
    }

    /// Where a server is.
    pub fn url(&self, head: usize) -> String {
        format!("http://{}", self.listen[head])
    }

    /// Runs statements, and returns the numbers in the first column of the last one's rows.
    pub fn sql(&self, statements: &str) -> Result<Vec<i64>, sqlx::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.database.url()).await?;
            let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).fetch_all(&mut connection).await?;
            rows.iter().map(|row| row.try_get(0)).collect()
        })
    }

    /// Lets the database itself write down each end of a job, in the transaction that ends it.
    pub fn count_ends(&self) {
        let counted = self.sql(
            "CREATE SCHEMA chaos;
             CREATE TABLE chaos.ends (job BIGINT NOT NULL);
             CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO chaos.ends VALUES (NEW.id);
                 RETURN NULL;
             END $$;
             CREATE TRIGGER ends_noted AFTER UPDATE ON jobs FOR EACH ROW
                 WHEN (NEW.state IN ('success', 'failure', 'canceled') AND NEW.state <> OLD.state)
                 EXECUTE FUNCTION chaos.note();",
        );
        counted.expect("the database is there");
    }

    /// The job of each end, and what counts them is gone.
    pub fn ends(&self) -> Vec<i64> {
        let ends = self.sql("SELECT job FROM chaos.ends ORDER BY job").expect("the database is there");
        self.sql("DROP TRIGGER ends_noted ON jobs; DROP SCHEMA chaos CASCADE").expect("it is removed");
        ends
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.store.is_some() { "files in a bucket" } else { "files in a folder" })
    }
}

/// Free ones of loopback, which servers take again and again.
fn free_addresses() -> [String; HEADS] {
    let listeners = [(); HEADS].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("loopback"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").to_string())
}
