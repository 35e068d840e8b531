//! Operations that no document has: paths are grouped to templates by likeness.
use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};

use crate::generate::is_uuid;
use crate::schema::start_of;
use crate::upstream::drift::bounded::BoundedMap;
use crate::upstream::drift::record::DriftExample;
use crate::upstream::drift::shape::Shape;

/// Longest path that is kept, in bytes.
const LONGEST_PATH: usize = 300;

/// Placeholder of a segment that names an entity.
pub(super) const ANY: &str = "{}";

/// Number of words in the place of one segment from which they are read as names of entities.
const MANY_WORDS: usize = 5;

/// Method and path of an operation that no document has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UnknownKey {
    /// Path with `{}` for each segment that names an entity.
    pub path: String,
    pub method: String,
    /// Document and template that have the path for other methods.
    pub sibling: Option<(usize, String)>,
}

/// Exchanges with an operation that no document has.
#[derive(Debug, Clone)]
pub(super) struct UnknownOperation {
    pub count: u64,
    pub example: DriftExample,
    pub responses: BoundedMap<u16, BoundedMap<String, Shape, 8>, 20>,
    pub query: BoundedMap<String, Shape, 50>,
    pub request: BoundedMap<String, Shape, 8>,
}

impl UnknownOperation {
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        if other.example < self.example {
            self.example = other.example;
        }
        let join = |there: &mut BoundedMap<String, Shape, 8>, more| there.merge(more, Shape::merge);
        self.responses.merge(other.responses, join);
        self.query.merge(other.query, Shape::merge);
        self.request.merge(other.request, Shape::merge);
    }
}

/// Returns true for an answer that proves an operation: anything but a refusal that a gateway or a
/// router gives for any path.
pub(super) fn is_proof(method: &Method, status: StatusCode) -> bool {
    let is_request = ![
        Method::OPTIONS,
        Method::HEAD,
        Method::TRACE,
        Method::CONNECT,
    ]
    .contains(method);
    is_request
        && !status.is_server_error()
        && !matches!(
            status.as_u16(),
            401 | 403 | 404 | 405 | 407 | 410 | 421 | 429 | 431
        )
}

/// Returns a path with `{}` for each segment that looks like the key of an entity.
pub(super) fn general(path: &str) -> String {
    let path = start_of(path, LONGEST_PATH);
    let segments = path
        .split('/')
        .map(|segment| if is_key(segment) { ANY } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Returns true for a number, a UUID, or a long text with digits, such as `7`, `cus_Jk2h3N9x01`.
fn is_key(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits > 0 && digits == segment.len();
    let is_hexadecimal = segment.len() >= 8 && segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_long = segment.len() >= 12;
    let is_date = digits >= 6
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-T:".contains(&byte));
    is_number
        || is_date
        || is_uuid(segment)
        || digits > 0 && (is_hexadecimal || is_long && digits > 2)
        || segment.contains(['%', '@', ' '])
}

/// Operation that no document has, with its template.
#[derive(Debug)]
pub(super) struct GroupedOperation {
    /// Path template: `/users/{id}`.
    pub template: String,
    pub method: String,
    pub sibling: Option<(usize, String)>,
    pub came: UnknownOperation,
}

/// Groups operations by likeness, sorted by template and method.
pub(super) fn grouped<const MOST: usize>(
    all: &BoundedMap<UnknownKey, UnknownOperation, MOST>,
) -> Vec<GroupedOperation> {
    let wide = wide_places(all.iter().map(|(key, _)| key));
    let mut groups: BTreeMap<(String, String), GroupedOperation> = BTreeMap::new();
    for (key, came) in all.iter() {
        let template = match &key.sibling {
            Some((_, template)) => template.clone(),
            None => named(&widened(&key.path, &wide)),
        };
        match groups.get_mut(&(template.clone(), key.method.clone())) {
            Some(group) => group.came.merge(came.clone()),
            None => {
                let group = GroupedOperation {
                    template: template.clone(),
                    method: key.method.clone(),
                    sibling: key.sibling.clone(),
                    came: came.clone(),
                };
                groups.insert((template, key.method.clone()), group);
            }
        }
    }
    groups.into_values().collect()
}

/// Returns the beginnings of paths after which there are so many words that they are keys, each with
/// the end after the word: `/users` for `/users/ann`, `/users/bob` and three more.
fn wide_places<'k>(keys: impl Iterator<Item = &'k UnknownKey>) -> BTreeSet<(String, String)> {
    let mut words: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for key in keys.filter(|key| key.sibling.is_none()) {
        let segments: Vec<&str> = key.path.split('/').skip(1).collect();
        // The first segment names a collection.
        for at in 1..segments.len() {
            if segments[at] != ANY && !segments[at].is_empty() {
                let place = (segments[..at].join("/"), segments[at + 1..].join("/"));
                words.entry(place).or_default().insert(segments[at]);
            }
        }
    }
    let many = words
        .into_iter()
        .filter(|(_, words)| words.len() >= MANY_WORDS);
    many.map(|(place, _)| place).collect()
}

fn widened(path: &str, wide: &BTreeSet<(String, String)>) -> String {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let mut general = segments.clone();
    for at in 1..segments.len() {
        let place = (segments[..at].join("/"), segments[at + 1..].join("/"));
        if wide.contains(&place) {
            general[at] = ANY;
        }
    }
    format!("/{}", general.join("/"))
}

/// Names the expressions of a template: `/users/{id}/posts/{postId}`.
fn named(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    let mut names: Vec<String> = Vec::new();
    let mut template: Vec<String> = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        if *segment != ANY {
            template.push(segment.replace(['{', '}'], ""));
            continue;
        }
        let before = at.checked_sub(1).map_or("", |before| segments[before]);
        let singular = before.strip_suffix('s').unwrap_or(before);
        let is_word = !singular.is_empty() && singular.chars().all(|c| c.is_ascii_alphanumeric());
        let name = match names.is_empty() {
            true => "id".to_owned(),
            false if is_word => format!("{singular}Id"),
            false => format!("id{}", names.len() + 1),
        };
        let name = if names.contains(&name) {
            format!("id{}", names.len() + 1)
        } else {
            name
        };
        template.push(format!("{{{name}}}"));
        names.push(name);
    }
    template.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Vec<String> {
        let mut all: BoundedMap<UnknownKey, UnknownOperation, 100> = BoundedMap::default();
        for path in paths {
            let key = UnknownKey {
                path: general(path),
                method: "GET".to_owned(),
                sibling: None,
            };
            let came = UnknownOperation {
                count: 1,
                example: DriftExample {
                    at: 0,
                    request: String::new(),
                    status: 200,
                    excerpt: String::new(),
                },
                responses: BoundedMap::default(),
                query: BoundedMap::default(),
                request: BoundedMap::default(),
            };
            all.add(key, came, UnknownOperation::merge);
        }
        grouped(&all)
            .iter()
            .map(|group| format!("{} {}", group.template, group.came.count))
            .collect()
    }

    #[test]
    fn paths_are_grouped_by_likeness() {
        assert_eq!(
            of(&["/users/1", "/users/22", "/users/me"]),
            ["/users/me 1", "/users/{id} 2"]
        );
        assert_eq!(
            of(&["/users/1/posts/2", "/users/3/posts/4"]),
            ["/users/{id}/posts/{postId} 2"]
        );
        assert_eq!(
            of(&["/u/ann", "/u/bob", "/u/cy", "/u/dan", "/u/eve", "/status"]),
            ["/status 1", "/u/{id} 5"]
        );
        assert_eq!(of(&["/a", "/b", "/c", "/d", "/e", "/f"]).len(), 6);
        assert_eq!(
            of(&[
                "/x/0b6cb9d1-7a7e-4d0a-9a54-111111111111",
                "/x/cus_Jk2h3N9x01",
                "/x/v2"
            ]),
            ["/x/v2 1", "/x/{id} 2"]
        );
    }

    #[test]
    fn a_refusal_proves_no_operation() {
        assert!(!is_proof(&Method::GET, StatusCode::NOT_FOUND));
        assert!(!is_proof(&Method::OPTIONS, StatusCode::NO_CONTENT));
        assert!(is_proof(&Method::POST, StatusCode::UNPROCESSABLE_ENTITY));
    }
}
