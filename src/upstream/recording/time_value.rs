//! Values that are times: in texts and in numbers since 1970.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Difference from the time of an exchange below which a value is the present: 10 minutes.
const NEAR: u64 = 10 * 60 * 1000;

/// Format of the times in comments: `2026-11-28T15:26:31Z`.
const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// Returns a time as comments have it; empty if it is no year of four digits.
pub(super) fn written(at: u64) -> String {
    let at = i64::try_from(at / 1000).ok();
    let at = at.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    at.and_then(|at| at.format(SECONDS).ok())
        .unwrap_or_default()
}

/// Returns the time that a value is, in milliseconds since 1970: RFC 3339, an HTTP date, or a number
/// of seconds or milliseconds of this century.
pub(super) fn milliseconds(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => of_text(text),
        Value::Number(number) => {
            let number = number.as_f64()?;
            let milliseconds = if number < 1e11 {
                number * 1000.0
            } else {
                number
            };
            // 2001-09-09 to 2286-11-20.
            (1e12..1e13)
                .contains(&milliseconds)
                .then(|| Duration::from_secs_f64(milliseconds / 1000.0).as_millis())
                .and_then(|milliseconds| u64::try_from(milliseconds).ok())
        }
        _ => None,
    }
}

fn of_text(text: &str) -> Option<u64> {
    if is_date_time(text) {
        return rfc3339(text);
    }
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// Returns true if a text has the form of a date and time of RFC 3339.
pub(super) fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (19..=40).contains(&bytes.len())
        && bytes.is_ascii()
        && [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
            .into_iter()
            .all(is_digit)
        && matches!(
            (bytes[4], bytes[7], bytes[10]),
            (b'-', b'-', b'T' | b't' | b' ')
        )
        && (bytes[13], bytes[16]) == (b':', b':')
}

fn rfc3339(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u32>().ok();
    let part = |range| number(range).and_then(|number| u8::try_from(number).ok());
    let year = i32::try_from(number(0..4)?).ok()?;
    let month = time::Month::try_from(part(5..7)?).ok()?;
    let date = time::Date::from_calendar_date(year, month, part(8..10)?).ok()?;
    let clock = time::Time::from_hms(part(11..13)?, part(14..16)?, part(17..19)?.min(59)).ok()?;
    let utc = date.with_time(clock).assume_utc().unix_timestamp() - offset(&text[19..])?;
    u64::try_from(utc).ok()?.checked_mul(1000)
}

/// Returns the offset from UTC in seconds, of the text after the seconds: `.123+02:00`.
fn offset(rest: &str) -> Option<i64> {
    let zone = rest.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    let (sign, digits) = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') => return Some(0),
        Some(b'+') => (1, &zone[1..]),
        Some(b'-') => (-1, &zone[1..]),
        Some(_) => return None,
    };
    let digits = digits.replace(':', "");
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..4).unwrap_or("00").parse().ok()?;
    Some(sign * (hours * 3600 + minutes * 60))
}

/// Returns true if a value is a time near that of an exchange, which is in milliseconds since 1970.
pub(super) fn is_near(value: &Value, at: u64) -> bool {
    milliseconds(value).is_some_and(|time| time.abs_diff(at) <= NEAR)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_each_notation_are_told() {
        // 2026-11-28T15:26:31Z
        let at = 1_795_879_591_000;
        for near in [
            json!("2026-11-28T15:26:31Z"),
            json!("2026-11-28T17:26:31.5+02:00"),
            json!("2026-11-28 10:26:31-0500"),
            json!("Sat, 28 Nov 2026 15:26:31 GMT"),
            json!(1_795_879_591),
            json!(1_795_879_591_999_u64),
        ] {
            assert!(is_near(&near, at), "{near} {:?}", milliseconds(&near));
        }
        for far in [
            json!("2026-11-28T16:26:31Z"),
            json!("2026-11-28"),
            json!("2026-13-28T15:26:31Z"),
            json!("2026-11-28T15:26:31é"),
            json!(7),
            json!(null),
        ] {
            assert!(!is_near(&far, at), "{far}");
        }
        assert_eq!(written(at), "2026-11-28T15:26:31Z");
        assert_eq!(written(u64::MAX), "");
    }
}
