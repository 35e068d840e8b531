//! Repairs scalars and lists of texts that have another type than the standard allows.
use serde_json::{Value, json};

use crate::diagnostic::Code;
use crate::document::repair::{Repair, Verdict, as_boolean, describe, last};
use crate::document::tree::join;

impl Repair<'_> {
    pub(super) fn text(&mut self, value: &mut Value, at: &str) -> Verdict {
        match value {
            Value::String(_) => Verdict::Keep,
            Value::Number(_) | Value::Bool(_) => {
                let text = value.to_string();
                let message = format!("`{}` is {}, expected a string", last(at), describe(value));
                self.warn(
                    Code::WrongType,
                    at,
                    message,
                    &format!("read as `\"{text}\"`"),
                );
                *value = Value::String(text);
                Verdict::Keep
            }
            _ => self.not_a("a string", value, at),
        }
    }

    pub(super) fn word(&mut self, words: &[&str], value: &mut Value, at: &str) -> Verdict {
        let Some(text) = value.as_str() else {
            return self.not_a("a string", value, at);
        };
        if words.contains(&text) {
            return Verdict::Keep;
        }
        let list = words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let message = format!("`{}` is `{text}`, expected one of {list}", last(at));
        let Some(word) = words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(text.trim()))
        else {
            self.warn(
                Code::UnknownValue,
                at,
                message,
                "read as if it were not there",
            );
            return Verdict::Drop;
        };
        self.warn(
            Code::UnknownValue,
            at,
            message,
            &format!("read as `{word}`"),
        );
        *value = json!(word);
        Verdict::Keep
    }

    pub(super) fn boolean(&mut self, value: &mut Value, at: &str) -> Verdict {
        if value.is_boolean() {
            return Verdict::Keep;
        }
        let Some(boolean) = value.as_str().and_then(as_boolean) else {
            return self.not_a("a boolean", value, at);
        };
        let message = format!("`{}` is the string {value}, expected a boolean", last(at));
        self.warn(
            Code::StringBoolean,
            at,
            message,
            &format!("read as `{boolean}`"),
        );
        *value = Value::Bool(boolean);
        Verdict::Keep
    }

    pub(super) fn number(&mut self, value: &mut Value, at: &str) -> Verdict {
        if value.is_number() {
            return Verdict::Keep;
        }
        let parsed = value
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text.trim()).ok());
        let Some(number) = parsed.filter(Value::is_number) else {
            return self.not_a("a number", value, at);
        };
        let message = format!("`{}` is the string {value}, expected a number", last(at));
        self.warn(
            Code::StringNumber,
            at,
            message,
            &format!("read as `{number}`"),
        );
        *value = number;
        Verdict::Keep
    }

    pub(super) fn count(&mut self, value: &mut Value, at: &str) -> Verdict {
        if self.number(value, at) == Verdict::Drop {
            return Verdict::Drop;
        }
        let whole = value.as_u64().is_some()
            || value.as_f64().is_some_and(|n| n >= 0.0 && n.fract() == 0.0);
        if whole {
            Verdict::Keep
        } else {
            self.not_a("a whole number that is not negative", value, at)
        }
    }

    pub(super) fn texts(&mut self, value: &mut Value, at: &str) -> Verdict {
        if value.is_string() && last(at) != "required" {
            let message = format!("`{}` is a string, expected a list of strings", last(at));
            self.warn(Code::WrongType, at, message, "read as a list of one");
            *value = json!([value]);
        }
        let Some(items) = value.as_array_mut() else {
            return self.not_a("a list of strings", value, at);
        };
        let mut index = 0;
        items.retain_mut(|item| {
            // Most items are strings, and most lists have several: build a pointer only for the
            // others.
            let is_kept =
                item.is_string() || self.text(item, &join(at, &index.to_string())) == Verdict::Keep;
            index += 1;
            is_kept
        });
        Verdict::Keep
    }

    pub(super) fn values(&mut self, value: &mut Value, at: &str) -> Verdict {
        match value {
            Value::Array(items) if items.is_empty() => {
                self.warn(
                    Code::WrongType,
                    at,
                    format!("`{}` is an empty list", last(at)),
                    "read as if it were not there",
                );
                Verdict::Drop
            }
            Value::Array(_) => Verdict::Keep,
            _ => self.not_a("a list", value, at),
        }
    }
}
