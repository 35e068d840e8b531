//! Identification of the entity that a step is about: by its key, or by another text that names it.
use crate::state::memory::{Entities, EntityFactory, Reply, Step};

impl Entities {
    /// Returns a step with the key of the entity that its text identifies.
    ///
    /// # Errors
    ///
    /// [`Reply::Unknown`], if it identifies none and the step needs one.
    pub(in crate::state) fn identified(
        &self,
        step: Step,
        factory: &EntityFactory<'_>,
    ) -> Result<Step, Reply> {
        let Some(asked) = step.asked() else {
            return Ok(step);
        };
        let found = (factory.find)(self, asked);
        Ok(match (step, found) {
            (Step::Read(_) | Step::Suppose(_), Some(key)) => Step::Read(key),
            (Step::Replace(_, new, absent), Some(key)) => Step::Replace(key, new, absent),
            (Step::Change(_, change), Some(key)) => Step::Change(key, change),
            (Step::Delete(_), Some(key)) => Step::Delete(key),
            (Step::Rename { to, change, .. }, Some(key)) => Step::Rename { key, to, change },
            (
                Step::Read(asked)
                | Step::Change(asked, _)
                | Step::Delete(asked)
                | Step::Rename { key: asked, .. },
                None,
            ) => {
                return Err(Reply::Unknown(asked));
            }
            (Step::Suppose(asked), None) if self.gone.contains(&asked) => {
                return Err(Reply::Unknown(asked));
            }
            (step, _) => step,
        })
    }
}
