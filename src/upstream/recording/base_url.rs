//! URLs of the real API in its answers → URLs of the sandbox.
//!
//! `https://api.example.com/v2/pets/7` becomes `{$baseUrl}/pets/7`, so that a client that follows it
//! stays in the sandbox.
use std::borrow::Cow;

use http::header::{CONTENT_LOCATION, LINK, LOCATION};
use serde_json::{Map, Value, json};

use crate::codec::message::Request;
use crate::upstream::recording::reading::{AnswerContent, ReadAnswer, ReadExchange};

/// Expression for the URL before the paths of the documents.
pub(super) const BASE_URL: &str = "{$baseUrl}";

/// URL of the real API before the paths of the documents, in each of its notations.
#[derive(Debug)]
pub(super) struct RealUrl {
    /// `https://api.example.com/v2`, and the same with `http`.
    notations: Vec<String>,
    /// Path of it: `/v2`, or empty.
    path: String,
}

impl RealUrl {
    /// Returns the URL that an exchange was sent to, if it is known.
    pub(super) fn of(exchange: &ReadExchange) -> Option<Self> {
        let base = exchange.base.as_deref()?;
        let (_, rest) = base.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.is_empty() {
            return None;
        }
        let notations = ["https", "http"].map(|scheme| format!("{scheme}://{authority}{path}"));
        Some(Self {
            notations: notations.to_vec(),
            path: path.to_owned(),
        })
    }

    /// Returns true if a text has the URL.
    pub(super) fn is_in(&self, text: &str) -> bool {
        matches!(self.replaced(text, ""), Cow::Owned(_))
    }

    /// Returns a text with another URL in the place of this one.
    pub(super) fn replaced<'t>(&self, text: &'t str, with: &str) -> Cow<'t, str> {
        let mut made = Cow::Borrowed(text);
        for notation in &self.notations {
            let starts: Vec<usize> = made
                .match_indices(notation.as_str())
                .map(|(start, _)| start)
                .filter(|start| is_end(&made[start + notation.len()..]))
                .collect();
            if starts.is_empty() {
                continue;
            }
            let (mut written, mut end) = (String::new(), 0);
            for start in starts {
                written.push_str(&made[end..start]);
                written.push_str(with);
                end = start + notation.len();
            }
            written.push_str(&made[end..]);
            made = Cow::Owned(written);
        }
        made
    }

    /// Returns a value with another URL in the place of this one in its texts.
    pub(super) fn replaced_in(&self, value: &Value, with: &str) -> Value {
        match value {
            Value::String(text) => json!(self.replaced(text, with)),
            Value::Array(items) => items
                .iter()
                .map(|item| self.replaced_in(item, with))
                .collect(),
            Value::Object(members) => {
                let made = members
                    .iter()
                    .map(|(name, member)| (name.clone(), self.replaced_in(member, with)));
                Value::Object(made.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    /// Replaces the URL in header fields, and cuts its path off the targets of the real API.
    pub(super) fn in_fields(&self, fields: &mut Map<String, Value>) {
        for (name, value) in fields.iter_mut() {
            *value = self.replaced_in(value, BASE_URL);
            let is_target = [LOCATION, CONTENT_LOCATION]
                .iter()
                .any(|own| own == name.as_str());
            if let (true, Value::String(text)) = (is_target, &*value)
                && let Some(below) = self.below(text)
            {
                *value = json!(below);
            }
            if let (true, Value::String(text), false) =
                (LINK == name.as_str(), &*value, self.path.is_empty())
            {
                let from = format!("<{}/", self.path);
                *value = json!(text.replace(&from, "</"));
            }
        }
    }

    /// Returns the path below that of the URL, of a path such as `/v2/pets/7`.
    fn below<'t>(&self, text: &'t str) -> Option<&'t str> {
        let rest = text.strip_prefix(self.path.as_str())?;
        let is_below = rest.starts_with('/') && !text.starts_with("//");
        (is_below && !self.path.is_empty()).then_some(rest)
    }
}

/// Returns true if a URL ends before a text, and goes on with a path or query at most.
fn is_end(rest: &str) -> bool {
    let next = rest.chars().next();
    next.is_none_or(|next| !(next.is_alphanumeric() || matches!(next, '-' | '.' | ':' | '_' | '@')))
}

/// Returns an answer as the sandbox sends it to a request: with its own URL.
pub(super) fn as_sent(exchange: &ReadExchange) -> ReadAnswer {
    let mut answer = exchange.answer.clone();
    let Some(real) = RealUrl::of(exchange) else {
        return answer;
    };
    let own = own_url(&exchange.request);
    answer.content = match answer.content {
        AnswerContent::Json(value) => AnswerContent::Json(real.replaced_in(&value, &own)),
        AnswerContent::Text(text) => AnswerContent::Text(real.replaced(&text, &own).into_owned()),
        other => other,
    };
    answer
}

fn own_url(request: &Request) -> String {
    let host = request.headers().get(http::header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    host.map(|host| format!("http://{host}"))
        .unwrap_or_default()
}
