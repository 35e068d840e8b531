//! Chooses who answers: the real API or the sandbox, for each operation.
use http::StatusCode;

use crate::contract::fixture_key::{UnknownKey, ranked};
use crate::contract::simulation::Responder;
use crate::contract::{Contract, StatusPattern};

/// Rules of the command line: `--real KEY` and `--sandbox KEY`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResponderRules {
    /// Keys as in fixture files, each with the program that answers.
    pub rules: Vec<(String, Responder)>,
}

/// Program that answers, for each operation of a contract.
#[derive(Debug, Clone, Default)]
pub(crate) struct Responders {
    of_operations: Vec<RuledResponder>,
    /// Program that answers requests to no operation.
    otherwise: Responder,
    /// Rules as they are written on the command line.
    rules: Vec<String>,
}

/// Program that answers an operation.
#[derive(Debug, Clone, Copy)]
struct RuledResponder {
    responder: Responder,
    /// Index of the rule that says so; `None` if no rule names the operation.
    rule: Option<usize>,
}

impl ResponderRules {
    /// Returns the program that answers each operation: that of the most exact key; of two equally
    /// exact ones, the sandbox. Without a rule it is the real API, or the sandbox if there are only
    /// `--real` rules.
    ///
    /// # Errors
    ///
    /// [`UnknownKey`] of each rule that names no operation, with the responders of the others.
    pub(crate) fn responders(&self, contract: &Contract) -> (Responders, Vec<UnknownKey>) {
        let has_only_real = !self.rules.is_empty()
            && self
                .rules
                .iter()
                .all(|(_, responder)| *responder == Responder::Real);
        let otherwise = if has_only_real {
            Responder::Sandbox
        } else {
            Responder::Real
        };
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        for (index, (key, responder)) in self.rules.iter().enumerate() {
            match ranked(contract, key) {
                Ok(named) => found.push((named, *responder, index)),
                Err(error) => unknown.push(error),
            }
        }
        // The last one counts: the most exact key, and the sandbox among equals.
        found.sort_by_key(|(named, responder, _)| {
            (
                std::cmp::Reverse(named.rank),
                *responder == Responder::Sandbox,
            )
        });
        let unruled = RuledResponder {
            responder: otherwise,
            rule: None,
        };
        let mut of_operations = vec![unruled; contract.operations.len()];
        for (named, responder, rule) in found {
            let ruled = RuledResponder {
                responder,
                rule: Some(rule),
            };
            for index in named.operations {
                of_operations[index] = ruled;
            }
        }
        let written =
            |(key, responder): &(String, Responder)| format!("--{} {key}", responder.name());
        // Requests that the documents do not know are the business of the real API.
        let responders = Responders {
            of_operations,
            otherwise: Responder::Real,
            rules: self.rules.iter().map(written).collect(),
        };
        (responders, unknown)
    }
}

impl Responders {
    /// Returns the program that answers an operation, or a request to none.
    #[must_use]
    pub(crate) fn of(&self, operation: Option<usize>) -> Responder {
        let own = operation.and_then(|index| self.of_operations.get(index));
        own.map_or(self.otherwise, |own| own.responder)
    }

    /// Returns the option that chooses for an operation, as it is written: `--sandbox createPet`; `None`
    /// if no option names it.
    #[must_use]
    pub(crate) fn rule(&self, operation: usize) -> Option<&str> {
        let rule = self.of_operations.get(operation)?.rule?;
        self.rules.get(rule).map(String::as_str)
    }
}

/// Event after which the sandbox answers for the real API (`--fallback`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// An answer with this status, or of this class.
    Status(StatusPattern),
    /// No connection, or one that broke before the answer.
    Unreachable,
    /// No answer in time.
    Timeout,
}

impl Fallback {
    /// Parses `404`, `5xx`, `unreachable` or `timeout`.
    ///
    /// # Errors
    ///
    /// Returns what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "unreachable" => return Ok(Self::Unreachable),
            "timeout" => return Ok(Self::Timeout),
            _ => {}
        }
        let text = text.trim().to_ascii_lowercase();
        let class = text
            .strip_suffix("xx")
            .and_then(|class| class.parse::<u16>().ok());
        if let Some(class) = class.filter(|class| (2..=5).contains(class)) {
            return Ok(Self::Status(StatusPattern::Range(class)));
        }
        let status = text
            .parse::<u16>()
            .ok()
            .filter(|code| (200..600).contains(code));
        let status = status.and_then(|code| StatusCode::from_u16(code).ok());
        status
            .map(|status| Self::Status(StatusPattern::Exact(status)))
            .ok_or_else(|| {
                "expected a status such as `404`, a class such as `5xx`, `unreachable` or `timeout`"
                    .to_owned()
            })
    }

    /// Returns the event as it is written: `404`, `5xx`, `unreachable`.
    #[must_use]
    pub(crate) fn name(self) -> String {
        match self {
            Self::Status(StatusPattern::Exact(status)) => status.as_u16().to_string(),
            Self::Status(StatusPattern::Range(class)) => format!("{class}xx"),
            Self::Status(StatusPattern::Default) => "default".to_owned(),
            Self::Unreachable => "unreachable".to_owned(),
            Self::Timeout => "timeout".to_owned(),
        }
    }

    /// Returns true if an answer with this status is replaced.
    #[must_use]
    pub(crate) fn takes(self, status: StatusCode) -> bool {
        match self {
            Self::Status(StatusPattern::Exact(own)) => own == status,
            Self::Status(StatusPattern::Range(class)) => class == status.as_u16() / 100,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_statuses_classes_and_two_words() {
        let parsed = |text: &str| Fallback::parse(text);
        assert_eq!(parsed("unreachable"), Ok(Fallback::Unreachable));
        assert_eq!(parsed("timeout"), Ok(Fallback::Timeout));
        let class = parsed("5XX").expect("is a class");
        assert!(class.takes(StatusCode::BAD_GATEWAY) && !class.takes(StatusCode::NOT_FOUND));
        let status = parsed("404").expect("is a status");
        assert!(status.takes(StatusCode::NOT_FOUND) && !status.takes(StatusCode::GONE));
        for name in ["404", "5xx", "unreachable", "timeout"] {
            assert_eq!(parsed(name).map(Fallback::name), Ok(name.to_owned()));
        }
        for wrong in ["", "99", "700", "1xx", "x", "6xx"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
