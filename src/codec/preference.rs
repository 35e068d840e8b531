//! Preferences of the client: `Prefer` (RFC 7240), and for browsers `__code` and similar names in
//! the query.
use http::{HeaderMap, HeaderName, StatusCode};

use crate::codec::style::Pairs;
use crate::contract::simulation::{Delay, Responder};

/// The `Prefer` header field (RFC 7240 §2).
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Names of the supported preferences.
const NAMES: [&str; 8] = [
    "code", "example", "dynamic", "seed", "scenario", "delay", "real", "sandbox",
];

/// Preferences of a request. Unreadable ones are ignored, as the standard requires, and reported
/// in `Standin-Warning`.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Preferences {
    /// `code=404`
    pub code: Option<StatusCode>,
    /// `example="Example 2"`
    pub example: Option<String>,
    /// `dynamic=true`: a generated value, even if examples are documented.
    pub dynamic: Option<bool>,
    /// `seed=7`
    pub seed: Option<u64>,
    /// `scenario=outage`
    pub scenario: Option<String>,
    /// `delay=300ms`
    pub delay: Option<Delay>,
    /// `real` or `sandbox`: the program that answers, with `standin proxy`.
    pub responder: Option<Responder>,
    /// A sentence for each preference that was ignored, with the reason.
    pub misread: Vec<String>,
}

impl Preferences {
    /// Reads the preferences from the header fields, then from the query; the first with each name
    /// counts.
    #[must_use]
    pub(crate) fn read(headers: &HeaderMap, query: &Pairs<'_>) -> Self {
        let mut preferences = Self::default();
        for line in headers
            .get_all(PREFER)
            .iter()
            .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        {
            for preference in split(line, ',') {
                // Text after a semicolon qualifies a preference (RFC 7240 §2); no supported one
                // has any.
                let preference = split(preference, ';')[0];
                let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
                preferences.take(name.trim(), &unquote(value.trim()));
            }
        }
        for (name, _) in &query.0 {
            if let Some(name) = name.strip_prefix("__") {
                preferences.take(name, &query.first(&format!("__{name}")).unwrap_or_default());
            }
        }
        preferences
    }

    fn take(&mut self, name: &str, value: &str) {
        self.misread.extend(misread(name, value));
        match name.to_ascii_lowercase().as_str() {
            "code" => {
                let code = value.parse().ok().filter(|code| (200..600).contains(code));
                self.code = self
                    .code
                    .or_else(|| code.and_then(|code| StatusCode::from_u16(code).ok()));
            }
            "example" if self.example.is_none() && !value.is_empty() => {
                self.example = Some(value.to_owned());
            }
            // A preference without a value has the empty value (RFC 7240 §2).
            "dynamic" => {
                let wanted = if value.is_empty() {
                    Some(true)
                } else {
                    value.parse().ok()
                };
                self.dynamic = self.dynamic.or(wanted);
            }
            "scenario" if self.scenario.is_none() && !value.is_empty() => {
                self.scenario = Some(value.to_owned());
            }
            "delay" => self.delay = self.delay.or_else(|| Delay::parse(value)),
            "seed" => self.seed = self.seed.or_else(|| value.parse().ok()),
            name => self.responder = self.responder.or_else(|| Responder::named(name)),
        }
    }

    /// Returns true if the client asks for a particular answer.
    #[must_use]
    pub(crate) fn chooses(&self) -> bool {
        self.code.is_some() || self.example.is_some() || self.dynamic == Some(true)
    }
}

/// Returns the reason why a preference is ignored; `None` if it is valid. Unknown names such as
/// `wait` and `return` are allowed, unless they are within one typing error of a supported name.
fn misread(name: &str, value: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let expected = match lower.as_str() {
        "code"
            if value
                .parse()
                .is_ok_and(|code: u16| (200..600).contains(&code)) =>
        {
            return None;
        }
        "code" => "expected a status from 200 to 599",
        "dynamic" if value.is_empty() || value.parse::<bool>().is_ok() => return None,
        "dynamic" => "expected `true` or `false`",
        "seed" if value.parse::<u64>().is_ok() => return None,
        "seed" => "expected a whole number",
        "delay" if Delay::parse(value).is_some() => return None,
        "delay" => "expected a time, such as `300ms`",
        "example" | "scenario" if !value.is_empty() => return None,
        "example" | "scenario" => "expected a name",
        "real" | "sandbox" => return None,
        other => {
            let near = NAMES
                .iter()
                .find(|known| strsim::osa_distance(known, other) == 1)?;
            return Some(format!(
                "the preference `{name}` is not known, did you mean `{near}`?"
            ));
        }
    };
    Some(format!(
        "the preference `{name}={value}` is ignored, {expected}"
    ))
}

/// Splits at delimiters outside quotes.
fn split(text: &str, delimiter: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (index, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted && character == delimiter => {
                parts.push(&text[start..index]);
                start = index + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Returns a token, or the text of a quoted string (RFC 9110 §5.6.4).
fn unquote(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return text.to_owned();
    };
    let mut plain = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' {
            characters.next()
        } else {
            Some(character)
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(lines: &[&str], query: &str) -> Preferences {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                "prefer",
                HeaderValue::from_str(line).expect("is a header value"),
            );
        }
        Preferences::read(&headers, &Pairs::parse(query))
    }

    #[test]
    fn one_header_and_several_say_the_same() {
        let expected = Preferences {
            code: Some(StatusCode::FORBIDDEN),
            example: Some("a, b".into()),
            ..Preferences::default()
        };
        assert_eq!(read(&["code=403, example=\"a, b\""], ""), expected);
        assert_eq!(read(&["code=403", "example=\"a, b\""], ""), expected);
        assert_eq!(
            read(&["Code=403; x=\"y,z\", example=\"a, \\b\""], ""),
            expected
        );
        assert_eq!(read(&[], "__code=403&__example=a%2C+b"), expected);
    }

    #[test]
    fn the_first_counts_and_nonsense_does_not() {
        let preferences = read(
            &["seed=7, seed=8, dynamic, code=99, respond-async, code=404"],
            "__seed=9",
        );
        assert_eq!(preferences.seed, Some(7));
        assert_eq!(preferences.dynamic, Some(true));
        assert_eq!(preferences.code, Some(StatusCode::NOT_FOUND));
        assert_eq!(
            preferences.misread,
            ["the preference `code=99` is ignored, expected a status from 200 to 599"]
        );
    }

    #[test]
    fn preferences_that_mean_nothing_are_told() {
        assert_eq!(
            read(
                &["delay=xyz, dynamic=perhaps, seed=-1, cod=404, scenario"],
                "__exmaple=a"
            )
            .misread
            .len(),
            6
        );
        assert!(
            read(
                &["respond-async, wait=10, return=minimal, odata.maxpagesize=5, count=exact"],
                ""
            )
            .misread
            .is_empty()
        );
    }
}
