//! Formats that the validator does not know, or checks more or less strictly than their standards.
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonschema::{ValidationOptions, Validator};
use serde_json::{Value, json};

/// Adds the formats to the options of a validator.
pub(super) fn with_formats(options: ValidationOptions<'_>) -> ValidationOptions<'_> {
    options
        .should_validate_formats(true)
        .with_format("byte", is_base64)
        .with_format("base64url", is_base64url)
        .with_format("char", |text: &str| text.chars().count() == 1)
        .with_format("decimal", |text: &str| {
            text.parse::<f64>().is_ok_and(f64::is_finite)
        })
        .with_format("email", |text: &str| is_mailbox(text, Characters::Ascii))
        .with_format("idn-email", |text: &str| {
            is_mailbox(text, Characters::Unicode)
        })
        .with_format("hostname", is_hostname)
        .with_format("idn-hostname", is_international_hostname)
}

/// Checks base64 (RFC 4648 §4); the padding is optional, because many leave it out.
fn is_base64(text: &str) -> bool {
    let lines: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD_NO_PAD.decode(lines.trim_end_matches('=')).is_ok()
}

/// Checks base64url (RFC 4648 §5); the padding is optional.
fn is_base64url(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).is_ok()
}

/// Characters that a mailbox may have.
#[derive(Clone, Copy, PartialEq)]
enum Characters {
    /// ASCII, as in RFC 5321.
    Ascii,
    /// Unicode, as in RFC 6531.
    Unicode,
}

/// Maximum octets of the local part of a mailbox (RFC 5321 §4.5.3.1.1); a longer one is invalid.
const LONGEST_LOCAL_PART: usize = 64;

/// Maximum octets of a mailbox; a longer one is invalid. A path has 256 with its brackets (RFC
/// 5321 §4.5.3.1.3).
const LONGEST_MAILBOX: usize = 254;

/// Checks a `Mailbox` of RFC 5321 §4.1.2: no display name, comments or blanks around it.
fn is_mailbox(text: &str, characters: Characters) -> bool {
    // A quoted local part may have an `@`, a domain may not.
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    text.len() <= LONGEST_MAILBOX
        && local.len() <= LONGEST_LOCAL_PART
        && is_local_part(local, characters)
        && match domain
            .strip_prefix('[')
            .and_then(|domain| domain.strip_suffix(']'))
        {
            Some(address) => is_address_literal(address),
            None if characters == Characters::Unicode => is_international_hostname(domain),
            None => is_hostname(domain),
        }
}

/// Checks a `Dot-string` or `Quoted-string`.
fn is_local_part(local: &str, characters: Characters) -> bool {
    let is_other = |c: char| !c.is_ascii() && characters == Characters::Unicode;
    match local
        .strip_prefix('"')
        .and_then(|local| local.strip_suffix('"'))
    {
        Some(quoted) => is_quoted_content(quoted, is_other),
        None => local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(|c| is_atext(c) || is_other(c))),
    }
}

/// Checks `*QcontentSMTP`: anything printable, `"` and `\` after a `\` only.
fn is_quoted_content(quoted: &str, is_other: impl Fn(char) -> bool) -> bool {
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        let is_text = match c {
            '\\' => chars
                .next()
                .is_some_and(|escaped| matches!(escaped, ' '..='~')),
            '"' => false,
            _ => matches!(c, ' '..='~') || is_other(c),
        };
        if !is_text {
            return false;
        }
    }
    true
}

/// Returns true for `atext` of RFC 5322 §3.2.3.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// Checks an `address-literal` of RFC 5321 §4.1.3; `IPv6` is the only registered tag.
fn is_address_literal(address: &str) -> bool {
    const TAG: &str = "IPv6:";
    match address
        .get(..TAG.len())
        .filter(|tag| tag.eq_ignore_ascii_case(TAG))
    {
        Some(_) => address[TAG.len()..].parse::<Ipv6Addr>().is_ok(),
        None => address.parse::<Ipv4Addr>().is_ok(),
    }
}

/// Checks a host name by RFC 1123 §2.1 and RFC 5891 §4.4; case is ignored (RFC 4343), in `XN--`
/// too.
fn is_hostname(text: &str) -> bool {
    static LOWER_CASE: LazyLock<Option<Validator>> = LazyLock::new(|| {
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&json!({ "format": "hostname" }))
            .ok()
    });
    let lower = Value::String(text.to_ascii_lowercase());
    LOWER_CASE
        .as_ref()
        .is_none_or(|validator| validator.is_valid(&lower))
}

/// Maximum octets of a label of a host name (RFC 1035 §2.3.4); a longer one is invalid.
const LONGEST_LABEL: usize = 63;

/// Maximum octets of a host name, without the last dot (RFC 1035 §2.3.4); a longer one is invalid.
const LONGEST_HOSTNAME: usize = 253;

/// Checks an international host name: labels of ASCII, or of letters, digits and marks of other
/// scripts, with any of the dots of RFC 3490 §3.1 between them. The rules of RFC 5892 for single
/// characters are left out.
fn is_international_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        if label.is_ascii() {
            return is_hostname(label);
        }
        let is_of_name = |c: char| {
            if c.is_ascii() {
                c.is_ascii_alphanumeric() || c == '-'
            } else {
                !is_sign(c)
            }
        };
        label.len() <= 4 * LONGEST_LABEL
            && label.chars().count() <= LONGEST_LABEL
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(is_of_name)
    };
    text.chars().count() <= LONGEST_HOSTNAME
        && text
            .split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'])
            .all(is_label)
}

/// Returns true if a character beyond ASCII is certainly in no name: blanks, controls, general
/// punctuation, symbols.
fn is_sign(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{a1}'..='\u{a9}' | '\u{ab}'..='\u{b1}' | '\u{b4}' | '\u{b6}' | '\u{b8}' | '\u{bb}' | '\u{bf}')
        || matches!(c, '\u{2010}'..='\u{206f}' | '\u{20a0}'..='\u{20cf}' | '\u{2190}'..='\u{2bff}')
        || matches!(c, '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3029}' | '\u{fff0}'..='\u{ffff}')
        || matches!(c, '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_are_those_of_rfc_5321() {
        let good = [
            "a@b",
            "ann@example.com",
            "Ann.O'Hara+news@mail.EXAMPLE.com",
            "\"a b\"@example.com",
            "\"\"@example.com",
            r#""a\"@b"@example.com"#,
            "a@[127.0.0.1]",
            "a@[ipv6:::1]",
            "a@XN--BCHER-KVA.example",
        ];
        let bad = [
            "",
            "ann",
            "@example.com",
            "ann@",
            "Ann <ann@example.com>",
            "<ann@example.com>",
            " ann@example.com",
            "ann@example.com ",
            "ann@example.com\n",
            "ann(comment)@example.com",
            ".ann@example.com",
            "a..b@example.com",
            "ann.@example.com",
            "a@b@example.com",
            "a@-example.com",
            "a@example..com",
            "a@example.com.",
            "a@[127.0.0.256]",
            "a@[x:y]",
            "änn@example.com",
            "\"a\tb\"@example.com",
            "\"a\"b\"@example.com",
            "mailto:ann@example.com, bob@example.com",
        ];
        for text in good {
            assert!(is_mailbox(text, Characters::Ascii), "{text}");
        }
        for text in bad {
            assert!(!is_mailbox(text, Characters::Ascii), "{text}");
        }
        let local = "a".repeat(LONGEST_LOCAL_PART);
        assert!(is_mailbox(
            &format!("{local}@example.com"),
            Characters::Ascii
        ));
        assert!(!is_mailbox(
            &format!("{local}a@example.com"),
            Characters::Ascii
        ));
    }

    #[test]
    fn international_mailboxes_have_other_letters_and_no_more() {
        assert!(is_mailbox("änn@bücher.example", Characters::Unicode));
        assert!(is_mailbox("실례@실례.테스트", Characters::Unicode));
        for text in [
            "Änn <änn@bücher.example>",
            "änn@büch er.example",
            "änn",
            "a@-ü.example",
        ] {
            assert!(!is_mailbox(text, Characters::Unicode), "{text}");
        }
    }

    #[test]
    fn host_names_have_no_case() {
        for text in [
            "example.com",
            "EXAMPLE.com",
            "xn--bcher-kva.example",
            "XN--BCHER-KVA.EXAMPLE",
            "Xn--bcher-kva.e",
        ] {
            assert!(is_hostname(text), "{text}");
        }
        for text in [
            "",
            "-a",
            "a_b",
            "XN--\u{fc}",
            "ab--c",
            "xn--X",
            "bücher.example",
        ] {
            assert!(!is_hostname(text), "{text}");
        }
        for text in [
            "bücher.example",
            "BÜCHER.example",
            "XN--BCHER-KVA.example",
            "例え。テスト",
        ] {
            assert!(is_international_hostname(text), "{text}");
        }
        for text in ["", "-ü.example", "ü ü.example", "ü..example", "☃.example"] {
            assert!(!is_international_hostname(text), "{text}");
        }
    }
}
