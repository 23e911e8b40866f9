//! One JWT in its compact form (RFC 7515 §3.1), and the two signatures that count (RFC 7518 §3.3, §3.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256};
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

/// Bytes of the longest token that is looked at.
const LONGEST: usize = 16 << 10;

/// The algorithms that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256, 2048 to 8192 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The inverse of its name in a header.
    pub fn of(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            _ => None,
        }
    }
}

/// A public key; its kind decides the algorithm.
#[derive(Debug)]
pub enum Key {
    /// Modulus and exponent, big-endian.
    Rsa {
        /// Modulus.
        n: Vec<u8>,
        /// Exponent.
        e: Vec<u8>,
    },
    /// A point as `04 x y`.
    P256(Vec<u8>),
}

impl Key {
    /// The only algorithm that the key is good for.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Key::Rsa { .. } => Algorithm::Rs256,
            Key::P256(_) => Algorithm::Es256,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Key::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Key::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// What a token says; believed once its signature has been verified.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: Option<String>,
    /// Subject.
    pub sub: Option<String>,
    /// One audience or a list of them.
    pub aud: Option<Value>,
    /// Seconds since 1970 after which it is worth nothing.
    pub exp: Option<f64>,
    /// Seconds since 1970 before which it is worth nothing.
    pub nbf: Option<f64>,
    /// Rights, in a text.
    pub scope: Option<Value>,
    /// Rights, in a list or a text, as some issuers name them.
    pub scp: Option<Value>,
}

/// A token that has the right form and nothing proven yet.
pub struct Jwt<'a> {
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
    kid: Option<String>,
    algorithm: Algorithm,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart. Errors never repeat any of it.
    pub fn parse(token: &'a str) -> Result<Jwt<'a>, String> {
        if token.len() > LONGEST {
            return Err(format!("token is longer than {LONGEST} bytes"));
        }
        let malformed = || "token is not a JWT".to_owned();
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let bytes = URL_SAFE_NO_PAD.decode(header).map_err(|_| malformed())?;
        let header: Header = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
        let algorithm =
            Algorithm::of(&header.alg).ok_or("token's algorithm is not allowed, expected RS256 or ES256")?;
        if header.crit.is_some() {
            return Err("token has critical extensions, which are not known here".into());
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
        Ok(Jwt { signed, claims, signature, kid: header.kid, algorithm })
    }

    /// Name of the key that it claims to be signed with.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// How it claims to be signed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The claims, if `key` signed them.
    pub fn verify(&self, key: &Key) -> Result<Claims, String> {
        if key.algorithm() != self.algorithm || !key.verify(self.signed.as_bytes(), &self.signature) {
            return Err("token's signature is wrong".into());
        }
        let bytes = URL_SAFE_NO_PAD.decode(self.claims).map_err(|_| "token's claims are not base64url")?;
        serde_json::from_slice(&bytes).map_err(|_| "token's claims are not the JSON they should be".into())
    }
}
