//! Findings about what is documented and never came.
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use crate::Sandbox;
use crate::contract::{Contract, Location, MediaType, Operation, StatusPattern};
use crate::diagnostic::Place;
use crate::document::syntax::{find, join};
use crate::schema::kind_of;
use crate::upstream::drift::address::{
    operation_key, operation_pointer, pattern_of, response_pointer,
};
use crate::upstream::drift::description::{Description, Member};
use crate::upstream::drift::finding::{Finding, FoundPlace, fingerprint_of};
use crate::upstream::drift::kind::DriftKind;
use crate::upstream::drift::observations::{Observations, OperationCount};
use crate::upstream::drift::observe::parameter_key;
use crate::upstream::drift::walk::kind_bit;

/// Maximum number of names that a message lists.
const MOST_NAMED: usize = 10;

/// Number of values per documented value of an `enum` from which one that never came is told.
const TIMES: u64 = 3;

/// Maximum depth of an example that is compared.
const DEEPEST: usize = 32;

/// Search for what never came.
struct Search<'s> {
    contract: &'s Contract,
    observations: &'s Observations,
    /// Number of exchanges from which something that never came is told.
    least: u64,
    /// Findings by kind and cause.
    found: BTreeMap<(DriftKind, String), Finding>,
}

/// Returns a finding for each group of what is documented and never came in at least `least`
/// exchanges.
pub(super) fn never(sandbox: &Sandbox, observations: &Observations, least: u64) -> Vec<Finding> {
    let mut search = Search {
        contract: sandbox.contract(),
        observations,
        least: least.max(1),
        found: BTreeMap::new(),
    };
    for operation in &search.contract.operations {
        match observations.operations.get(&operation_key(operation)) {
            None => search.operation(operation),
            Some(count) => {
                search.statuses(operation, count);
                search.parameters(operation, count);
                search.headers(operation, count);
                search.examples(operation, count);
            }
        }
    }
    search.schemas();
    search.found.into_values().collect()
}

impl Search<'_> {
    /// Adds a place to the finding of a kind and cause.
    fn add(&mut self, kind: DriftKind, cause: &str, message: &str, place: FoundPlace) {
        let finding = self
            .found
            .entry((kind, cause.to_owned()))
            .or_insert_with(|| Finding {
                kind,
                severity: kind.severity(),
                fingerprint: fingerprint_of(kind, cause),
                message: message.to_owned(),
                help: help(kind).to_owned(),
                count: 0,
                of: 0,
                places: Vec::new(),
                example: None,
            });
        finding.of += place.of;
        if !finding.places.contains(&place) {
            finding.places.push(place);
            finding.places.sort();
        }
    }

    fn place(&self, document: usize, pointer: String, operation: String, of: u64) -> FoundPlace {
        let place = Place::value(self.contract.documents[document].source(), pointer);
        FoundPlace::new(&place, operation, 0, of)
    }

    fn operation(&mut self, operation: &Operation) {
        let of = self.observations.exchanges;
        if of < self.least {
            return;
        }
        let place = FoundPlace::new(&operation.place, operation_key(operation), 0, of);
        let message = "documented operations were never called";
        self.add(DriftKind::UnseenOperation, "", message, place);
        if let Some(all) = self
            .found
            .get_mut(&(DriftKind::UnseenOperation, String::new()))
        {
            all.of = of;
        }
    }

    fn statuses(&mut self, operation: &Operation, count: &OperationCount) {
        if count.calls < self.least {
            return;
        }
        for (pattern, _) in &operation.compiled().responses {
            let is_seen = count.statuses.keys().any(|status| {
                http::StatusCode::from_u16(*status).is_ok_and(|status| pattern.covers(status))
            });
            if is_seen || *pattern == StatusPattern::Default {
                continue;
            }
            let pointer = join(
                &join(&operation_pointer(self.contract, operation), "responses"),
                &pattern.to_string(),
            );
            let place = self.place(
                operation.document,
                pointer,
                operation_key(operation),
                count.calls,
            );
            let message = format!("the documented status {pattern} never came");
            self.add(
                DriftKind::UnseenStatus,
                &pattern.to_string(),
                &message,
                place,
            );
        }
    }

    fn parameters(&mut self, operation: &Operation, count: &OperationCount) {
        if count.calls < self.least {
            return;
        }
        for parameter in &operation.compiled().parameters {
            let key = parameter_key(parameter);
            let is_expected = parameter.required || parameter.location == Location::Path;
            if is_expected || count.parameters.contains_key(&key) {
                continue;
            }
            let pointer = parameter.schema().map_or_else(
                || operation_pointer(self.contract, operation),
                |schema| schema.pointer().to_owned(),
            );
            let place = self.place(
                operation.document,
                pointer,
                operation_key(operation),
                count.calls,
            );
            let message = format!(
                "no client sent the documented {} parameter `{}`",
                parameter.location.as_str(),
                parameter.name
            );
            self.add(DriftKind::UnseenParameter, &key, &message, place);
        }
    }

    fn headers(&mut self, operation: &Operation, count: &OperationCount) {
        for (pattern, response) in &operation.compiled().responses {
            let of = responses(operation, count, *pattern);
            if of < self.least {
                continue;
            }
            let pointer = response_pointer(self.contract, operation, *pattern);
            for header in response.headers.iter().filter(|header| !header.required) {
                if count
                    .headers
                    .contains_key(&format!("{pattern} {}", header.name))
                {
                    continue;
                }
                let shown = format!("{} {pattern}", operation_key(operation));
                let at = join(&pointer, "headers");
                let place = self.place(operation.document, at, shown, of);
                let message = format!("the documented header field `{}` never came", header.name);
                self.add(
                    DriftKind::UnseenHeader,
                    header.name.as_str(),
                    &message,
                    place,
                );
            }
        }
    }

    fn schemas(&mut self) {
        let places = self.observations.places.iter();
        for ((document, pointer), count) in places {
            let Some(documented) = self.contract.documents.get(*document) else {
                continue;
            };
            let Some(schema) = find(documented.tree(), pointer) else {
                continue;
            };
            let name = documented.source().name();
            let cause = format!(
                "{}#{pointer}",
                name.rsplit(['/', '\\']).next().unwrap_or_default()
            );
            if count.objects >= self.least {
                let names = unseen_fields(schema, &count.members);
                if !names.is_empty() {
                    let message =
                        format!("the documented optional fields {} never came", list(&names));
                    let at = join(pointer, "properties");
                    let place = self.place(*document, at, String::new(), count.objects);
                    self.add(DriftKind::UnseenField, &cause, &message, place);
                }
            }
            let listed = schema.get("enum").and_then(Value::as_array);
            let values: Vec<String> = listed
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            let enough = self.least.max(TIMES * values.len() as u64);
            if values.len() > 1 && count.texts >= enough && !count.listed.is_empty() {
                let names: Vec<String> = values
                    .into_iter()
                    .filter(|value| !count.listed.contains(value))
                    .collect();
                if !names.is_empty() {
                    let message = format!("the documented values {} never came", list(&names));
                    let place =
                        self.place(*document, join(pointer, "enum"), String::new(), count.texts);
                    self.add(DriftKind::UnseenEnumValue, &cause, &message, place);
                }
            }
        }
    }

    /// Finds documented examples of responses with fields or types that no real answer has.
    fn examples(&mut self, operation: &Operation, count: &OperationCount) {
        for (pattern, response) in &operation.compiled().responses {
            let of = responses(operation, count, *pattern);
            if of < self.least {
                continue;
            }
            for media in response.content.iter().filter(|media| media.is_json()) {
                self.examples_of(operation, *pattern, media, of);
            }
        }
    }

    fn examples_of(
        &mut self,
        operation: &Operation,
        pattern: StatusPattern,
        media: &MediaType,
        of: u64,
    ) {
        let Some(schema) = media.schema.as_ref() else {
            return;
        };
        let root = self.contract.documents[operation.document].tree();
        let description = Description::new(root, schema.pointer());
        for example in &media.examples {
            let mut comparison = Comparison {
                observations: self.observations,
                document: operation.document,
                least: self.least,
                contradictions: Vec::new(),
            };
            comparison.compare(&description, example.verbatim(), "", 0);
            let mut names = comparison.contradictions;
            names.dedup();
            if names.is_empty() {
                continue;
            }
            let message = format!(
                "the documented example has {}, as no real answer has",
                list(&names)
            );
            let shown = format!("{} {pattern}", operation_key(operation));
            let place = FoundPlace::new(&example.place, shown, 0, of);
            let cause = example.place.written_name();
            self.add(DriftKind::ContradictedExample, &cause, &message, place);
        }
    }
}

/// Comparison of an example with what came.
struct Comparison<'o> {
    observations: &'o Observations,
    document: usize,
    least: u64,
    contradictions: Vec<String>,
}

impl Comparison<'_> {
    fn compare(
        &mut self,
        description: &Rc<Description<'_>>,
        value: &Value,
        at: &str,
        depth: usize,
    ) {
        if depth > DEEPEST {
            return;
        }
        let mut values = 0;
        let mut kinds = 0;
        for (pointer, _) in &description.own {
            if let Some(place) = self
                .observations
                .places
                .get(&(self.document, pointer.clone()))
            {
                values += place.values;
                kinds |= place.kinds;
            }
        }
        if values >= self.least && kinds & kind_bit(value) == 0 {
            self.contradictions
                .push(format!("{at} as {}", kind_of(value)));
            return;
        }
        match value {
            Value::Array(items) => {
                let of_item = description.items();
                for item in items {
                    self.compare(&of_item, item, &format!("{at}/*"), depth + 1);
                }
            }
            Value::Object(members) => {
                let description = description.of_object(members);
                for (name, member) in members {
                    let below = join(at, name);
                    if self.never_came(&description, name) {
                        self.contradictions.push(below);
                    } else if let Member::Declared(of_member) = description.member(name) {
                        self.compare(&of_member, member, &below, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns true if a schema declares a member that no object had.
    fn never_came(&self, description: &Description<'_>, name: &str) -> bool {
        let mut objects = 0;
        for (schema, properties) in description.with("properties") {
            if properties.get(name).is_none() {
                continue;
            }
            let key = (self.document, schema.pointer.clone());
            let Some(place) = self.observations.places.get(&key) else {
                continue;
            };
            if place.members.contains_key(name) {
                return false;
            }
            objects += place.objects;
        }
        objects >= self.least
    }
}

/// Returns the number of answers of an operation that a response is documented for.
fn responses(operation: &Operation, count: &OperationCount, pattern: StatusPattern) -> u64 {
    let own = count.statuses.iter().filter(|(status, _)| {
        http::StatusCode::from_u16(**status)
            .is_ok_and(|status| pattern_of(operation, status) == Some(pattern))
    });
    own.map(|(_, count)| count).sum()
}

/// Returns the optional properties of a schema that never came. Those that only requests have and
/// those that are deprecated are not expected.
fn unseen_fields(schema: &Value, seen: &BTreeMap<String, u64>) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|there| there == name));
    let is_expected = |property: &Value| {
        property.get("writeOnly") != Some(&Value::Bool(true))
            && property.get("deprecated") != Some(&Value::Bool(true))
            && *property != Value::Bool(false)
    };
    let all = properties.into_iter().flatten();
    let unseen = all.filter(|(name, property)| {
        !seen.contains_key(*name) && !is_required(name) && is_expected(property)
    });
    unseen.map(|(name, _)| name.clone()).collect()
}

fn list(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MOST_NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = names.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &more
}

fn help(kind: DriftKind) -> &'static str {
    match kind {
        DriftKind::UnseenOperation => {
            "call them in the tests, or remove them from the document if the API has them no more"
        }
        DriftKind::ContradictedExample => "take a real answer as the example",
        DriftKind::UnseenParameter => "test it, or remove it if the API ignores it",
        _ => "look whether the API still sends it, or whether the traffic is too little",
    }
}
