//! Checks the bounds of a text before it is parsed: the YAML parser takes quadratic time for deep
//! nesting, and keeps each alias in memory, before it hands over the first value.
use crate::diagnostic::Span;
use crate::document::error::SyntaxError;

/// Maximum size of a file in bytes: 256 MiB. A larger one is a diagnostic.
pub(crate) const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// Maximum number of brackets opened in a row, and of block collections begun on one line; a text
/// with more is refused.
const MOST_IN_A_ROW: usize = 1000;

/// Maximum number of brackets that are open at once; a text with more is refused. Strings in a
/// document may have some that are never closed.
const MOST_OPEN: usize = 5000;

/// Maximum number of aliases of a text, plus one for each `BYTES_FOR_AN_ALIAS` bytes; a text with
/// more is refused.
const MOST_ALIASES: usize = 100_000;
const BYTES_FOR_AN_ALIAS: usize = 100;

/// Maximum number of values of a text, aliases followed, plus one for each `BYTES_FOR_A_VALUE`
/// bytes; a text with more is refused.
const MOST_VALUES: usize = 1_000_000;
const BYTES_FOR_A_VALUE: usize = 4;

/// Returns the maximum number of values of a text, aliases followed.
#[must_use]
pub(super) fn most_values(text: &str) -> usize {
    MOST_VALUES + text.len() / BYTES_FOR_A_VALUE
}

/// Checks that a text keeps the bounds.
///
/// # Errors
///
/// Returns a [`SyntaxError`] that names the bound, at the place where it is exceeded.
pub(super) fn check(text: &str) -> Result<(), SyntaxError> {
    let most_aliases = MOST_ALIASES + text.len() / BYTES_FOR_AN_ALIAS;
    let (mut row, mut open, mut begun, mut aliases) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut before = b' ';
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => (row, open) = (row + 1, open + 1),
            b']' | b'}' => (row, open) = (0, open.saturating_sub(1)),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => row = 0,
        }
        match (before, byte) {
            // `- `, `? ` and `: ` begin a collection.
            (b'-' | b'?' | b':', b' ') => begun += 1,
            (_, b'-' | b'?' | b':' | b' ' | b'\t') => {}
            _ => begun = 0,
        }
        if byte == b'*' && matches!(before, b' ' | b'[' | b',' | b'{' | b'\n') {
            aliases += 1;
        }
        before = byte;
        if row > MOST_IN_A_ROW || open > MOST_OPEN || begun > MOST_IN_A_ROW {
            let most = if open > MOST_OPEN {
                MOST_OPEN
            } else {
                MOST_IN_A_ROW
            };
            return Err(exceeded(
                text,
                at,
                format!("it is nested deeper than {most} levels"),
            ));
        }
        if aliases > most_aliases {
            return Err(exceeded(
                text,
                at,
                format!("it has more than {most_aliases} aliases"),
            ));
        }
    }
    Ok(())
}

fn exceeded(text: &str, at: usize, message: String) -> SyntaxError {
    let before = &text.as_bytes()[..at];
    let line = text[..at].split('\n').count();
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    SyntaxError {
        message,
        span: Span {
            line,
            column,
            length: 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deeply_is_told_whatever_it_is_written_with() {
        for unit in ["[", "{", "[a,", "{a: ", "- ", "? ", "[ ", "{\"a\":", ": "] {
            let error = check(&unit.repeat(100_000)).expect_err(unit);
            assert!(
                error.message.starts_with("it is nested deeper than"),
                "{unit}: {}",
                error.message
            );
        }
        for fine in [
            "- - - a",
            "a: [1, 2]\n",
            "x: |\n  - - - - -\n  [[[",
            "--- \na: b",
        ] {
            assert!(check(fine).is_ok(), "{fine}");
            assert!(check(&format!("{fine}\n").repeat(1000)).is_ok(), "{fine}");
        }
    }

    #[test]
    fn aliases_are_counted() {
        let text = format!("a: &a {{}}\nb: [{}]", "*a,".repeat(3_000_000));
        let error = check(&text).expect_err("there are too many");
        assert!(error.message.ends_with(" aliases"), "{}", error.message);
        assert!(check(&"text: some *bold* words\n".repeat(50_000)).is_ok());
    }
}
