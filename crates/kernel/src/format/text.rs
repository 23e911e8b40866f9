//! What the text formats share: numbers, tokens, line numbers, and pieces that end at line borders.

use std::ops::Range;

/// Bytes of text that one task parses: enough to keep cores busy, few enough to notice a cancel.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// The 1-based number of the line that `offset` lies in.
pub(super) fn line_of(bytes: &[u8], offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &bytes[..offset.min(bytes.len())]).count()
}

/// `line 12`, for errors.
pub(super) fn at_line(bytes: &[u8], offset: usize) -> String {
    format!("line {}", line_of(bytes, offset))
}

/// Consecutive ranges that cover `bytes` from `start`, each but the last ending after a newline that
/// `is_border` accepts (it gets the offset of the next line's first byte).
pub(super) fn pieces(bytes: &[u8], start: usize, is_border: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = start;
    while bytes.len() - from > PIECE_BYTES {
        let mut to = from + PIECE_BYTES;
        loop {
            match memchr::memchr(b'\n', &bytes[to..]) {
                None => to = bytes.len(),
                Some(n) => to += n + 1,
            }
            if to == bytes.len() || is_border(to) {
                break;
            }
        }
        out.push(from..to);
        from = to;
    }
    if from < bytes.len() {
        out.push(from..bytes.len());
    }
    out
}

/// A blank inside a line.
#[inline]
pub(super) fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

/// The offset of the first byte at or after `i` that is no blank.
#[inline]
pub(super) fn skip_blanks(bytes: &[u8], mut i: usize) -> usize {
    while i < bytes.len() && is_blank(bytes[i]) {
        i += 1;
    }
    i
}

/// The end of the token that starts at `i`.
#[inline]
pub(super) fn token_end(bytes: &[u8], mut i: usize) -> usize {
    while i < bytes.len() && !is_blank(bytes[i]) && bytes[i] != b'\n' {
        i += 1;
    }
    i
}

/// The token at `i` and the offset behind it; empty at the end of the line.
#[inline]
pub(super) fn token(bytes: &[u8], i: usize) -> (&[u8], usize) {
    let from = skip_blanks(bytes, i);
    let to = token_end(bytes, from);
    (&bytes[from..to], to)
}

/// The finite decimal number at `i` after blanks, ended by a blank, the line's end or a comment (`#`), and the offset behind
/// it; or what is there instead.
#[inline]
pub(super) fn coordinate(bytes: &[u8], i: usize) -> Result<(f32, usize), String> {
    let from = skip_blanks(bytes, i);
    if let Ok((value, n)) = fast_float2::parse_partial::<f32, _>(&bytes[from..]) {
        let to = from + n;
        let ends = match bytes.get(to) {
            None | Some(b'\n') => true,
            Some(b'#') => !is_spelled_by_c(&bytes[to..]),
            Some(b) => is_blank(*b),
        };
        if ends && value.is_finite() {
            return Ok((value, to));
        }
    }
    let word = &bytes[from..token_end(bytes, from)];
    Err(match word {
        [] => "the line ends where a coordinate is expected".to_owned(),
        _ if is_not_finite(word)
            || memchr::memchr(b'#', word).is_some_and(|k| is_spelled_by_c(&word[k..])) =>
        {
            format!("the coordinate {} is not finite", excerpt(word))
        }
        _ => format!("expected a coordinate, found {}", excerpt(word)),
    })
}

/// Three coordinates at `i`, and the offset behind them.
#[inline]
pub(super) fn point(bytes: &[u8], i: usize) -> Result<([f32; 3], usize), (String, usize)> {
    let mut p = [0.0; 3];
    let mut at = i;
    for x in &mut p {
        (*x, at) = coordinate(bytes, at).map_err(|e| (e, at))?;
    }
    Ok((p, at))
}

/// Old C libraries write `1.#INF` and `-1.#IND`; there the number sign begins no comment.
fn is_spelled_by_c(behind: &[u8]) -> bool {
    [&b"#INF"[..], b"#IND", b"#QNAN", b"#SNAN"]
        .iter()
        .any(|word| behind.get(..word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word)))
}

fn is_not_finite(word: &[u8]) -> bool {
    fast_float2::parse::<f32, _>(word).is_ok_and(|v| !v.is_finite())
}

/// `bytes` quoted for an error message, cut after 40 bytes.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(40)];
    let dots = if cut.len() < bytes.len() { "…" } else { "" };
    format!("{:?}{dots}", String::from_utf8_lossy(cut))
}
