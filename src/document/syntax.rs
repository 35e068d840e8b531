//! Parses JSON and YAML texts into value trees.
//!
//! Positions in the text are left to `position`, the meaning of the tree to the other files of this
//! module. This is the only file that names `serde_yaml`.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::DeserializeSeed as _;
use serde::{Deserialize, de};
use serde_json::Value;
use yoke::Yoke;

use crate::diagnostic::Span;
use crate::document::bounds;
use crate::document::error::SyntaxError;
use crate::document::number::Follower;
use crate::document::tree::{Notes, ValueSeed};
pub(crate) use crate::document::tree::{Oddity, OddityKind, join, push};

/// Result of [`parse`].
pub(crate) struct Parsed {
    /// The tree; for a YAML stream, its first document.
    pub tree: Value,
    /// Constructs that were read although OpenAPI does not allow them.
    pub oddities: Vec<Oddity>,
}

/// Parses JSON, or else YAML 1.2.
///
/// JSON is YAML too, but its own parser is a hundred times faster and gives better errors.
///
/// # Errors
///
/// Returns a [`SyntaxError`] with line and column, from the parser of the language that the text
/// begins like.
pub(crate) fn parse(text: &str) -> Result<Parsed, SyntaxError> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['{', '[']) {
        return parse_yaml(text);
    }
    // JSON with comments or trailing commas is not JSON, but YAML's flow style reads it.
    parse_json(text).or_else(|error| {
        let mut parsed = parse_yaml(&without_comments(text))
            .or_else(|_| parse_yaml(text))
            .map_err(|_| error)?;
        parsed.oddities.push(Oddity {
            kind: OddityKind::LenientJson,
            pointer: String::new(),
        });
        Ok(parsed)
    })
}

/// Stack size of a parsing thread in bytes; nested values are parsed by recursion.
const STACK: usize = 16 * 1024 * 1024;

/// Parses texts on as many threads as there are processors; each thread takes the next unparsed
/// text. Results are in the order of `texts`.
#[must_use]
pub(crate) fn parse_all(texts: &[&str]) -> Vec<Result<Parsed, SyntaxError>> {
    let places: Vec<OnceLock<_>> = texts.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some((text, place)) = texts.get(at).zip(places.get(at)) else {
            return;
        };
        let _first = place.set(parse(text));
    };
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(texts.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            // If no more threads can be spawned, fewer do the work.
            let _spawned = thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, work);
        }
        work();
    });
    places
        .into_iter()
        .zip(texts)
        .map(|(place, text)| place.into_inner().unwrap_or_else(|| parse(text)))
        .collect()
}

/// Returns the text with blanks instead of `// …` and `/* … */` outside of strings, so that
/// positions stay. YAML allows `https://…` and `*/*` without quotes, so a comment begins only after
/// white space, a bracket, a comma or a quotation mark.
fn without_comments(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(first) = rest.chars().next() {
        let may_begin = !in_string
            && made
                .chars()
                .next_back()
                .is_none_or(|c| c.is_whitespace() || "{}[],\"".contains(c));
        let end = match first {
            '\\' if in_string => None,
            '/' if may_begin && rest.starts_with("//") => {
                Some(rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if may_begin && rest.starts_with("/*") => {
                Some(rest.find("*/").map_or(rest.len(), |end| end + 2))
            }
            _ => None,
        };
        if let Some(end) = end {
            made.extend(
                rest[..end]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' }),
            );
            rest = &rest[end..];
            continue;
        }
        let mut width = first.len_utf8();
        match first {
            '"' => in_string = !in_string,
            '\\' if in_string => width += rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => {}
        }
        made.push_str(&rest[..width]);
        rest = &rest[width..];
    }
    made
}

fn parse_json(text: &str) -> Result<Parsed, SyntaxError> {
    let notes = Notes::new(text, None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let tree = ValueSeed(&notes)
        .deserialize(&mut reader)
        .and_then(|tree| reader.end().map(|()| tree))
        .map_err(|error| SyntaxError::from_json(&error, text))?;
    Ok(Parsed {
        tree,
        oddities: notes.oddities(),
    })
}

fn parse_yaml(text: &str) -> Result<Parsed, SyntaxError> {
    bounds::check(text)?;
    let notes = Notes::new(text, Some(Follower::new(text)));
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let Some(first) = documents.next() else {
        return Ok(Parsed {
            tree: Value::Null,
            oddities: Vec::new(),
        });
    };
    let tree = ValueSeed(&notes)
        .deserialize(first)
        .map_err(|error| yaml_error(&error))?;
    let mut oddities = notes.oddities();
    if let Some(second) = documents.next() {
        de::IgnoredAny::deserialize(second).map_err(|error| yaml_error(&error))?;
        oddities.push(Oddity {
            kind: OddityKind::SecondDocument,
            pointer: String::new(),
        });
    }
    Ok(Parsed { tree, oddities })
}

fn yaml_error(error: &serde_yaml::Error) -> SyntaxError {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    let (line, column) = error
        .location()
        .map_or((1, 1), |place| (place.line(), place.column()));
    SyntaxError {
        message,
        span: Span {
            line: line.max(1),
            column: column.max(1),
            length: 1,
        },
    }
}

/// Returns a JSON Pointer as a URI fragment, without the `#` (RFC 6901 §6).
#[must_use]
pub(crate) fn fragment(pointer: &str) -> String {
    /// Characters to percent-encode, because RFC 3986 §3.5 does not allow them in a fragment.
    const FRAGMENT: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'[')
        .add(b'\\')
        .add(b']')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    utf8_percent_encode(pointer, FRAGMENT).to_string()
}

/// Returns the number of values in a value, itself included.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Object(object) => 1 + object.values().map(size).sum::<usize>(),
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// Returns the value at a JSON Pointer, as [`Value::pointer`] does, without a copy of each segment.
#[must_use]
pub(crate) fn find<'t>(tree: &'t Value, pointer: &str) -> Option<&'t Value> {
    let mut at = tree;
    if pointer.is_empty() {
        return Some(at);
    }
    for segment in pointer.strip_prefix('/')?.split('/') {
        at = match at {
            Value::Object(object) if segment.contains('~') => object.get(&unescape(segment))?,
            Value::Object(object) => object.get(segment)?,
            Value::Array(_) => at.pointer(&format!("/{segment}"))?,
            _ => return None,
        };
    }
    Some(at)
}

/// A part of a tree, searched for once and then remembered.
#[derive(Debug, Default)]
pub(crate) struct CachedPart(OnceLock<Yoke<&'static Value, Arc<Value>>>);

impl CachedPart {
    /// Returns the value at a JSON Pointer of the tree; both must be the same at each call.
    pub(crate) fn find(&self, tree: &Arc<Value>, pointer: &str) -> Option<&Value> {
        if let Some(found) = self.0.get() {
            return Some(found.get());
        }
        let found =
            Yoke::try_attach_to_cart(Arc::clone(tree), |tree| find(tree, pointer).ok_or(()))
                .ok()?;
        Some(self.0.get_or_init(|| found).get())
    }
}

/// Returns a segment of a JSON Pointer as the name that it encodes (RFC 6901 §4).
#[must_use]
pub(crate) fn unescape(segment: &str) -> String {
    if !segment.contains('~') {
        return segment.to_owned();
    }
    segment.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_where_the_standard_says() {
        // RFC 6901 §5, and pointers without a target.
        let tree =
            serde_json::json!({"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, "x": {"0": 1}});
        for pointer in [
            "", "/foo", "/foo/0", "/", "/a~1b", "/m~0n", "/x/0", "/foo/00", "/foo/2", "/foo/-",
            "foo", "/x/1", "/a~1b/c",
        ] {
            assert_eq!(find(&tree, pointer), tree.pointer(pointer), "{pointer}");
        }
    }

    #[test]
    fn comments_become_blanks() {
        let text = "{ // a\n\"u\": \"http://x\\\"//y\", /* b\n */ \"n\": 1, }";
        let made = without_comments(text);
        assert_eq!(
            made,
            "{     \n\"u\": \"http://x\\\"//y\",     \n    \"n\": 1, }"
        );
        assert_eq!(
            parse(text).map(|parsed| parsed.tree["n"].clone()).ok(),
            Some(serde_json::json!(1))
        );
    }
    use serde_json::json;

    #[test]
    fn json_and_yaml_give_the_same_tree_in_the_author_s_order() {
        let json = parse(r#"{"b": 1, "a": [true, null, 1.5, "x"]}"#).expect("is JSON");
        let yaml = parse("b: 1\na: [true, ~, 1.5, x]").expect("is YAML");
        assert_eq!(json.tree, yaml.tree);
        assert_eq!(
            yaml.tree
                .as_object()
                .expect("is a map")
                .keys()
                .collect::<Vec<_>>(),
            ["b", "a"]
        );
    }

    #[test]
    fn keys_that_are_numbers_become_strings_and_are_noted() {
        let parsed = parse("paths:\n  /a/b:\n    200: ok\n").expect("is YAML");
        assert_eq!(parsed.tree, json!({"paths": {"/a/b": {"200": "ok"}}}));
        let oddity = Oddity {
            kind: OddityKind::NumericKey,
            pointer: "/paths/~1a~1b/200".into(),
        };
        assert_eq!(parsed.oddities, [oddity]);
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_and_is_noted() {
        for text in ["{\"a\": 1, \"a\": 2}", "a: 1\n'a': 2"] {
            let parsed = parse(text).expect("parses");
            assert_eq!(parsed.tree, json!({"a": 2}));
            assert_eq!(parsed.oddities[0].kind, OddityKind::DuplicateKey);
        }
    }

    #[test]
    fn words_and_dates_that_yaml_1_1_would_change_stay_strings() {
        let parsed = parse("a: no\nb: 2024-01-01\nc: 12:30\nd: on").expect("is YAML");
        assert_eq!(
            parsed.tree,
            json!({"a": "no", "b": "2024-01-01", "c": "12:30", "d": "on"})
        );
    }

    #[test]
    fn numbers_keep_their_text() {
        let yaml = "\
a: 1.10   # 2.20
b: [1.50, 'x', 2.500, \"y\", 1e3, true, null, 7.0, {k: 8.00}, 9.00]
c:
  - 1000000000000100000001
  -
  - -1.0E-5
  - !!float 3.30
d: &d 4.40
e: *d
\"f\" : 123456789012345678901234567890123456789012345.0
1.20: |
  6.60
g: 6.6
h: {x:
  5.50}
i: \"\\t 9.90\"
j: 9.9
k: 0x1F
l: .50
m: +1.50
n: 0o17
o: 1_000
p: [[1.10], [1.20]]
q: .inf
";
        let tree = parse(yaml).expect("is YAML").tree;
        let written = r#"{"a":1.10,"b":[1.50,"x",2.500,"y",1e3,true,null,7.0,{"k":8.00},9.00],"c":[1000000000000100000001,null,-1.0E-5,3.30],"d":4.40,"e":4.40,"f":123456789012345678901234567890123456789012345.0,"1.20":"6.60\n","g":6.6,"h":{"x":5.50},"i":"\t 9.90","j":9.9,"k":31,"l":0.5,"m":1.50,"n":15,"o":"1_000","p":[[1.10],[1.20]],"q":null}"#;
        assert_eq!(tree.to_string(), written);
        assert_eq!(parse(written).expect("is JSON").tree.to_string(), written);
    }

    #[test]
    fn merge_keys_and_tags_are_understood() {
        let parsed = parse("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: !num 3").expect("is YAML");
        assert_eq!(parsed.tree["use"], json!({"y": 3, "x": 1}));
    }

    #[test]
    fn json_with_comments_and_trailing_commas_is_read() {
        let parsed = parse("{ # comment\n \"a\": [1, 2,],\n}").expect("reads as YAML");
        assert_eq!(parsed.tree, json!({"a": [1, 2]}));
    }

    #[test]
    fn errors_say_where() {
        let json = parse("{\n  \"a\": [1\n").err().expect("is not JSON");
        assert_eq!(
            (json.span.line, json.message.as_str()),
            (3, "EOF while parsing a list")
        );
        let yaml = parse("a: b: c").err().expect("is no YAML");
        assert_eq!((yaml.span.line, yaml.span.column), (1, 5));
    }

    #[test]
    fn alias_bombs_are_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let below = format!("*a{},", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(parse(&text).is_err());
        let heavy = format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(100_000),
            "*a,".repeat(5000)
        );
        let error = parse(&heavy).err().expect("is refused");
        assert!(
            error.message.contains("unfold to too much"),
            "{}",
            error.message
        );
        assert!(parse(&format!("x: {}", "[".repeat(100_000))).is_err());
    }
}
