//! Findings about what came and is not documented.
use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Contract;
use crate::diagnostic::{Place, count};
use crate::document::syntax::join;
use crate::upstream::drift::finding::{Finding, FoundPlace, fingerprint_of};
use crate::upstream::drift::kind::{DriftKind, DriftSeverity};
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::record::{Drift, DriftKey, DriftSide, NO_MEDIA_TYPE};
use crate::upstream::drift::unknown::{GroupedOperation, grouped};

/// Number of undeclared names of one object from which they are data, and one finding.
const MANY_NAMES: usize = 20;

/// Name of the members of an object with so many names.
const ANY_NAME: &str = "*";

/// Returns a finding for each group of drifts with one cause.
pub(super) fn came(contract: &Contract, observations: &Observations) -> Vec<Finding> {
    let dynamic = dynamic_objects(observations);
    let mut groups: BTreeMap<(DriftKind, String), Vec<(DriftKey, &Drift)>> = BTreeMap::new();
    for (key, drift) in observations.drifts.iter() {
        let mut key = key.clone();
        if dynamic.contains(&object_of(&key)) {
            ANY_NAME.clone_into(&mut key.detail);
        }
        let cause = cause(contract, &key);
        groups
            .entry((key.kind, cause))
            .or_default()
            .push((key, drift));
    }
    let groups = groups.into_iter();
    groups
        .filter_map(|((kind, cause), drifts)| {
            finding(contract, observations, kind, &cause, &drifts)
        })
        .collect()
}

/// Object that a drift is about, by operation, side, place and schema.
type ObjectKey = (DriftKind, String, DriftSide, String, String);

fn object_of(key: &DriftKey) -> ObjectKey {
    (
        key.kind,
        key.operation.clone(),
        key.side,
        key.at.clone(),
        key.pointer.clone(),
    )
}

/// Returns the objects with so many undeclared names that these are data.
fn dynamic_objects(observations: &Observations) -> BTreeSet<ObjectKey> {
    let mut names: BTreeMap<ObjectKey, usize> = BTreeMap::new();
    let is_member = |key: &DriftKey| matches!(key.kind, DriftKind::Field | DriftKind::RequestField);
    for (key, _) in observations.drifts.iter().filter(|(key, _)| is_member(key)) {
        *names.entry(object_of(key)).or_default() += 1;
    }
    let many = names.into_iter().filter(|(_, count)| *count > MANY_NAMES);
    many.map(|(object, _)| object).collect()
}

/// Returns the text that drifts of one cause have in common.
fn cause(contract: &Contract, key: &DriftKey) -> String {
    let document = contract.documents.get(key.document);
    let name = document.map_or("", |document| document.source().name());
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let at_schema = || format!("{file}#{} {}", key.pointer, key.detail);
    match key.kind {
        DriftKind::Status | DriftKind::MediaType => {
            let side = if key.side == DriftSide::Request {
                "request"
            } else {
                "response"
            };
            format!("{side} {}", key.at)
        }
        DriftKind::Header
        | DriftKind::Query
        | DriftKind::MissingHeader
        | DriftKind::BrokenHeader => key.at.clone(),
        DriftKind::Content => format!("{:?}", key.side),
        _ if key.pointer.is_empty() => {
            format!("{file} {} {} {}", key.operation, key.at, key.detail)
        }
        _ if key.at.starts_with("query ") || key.at.starts_with("header ") => {
            format!("{} {}", at_schema(), key.at)
        }
        _ => at_schema(),
    }
}

fn finding(
    contract: &Contract,
    observations: &Observations,
    kind: DriftKind,
    cause: &str,
    drifts: &[(DriftKey, &Drift)],
) -> Option<Finding> {
    let (first, _) = drifts.iter().min_by_key(|(key, _)| (key.at.len(), key))?;
    // Several drifts of one operation and side are in the same exchanges.
    let mut sides: BTreeMap<(&str, DriftSide), (u64, u64)> = BTreeMap::new();
    for (key, drift) in drifts {
        let of = total(observations, key);
        let side = sides.entry((&key.operation, key.side)).or_default();
        let sum = side.0 + drift.count;
        *side = (
            if key.detail == ANY_NAME {
                sum.min(of)
            } else {
                side.0.max(drift.count)
            },
            of,
        );
    }
    let (count, of) = sides
        .values()
        .fold((0, 0), |(n, m), (count, of)| (n + count, m + of));
    let mut places: Vec<FoundPlace> = drifts
        .iter()
        .filter_map(|(key, _)| {
            let (count, of) = sides[&(key.operation.as_str(), key.side)];
            Some(FoundPlace::new(
                &place(contract, key)?,
                shown(key),
                count,
                of,
            ))
        })
        .collect();
    places.sort();
    places.dedup();
    let mut merged = drifts.first()?.1.clone();
    drifts
        .iter()
        .skip(1)
        .for_each(|(_, drift)| merged.merge((*drift).clone()));
    Some(Finding {
        kind,
        severity: severity(first),
        fingerprint: fingerprint_of(kind, cause),
        message: message(first, &merged, count, of),
        help: help(first, &merged),
        count,
        of,
        places,
        example: Some(merged.example),
    })
}

/// Returns the number of exchanges that could have a drift.
fn total(observations: &Observations, key: &DriftKey) -> u64 {
    let Some(operation) = observations.operations.get(&key.operation) else {
        return 0;
    };
    match key.side {
        DriftSide::Response(status) if key.kind != DriftKind::Status => {
            operation.statuses.get(&status).copied().unwrap_or_default()
        }
        // What a client sent is a drift if the API accepted it.
        DriftSide::Request if key.kind != DriftKind::RefusedExample => {
            let accepted = operation.statuses.range(..400);
            accepted.map(|(_, count)| count).sum()
        }
        _ => operation.calls,
    }
}

/// Returns the place of a drift in its document.
fn place(contract: &Contract, key: &DriftKey) -> Option<Place> {
    let source = contract.documents.get(key.document)?.source();
    let keyword = match key.kind {
        DriftKind::Status => "responses",
        DriftKind::MediaType => "content",
        DriftKind::MissingField => "required",
        DriftKind::EnumValue => "enum",
        DriftKind::OtherType | DriftKind::Null => "type",
        DriftKind::BrokenFormat => "format",
        DriftKind::Field | DriftKind::RequestField => "properties",
        DriftKind::Query => "parameters",
        _ => return Some(Place::value(source, key.pointer.clone())),
    };
    Some(Place::value(source, join(&key.pointer, keyword)))
}

/// Returns operation and side as shown: `GET /pets/{id} 200`, `POST /pets request`.
fn shown(key: &DriftKey) -> String {
    match key.side {
        DriftSide::Request => format!("{} request", key.operation),
        DriftSide::Response(status) => format!("{} {status}", key.operation),
    }
}

/// Returns the severity: for the request, a document that asks for more than the API breaks no client.
fn severity(key: &DriftKey) -> DriftSeverity {
    let usual = key.kind.severity();
    match (key.kind, key.side) {
        (DriftKind::Status, DriftSide::Response(200..=399)) => DriftSeverity::Breaking,
        (DriftKind::Status, DriftSide::Response(500..)) => DriftSeverity::Information,
        (DriftKind::MediaType, DriftSide::Response(400..)) => DriftSeverity::Incomplete,
        (_, DriftSide::Request) if usual == DriftSeverity::Breaking => DriftSeverity::Incomplete,
        _ => usual,
    }
}

/// Returns the place in the content, as shown: `` `/owner/name` ``, `the content`.
fn subject(key: &DriftKey) -> String {
    let at = match key.kind {
        DriftKind::Field | DriftKind::RequestField | DriftKind::ExampleOnly => {
            join(&key.at, &key.detail)
        }
        _ => key.at.clone(),
    };
    if at.is_empty() {
        "the content".to_owned()
    } else {
        format!("`{at}`")
    }
}

fn message(key: &DriftKey, drift: &Drift, n: u64, of: u64) -> String {
    let exchanges = if key.side == DriftSide::Request {
        "accepted requests"
    } else {
        "answers"
    };
    let times = format!("in {n} of {of} {exchanges}");
    let subject = subject(key);
    let types = match drift.shape.types().as_slice() {
        [] => "null".to_owned(),
        types => types.join(" or "),
    };
    match key.kind {
        DriftKind::Status => format!("the status {} is not documented, and came {times}", key.at),
        DriftKind::MediaType => format!(
            "the media type `{}` is not documented, and came {times}",
            key.at
        ),
        DriftKind::Content => {
            format!(
                "there is content of `{}` {times}, and the document has none",
                key.at
            )
        }
        DriftKind::Header => format!(
            "the header field `{}` is not documented, and came {times}",
            key.at
        ),
        DriftKind::MissingHeader => format!(
            "the header field `{}` is required, and was missing {times}",
            key.at
        ),
        DriftKind::BrokenHeader => format!(
            "the header field `{}` does not fit its schema {times}",
            key.at
        ),
        DriftKind::Query => format!(
            "the query parameter `{}` is not documented, and came {times}",
            key.at
        ),
        DriftKind::Field | DriftKind::RequestField if key.detail == ANY_NAME => {
            format!("{subject} stands for many names that are not documented, and came {times}")
        }
        DriftKind::Field | DriftKind::RequestField => {
            format!("{subject} is not documented, and came as {types} {times}")
        }
        DriftKind::ExampleOnly => {
            format!("{subject} is in no schema, only in an example, and came {times}")
        }
        DriftKind::FreeForm => {
            format!(
                "{subject} is an object of which the document says nothing more, and had members {times}"
            )
        }
        DriftKind::Null => format!("{subject} is null {times}, and the document allows no null"),
        DriftKind::OtherType => {
            format!("{subject} is {types} {times}, and the document has another type")
        }
        DriftKind::MissingField => format!("{subject} is required, and was missing {times}"),
        DriftKind::EnumValue => format!(
            "{subject} is {} {times}, and the document does not list it",
            listed(drift)
        ),
        DriftKind::BrokenFormat => {
            format!("{subject} is not of the format `{}` {times}", key.detail)
        }
        DriftKind::BrokenLimit => format!("{subject} breaks `{}` {times}", key.detail),
        DriftKind::OtherForm => format!(
            "{subject} fits none of the documented forms (`{}`) {times}",
            key.detail
        ),
        DriftKind::UnreadableContent if key.at == NO_MEDIA_TYPE => {
            format!(
                "content without a media type cannot be read {times}: {}",
                key.detail
            )
        }
        DriftKind::UnreadableContent => format!("{subject} cannot be read {times}: {}", key.detail),
        DriftKind::RefusedExample => format!(
            "the documented example of the request was refused {}",
            count(usize::try_from(n).unwrap_or(usize::MAX), "time")
        ),
        _ => key.kind.about().to_owned(),
    }
}

/// Returns the values as shown: `` `a`, `b` ``.
fn listed(drift: &Drift) -> String {
    let values: Vec<String> = drift
        .values
        .iter()
        .map(|(value, _)| format!("`{value}`"))
        .collect();
    let more = if drift.values.is_cut() {
        " and others"
    } else {
        ""
    };
    values.join(", ") + more
}

fn help(key: &DriftKey, drift: &Drift) -> String {
    let text = match key.kind {
        DriftKind::Status => "add it to `responses` of the operation",
        DriftKind::MediaType => "add it to `content`",
        DriftKind::Content => "add `content` with a schema, or let the API send none",
        DriftKind::Header => "add it to `headers` of the response, if clients may rely on it",
        DriftKind::MissingHeader => {
            "remove `required` from the header field, or let the API always send it"
        }
        DriftKind::BrokenHeader => "correct the schema of the header field, or the API",
        DriftKind::Query => "add it to `parameters`, or remove it from the clients",
        DriftKind::Field | DriftKind::RequestField if key.detail == ANY_NAME => {
            "describe the members with `additionalProperties`"
        }
        DriftKind::Field | DriftKind::ExampleOnly => "add it to `properties`",
        DriftKind::RequestField => "add it to `properties`, or remove it from the clients",
        DriftKind::FreeForm => {
            "add `properties`, or `additionalProperties: true` if anything may come"
        }
        DriftKind::Null => {
            "allow null with `nullable: true` in OpenAPI 3.0, or with the type `null` from 3.1 on"
        }
        DriftKind::OtherType => "correct `type`, or the API",
        DriftKind::MissingField => "remove it from `required`, or let it always be there",
        DriftKind::EnumValue if drift.values.is_cut() => {
            "remove `enum`: the values are no closed list"
        }
        DriftKind::EnumValue => "add it to `enum`",
        DriftKind::BrokenFormat => "correct `format`, or the API",
        DriftKind::BrokenLimit => "correct the limit, or the API",
        DriftKind::RefusedExample => "correct the example: readers copy it",
        _ => "correct the document or the API",
    };
    text.to_owned()
}

/// Returns a finding for each operation that no document has.
pub(super) fn undocumented_operations(
    contract: &Contract,
    observations: &Observations,
) -> Vec<Finding> {
    let finding = |group: GroupedOperation| {
        let name = format!("{} {}", group.method, group.template);
        let document = group.sibling.as_ref().map_or(0, |(document, _)| *document);
        let pointer = match &group.sibling {
            Some((_, template)) => join("/paths", template),
            None => "/paths".to_owned(),
        };
        let source = contract
            .documents
            .get(document)
            .map(|document| document.source());
        let places = source.map(|source| {
            let place = Place::key(source, pointer);
            FoundPlace::new(
                &place,
                name.clone(),
                group.came.count,
                observations.exchanges,
            )
        });
        let times = count(
            usize::try_from(group.came.count).unwrap_or(usize::MAX),
            "time",
        );
        Finding {
            kind: DriftKind::Operation,
            severity: DriftKind::Operation.severity(),
            fingerprint: fingerprint_of(DriftKind::Operation, &name),
            message: format!("`{name}` is not documented, and was called {times}"),
            help: "add the operation to `paths`".to_owned(),
            count: group.came.count,
            of: observations.exchanges,
            places: places.into_iter().collect(),
            example: Some(group.came.example),
        }
    };
    grouped(&observations.unknown)
        .into_iter()
        .map(finding)
        .collect()
}
