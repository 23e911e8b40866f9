//! How secrets are written.
//!
//! A key's token is `fst_<id>_<secret>`, a worker's `fsw_<id>_<secret>`. A token that a client bought is `fsa_<id>_<expiry>_<signature>`: the client's id, the
//! expiry as 16 hex digits of microseconds since 1970, and HMAC-SHA256 (RFC 2104) of both with the data folder's key. Nothing
//! is stored about it: it survives restarts, and is worth nothing once its client is revoked.

use crate::model::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Characters of an id, of a secret or signature, and of an expiry: 48, 256 and 64 bits.
const ID_LENGTH: usize = 8;
const SECRET_LENGTH: usize = 43;
const EXPIRY_LENGTH: usize = 16;

/// What a new key or client signs in with; shown once.
#[derive(Clone)]
pub struct Secret {
    /// Names it, in lists and to revoke it; the `client_id` of a client. Not a secret.
    pub id: String,
    /// The secret itself; the `client_secret` of a client.
    pub secret: String,
}

impl Secret {
    pub(crate) fn random() -> Secret {
        Secret {
            id: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 6]>()),
            secret: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()),
        }
    }

    /// The token of a key.
    pub fn token(&self) -> String {
        format!("fst_{}_{}", self.id, self.secret)
    }

    /// The token of a worker's key.
    pub fn worker_token(&self) -> String {
        format!("fsw_{}_{}", self.id, self.secret)
    }
}

/// A token taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Of a key: id and secret.
    Key(&'a str, &'a str),
    /// Bought by a client: its id, when it expires, the signature.
    Access(&'a str, Timestamp, &'a str),
}

impl<'a> Token<'a> {
    /// Reads a token. By position: ids and secrets may contain `_`.
    pub(crate) fn parse(text: &'a str) -> Option<Token<'a>> {
        if !text.is_ascii() {
            return None;
        }
        if let Some(body) = text.strip_prefix("fst_") {
            let (id, secret) = cut(body, ID_LENGTH)?;
            return (secret.len() == SECRET_LENGTH).then_some(Token::Key(id, secret));
        }
        let (id, rest) = cut(text.strip_prefix("fsa_")?, ID_LENGTH)?;
        let (expiry, signature) = cut(rest, EXPIRY_LENGTH)?;
        let canonical = expiry.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical || signature.len() != SECRET_LENGTH {
            return None;
        }
        Some(Token::Access(id, Timestamp(i64::from_str_radix(expiry, 16).ok()?), signature))
    }
}

/// Id and secret of a worker's token, which is none to anybody else.
pub(crate) fn parse_worker(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix("fsw_").filter(|body| body.is_ascii())?;
    cut(body, ID_LENGTH).filter(|(_, secret)| secret.len() == SECRET_LENGTH)
}

/// The first `length` characters of an ASCII text, and what follows the `_` after them.
fn cut(text: &str, length: usize) -> Option<(&str, &str)> {
    let (head, tail) = text.split_at_checked(length)?;
    Some((head, tail.strip_prefix('_')?))
}

/// A token of client `id`.
pub(crate) fn access(key: &[u8; 32], id: &str, expires: Timestamp) -> String {
    let signature = URL_SAFE_NO_PAD.encode(mac(key, id, expires).finalize().into_bytes());
    format!("fsa_{id}_{:016x}_{signature}", expires.0)
}

/// Whether `signature` is ours; takes the same time for every wrong one.
pub(crate) fn verify(key: &[u8; 32], id: &str, expires: Timestamp, signature: &str) -> bool {
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    mac(key, id, expires).verify_slice(&signature).is_ok()
}

fn mac(key: &[u8; 32], id: &str, expires: Timestamp) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
    // The first line tells it from all else that this key signs (download links).
    mac.update(format!("fieldstone access token\n{id}\n{}", expires.0).as_bytes());
    mac
}

/// What is kept of a secret.
pub(crate) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Whether `secret` has the digest `stored`; takes the same time for every wrong one.
pub(crate) fn matches(stored: &str, secret: &str) -> bool {
    stored.as_bytes().ct_eq(digest(secret).as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_they_are_written_and_nothing_else_is() {
        let secret = Secret { id: "ab_de_gh".into(), secret: "_".repeat(43) };
        assert_eq!(Token::parse(&secret.token()), Some(Token::Key("ab_de_gh", &secret.secret)));
        let worker = secret.worker_token();
        assert_eq!(parse_worker(&worker), Some(("ab_de_gh", secret.secret.as_str())));
        assert_eq!((Token::parse(&worker), parse_worker(&secret.token())), (None, None));
        assert_eq!(parse_worker(&worker[..worker.len() - 1]), None);
        let text = access(&[7; 32], "ab_de_gh", Timestamp(1_790_000_000_000_000));
        let Some(Token::Access(id, expires, signature)) = Token::parse(&text) else { panic!("{text}") };
        assert_eq!((id, expires), ("ab_de_gh", Timestamp(1_790_000_000_000_000)));
        assert!(verify(&[7; 32], id, expires, signature));
        assert!(!verify(&[8; 32], id, expires, signature));
        assert!(!verify(&[7; 32], "ab_de_gx", expires, signature));
        assert!(!verify(&[7; 32], id, Timestamp(expires.0 + 1), signature));
        assert!(!verify(&[7; 32], id, expires, &"A".repeat(43)));
        let cut_off = &text[..text.len() - 1];
        let upper = text.to_uppercase().replacen("FSA", "fsa", 1);
        let signed = text.replacen("_000", "_-00", 1);
        for bad in ["", "fst_", "fsa_", "fsa_ab_de_gh_", "é", cut_off, &upper, &signed] {
            assert_eq!(Token::parse(bad), None, "{bad:?}");
        }
    }
}
