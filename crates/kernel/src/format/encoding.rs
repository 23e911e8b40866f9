//! Text files as they come (UTF-8 or UTF-16, any line ends, padded behind the end) as UTF-8 lines that end in line feeds.
//!
//! # Promises
//! Offsets and line numbers of what is returned are good for messages: a line is a line of the file.
//! Bytes that are no UTF-8 (names in the code page of some machine) stay as they are.

use std::borrow::Cow;

/// The text of a file: decoded, without byte order mark, lone carriage returns made line feeds, and without the NUL,
/// Ctrl-Z (end of text for CP/M and DOS) and blank bytes behind its end. The error names an encoding that is not read.
pub(super) fn as_lines(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let text = match utf_16(bytes)? {
        Some(text) => Cow::Owned(text.into_bytes()),
        None => Cow::Borrowed(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    };
    let end = text.iter().rposition(|b| !is_padding(*b)).map_or(0, |last| last + 1);
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    };
    Ok(with_line_feeds(text))
}

/// Whether the file is UTF-16: by its byte order mark, or because its first two units are ASCII.
pub(super) fn is_utf_16(bytes: &[u8]) -> bool {
    is_little_endian(bytes).is_some()
}

/// Whether a byte means nothing behind the end of a text.
pub(super) fn is_padding(b: u8) -> bool {
    matches!(b, 0 | 0x1a | b' ' | b'\t' | b'\r' | b'\n')
}

fn is_little_endian(bytes: &[u8]) -> Option<bool> {
    let ascii = |b: u8| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    match *bytes {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        [a, 0, b, 0, ..] if ascii(a) && ascii(b) => Some(true),
        [0, a, 0, b, ..] if ascii(a) && ascii(b) => Some(false),
        _ => None,
    }
}

/// `None` where the file is not UTF-16. Surrogates without their other half become replacement characters.
fn utf_16(bytes: &[u8]) -> Result<Option<String>, String> {
    if matches!(bytes, [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..]) {
        return Err("the text is UTF-32, expected UTF-8 or UTF-16".to_owned());
    }
    let Some(little) = is_little_endian(bytes) else { return Ok(None) };
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|p| if little { u16::from_le_bytes(*p) } else { u16::from_be_bytes(*p) });
    let mark = usize::from(matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]));
    let mut text = String::with_capacity(bytes.len() / 2);
    text.extend(char::decode_utf16(units.skip(mark)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    Ok(Some(text))
}

/// Carriage returns that no line feed follows are line ends of their own (classic Mac OS, or files put together).
fn with_line_feeds(mut text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'\r', &text[from..]).map(|k| from + k) {
        if text.get(at + 1) != Some(&b'\n') {
            text.to_mut()[at] = b'\n';
        }
        from = at + 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16_bytes(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    #[test]
    fn encodings_and_line_ends_give_the_same_lines() {
        let text = "v 1\n\nf é😀 2\n# end";
        let mut files = vec![text.as_bytes().to_vec(), format!("\u{feff}{text}").into_bytes()];
        files.extend([false, true].map(|big| utf_16_bytes(text, big)));
        files.extend([false, true].map(|big| utf_16_bytes(&format!("\u{feff}{text}\u{1a}\0\0"), big)));
        files.push(text.replace('\n', "\r").into_bytes());
        files.push(text.replace("\n#", "\r#").into_bytes());
        files.push([text.as_bytes(), b"\0\x1a\r\n\0"].concat());
        for file in &files {
            assert_eq!(as_lines(file).unwrap(), text.as_bytes(), "{file:?}");
        }
        assert_eq!(as_lines(b"a\r\nb\r\rc\r\n").unwrap(), &b"a\r\nb\n\nc"[..]);
        assert_eq!(as_lines(&[0; 9]).unwrap(), &b""[..]);
        assert_eq!(as_lines(b"\xe9\xff").unwrap(), &b"\xe9\xff"[..]);
        assert!(as_lines(b"\xff\xfe\0\0v\0\0\0").unwrap_err().contains("UTF-32"));
        assert!(matches!(as_lines(text.as_bytes()), Ok(Cow::Borrowed(_))));
    }
}
