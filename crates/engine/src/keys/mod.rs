//! API keys and OAuth clients: made, listed, revoked. A secret is kept only as its SHA-256.

mod guard;
mod token;

use crate::data_folder::LEDGER;
use crate::error::{EngineError, Result};
use crate::location::{DatabaseUrl, Location};
use crate::model::{Credential, CredentialKind, NewKey, Timestamp};
use crate::store::{KeyRow, Store};
use crate::{data_folder, draft, upkeep};
pub use guard::Grant;
pub(crate) use guard::{KeyGuard, SIGNING_KEY, new_signing_key, parse_signing_key};
pub use token::Secret;

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

/// Makes a key or a client in a data folder beside a server that may be running on it; its secret is
/// stored nowhere. A new folder is made when there is none.
pub async fn create(at: impl Into<Location<'_>>, kind: CredentialKind, new: NewKey) -> Result<Secret> {
    let at = at.into();
    if at.database.is_none() {
        data_folder::make_data_folder(at.data)?;
    }
    with_store(at, Missing::Made, async |store| insert(store, kind, new, Timestamp::now()).await).await
}

/// All keys or all clients of a data folder, revoked ones too, oldest first.
pub async fn list(at: impl Into<Location<'_>>, kind: CredentialKind) -> Result<Vec<Credential>> {
    with_store(at.into(), Missing::Refused, async |store| store.keys(kind).await).await
}

/// Revokes a key or a client, for ever. A server that runs on the folder refuses it, and every token
/// bought with it, within a second. Revoking it twice is no error.
pub async fn revoke(at: impl Into<Location<'_>>, kind: CredentialKind, id: &str) -> Result<()> {
    let revoke = async |store: &Store| store.revoke_key(kind, id, Timestamp::now()).await;
    with_store(at.into(), Missing::Refused, revoke).await
}

/// Gives a data folder a new signing key: every link and every token that a client bought is worth nothing from then on,
/// for a server that runs on the folder within a second. Keys and clients themselves stay as they are.
pub async fn rotate_signing(at: impl Into<Location<'_>>) -> Result<()> {
    let key = hex::encode(new_signing_key());
    with_store(at.into(), Missing::Refused, async |store| store.set_meta(SIGNING_KEY, &key).await).await
}

/// What becomes of a command where there is no ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Made,
    Refused,
}

/// Opens the ledger for one command, with or without a server that runs on it.
async fn with_store<T>(
    at: Location<'_>,
    missing: Missing,
    work: impl AsyncFnOnce(&Store) -> Result<T>,
) -> Result<T> {
    let store = match at.database {
        Some(url) => of_database(at, url, missing).await?,
        None => of_folder(at, missing).await?,
    };
    let done = work(&store).await;
    store.close().await;
    done
}

async fn of_database(at: Location<'_>, url: &DatabaseUrl, missing: Missing) -> Result<Store> {
    let is_new = Store::schema_version(at).await? == 0;
    if is_new && missing == Missing::Refused {
        return Err(EngineError::NotFound(format!("a ledger in the database {url}")));
    }
    Store::open(at, is_new).await
}

async fn of_folder(at: Location<'_>, missing: Missing) -> Result<Store> {
    if missing == Missing::Refused && !at.data.join(LEDGER).is_file() {
        return Err(EngineError::NotFound(format!("a ledger in data folder {at}")));
    }
    // A server that starts, or another command, may be making the ledger right now.
    let _making = data_folder::lock_ledger(at.data).await?;
    upkeep::check_ledger_is_there(at).await?;
    // Without the lock a server runs, and its schema must not be changed under it.
    let lock = data_folder::try_lock(at.data)?;
    Store::open(at, lock.is_some()).await
}

/// Writes a key or a client and returns what it signs in with.
pub(crate) async fn insert(
    store: &Store,
    kind: CredentialKind,
    new: NewKey,
    now: Timestamp,
) -> Result<Secret> {
    check(&new, now)?;
    let secret = Secret::random();
    let digest = token::digest(&secret.secret);
    let user = new.user.as_deref().unwrap_or(OWNER);
    store.insert_key(KeyRow { kind, id: &secret.id, digest, user, new: &new }, now).await?;
    Ok(secret)
}

fn check(new: &NewKey, now: Timestamp) -> Result<()> {
    draft::check_name("name", &new.name)?;
    if let Some(user) = &new.user {
        draft::check_name("user", user)?;
    }
    if new.expires.is_some_and(|at| at <= now) {
        return Err(EngineError::invalid("expires", "expected a time that is yet to come"));
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
