//! Conditions of entries: the path, and only those other members that tell an entry from others.
use serde_json::{Map, Value, json};

use crate::contract::request_condition::is_keyword;
use crate::document::syntax::unescape;
use crate::upstream::recording::member::{Member, MemberKind};

/// Size in bytes of the JSON text from which a value is used only if no other tells the requests
/// apart.
const LARGE: usize = 200;

/// Returns the members of an entry that its condition needs: those of the path, and those that no
/// request of `others` has.
pub(super) fn needed<'m>(own: &'m [Member], others: &[&Value]) -> Vec<&'m Member> {
    let is_path = |member: &&Member| member.kind == MemberKind::Path;
    let mut needed: Vec<&Member> = own.iter().filter(is_path).collect();
    let holds = |needed: &[&Member], parts: &Value| needed.iter().all(|member| member.holds(parts));
    let mut mistaken: Vec<&Value> = others.to_vec();
    mistaken.retain(|parts| holds(&needed, parts));
    while !mistaken.is_empty() {
        let excluded = |member: &Member| {
            let parts = mistaken.iter();
            parts.filter(|parts| !member.holds(parts)).count()
        };
        let candidates = own
            .iter()
            .filter(|member| member.kind < MemberKind::Volatile);
        let rank = |member: &Member| {
            let is_large = member.value.to_string().len() > LARGE;
            (usize::MAX - excluded(member), is_large, member.kind)
        };
        // The first of equally good ones, so that the document's order decides.
        let best = candidates.min_by_key(|member| rank(member));
        let Some(best) = best.filter(|member| excluded(member) > 0) else {
            break;
        };
        mistaken.retain(|parts| best.holds(parts));
        needed.push(best);
    }
    // In the order of the request.
    let mut ordered: Vec<&Member> = own.iter().collect();
    ordered.retain(|member| needed.iter().any(|other| std::ptr::eq(*other, *member)));
    ordered
}

/// Returns the members that the condition of the only entry for a path needs: those of the path and of
/// the query, so that it answers no request for something else.
pub(super) fn alone(own: &[Member]) -> Vec<&Member> {
    let is_told = |member: &&Member| matches!(member.kind, MemberKind::Path | MemberKind::Query);
    own.iter().filter(is_told).collect()
}

/// Returns members as a condition, `{path: {id: 7}, body: {owner: {name: Ann}}}`.
pub(super) fn written(members: &[&Member]) -> Map<String, Value> {
    let mut when: Map<String, Value> = Map::new();
    for part in ["path", "query", "header", "cookie", "body"] {
        let own: Vec<&&Member> = members
            .iter()
            .filter(|member| member.part == part)
            .collect();
        if own.is_empty() {
            continue;
        }
        let mut value = Value::Null;
        for member in own {
            insert(&mut value, &member.pointer, member.value.clone());
        }
        when.insert(part.to_owned(), unambiguous(value));
    }
    when
}

/// Inserts a value at a JSON Pointer, whose objects are created.
fn insert(target: &mut Value, pointer: &str, value: Value) {
    let mut at = target;
    for segment in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[unescape(segment)];
    }
    *at = value;
}

/// Returns the values of a part so that they cannot be read as a schema: `{type: dog}` could be.
fn unambiguous(value: Value) -> Value {
    let Value::Object(members) = &value else {
        return value;
    };
    if members.is_empty() || !members.keys().all(|name| is_keyword(name)) {
        return value;
    }
    schema_of(&value)
}

/// Returns a schema of the values that have those of an object.
fn schema_of(value: &Value) -> Value {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let properties: Map<String, Value> = members
                .iter()
                .map(|(name, member)| (name.clone(), schema_of(member)))
                .collect();
            let required: Vec<&String> = members.keys().collect();
            json!({ "required": required, "properties": properties })
        }
        other => json!({ "const": other }),
    }
}

/// Returns true if all values of a condition are in another one too.
pub(super) fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(name, value)| {
            whole
                .get(name)
                .is_some_and(|other| is_part_of(value, other))
        }),
        (part, whole) => part == whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(part: &'static str, name: &str, value: Value) -> Member {
        let kind = if part == "path" {
            MemberKind::Path
        } else {
            MemberKind::Query
        };
        Member {
            part,
            pointer: format!("/{name}"),
            value,
            kind,
        }
    }

    #[test]
    fn only_what_tells_requests_apart_is_needed() {
        let own = [
            member("path", "id", json!("7")),
            member("query", "page", json!(1)),
            member("query", "status", json!("sold")),
        ];
        let with = |others: &[Value]| {
            let others: Vec<&Value> = others.iter().collect();
            Value::Object(written(&needed(&own, &others)))
        };
        assert_eq!(with(&[]), json!({"path": {"id": "7"}}));
        assert_eq!(
            with(&[json!({"path": {"id": "8"}})]),
            json!({"path": {"id": "7"}})
        );
        let other = json!({"path": {"id": "7"}, "query": {"page": 1, "status": "free"}});
        assert_eq!(
            with(std::slice::from_ref(&other)),
            json!({"path": {"id": "7"}, "query": {"status": "sold"}})
        );
        let third = json!({"path": {"id": "7"}, "query": {"page": 2, "status": "sold"}});
        assert_eq!(
            with(&[other, third]),
            json!({"path": {"id": "7"}, "query": {"page": 1, "status": "sold"}})
        );
    }

    #[test]
    fn values_are_not_read_as_a_schema() {
        let when = written(&[&member("body", "type", json!("dog"))]);
        let schema = json!({"required": ["type"], "properties": {"type": {"const": "dog"}}});
        assert_eq!(Value::Object(when), json!({"body": schema}));
    }
}
