//! Templates of the bodies for single rules → one entry of the section `errors`.
use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::contract::wording::Template;
use crate::document::syntax::join;
use crate::errors::catalogue::code;
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::known;
use crate::errors::catalogue::role::MemberRole;
use crate::errors::finding::Finding;
use crate::errors::overrides::ErrorOverrides;
use crate::upstream::learning::field;
use crate::upstream::learning::proof::is_same_body;
use crate::upstream::learning::text::{OF_FAMILY, filled};
use crate::upstream::learning::view::View;

/// Template of the errors about one rule.
#[derive(Debug, Clone)]
pub(super) struct RuleTemplate {
    pub rule: String,
    pub status: StatusCode,
    /// Media type, if it is a special one.
    pub media: Option<String>,
    pub body: Value,
    /// Bodies that it was made of.
    pub views: Vec<View>,
}

/// Words of the message and of the code in a body that several rules share.
#[derive(Debug, Default)]
struct SharedBody {
    body: Value,
    /// Message of each rule, in the order of the rules; `None` if the body has no message of its own.
    messages: Option<Vec<String>>,
    codes: Option<Vec<String>>,
}

/// A text in a template, by its JSON Pointer.
type Leaf = (String, String);

/// Score from which a code names its rule.
const SAYS_RULE: i32 = 8;

/// Returns the entry for some rules: one body for the rules about fields whose bodies are alike, and a
/// body of its own for each other rule.
#[must_use]
pub(super) fn entry(rules: &[RuleTemplate]) -> Value {
    let (shared, others) = alike(rules);
    let mut entry = Map::new();
    let mut own: Map<String, Value> = Map::new();
    if !shared.is_empty() {
        let status = usual_status(&shared);
        let body = shared_body(&shared);
        let idiom = idiom(&shared, &body);
        entry.insert("status".to_owned(), json!(status.as_u16()));
        if let Some(idiom) = idiom {
            entry.insert("idiom".to_owned(), json!(idiom.name));
        }
        let fields: Vec<Map<String, Value>> = shared
            .iter()
            .map(|rule| field::templates(&rule.views))
            .collect();
        let common = field::common(&fields);
        for (index, rule) in shared.iter().enumerate() {
            let mut apart = fields[index].clone();
            apart.retain(|name, _| !common.contains_key(name));
            let told = telling(rule, index, status, &body, idiom, apart);
            if !told.is_null() {
                own.insert(rule.rule.clone(), told);
            }
        }
        let media = shared[0].media.as_ref();
        entry.extend(media.map(|media| ("media_type".to_owned(), json!(media))));
        if !common.is_empty() {
            entry.insert("headers".to_owned(), Value::Object(common));
        }
        entry.insert("body".to_owned(), body.body);
    }
    let family = entry
        .get("idiom")
        .and_then(Value::as_str)
        .and_then(known::named);
    for rule in others {
        if let Some(told) = alone(rule, family) {
            own.insert(rule.rule.clone(), told);
        }
    }
    if !own.is_empty() {
        entry.insert("rules".to_owned(), Value::Object(own));
    }
    Value::Object(entry)
}

/// Returns the entry with a whole body for each rule.
#[must_use]
pub(super) fn entry_of_single(rules: &[RuleTemplate]) -> Value {
    let own = rules.iter();
    let own = own.filter_map(|rule| Some((rule.rule.clone(), alone(rule, None)?)));
    json!({ "rules": Value::Object(own.collect()) })
}

/// Returns what an entry says of a rule with a body of its own. Message and code are apart from the
/// body, so that a person can replace them. `None` if only a family words the rule, and not `family`.
fn alone(rule: &RuleTemplate, family: Option<&Idiom>) -> Option<Value> {
    let mut body = shared_body(&[rule]);
    if !is_reproduced(&body, 0, rule) {
        body = SharedBody {
            body: rule.body.clone(),
            ..SharedBody::default()
        };
    }
    let mut told = json!({ "status": rule.status.as_u16() });
    let first = |texts: Option<Vec<String>>| texts.into_iter().flatten().next();
    for (name, text) in [
        ("message", first(body.messages)),
        ("code", first(body.codes)),
    ] {
        match text {
            Some(text) if text == OF_FAMILY => {
                let is_worded = family.is_some_and(|idiom| is_said(idiom, rule, Some(&text)));
                is_worded.then_some(())?;
            }
            Some(text) => told[name] = json!(text),
            None => {}
        }
    }
    if let Some(media) = &rule.media {
        told["media_type"] = json!(media);
    }
    let fields = field::templates(&rule.views);
    if !fields.is_empty() {
        told["headers"] = Value::Object(fields);
    }
    told["body"] = body.body;
    Some(told)
}

/// Splits off the rules about fields whose bodies have the same members: the most of them.
fn alike(rules: &[RuleTemplate]) -> (Vec<&RuleTemplate>, Vec<&RuleTemplate>) {
    let mut groups: Vec<Vec<&RuleTemplate>> = Vec::new();
    for rule in rules.iter().filter(|rule| is_of_field(&rule.rule)) {
        let group = groups.iter_mut().find(|group| is_alike(group[0], rule));
        match group {
            Some(group) => group.push(rule),
            None => groups.push(vec![rule]),
        }
    }
    let weight = |group: &&Vec<&RuleTemplate>| -> (usize, usize) {
        (group.len(), group.iter().map(|rule| rule.views.len()).sum())
    };
    // The first of the greatest, so that the order of the rules decides.
    let most = groups.iter().rev().max_by_key(weight);
    let mut shared = most.cloned().unwrap_or_default();
    let body = shared_body(&shared);
    let all = shared.clone().into_iter().enumerate();
    shared = all
        .filter(|(index, rule)| is_reproduced(&body, *index, rule))
        .map(|(_, rule)| rule)
        .collect();
    let is_other = |rule: &&RuleTemplate| !shared.iter().any(|own| own.rule == rule.rule);
    let others = rules.iter().filter(is_other).collect();
    (shared, others)
}

/// Returns true if two bodies differ in their texts only.
fn is_alike(one: &RuleTemplate, other: &RuleTemplate) -> bool {
    one.media == other.media && skeleton(&one.body) == skeleton(&other.body)
}

/// Returns true if the shared body gives each body of a rule.
fn is_reproduced(body: &SharedBody, index: usize, rule: &RuleTemplate) -> bool {
    let of = |texts: &Option<Vec<String>>| Some(texts.as_ref()?.get(index)?.clone());
    let (message, code) = (of(&body.messages), of(&body.codes));
    rule.views.iter().all(|view| {
        let mut finding = view.finding.clone();
        for (name, template) in [("message", &message), ("code", &code)] {
            let text = template.as_ref().and_then(|text| filled(text, &finding));
            text.map(|text| finding.operands.insert(name.to_owned(), json!(text)));
        }
        let told = ErrorOverrides::body_of(&body.body, &[finding]);
        told.is_some_and(|told| is_same_body(&told, &view.body))
    })
}

fn usual_status(rules: &[&RuleTemplate]) -> StatusCode {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for rule in rules {
        *counts.entry(rule.status.as_u16()).or_default() += 1;
    }
    let most = counts.iter().rev().max_by_key(|(_, count)| **count);
    most.and_then(|(status, _)| StatusCode::from_u16(*status).ok())
        .unwrap_or(StatusCode::BAD_REQUEST)
}

/// Returns what an entry says of one rule; null if its general part says all.
fn telling(
    rule: &RuleTemplate,
    index: usize,
    status: StatusCode,
    body: &SharedBody,
    idiom: Option<&Idiom>,
    headers: Map<String, Value>,
) -> Value {
    let of = |texts: &Option<Vec<String>>| Some(texts.as_ref()?.get(index)?.clone());
    let mut told = Map::new();
    if rule.status != status {
        told.insert("status".to_owned(), json!(rule.status.as_u16()));
    }
    // In the notation of the family a sentence may be another one.
    let is_kept = |text: &String| {
        let is_alike = idiom.is_none_or(|idiom| is_filled_alike(idiom, rule, text));
        text != OF_FAMILY && is_alike
    };
    if let Some(message) = of(&body.messages).filter(is_kept) {
        told.insert("message".to_owned(), json!(message));
    }
    if let Some(code) = of(&body.codes) {
        told.insert("code".to_owned(), json!(code));
    }
    if !headers.is_empty() {
        told.insert("headers".to_owned(), Value::Object(headers));
    }
    match (told.len(), told.get("message")) {
        (0, _) => Value::Null,
        (1, Some(message)) => message.clone(),
        _ => Value::Object(told),
    }
}

/// Returns the body of rules that are alike, with slots for message and code.
fn shared_body(rules: &[&RuleTemplate]) -> SharedBody {
    let leaves: Vec<Vec<Leaf>> = rules.iter().map(|rule| leaves(&rule.body)).collect();
    let Some(first) = leaves.first() else {
        return SharedBody::default();
    };
    let column = |index: usize| -> Vec<String> {
        leaves
            .iter()
            .map(|leaves| leaves[index].1.clone())
            .collect()
    };
    let columns: Vec<(String, Vec<String>)> = first
        .iter()
        .enumerate()
        .map(|(index, (pointer, _))| (pointer.clone(), column(index)))
        .collect();
    let messages = message_column(rules, &columns);
    let codes = code_column(rules, &columns, messages.as_ref());
    let mut body = rules[0].body.clone();
    for (pointer, texts) in &columns {
        let slot = if Some(texts) == messages.as_ref() {
            "{message}"
        } else if Some(texts) == codes.as_ref() {
            "{code}"
        } else {
            continue;
        };
        if let Some(leaf) = body.pointer_mut(pointer) {
            *leaf = json!(slot);
        }
    }
    SharedBody {
        body,
        messages,
        codes,
    }
}

/// Returns the messages: the texts that differ by rule, or that name the field, or that a family
/// has for the rule.
fn message_column(
    rules: &[&RuleTemplate],
    columns: &[(String, Vec<String>)],
) -> Option<Vec<String>> {
    let is_sentence = |text: &String| text.contains(' ') || text == OF_FAMILY;
    let rank = |(pointer, texts): &(String, Vec<String>)| {
        let differs = texts.iter().any(|text| *text != texts[0]);
        let is_slotted = texts.iter().any(|text| has_slot(text));
        let is_of_family = texts.iter().zip(rules).all(|(text, rule)| {
            known::all()
                .iter()
                .any(|idiom| is_said(idiom, rule, Some(text)))
        });
        let is_called_so = MemberRole::Message.fits(last_name(pointer));
        let is_meant = differs || is_slotted || is_of_family;
        (texts.iter().any(is_sentence) && is_meant).then_some((
            differs,
            is_of_family,
            is_slotted,
            is_called_so,
        ))
    };
    let ranked = columns
        .iter()
        .rev()
        .filter_map(|column| Some((rank(column)?, column)));
    ranked
        .max_by_key(|(rank, _)| *rank)
        .map(|(_, (_, texts))| texts.clone())
}

/// Returns the codes: the texts without blanks that differ by rule, or that name the rule.
fn code_column(
    rules: &[&RuleTemplate],
    columns: &[(String, Vec<String>)],
    messages: Option<&Vec<String>>,
) -> Option<Vec<String>> {
    let is_code = |(pointer, texts): &&(String, Vec<String>)| {
        let is_apart = Some(texts) != messages;
        let differs = texts.iter().any(|text| *text != texts[0]);
        let says_rule = texts.iter().zip(rules).all(|(text, rule)| {
            let finding = Finding::whole(&rule.rule, Value::Null);
            code::score(text, &finding) >= SAYS_RULE
                || known::all()
                    .iter()
                    .any(|idiom| has_codes(idiom, rule, Some(text)) && idiom.name != known::PLAIN)
        });
        let is_called_so = MemberRole::Code.fits(last_name(pointer));
        let is_plain = texts.iter().all(|text| !has_slot(text) && !text.is_empty());
        is_apart && is_plain && (differs || says_rule && is_called_so)
    };
    columns.iter().find(is_code).map(|(_, texts)| texts.clone())
}

/// Returns the family that words a rule of the entry as the API does, and contradicts none.
fn idiom(rules: &[&RuleTemplate], body: &SharedBody) -> Option<&'static Idiom> {
    let messages = body.messages.as_ref()?;
    let score = |idiom: &&'static Idiom| {
        let said = rules.iter().zip(messages);
        let said = said
            .filter(|(rule, text)| is_said(idiom, rule, Some(text)))
            .count();
        let codes = body.codes.iter().flatten().zip(rules);
        let codes = codes
            .filter(|(text, rule)| has_codes(idiom, rule, Some(text)))
            .count();
        (said, codes, idiom.rank)
    };
    // A message of another origin would be filled in the notation of the family.
    let is_neutral = |idiom: &&'static Idiom| {
        let mut all = rules.iter().zip(messages);
        all.all(|(rule, text)| {
            is_said(idiom, rule, Some(text)) || is_filled_alike(idiom, rule, text)
        })
    };
    let families = known::all()
        .iter()
        .filter(|idiom| idiom.name != known::PLAIN);
    let best = families.filter(is_neutral).rev().max_by_key(score)?;
    (score(&best).0 > 0).then_some(best)
}

/// Returns true if a family words a rule exactly as a message does.
fn is_said(idiom: &Idiom, rule: &RuleTemplate, message: Option<&String>) -> bool {
    let Some(message) = message else { return false };
    let says = |view: &View| {
        let said = idiom.say(&view.finding).and_then(|said| said.sentence);
        said.is_some() && said == filled(message, &view.finding)
    };
    rule.views.iter().all(says)
}

fn has_codes(idiom: &Idiom, rule: &RuleTemplate, code: Option<&String>) -> bool {
    let Some(code) = code else { return false };
    let says = |view: &View| {
        let said = idiom.say(&view.finding).and_then(|said| said.code);
        said == filled(code, &view.finding).map(Value::String)
    };
    rule.views.iter().all(says)
}

/// Returns true if the notation of a family gives the same text as the neutral one.
fn is_filled_alike(idiom: &Idiom, rule: &RuleTemplate, text: &str) -> bool {
    let Ok(template) = Template::parse(text) else {
        return false;
    };
    text != OF_FAMILY
        && rule.views.iter().all(|view| {
            Some(idiom.dialect.fill(&template, &view.finding)) == filled(text, &view.finding)
        })
}

fn has_slot(text: &str) -> bool {
    Template::parse(text).is_ok_and(|template| template.has(|_| true))
}

fn last_name(pointer: &str) -> &str {
    let mut segments = pointer.rsplit('/');
    let named = segments.find(|segment| segment.parse::<usize>().is_err());
    named.unwrap_or_default()
}

/// Returns a body with all its texts empty.
fn skeleton(body: &Value) -> Value {
    match body {
        Value::String(_) => json!(""),
        Value::Array(items) => items.iter().map(skeleton).collect(),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(
                members
                    .map(|(name, member)| (name.clone(), skeleton(member)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// Returns the texts of a body, in order.
fn leaves(body: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(body, "", &mut found);
    found
}

fn collect(body: &Value, pointer: &str, found: &mut Vec<Leaf>) {
    match body {
        Value::String(text) => found.push((pointer.to_owned(), text.clone())),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
            collect(item, &join(pointer, &index.to_string()), found);
        }),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| collect(member, &join(pointer, name), found)),
        _ => {}
    }
}
