//! One ledger whose files move between a folder and a bucket: what is refused, copied, checked, backed up.

mod common;

use common::{Bench, caller, config};
use fieldstone_engine::model::{Asset, NewProject};
use fieldstone_engine::upkeep::{self, BlobPlace, CopiedBlobs};
use fieldstone_engine::{BucketUrl, Engine, EngineConfig, EngineError, Location};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::TempDir;

struct Moved {
    folder: TempDir,
    store: Arc<InMemory>,
    url: BucketUrl,
}

fn moved() -> Moved {
    let store = Arc::new(InMemory::new());
    let url = BucketUrl::over(store.clone(), "parts", "lab");
    Moved { folder: tempfile::tempdir().unwrap(), store, url }
}

impl Moved {
    fn config(&self, in_bucket: bool) -> EngineConfig {
        EngineConfig { blobs: in_bucket.then(|| self.url.clone()), ..config(&self.folder) }
    }

    async fn open(&self, in_bucket: bool) -> Result<Engine, EngineError> {
        Engine::open_with_types(self.config(in_bucket), common::TYPES).await
    }

    /// A server that stores one file with this content.
    async fn upload(&self, in_bucket: bool, bytes: &[u8]) -> Asset {
        let engine = self.open(in_bucket).await.unwrap();
        let caller = caller("owner");
        let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
        let b = Bench { folder: tempfile::tempdir().unwrap(), engine, caller, project };
        let asset = b.upload("part.stl", bytes).await;
        b.engine.close().await;
        asset
    }

    async fn read(&self, in_bucket: bool, asset: &Asset) -> Vec<u8> {
        let engine = self.open(in_bucket).await.unwrap();
        let read = read(&engine, asset).await;
        engine.close().await;
        read
    }

    async fn refusal(&self, in_bucket: bool) -> String {
        match self.open(in_bucket).await {
            Ok(_) => panic!("it starts"),
            Err(e) => e.to_string(),
        }
    }

    fn data(&self) -> BlobPlace {
        BlobPlace::Folder(self.folder.path().join("data"))
    }

    fn bucket(&self) -> BlobPlace {
        BlobPlace::Bucket(self.url.clone())
    }

    async fn copy(&self, from: &BlobPlace, to: &BlobPlace) -> Result<CopiedBlobs, EngineError> {
        let scratch = tempfile::tempdir().unwrap();
        upkeep::copy_blobs(from, to, scratch.path()).await
    }

    async fn check(&self) -> Vec<String> {
        let config = self.config(true);
        upkeep::check(config.location()).await.unwrap().findings
    }

    fn key(asset: &Asset) -> Key {
        Key::from(format!("lab/blobs/sha256/{}/{}", &asset.sha256[..2], &asset.sha256[2..]))
    }
}

async fn read(engine: &Engine, asset: &Asset) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let b = Bench { folder, engine: engine.clone(), caller: caller("owner"), project: asset.project_id };
    b.bytes_of(&asset.sha256).await
}

#[tokio::test]
async fn files_move_into_a_bucket_and_back_and_nothing_starts_beside_them() {
    let m = moved();
    let one = m.upload(false, b"one").await;
    let refused = m.refusal(true).await;
    assert!(refused.contains("are in the data folder, and this is to use s3://parts/lab"), "{refused}");
    assert!(refused.contains("fieldstone blobs copy"), "{refused}");

    let copied = m.copy(&m.data(), &m.bucket()).await.unwrap();
    assert_eq!((copied.copied, copied.bytes, copied.kept, copied.damaged.len()), (1, 3, 0, 0));
    assert_eq!(m.read(true, &one).await, b"one");
    let two = m.upload(true, &vec![7; 9 << 20]).await;
    let refused = m.refusal(false).await;
    assert!(refused.contains("are in s3://parts/lab, and this is to use the data folder"), "{refused}");
    assert!(
        !m.folder.path().join("data/blobs/sha256").join(&two.sha256[..2]).join(&two.sha256[2..]).exists()
    );

    let copied = m.copy(&m.bucket(), &m.data()).await.unwrap();
    assert_eq!((copied.copied, copied.kept), (1, 1));
    assert_eq!(m.read(false, &two).await.len(), 9 << 20);
    m.upload(false, b"three").await;
    assert!(m.refusal(true).await.contains("blobs copy"), "the bucket lacks the third");
}

#[tokio::test]
async fn a_bucket_is_of_one_ledger() {
    let (m, mut other) = (moved(), moved());
    m.upload(true, b"one").await;
    let elsewhere = m.copy(&m.bucket(), &other.data()).await.unwrap();
    assert_eq!(elsewhere.copied, 1);
    other.url = m.url.clone();
    // The lost ledger of a bucket that holds files.
    let refused = other.refusal(true).await;
    assert!(refused.contains("1 stored files are in s3://parts/lab"), "{refused}");
    let mut stranger = moved();
    stranger.upload(false, b"strange").await;
    stranger.url = m.url.clone();
    let refused = stranger.refusal(true).await;
    assert!(refused.contains("blobs copy"), "{refused}");
    let refused = stranger.copy(&stranger.data(), &m.bucket()).await.unwrap_err().to_string();
    assert!(refused.contains("holds the files of another ledger"), "{refused}");
}

#[tokio::test]
async fn damaged_files_are_told_by_check_and_not_copied() {
    let m = moved();
    let (one, two) = (m.upload(true, b"one").await, m.upload(true, b"two").await);
    assert!(m.check().await.is_empty());
    m.store.put(&Moved::key(&one), "eno".into()).await.unwrap();
    let found = m.check().await;
    assert!(found.len() == 1 && found[0].contains("its bytes have the checksum"), "{found:?}");
    let copied = m.copy(&m.bucket(), &m.data()).await.unwrap();
    assert_eq!((copied.copied, copied.damaged[0].0.as_str()), (1, one.sha256.as_str()));
    assert!(m.refusal(false).await.contains("blobs copy"), "not all of them are there");
    m.store.delete(&Moved::key(&two)).await.unwrap();
    m.store.put(&Key::from("lab/blobs/letter.txt"), "dear".into()).await.unwrap();
    let found = m.check().await.join("\n");
    assert!(
        found.contains("is missing or cannot be read") && found.contains("letter.txt: no blob has"),
        "{found}"
    );
    // The same bytes heal them.
    m.upload(true, b"one").await;
    m.upload(true, b"two").await;
    m.store.delete(&Key::from("lab/blobs/letter.txt")).await.unwrap();
    assert_eq!(m.check().await, Vec::<String>::new());
    assert_eq!(m.read(true, &one).await, b"one");
}

#[tokio::test]
async fn a_backup_of_a_bucket_is_a_whole_data_folder() {
    let m = moved();
    let one = m.upload(true, &vec![1; 3 << 20]).await;
    let config = m.config(true);
    if config.database.is_some() {
        return;
    }
    let to = m.folder.path().join("backup");
    let made = upkeep::backup(config.location(), &to).await.unwrap();
    assert_eq!((made.copied, made.linked, made.bytes), (1, 0, 3 << 20));
    assert!(upkeep::check(Location::from(&to)).await.unwrap().findings.is_empty());
    let engine =
        Engine::open_with_types(EngineConfig { data: to, ..m.config(false) }, common::TYPES).await.unwrap();
    assert_eq!(read(&engine, &one).await, vec![1; 3 << 20]);
    engine.close().await;
}

#[tokio::test]
async fn what_nothing_names_goes_to_quarantine_and_back_without_being_moved() {
    let m = moved();
    let one = m.upload(true, b"one").await;
    let orphan = "0".repeat(64);
    let place = Key::from(format!("lab/blobs/sha256/00/{}", &orphan[2..]));
    m.store.put(&place, "orphan".into()).await.unwrap();
    let config = m.config(true);
    let swept = upkeep::gc(config.location(), 30).await.unwrap();
    assert_eq!((swept.blobs, swept.kept, swept.purged), (1, 1, 0));
    assert!(m.store.head(&place).await.is_ok());
    let again = upkeep::gc(config.location(), 30).await.unwrap();
    assert_eq!((again.blobs, again.purged), (0, 0));
    assert!(m.check().await.iter().all(|line| !line.contains("no row names")));
    let purged = upkeep::gc(config.location(), 0).await.unwrap();
    assert_eq!((purged.purged, purged.purged_bytes), (1, 6));
    assert!(m.store.head(&place).await.is_err());
    assert_eq!(m.read(true, &one).await, b"one");
    assert!(!m.folder.path().join("data/blobs").exists());
}

/// A store that is away as long as a test says so, and counts who asked meanwhile.
#[derive(Debug, Default)]
struct Away {
    store: InMemory,
    is_away: AtomicBool,
    asked: AtomicUsize,
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that is away at times")
    }
}

impl Away {
    fn here(&self) -> Result<(), object_store::Error> {
        if !self.is_away.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        Err(object_store::Error::Generic { store: "test", source: "it is away".into() })
    }
}

type Stored<T> = Result<T, object_store::Error>;

#[async_trait::async_trait]
impl ObjectStore for Away {
    async fn put_opts(&self, at: &Key, bytes: PutPayload, how: PutOptions) -> Stored<PutResult> {
        self.here()?;
        self.store.put_opts(at, bytes, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Key,
        how: PutMultipartOptions,
    ) -> Stored<Box<dyn MultipartUpload>> {
        self.here()?;
        self.store.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Key, how: GetOptions) -> Stored<GetResult> {
        self.here()?;
        self.store.get_opts(at, how).await
    }

    fn delete_stream(&self, these: BoxStream<'static, Stored<Key>>) -> BoxStream<'static, Stored<Key>> {
        match self.here() {
            Ok(()) => self.store.delete_stream(these),
            Err(e) => futures::stream::once(async { Err(e) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Stored<ObjectMeta>> {
        match self.here() {
            Ok(()) => self.store.list(prefix),
            Err(e) => futures::stream::once(async { Err(e) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Stored<ListResult> {
        self.here()?;
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, how: CopyOptions) -> Stored<()> {
        self.here()?;
        self.store.copy_opts(from, to, how).await
    }
}

#[tokio::test]
async fn a_job_outlasts_a_bucket_that_is_away_for_a_moment() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Arc::new(Away::default()));
    let url = BucketUrl::over(store.clone(), "parts", "lab");
    let config = EngineConfig { blobs: Some(url), max_attempts: 1, ..config(&folder) };
    let engine = Engine::open_with_types(config, common::TYPES).await.unwrap();
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    let b = Bench { folder, engine, caller, project };
    b.upload("part.stl", b"bytes").await;
    store.is_away.store(true, Ordering::SeqCst);
    assert!(matches!(b.engine.ready().await, Err(EngineError::Unreachable(_))));
    let mut upload = b.engine.begin_upload(b.project, 0).await.unwrap();
    upload.write(bytes::Bytes::from_static(b"more")).await.unwrap();
    let refused = upload.finish(&b.caller, "more.stl").await;
    assert!(matches!(refused, Err(EngineError::Unreachable(_))), "{refused:?}");
    let files = [("mesh", "part.stl")];
    let job = b.dispatch(common::new_job("test/preprocess", &files, serde_json::json!({}))).await.unwrap();
    b.engine.start();
    let before = store.asked.load(Ordering::SeqCst);
    while store.asked.load(Ordering::SeqCst) == before {
        tokio::task::yield_now().await;
    }
    store.is_away.store(false, Ordering::SeqCst);
    let ended = b.finished(job.id).await;
    assert_eq!((ended.error.as_deref(), ended.attempt), (None, 1));
    b.engine.stop().await;
}
