//! Applies a JSON Patch (RFC 6902) to an entity, within bounds.
use serde_json::Value;

use crate::state::error::PatchError;
use crate::state::size;

/// Maximum number of operations in a JSON Patch; a longer one is refused.
const MOST_CHANGES: usize = 200;

/// Maximum size of the result of a JSON Patch, in bytes of memory; a larger one is refused.
const LARGEST: usize = 4 * 1024 * 1024;

/// Returns the entity after a JSON Patch (RFC 6902).
///
/// # Errors
///
/// Returns the reason if one of its operations cannot be applied, or if its result is too large or
/// too deep.
pub(super) fn patched(entity: &Value, patch: &Value) -> Result<Value, PatchError> {
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|error| PatchError::NotAPatch { error })?;
    if patch.0.len() > MOST_CHANGES {
        return Err(PatchError::TooManyOperations { most: MOST_CHANGES });
    }
    let mut changed = entity.clone();
    for (index, operation) in patch.0.iter().enumerate() {
        let done = json_patch::patch(&mut changed, std::slice::from_ref(operation));
        done.map_err(|error| PatchError::Operation { index, error })?;
        if size::is_too_deep(&changed) {
            return Err(PatchError::TooDeep);
        }
        if size::of(&changed) > LARGEST {
            return Err(PatchError::TooLarge { most: LARGEST });
        }
    }
    Ok(changed)
}
