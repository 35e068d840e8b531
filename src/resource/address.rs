//! Address in a path template: a collection, one of its entities, or a verb on either.
//!
//! Only names are read here; `infer` reads the schemas.
use crate::schema::name::words;

/// Part of a collection that a path template addresses, with the names in the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Collection, with template expressions unnamed: `/users/{}/order` for
    /// `/users/{userId}/orders/{id}`.
    pub collection: String,
    /// Collection for people: `/users/{userId}/orders`.
    pub shown: String,
    /// Noun for one of its entities, in the singular: `order`.
    pub noun: String,
    /// Number of template expressions before the collection, which separate its entities.
    pub scope: usize,
    /// Number of template expressions that identify an entity: two in `/repos/{owner}/{repo}`.
    pub keys: usize,
    /// Part of the collection that is addressed.
    pub form: Form,
    /// True if the path has the noun in the singular.
    pub is_singular: bool,
    /// Collection of the path, if the fixtures tell another one that has its entities.
    pub was: Option<OwnCollection>,
}

/// Collection that a path addresses by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnCollection {
    /// Collection, with template expressions unnamed.
    pub collection: String,
    /// Collection for people.
    pub shown: String,
    /// Number of template expressions before it.
    pub scope: usize,
}

/// Part of a collection that a path addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Collection as a whole: `/pets`.
    Whole,
    /// Single entity: `/pets/{petId}`.
    Entity,
    /// Verb on the collection: `/pets.search`, `/pets/create`.
    WholeVerb(Verb),
    /// Verb on an entity: `/pets/{petId}/update`.
    EntityVerb(Verb),
    /// Part of an entity, or something that is done with it: `/contacts.channels`.
    Part,
}

/// Action that a name in the path states, rather than the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `create`, `register`
    Create,
    /// `list`, `search`
    List,
    /// `get`, `info`
    Read,
    /// `replace`
    Replace,
    /// `update`, `edit`
    Merge,
    /// `delete`, `remove`
    Delete,
    /// `upsert`, `save`
    Upsert,
    /// `exists`, `checkExistence`
    Exists,
}

/// First words of names that state an action.
const VERBS: [(Verb, &str); 8] = [
    (Verb::Create, "create add register new insert"),
    (
        Verb::List,
        "list search find query lookup filter browse all index",
    ),
    (
        Verb::Read,
        "get info read show retrieve fetch view details describe",
    ),
    (Verb::Replace, "replace put"),
    (Verb::Merge, "update edit modify patch change"),
    (Verb::Delete, "delete remove destroy"),
    (Verb::Upsert, "upsert save"),
    (Verb::Exists, "exists exist check"),
];

impl Verb {
    fn of(word: &str) -> Option<Self> {
        VERBS
            .iter()
            .find(|(_, names)| names.split(' ').any(|name| name == word))
            .map(|(verb, _)| *verb)
    }

    /// Returns the verb of a name such as `checkExistence`, `findByStatus` or `createUser`, and the
    /// noun in it: `user`.
    fn parse(name: &str) -> Option<(Self, Option<String>)> {
        let words = words(name);
        let (first, rest) = words.split_first()?;
        let verb = Self::of(first)?;
        if verb == Self::Exists && rest.first().is_some_and(|word| !word.starts_with("exist")) {
            return None;
        }
        // A name with `or` has no single verb, and `addAll` does not add one entity.
        if rest.iter().any(|word| word == "or")
            || verb == Self::Create && matches!(rest, [all] if all == "all")
        {
            return None;
        }
        let noun: Vec<&str> = rest
            .iter()
            .map(String::as_str)
            .take_while(|word| *word != "by")
            .collect();
        let noun = match noun.as_slice() {
            [] | ["existence" | "all" | "one" | "many" | "list"] => None,
            words => Some(words.join(" ")),
        };
        Some((verb, noun))
    }
}

impl Address {
    /// Reads a path template such as `/users/{userId}/orders/{orderId}`; returns `None` if it ends
    /// in nothing that could be a collection.
    #[must_use]
    pub(crate) fn parse(template: &str) -> Option<Self> {
        let mut segments: Vec<&str> = template
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        if segments.len() > 1 && matches!(segments.last(), Some(&("json" | "xml"))) {
            segments.pop();
        }
        let last = segments.pop()?;
        let last = [".json", ".xml"]
            .iter()
            .find_map(|end| last.strip_suffix(end))
            .unwrap_or(last);
        if is_expression(last) {
            let mut keys = 1;
            while segments
                .last()
                .is_some_and(|segment| is_expression(segment))
            {
                segments.pop();
                keys += 1;
            }
            let noun = segments.pop().filter(|segment| !segment.contains('{'))?;
            return Self::build(&segments, noun, Form::Entity)
                .map(|address| Self { keys, ..address });
        }
        // `{id}:cancel` is something that is done with an entity.
        let last = match last.split_once("}:") {
            Some((expression, verb)) if last.starts_with('{') && !verb.contains('{') => {
                segments.push(&last[..=expression.len()]);
                verb
            }
            _ => last,
        };
        if last.contains('{') {
            return None;
        }
        if let Some((noun, verb)) = last.rsplit_once(['.', ':'])
            && !noun.is_empty()
        {
            return match Verb::parse(verb) {
                Some((verb, None)) => Self::build(&segments, noun, Form::WholeVerb(verb)),
                _ => Self::build(&segments, noun, Form::Part),
            };
        }
        match (Verb::parse(last), segments.last().copied()) {
            (Some((verb, None)), Some(before)) if is_expression(before) => {
                segments.pop();
                let noun = segments.pop().filter(|segment| !segment.contains('{'))?;
                Self::build(&segments, noun, Form::EntityVerb(verb))
                    .map(|address| Self { keys: 1, ..address })
            }
            (Some((verb, noun)), Some(before)) if !before.contains('{') => {
                let is_of_before = noun
                    .as_ref()
                    .is_none_or(|noun| singular_of(noun) == singular_of(before));
                match noun.filter(|_| !is_of_before) {
                    Some(noun) => Self::build(&segments, &noun, Form::WholeVerb(verb)),
                    None => {
                        segments.pop();
                        Self::build(&segments, before, Form::WholeVerb(verb))
                    }
                }
            }
            (Some((verb, Some(noun))), _) => Self::build(&segments, &noun, Form::WholeVerb(verb)),
            _ => Self::build(&segments, last, Form::Whole),
        }
    }

    /// Returns the address of the same part in another collection, which has the entities.
    #[must_use]
    pub(crate) fn in_place_of(self, told: Self) -> Self {
        Self {
            form: self.form,
            keys: self.keys,
            is_singular: false,
            was: Some(OwnCollection {
                collection: self.collection,
                shown: self.shown,
                scope: self.scope,
            }),
            ..told
        }
    }

    pub(crate) fn build(before: &[&str], noun: &str, form: Form) -> Option<Self> {
        let plain = singular_of(noun);
        let noun_as_written = noun.to_lowercase();
        if plain.is_empty() {
            return None;
        }
        let mut collection = String::new();
        for segment in before {
            collection.push('/');
            collection.push_str(if is_expression(segment) {
                "{}"
            } else {
                segment
            });
        }
        let shown = format!(
            "/{}",
            before
                .iter()
                .copied()
                .chain([noun])
                .collect::<Vec<_>>()
                .join("/")
        );
        collection.push('/');
        collection.push_str(&plain);
        let scope = before
            .iter()
            .map(|segment| segment.matches('{').count())
            .sum();
        // The last word of `livechat.contacts` is the noun of the entities.
        let noun = plain.rsplit(['.', ':']).next().unwrap_or(&plain).to_owned();
        let is_singular = plain == noun_as_written;
        Some(Self {
            collection,
            shown,
            noun,
            scope,
            keys: 0,
            form,
            is_singular,
            was: None,
        })
    }
}

fn is_expression(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}') && segment.matches('{').count() == 1
}

/// Returns a noun in lower case and in the singular, its words joined: `line items` is `lineitem`.
fn singular_of(noun: &str) -> String {
    let parts: Vec<String> = noun
        .split(['.', ':'])
        .map(|part| singular(&words(part).concat()))
        .collect();
    parts.join(".")
}

/// Returns the singular of an English word in lower case, judged by its ending: `categories` →
/// `category`.
#[must_use]
pub(crate) fn singular(word: &str) -> String {
    const IRREGULAR: [(&str, &str); 8] = [
        ("people", "person"),
        ("children", "child"),
        ("men", "man"),
        ("women", "woman"),
        ("indices", "index"),
        ("vertices", "vertex"),
        ("matrices", "matrix"),
        ("data", "data"),
    ];
    const SAME: [&str; 12] = [
        "series", "species", "news", "status", "address", "bus", "analysis", "sms", "dns", "aws",
        "access", "https",
    ];
    if let Some((plural, one)) = IRREGULAR.iter().find(|(plural, _)| word.ends_with(plural)) {
        return format!("{}{one}", &word[..word.len() - plural.len()]);
    }
    if let Some(stem) = word.strip_suffix("addresses") {
        return format!("{stem}address");
    }
    if SAME.iter().any(|same| word.ends_with(same)) || word.len() < 4 {
        return word.to_owned();
    }
    let end = |end: &str| word.strip_suffix(end);
    if let Some(stem) = end("ies") {
        return format!("{stem}y");
    }
    if let Some(stem) = end("statuses").map(|stem| format!("{stem}status")) {
        return stem;
    }
    for cluster in ["sses", "shes", "ches", "xes", "zes"] {
        if word.ends_with(cluster) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match end("s") {
        Some(stem) if !stem.ends_with(['s', 'u']) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_collections_and_what_of_them() {
        let cases = [
            ("/pets", "/pet pet 0 Whole"),
            ("/pets/{petId}", "/pet pet 0 Entity"),
            (
                "/users/{userId}/orders/{id}",
                "/users/{}/order order 1 Entity",
            ),
            (
                "/v1/contacts.update",
                "/v1/contact contact 0 WholeVerb(Merge)",
            ),
            (
                "/contacts.checkExistence",
                "/contact contact 0 WholeVerb(Exists)",
            ),
            ("/contacts.channels", "/contact contact 0 Part"),
            ("/contacts:search", "/contact contact 0 WholeVerb(List)"),
            ("/users/create", "/user user 0 WholeVerb(Create)"),
            ("/users/{id}/update", "/user user 0 EntityVerb(Merge)"),
            ("/pet/findByStatus", "/pet pet 0 WholeVerb(List)"),
            ("/api/getUser", "/api/user user 0 WholeVerb(Read)"),
            (
                "/Accounts/{Sid}/Messages/{Sid}.json",
                "/Accounts/{}/message message 1 Entity",
            ),
            (
                "/user/createWithList",
                "/user/withlist withlist 0 WholeVerb(Create)",
            ),
            ("/users/{id}/avatar", "/users/{}/avatar avatar 1 Whole"),
            ("/check", "/check check 0 Whole"),
        ];
        for (template, expected) in cases {
            let address = Address::parse(template).expect(template);
            let Address {
                collection,
                noun,
                scope,
                form,
                ..
            } = address;
            let found = format!("{collection} {noun} {scope} {form:?}");
            assert_eq!(found, expected, "{template}");
        }
        assert_eq!(Address::parse("/"), None);
        assert_eq!(Address::parse("/{a}/{b}"), None);
        assert_eq!(
            Address::parse("/repos/{owner}/{repo}").map(|address| address.keys),
            Some(2)
        );
        assert_eq!(Address::parse("/a/{b}.{c}"), None);
    }

    #[test]
    fn words_have_a_singular() {
        let cases = [
            ("pets", "pet"),
            ("categories", "category"),
            ("addresses", "address"),
            ("boxes", "box"),
            ("statuses", "status"),
            ("people", "person"),
            ("status", "status"),
            ("news", "news"),
            ("houses", "house"),
            ("branches", "branch"),
            ("address", "address"),
            ("bus", "bus"),
            ("apis", "api"),
        ];
        for (plural, one) in cases {
            assert_eq!(singular(plural), one);
        }
    }
}
