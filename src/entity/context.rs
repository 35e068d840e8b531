//! Parts of the sandbox that a step on a collection depends on.
use crate::contract::Contract;
use crate::resource::Resources;

/// Contract, resources and path of a request that is about entities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntityContext<'c> {
    pub contract: &'c Contract,
    pub resources: &'c Resources,
    /// Path of the request.
    pub path: &'c str,
}
