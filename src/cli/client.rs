//! Requests as input of other clients: as commands of curl, and as entries of Hurl.
use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::{Map, Value};

use crate::codec::message::{Request, Response};
use crate::contract::media::MediaRange;
use crate::diagnostic::escape::is_hidden;

/// Returns the request to the server at `base` as a command for a POSIX shell, with a line feed at
/// its end.
pub(super) fn curl(request: &Request, base: &str) -> String {
    let content = request.body().bytes();
    let url = format!("{base}{}", request.uri());
    let mut words = Vec::new();
    if url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    if request.uri().path().contains("/.") {
        words.push("--path-as-is".to_owned());
    }
    match *request.method() {
        Method::GET if content.is_empty() => {}
        // With `-X HEAD`, curl waits for the content.
        Method::HEAD => words.push("--head".to_owned()),
        ref method => words.push(format!("-X {}", word(method.as_str().as_bytes()))),
    }
    words.push(word(url.as_bytes()));
    for (name, value) in request.headers() {
        words.push(format!("-H {}", field(name.as_str(), value)));
    }
    if !content.is_empty() && !request.headers().contains_key(CONTENT_TYPE) {
        // Without it, curl says that the content is a form.
        words.push("-H 'content-type:'".to_owned());
    }
    let mut before = String::new();
    match std::str::from_utf8(&content) {
        _ if content.is_empty() => {}
        // `--data-raw` reads no file, whatever the content begins with.
        Ok(text) if is_shown(text) => words.push(format!("--data-raw {}", quoted(text))),
        _ => {
            before = format!("printf {} | ", quoted(&octal(&content)));
            words.push("--data-binary @-".to_owned());
        }
    }
    format!("{before}curl {}\n", words.join(" \\\n  "))
}

/// Writes a header field as one word; `name;` is an empty one for curl.
fn field(name: &str, value: &HeaderValue) -> String {
    if value.is_empty() {
        return word(format!("{name};").as_bytes());
    }
    word(&[name.as_bytes(), b": ", value.as_bytes()].concat())
}

/// Writes bytes without NUL as one word of a shell.
fn word(bytes: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(byte);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && bytes.iter().all(is_plain) => text.to_owned(),
        Ok(text) if is_shown(text) => quoted(text),
        _ => format!("\"$(printf {})\"", quoted(&octal(bytes))),
    }
}

/// Writes a text in single quotes, in which a shell reads every other character as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns true if a text has only line feeds and characters that a terminal shows, so that it can
/// be copied.
fn is_shown(text: &str) -> bool {
    !text.chars().any(|c| c != '\n' && is_hidden(c))
}

/// Writes bytes as a format of `printf` of POSIX, with octal escapes.
fn octal(bytes: &[u8]) -> String {
    let mut written = String::with_capacity(bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'%' => written.push_str("%%"),
            // A format that begins with a hyphen would be an option.
            b'-' if index == 0 => written.push_str("\\055"),
            b' '..=b'~' if !matches!(byte, b'\\' | b'\'') => written.push(char::from(*byte)),
            _ => {
                let _ = write!(written, "\\{byte:03o}");
            }
        }
    }
    written
}

/// Returns the request and the expected answer as an entry of Hurl, with an empty line at its end.
pub(super) fn hurl(request: &Request, response: &Response, base: &str) -> String {
    let mut entry = format!(
        "{} {}{}\n",
        request.method(),
        plain(base),
        plain(&request.uri().to_string())
    );
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(entry, "{name}: {}", plain(&value));
    }
    if let Some(content) = hurl_content(request) {
        entry.push_str(&content);
        entry.push('\n');
    }
    let _ = writeln!(entry, "HTTP {}", response.status().as_u16());
    let asserts = asserts(response);
    if !asserts.is_empty() {
        entry.push_str("[Asserts]\n");
        entry.push_str(&asserts);
    }
    entry.push('\n');
    entry
}

/// Writes the content of a request: JSON as it is, other short text in one line, and the rest in
/// base64; `None` if it is empty.
fn hurl_content(request: &Request) -> Option<String> {
    let content = request.body().bytes();
    if content.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(&content).ok();
    let text = text.filter(|text| is_shown(text) && !text.contains("{{"));
    Some(match text {
        Some(text) if is_json(request.headers().get(CONTENT_TYPE), text) => text.to_owned(),
        Some(text) if !text.contains(['`', '\\', '#', '\n']) => format!("`{text}`"),
        _ => format!("base64,{};", BASE64_STANDARD.encode(&content)),
    })
}

/// Returns true for an object or a list of a JSON type, which Hurl reads as JSON.
fn is_json(media: Option<&HeaderValue>, text: &str) -> bool {
    let media = media.and_then(|media| media.to_str().ok());
    media
        .and_then(MediaRange::parse)
        .is_some_and(|media| media.is_json())
        && text.starts_with(['{', '['])
        && serde_json::from_str::<Value>(text).is_ok()
}

/// Maximum number of members of an answer that are compared.
const MOST_COMPARED: usize = 8;

/// Longest text of an answer that is compared, in bytes.
const LONGEST_TEXT: usize = 200;

/// Returns the assertions on the media type and on members of a JSON answer.
fn asserts(response: &Response) -> String {
    let mut written = String::new();
    let media = response.headers().get(CONTENT_TYPE);
    if let Some(media) = media.and_then(|media| media.to_str().ok()) {
        let _ = writeln!(
            written,
            "header \"content-type\" == \"{}\"",
            in_quotes(media)
        );
    }
    let Ok(value) = serde_json::from_slice::<Value>(response.body()) else {
        return written;
    };
    let (at, members): (&str, Cow<'_, Map<String, Value>>) = match &value {
        Value::Object(members) => ("$", Cow::Borrowed(members)),
        Value::Array(items) => {
            let _ = writeln!(written, "jsonpath \"$\" count == {}", items.len());
            match items.first() {
                Some(Value::Object(members)) => ("$[0]", Cow::Borrowed(members)),
                _ => ("$", Cow::Owned(Map::new())),
            }
        }
        _ => ("$", Cow::Owned(Map::new())),
    };
    let compared = members
        .iter()
        .filter(|(name, _)| is_name(name))
        .filter_map(|(name, member)| Some((name, expected(member)?)));
    for (name, expected) in compared.take(MOST_COMPARED) {
        let _ = writeln!(written, "jsonpath \"{at}.{name}\" {expected}");
    }
    written
}

/// Returns true for a name that a `JSONPath` has without quotes.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the predicate for a member; `None` for one that is not compared: an object, a long text,
/// or a number that clients may round.
fn expected(member: &Value) -> Option<String> {
    match member {
        Value::Null => Some("== null".to_owned()),
        Value::Bool(value) => Some(format!("== {value}")),
        Value::Number(number) => number.as_i64().map(|number| format!("== {number}")),
        Value::String(text) if text.len() <= LONGEST_TEXT => {
            Some(format!("== \"{}\"", in_quotes(text)))
        }
        Value::Array(items) => Some(format!("count == {}", items.len())),
        Value::String(_) | Value::Object(_) => None,
    }
}

/// Escapes a text for a string of Hurl in double quotes.
fn in_quotes(text: &str) -> String {
    escaped(text, &['"', '\\'])
}

/// Escapes a text for a value of Hurl without quotes: a URL or a header field.
fn plain(text: &str) -> String {
    escaped(text, &['#', '\\'])
}

/// Writes special and hidden characters, and the braces of a template, as `\u{…}`.
fn escaped(text: &str, special: &[char]) -> String {
    let has_template = text.contains("{{");
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        if special.contains(&letter) || is_hidden(letter) || has_template && letter == '{' {
            let _ = write!(written, "\\u{{{:x}}}", u32::from(letter));
        } else {
            written.push(letter);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "http://127.0.0.1:4010";
    use crate::codec::message::Body;

    fn request(method: &str, target: &str, content: &[u8]) -> Request {
        http::Request::builder()
            .method(method)
            .uri(target)
            .body(Body::Complete(Bytes::copy_from_slice(content)))
            .expect("is a request")
    }

    /// Runs a command in a shell whose `curl` prints its arguments and its input, each in brackets.
    #[cfg(unix)]
    fn run(command: &str) -> Vec<u8> {
        let script = format!(
            "curl() {{ for word; do printf '[%s]' \"$word\"; done; case \"$*\" in *' @-'*) cat;; esac; }}\n{command}"
        );
        let ran = Command::new("sh").args(["-c", &script]).output();
        ran.expect("there is a shell").stdout
    }

    #[test]
    fn a_command_has_what_curl_would_not_send_by_itself() {
        let mut made = request("POST", "/pets?filter[a]=1", b"{\"name\": \"it's\"}");
        let json = HeaderValue::from_static("application/json");
        made.headers_mut().insert(CONTENT_TYPE, json);
        made.headers_mut()
            .insert("x-empty", HeaderValue::from_static(""));
        assert_eq!(
            curl(&made, BASE),
            "curl --globoff \\\n  -X POST \\\n  'http://127.0.0.1:4010/pets?filter[a]=1' \\\n  -H 'content-type: application/json' \\\n  -H 'x-empty;' \\\n  --data-raw '{\"name\": \"it'\\''s\"}'\n"
        );
        assert_eq!(
            curl(&request("GET", "/a", b""), BASE),
            "curl http://127.0.0.1:4010/a\n"
        );
        assert_eq!(
            curl(&request("HEAD", "/a/../b", b""), BASE),
            "curl --path-as-is \\\n  --head \\\n  http://127.0.0.1:4010/a/../b\n"
        );
        assert_eq!(
            curl(&request("PUT", "/a", b"@/etc/passwd\0%"), BASE),
            "printf '@/etc/passwd\\000%%' | curl -X PUT \\\n  http://127.0.0.1:4010/a \\\n  -H 'content-type:' \\\n  --data-binary @-\n"
        );
        assert_eq!(octal(b"-a-\x7f'"), "\\055a-\\177\\047");
    }

    #[cfg(unix)]
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_any_bytes_as_they_are(content in prop::collection::vec(any::<u8>(), 1..40)) {
            let printed = run(&curl(&request("POST", "/a", &content), BASE));
            let is_text = std::str::from_utf8(&content).is_ok_and(is_shown);
            let expected = if is_text {
                [b"[--data-raw][", &content[..], b"]"].concat()
            } else {
                [b"[--data-binary][@-]", &content[..]].concat()
            };
            prop_assert!(printed.ends_with(&expected), "{}", String::from_utf8_lossy(&printed));
        }

        #[test]
        fn a_shell_reads_any_text_as_it_is(content in "[ -~\n'\"$`\\\\!é]{1,30}") {
            let printed = run(&curl(&request("POST", "/a", content.as_bytes()), BASE));
            let expected = format!("[--data-raw][{content}]");
            prop_assert!(printed.ends_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&printed));
        }

        #[test]
        fn a_shell_reads_any_header_field_as_it_is(value in "[!-~\u{80}-\u{ff}][ -~\t\u{80}-\u{ff}]{0,20}[!-~]") {
            let mut made = request("GET", "/a", b"");
            made.headers_mut().insert("x-a", HeaderValue::from_bytes(value.as_bytes()).expect("is one"));
            let printed = run(&curl(&made, BASE));
            let expected = format!("[x-a: {value}]");
            prop_assert!(printed.ends_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&printed));
        }
    }

    #[test]
    fn an_entry_compares_the_status_and_members() {
        let mut made = request("POST", "/pets?q=%23", br#"{"a": 1}"#);
        let json = HeaderValue::from_static("application/json");
        made.headers_mut().insert(CONTENT_TYPE, json.clone());
        made.headers_mut()
            .insert("x-a", HeaderValue::from_static("{{b}} # c"));
        let body = r#"{"id": 7, "name": "a \"b\" {{c}}\n#", "tags": [1], "of": {}, "odd name": 1, "big": 1e400, "ok": true, "no": null}"#;
        let mut response = Response::new(Bytes::from_static(body.as_bytes()));
        response.headers_mut().insert(CONTENT_TYPE, json);
        assert_eq!(
            hurl(&made, &response, BASE),
            r#"POST http://127.0.0.1:4010/pets?q=%23
content-type: application/json
x-a: \u{7b}\u{7b}b}} \u{23} c
{"a": 1}
HTTP 200
[Asserts]
header "content-type" == "application/json"
jsonpath "$.id" == 7
jsonpath "$.name" == "a \u{22}b\u{22} \u{7b}\u{7b}c}}\u{a}#"
jsonpath "$.tags" count == 1
jsonpath "$.ok" == true
jsonpath "$.no" == null

"#
        );
    }

    #[test]
    fn content_that_hurl_would_change_is_base64() {
        let content = |content: &[u8]| hurl_content(&request("POST", "/a", content));
        assert_eq!(content(b"a=1&b=2").as_deref(), Some("`a=1&b=2`"));
        assert_eq!(content(b""), None);
        for odd in [
            &b"{{a}}"[..],
            b"a\nb",
            b"a`b",
            b"a\\b",
            b"#",
            b"\xff\0",
            b"\r",
        ] {
            let expected = format!("base64,{};", BASE64_STANDARD.encode(odd));
            assert_eq!(content(odd), Some(expected));
        }
    }
}
