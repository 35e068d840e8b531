//! Chooses between several operations with one method and path, by the names and values that the
//! request has.
//!
//! Runs after routing; the request is read here for the operation that is chosen.
use crate::codec::message::Request;
use crate::codec::parameter::Inputs;
use crate::contract::Contract;
use crate::contract::route::Pin;
use crate::exchange::judge::judge;
use crate::exchange::read::ReadRequest;
use crate::exchange::settings::Settings;

/// Returns the request as the chosen operation reads it. That is the operation whose pinned names
/// and values the request has, the one with most pins first; else the first operation without pins
/// that the request is valid for; else the operation without pins and variants, or the first one
/// without pins.
pub(super) fn read<'c: 'r, 'r>(
    contract: &'c Contract,
    index: usize,
    path_values: &'r [String],
    settings: &Settings,
    request: &'r Request,
) -> ReadRequest<'c, 'r> {
    let read = |index| ReadRequest::new(contract, index, path_values, settings, request);
    let all = contract.variants(index);
    if all.is_empty() {
        return read(index);
    }
    let pins = |index: &usize| {
        contract.operations[*index]
            .variant
            .as_ref()
            .map(|variant| variant.pins.as_slice())
            .unwrap_or_default()
    };
    let first = read(index);
    let pinned = all.iter().filter(|index| {
        !pins(index).is_empty() && pins(index).iter().all(|pin| carries(&first.inputs, pin))
    });
    // The first of equally good ones, so that the document's order decides.
    if let Some(best) = pinned.rev().max_by_key(|index| pins(index).len()) {
        return if *best == index { first } else { read(*best) };
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
    if free.len() > 1 {
        for index in free {
            let read = read(index);
            if judge(&read, settings).is_empty() {
                return read;
            }
        }
    }
    read(fallback)
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
