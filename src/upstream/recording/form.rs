//! Answers of one request in the order in which they came: equal ones as one step.
use std::collections::{BTreeSet, HashMap};

use http::StatusCode;
use serde_json::{Map, Value};

use crate::upstream::recording::header_field::is_variable;
use crate::upstream::recording::reading::AnswerContent;
use crate::upstream::recording::template::{Comparison, VariableValue, without_expressions};

/// Maximum number of steps of one entry; further answers are not kept, and the report has them.
pub(super) const MOST_STEPS: usize = 50;

/// Answer as a fixture has it.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub status: StatusCode,
    pub headers: Map<String, Value>,
    pub content: FormContent,
}

/// Content of an answer, JSON with the places that are made anew.
#[derive(Debug, Clone)]
pub(super) enum FormContent {
    Json(VariableValue),
    /// Text with runtime expressions.
    Text(String),
    Other(AnswerContent),
}

/// Answer with the number of calls in a row that it came for.
#[derive(Debug, Clone)]
pub(super) struct AnswerStep {
    pub form: Form,
    pub calls: u64,
}

impl Form {
    /// Returns the answer with what both agree on, if they are alike.
    fn merged(&self, other: &Self, comparison: &Comparison<'_>) -> Option<Self> {
        if self.status != other.status || !is_alike(&self.headers, &other.headers) {
            return None;
        }
        let content = match (&self.content, &other.content) {
            (FormContent::Json(own), FormContent::Json(other)) => {
                FormContent::Json(comparison.merged(own, &other.value)?)
            }
            (FormContent::Text(own), FormContent::Text(other)) if own == other => {
                self.content.clone()
            }
            (FormContent::Other(own), FormContent::Other(other)) if own == other => {
                self.content.clone()
            }
            _ => return None,
        };
        Some(Self {
            content,
            ..self.clone()
        })
    }

    /// Returns true if two answers are written alike.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_content = match (&self.content, &other.content) {
            (FormContent::Json(own), FormContent::Json(other)) => own.value == other.value,
            (FormContent::Text(own), FormContent::Text(other)) => own == other,
            (FormContent::Other(own), FormContent::Other(other)) => own == other,
            _ => false,
        };
        self.status == other.status && is_alike(&self.headers, &other.headers) && is_content
    }

    /// Replaces expressions by the values that the condition of the entry demands.
    pub(super) fn pin(&mut self, pinned: &HashMap<String, Value>) {
        if let FormContent::Json(own) = &mut self.content
            && !own.is_verbatim
        {
            own.value = without_expressions(&own.value, pinned);
        }
    }

    /// Returns the JSON Pointers of the values that are made anew.
    pub(super) fn variable(&self) -> Option<&BTreeSet<String>> {
        match &self.content {
            FormContent::Json(own) => Some(&own.variable),
            FormContent::Text(_) | FormContent::Other(_) => None,
        }
    }
}

/// Returns true if header fields differ only in values that are made anew.
fn is_alike(first: &Map<String, Value>, second: &Map<String, Value>) -> bool {
    let is_in = |one: &Map<String, Value>, other: &Map<String, Value>| {
        let mut fixed = one.iter().filter(|(name, _)| !is_variable(name));
        fixed.all(|(name, value)| other.get(name) == Some(value))
    };
    is_in(first, second) && is_in(second, first)
}

/// Returns the steps of the answers to one request, each with the start of its exchange, in
/// milliseconds since 1970.
pub(super) fn steps(
    answers: &[(u64, Form)],
    is_referenced: &dyn Fn(&Value) -> bool,
    is_token: &dyn Fn(&str) -> bool,
) -> Vec<AnswerStep> {
    let mut forms: Vec<(u64, Form)> = Vec::new();
    let mut runs: Vec<(usize, u64)> = Vec::new();
    for (at, answer) in answers {
        let merged = forms.iter().enumerate().find_map(|(index, (first, form))| {
            let comparison = Comparison {
                at: [*first, *at],
                is_referenced,
                is_token,
            };
            Some((index, form.merged(answer, &comparison)?))
        });
        let index = match merged {
            Some((index, form)) => {
                forms[index].1 = form;
                index
            }
            None if runs.len() >= MOST_STEPS => continue,
            None => {
                forms.push((*at, answer.clone()));
                forms.len() - 1
            }
        };
        let is_full = runs.len() >= MOST_STEPS;
        match runs.last_mut() {
            Some((last, calls)) if *last == index => *calls += 1,
            _ if is_full => {}
            _ => runs.push((index, 1)),
        }
    }
    let steps = runs.into_iter();
    steps
        .map(|(index, calls)| AnswerStep {
            form: forms[index].1.clone(),
            calls,
        })
        .collect()
}
