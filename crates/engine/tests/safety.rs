//! What an operator may do to a data folder by a slip, and what becomes of it: nothing that was stored is lost.

mod common;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::upkeep::{backup, check, gc};
use fieldstone_engine::{Engine, EngineConfig, keys};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};

/// A closed data folder with twenty files of one project.
async fn stored() -> Bench {
    let b = bench().await;
    for n in 0..20 {
        b.upload(&format!("a{n}.bin"), &[n; 100]).await;
    }
    b.engine.close().await;
    b
}

impl Bench {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Drops the engine, does something to its folder and opens it again.
    async fn reopened(
        self,
        change: impl FnOnce(&Path),
        accept_lost_rows: bool,
    ) -> (Bench, Result<(), String>) {
        let Bench { folder, engine, caller, project } = self;
        engine.close().await;
        drop(engine);
        change(&folder.path().join("data"));
        let config = EngineConfig { accept_lost_rows, ..config(&folder) };
        let opened = Engine::open_with_types(config, TYPES).await;
        // Some engine is needed to hold the rest together.
        let spare = tempfile::tempdir().unwrap();
        let (engine, opened) = match opened {
            Ok(engine) => (engine, Ok(())),
            Err(e) => {
                (Engine::open_with_types(common::config(&spare), TYPES).await.unwrap(), Err(e.to_string()))
            }
        };
        (Bench { folder, engine, caller, project }, opened)
    }
}

fn remove_ledger(data: &Path) {
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        std::fs::remove_file(data.join(name)).ok();
    }
}

#[tokio::test]
async fn bytes_without_their_ledger_are_kept() {
    for (how, expected) in [("absent", "is not there"), ("empty", "is empty")] {
        let b = stored().await;
        let lose = |data: &Path| {
            remove_ledger(data);
            if how == "empty" {
                std::fs::write(data.join("ledger.sqlite"), "").unwrap();
            }
        };
        let (b, opened) = b.reopened(lose, false).await;
        let refused = opened.unwrap_err();
        assert!(refused.starts_with("20 stored files are here, and their ledger"), "{refused}");
        assert!(refused.contains(expected) && refused.contains("--accept-lost-rows"), "{refused}");
        // Neither a key nor a sweep makes a ledger of nothing.
        let new = NewKey { name: "k".into(), ..NewKey::default() };
        assert!(keys::create(&b.data(), CredentialKind::Key, new).await.is_err());
        assert!(gc(&b.data(), 0).await.is_err());
        assert_eq!(b.blob_count().await, 20);
        let (b, opened) = b.reopened(|_| {}, true).await;
        assert_eq!((opened, b.blob_count().await), (Ok(()), 20), "{how}");
    }
}

#[tokio::test]
async fn an_older_ledger_or_another_one_is_refused() {
    let b = bench().await;
    b.upload("old.bin", b"old").await;
    let week = b.folder.path().join("week");
    backup(&b.data(), &week).await.unwrap();
    let asset = b.upload("new.bin", b"new").await;
    let other = stored().await;
    let put = |from: PathBuf| {
        move |data: &Path| {
            remove_ledger(data);
            std::fs::copy(from.join("ledger.sqlite"), data.join("ledger.sqlite")).unwrap();
        }
    };
    let newest = b.folder.path().join("newest");
    let (b, opened) = b
        .reopened(
            |data| {
                std::fs::create_dir(&newest).unwrap();
                std::fs::copy(data.join("ledger.sqlite"), newest.join("ledger.sqlite")).unwrap();
                put(week.clone())(data);
            },
            false,
        )
        .await;
    let refused = opened.unwrap_err();
    assert!(refused.contains("it knows of 1 times that files were stored, they of 2"), "{refused}");
    let swept = gc(&b.data(), 0).await.unwrap_err().to_string();
    assert!(swept.contains("is older than the files"), "{swept}");
    let (b, opened) = b.reopened(put(other.data()), false).await;
    assert!(opened.unwrap_err().contains("is not the one that the files beside it were stored under"));
    // With consent it starts, and what it does not know lies in quarantine until the right one is back.
    let (b, opened) = b.reopened(put(week), true).await;
    assert_eq!(opened, Ok(()));
    let swept = gc(&b.data(), 30).await.unwrap();
    assert_eq!((swept.blobs, swept.purged, b.blob_count().await), (1, 0, 1));
    let (b, opened) = b.reopened(put(newest), false).await;
    assert_eq!((opened, b.blob_count().await), (Ok(()), 2));
    assert_eq!(b.bytes_of(&asset.sha256).await, b"new");
    assert_eq!(check(&b.data()).await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn a_stop_leaves_the_ledger_in_one_file() {
    let b = stored().await;
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(b.data().join("ledger.sqlite"), copy.path().join("ledger.sqlite")).unwrap();
    let options = SqliteConnectOptions::new().filename(copy.path().join("ledger.sqlite"));
    let mut ledger = options.connect().await.unwrap();
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM assets").fetch_one(&mut ledger).await.unwrap();
    assert_eq!(count, 20);
    ledger.close().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_ledger_is_the_owners_alone_whatever_the_folder_was() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o777)).unwrap();
    let engine = Engine::open_with_types(config(&folder), TYPES).await.unwrap();
    engine.create_project(&caller("owner"), NewProject::private("p")).await.unwrap();
    let to = folder.path().join("backup");
    backup(&data, &to).await.unwrap();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(data.clone()), mode(to.clone())), (0o700, 0o700));
    for file in [data.join("ledger.sqlite"), data.join("ledger.sqlite-wal"), to.join("ledger.sqlite")] {
        assert_eq!(mode(file.clone()), 0o600, "{}", file.display());
    }
    engine.close().await;
}

#[tokio::test]
async fn keys_made_at_once_on_a_new_folder_are_all_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let make = |n: usize| {
        let data = data.clone();
        let new = NewKey { name: format!("k{n}"), ..NewKey::default() };
        tokio::spawn(async move { keys::create(&data, CredentialKind::Key, new).await.map(drop) })
    };
    let makers: Vec<_> = (0..8).map(make).collect();
    let engine = Engine::open_with_types(config(&folder), TYPES).await.unwrap();
    for maker in makers {
        maker.await.unwrap().unwrap();
    }
    assert_eq!(keys::list(&data, CredentialKind::Key).await.unwrap().len(), 8);
    engine.close().await;
}

#[tokio::test]
async fn one_unreadable_row_fails_one_job_and_says_why() {
    let b = bench().await;
    let dispatch =
        async |b: &Bench| b.dispatch(new_job("test/panics", &[], serde_json::json!({}))).await.unwrap().id;
    let (pending, started) = (dispatch(&b).await, dispatch(&b).await);
    b.engine.close().await;
    let damage = SqliteConnectOptions::new().filename(b.data().join("ledger.sqlite"));
    let mut ledger = damage.connect().await.unwrap();
    for sql in [
        "UPDATE jobs SET inputs = '{' WHERE id = 1",
        "UPDATE jobs SET needs = 'x', state = 'started', attempt = 1 WHERE id = 2",
    ] {
        sqlx::query(sql).execute(&mut ledger).await.unwrap();
    }
    ledger.close().await.unwrap();
    let (b, opened) = b.reopened(|_| {}, false).await;
    opened.unwrap();
    b.engine.start();
    let other = dispatch(&b).await;
    assert_eq!(b.finished(other).await.error.as_deref(), Some("the job crashed: index 7 of 3"));
    for (id, lost) in [
        (pending, "its inputs were emptied, they were: {"),
        (started, "its needs were emptied, they were: x"),
    ] {
        let job = b.finished(id).await;
        let error = job.error.clone().unwrap_or_default();
        assert!(
            job.state == State::Failure && error.starts_with("its row in the ledger cannot be read"),
            "{error}"
        );
        let log = b.engine.job_log(&b.caller, b.project, id).await.unwrap();
        assert!(log.iter().any(|line| line.text == lost), "{log:?}");
    }
    b.engine.ready().await.unwrap();
    b.engine.close().await;
}
