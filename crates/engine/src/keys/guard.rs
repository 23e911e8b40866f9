//! Who holds a token, asked at every request; and the tokens that clients buy.

use super::OWNER;
use super::token::{self, Token};
use crate::cache::Cache;
use crate::error::Result;
use crate::model::{Caller, Credential, CredentialKind, Timestamp};
use crate::store::Store;
use sha2::{Digest, Sha256};
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

/// Where the ledger keeps the secret that tokens and links are signed with.
pub(crate) const SIGNING_KEY: &str = "signing_key";

/// A secret that nobody knows yet.
pub(crate) fn new_signing_key() -> [u8; 32] {
    rand::random()
}

/// The secret as the ledger has it, in hex.
pub(crate) fn parse_signing_key(text: &str) -> Result<[u8; 32]> {
    let key = hex::decode(text).ok().and_then(|key| key.try_into().ok());
    Ok(key.ok_or_else(|| anyhow::anyhow!("the ledger's signing key is damaged"))?)
}

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
pub(crate) struct KeyGuard {
    /// With the moment when it was last read.
    signing_key: Mutex<([u8; 32], Instant)>,
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

impl KeyGuard {
    pub(crate) fn new(signing_key: [u8; 32]) -> KeyGuard {
        KeyGuard {
            signing_key: Mutex::new((signing_key, Instant::now())),
            known: Cache::new(10_000, 10_000),
            noted: Mutex::default(),
        }
    }

    /// Forgets whose tokens were seen: another process has revoked some, or changed the secret that they are signed with.
    pub(crate) fn forget(&self) {
        self.known.clear();
        let mut signing_key = self.signing_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(long_ago) = Instant::now().checked_sub(REMEMBERED) {
            signing_key.1 = long_ago;
        }
    }

    /// The secret that tokens and links are signed with, at most a second old: another process may change it.
    pub(crate) async fn signing_key(&self, store: &Store) -> Result<[u8; 32]> {
        let lock = || self.signing_key.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, read) = *lock();
        if read.elapsed() < REMEMBERED {
            return Ok(key);
        }
        let key = match store.meta(SIGNING_KEY).await? {
            Some(text) => parse_signing_key(&text)?,
            None => key,
        };
        *lock() = (key, Instant::now());
        Ok(key)
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
        // Before the look: one that is revoked meanwhile is not kept.
        let generation = self.known.generation();
        let Some((kind, holder)) = self.holder(store, token, now).await? else { return Ok(None) };
        self.note(store, &holder.id, now);
        let (expires, caller) = (holder.expires, Arc::new(caller(kind, holder)));
        let known = Known { since: Instant::now(), expires, caller: caller.clone() };
        self.known.insert(generation, digest, known, 1);
        Ok(Some(caller))
    }

    /// The worker's key behind a token. Asked anew each time: a connection asks every few seconds.
    pub(crate) async fn authenticate_worker(
        &self,
        store: &Store,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Caller>>> {
        let Some((id, secret)) = token::parse_worker(token) else { return Ok(None) };
        let key = live(store, CredentialKind::Worker, id, Some(secret), now).await?;
        Ok(key.map(|key| {
            self.note(store, &key.id, now);
            Arc::new(caller(CredentialKind::Worker, key))
        }))
    }

    /// The live key or client behind a token; its `expires` is the token's.
    async fn holder(
        &self,
        store: &Store,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<(CredentialKind, Credential)>> {
        match Token::parse(token) {
            None => Ok(None),
            Some(Token::Key(id, secret)) => {
                let key = live(store, CredentialKind::Key, id, Some(secret), now).await?;
                Ok(key.map(|key| (CredentialKind::Key, key)))
            }
            Some(Token::Access(id, expires, signature)) => {
                if now >= expires || !token::verify(&self.signing_key(store).await?, id, expires, signature) {
                    return Ok(None);
                }
                let client = live(store, CredentialKind::Client, id, None, now).await?;
                Ok(client.map(|c| {
                    let expires = Some(c.expires.map_or(expires, |e| e.min(expires)));
                    (CredentialKind::Client, Credential { expires, ..c })
                }))
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
            token: token::access(&self.signing_key(store).await?, &client.id, expires),
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
            let unless_after = Timestamp(now.0 - NOTED_EVERY_US);
            if let Err(e) = store.note_key_use(&id, now, unless_after).await {
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
    let Some((found, digest)) = store.key(kind, id).await? else { return Ok(None) };
    if secret.is_some_and(|given| !token::matches(&digest, given)) {
        return Ok(None);
    }
    let live = found.revoked.is_none() && found.expires.is_none_or(|at| now < at);
    Ok(live.then_some(found))
}

fn caller(kind: CredentialKind, holder: Credential) -> Caller {
    Caller {
        credential: format!("{} {}", kind.as_str(), holder.id),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::insert;
    use crate::model::NewKey;

    const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

    fn after(seconds: i64) -> Timestamp {
        Timestamp(NOW.0 + seconds * 1_000_000)
    }

    fn named(expires: Option<Timestamp>) -> NewKey {
        NewKey { name: "n".into(), expires, ..NewKey::default() }
    }

    async fn revoke(store: &Store, kind: CredentialKind, id: &str) {
        // The wrong kind is refused.
        let _ = store.revoke_key(kind, id, NOW).await;
    }

    #[tokio::test]
    async fn a_key_works_until_it_expires_or_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of_test(folder.path()).await;
        let keys = KeyGuard::new([7; 32]);
        let secret = insert(&store, CredentialKind::Key, named(Some(after(100))), NOW).await.unwrap();
        let token = secret.token();
        assert!(keys.authenticate(&store, &token, after(99)).await.unwrap().is_some());
        assert!(
            keys.authenticate(&store, &token, after(100)).await.unwrap().is_none(),
            "also when remembered"
        );
        assert!(KeyGuard::new([7; 32]).authenticate(&store, &token, after(100)).await.unwrap().is_none());
        revoke(&store, CredentialKind::Client, &secret.id).await;
        assert!(
            KeyGuard::new([7; 32]).authenticate(&store, &token, NOW).await.unwrap().is_some(),
            "no client"
        );
        revoke(&store, CredentialKind::Key, &secret.id).await;
        assert!(KeyGuard::new([7; 32]).authenticate(&store, &token, NOW).await.unwrap().is_none());
        let past = insert(&store, CredentialKind::Key, named(Some(NOW)), NOW).await.err().unwrap();
        assert_eq!(past.to_string(), "expires: expected a time that is yet to come");
    }

    #[tokio::test]
    async fn a_client_buys_tokens_that_outlive_us_and_not_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of_test(folder.path()).await;
        let keys = KeyGuard::new([7; 32]);
        let new = NewKey { scopes: vec!["jobs:read".into()], dialect: Some("sdk".into()), ..named(None) };
        let client = insert(&store, CredentialKind::Client, new, NOW).await.unwrap();
        let buy = async |secret: &str| keys.grant(&store, &client.id, secret, NOW).await.unwrap();
        assert!(buy("wrong").await.is_none() && buy("").await.is_none());
        assert!(keys.authenticate(&store, &client.token(), NOW).await.unwrap().is_none(), "it is no key");
        let bought = buy(&client.secret).await.unwrap();
        assert_eq!((bought.lifetime_s, bought.scopes), (86_400, vec!["jobs:read".to_owned()]));
        // After a restart: nothing but the signing key is needed.
        let caller =
            KeyGuard::new([7; 32]).authenticate(&store, &bought.token, after(86_399)).await.unwrap().unwrap();
        assert_eq!((caller.user.as_str(), caller.dialect.as_deref()), (OWNER, Some("sdk")));
        assert!(caller.has("jobs:read") && !caller.has("jobs:write"));
        assert!(
            KeyGuard::new([7; 32])
                .authenticate(&store, &bought.token, after(86_400))
                .await
                .unwrap()
                .is_none()
        );
        assert!(KeyGuard::new([8; 32]).authenticate(&store, &bought.token, NOW).await.unwrap().is_none());
        revoke(&store, CredentialKind::Client, &client.id).await;
        assert!(KeyGuard::new([7; 32]).authenticate(&store, &bought.token, NOW).await.unwrap().is_none());
        assert!(keys.grant(&store, &client.id, &client.secret, NOW).await.unwrap().is_none());
        let brief = insert(&store, CredentialKind::Client, named(Some(after(7))), NOW).await.unwrap();
        let bought = keys.grant(&store, &brief.id, &brief.secret, NOW).await.unwrap().unwrap();
        assert_eq!(bought.lifetime_s, 7, "no longer than its client");
    }

    #[tokio::test]
    async fn uses_are_noted_once_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of_test(folder.path()).await;
        let secret = insert(&store, CredentialKind::Key, named(None), NOW).await.unwrap();
        let read = async || store.key(CredentialKind::Key, &secret.id).await.unwrap().unwrap().0.last_used;
        let keys = KeyGuard::new([7; 32]);
        for (seconds, noted) in [(0, 0), (59, 0), (60, 60), (61, 60)] {
            // Remembered for a second of real time, hence another guard with the same memory of what it noted.
            let other = KeyGuard::new([7; 32]);
            *other.noted.lock().unwrap() = keys.noted.lock().unwrap().clone();
            assert!(other.authenticate(&store, &secret.token(), after(seconds)).await.unwrap().is_some());
            *keys.noted.lock().unwrap() = other.noted.lock().unwrap().clone();
            while read().await != Some(after(noted)) {
                tokio::task::yield_now().await;
            }
        }
    }
}
