//! Finds the subject of an error body: its messages about a field, their family, the rule that they
//! word and the field that they name.
//!
//! `reading::read` calls it with the recognised texts, before it builds the pattern.
use http::StatusCode;
use serde_json::Value;

use crate::contract::wording::{RULES, TemplatePart};
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::role::MemberRole;
use crate::errors::catalogue::{code, known};
use crate::errors::finding::{Finding, location_of};
use crate::errors::reading::context::{About, Context};
use crate::errors::reading::names::{Names, is_identifier, segments};
use crate::errors::reading::phrase::{coded, general};
use crate::errors::reading::recognise::{self, Recognised, RecognisedText};
use crate::schema::Schema;
use crate::schema::name::{folded, words};

/// Keeps the messages about the same fault as the best one. General messages beside it, and texts
/// that only look like messages, become fixed texts.
pub(super) fn meant<'v>(
    recognised: Vec<RecognisedText<'v>>,
    names: &Names,
) -> Vec<RecognisedText<'v>> {
    let is_entry = |path: &[String]| {
        path.iter().any(|step| step == "[]")
            || path
                .iter()
                .any(|step| names.find(step).is_some() || names.path(step).is_some())
    };
    let is_known = |name: &String| names.find(name).is_some() || names.path(name).is_some();
    let worth = |found: &RecognisedText<'_>| {
        let of_field = found.message.rule(None).is_some_and(is_of_field);
        let named = found.message.names(None);
        let is_general = general(found.text).is_some() || is_reason(found.text);
        (
            of_field && !is_general,
            named.iter().any(is_known),
            is_entry(&found.path),
            !named.is_empty(),
            found.message.letters(),
        )
    };
    let Some(best) = recognised.iter().max_by_key(|found| worth(found)).cloned() else {
        return recognised;
    };
    let path = &best.path;
    let about = best.message.names(None);
    let rule = best.message.rule(None);
    if !rule.is_some_and(is_of_field) || general(best.text).is_some() {
        return recognised
            .into_iter()
            .filter(|found| {
                !found.message.rule(None).is_some_and(is_of_field) && !is_reason(found.text)
            })
            .collect();
    }
    let same = |name: &String| about.iter().any(|other| folded(other) == folded(name));
    let is_meant = |found: &RecognisedText<'v>| {
        let RecognisedText {
            path: there,
            text,
            message,
        } = found;
        let named = message.names(None);
        let is_general = general(text).is_some() || is_reason(text);
        let is_own = there == path;
        let is_of_entry =
            is_entry(there) && message.rule(None).is_some_and(is_of_field) && !is_general;
        let is_same = !named.is_empty()
            && (named.iter().any(same) || about.is_empty() && named.iter().any(is_known));
        let says_same = named.is_empty()
            && message.rule(None) == rule
            && !is_general
            && is_entry(path) == is_entry(there);
        is_own || is_of_entry || is_same && !is_general || says_same
    };
    // A title beside a message is not a message.
    let parents: Vec<Vec<String>> = recognised
        .iter()
        .filter(|found| !is_title(&found.path))
        .map(|found| parent(&found.path))
        .collect();
    let is_only_title = |path: &[String]| is_title(path) && parents.contains(&parent(path));
    recognised
        .into_iter()
        .filter(is_meant)
        .filter(|found| !is_only_title(&found.path))
        .collect()
}

fn is_title(path: &[String]) -> bool {
    path.last()
        .is_some_and(|key| matches!(folded(key).as_str(), "title" | "errortitle" | "errorname"))
}

fn parent(path: &[String]) -> Vec<String> {
    path[..path.len().saturating_sub(1)].to_vec()
}

/// Returns true if a text is the reason phrase of a status from 400 to 599: `Bad Request`.
fn is_reason(text: &str) -> bool {
    let statuses = (400..600).filter_map(|code| StatusCode::from_u16(code).ok());
    statuses
        .filter_map(|status| status.canonical_reason())
        .any(|reason| reason.eq_ignore_ascii_case(text.trim_end_matches('.')))
}

/// Returns true if a text is a message; a text without blanks is one only where a message is due.
pub(super) fn is_sentence(path: &[String], text: &str, recognised: &Recognised) -> bool {
    let key = path
        .iter()
        .rev()
        .find(|key| *key != "[]")
        .map_or("", String::as_str);
    let is_of_program =
        MemberRole::Link.fits(key) || MemberRole::When.fits(key) || MemberRole::Request.fits(key);
    let is_word = !text.contains(' ');
    let message_due =
        MemberRole::Message.rank(key).is_some_and(|rank| rank < 40) || MemberRole::List.fits(key);
    let is_said =
        message_due && recognised.letters() > 0 && !code::is_code(text) || text == "Required";
    !is_of_program && (!is_word || is_said)
}

/// Minimum number of letters that identify a family by one message; a shorter one needs a code or a
/// shape beside it.
pub(super) const FEWEST_LETTERS: usize = 11;

/// Returns the family whose messages, codes and shape a body has.
pub(super) fn family(value: &Value, recognised: &[RecognisedText<'_>]) -> Option<&'static Idiom> {
    let mut scored: Vec<(usize, &'static Idiom)> = Vec::new();
    let mut add = |idiom: &'static Idiom, score: usize| match scored
        .iter_mut()
        .find(|(_, known)| *known == idiom)
    {
        Some((total, _)) => *total += score,
        None => scored.push((score, idiom)),
    };
    for text in recognised {
        let of_field = text
            .message
            .matches
            .iter()
            .filter(|found| is_of_field(found.rule));
        for found in of_field {
            let rank = usize::try_from(found.idiom.rank).unwrap_or(0) * 12;
            add(
                found.idiom,
                found.letters * 4 + usize::from(!found.is_other) * 3 + rank,
            );
            if let Some(code) = &found.code
                && has_value(value, code)
            {
                add(found.idiom, 80);
            }
        }
    }
    let with_words: Vec<&'static Idiom> = scored.iter().map(|(_, idiom)| *idiom).collect();
    for idiom in known::all() {
        let has_words = with_words.contains(&idiom);
        let members = idiom
            .shapes
            .iter()
            .filter(|shape| shape.iter().all(|path| has_path(value, path)));
        let Some(members) = members.map(Vec::len).max() else {
            continue;
        };
        // Two members are so common that they identify no family without messages.
        if has_words || members > 2 && !idiom.needs_words {
            let score = if members > 2 { members.min(8) * 12 } else { 8 };
            match scored.iter_mut().find(|(_, known)| *known == idiom) {
                Some((total, _)) => *total += score,
                None => scored.push((score, idiom)),
            }
        }
    }
    // A message that any API may have identifies no family.
    let is_told = |idiom: &'static Idiom| {
        let of_idiom = recognised
            .iter()
            .filter_map(|text| text.message.of(Some(idiom)));
        let mut matches = of_idiom.filter(|found| is_of_field(found.rule)).peekable();
        let is_silent = matches.peek().is_none();
        is_silent
            || matches.any(|found| {
                found.letters >= FEWEST_LETTERS
                    || found
                        .code
                        .as_ref()
                        .is_some_and(|code| has_value(value, code))
            })
            || idiom
                .shapes
                .iter()
                .any(|shape| shape.len() > 1 && shape.iter().all(|path| has_path(value, path)))
    };
    scored.retain(|(_, idiom)| is_told(idiom));
    let worth = |(score, idiom): &(usize, &'static Idiom)| (*score, idiom.rank);
    let most = scored.iter().map(worth).max()?;
    scored
        .iter()
        .find(|scored| worth(scored) == most)
        .map(|(_, idiom)| *idiom)
}

fn has_value(value: &Value, wanted: &Value) -> bool {
    match value {
        Value::Object(object) => object.values().any(|member| has_value(member, wanted)),
        Value::Array(items) => items.iter().any(|item| has_value(item, wanted)),
        other => other == wanted,
    }
}

/// Returns true if a value has a member at a path such as `errors`, `[]`, `field`.
#[must_use]
pub(super) fn has_path(value: &Value, path: &[String]) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return true;
    };
    match (step.as_str(), value) {
        ("[]", Value::Array(items)) => items.first().is_some_and(|item| has_path(item, rest)),
        ("{}", Value::Object(object)) => object.values().any(|member| has_path(member, rest)),
        (name, Value::Object(object)) => object
            .get(name)
            .is_some_and(|member| has_path(member, rest)),
        _ => false,
    }
}

/// Returns the rule and the field of a body: those of its first message about a field, else those
/// of a code with the field beside it or in it.
pub(super) fn about(
    value: &Value,
    recognised: &[RecognisedText<'_>],
    idiom: Option<&'static Idiom>,
    names: &Names,
) -> Option<About> {
    let worded = recognised.iter().find_map(|text| {
        let rule = text.message.rule(idiom).filter(|rule| is_of_field(rule))?;
        Some((text, rule))
    });
    let fields = fields(value, names);
    match worded {
        Some((text, rule)) => {
            let mut about = text.message.names(idiom);
            if about.is_empty() {
                about.extend(nearest_field(&text.path, &fields));
            }
            Some(About {
                rule,
                names: about,
                is_worded: true,
                is_joined: text.message.joined.is_some(),
            })
        }
        None => {
            let Some((_, field)) = fields.first() else {
                return about_code(value, names);
            };
            let rule = rule_of_codes(value)?;
            Some(About {
                rule,
                names: vec![field.clone()],
                is_worded: false,
                is_joined: false,
            })
        }
    }
}

/// Returns the rule and the field of a code that has a field's name in it: `source_required`,
/// `missing_source`.
fn about_code(value: &Value, names: &Names) -> Option<About> {
    let mut codes = Vec::new();
    recognise::visit(value, &mut Vec::new(), &mut |path, text| {
        let is_code = path
            .iter()
            .rev()
            .find(|key| *key != "[]")
            .is_some_and(|key| MemberRole::Code.fits(key) || MemberRole::Message.fits(key));
        if is_code && code::is_code(text) && codes.len() < 20 {
            codes.push(text.to_owned());
        }
    });
    let is_slot = |part: Option<&TemplatePart>| {
        part.is_some_and(|part| matches!(part, TemplatePart::Slot(..)))
    };
    let all = names.all();
    codes.iter().find_map(|text| {
        let (name, is_first) = all.iter().find_map(|name| {
            let parts = coded(text, name).parts;
            let is_first = is_slot(parts.first());
            (is_first || is_slot(parts.last())).then_some((*name, is_first))
        })?;
        let (mut rest, of_name) = (words(text), words(name).len());
        if is_first {
            rest.drain(..of_name.min(rest.len()));
        } else {
            rest.truncate(rest.len().saturating_sub(of_name));
        }
        let rest = rest.join("_");
        let score = |rule: &str| code::score(&rest, &Finding::whole(rule, Value::Null));
        let rules = RULES.iter().copied().filter(|rule| is_of_field(rule));
        let rule = rules
            .rev()
            .max_by_key(|rule| score(rule))
            .filter(|rule| score(rule) >= 8)?;
        Some(About {
            rule,
            names: vec![name.to_owned()],
            is_worded: false,
            is_joined: false,
        })
    })
}

/// Returns the fields that a body names, each with the path to it: texts where fields are named,
/// and keys that are names of the request.
fn fields(value: &Value, names: &Names) -> Vec<(Vec<String>, String)> {
    let mut fields = Vec::new();
    collect_fields(value, &mut Vec::new(), names, &mut fields);
    fields
}

fn collect_fields(
    value: &Value,
    path: &mut Vec<String>,
    names: &Names,
    fields: &mut Vec<(Vec<String>, String)>,
) {
    match value {
        Value::Object(object) => {
            for (key, member) in object {
                path.push(key.clone());
                if let Some(text) = member.as_str().filter(|_| MemberRole::Field.fits(key))
                    && location_of(text).is_none()
                {
                    let is_name = names.find(text).is_some() || names.path(text).is_some();
                    let is_due = MemberRole::Field.rank(key).is_some_and(|rank| rank < 8)
                        && is_identifier(segments(text).last().unwrap_or(&""));
                    if is_name || is_due {
                        fields.push((
                            path.clone(),
                            segments(text).last().map_or(text, |last| last).to_owned(),
                        ));
                    }
                } else if let Value::Array(items) = member
                    && (is_segments(key, items, names) || is_name_in_list(key, items, names))
                {
                    let last = items
                        .iter()
                        .rev()
                        .find_map(Value::as_str)
                        .unwrap_or_default();
                    fields.push((path.clone(), last.to_owned()));
                } else {
                    if is_map_key(
                        key,
                        member,
                        names,
                        path.len() > 1 && MemberRole::List.fits(&path[path.len() - 2]),
                    ) {
                        fields.push((
                            path.clone(),
                            segments(key)
                                .last()
                                .map_or(key.as_str(), |last| last)
                                .to_owned(),
                        ));
                    }
                    collect_fields(member, path, names, fields);
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for item in items {
                path.push("[]".to_owned());
                collect_fields(item, path, names, fields);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Returns the field whose path shares most keys with the path of a message.
fn nearest_field(path: &[String], fields: &[(Vec<String>, String)]) -> Option<String> {
    let shared = |other: &[String]| path.iter().zip(other).take_while(|(a, b)| a == b).count();
    let nearest = fields.iter().rev().max_by_key(|(other, _)| shared(other))?;
    Some(nearest.1.clone())
}

/// Returns the rule that the codes of a body mean; `invalid` if they only say that something is
/// wrong.
fn rule_of_codes(value: &Value) -> Option<&'static str> {
    let mut codes = Vec::new();
    recognise::visit(value, &mut Vec::new(), &mut |path, text| {
        if path
            .iter()
            .rev()
            .find(|key| *key != "[]")
            .is_some_and(|key| MemberRole::Code.fits(key))
            && code::is_code(text)
        {
            codes.push(text.to_owned());
        }
    });
    let score = |rule: &str| {
        let finding = Finding::whole(rule, Value::Null);
        codes
            .iter()
            .map(|code| code::score(code, &finding))
            .max()
            .unwrap_or(0)
    };
    let rules = RULES.iter().copied().filter(|rule| is_of_field(rule));
    let best = rules.rev().max_by_key(|rule| score(rule))?;
    if score(best) >= 8 {
        return Some(best);
    }
    (score("invalid") > 0).then_some("invalid")
}

/// Returns the path at which a neutral message goes in a body that has no message about a field:
/// that of the likeliest message. Returns `None` if the body tells the fault without one.
pub(super) fn place_for_words(
    value: &Value,
    about: Option<&About>,
    context: &Context<'_>,
) -> Option<Vec<String>> {
    let mut best: Option<(usize, Vec<String>)> = None;
    recognise::visit(value, &mut Vec::new(), &mut |path, text| {
        let key = path
            .iter()
            .rev()
            .find(|key| *key != "[]")
            .map_or("", String::as_str);
        let Some(rank) = (if path.is_empty() {
            Some(0)
        } else {
            MemberRole::Message.rank(key)
        }) else {
            return;
        };
        let is_coded = code::is_code(text);
        let is_of_other =
            text.starts_with("http") || text.chars().all(|c| c.is_ascii_digit() || c == '.');
        // A code at a member for which the document shows more than two codes is not a message.
        let is_only_code =
            is_coded && context.codes.iter().filter(|(name, _)| name == key).count() > 2;
        let has_enum = node_at(context.schema, path)
            .is_some_and(|node| node.get("enum").is_some() || node.get("const").is_some());
        if is_of_other || is_only_code || has_enum {
            return;
        }
        let score = rank
            + 100 * path.iter().filter(|key| *key == "[]").count()
            + 60 * usize::from(is_coded);
        if best.as_ref().is_none_or(|(least, _)| score < *least) {
            best = Some((score, path.to_vec()));
        }
    });
    let (_, path) = best?;
    // If a field and a code, or a map of fields, tell the fault already, the message may be
    // general.
    let text = path
        .iter()
        .try_fold(value, |value, step| value.get(step))
        .and_then(Value::as_str);
    let is_general = text.is_some_and(|text| general(text).is_some());
    let is_said = about.is_some() || is_general && !fields(value, context.names).is_empty();
    (!is_said).then_some(path)
}

fn node_at<'s>(schema: Option<&'s Schema>, path: &[String]) -> Option<&'s Value> {
    let schema = schema?;
    let mut node = schema.tree();
    for step in path {
        node = if step == "[]" {
            schema.items(node)?
        } else {
            schema.property(node, step)?
        };
        node = schema.resolve(node);
    }
    Some(node)
}

/// Returns true if a list is the path of a field, segment by segment: `["body", "emails"]`.
pub(super) fn is_segments(key: &str, items: &[Value], names: &Names) -> bool {
    let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    let is_list = !items.is_empty() && items.iter().all(|item| item.is_string() || item.is_u64());
    let Some(last) = texts
        .last()
        .filter(|_| is_list && !texts.iter().any(|text| text.contains(' ')))
    else {
        return false;
    };
    let is_due = matches!(
        folded(key).as_str(),
        "loc" | "path" | "location" | "instancepath" | "fieldpath" | "pointer"
    );
    let begins_with_location =
        texts.len() > 1 && texts.len() == items.len() && location_of(texts[0]).is_some();
    is_due && (is_identifier(last)) || begins_with_location && names.find(last).is_some()
}

/// Returns true if a list has the name of one field: `"fields": ["email"]`.
fn is_name_in_list(key: &str, items: &[Value], names: &Names) -> bool {
    let [Value::String(text)] = items else {
        return false;
    };
    MemberRole::Field.fits(key) && (names.find(text).is_some() || names.path(text).is_some())
}

/// Returns true if a member of an object describes the field that its key names.
pub(super) fn is_map_key(key: &str, member: &Value, names: &Names, in_list: bool) -> bool {
    const ALL: [MemberRole; 10] = [
        MemberRole::Message,
        MemberRole::Title,
        MemberRole::Code,
        MemberRole::Status,
        MemberRole::List,
        MemberRole::Success,
        MemberRole::Failure,
        MemberRole::Field,
        MemberRole::Link,
        MemberRole::Request,
    ];
    let is_name = names.find(key).is_some() || names.path(key).is_some();
    let has_role = ALL.iter().any(|role| role.fits(key));
    // Below `errors`, a key has only the roles that members of an entry have.
    let is_plain = matches!(
        folded(key).as_str(),
        "message"
            | "code"
            | "status"
            | "error"
            | "errors"
            | "detail"
            | "details"
            | "type"
            | "msg"
            | "field"
    );
    is_name
        && match member {
            Value::Array(items) => {
                let says = !items.is_empty()
                    && items
                        .iter()
                        .all(|item| item.is_string() || item.is_object());
                says && (!has_role || in_list && !is_plain)
            }
            Value::Object(_) => !has_role || in_list && !is_plain,
            Value::String(_) => !has_role,
            _ => false,
        }
}
