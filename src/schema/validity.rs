//! Does an instance fit a schema, and if not, why?
//!
//! Asks the validator first, then `judging` and `explain`.
use serde_json::{Value, json};

use crate::schema::error::SchemaError;
use crate::schema::judging::{self, Judging};
use crate::schema::pattern::MOST_STEPS;
use crate::schema::pattern::budget::within;
use crate::schema::schemas::{Schema, Uncompilable};

impl Schema {
    /// Returns true if an instance fits; false also if a budget was used up.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`], because then there is no answer.
    pub fn is_valid(&self, instance: &Value) -> Result<bool, Uncompilable> {
        let judge = || {
            let answer = self.validator().answer(instance);
            answer.unwrap_or_else(|| Judging::new(self, judging::MOST_STEPS).judge(instance))
        };
        Ok(matches!(within(judge), (true, false)))
    }

    /// Returns everything that does not fit, in the order of the keywords in the schema.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`], because then there is no answer.
    pub fn errors(&self, instance: &Value) -> Result<Vec<SchemaError>, Uncompilable> {
        Ok(self.errors_within(instance, &mut { judging::MOST_STEPS }))
    }

    /// Returns everything that does not fit, found within `steps` steps; the steps taken are
    /// subtracted.
    #[must_use]
    pub fn errors_within(&self, instance: &Value, steps: &mut usize) -> Vec<SchemaError> {
        let (errors, is_used_up) = within(|| match self.validator().answer(instance) {
            Some(true) => Vec::new(),
            answer => self.explain(instance, answer, steps),
        });
        if is_used_up {
            return vec![SchemaError::new(
                "",
                "patternSteps",
                json!({ "limit": MOST_STEPS }),
            )];
        }
        errors
    }
}
