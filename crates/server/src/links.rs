//! Download links: anybody who has one may read one blob under one name until it expires.
//!
//! A link is `/files/<sha256>/<filename>?expires=<unix seconds>&signature=<hex>`. The signature is
//! HMAC-SHA256 (RFC 2104) with the data folder's key over a line each: purpose, expiry, checksum, filename.
//! It covers decoded values, so that a proxy that spells the path in another way breaks nothing.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

/// What RFC 3986 §2.3 calls unreserved stays as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn mac(key: &[u8; 32], sha256: &str, filename: &str, expires: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
    // Neither a checksum nor a filename holds a line feed, hence two links never sign the same text.
    mac.update(format!("fieldstone file\n{expires}\n{sha256}\n{filename}").as_bytes());
    mac
}

/// The link to a blob, valid until `expires` (Unix seconds). `base` has no slash at its end.
pub fn sign(key: &[u8; 32], base: &str, sha256: &str, filename: &str, expires: i64) -> String {
    let signature = hex::encode(mac(key, sha256, filename, expires).finalize().into_bytes());
    let name = utf8_percent_encode(filename, UNRESERVED);
    format!("{base}/files/{sha256}/{name}?expires={expires}&signature={signature}")
}

/// Whether `signature` is ours for exactly these values; takes the same time for every wrong one.
pub fn verify(key: &[u8; 32], sha256: &str, filename: &str, expires: i64, signature: &str) -> bool {
    let Ok(signature) = hex::decode(signature) else { return false };
    mac(key, sha256, filename, expires).verify_slice(&signature).is_ok()
}

/// `Content-Disposition` that saves under `filename` (RFC 6266 §4.1, RFC 8187): a plain ASCII name for
/// old clients, the exact one for all others.
pub fn disposition(filename: &str) -> String {
    let plain: String =
        filename
            .chars()
            .map(|c| {
                if c.is_ascii() && !c.is_ascii_control() && c != '"' && c != '\\' && c != '%' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
    if plain == filename {
        return format!("attachment; filename=\"{plain}\"");
    }
    let exact = utf8_percent_encode(filename, UNRESERVED);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_everything() {
        let (key, sha) = ([7; 32], "ab".repeat(32));
        let link = sign(&key, "http://h", &sha, "größe 1.bin", 100);
        assert!(
            link.starts_with(&format!("http://h/files/{sha}/gr%C3%B6%C3%9Fe%201.bin?expires=100&signature="))
        );
        let signature = link.rsplit('=').next().unwrap();
        assert!(verify(&key, &sha, "größe 1.bin", 100, signature));
        assert!(!verify(&[8; 32], &sha, "größe 1.bin", 100, signature));
        assert!(!verify(&key, &"ac".repeat(32), "größe 1.bin", 100, signature));
        assert!(!verify(&key, &sha, "größe 2.bin", 100, signature));
        assert!(!verify(&key, &sha, "größe 1.bin", 101, signature));
        assert!(!verify(&key, &sha, "größe 1.bin", 100, &signature[2..]));
        assert!(!verify(&key, &sha, "größe 1.bin", 100, ""));
        assert!(!verify(&key, &sha, "größe 1.bin", 100, "zz"));
    }

    #[test]
    fn names_that_are_not_plain_come_in_both_forms() {
        assert_eq!(disposition("part 1.stl"), "attachment; filename=\"part 1.stl\"");
        assert_eq!(
            disposition("grö\"ße.stl"),
            "attachment; filename=\"gr___e.stl\"; filename*=UTF-8''gr%C3%B6%22%C3%9Fe.stl"
        );
    }
}
