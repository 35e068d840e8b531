//! The time of day, as the log has it.
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Returns the time in UTC with milliseconds (RFC 3339): `2026-11-21T10:11:12.345Z`.
pub(super) fn now() -> String {
    stamp(SystemTime::now())
}

fn stamp(at: SystemTime) -> String {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i128::try_from(since.as_nanos())
        .ok()
        .and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok())
        .and_then(|at| at.format(FORMAT).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_no_offset() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_255_872_045);
        assert_eq!(stamp(at), "2026-11-21T10:11:12.045Z");
    }
}
