//! What a file may be called: a label, never a path.

/// Longest filename in bytes; what common file systems take.
pub const MAX_FILENAME_BYTES: usize = 255;

/// Checks a name that a user gave to a file. Names are labels, not paths; `Err` says what is wrong.
pub fn check_filename(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("filename is empty".to_owned());
    }
    if name.len() > MAX_FILENAME_BYTES {
        return Err(format!("filename has {} bytes, at most {MAX_FILENAME_BYTES} are allowed", name.len()));
    }
    if name == "." || name == ".." {
        return Err(format!("filename {name:?} names a folder"));
    }
    match name.chars().find(|c| matches!(c, '/' | '\\') || c.is_control()) {
        Some(c) => {
            Err(format!("filename {name:?} contains {c:?}, a name may not hold a path or control characters"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_paths_or_worse_are_refused() {
        for bad in ["", ".", "..", "../../x", "/etc/passwd", "a\\b", "a\nb", "a\0", "\u{7f}", "\u{85}"] {
            assert!(check_filename(bad).is_err(), "{bad:?}");
        }
        assert!(check_filename(&"x".repeat(256)).is_err());
        for good in ["part.stl", "...", ".hidden", "größe 1%2F.stl", "a\"b", "形.obj", &"x".repeat(255)] {
            assert_eq!(check_filename(good), Ok(()), "{good:?}");
        }
    }
}
