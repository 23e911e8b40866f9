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

/// UTC civil time of `t`; a time outside the years that jiff knows (−9999..=9999) becomes the nearest one.
fn civil(t: Timestamp) -> DateTime {
    let seconds = t.0.div_euclid(1_000_000);
    let clamped = seconds.clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
    let instant = jiff::Timestamp::from_second(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
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

impl fmt::Display for WireDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = civil(self.0);
        let (year, month, day) = (t.year(), t.month(), t.day());
        let (hour, minute, second) = (t.hour(), t.minute(), t.second());
        match self.1 {
            DateStyle::Iso8601 => {
                write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")
            }
            DateStyle::Rfc1123 => {
                let (weekday, month) = (weekday(t.weekday()), MONTHS[month as usize - 1]);
                write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
            }
        }
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
        assert!(iso(i64::MAX).starts_with("9999-"));
    }
}
