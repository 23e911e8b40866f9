//! Download links: anybody who has one may read the bytes of one asset under one name, until it expires or the asset has them no
//! longer.
//!
//! A link is `/files/<sha256>/<filename>?asset=<project>.<asset>&expires=<unix seconds>&signature=<hex>`. The signature is
//! HMAC-SHA256 (RFC 2104) with the data folder's key over a line each: purpose, expiry, asset, checksum, filename.
//! It covers decoded values, so that a proxy that spells the path in another way breaks nothing.

use fieldstone_engine::model::{AssetId, ProjectId};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

/// What RFC 3986 §2.3 calls unreserved stays as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a link opens.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Whose bytes they are.
    pub project: ProjectId,
    /// Whose bytes they are.
    pub asset: AssetId,
    /// The bytes that it had when the link was made.
    pub sha256: &'a str,
    /// The name to save them under.
    pub filename: &'a str,
    /// Unix seconds.
    pub expires: i64,
}

impl Target<'_> {
    fn mac(&self, key: &[u8; 32]) -> Hmac<Sha256> {
        let Target { project, asset, sha256, filename, expires } = self;
        let mut mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        // Neither a checksum nor a filename holds a line feed, hence two links never sign the same text.
        mac.update(format!("fieldstone file\n{expires}\n{project}.{asset}\n{sha256}\n{filename}").as_bytes());
        mac
    }
}

/// The two ids of `asset=` in a link.
pub fn ids(text: &str) -> Option<(ProjectId, AssetId)> {
    let (project, asset) = text.split_once('.')?;
    Some((project.parse().ok()?, asset.parse().ok()?))
}

/// The link that opens `target`. `base` has no slash at its end.
pub fn sign(key: &[u8; 32], base: &str, target: &Target<'_>) -> String {
    let signature = hex::encode(target.mac(key).finalize().into_bytes());
    let Target { project, asset, sha256, expires, .. } = target;
    let name = utf8_percent_encode(target.filename, UNRESERVED);
    format!("{base}/files/{sha256}/{name}?asset={project}.{asset}&expires={expires}&signature={signature}")
}

/// The path, with its query, at which a worker may read an input until `expires` (Unix seconds).
pub fn sign_input(key: &[u8; 32], sha256: &str, expires: i64) -> String {
    let signature = hex::encode(input_mac(key, sha256, expires).finalize().into_bytes());
    format!("/worker/inputs/{sha256}?expires={expires}&signature={signature}")
}

/// Whether `signature` is ours for this input and expiry.
pub fn verify_input(key: &[u8; 32], sha256: &str, expires: i64, signature: &str) -> bool {
    let Ok(signature) = hex::decode(signature) else { return false };
    input_mac(key, sha256, expires).verify_slice(&signature).is_ok()
}

fn input_mac(key: &[u8; 32], sha256: &str, expires: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
    // The first line tells it from all else that this key signs.
    mac.update(format!("fieldstone input\n{expires}\n{sha256}").as_bytes());
    mac
}

/// Whether `signature` is ours for exactly this target; takes the same time for every wrong one.
pub fn verify(key: &[u8; 32], target: &Target<'_>, signature: &str) -> bool {
    let Ok(signature) = hex::decode(signature) else { return false };
    target.mac(key).verify_slice(&signature).is_ok()
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
        let (key, sha, other) = ([7; 32], "ab".repeat(32), "ac".repeat(32));
        let (project, asset) = (ProjectId(3), AssetId(45));
        let target = Target { project, asset, sha256: &sha, filename: "größe 1.bin", expires: 100 };
        let link = sign(&key, "http://h", &target);
        let start = format!("http://h/files/{sha}/gr%C3%B6%C3%9Fe%201.bin?asset=3.45&expires=100&signature=");
        assert!(link.starts_with(&start), "{link}");
        let signature = link.rsplit('=').next().unwrap();
        assert!(verify(&key, &target, signature));
        assert!(!verify(&[8; 32], &target, signature));
        for altered in [
            Target { project: ProjectId(34), asset: AssetId(5), ..target },
            Target { asset: AssetId(46), ..target },
            Target { sha256: &other, ..target },
            Target { filename: "größe 2.bin", ..target },
            Target { expires: 101, ..target },
        ] {
            assert!(!verify(&key, &altered, signature), "{altered:?}");
        }
        for bad in [&signature[2..], "", "zz"] {
            assert!(!verify(&key, &target, bad));
        }
        let link = sign_input(&key, &sha, 100);
        let signature = link.rsplit('=').next().unwrap();
        assert!(verify_input(&key, &sha, 100, signature));
        assert!(!verify_input(&[8; 32], &sha, 100, signature));
        assert!(!verify_input(&key, &other, 100, signature));
        assert!(!verify_input(&key, &sha, 101, signature));
        assert!(!verify_input(&key, &sha, 100, "zz"));
        assert!(!verify(&key, &target, signature), "an input's link opens no file");
        assert_eq!(ids("3.45"), Some((project, asset)));
        for bad in ["", ".", "3", "3.", "x.4", "3.4.5"] {
            assert_eq!(ids(bad), None, "{bad:?}");
        }
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
