//! Checks that a request carries the credentials that its operation requires: presence and form,
//! with any value.
//!
//! `exchange` calls [`check`] before it validates the rest, and [`challenges`] for a 401.
use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;

use crate::codec::parameter::Inputs;
use crate::contract::{
    Location, Operation, Parameter, SecurityRequirement, SecurityScheme, StatusPattern,
};
use crate::validate::Violation;

/// The credentials that a request lacks.
#[derive(Debug, Clone)]
pub(crate) struct MissingCredentials {
    /// Sentence about the missing parts of the requirement that lacks least.
    pub detail: String,
    /// The credential parameters that are missing.
    pub violations: Vec<Violation>,
}

/// Checks the security requirements, of which one must be met, and then the parameters that carry
/// credentials.
///
/// # Errors
///
/// [`MissingCredentials`], if no requirement is met or such a parameter is missing.
pub(crate) fn check(operation: &Operation, inputs: &Inputs<'_>) -> Result<(), MissingCredentials> {
    requirements(&operation.compiled().security, inputs)?;
    parameters(operation, inputs)
}

fn requirements(
    requirements: &[SecurityRequirement],
    inputs: &Inputs<'_>,
) -> Result<(), MissingCredentials> {
    let missing = |requirement: &SecurityRequirement| -> Vec<String> {
        requirement
            .schemes
            .iter()
            .filter_map(|scheme| lacks(scheme, inputs))
            .collect()
    };
    let lacking: Vec<Vec<String>> = requirements.iter().map(missing).collect();
    if lacking.is_empty() || lacking.iter().any(Vec::is_empty) {
        return Ok(());
    }
    let least = lacking
        .iter()
        .min_by_key(|lacking| lacking.len())
        .map(|lacking| lacking.join("; "));
    Err(MissingCredentials {
        detail: least.unwrap_or_default(),
        violations: Vec::new(),
    })
}

/// Returns a sentence about what a scheme lacks in the request; none if nothing is missing.
fn lacks(scheme: &SecurityScheme, inputs: &Inputs<'_>) -> Option<String> {
    let authorization = inputs
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    match scheme {
        SecurityScheme::ApiKey { location, name } => {
            let value = match location {
                Location::Query => inputs.query.first(name),
                Location::Cookie => inputs.cookie(name).map(str::to_owned),
                _ => inputs.header(name).map(Cow::into_owned),
            };
            let is_there = value.is_some_and(|value| !value.trim().is_empty());
            (!is_there).then(|| format!("the {} `{name}` is missing", word(*location)))
        }
        SecurityScheme::Token => lacks_authorization("bearer", authorization),
        SecurityScheme::Http { scheme } => lacks_authorization(scheme, authorization),
        SecurityScheme::OutOfBand => None,
    }
}

fn word(location: Location) -> &'static str {
    match location {
        Location::Query => "query parameter",
        other => other.as_str(),
    }
}

/// Checks `Authorization: <scheme> <credentials>` (RFC 9110 §11.6.2) and returns a sentence about
/// the fault; an empty scheme accepts any. Tokens are judged by presence, whatever RFC 6750 §2.1
/// allows in them: test suites send `Bearer My API Key`.
fn lacks_authorization(scheme: &str, authorization: Option<&str>) -> Option<String> {
    let Some(authorization) = authorization else {
        return Some("the header `Authorization` is missing".to_owned());
    };
    let (sent, credentials) = authorization
        .trim()
        .split_once(' ')
        .unwrap_or((authorization.trim(), ""));
    if !scheme.is_empty() && !sent.eq_ignore_ascii_case(scheme) {
        return Some(format!(
            "the header `Authorization` does not begin with `{}`",
            title(scheme)
        ));
    }
    let credentials = credentials.trim();
    let is_well_formed = match scheme {
        "" => !authorization.trim().is_empty(),
        // RFC 7617 §2: user-id and password, with a colon between, in base64.
        "basic" => STANDARD
            .decode(credentials)
            .is_ok_and(|pair| pair.contains(&b':')),
        _ => !credentials.is_empty(),
    };
    (!is_well_formed).then(|| {
        format!(
            "the header `Authorization` has no well-formed `{}` credentials",
            title(scheme)
        )
    })
}

fn title(scheme: &str) -> String {
    let mut letters = scheme.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

/// Returns the challenges of an operation for `WWW-Authenticate` (RFC 9110 §11.6.1): those of its
/// security schemes, else those of header parameters that carry credentials.
#[must_use]
pub(crate) fn challenges(operation: &Operation) -> Vec<String> {
    let schemes = operation
        .compiled()
        .security
        .iter()
        .flat_map(|requirement| &requirement.schemes);
    let mut challenges: Vec<String> = Vec::new();
    for challenge in schemes.filter_map(challenge) {
        if !challenges.contains(&challenge) {
            challenges.push(challenge);
        }
    }
    if challenges.is_empty() {
        let carrying = operation
            .compiled()
            .parameters
            .iter()
            .filter(|parameter| carries(parameter));
        let as_scheme = |name: &str| SecurityScheme::ApiKey {
            location: Location::Header,
            name: name.to_owned(),
        };
        challenges.extend(carrying.filter_map(|parameter| challenge(&as_scheme(&parameter.name))));
    }
    challenges
}

fn carries(parameter: &Parameter) -> bool {
    parameter.required && parameter.location == Location::Header && parameter.carries_credentials
}

fn challenge(scheme: &SecurityScheme) -> Option<String> {
    match scheme {
        SecurityScheme::Token => Some("Bearer realm=\"sandbox\"".to_owned()),
        SecurityScheme::Http { scheme } if !scheme.is_empty() => {
            Some(format!("{} realm=\"sandbox\"", title(scheme)))
        }
        SecurityScheme::ApiKey { location, name } => {
            let name: String = name
                .chars()
                .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
                .collect();
            Some(format!(
                "ApiKey realm=\"sandbox\", in=\"{}\", name=\"{name}\"",
                location.as_str()
            ))
        }
        _ => None,
    }
}

/// Checks required header parameters that carry credentials, if the operation documents a 401.
/// Some APIs document their credentials so and not as security schemes.
fn parameters(operation: &Operation, inputs: &Inputs<'_>) -> Result<(), MissingCredentials> {
    let documents_401 = operation
        .compiled()
        .responses
        .iter()
        .any(|(pattern, _)| *pattern == StatusPattern::Exact(http::StatusCode::UNAUTHORIZED));
    if !documents_401 {
        return Ok(());
    }
    let is_missing = |parameter: &&std::sync::Arc<Parameter>| {
        carries(parameter)
            && inputs
                .header(&parameter.name)
                .is_none_or(|value| value.trim().is_empty())
    };
    let missing: Vec<Violation> = operation
        .compiled()
        .parameters
        .iter()
        .filter(is_missing)
        .map(|parameter| Violation::missing_parameter(parameter))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing
        .iter()
        .filter_map(Violation::name)
        .map(|name| format!("the header `{name}` is missing"))
        .collect();
    Err(MissingCredentials {
        detail: names.join("; "),
        violations: missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_must_have_the_form_of_its_scheme() {
        assert_eq!(lacks_authorization("basic", Some("Basic dTpw")), None);
        assert!(
            lacks_authorization("basic", Some("Basic dXA=")).is_some(),
            "has no colon"
        );
        assert!(lacks_authorization("basic", Some("Bearer x")).is_some());
        assert_eq!(lacks_authorization("bearer", Some("bearer x.y")), None);
        assert_eq!(
            lacks_authorization("bearer", Some("Bearer My API Key")),
            None
        );
        assert!(lacks_authorization("bearer", Some("Bearer")).is_some());
        assert!(lacks_authorization("bearer", Some("Bearer  ")).is_some());
        assert!(lacks_authorization("bearer", None).is_some());
        assert_eq!(lacks_authorization("", Some("anything")), None);
    }
}
