//! Entities of a collection outside of a request: those of the beginning, and drafts of new ones.
//!
//! The control API shows and adds them.
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::entity::build::EntityBuilder;
use crate::entity::context::EntityContext;
use crate::generate::GenerateOptions;
use crate::resource::Collection;
use crate::state::memory::{CollectionKey, Entities, New};

/// Returns the entities of a collection before the first write; none if no operation shows them.
#[must_use]
pub(crate) fn beginning(
    context: EntityContext<'_>,
    collection: &Collection,
    scope: &str,
    options: GenerateOptions,
) -> Arc<Entities> {
    let collection_key = CollectionKey {
        collection: collection.name.clone(),
        scope: scope.to_owned(),
    };
    with_builder(context, collection, scope, options, |builder| {
        builder.base(&collection_key)
    })
    .unwrap_or_default()
}

/// Builds a new entity of a collection, as an operation that adds one would: of the members that are
/// given, or else all of its own. Returns its key and the entity.
#[must_use]
pub(crate) fn draft(
    context: EntityContext<'_>,
    collection: &Collection,
    scope: &str,
    options: GenerateOptions,
    (number, sent): (u64, Option<Map<String, Value>>),
) -> Option<(String, Value)> {
    with_builder(context, collection, scope, options, |builder| match sent {
        Some(sent) => builder.make(
            number,
            &New {
                key: None,
                sent,
                home: None,
            },
        ),
        None => builder.generated(number, 0),
    })
}

/// Runs `run` on a builder of the entities of a collection; `None` if no answer shows them.
fn with_builder<R>(
    context: EntityContext<'_>,
    collection: &Collection,
    scope: &str,
    options: GenerateOptions,
    run: impl FnOnce(&EntityBuilder<'_>) -> R,
) -> Option<R> {
    let (index, _) = collection.shown_by.first()?;
    let operation = &context.contract.operations[*index];
    let names = scope_names(context.contract, collection);
    let scopes: Vec<(String, String)> = names
        .into_iter()
        .zip(scope.split('/').map(str::to_owned))
        .collect();
    let builder = EntityBuilder::new(
        context,
        collection,
        operation.document,
        &scopes,
        options,
        None,
    );
    Some(run(&builder))
}

/// Returns the names of the path parameters that separate the entities of a collection: `userId` of
/// `/users/{userId}/orders`.
#[must_use]
pub(crate) fn scope_names(contract: &Contract, collection: &Collection) -> Vec<String> {
    let Some((index, _)) = collection.shown_by.first() else {
        return Vec::new();
    };
    let names = &contract.operations[*index].compiled().path_names;
    names.iter().take(collection.scope).cloned().collect()
}
