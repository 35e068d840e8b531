//! Reads the texts and numbers of an example of an error: messages, codes, fields, and values from
//! the request.
//!
//! The `Reader` of the parent module reads objects and arrays, and each of their leaves here.
use serde_json::Value;

use crate::contract::wording::{Template, TemplatePart, WordingSlot};
use crate::errors::body::BodyPattern;
use crate::errors::catalogue::code;
use crate::errors::catalogue::idiom::{Match, is_of_field};
use crate::errors::catalogue::role::MemberRole;
use crate::errors::finding::{PathStyle, location_of};
use crate::errors::reading::about::FEWEST_LETTERS;
use crate::errors::reading::context::Context;
use crate::errors::reading::names::{is_coined, is_identifier, segments};
use crate::errors::reading::phrase::{self, coded, general};
use crate::errors::reading::recognise::{Recognised, is_path};
use crate::errors::reading::token::{
    allowed, form_of, is_type_name, is_url_of, longest, path_before, path_tail, start_is_path,
    without_code,
};
use crate::errors::reading::{PatternReader, read};
use crate::errors::slot::{CodeSlot, FieldSlot, FieldStyle, LocationSlot, SlotType, before_path};
use crate::errors::words::{SeenSentence, Words};
use crate::schema::name::{NameForm, folded};

impl<'r> PatternReader<'r> {
    /// Reads a number: the status, a code or a value that was sent.
    pub(super) fn number(
        &mut self,
        number: &serde_json::Number,
        node: Option<&Value>,
    ) -> BodyPattern {
        let key = self.key();
        let fixed = Value::Number(number.clone());
        if self.is_about() && MemberRole::Value.fits(key) && !MemberRole::Code.fits(key) {
            return BodyPattern::Sent(SlotType::Any, None);
        }
        let status = u64::from(self.context.status.as_u16());
        if number.as_u64() == Some(status)
            && (MemberRole::Status.fits(key) || MemberRole::Code.fits(key))
        {
            return BodyPattern::Status(SlotType::Number);
        }
        let is_code = MemberRole::Code.fits(key)
            && self.seen_idiom.is_some_and(|idiom| idiom.has_code(&fixed));
        if is_code {
            let slot = CodeSlot {
                seen: Some(fixed),
                allowed: allowed(node),
                ..self.code_slot()
            };
            return BodyPattern::Code(slot);
        }
        BodyPattern::Fixed(fixed)
    }

    fn code_slot(&self) -> CodeSlot {
        let rule = self.about.as_ref().map(|about| about.rule);
        // An error that is not about a field has codes for the rule of its message.
        let rule = rule.or_else(|| {
            self.recognised
                .iter()
                .find_map(|found| found.message.rule(self.seen_idiom))
        });
        CodeSlot {
            rule,
            idiom: self.idiom,
            ..CodeSlot::default()
        }
    }

    /// Reads a text: a message, a code, a field, the status, a URL, a value that was sent, or fixed
    /// text.
    pub(super) fn text(&mut self, text: &str, node: Option<&'r Value>) -> BodyPattern {
        if text.trim_start().starts_with('<') && text.contains("</") {
            return self.markup(text);
        }
        let key = self.key().to_owned();
        let recognised = self
            .recognised
            .iter()
            .find(|found| found.path == self.path && found.text == text);
        if let Some(found) = recognised.cloned() {
            return self.sentence(text, &found.message, node);
        }
        if self.words_at.as_ref() == Some(&self.path) {
            return BodyPattern::Words(Box::new(self.neutral(text, node)));
        }
        let status = self.context.status;
        if text == status.as_str() && (MemberRole::Status.fits(&key) || MemberRole::Code.fits(&key))
        {
            return BodyPattern::Status(SlotType::Text);
        }
        if Some(text) == status.canonical_reason() {
            return BodyPattern::Reason;
        }
        if text == "about:blank" {
            return BodyPattern::Fixed(Value::String(text.to_owned()));
        }
        if text.starts_with('/')
            && self
                .context
                .url
                .is_some_and(|template| is_url_of(text, template))
        {
            return BodyPattern::Url;
        }
        if self.is_about()
            && let Some(pattern) = self.of_request(text, &key, node)
        {
            return pattern;
        }
        if text.starts_with("http://")
            || text.starts_with("https://")
            || text.starts_with('/') && !code::is_code(text)
        {
            return BodyPattern::Fixed(Value::String(text.to_owned()));
        }
        let brackets = self.recognised.iter().any(|found| {
            found
                .message
                .after
                .code
                .as_ref()
                .is_some_and(|(_, code, _)| code == text)
        });
        let is_number = text.chars().all(|letter| letter.is_ascii_digit());
        let is_code = code::is_code(text) && MemberRole::Code.fits(&key) && !is_number;
        if MemberRole::Title.fits(&key) && general(text).is_some() {
            return BodyPattern::Fixed(Value::String(text.to_owned()));
        }
        let is_title = MemberRole::Title.fits(&key) && !is_number
            || node.is_some_and(|node| node.get("enum").is_some());
        // A code in the place of the message becomes a message, so that other rules are put into
        // words.
        if is_code && self.recognised.is_empty() && MemberRole::Message.fits(&key) {
            let pattern = self.with_name(text, node);
            if matches!(pattern, BodyPattern::Words(_)) {
                return pattern;
            }
        }
        if brackets || is_code || is_title || is_number && MemberRole::Code.fits(&key) {
            return BodyPattern::Code(self.code_of(text, node, is_title && text.contains(' ')));
        }
        self.with_name(text, node)
    }

    /// Returns the slot of a code or title that the document shows.
    pub(super) fn code_of(&self, text: &str, node: Option<&Value>, is_title: bool) -> CodeSlot {
        let named = self.about.as_ref().and_then(|about| {
            let [name] = about.names.as_slice() else {
                return None;
            };
            let template = coded(text, name);
            (template.has(WordingSlot::is_name) && !is_title).then_some(template)
        });
        let key = self.key();
        let others = self
            .context
            .codes
            .iter()
            .filter(|(name, _)| name == key)
            .map(|(_, code)| code.clone());
        let idiom = self.idiom.filter(|idiom| {
            idiom.has_code(&Value::String(text.to_owned())) || self.seen_idiom.is_none()
        });
        CodeSlot {
            seen: Some(Value::String(text.to_owned())),
            named,
            allowed: allowed(node),
            others: others.collect(),
            idiom,
            is_title,
            is_headline: is_title && self.is_headline(text),
            ..self.code_slot()
        }
    }

    /// Returns true if a title fits every fault of a request: it names no field.
    fn is_headline(&self, text: &str) -> bool {
        let names = self.context.names;
        let about = self.about.as_ref().map(|about| about.names.as_slice());
        let is_about = |word: &str| {
            about.is_some_and(|names| names.iter().any(|name| folded(name) == folded(word)))
        };
        let names_field = text
            .split(' ')
            .any(|word| is_about(word) || is_coined(word) && names.find(word).is_some());
        MemberRole::Title.fits(self.key()) && about.is_some() && !names_field
    }

    /// Reads a text about the request: the field, the part of the request that it is in, a type, or
    /// a value that was sent. Returns `None` for any other text.
    fn of_request(&self, text: &str, key: &str, node: Option<&Value>) -> Option<BodyPattern> {
        let names = self.context.names;
        let about = self.about.as_ref()?;
        let is_named = || about.names.iter().any(|name| folded(name) == folded(text));
        if MemberRole::Location.fits(key)
            && location_of(text).is_some()
            && !(MemberRole::Field.rank(key) < Some(4) && is_named())
        {
            let allowed = allowed(node)
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            return Some(BodyPattern::Location(LocationSlot {
                seen: text.to_owned(),
                allowed,
            }));
        }
        // The name of the field stays a name under any member, except for members that hold the
        // rule.
        let says_rule = matches!(
            folded(key).as_str(),
            "type"
                | "code"
                | "kind"
                | "rule"
                | "validator"
                | "tag"
                | "keyword"
                | "constraint"
                | "format"
                | "error"
        );
        let is_pointer = text.starts_with(['/', '#']) && names.path(text).is_some();
        if is_named() && !says_rule
            || is_pointer
                && about.names.iter().any(|name| {
                    segments(text)
                        .last()
                        .is_some_and(|last| folded(last) == folded(name))
                })
        {
            return Some(BodyPattern::Field(self.field_slot(text)));
        }
        let is_path = names.path(text).is_some() || is_named();
        let last = segments(text)
            .last()
            .map(|last| (*last).to_owned())
            .unwrap_or_default();
        let ends_with_name = about.names.iter().any(|name| {
            folded(
                &segments(name)
                    .last()
                    .map_or(name.clone(), |l| (*l).to_owned()),
            ) == folded(&last)
        });
        let is_due = MemberRole::Field.rank(key).is_some_and(|rank| rank < 12)
            && !text.contains(' ')
            && !code::is_code(text)
                .then_some(text)
                .is_some_and(|t| t.contains("://"));
        if MemberRole::Field.fits(key) && (is_path || ends_with_name && !text.contains(' '))
            || is_due && is_identifier(&last)
        {
            return Some(BodyPattern::Field(self.field_slot(text)));
        }
        if key == "expected" || is_type_name(text) && MemberRole::Value.fits(key) {
            let slot = if key == "expected" {
                WordingSlot::Types
            } else {
                WordingSlot::Type
            };
            return Some(BodyPattern::Type(slot, self.idiom, text.to_owned()));
        }
        if MemberRole::Value.fits(key) {
            return Some(BodyPattern::Sent(
                SlotType::Any,
                Some(Value::String(text.to_owned())),
            ));
        }
        None
    }

    /// Returns how the example writes a field: the text before its path, and its style.
    pub(super) fn field_slot(&self, text: &str) -> FieldSlot {
        let names = self.context.names;
        let about = self
            .about
            .as_ref()
            .map(|about| about.names.as_slice())
            .unwrap_or_default();
        let (before, path) = match names.path(text) {
            Some((before, path)) => (before, path),
            None => {
                let all = segments(text);
                let split = all.len().saturating_sub(1);
                (all[..split].to_vec(), all[split..].to_vec())
            }
        };
        let at = path
            .first()
            .and_then(|first| text.rfind(&path_tail(text, first, path.len())))
            .unwrap_or(0);
        let prefix = &text[..at.min(text.len())];
        let last = path.last().copied().unwrap_or(text);
        let known = names.find(last).map(|(_, form)| form);
        let form = known
            .or_else(|| about.iter().find_map(|name| NameForm::of(last, name)))
            .unwrap_or_else(|| {
                if last.chars().next().is_some_and(char::is_uppercase) {
                    NameForm::Pascal
                } else {
                    NameForm::AsIs
                }
            });
        let _ = before;
        if prefix.ends_with('/') || text.starts_with('/') || text.starts_with('#') {
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            return FieldSlot {
                before: before_path(prefix),
                style: FieldStyle::Pointer,
            };
        }
        // The example gives only the name of a nested property, so only names are written.
        if segments(text).len() == 1 && names.find(text).is_some() && !names.is_outermost(text) {
            return FieldSlot {
                before: before_path(prefix),
                style: FieldStyle::Name(form),
            };
        }
        let style = if text.contains("][")
            || text.contains('[') && !text.contains("[0]") && !text.contains("].")
        {
            PathStyle::Squares
        } else if let Some(idiom) = self
            .idiom
            .filter(|idiom| idiom.dialect.path != PathStyle::Pointer)
        {
            idiom.dialect.path
        } else if text.contains(".0") {
            PathStyle::Dotted
        } else {
            PathStyle::Brackets
        };
        FieldSlot {
            before: before_path(prefix),
            style: FieldStyle::Path(style, form),
        }
    }

    /// Reads a text that is not a message: one with the name of the field becomes a message, any
    /// other is fixed.
    fn with_name(&mut self, text: &str, node: Option<&Value>) -> BodyPattern {
        let fixed = || BodyPattern::Fixed(Value::String(text.to_owned()));
        let Some(about) = self.about.clone() else {
            return fixed();
        };
        let [name] = about.names.as_slice() else {
            return fixed();
        };
        let template = coded(text, name);
        let is_plain_word = !is_coined(name)
            && !text.contains(&format!("'{name}'"))
            && !text.contains(&format!("\"{name}\""))
            && !text.contains(&format!("`{name}`"));
        if !template.has(WordingSlot::is_name) || is_plain_word && name.len() < 5 {
            return fixed();
        }
        let seen = SeenSentence {
            rule: about.rule,
            template,
            dialect: None,
            names: about.names.clone(),
            listed: self.context.names.listed(text),
            text: text.to_owned(),
        };
        BodyPattern::Words(Box::new(Words {
            seen: Some(seen),
            ..self.neutral(text, node)
        }))
    }

    /// Returns the slot of a neutral message, in place of a text that words no rule.
    pub(super) fn neutral(&self, text: &str, node: Option<&Value>) -> Words {
        let general = general(text).filter(|_| self.words_at.is_some());
        let (before, text) = match text.split_once(": ") {
            Some((_, rest)) if general.is_none() && rest.len() > 200 => ("", rest),
            _ => ("", text),
        };
        Words {
            before: Template::plain(before),
            idiom: self.idiom,
            quote: Some('\''),
            has_stop: text.ends_with('.'),
            general,
            longest: longest(node),
            ..Words::default()
        }
    }

    fn sentence(&self, text: &str, recognised: &Recognised, node: Option<&Value>) -> BodyPattern {
        let code = recognised.after.code.as_ref().map(|(open, code, close)| {
            (open.clone(), self.code_of(code, None, false), close.clone())
        });
        let base = Words {
            code,
            whole: text.to_owned(),
            joined: recognised.joined.clone(),
            longest: longest(node),
            counts_more: recognised.after.counts_more,
            quote: Some('\''),
            ..Words::default()
        };
        // A message of another family than the body's is more likely the API's own. So is a short
        // one that any API may have, and then no family words other rules.
        let is_anybodys = self.seen_idiom.is_none() && recognised.letters() < FEWEST_LETTERS;
        let own = phrase::hear(&without_code(text), self.context.names)
            .filter(|_| (self.seen_idiom.is_some() || is_anybodys) && recognised.joined.is_none());
        let found = recognised.of(self.seen_idiom).or_else(|| {
            recognised
                .best()
                .filter(|_| recognised.phrase.is_none() && own.is_none())
        });
        if let Some(found) = found {
            return self.family_sentence(text, recognised, found, is_anybodys, base);
        }
        match recognised.phrase.clone().or(own) {
            Some(phrase) => self.phrase_sentence(text, &phrase, base),
            None => BodyPattern::Fixed(Value::String(text.to_owned())),
        }
    }

    /// Returns the pattern of a sentence whose words are those of a known family.
    fn family_sentence(
        &self,
        text: &str,
        recognised: &Recognised,
        found: &Match,
        is_anybodys: bool,
        base: Words,
    ) -> BodyPattern {
        let (mut slots, template) = path_before(&found.template);
        let is_capital = found.captured.name().is_some_and(|name| {
            name.chars().next().is_some_and(char::is_uppercase)
                && !is_coined(name)
                && !self.context.names.is_as_it_is(name)
        });
        for part in &mut slots.parts {
            match part {
                TemplatePart::Slot(WordingSlot::Path, form @ NameForm::AsIs) if is_capital => {
                    *form = NameForm::Sentence;
                }
                _ => {}
            }
        }
        let mut before = self.before(&found.before);
        let before_others = self.before_others(&found.before);
        before.push(slots);
        let template = if recognised.joined.is_some() {
            None
        } else {
            Some(template)
        };
        let seen = template.map(|template| SeenSentence {
            rule: found.rule,
            template,
            dialect: Some(found.idiom),
            names: recognised.names(self.seen_idiom),
            listed: self.context.names.listed(text),
            text: text.strip_prefix(&found.before).unwrap_or(text).to_owned(),
        });
        // A message that is not about a field does not show how the family words those about
        // fields.
        let is_of_body = self.seen_idiom == Some(found.idiom);
        let is_theirs =
            recognised.joined.is_some() || !is_anybodys && (is_of_body || is_of_field(found.rule));
        let after = found.stop.clone();
        let names = self.context.names;
        let has_path = found.template.has(|slot| slot == WordingSlot::Path);
        let is_short = has_path
            && found
                .captured
                .name()
                .is_some_and(|name| names.find(name).is_some() && !names.is_outermost(name));
        let prefix = found
            .captured
            .name()
            .and_then(|name| self.context.names.path(name))
            .map(|(before, _)| before);
        let prefix = prefix
            .unwrap_or_default()
            .into_iter()
            .filter(|part| location_of(part).is_none())
            .map(str::to_owned)
            .collect();
        BodyPattern::Words(Box::new(Words {
            seen,
            before,
            before_others,
            after,
            prefix,
            is_short,
            idiom: Some(found.idiom).filter(|_| is_theirs),
            ..base
        }))
    }

    /// Returns the pattern of a sentence that is the API's own.
    fn phrase_sentence(&self, text: &str, phrase: &phrase::Phrase, base: Words) -> BodyPattern {
        let about = self.about.as_ref();
        let core = text.strip_prefix(phrase.before.as_str()).unwrap_or(text);
        let seen = SeenSentence {
            rule: phrase.rule,
            template: phrase.template.clone(),
            dialect: None,
            names: phrase.names.clone(),
            listed: self.context.names.listed(core),
            text: core.to_owned(),
        };
        // In a list of names, the text around one name is other names.
        let lists = !seen.listed.is_empty();
        let name_alone = || Template {
            parts: vec![TemplatePart::Slot(WordingSlot::Name, NameForm::AsIs)],
        };
        let seen_text = SeenSentence {
            text: without_code(core),
            ..seen
        };
        // Messages about a field and messages about the request as a whole are both kept.
        let is_about = is_of_field(phrase.rule) || about.is_none();
        let words = Words {
            seen: Some(seen_text).filter(|_| is_about || !is_of_field(phrase.rule)),
            idiom: None,
            before: Template::plain(&phrase.before),
            subject: if lists {
                phrase.quote.is_none().then(name_alone)
            } else {
                phrase.subject.clone()
            },
            quote: phrase.quote.or(if phrase.names.is_empty() {
                Some('\'')
            } else {
                None
            }),
            has_stop: without_code(core).ends_with('.'),
            ..base
        };
        BodyPattern::Words(Box::new(words))
    }

    /// Turns the text before a message into a template; a field name or path in it becomes a slot.
    fn before(&self, before: &str) -> Template {
        let trimmed = before.trim_end();
        let gap = &before[trimmed.len()..];
        let (token, colon) = match trimmed.strip_suffix(':') {
            Some(bare) => (bare, ":"),
            None => (trimmed, ""),
        };
        let start = token.rfind([' ', '\n']).map_or(0, |at| at + 1);
        let (text, token) = token.split_at(start);
        let mut template = Template::plain(text);
        let names = self.context.names;
        let is_name = !colon.is_empty()
            && segments(token).as_slice() == [token]
            && names.find(token).is_some();
        if is_name && !start_is_path(text, self.idiom) {
            // A word before a colon is a name, not a path.
            template
                .parts
                .push(TemplatePart::Slot(WordingSlot::Name, form_of(token, names)));
        } else if let Some((_, path)) = names.path(token) {
            let at = token
                .rfind(&path_tail(token, path[0], path.len()))
                .unwrap_or(0);
            let prefix = &token[..at];
            let slot = if prefix.ends_with('/') {
                WordingSlot::Pointer
            } else {
                WordingSlot::Path
            };
            template.push(before_path(prefix.strip_suffix('/').unwrap_or(prefix)));
            let form = path
                .last()
                .and_then(|last| names.find(last))
                .map_or(NameForm::AsIs, |(_, form)| form);
            template.parts.push(TemplatePart::Slot(slot, form));
        } else if colon.is_empty() && is_path(token) {
            let end = token.find(['/', '.', '[']).unwrap_or(token.len());
            let (root, rest) = token.split_at(end);
            let slot = if rest.starts_with('.') {
                WordingSlot::Path
            } else {
                WordingSlot::Pointer
            };
            template.push(before_path(root));
            if slot == WordingSlot::Path {
                template.push_text(".");
            }
            template
                .parts
                .push(TemplatePart::Slot(slot, NameForm::AsIs));
        } else if !colon.is_empty()
            && is_identifier(token)
            && self
                .about
                .as_ref()
                .is_some_and(|about| about.names.iter().any(|name| name == token))
        {
            template
                .parts
                .push(TemplatePart::Slot(WordingSlot::Path, NameForm::AsIs));
        } else {
            template.push_text(token);
        }
        template.push_text(colon);
        template.push_text(gap);
        template
    }

    /// Returns the template `{name}: ` to put before messages about other fields, if the text
    /// before the example's message describes its own field; else `None`.
    fn before_others(&self, before: &str) -> Option<Template> {
        let bare = before.trim_end().strip_suffix(':')?;
        let (words, token) = bare.rsplit_once(' ')?;
        let is_said_of_it = general(words).is_none() && !words.ends_with([':', '.', '-', ')']);
        let is_name =
            segments(token).as_slice() == [token] && self.context.names.find(token).is_some();
        let name = || Template {
            parts: vec![
                TemplatePart::Slot(WordingSlot::Name, NameForm::AsIs),
                TemplatePart::Text(": ".to_owned()),
            ],
        };
        (is_name && is_said_of_it).then(name)
    }

    /// Reads a text with tags: the text inside each element is read as a member of an object.
    fn markup(&mut self, text: &str) -> BodyPattern {
        let mut parts: Vec<(String, Option<String>)> = Vec::new();
        let mut members = serde_json::Map::new();
        let mut rest = text;
        let mut fixed = String::new();
        while let Some(end) = rest.find('>') {
            let (tag, after) = rest.split_at(end + 1);
            fixed.push_str(tag);
            let until = after.find('<').unwrap_or(after.len());
            let (inner, next) = after.split_at(until);
            let name = tag.rsplit('<').next().unwrap_or_default();
            let name: String = name
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
                .collect();
            if inner.trim().is_empty() || name.is_empty() || members.contains_key(&name) {
                fixed.push_str(inner);
            } else {
                members.insert(name.clone(), Value::String(inner.to_owned()));
                parts.push((std::mem::take(&mut fixed), Some(name)));
            }
            rest = next;
        }
        fixed.push_str(rest);
        parts.push((fixed, None));
        let object = Value::Object(members);
        let BodyPattern::Object(read) = read(
            &object,
            Context {
                schema: None,
                ..self.context
            },
        )
        .pattern
        else {
            return BodyPattern::Fixed(Value::String(text.to_owned()));
        };
        let mut all = Vec::new();
        for (fixed, name) in parts {
            all.push(BodyPattern::Fixed(Value::String(fixed)));
            let member = name.and_then(|name| read.iter().find(|member| member.name == name));
            all.extend(member.map(|member| BodyPattern::Escaped(Box::new(member.pattern.clone()))));
        }
        BodyPattern::Text(all)
    }
}
