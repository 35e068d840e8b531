//! Reads an example of a documented error into the pattern of its body: which texts are messages
//! about a field or a rule, and which values name a field, a code or a part of the request.
//!
//! `errors::templates` reads the examples of a document here; `errors::body` fills the patterns for
//! the violations of a request.

mod about;
mod context;
mod families;
mod fields;
mod leaf;
mod member;
mod names;
mod phrase;
mod recognise;
pub(super) mod shaping;
pub(super) mod shown;
mod spans;
mod token;

pub(super) use crate::errors::reading::context::{About, Context};
pub(super) use crate::errors::reading::names::Names;
pub(super) use crate::errors::reading::phrase::warm_up;
pub(super) use crate::errors::reading::recognise::visit;
use serde_json::Value;

use crate::errors::body::{BodyPattern, ByField, Member};
use crate::errors::catalogue::code;
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::role::MemberRole;
use crate::errors::finding::location_of;
use crate::errors::reading::about::{
    family, is_map_key, is_segments, is_sentence, meant, place_for_words,
};
use crate::errors::reading::recognise::RecognisedText;
use crate::errors::slot::{
    CodeSlot, FieldSlot, FieldStyle, LocationSlot, SegmentsSlot, SlotType, before_path,
};
use crate::errors::words::NamePolicy;
use crate::schema::Schema;

/// Example of an error that was read.
#[derive(Debug, Clone)]
pub(super) struct ReadExample {
    /// Pattern of which the example is an instance.
    pub pattern: BodyPattern,
    /// Rule and field that the example is about; `None` if it is not about a part of the request.
    pub about: Option<About>,
    /// Family whose messages, codes or body shape the example has.
    pub idiom: Option<&'static Idiom>,
    /// Rules that its messages word.
    pub rules: Vec<&'static str>,
    /// The example itself.
    pub value: Value,
}

/// Reads an example into the pattern of its body, with the rule and the field that it is about.
#[must_use]
pub(super) fn read(value: &Value, context: Context<'_>) -> ReadExample {
    let recognised = recognise::hear_all(value, context.names);
    let recognised: Vec<RecognisedText<'_>> = recognised
        .into_iter()
        .filter(|found| is_sentence(&found.path, found.text, &found.message))
        .collect();
    let recognised = meant(recognised, context.names);
    let idiom = family(value, &recognised);
    let rules: Vec<&'static str> = recognised
        .iter()
        .filter_map(|found| found.message.rule(idiom))
        .collect();
    let about = about::about(value, &recognised, idiom, context.names);
    let words_at = if recognised
        .iter()
        .any(|found| found.message.rule(idiom).is_some_and(is_of_field))
    {
        None
    } else {
        place_for_words(value, about.as_ref(), &context)
    };
    let mut reader = PatternReader {
        context,
        idiom: idiom.or(context.idiom),
        seen_idiom: idiom,
        about,
        recognised,
        words_at,
        path: Vec::new(),
    };
    let mut pattern = reader.read(value, context.schema.map(Schema::tree));
    if !pattern.names_field() {
        let alone = if pattern.shows_name() {
            NamePolicy::ButForFamilies
        } else {
            NamePolicy::No
        };
        let says_nothing = reader
            .about
            .as_ref()
            .is_some_and(|about| about.rule == "invalid" && about.names.is_empty());
        let alone = if reader.words_at.is_some() || says_nothing {
            NamePolicy::Always
        } else {
            alone
        };
        pattern.let_words_name(alone);
    }
    ReadExample {
        pattern,
        about: reader.about,
        idiom,
        rules,
        value: value.clone(),
    }
}

struct PatternReader<'r> {
    context: Context<'r>,
    /// Family that words other faults: the example's, else that of the rest of the document.
    idiom: Option<&'static Idiom>,
    /// Family that the example itself shows.
    seen_idiom: Option<&'static Idiom>,
    about: Option<About>,
    recognised: Vec<RecognisedText<'r>>,
    /// Path of the text that becomes a neutral message, if no message is about a field.
    words_at: Option<Vec<String>>,
    /// Keys from the root to the value being read; an item of an array has the key `[]`.
    path: Vec<String>,
}

impl<'r> PatternReader<'r> {
    fn read(&mut self, value: &Value, node: Option<&'r Value>) -> BodyPattern {
        let is_sent = self.is_about()
            && MemberRole::Value.fits(self.key())
            && !MemberRole::List.fits(self.key());
        match value {
            // The value that was sent may itself be an object or an array.
            Value::Object(_) | Value::Array(_)
                if is_sent && self.path.iter().any(|step| step == "[]") =>
            {
                BodyPattern::Sent(SlotType::Any, Some(value.clone()))
            }
            Value::Object(object) => {
                if let Some(pattern) = self.map(object, node) {
                    return pattern;
                }
                if let (Some(pointer), "source") =
                    (object.get("pointer").and_then(Value::as_str), self.key())
                    && self.is_about()
                {
                    return BodyPattern::Source(self.field_slot(pointer));
                }
                if object.contains_key("parameter") && self.key() == "source" && self.is_about() {
                    let before = before_path("/data/attributes");
                    return BodyPattern::Source(FieldSlot {
                        before,
                        style: FieldStyle::Pointer,
                    });
                }
                let says = |found: &RecognisedText<'_>| {
                    let path = &found.path;
                    path.len() == self.path.len() + 1 && path.starts_with(&self.path)
                };
                let has_sentence = self.recognised.iter().any(says);
                let beside = self.seen_idiom.filter(|_| has_sentence && self.is_about());
                let members = object.iter().map(|(name, member)| {
                    if let Some(idiom) = beside.filter(|idiom| idiom.has_beside(name)) {
                        let pattern = BodyPattern::Beside(idiom, name.clone());
                        return Some(Member {
                            name: name.clone(),
                            pattern,
                            otherwise: None,
                        });
                    }
                    let inner = self.member_node(node, name);
                    self.path.push(name.clone());
                    let pattern = self.read(member, inner);
                    self.path.pop();
                    let is_needed = node
                        .zip(self.context.schema)
                        .is_some_and(|(node, schema)| schema.requires(node, name));
                    // Without a schema no member is known to be optional, but a code of another
                    // fault must not stay.
                    let pattern = match pattern {
                        BodyPattern::Code(slot) => {
                            BodyPattern::Code(CodeSlot { is_needed, ..slot })
                        }
                        pattern => pattern,
                    };
                    // A fault of the request as a whole has no field, and the field of the example
                    // is another one.
                    let is_name = matches!(pattern, BodyPattern::Field(_)) && member.is_string();
                    let otherwise = || {
                        if is_name {
                            Value::from("")
                        } else {
                            member.clone()
                        }
                    };
                    Some(Member {
                        name: name.clone(),
                        pattern,
                        otherwise: is_needed.then(otherwise),
                    })
                    .filter(|made| is_needed || !self.is_of_another(made))
                });
                BodyPattern::Object(members.flatten().collect())
            }
            Value::Array(items) => self.list(items, node),
            Value::String(text) => self.text(text, node),
            Value::Number(number) => self.number(number, node),
            other => {
                let is_sent = self.is_about()
                    && MemberRole::Value.fits(self.key())
                    && !MemberRole::Message.fits(self.key());
                if is_sent {
                    BodyPattern::Sent(SlotType::Any, Some(other.clone()))
                } else {
                    BodyPattern::Fixed(other.clone())
                }
            }
        }
    }

    /// Returns true if a member belongs only to the example's own fault, which is not about a
    /// field. Such a member is left out unless the schema requires it.
    fn is_of_another(&self, member: &Member) -> bool {
        let is_kept = [MemberRole::Link, MemberRole::When, MemberRole::Request]
            .iter()
            .any(|role| role.fits(&member.name));
        let says = match &member.pattern {
            BodyPattern::Fixed(value) => value.is_string() || value.is_array() || value.is_object(),
            pattern @ (BodyPattern::Object(_) | BodyPattern::Items(_)) => !pattern.has_words(),
            _ => false,
        };
        self.words_at.is_some()
            && says
            && !is_kept
            && !matches!(&member.pattern, BodyPattern::Fixed(value) if value.as_str().is_some_and(|text| text.starts_with("http")))
    }

    fn member_node(&self, node: Option<&'r Value>, name: &str) -> Option<&'r Value> {
        let schema = self.context.schema?;
        schema
            .property(node?, name)
            .map(|node| schema.resolve(node))
    }

    fn key(&self) -> &str {
        self.path
            .iter()
            .rev()
            .find(|key| *key != "[]")
            .map_or("", String::as_str)
    }

    fn is_about(&self) -> bool {
        self.about.is_some()
    }

    /// Reads an object whose only member is the part of the request that an error is about.
    fn by_location(
        &mut self,
        name: &str,
        member: &Value,
        node: Option<&'r Value>,
    ) -> Option<BodyPattern> {
        // `{"json": {"email": […]}}`
        if let Value::Object(inner) = member
            && inner
                .iter()
                .any(|(name, member)| is_map_key(name, member, self.context.names, true))
        {
            self.path.push(name.to_owned());
            let entry = self.map(inner, self.member_node(node, name));
            self.path.pop();
            let slot = LocationSlot {
                seen: name.to_owned(),
                allowed: Vec::new(),
            };
            return Some(BodyPattern::ByLocation(slot, Box::new(entry?)));
        }
        // `{"body": {"message": …, "keys": […]}}`
        if member.is_object() && self.is_about() && !self.path.is_empty() {
            let mut path = self.path.clone();
            path.push(name.to_owned());
            if self
                .recognised
                .iter()
                .any(|found| found.path.starts_with(&path))
            {
                let inner = self.member_node(node, name);
                self.path.push(name.to_owned());
                let entry = self.read(member, inner);
                self.path.pop();
                let slot = LocationSlot {
                    seen: name.to_owned(),
                    allowed: Vec::new(),
                };
                return Some(BodyPattern::ByLocation(slot, Box::new(entry)));
            }
        }
        None
    }

    /// Returns true if the names of the members are names of wrong fields.
    fn is_map(&self, object: &serde_json::Map<String, Value>) -> bool {
        let says = |member: &Value| {
            member.is_string()
                || member
                    .as_array()
                    .is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_string))
        };
        let is_texts = |member: &Value| {
            let items = member.as_array().filter(|items| !items.is_empty());
            items.is_some_and(|items| {
                items
                    .iter()
                    .all(|item| item.is_string() || item.is_object())
            })
        };
        let fits = MemberRole::List.fits(self.key()) || MemberRole::Message.fits(self.key());
        let of_list = fits && self.path.last().is_some_and(|step| step != "[]");
        let parent_is_list = of_list || object.values().all(is_texts);
        let is_key = |(name, member): (&String, &Value)| {
            is_map_key(name, member, self.context.names, parent_is_list)
        };
        let all_say = object.values().all(says);
        let has_role = |(key, member): (&String, &Value)| {
            member.is_string()
                && [
                    MemberRole::Message,
                    MemberRole::Code,
                    MemberRole::Field,
                    MemberRole::Location,
                ]
                .iter()
                .any(|role| role.fits(key))
        };
        let no_roles = !object.iter().any(has_role);
        let is_heard = self
            .recognised
            .iter()
            .any(|found| found.path.len() > self.path.len() && found.path.starts_with(&self.path));
        if parent_is_list {
            let any = of_list && no_roles && all_say && (object.iter().any(is_key) || is_heard);
            any || object.iter().all(is_key) && self.is_about()
        } else {
            is_heard && object.iter().all(is_key) && self.is_about()
        }
    }

    /// Reads an object with a member for each wrong field, or one for the part of the request;
    /// returns `None` for any other object.
    fn map(
        &mut self,
        object: &serde_json::Map<String, Value>,
        node: Option<&'r Value>,
    ) -> Option<BodyPattern> {
        let (name, member) = object.iter().next()?;
        if object.len() == 1
            && location_of(name).is_some()
            && let Some(pattern) = self.by_location(name, member, node)
        {
            return Some(pattern);
        }
        if !self.is_map(object) {
            return None;
        }
        // A member with a message shows best how an entry describes its field.
        let told = object.iter().find(|(name, _)| {
            let mut path = self.path.clone();
            path.push((*name).clone());
            self.recognised
                .iter()
                .any(|found| found.path.starts_with(&path))
        });
        let (name, mut member) = told.unwrap_or((name, member));
        let nests = self.idiom.is_some_and(|idiom| idiom.nests);
        self.path.push(name.clone());
        let mut inner = self.member_node(node, name);
        let depth = self.path.len();
        // Families with `nests` put the fields of an object in a nested object.
        while let (true, Some((step, next))) = (
            nests,
            member.as_object().and_then(|object| object.iter().next()),
        ) && (self.context.names.find(step).is_some() || step.parse::<usize>().is_ok())
        {
            inner = self.member_node(inner, step);
            self.path.push(step.clone());
            member = next;
        }
        let entry = match member {
            Value::Object(_) => self.read(member, inner),
            Value::Array(items) if !items.is_empty() => {
                self.path.push("[]".to_owned());
                let item = self.representative(items);
                // Lists below `parameters` hold the values that were sent, not messages about them.
                let is_heard = self.recognised.iter().any(|found| found.path == self.path);
                let of_values = self
                    .path
                    .iter()
                    .rev()
                    .nth(2)
                    .is_some_and(|step| MemberRole::Field.fits(step));
                let entry = if of_values && !is_heard {
                    BodyPattern::Sent(SlotType::Text, Some(item.clone()))
                } else {
                    self.entry(&item, None)
                };
                self.path.pop();
                BodyPattern::Each(Box::new(entry))
            }
            other => self.entry(other, inner),
        };
        self.path.truncate(depth - 1);
        Some(BodyPattern::ByField(ByField {
            key: self.field_slot(name),
            entry: Box::new(entry),
            nests,
            idiom: self.idiom,
        }))
    }

    /// Reads the entry of one field: a text is a message, even if it was not recognised.
    fn entry(&mut self, value: &Value, node: Option<&'r Value>) -> BodyPattern {
        match (self.read(value, node), value) {
            (BodyPattern::Fixed(_), Value::String(text)) => {
                BodyPattern::Words(Box::new(self.neutral(text, node)))
            }
            (pattern, _) => pattern,
        }
    }

    /// Returns the first item with a recognised message, else the first item.
    fn representative(&self, items: &[Value]) -> Value {
        let has_sentence = |item: &&Value| {
            let texts: Vec<&str> = self.recognised.iter().map(|found| found.text).collect();
            let mut found = false;
            recognise::visit(item, &mut Vec::new(), &mut |_, text| {
                found = found || texts.contains(&text);
            });
            found
        };
        items.iter().find(has_sentence).unwrap_or(&items[0]).clone()
    }

    fn list(&mut self, items: &[Value], node: Option<&'r Value>) -> BodyPattern {
        if items.is_empty() {
            return BodyPattern::Fixed(Value::Array(Vec::new()));
        }
        let key = self.key().to_owned();
        if is_segments(&key, items, self.context.names) && self.is_about() {
            let first = items[0]
                .as_str()
                .filter(|text| location_of(text).is_some() && items.len() > 1);
            let location = first.map(|seen| LocationSlot {
                seen: seen.to_owned(),
                allowed: Vec::new(),
            });
            return BodyPattern::Segments(SegmentsSlot {
                location,
                index: SlotType::Any,
            });
        }
        let is_name = |item: &Value| {
            item.as_str().is_some_and(|text| {
                self.context.names.find(text).is_some() || self.context.names.path(text).is_some()
            })
        };
        if (self.is_about() || self.words_at.is_some())
            && MemberRole::Field.fits(&key)
            && items.iter().all(is_name)
        {
            let slot = self.field_slot(items[0].as_str().unwrap_or_default());
            return BodyPattern::Each(Box::new(BodyPattern::Field(slot)));
        }
        let inner = self
            .context
            .schema
            .zip(node)
            .and_then(|(schema, node)| schema.items(node).map(|item| schema.resolve(item)));
        let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        if texts.len() == items.len()
            && texts.iter().all(|text| code::is_code(text))
            && self.is_about()
        {
            let codes: Vec<CodeSlot> = texts
                .iter()
                .map(|text| self.code_of(text, None, false))
                .collect();
            if let Some(named) = codes.into_iter().find(|slot| slot.named.is_some()) {
                return BodyPattern::Each(Box::new(BodyPattern::Code(named)));
            }
        }
        let mut here = self.path.clone();
        here.push("[]".to_owned());
        let is_told = self.recognised.iter().any(|found| {
            found.path.starts_with(&here)
                && found
                    .message
                    .rule(self.seen_idiom)
                    .is_some_and(|rule| is_of_field(rule) || items.len() == 1)
        });
        let is_place = self
            .words_at
            .as_ref()
            .is_some_and(|path| path.starts_with(&here));
        let is_coded = !is_told
            && self.about.as_ref().is_some_and(|about| !about.is_worded)
            && MemberRole::List.fits(&key);
        let item = self.representative(items);
        self.path.push("[]".to_owned());
        let pattern = if is_told || is_place || is_coded {
            BodyPattern::Each(Box::new(self.read(&item, inner)))
        } else {
            BodyPattern::Items(items.iter().map(|item| self.read(item, inner)).collect())
        };
        self.path.pop();
        pattern
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::errors::catalogue::known;
    use crate::errors::finding::Finding;

    /// Returns the finding that an example of the catalogue is about, with its operands.
    fn finding(example: &Value, path: &str) -> Finding {
        let text = |name: &str| {
            example
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let rule = text("rule");
        let mut operands = serde_json::Map::new();
        for name in [
            "types", "limit", "values", "pattern", "format", "least", "most", "detail", "media",
            "method",
        ] {
            if let Some(value) = example.get(name) {
                operands.insert(name.to_owned(), value.clone());
            }
        }
        let mut finding = Finding::whole(
            rule.split('.').next().unwrap_or_default(),
            Value::Object(operands),
        );
        let segments = path
            .split(['.', '/', '[', ']'])
            .filter(|segment| !segment.is_empty());
        finding.path = segments.map(str::to_owned).collect();
        finding.location = location_of(&text("location")).unwrap_or_default();
        finding.value = example.get("value").cloned();
        finding.at(StatusCode::BAD_REQUEST, "/")
    }

    #[test]
    fn the_examples_of_the_catalogue_are_said_again_and_of_another_field() {
        let (mut all, mut again, mut of_other, mut with_other) = (0, 0, 0, 0);
        for (idiom, example) in known::examples() {
            let path = example
                .get("path")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let rule = example
                .get("rule")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let (Some(body), false) = (example.get("body"), path.is_empty() || rule.contains('.'))
            else {
                continue;
            };
            let name = path
                .split(['.', '/', '[', ']'])
                .rfind(|segment| !segment.is_empty())
                .unwrap_or_default();
            let mut names = Names::default();
            path.split(['.', '/', '[', ']'])
                .filter(|segment| !segment.is_empty())
                .for_each(|name| names.learn(name));
            names.learn("contactManager");
            let status = StatusCode::BAD_REQUEST;
            let context = Context {
                names: &names,
                schema: None,
                status,
                codes: &[],
                idiom: None,
                url: None,
            };
            let reading = read(body, context);
            all += 1;
            let same = reading.pattern.tell(&[finding(&example, path)]);
            if same.as_ref() == Some(body) {
                again += 1;
            } else {
                println!("{idiom} {rule}: {body}\n    {}", same.unwrap_or_default());
            }
            let other = reading
                .pattern
                .tell(&[finding(&example, "contactManager")])
                .unwrap_or_default()
                .to_string();
            let shows_name = folded(&body.to_string()).contains(&folded(name));
            if shows_name {
                with_other += 1;
                if folded(&other).contains("contactmanager") {
                    of_other += 1;
                } else {
                    println!("{idiom} {rule} of another: {other}");
                }
            }
        }
        println!(
            "{all} examples, {again} said again, {of_other} of {with_other} said of another field"
        );
        assert!(
            again * 100 >= all * 80 && of_other * 100 >= with_other * 90,
            "see above"
        );
    }

    fn folded(text: &str) -> String {
        crate::schema::name::folded(text)
    }
}
