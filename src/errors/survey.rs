//! Survey of the error wording of an operation, for reports: its source, and a sample error.
use http::StatusCode;

use crate::codec::accept::Accept;
use crate::contract::Operation;
use crate::contract::media::MediaRange;
use crate::errors::finding::Finding;
use crate::errors::overrides::ErrorOverrides;
use crate::errors::templates::{ResponseOwner, WordingSource};
use crate::errors::{ErrorContext, Fault, own_response, reject, usual_response, usual_status};
use crate::generate::GenerateOptions;
use crate::validate::Violation;

/// Error wording of an operation.
#[derive(Debug)]
pub struct Survey {
    /// Source of the wording.
    pub source: WordingSource,
    /// Error for a request without a required field; none if the operation requires nothing.
    pub sample: Option<Sample>,
}

/// Error that a request would get.
#[derive(Debug)]
pub struct Sample {
    /// Name of the missing field.
    pub missing: String,
    /// Status code.
    pub status: u16,
    /// Media type.
    pub media: MediaRange,
    /// Content, as text.
    pub content: String,
}

/// Returns the source of the error wording of an operation, with a sample.
#[must_use]
pub(crate) fn survey(
    context: ErrorContext<'_>,
    operation: &Operation,
    options: &GenerateOptions,
) -> Survey {
    let missing = first_required(operation);
    let name = missing
        .as_ref()
        .map(|violation| Finding::of(violation).name().to_owned());
    let fault = Fault::Violations(missing.into_iter().collect());
    let own =
        own_response(operation, &fault, None, false).filter(|own| !own.response.content.is_empty());
    let usual = || {
        let status = usual_status(context, operation.document, &fault)
            .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        usual_response(context, operation.document, status)
    };
    let found = own
        .or_else(usual)
        .and_then(|found| Some((found, found.response.content.first()?)));
    let is_overruled =
        ErrorOverrides::of(operation).is_some_and(|overruled| overruled.words("required"));
    let source = match found {
        _ if is_overruled => WordingSource::Fixture,
        Some((found, media)) => {
            let source = context
                .templates
                .of(context.contract, found.operation, found.pattern, media)
                .source;
            let is_elsewhere =
                found.whose == ResponseOwner::Other && source == WordingSource::Example;
            if is_elsewhere {
                WordingSource::Sibling
            } else {
                source
            }
        }
        None => WordingSource::None,
    };
    let sample = name.map(|missing| {
        let rejection = reject(context, operation, &fault, &Accept::default(), options);
        Sample {
            missing,
            status: rejection.status.as_u16(),
            media: rejection.media.into_owned(),
            content: String::from_utf8_lossy(&rejection.content.bytes).into_owned(),
        }
    });
    Survey { source, sample }
}

/// Returns the violation of a request that lacks the first required field: of the body, else of
/// the parameters, without path parameters and those that carry credentials.
fn first_required(operation: &Operation) -> Option<Violation> {
    let bodies = operation
        .compiled()
        .body
        .iter()
        .flat_map(|body| &body.content);
    let in_body = bodies
        .filter_map(|media| media.schema.as_ref())
        .find_map(|schema| {
            let required = schema
                .parts(schema.tree())
                .into_iter()
                .filter_map(|part| part.get("required")?.as_array());
            let mut names = required.flatten().filter_map(serde_json::Value::as_str);
            names
                .find(|name| schema.requires(schema.tree(), name))
                .map(Violation::missing_property)
        });
    let of_parameters = || {
        let mut required = operation
            .compiled()
            .parameters
            .iter()
            .filter(|parameter| parameter.required);
        required.find(|parameter| {
            parameter.location != crate::contract::Location::Path && !parameter.carries_credentials
        })
    };
    in_body.or_else(|| of_parameters().map(|parameter| Violation::missing_parameter(parameter)))
}
