//! Writes requests that have content.

/// Returns a `POST` request with JSON content, whose connection is closed afterwards.
pub(crate) fn post(target: &str, json: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    )
}
