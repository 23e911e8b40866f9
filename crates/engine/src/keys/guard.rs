//! Who holds a token, asked at every request; and the tokens that clients buy.

use super::token::{self, Token};
use super::{OWNER, credential};
use crate::cache::Cache;
use crate::model::{Caller, Credential, CredentialKind, Timestamp};
use crate::store::{Result, Store, sql};
use sha2::{Digest, Sha256};
use sqlx::Row;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A key revoked in the ledger stops working after at most this. One point query per key and second
/// costs nothing beside the requests that need it.
const REMEMBERED: Duration = Duration::from_secs(1);
/// The last use of a key is written no more often than this.
const NOTED_EVERY_US: i64 = 60_000_000;
/// What a client's token is good for: a day. Published clients ask anew for every request when less
/// than a minute is left, hence not minutes.
const TOKEN_LIFETIME_US: i64 = 86_400_000_000;

/// A token that a client bought.
pub struct Grant {
    /// The token.
    pub token: String,
    /// Seconds that it is good for.
    pub lifetime_s: u64,
    /// What it allows; empty for everything.
    pub scopes: Vec<String>,
}

/// Tokens that were seen lately, by their digest: tokens themselves are not kept.
pub(crate) struct Keys {
    signing_key: [u8; 32],
    known: Cache<[u8; 32], Known>,
    /// When the use of a key was last written, by its id. As long as the ledger's list of keys at most.
    noted: Mutex<HashMap<String, Timestamp>>,
}

#[derive(Clone)]
struct Known {
    since: Instant,
    expires: Option<Timestamp>,
    caller: Arc<Caller>,
}

impl Keys {
    pub(crate) fn new(signing_key: [u8; 32]) -> Keys {
        Keys { signing_key, known: Cache::new(10_000, 10_000), noted: Mutex::default() }
    }

    /// Whose token this is; `None` when it is nobody's, revoked or expired. What was not seen within the last
    /// second costs a query, so that a key made or revoked by another process counts at once.
    pub(crate) async fn authenticate(
        &self,
        store: &Store,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Caller>>> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.known.get(&digest)
            && known.since.elapsed() < REMEMBERED
        {
            return Ok(known.expires.is_none_or(|at| now < at).then_some(known.caller));
        }
        let Some(holder) = self.holder(store, token, now).await? else { return Ok(None) };
        self.note(store, &holder.id, now);
        let (expires, caller) = (holder.expires, Arc::new(caller(holder)));
        let known = Known { since: Instant::now(), expires, caller: caller.clone() };
        self.known.insert(self.known.generation(), digest, known, 1);
        Ok(Some(caller))
    }

    /// The live key or client behind a token; its `expires` is the token's.
    async fn holder(&self, store: &Store, token: &str, now: Timestamp) -> Result<Option<Credential>> {
        match Token::parse(token) {
            None => Ok(None),
            Some(Token::Key(id, secret)) => live(store, CredentialKind::Key, id, Some(secret), now).await,
            Some(Token::Access(id, expires, signature)) => {
                if now >= expires || !token::verify(&self.signing_key, id, expires, signature) {
                    return Ok(None);
                }
                let client = live(store, CredentialKind::Client, id, None, now).await?;
                Ok(client.map(|c| Credential { expires: Some(c.expires.map_or(expires, |e| e.min(expires))), ..c }))
            }
        }
    }

    /// Sells a token to a client; `None` when there is no such client or the secret is not its.
    pub(crate) async fn grant(
        &self,
        store: &Store,
        id: &str,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<Grant>> {
        let client = live(store, CredentialKind::Client, id, Some(secret), now).await?;
        let Some(client) = client else { return Ok(None) };
        self.note(store, &client.id, now);
        let day = Timestamp(now.0 + TOKEN_LIFETIME_US);
        let expires = client.expires.map_or(day, |at| at.min(day));
        Ok(Some(Grant {
            token: token::access(&self.signing_key, &client.id, expires),
            lifetime_s: ((expires.0 - now.0) / 1_000_000).max(0) as u64,
            scopes: client.scopes,
        }))
    }

    /// Writes when a key was used, in the background and at most once a minute.
    fn note(&self, store: &Store, id: &str, now: Timestamp) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(id).is_some_and(|at| now.0 - at.0 < NOTED_EVERY_US) {
            return;
        }
        noted.insert(id.to_owned(), now);
        drop(noted);
        let (store, id) = (store.clone(), id.to_owned());
        tokio::spawn(async move {
            let update = sqlx::query(sql::KEY_USED).bind(&id).bind(now.0).bind(now.0 - NOTED_EVERY_US);
            if let Err(e) = update.execute(store.writer()).await {
                tracing::warn!("cannot note the use of key {id}: {e}");
            }
        });
    }
}

/// A key or client that is neither revoked nor expired and, if one is given, has this secret.
async fn live(
    store: &Store,
    kind: CredentialKind,
    id: &str,
    secret: Option<&str>,
    now: Timestamp,
) -> Result<Option<Credential>> {
    let row = sqlx::query(sql::KEY_GET).bind(id).bind(kind.as_str()).fetch_optional(store.reader()).await?;
    let Some(row) = row else { return Ok(None) };
    let stored: &str = row.try_get("secret_sha256")?;
    if secret.is_some_and(|given| !token::matches(stored, given)) {
        return Ok(None);
    }
    let found = credential(&row)?;
    let live = found.revoked.is_none() && found.expires.is_none_or(|at| now < at);
    Ok(live.then_some(found))
}

fn caller(holder: Credential) -> Caller {
    Caller {
        scopes: (!holder.scopes.is_empty()).then_some(holder.scopes),
        projects: holder.projects,
        dialect: holder.dialect,
        ..Caller::of(holder.user)
    }
}

impl Caller {
    /// The built-in owner, who may do everything.
    pub fn owner() -> Caller {
        Caller::of(OWNER)
    }
}
