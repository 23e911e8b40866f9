//! Bytes as people write them: `2GiB`, `512 MB`, `1048576`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let refuse = || format!("expected a size such as 512MiB or 2GiB, got {text:?}");
        let split = text.trim().find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.trim().len());
        let (number, unit) = text.trim().split_at(split);
        let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()));
        let factor = known.ok_or_else(refuse)?.1;
        let bytes = match number.parse::<u64>() {
            Ok(whole) => whole.checked_mul(factor),
            Err(_) => {
                let bytes = number.parse::<f64>().map_err(|_| refuse())? * factor as f64;
                (bytes < u64::MAX as f64).then_some(bytes.round() as u64)
            }
        };
        bytes.map(Size).ok_or_else(refuse)
    }
}

/// The largest binary unit that divides it, so that what is printed reads back as the same number.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |(_, factor): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*factor);
        let (name, factor) = UNITS[1..6].iter().rev().find(exact).unwrap_or(&UNITS[1]);
        write!(f, "{}{name}", self.0 / factor)
    }
}

impl Size {
    /// Three digits or so, for reading: `39.1 MiB`.
    pub fn rounded(self) -> String {
        let unit = UNITS[1..6].iter().rev().find(|(_, factor)| self.0 >= *factor).unwrap_or(&UNITS[1]);
        match unit.1 {
            1 => format!("{} B", self.0),
            factor => format!("{:.1} {}", self.0 as f64 / factor as f64, unit.0),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Bytes(u64),
            Text(String),
        }
        match Raw::deserialize(deserializer).map_err(|_| {
            serde::de::Error::custom("expected a size such as 512MiB, or a whole number of bytes")
        })? {
            Raw::Bytes(bytes) => Ok(Size(bytes)),
            Raw::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them_and_print_back() {
        let cases = [("2GiB", 2 << 30), ("512 mb", 512_000_000), ("17", 17), ("1.5KiB", 1536), ("0", 0)];
        for (text, bytes) in cases {
            let size: Size = text.parse().unwrap();
            assert_eq!(size, Size(bytes), "{text}");
            assert_eq!(size.to_string().parse::<Size>().unwrap(), size);
        }
        assert_eq!(Size(41_000_000).rounded(), "39.1 MiB");
        for bad in ["", "GiB", "2 apples", "-1", "1e3", "99999999TiB"] {
            let error = bad.parse::<Size>().unwrap_err();
            assert!(error.contains(&format!("got {bad:?}")), "{error}");
        }
    }
}
