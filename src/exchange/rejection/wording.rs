//! Documented error examples, reworded for what is really wrong.
//!
//! Which example is taken is decided by how well its words fit; see [`Fit`].

use serde_json::Value;

use super::idiom::{self, Recognised};
use crate::exchange::validate::Violation;

/// How well an example fits a violation; the better, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It speaks of something else.
    None,
    /// It speaks of a field, but of another kind of fault.
    Field,
    /// It is worded by a validator that words this kind of fault too.
    Voice,
    /// It speaks of this kind of fault.
    Rule,
    /// It says exactly what is wrong.
    Exact,
}

/// An example for violations: its value in other words, and how well it fits the first of them.
///
/// An example that words one thing says the first; one that joins several says them all.
#[must_use]
pub fn reword(example: &Value, violations: &[Violation], names: &[String]) -> (Fit, Value) {
    let mut value = example.clone();
    let fit = reword_strings(&mut value, violations, names);
    (fit, value)
}

fn reword_strings(value: &mut Value, violations: &[Violation], names: &[String]) -> Fit {
    match value {
        Value::String(text) => {
            let (fit, reworded) = reword_text(text, violations, names);
            if let Some(reworded) = reworded {
                *text = reworded;
            }
            fit
        }
        Value::Array(items) => {
            items.iter_mut().map(|item| reword_strings(item, violations, names)).max().unwrap_or(Fit::None)
        }
        Value::Object(object) => {
            object.values_mut().map(|member| reword_strings(member, violations, names)).max().unwrap_or(Fit::None)
        }
        _ => Fit::None,
    }
}

fn reword_text(text: &str, violations: &[Violation], names: &[String]) -> (Fit, Option<String>) {
    let Some(violation) = violations.first() else { return (Fit::None, None) };
    if let Some(found) = idiom::recognise(text) {
        let (fit, said) = reword_idiom(text, &found, violations);
        return (fit, Some(said));
    }
    let Some(slot) = named_slot(text, names) else { return (Fit::None, None) };
    let name = violation.name().unwrap_or_default();
    let is_missing = violation.error.keyword == "required";
    match (speaks_of_missing(text), is_missing) {
        (true, true) if slot.names.contains(&name) => (Fit::Exact, None),
        (true, true) => (Fit::Rule, Some(slot.with(text, &name))),
        _ => (Fit::Field, Some(format!("{}{}", slot.requoted(&sentence(violation)), code_at_end(text)))),
    }
}

fn reword_idiom(text: &str, found: &Recognised<'_>, violations: &[Violation]) -> (Fit, String) {
    let say = |violation: &Violation| found.idiom.say(&violation.error).unwrap_or_else(|| violation.error.sentence());
    let said = match found.between {
        Some(between) => violations.iter().map(say).collect::<Vec<_>>().join(between),
        None => violations.first().map(say).unwrap_or_default(),
    };
    let before =
        violations.first().map_or_else(|| found.before.to_owned(), |violation| with_own_path(found.before, violation));
    let said = format!("{before}{said}{}", found.after);
    let keyword = violations.first().map_or("", |violation| &violation.error.keyword);
    let has_sentence = violations.first().is_some_and(|violation| found.idiom.say(&violation.error).is_some());
    let fit = match (has_sentence, found.keyword == keyword) {
        (true, true) if text == said => Fit::Exact,
        // An example of one thing is closer to what is wrong than one that joins several.
        (true, true) if found.between.is_none() => Fit::Rule,
        (true, _) => Fit::Voice,
        (false, _) => Fit::Field,
    };
    (fit, said)
}

/// A sentence that names what it is about, for where no voice is known: `'emails' must be array`.
pub fn sentence(violation: &Violation) -> String {
    let said = violation.error.sentence();
    match violation.name() {
        Some(name) if !name.is_empty() && !said.contains(&format!("'{name}'")) => format!("'{name}' {said}"),
        _ => said,
    }
}

/// The path that some validators put before their sentence, `body/age `, leads to what is wrong.
fn with_own_path(before: &str, violation: &Violation) -> String {
    const ROOTS: [&str; 7] = ["data", "body", "instance", "querystring", "params", "headers", ""];
    let Some(text) = before.strip_suffix(' ') else { return before.to_owned() };
    let start = text.rfind([' ', '\n', ':', '"']).map_or(0, |index| index + 1);
    let (root, path) = text[start..].find('/').map_or((&text[start..], ""), |slash| text[start..].split_at(slash));
    if !ROOTS.contains(&root) || root.is_empty() && path.is_empty() {
        return before.to_owned();
    }
    let own = &violation.error.pointer;
    let gap = if root.is_empty() && own.is_empty() { "" } else { " " };
    format!("{}{root}{own}{gap}", &text[..start])
}

/// Leaves out of an example that speaks of something else what only belongs to that, such as its
/// code: any text, list or map that the value can do without.
pub fn leave_out_the_rest(value: &mut Value, message: &str, still_fits: impl Fn(&Value) -> bool) {
    let Some(object) = value.as_object() else { return };
    let is_extra = |(name, value): &(&String, &Value)| {
        let is_message = value.as_str() == Some(message) || MESSAGES.contains(&name.as_str());
        !is_message && (value.is_string() || value.is_array() || value.is_object())
    };
    let names: Vec<String> = object.iter().filter(is_extra).map(|(name, _)| name.clone()).collect();
    for name in names {
        let mut without = value.clone();
        if let Some(object) = without.as_object_mut() {
            object.shift_remove(&name);
        }
        if still_fits(&without) {
            *value = without;
        }
    }
}

/// Whether a sentence says that something is not there.
fn speaks_of_missing(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "required",
        "missing",
        "must be provided",
        "not provided",
        "must provide",
        "is empty",
        "can't be blank",
        "not be blank",
    ];
    /// What speaks of a value that is there.
    const PRESENT: [&str; 4] = ["does not match", "do not match", "not found", "does not exist"];
    let text = text.to_lowercase();
    !PRESENT.iter().any(|word| text.contains(word)) && WORDS.iter().any(|word| text.contains(word))
}

/// A code in brackets at the end of a sentence, with the blank before it: ` [invalid-params]`.
fn code_at_end(text: &str) -> &str {
    match text.rfind(" [") {
        Some(start) if text.ends_with(']') => &text[start..],
        _ => "",
    }
}

/// The place in a sentence where the names of fields stand in quotes.
struct Slot {
    start: usize,
    end: usize,
    quote: char,
    names: Vec<String>,
}

impl Slot {
    fn with(&self, text: &str, name: &str) -> String {
        format!("{}{}{}", &text[..self.start], self.quoted(name), &text[self.end..])
    }

    /// A neutral sentence with the quotes that the API uses.
    fn requoted(&self, sentence: &str) -> String {
        sentence.replace('\'', &self.quote.to_string())
    }

    fn quoted(&self, name: &str) -> String {
        format!("{0}{name}{0}", self.quote)
    }
}

/// The quoted names of a sentence that are names of the operation: `"roomId" or "roomName"`.
fn named_slot(text: &str, names: &[String]) -> Option<Slot> {
    ['\'', '"', '`'].into_iter().find_map(|quote| {
        let mut slot: Option<Slot> = None;
        let mut from = 0;
        while let Some(open) = text[from..].find(quote).map(|index| from + index) {
            from = open + 1;
            let Some(close) = text[from..].find(quote).map(|index| from + index) else { break };
            let name = &text[from..close];
            // An apostrophe opens nothing, so what follows it may be the real quote.
            if names.iter().any(|known| known == name) {
                from = close + 1;
                let found = slot.get_or_insert(Slot { start: open, end: from, quote, names: Vec::new() });
                found.end = from;
                found.names.push(name.to_owned());
            }
        }
        slot
    })
}

/// The properties that carry a message for people, best first.
const MESSAGES: [&str; 8] =
    ["message", "error", "detail", "description", "error_description", "msg", "reason", "title"];

/// Puts a sentence where the value has a message for people; false if it has no such place.
pub fn put_message(value: &mut Value, sentence: &str) -> bool {
    let Some(object) = value.as_object_mut() else {
        if let Value::String(text) = value {
            sentence.clone_into(text);
            return true;
        }
        return false;
    };
    for name in MESSAGES {
        if let Some(Value::String(text)) = object.get_mut(name) {
            sentence.clone_into(text);
            return true;
        }
    }
    for name in ["error", "errors", "details"] {
        match object.get_mut(name) {
            Some(Value::Array(items)) if !items.is_empty() => {
                items.truncate(1);
                return put_message(&mut items[0], sentence);
            }
            Some(nested @ Value::Object(_)) => {
                if put_message(nested, sentence) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::schema::SchemaError;
    use crate::exchange::validate::Subject;
    use serde_json::json;

    fn violation(keyword: &str, pointer: &str, operands: &Value) -> Violation {
        let operands = operands.as_object().cloned().unwrap_or_default();
        let error = SchemaError { pointer: pointer.into(), keyword: keyword.into(), operands };
        Violation { subject: Subject::Body, error }
    }

    fn names() -> Vec<String> {
        ["roomId", "roomName", "tokenName"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_words_of_a_validator_say_what_is_wrong() {
        let example = json!({"success": false, "error": "must have required property 'roomId' [invalid-params]"});
        let missing = violation("required", "", &json!({"property": "tokenName"}));
        let (fit, said) = reword(&example, std::slice::from_ref(&missing), &names());
        assert_eq!(fit, Fit::Rule);
        assert_eq!(
            said,
            json!({"success": false, "error": "must have required property 'tokenName' [invalid-params]"})
        );
        let wrong = violation("type", "/roomId", &json!({"types": ["string"]}));
        let (fit, said) = reword(&example, std::slice::from_ref(&wrong), &names());
        assert_eq!((fit, &said["error"]), (Fit::Voice, &json!("must be string [invalid-params]")));
    }

    #[test]
    fn an_example_that_joins_sentences_says_all_that_is_wrong() {
        let example = json!("must be string\n must be array [invalid-params]");
        let violations = [
            violation("required", "", &json!({"property": "roomId"})),
            violation("type", "/roomName", &json!({"types": ["string"]})),
        ];
        let said = json!("must have required property 'roomId'\n must be string [invalid-params]");
        assert_eq!(reword(&example, &violations, &names()), (Fit::Voice, said));
    }

    #[test]
    fn a_sentence_of_the_api_s_own_names_the_missing_field() {
        let example = json!("The 'tokenName' param is required");
        let missing = violation("required", "", &json!({"property": "roomId"}));
        assert_eq!(
            reword(&example, std::slice::from_ref(&missing), &names()),
            (Fit::Rule, json!("The 'roomId' param is required"))
        );
        let same = violation("required", "", &json!({"property": "tokenName"}));
        assert_eq!(reword(&example, std::slice::from_ref(&same), &names()), (Fit::Exact, example));
    }

    #[test]
    fn an_apostrophe_is_no_quote_and_a_name_is_said_once() {
        let example = json!("You can't go on, 'roomId' is invalid [bad]");
        let wrong = violation("type", "/roomName", &json!({"types": ["string"]}));
        let said = reword(&example, std::slice::from_ref(&wrong), &names());
        assert_eq!(said, (Fit::Field, json!("'roomName' must be string [bad]")));
        let missing = violation("required", "", &json!({"property": "roomName"}));
        let said = reword(&example, std::slice::from_ref(&missing), &names());
        assert_eq!(said, (Fit::Field, json!("must have required property 'roomName' [bad]")));
    }

    #[test]
    fn the_path_before_a_sentence_is_that_of_what_is_wrong() {
        let wrong = violation("type", "/roomName", &json!({"types": ["string"]}));
        let say = |text: &str| reword(&json!(text), std::slice::from_ref(&wrong), &names()).1;
        assert_eq!(say("body/age must be integer"), json!("body/roomName must be string"));
        assert_eq!(say("invalid: data/a/0 must be integer"), json!("invalid: data/roomName must be string"));
        assert_eq!(say("Error: must be integer"), json!("Error: must be string"));
        let missing = violation("required", "", &json!({"property": "roomId"}));
        let said = reword(&json!("body/age must be integer"), std::slice::from_ref(&missing), &names()).1;
        assert_eq!(said, json!("body must have required property 'roomId'"));
    }

    #[test]
    fn one_of_several_names_is_enough() {
        let example = json!("The parameter \"roomId\" or \"roomName\" is required [error-room-param-not-provided]");
        let missing = violation("required", "", &json!({"property": "roomName"}));
        assert_eq!(reword(&example, std::slice::from_ref(&missing), &names()), (Fit::Exact, example));
    }

    #[test]
    fn what_speaks_of_something_else_does_not_fit() {
        let missing = violation("required", "", &json!({"property": "roomId"}));
        let example = json!({"success": false, "error": "error-contact-manager-not-found"});
        assert_eq!(reword(&example, std::slice::from_ref(&missing), &names()), (Fit::None, example));
    }
}
