//! The program that answered an exchange of `standin proxy` or a request of the sandbox, and the
//! violations of its answer.
use serde_json::{Value, json};

use crate::contract::simulation::Responder;
use crate::state::kept_violations::kept_violations;
use crate::state::size::block;

/// Program that answered an exchange of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The real API.
    Real,
    /// The sandbox.
    Sandbox,
    /// The sandbox instead of the real API (`--fallback`), with the reason: `the real API answered with
    /// 404`.
    Fallback(String),
    /// The proxy, because there is no answer of the real API.
    Proxy,
    /// The receiver of a callback or a webhook, which the sandbox sent.
    Receiver,
}

/// Answer of an exchange of a proxy, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Program that answered.
    pub by: AnsweredBy,
    /// Violations of an answer of the real API, one line each.
    pub violations: Vec<String>,
}

/// Reason why the sandbox answers a request for the real API; an extension of the request.
#[derive(Debug, Clone)]
pub(crate) struct FallbackReason(pub String);

impl AnsweredBy {
    /// Returns the name in the control API. A fallback is an answer of the sandbox.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Real => Responder::Real.name(),
            Self::Sandbox | Self::Fallback(_) => Responder::Sandbox.name(),
            Self::Proxy => "proxy",
            Self::Receiver => "receiver",
        }
    }

    /// Returns true for the name, and for `fallback` if it is one.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name() == name || (name == "fallback" && matches!(self, Self::Fallback(_)))
    }
}

impl Answered {
    /// Returns an answer without violations.
    #[must_use]
    pub fn by(by: AnsweredBy) -> Self {
        Self {
            by,
            violations: Vec::new(),
        }
    }

    /// Returns the answer within the limits of the journal.
    pub(super) fn kept(self) -> Self {
        let by = match self.by {
            AnsweredBy::Fallback(reason) => {
                AnsweredBy::Fallback(kept_violations(vec![reason]).concat())
            }
            by => by,
        };
        Self {
            by,
            violations: kept_violations(self.violations),
        }
    }

    /// Returns the memory in bytes, about.
    pub(super) fn size(&self) -> usize {
        let reason = match &self.by {
            AnsweredBy::Fallback(reason) => block(reason.capacity()),
            _ => 0,
        };
        let violations = self.violations.iter();
        let violations = violations.map(|text| size_of::<String>() + block(text.capacity()));
        block(size_of::<Self>()) + reason + violations.sum::<usize>()
    }

    /// Adds `answeredBy`, `fallback` and `responseViolations` to an exchange.
    pub(crate) fn add_to(&self, shown: &mut Value) {
        shown["answeredBy"] = json!(self.by.name());
        if let AnsweredBy::Fallback(reason) = &self.by {
            shown["fallback"] = json!(reason);
        }
        if matches!(self.by, AnsweredBy::Real | AnsweredBy::Receiver) {
            shown["responseViolations"] = json!(self.violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_is_an_answer_of_the_sandbox_with_a_reason() {
        let mut shown = json!({});
        let by = AnsweredBy::Fallback("the real API answered with 404".to_owned());
        assert!(by.is("sandbox") && by.is("fallback") && !by.is("real"));
        Answered::by(by).add_to(&mut shown);
        let expected =
            json!({"answeredBy": "sandbox", "fallback": "the real API answered with 404"});
        assert_eq!(shown, expected);
    }

    #[test]
    fn long_reasons_and_many_violations_are_cut() {
        let answered = Answered {
            by: AnsweredBy::Fallback("x".repeat(5_000)),
            violations: vec!["y".repeat(5_000); 500],
        };
        let kept = answered.kept();
        // The limits are those of `kept_violations`: 100 texts of 1,024 bytes, and `…`.
        assert_eq!(kept.violations.len(), 100);
        assert!(
            kept.violations
                .iter()
                .all(|text| text.len() == 1024 + '…'.len_utf8())
        );
        assert!(matches!(kept.by, AnsweredBy::Fallback(reason) if reason.len() < 2_000));
    }
}
