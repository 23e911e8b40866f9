//! API keys: `fst_<id>_<secret>`, the secret kept only as its SHA-256.

use crate::cache::Cache;
use crate::error::EngineError;
use crate::model::{Caller, NewKey, Timestamp};
use crate::store::{Result, Store, rows, sql};
use crate::{draft, lock};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sqlx::Row;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

/// The user that keys belong to unless told otherwise.
pub const OWNER: &str = "owner";
/// What a key may be limited to.
pub const SCOPES: &[&str] = &[
    "projects:read",
    "projects:write",
    "assets:read",
    "assets:write",
    "jobs:read",
    "jobs:write",
    "workflows:read",
    "workflows:write",
];
/// Wire dialects that a key may pin.
pub const DIALECTS: &[&str] = &["openapi", "sdk", "sdk-legacy"];

/// Characters of the id and the secret: 48 and 256 bits.
const ID_LENGTH: usize = 8;
const SECRET_LENGTH: usize = 43;
/// A key deleted from the ledger stops working after at most this.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Makes a key in a data folder beside a server that may be running on it; returns its token.
/// A new folder is made when there is none.
pub async fn create(data: &Path, new: NewKey) -> Result<String> {
    lock::make_folder(data)?;
    // Without the lock a server runs, and its schema must not be changed under it.
    let lock = lock::try_lock(data)?;
    let store = Store::open(data, lock.is_some()).await?;
    drop(lock);
    let token = insert(&store, new, Timestamp::now()).await;
    store.close().await;
    token
}

/// Writes a key and returns its token, which is stored nowhere.
pub(crate) async fn insert(store: &Store, new: NewKey, now: Timestamp) -> Result<String> {
    check(&new)?;
    let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 6]>());
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    sqlx::query(sql::KEY_INSERT)
        .bind(&id)
        .bind(hex::encode(Sha256::digest(secret.as_bytes())))
        .bind(new.name)
        .bind(new.user.as_deref().unwrap_or(OWNER))
        .bind(rows::to_json(&new.scopes)?)
        .bind(new.dialect)
        .bind(now.0)
        .execute(store.writer())
        .await?;
    Ok(format!("fst_{id}_{secret}"))
}

fn check(new: &NewKey) -> Result<()> {
    draft::check_name("name", &new.name)?;
    if let Some(user) = &new.user {
        draft::check_name("user", user)?;
    }
    if let Some(scope) = new.scopes.iter().find(|s| !SCOPES.contains(&s.as_str())) {
        let expected = SCOPES.join(", ");
        return Err(EngineError::invalid("scope", format!("expected one of {expected}, got {scope:?}")));
    }
    match &new.dialect {
        Some(d) if !DIALECTS.contains(&d.as_str()) => {
            let expected = DIALECTS.join(", ");
            Err(EngineError::invalid("dialect", format!("expected one of {expected}, got {d:?}")))
        }
        _ => Ok(()),
    }
}

/// Keys that were seen lately, by the digest of their token: tokens themselves are not kept.
pub(crate) struct Keys {
    known: Cache<[u8; 32], (Instant, Arc<Caller>)>,
}

impl Keys {
    pub(crate) fn new() -> Keys {
        Keys { known: Cache::new(10_000, 10_000) }
    }

    /// Whose token this is. Only an unknown or unseen one costs a query, so that a key made by
    /// another process works at once.
    pub(crate) async fn authenticate(&self, store: &Store, token: &str) -> Result<Option<Arc<Caller>>> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some((since, caller)) = self.known.get(&digest)
            && since.elapsed() < REMEMBERED
        {
            return Ok(Some(caller));
        }
        let Some((id, secret)) = split(token) else { return Ok(None) };
        let row = sqlx::query(sql::KEY_GET).bind(id).fetch_optional(store.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let stored: String = row.try_get("secret_sha256")?;
        let given = hex::encode(Sha256::digest(secret.as_bytes()));
        if !bool::from(stored.as_bytes().ct_eq(given.as_bytes())) {
            return Ok(None);
        }
        let caller = Arc::new(Caller {
            user: row.try_get("user_id")?,
            scopes: rows::from_json(row.try_get("scopes")?)?,
            dialect: row.try_get("dialect")?,
        });
        self.known.insert(self.known.generation(), digest, (Instant::now(), caller.clone()), 1);
        Ok(Some(caller))
    }
}

/// Id and secret of a token. By position: both may contain `_`.
fn split(token: &str) -> Option<(&str, &str)> {
    let body = token.strip_prefix("fst_").filter(|b| b.is_ascii())?;
    if body.len() != ID_LENGTH + 1 + SECRET_LENGTH || body.as_bytes()[ID_LENGTH] != b'_' {
        return None;
    }
    Some((&body[..ID_LENGTH], &body[ID_LENGTH + 1..]))
}

/// Whether nobody can come in yet.
pub(crate) async fn none(store: &Store) -> Result<bool> {
    Ok(sqlx::query(sql::KEY_ANY).fetch_optional(store.reader()).await?.is_none())
}
