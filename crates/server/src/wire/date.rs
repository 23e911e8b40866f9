//! Dates as the dialects spell them: whole seconds, UTC.

use fieldstone_engine::model::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;
use serde::{Serialize, Serializer};
use std::fmt;

/// How a dialect spells a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateStyle {
    /// `2006-01-02T22:04:05+00:00`.
    Iso8601,
    /// `Mon, 02 Jan 2006 22:04:05 GMT`, the IMF-fixdate of RFC 9110 §5.6.7, which renews RFC 1123.
    Rfc1123,
}

/// A point in time on its way to the wire; fractions of a second are cut off.
#[derive(Clone, Copy, Debug)]
pub struct WireDate(pub Timestamp, pub DateStyle);

/// The first second of the year 0, and the last that jiff knows, in 9999.
const SECONDS: [i64; 2] = [-62_167_219_200, 253_402_207_200];

/// UTC civil time of `t`; a time before or after [`SECONDS`] becomes the nearest of these, so that every year has four digits.
fn civil(t: Timestamp) -> DateTime {
    let seconds = t.0.div_euclid(1_000_000).clamp(SECONDS[0], SECONDS[1]);
    let instant = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(instant)
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes a number below 100 as two digits.
fn put(two: &mut [u8], number: i8) {
    two.copy_from_slice(&[b'0' + number as u8 / 10, b'0' + number as u8 % 10]);
}

/// Every answer about a job has some of these, and `write!` takes five times as long for one.
impl fmt::Display for WireDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = civil(self.0);
        let (century, year) = ((t.year() / 100) as i8, (t.year() % 100) as i8);
        let mut text = match self.1 {
            DateStyle::Iso8601 => *b"0000-00-00T00:00:00+00:00    ",
            DateStyle::Rfc1123 => *b"Mon, 00 Jan 0000 00:00:00 GMT",
        };
        let (clock, end) = match self.1 {
            DateStyle::Iso8601 => {
                put(&mut text[0..2], century);
                put(&mut text[2..4], year);
                put(&mut text[5..7], t.month());
                put(&mut text[8..10], t.day());
                (11, 25)
            }
            DateStyle::Rfc1123 => {
                text[0..3].copy_from_slice(weekday(t.weekday()).as_bytes());
                put(&mut text[5..7], t.day());
                text[8..11].copy_from_slice(MONTHS[t.month() as usize - 1].as_bytes());
                put(&mut text[12..14], century);
                put(&mut text[14..16], year);
                (17, 29)
            }
        };
        for (i, number) in [t.hour(), t.minute(), t.second()].into_iter().enumerate() {
            put(&mut text[clock + 3 * i..clock + 3 * i + 2], number);
        }
        f.write_str(std::str::from_utf8(&text[..end]).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for WireDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_date_of_the_page_in_both_styles() {
        let t = Timestamp(1_136_239_445 * 1_000_000 + 999_999);
        assert_eq!(WireDate(t, DateStyle::Iso8601).to_string(), "2006-01-02T22:04:05+00:00");
        assert_eq!(WireDate(t, DateStyle::Rfc1123).to_string(), "Mon, 02 Jan 2006 22:04:05 GMT");
    }

    #[test]
    fn leap_days_the_epoch_and_what_lies_before_it() {
        let iso = |s: i64| WireDate(Timestamp(s), DateStyle::Iso8601).to_string();
        assert_eq!(iso(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(iso(-1), "1969-12-31T23:59:59+00:00");
        assert_eq!(iso(1_709_164_800_000_000), "2024-02-29T00:00:00+00:00");
        assert_eq!(SECONDS[1], jiff::Timestamp::MAX.as_second());
        assert_eq!(iso(i64::MAX), "9999-12-30T22:00:00+00:00");
        assert_eq!(iso(i64::MIN), "0000-01-01T00:00:00+00:00");
    }

    #[test]
    fn dates_of_all_years_are_as_jiff_writes_them() {
        for seconds in (SECONDS[0]..=SECONDS[1]).step_by(7_777_777) {
            let (t, civil) = (Timestamp(seconds * 1_000_000), civil(Timestamp(seconds * 1_000_000)));
            for (style, format) in [
                (DateStyle::Iso8601, "%Y-%m-%dT%H:%M:%S+00:00"),
                (DateStyle::Rfc1123, "%a, %d %b %Y %H:%M:%S GMT"),
            ] {
                assert_eq!(WireDate(t, style).to_string(), civil.strftime(format).to_string());
            }
        }
    }
}
