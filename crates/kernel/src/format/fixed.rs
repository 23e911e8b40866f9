//! Millimetres as text with five decimals: 10 nm, far below what any printer resolves.

/// Decimals written.
const DECIMALS: usize = 5;

/// Appends `v` rounded to five decimals, without trailing zeros and never as `-0`. Not finite: `0`.
pub(super) fn push(v: f64, to: &mut Vec<u8>) {
    let scaled = (v * 1e5).round();
    if scaled.is_nan() || scaled.abs() >= 9e18 {
        // Beyond what an i64 holds there are no decimals left anyway.
        let text = if v.is_finite() { format!("{v:.0}") } else { String::from("0") };
        return to.extend_from_slice(text.as_bytes());
    }
    let whole = (scaled as i64).unsigned_abs();
    if scaled < 0.0 {
        to.push(b'-');
    }
    let mut digits = [b'0'; 20];
    let (mut at, mut rest) = (digits.len(), whole);
    while rest > 0 || digits.len() - at <= DECIMALS {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let point = digits.len() - DECIMALS;
    to.extend_from_slice(&digits[at..point]);
    let used = digits[point..].iter().rposition(|&d| d != b'0').map_or(0, |i| i + 1);
    if used > 0 {
        to.push(b'.');
        to.extend_from_slice(&digits[point..point + used]);
    }
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn numbers_are_rounded_and_bare() {
        let text = |v| {
            let mut to = Vec::new();
            push(v, &mut to);
            String::from_utf8(to).unwrap()
        };
        for (v, expected) in [
            (0.0, "0"),
            (-0.000001, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.00001, "0.00001"),
            (12.345678, "12.34568"),
            (-0.04, "-0.04"),
            (1e15, "1000000000000000"),
            (1e300, &format!("{:.0}", 1e300)),
            (f64::NAN, "0"),
        ] {
            assert_eq!(text(v), expected);
        }
    }
}
