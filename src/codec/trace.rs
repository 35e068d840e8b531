//! Trace of a request (W3C Trace Context), by which logs of several servers are joined.
use http::HeaderMap;

/// Returns the trace of `traceparent`: 32 hexadecimal digits. `None` if there is none, or it is malformed.
#[must_use]
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("traceparent")?.to_str().ok()?.trim();
    let mut parts = value.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    let is_id = |text: &str, length: usize| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == length && text.bytes().all(is_hex)
    };
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    // Later versions may have more parts (Trace Context §4.3).
    let is_whole = version != "00" || parts.next().is_none();
    let is_valid = is_id(version, 2)
        && version != "ff"
        && is_id(trace, 32)
        && is_some(trace)
        && is_id(parent, 16)
        && is_some(parent)
        && is_id(flags, 2)
        && is_whole;
    is_valid.then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn only_a_valid_field_names_a_trace() {
        let found = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", value.parse().expect("is a value"));
            trace_id(&headers).map(str::to_owned)
        };
        let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(found(&valid).as_deref(), Some(TRACE));
        let later = format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes");
        assert_eq!(found(&later).as_deref(), Some(TRACE));
        for wrong in [
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}"),
            "none".to_owned(),
        ] {
            assert_eq!(found(&wrong), None, "{wrong}");
        }
    }
}
