//! Times on the command line: when a key expires, and when it was used.

use fieldstone_engine::model::Timestamp;

/// A time to come: a span such as `90d`, `12h`, `30m`, or a date, or a date with its time (RFC 3339).
pub fn parse(text: &str) -> Result<Timestamp, String> {
    parse_at(text, Timestamp::now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || format!("expected a span such as 90d or 12h, or a date such as 2030-01-31, got {text:?}");
    let unit = |letter: char| match letter {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        _ => None,
    };
    if let Some((letter, seconds)) = text.chars().last().and_then(|c| Some((c, unit(c)?)))
        && let Ok(count) = text[..text.len() - letter.len_utf8()].parse::<u32>()
    {
        return Ok(Timestamp(now.0 + i64::from(count) * seconds * 1_000_000));
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(time.as_microsecond()));
    }
    let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    let midnight = date.to_zoned_datetime(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
    Ok(Timestamp(midnight.timestamp().as_microsecond()))
}

/// A time for people: UTC, to the second.
pub fn show(time: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(time.0) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => "beyond the calendar".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_dates_and_times() {
        let now = Timestamp(1_000_000_000_000_000);
        let at = |text: &str| parse_at(text, now).map(show);
        assert_eq!(at("90s").unwrap(), "2001-09-09T01:48:10Z");
        assert_eq!(at("2h").unwrap(), "2001-09-09T03:46:40Z");
        assert_eq!(at("30d").unwrap(), "2001-10-09T01:46:40Z");
        assert_eq!(at("2030-01-31").unwrap(), "2030-01-31T00:00:00Z");
        assert_eq!(at("2030-01-31T12:00:00+02:00").unwrap(), "2030-01-31T10:00:00Z");
        for bad in ["", "d", "-3d", "3", "3 d", "30y", "2030-13-01", "tomorrow", "5é", "99999999999d"] {
            assert!(at(bad).unwrap_err().contains("90d"), "{bad:?}");
        }
    }
}
