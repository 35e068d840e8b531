//! An error body about several findings → the bodies that it would be for each of them alone.
use serde_json::{Map, Value, json};

use crate::errors::catalogue::known;
use crate::errors::finding::Finding;

/// Deepest level at which a list or map of errors is searched.
const DEEPEST: usize = 6;

/// Maximum number of items of a list of errors that is parted.
const MOST_ITEMS: usize = 50;

/// Body of an error about one finding.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub body: Value,
    pub finding: Finding,
    /// Header fields of the whole error that tell something about it.
    pub headers: Vec<(String, String)>,
}

impl View {
    fn of(body: Value, finding: &Finding) -> Self {
        Self {
            body,
            finding: finding.clone(),
            headers: Vec::new(),
        }
    }
}

/// Returns the body for each finding alone: of a list or map one item or member, of any other body the
/// whole if it names one finding only. Empty if it cannot be told what the body is about.
#[must_use]
pub(super) fn views(body: &Value, headers: &[(String, String)], findings: &[Finding]) -> Vec<View> {
    let mut views = split(body, findings);
    for view in &mut views {
        view.headers = headers.to_vec();
        note_sentence(&view.body, &mut view.finding);
    }
    views
}

/// Notes the text of a body that a family of the catalogue has for the finding, as its message.
fn note_sentence(body: &Value, finding: &mut Finding) {
    let families = known::all()
        .iter()
        .filter(|idiom| idiom.name != known::PLAIN);
    let said = families.filter_map(|idiom| idiom.say(finding)?.sentence);
    let sentence = said.into_iter().find(|sentence| has_text(body, sentence));
    if let Some(sentence) = sentence {
        finding
            .operands
            .insert("message".to_owned(), json!(sentence));
    }
}

fn has_text(body: &Value, text: &str) -> bool {
    match body {
        Value::String(own) => own == text,
        Value::Array(items) => items.iter().any(|item| has_text(item, text)),
        Value::Object(members) => members.values().any(|member| has_text(member, text)),
        _ => false,
    }
}

fn split(body: &Value, findings: &[Finding]) -> Vec<View> {
    if let [only] = findings {
        return vec![View::of(body.clone(), only)];
    }
    let parted = parted(body, findings, 0);
    if !parted.is_empty() {
        return parted;
    }
    match sole(findings, |finding| mentions(body, finding)) {
        Some(finding) => vec![View::of(body.clone(), finding)],
        None => Vec::new(),
    }
}

/// Returns the bodies with one item of a list, or one member of a map, each.
fn parted(body: &Value, findings: &[Finding], depth: usize) -> Vec<View> {
    if depth > DEEPEST {
        return Vec::new();
    }
    match body {
        Value::Array(items) if (2..=MOST_ITEMS).contains(&items.len()) => {
            let of_item = |item: &Value| {
                let finding = meant(findings, item)?;
                Some(View::of(Value::Array(vec![item.clone()]), finding))
            };
            let views: Option<Vec<View>> = items.iter().map(of_item).collect();
            views.unwrap_or_default()
        }
        Value::Object(members) => {
            let of_member = |(name, value): (&String, &Value)| {
                let finding = sole(findings, |finding| is_key(name, finding))?;
                let body = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
                Some(View::of(body, finding))
            };
            let views: Option<Vec<View>> = members.iter().map(of_member).collect();
            if let Some(views) = views.filter(|views| views.len() > 1) {
                return views;
            }
            let mut inner = members
                .iter()
                .map(|(name, value)| (name, parted(value, findings, depth + 1)));
            let Some((name, views)) = inner.find(|(_, views)| !views.is_empty()) else {
                return Vec::new();
            };
            let with = |view: View| {
                let mut members = members.clone();
                members.insert(name.clone(), view.body);
                View::of(Value::Object(members), &view.finding)
            };
            views.into_iter().map(with).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the only finding that an item is about: one whose field is a text of it, such as
/// `{"name": "price"}`, else one that it mentions, also as the name of a member.
fn meant<'f>(findings: &'f [Finding], item: &Value) -> Option<&'f Finding> {
    let named = sole(findings, |finding| names(item, finding));
    named.or_else(|| sole(findings, |finding| mentions(item, finding)))
}

/// Returns true if a text in a value is the name or path of the field, and nothing else.
fn names(value: &Value, finding: &Finding) -> bool {
    match value {
        Value::String(text) => is_key(text, finding),
        Value::Array(items) => items.iter().any(|item| names(item, finding)),
        Value::Object(members) => members.values().any(|member| names(member, finding)),
        _ => false,
    }
}

/// Returns the only finding that is meant.
fn sole(findings: &[Finding], is_meant: impl Fn(&Finding) -> bool) -> Option<&Finding> {
    let mut meant = findings.iter().filter(|finding| is_meant(finding));
    let first = meant.next()?;
    meant.next().is_none().then_some(first)
}

/// Returns true if the name of a member is that of the field.
#[must_use]
pub(super) fn is_key(name: &str, finding: &Finding) -> bool {
    finding.is_about_field()
        && (name == finding.name()
            || name == finding.path.join(".")
            || name == format!("/{}", finding.path.join("/")))
}

/// Returns true if a text in a value, or the name of a member, has the name of the field as a word.
fn mentions(value: &Value, finding: &Finding) -> bool {
    match value {
        Value::String(text) => has_name(text, finding.name()),
        Value::Array(items) => items.iter().any(|item| mentions(item, finding)),
        Value::Object(members) => members
            .iter()
            .any(|(name, member)| is_key(name, finding) || mentions(member, finding)),
        _ => false,
    }
}

fn has_name(text: &str, name: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_letter(c));
    !name.is_empty() && (words.into_iter().any(|word| word == name) || text == name)
}
