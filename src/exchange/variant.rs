//! Chooses between several operations with one method and path, by the names and values that the
//! request has.
//!
//! Runs after routing, before the request is read and validated.
use crate::codec::message::Request;
use crate::codec::parameter::Inputs;
use crate::contract::route::Pin;
use crate::contract::{Contract, Operation};
use crate::exchange::judge::judge;
use crate::exchange::settings::Settings;
use crate::validate;

/// Returns the operation whose pinned names and values the request has, the one with most pins
/// first; else the first operation without pins that the request is valid for; else the operation
/// without pins and variants, or the first one without pins.
pub(super) fn choose(
    contract: &Contract,
    index: usize,
    values: &[String],
    settings: &Settings,
    request: &Request,
) -> usize {
    let all = contract.variants(index);
    if all.is_empty() {
        return index;
    }
    let pins = |index: &usize| {
        contract.operations[*index]
            .variant
            .as_ref()
            .map(|variant| variant.pins.as_slice())
            .unwrap_or_default()
    };
    let inputs = Inputs::new(
        &contract.operations[index],
        values,
        request.uri().query(),
        request.headers(),
    );
    let pinned = all.iter().filter(|index| {
        !pins(index).is_empty() && pins(index).iter().all(|pin| carries(&inputs, pin))
    });
    // The first of equally good ones, so that the document's order decides.
    if let Some(best) = pinned.rev().max_by_key(|index| pins(index).len()) {
        return *best;
    }
    let free: Vec<usize> = all
        .iter()
        .copied()
        .filter(|index| pins(index).is_empty())
        .collect();
    let plain = free
        .iter()
        .find(|index| contract.operations[**index].variant.is_none());
    let fallback = plain.or(free.first()).copied().unwrap_or(index);
    if free.len() < 2 {
        return fallback;
    }
    let fitting = free
        .iter()
        .find(|index| fits(&contract.operations[**index], values, settings, request));
    fitting.copied().unwrap_or(fallback)
}

fn carries(inputs: &Inputs<'_>, pin: &Pin) -> bool {
    match pin {
        Pin::Query(name, None) => inputs.query.first(name).is_some(),
        Pin::Query(name, Some(value)) => inputs.query.first(name).as_ref() == Some(value),
        Pin::Field(name, value) => {
            inputs.header(name).is_some_and(|sent| sent == *value)
                || inputs.query.first(name).as_ref() == Some(value)
        }
    }
}

fn fits(operation: &Operation, values: &[String], settings: &Settings, request: &Request) -> bool {
    let inputs = Inputs::new(operation, values, request.uri().query(), request.headers())
        .with_arrays(settings.query_arrays);
    let received = validate::receive(operation, &inputs, request.body());
    let faults = judge(operation, settings, &inputs, &received);
    faults.is_empty()
}
