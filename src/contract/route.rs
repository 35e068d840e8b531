//! Routing: path templates, their precedence, and the router that finds the operation of a
//! request.
//!
//! `codec::parameter` reads the captured values afterwards.
use std::collections::HashMap;

use foldhash::fast::FixedState;
use http::Method;
use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

/// Query or fragment in the path key of an operation: `?beta=true`, `#upload`. Requests have no
/// fragments, so operations at one path are distinguished by other parts of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Text as documented, from `?` or `#` on.
    pub text: String,
    /// Names and values that a request for the operation has.
    pub pins: Vec<Pin>,
}

/// A decoded name and value that a request must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// A query parameter; without a value, any value matches.
    Query(String, Option<String>),
    /// A header field or query parameter, from a fragment such as `#X-Amz-Target=A.B`.
    Field(String, String),
}

impl Variant {
    /// Parses the query and fragment of a path key.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (query, fragment) = text.split_once('#').unwrap_or((text, ""));
        let pairs = |text: &str| {
            text.split('&')
                .map(str::to_owned)
                .filter(|pair| !pair.is_empty())
                .collect::<Vec<_>>()
        };
        let decode = |text: &str| decode(&text.replace('+', " "));
        let query = pairs(query.trim_start_matches('?'))
            .into_iter()
            .map(|pair| match pair.split_once('=') {
                // `x={x}` requires only the name.
                Some((name, value)) if value.starts_with('{') && value.ends_with('}') => {
                    Pin::Query(decode(name), None)
                }
                Some((name, value)) => Pin::Query(decode(name), Some(decode(value))),
                None => Pin::Query(decode(&pair), None),
            });
        let fields = pairs(fragment).into_iter().filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some(Pin::Field(decode(name), decode(value)))
        });
        Self {
            text: text.to_owned(),
            pins: query.chain(fields).collect(),
        }
    }
}

/// A path template such as `/pets/{id}:cancel`, cut into segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathTemplate {
    segments: Vec<Segment>,
}

/// Text between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Only literal text, percent-decoded.
    Literal(String),
    /// Alternating literals and expressions: `{a}.{b}` is `["", ".", ""]` around two names.
    Pattern(PathPattern),
}

/// A segment with expressions: the literals before, between and after them, percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PathPattern {
    literals: Vec<String>,
    names: Vec<String>,
}

impl PathTemplate {
    /// Splits a template at its slashes and braces. An unpaired brace is literal text.
    #[must_use]
    pub(crate) fn parse(template: &str) -> Self {
        let path = template.strip_prefix('/').unwrap_or(template);
        Self {
            segments: path.split('/').map(Segment::parse).collect(),
        }
    }

    /// Returns the names of its expressions from left to right: `id` for `/pets/{id}`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.segments
            .iter()
            .flat_map(|segment| match segment {
                Segment::Literal(_) => &[][..],
                Segment::Pattern(pattern) => &pattern.names,
            })
            .map(String::as_str)
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        let mut literals = vec![String::new()];
        let mut names = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}') else {
                break;
            };
            if let Some(literal) = literals.last_mut() {
                literal.push_str(&rest[..open]);
            }
            names.push(rest[open + 1..open + close].to_owned());
            literals.push(String::new());
            rest = &rest[open + close + 1..];
        }
        if let Some(literal) = literals.last_mut() {
            literal.push_str(rest);
        }
        let literals: Vec<String> = literals.iter().map(|literal| decode(literal)).collect();
        if names.is_empty() {
            Self::Literal(literals.concat())
        } else {
            Self::Pattern(PathPattern { literals, names })
        }
    }
}

impl PathPattern {
    /// Appends the values of the expressions, each at least one character, and returns whether the
    /// segment matches.
    ///
    /// `raw` is the encoded segment. Its literals are compared decoded; its values stay encoded,
    /// because an encoded delimiter of a parameter style is data (OpenAPI 3.0.4 Appendix E).
    fn captures(&self, raw: &str, values: &mut Vec<String>) -> bool {
        let before = values.len();
        let Some((first, rest)) = self.literals.split_first() else {
            return false;
        };
        let Some(mut left) = strip_literal(raw, first) else {
            return false;
        };
        for (index, literal) in rest.iter().enumerate() {
            let is_last = index + 1 == rest.len();
            let Some((value, after)) = split_at_literal(left, literal, is_last) else {
                values.truncate(before);
                return false;
            };
            values.push(value.to_owned());
            left = after;
        }
        true
    }

    /// Returns true if the pattern is one expression and no literal text: `{id}`.
    fn is_whole(&self) -> bool {
        self.names.len() == 1 && self.literals.iter().all(String::is_empty)
    }

    /// Returns the precedence of a pattern: more literal text first, then fewer expressions.
    fn weight(&self) -> (usize, std::cmp::Reverse<usize>) {
        let literal = self.literals.iter().map(String::len).sum();
        (literal, std::cmp::Reverse(self.names.len()))
    }
}

/// Returns `raw` without its prefix `literal`, both compared percent-decoded.
fn strip_literal<'r>(raw: &'r str, literal: &str) -> Option<&'r str> {
    let mut left = raw;
    for byte in literal.bytes() {
        let (first, width) = first_byte(left)?;
        if first != byte {
            return None;
        }
        left = left.get(width..)?;
    }
    Some(left)
}

/// Returns the first byte of a percent-encoded text, and the number of characters that encode it.
fn first_byte(raw: &str) -> Option<(u8, usize)> {
    let bytes = raw.as_bytes();
    let hex = |index: usize| bytes.get(index).and_then(|b| char::from(*b).to_digit(16));
    match (bytes.first()?, hex(1), hex(2)) {
        (b'%', Some(high), Some(low)) => Some((u8::try_from(high * 16 + low).ok()?, 3)),
        (first, ..) => Some((*first, 1)),
    }
}

/// Splits at a literal: the value before it, and the text after it. The last literal must end the
/// segment; the others match at their first occurrence.
fn split_at_literal<'r>(raw: &'r str, literal: &str, is_last: bool) -> Option<(&'r str, &'r str)> {
    if is_last && literal.is_empty() {
        return (!raw.is_empty()).then_some((raw, ""));
    }
    if literal.len() > SHORT {
        return split_at_long_literal(raw, literal, is_last);
    }
    let starts = raw.char_indices().map(|(index, _)| index).skip(1);
    let mut starts = starts.filter(|start| {
        strip_literal(&raw[*start..], literal).is_some_and(|after| !is_last || after.is_empty())
    });
    let start = starts.next()?;
    Some((&raw[..start], strip_literal(&raw[start..], literal)?))
}

/// Longest literal, in bytes, that is compared at each position; longer ones are searched in
/// linear time.
const SHORT: usize = 64;

/// Splits like [`split_at_literal`] at a literal longer than [`SHORT`].
fn split_at_long_literal<'r>(
    raw: &'r str,
    literal: &str,
    is_last: bool,
) -> Option<(&'r str, &'r str)> {
    // One character per byte, because only `str` has a linear-time search.
    let wide = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
    };
    let mut places = Vec::with_capacity(raw.len() + 1);
    let mut decoded = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some((byte, width)) = raw.get(at..).and_then(first_byte) {
        places.push(at);
        decoded.push(byte);
        at += width;
    }
    places.push(at);
    if at < raw.len() {
        return None;
    }
    let literal_bytes = literal.as_bytes();
    let start = if is_last {
        decoded
            .len()
            .checked_sub(literal_bytes.len())
            .filter(|start| decoded[*start..] == *literal_bytes)?
    } else {
        let (text, wanted) = (wide(&decoded), wide(literal_bytes));
        // The value before it has at least one character, which is one byte of the decoded text.
        let skipped = text.chars().next().map_or(0, char::len_utf8);
        let found = text[skipped..].find(&wanted)? + skipped;
        text[..found].chars().count()
    };
    if start == 0 {
        return None;
    }
    Some((
        &raw[..places[start]],
        &raw[places[start + literal_bytes.len()]..],
    ))
}

/// Percent-decodes; bytes that are not UTF-8 are replaced, because they cannot equal a literal.
fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Result of routing a method and a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Routed {
    /// Index of the operation, and the values of its template's expressions, still
    /// percent-encoded.
    Operation(usize, Vec<String>),
    /// Documented methods of a path that lacks the requested one, in the order documented.
    OtherMethods(Vec<Method>),
    /// A path that matches no template.
    Unknown,
}

/// Tree of path segments that finds the operation of a request; literals come before patterns.
///
/// The cost of a look-up grows with the length of the path, not with the number of operations.
#[derive(Debug, Default)]
pub(crate) struct Router {
    nodes: Vec<RouteNode>,
    /// Nodes of templates without expressions, by whole path; a short cut, because the search
    /// would find them first.
    whole: HashMap<String, usize, FixedState>,
}

#[derive(Debug, Default)]
struct RouteNode {
    /// Children by literal. Keys come only from documents, so requests cannot cause hash
    /// collisions.
    literals: HashMap<String, usize, FixedState>,
    /// Children by pattern, in order of [`PathPattern::weight`], the greatest first.
    patterns: Vec<(PathPattern, usize)>,
    methods: Vec<(Method, usize)>,
}

impl Router {
    /// Creates a router without operations.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![RouteNode::default()],
            whole: HashMap::default(),
        }
    }

    /// Adds an operation at a base path (`/v1`, or empty) and a template.
    ///
    /// # Errors
    ///
    /// Returns the operation that has the same method and an equivalent path already.
    pub(crate) fn add(
        &mut self,
        base: &PathTemplate,
        template: &PathTemplate,
        method: &Method,
        operation: usize,
    ) -> Result<(), usize> {
        let base = base
            .segments
            .iter()
            .filter(|segment| **segment != Segment::Literal(String::new()));
        let (mut at, mut whole) = (0, Some(String::new()));
        for segment in base.chain(&template.segments) {
            at = self.child(at, segment);
            whole = match segment {
                Segment::Literal(text) if !text.contains(['/', '%']) => {
                    whole.map(|path| path + "/" + text)
                }
                _ => None,
            };
        }
        if let Some(path) = whole {
            self.whole.insert(path, at);
        }
        let methods = &mut self.nodes[at].methods;
        if let Some((_, there)) = methods.iter().find(|(there, _)| there == method) {
            return Err(*there);
        }
        methods.push((method.clone(), operation));
        Ok(())
    }

    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let fresh = self.nodes.len();
        let node = &mut self.nodes[at];
        let found = match segment {
            Segment::Literal(text) => *node.literals.entry(text.clone()).or_insert(fresh),
            Segment::Pattern(pattern) => {
                let same = node
                    .patterns
                    .iter()
                    .find(|(there, _)| there.literals == pattern.literals);
                match same {
                    Some((_, there)) => *there,
                    None => {
                        let heavier =
                            |(there, _): &(PathPattern, usize)| there.weight() >= pattern.weight();
                        let index = node.patterns.partition_point(heavier);
                        node.patterns.insert(index, (pattern.clone(), fresh));
                        fresh
                    }
                }
            }
        };
        if found == fresh {
            self.nodes.push(RouteNode::default());
        }
        found
    }

    /// Finds the operation for a method and an encoded path without the query.
    ///
    /// A concrete path takes precedence over templates, even if it lacks the method. Concrete
    /// segments take precedence over templated ones, and more literal text over less. A template
    /// that matches the path but lacks the method is skipped for a less concrete one that has it.
    ///
    /// If no template matches, a segment that is one expression may be empty, as in `/pets//toys`;
    /// its value is then empty, which is a violation of the parameter. The path `/` never is.
    #[must_use]
    pub(crate) fn route(&self, method: &Method, path: &str) -> Routed {
        // A path may have characters that should have been encoded.
        let encoded = (!path.is_ascii()).then(|| utf8_percent_encode(path, CONTROLS).to_string());
        let path = encoded.as_deref().unwrap_or(path);
        if let Some(end) = self.whole.get(path) {
            let methods = &self.nodes[*end].methods;
            return match methods.iter().find(|(there, _)| there == method) {
                Some((_, operation)) => Routed::Operation(*operation, Vec::new()),
                None => {
                    Routed::OtherMethods(methods.iter().map(|(method, _)| method.clone()).collect())
                }
            };
        }
        let rest = path.strip_prefix('/').unwrap_or(path);
        let mut search = Search {
            router: self,
            method,
            values: Vec::new(),
            others: Vec::new(),
            empty: EmptySegments::Literal,
        };
        let mut found = search.descend(0, Some(rest));
        let has_empty = rest.ends_with('/') || rest.starts_with('/') || rest.contains("//");
        if found.is_none() && search.others.is_empty() && has_empty {
            search.empty = EmptySegments::Captured;
            found = search.descend(0, Some(rest));
        }
        match found {
            Some(operation) => Routed::Operation(operation, search.values),
            None if search.others.is_empty() => Routed::Unknown,
            None => Routed::OtherMethods(search.others),
        }
    }
}

/// Treatment of the empty segments of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EmptySegments {
    /// They match only literal empty segments.
    Literal,
    /// They also match a segment of a template that is one expression.
    Captured,
}

struct Search<'s> {
    router: &'s Router,
    method: &'s Method,
    values: Vec<String>,
    others: Vec<Method>,
    empty: EmptySegments,
}

impl Search<'_> {
    /// Continues from a node with the remaining segments.
    fn descend(&mut self, at: usize, left: Option<&str>) -> Option<usize> {
        let node = &self.router.nodes[at];
        let Some(left) = left else {
            return self.arrive(node);
        };
        let (segment, rest) = left
            .split_once('/')
            .map_or((left, None), |(segment, rest)| (segment, Some(rest)));
        let literal = if segment.contains('%') {
            node.literals.get(&decode(segment))
        } else {
            node.literals.get(segment)
        };
        if let Some(child) = literal
            && let Some(found) = self.descend(*child, rest)
        {
            return Some(found);
        }
        for (pattern, child) in &node.patterns {
            let before = self.values.len();
            if self.captures(pattern, segment)
                && let Some(found) = self.descend(*child, rest)
            {
                return Some(found);
            }
            self.values.truncate(before);
        }
        None
    }

    fn captures(&mut self, pattern: &PathPattern, segment: &str) -> bool {
        if segment.is_empty() && self.empty == EmptySegments::Captured && pattern.is_whole() {
            self.values.push(String::new());
            return true;
        }
        pattern.captures(segment, &mut self.values)
    }

    fn arrive(&mut self, node: &RouteNode) -> Option<usize> {
        let found = node
            .methods
            .iter()
            .find(|(method, _)| method == self.method);
        if found.is_none() {
            let new = node.methods.iter().map(|(method, _)| method);
            let new: Vec<Method> = new
                .filter(|method| !self.others.contains(method))
                .cloned()
                .collect();
            self.others.extend(new);
        }
        found.map(|(_, operation)| *operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(templates: &[&str]) -> Router {
        let mut router = Router::new();
        for (index, template) in templates.iter().enumerate() {
            let (method, path) = template.split_once(' ').expect("has a method");
            let method = method.parse().expect("is a method");
            router
                .add(
                    &PathTemplate::parse(""),
                    &PathTemplate::parse(path),
                    &method,
                    index,
                )
                .expect("is new");
        }
        router
    }

    fn routed(router: &Router, path: &str) -> Option<(usize, Vec<String>)> {
        match router.route(&Method::GET, path) {
            Routed::Operation(operation, values) => Some((operation, values)),
            _ => None,
        }
    }

    fn values(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn concrete_wins_over_templated_wherever_it_stands() {
        let router = router(&["GET /pets/{id}", "GET /pets/mine", "GET /{kind}/{id}"]);
        assert_eq!(routed(&router, "/pets/mine"), Some((1, vec![])));
        assert_eq!(routed(&router, "/pets/7"), Some((0, values(&["7"]))));
        assert_eq!(
            routed(&router, "/cats/7"),
            Some((2, values(&["cats", "7"])))
        );
    }

    #[test]
    fn an_empty_segment_is_an_empty_value_if_nothing_else_matches() {
        let router = router(&[
            "GET /pets/{id}",
            "GET /pets/{id}/toys",
            "GET /files/",
            "GET /{a}.b",
        ]);
        assert_eq!(routed(&router, "/pets/"), Some((0, values(&[""]))));
        assert_eq!(routed(&router, "/pets//toys"), Some((1, values(&[""]))));
        assert_eq!(routed(&router, "/files/"), Some((2, vec![])));
        for unknown in ["/", "/pets//", "/pets//dogs", "/pets"] {
            assert_eq!(routed(&router, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn more_literal_text_wins() {
        let router = router(&["GET /{a}", "GET /{a}.json", "GET /{a}.{b}", "GET /v{a}"]);
        assert_eq!(routed(&router, "/x.json"), Some((1, values(&["x"]))));
        assert_eq!(routed(&router, "/x.xml"), Some((2, values(&["x", "xml"]))));
        assert_eq!(routed(&router, "/v1"), Some((3, values(&["1"]))));
        assert_eq!(routed(&router, "/y"), Some((0, values(&["y"]))));
    }

    #[test]
    fn a_verb_after_a_colon_is_literal() {
        let router = router(&["GET /jobs/{id}", "GET /jobs/{id}:cancel"]);
        assert_eq!(routed(&router, "/jobs/7:cancel"), Some((1, values(&["7"]))));
        assert_eq!(
            routed(&router, "/jobs/7%3Acancel"),
            Some((1, values(&["7"])))
        );
        assert_eq!(
            routed(&router, "/jobs/7:stop"),
            Some((0, values(&["7:stop"])))
        );
    }

    #[test]
    fn encoded_slashes_stay_in_their_segment_and_blanks_match() {
        let router = router(&["GET /files/{name}", "GET /log in"]);
        assert_eq!(
            routed(&router, "/files/a%2Fb"),
            Some((0, values(&["a%2Fb"])))
        );
        assert_eq!(routed(&router, "/log%20in"), Some((1, vec![])));
    }

    #[test]
    fn trailing_slashes_are_as_documented_and_an_empty_value_is_the_last_choice() {
        let router = router(&["GET /a/", "GET /b/{id}"]);
        assert_eq!(routed(&router, "/a"), None);
        assert_eq!(routed(&router, "/a/"), Some((0, vec![])));
        assert_eq!(routed(&router, "/b/"), Some((1, values(&[""]))));
    }

    #[test]
    fn other_methods_are_told_in_order() {
        let router = router(&["POST /a", "PUT /a", "GET /{x}/b"]);
        let methods = vec![Method::POST, Method::PUT];
        assert_eq!(
            router.route(&Method::GET, "/a"),
            Routed::OtherMethods(methods)
        );
        assert_eq!(router.route(&Method::GET, "/c"), Routed::Unknown);
    }

    #[test]
    fn a_template_without_the_method_makes_way_and_a_concrete_path_does_not() {
        let router = router(&[
            "POST /pets/{name}.json",
            "GET /pets/{id}",
            "PUT /pets/search",
        ]);
        assert_eq!(
            routed(&router, "/pets/a.json"),
            Some((1, values(&["a.json"])))
        );
        assert_eq!(
            router.route(&Method::GET, "/pets/search"),
            Routed::OtherMethods(vec![Method::PUT])
        );
    }

    #[test]
    fn long_literals_are_found_in_linear_time() {
        let literal = format!("{}b", "a".repeat(30_000));
        let router = router(&[
            &format!("GET /{{x}}{literal}{{y}}"),
            &format!("GET /x/{{x}}{literal}"),
        ]);
        let path = format!("/{}", "a".repeat(1_000_000));
        assert_eq!(routed(&router, &path), None);
        assert_eq!(routed(&router, &format!("/x{path}")), None);
        let fitting = format!("/1%20{literal}2");
        assert_eq!(routed(&router, &fitting), Some((0, values(&["1%20", "2"]))));
        assert_eq!(
            routed(&router, &format!("/x/é{literal}")),
            Some((1, values(&["%C3%A9"])))
        );
    }

    #[test]
    fn templates_that_differ_in_names_are_the_same() {
        let mut router = router(&["GET /a/{x}"]);
        let again = router.add(
            &PathTemplate::parse(""),
            &PathTemplate::parse("/a/{y}"),
            &Method::GET,
            9,
        );
        assert_eq!(again, Err(0));
    }

    #[test]
    fn base_paths_come_before_the_template() {
        let mut router = Router::new();
        router
            .add(
                &PathTemplate::parse("/v1/"),
                &PathTemplate::parse("/a"),
                &Method::GET,
                3,
            )
            .expect("is new");
        assert_eq!(routed(&router, "/v1/a"), Some((3, vec![])));
        assert_eq!(routed(&router, "/a"), None);
    }
}
