//! Bodies of the same kind of error → the template that gives each of them for its finding.
use serde_json::{Map, Value, json};

use crate::errors::catalogue::role::MemberRole;
use crate::errors::finding::Finding;
use crate::upstream::learning::text::{SeenText, escaped, template_of};
use crate::upstream::learning::view::{View, is_key};

/// Deepest level of a body that becomes a template.
const DEEPEST: usize = 12;

/// Value of a body that was seen with the finding that it is about.
#[derive(Debug, Clone, Copy)]
struct Seen<'v> {
    value: &'v Value,
    finding: &'v Finding,
}

/// Returns the template of the bodies; `None` if they differ in more than their findings.
#[must_use]
pub(super) fn body_template(views: &[View]) -> Option<Value> {
    let seen: Vec<Seen<'_>> = views
        .iter()
        .map(|view| Seen {
            value: &view.body,
            finding: &view.finding,
        })
        .collect();
    template("", &seen, 0)
}

/// Returns the template of the values of members called `name`.
fn template(name: &str, seen: &[Seen<'_>], depth: usize) -> Option<Value> {
    let first = seen.first().filter(|_| depth < DEEPEST)?;
    // For a missing field some APIs repeat the object that lacks it.
    let is_absent = seen.iter().all(|seen| seen.finding.rule == "required");
    if is_absent && is_repeated_value(name) {
        return Some(json!("{value}"));
    }
    match first.value {
        Value::Object(_) => object(seen, depth),
        Value::Array(_) => array(name, seen, depth),
        Value::String(_) => text(name, seen),
        Value::Number(_) | Value::Bool(_) | Value::Null => scalar(name, seen),
    }
}

fn object(seen: &[Seen<'_>], depth: usize) -> Option<Value> {
    let objects: Option<Vec<&Map<String, Value>>> =
        seen.iter().map(|seen| seen.value.as_object()).collect();
    let objects = objects?;
    if let Some(map) = map_of_fields(&objects, seen, depth) {
        return Some(map);
    }
    let first = objects.first()?;
    let is_alike = |other: &&Map<String, Value>| other.keys().eq(first.keys());
    if !objects.iter().all(is_alike) {
        return None;
    }
    let mut made = Map::new();
    for name in first.keys() {
        let members: Vec<Seen<'_>> = objects
            .iter()
            .zip(seen)
            .map(|(object, seen)| Seen {
                value: &object[name.as_str()],
                finding: seen.finding,
            })
            .collect();
        made.insert(name.clone(), template(name, &members, depth + 1)?);
    }
    Some(Value::Object(made))
}

/// Returns the template of a map whose member is called like the field: `{"{path}": …}`.
fn map_of_fields(
    objects: &[&Map<String, Value>],
    seen: &[Seen<'_>],
    depth: usize,
) -> Option<Value> {
    let mut members = Vec::new();
    let mut keys = Vec::new();
    for (object, seen) in objects.iter().zip(seen) {
        let (key, value) = object.iter().next().filter(|_| object.len() == 1)?;
        is_key(key, seen.finding).then_some(())?;
        let finding = seen.finding;
        keys.push(SeenText { text: key, finding });
        members.push(Seen { value, finding });
    }
    // `{"message": …}` about a field `message` says nothing about another field.
    let is_usual = |key: &SeenText<'_>| {
        [MemberRole::Message, MemberRole::Code, MemberRole::List]
            .iter()
            .any(|role| role.fits(key.text))
    };
    if depth == 0 && keys.iter().all(is_usual) {
        return None;
    }
    let key = template_of(&keys)?;
    let is_slot = ["{path}", "{pointer}", "{name}"].contains(&key.as_str());
    let entry = template("", &members, depth + 1).filter(|_| is_slot)?;
    Some(Value::Object(Map::from_iter([(key, entry)])))
}

fn array(name: &str, seen: &[Seen<'_>], depth: usize) -> Option<Value> {
    let arrays: Option<Vec<&Vec<Value>>> = seen.iter().map(|seen| seen.value.as_array()).collect();
    let arrays = arrays?;
    if let Some(segments) = segments(&arrays, seen) {
        return Some(segments);
    }
    let length = arrays.first()?.len();
    if arrays.iter().any(|array| array.len() != length) {
        return None;
    }
    let item = |index: usize| {
        let items: Vec<Seen<'_>> = arrays
            .iter()
            .zip(seen)
            .map(|(array, seen)| Seen {
                value: &array[index],
                finding: seen.finding,
            })
            .collect();
        template(name, &items, depth + 1)
    };
    (0..length)
        .map(item)
        .collect::<Option<Vec<Value>>>()
        .map(Value::Array)
}

/// Returns the template of arrays that are the path of the field, after the part of the request or
/// alone.
fn segments(arrays: &[&Vec<Value>], seen: &[Seen<'_>]) -> Option<Value> {
    let is_path = |items: &[Value], finding: &Finding| {
        items.len() == finding.path.len()
            && items
                .iter()
                .zip(&finding.path)
                .all(|(item, segment)| match item {
                    Value::String(text) => text == segment,
                    Value::Number(number) => number.to_string() == *segment,
                    _ => false,
                })
    };
    let mut pairs = arrays.iter().zip(seen);
    let is_about_field = seen.iter().all(|seen| seen.finding.is_about_field());
    if !is_about_field {
        return None;
    }
    if pairs
        .clone()
        .all(|(array, seen)| is_path(array, seen.finding))
    {
        // One name may be a list with one item per violation.
        let is_nested = seen.iter().any(|seen| seen.finding.path.len() > 1);
        return is_nested.then(|| json!(["{segments}"]));
    }
    let is_located = pairs.all(|(array, seen)| match array.split_first() {
        Some((location, rest)) => {
            *location == json!(seen.finding.location) && is_path(rest, seen.finding)
        }
        None => false,
    });
    is_located.then(|| json!(["{location}", "{segments}"]))
}

fn text(name: &str, seen: &[Seen<'_>]) -> Option<Value> {
    let texts: Option<Vec<SeenText<'_>>> = seen
        .iter()
        .map(|seen| {
            let text = seen.value.as_str()?;
            let finding = seen.finding;
            Some(SeenText { text, finding })
        })
        .collect();
    let template = texts.and_then(|texts| template_of(&texts));
    match (template, seen.first()?.value.as_str()) {
        (Some(template), _) => Some(json!(template)),
        (None, Some(text)) if is_volatile(name) => Some(json!(escaped(text))),
        _ => scalar(name, seen),
    }
}

/// Returns the template of a value that is no text in all bodies.
fn scalar(name: &str, seen: &[Seen<'_>]) -> Option<Value> {
    let first = seen.first()?;
    let is_all = |given: &dyn Fn(&Finding) -> Option<Value>| {
        seen.iter()
            .all(|seen| given(seen.finding).as_ref() == Some(seen.value))
    };
    let operand = |name: &'static str| move |finding: &Finding| finding.operands.get(name).cloned();
    let is_same = seen.iter().all(|other| other.value == first.value);
    let is_of_value = is_repeated_value(name);
    let is_value = is_all(&|finding| Some(finding.value.clone().unwrap_or(Value::Null)));
    if is_all(&operand("status")) {
        return Some(json!("{status}"));
    }
    if is_value && (is_of_value || !is_same) {
        return Some(json!("{value}"));
    }
    if first.value.is_number() && !is_same && is_all(&operand("count")) {
        return Some(json!("{count}"));
    }
    if first.value.is_number() && is_all(&operand("limit")) {
        return Some(json!("{limit}"));
    }
    if is_volatile(name) || is_same && !first.value.is_string() {
        return Some(first.value.clone());
    }
    None
}

/// Returns true for members that repeat the value that was sent.
#[must_use]
pub(super) fn is_repeated_value(name: &str) -> bool {
    MemberRole::Value.fits(name)
}

/// Returns true for members whose values are of one exchange only: its time, its id.
#[must_use]
pub(super) fn is_volatile(name: &str) -> bool {
    [MemberRole::When, MemberRole::Request]
        .iter()
        .any(|role| role.fits(name))
}
