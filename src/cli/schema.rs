//! Prints the JSON Schemas of Standin's own files, for `standin schema`.
use std::io::Write;

use clap::{Args, ValueEnum};

use crate::cli::outcome::{Failure, Outcome};
use crate::contract::fixture;

/// Options of `schema`.
#[derive(Debug, Args)]
pub(super) struct PrintSchema {
    /// Files that the schema describes
    #[arg(value_name = "fixtures")]
    files: DescribedFiles,
}

/// Files that a JSON Schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DescribedFiles {
    /// Fixture files
    Fixtures,
}

impl PrintSchema {
    /// Prints the schema.
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Outcome, Failure> {
        let text = match self.files {
            DescribedFiles::Fixtures => fixture::SCHEMA,
        };
        out.write_all(text.as_bytes())?;
        Ok(Outcome::Clean)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::contract::request_condition::PARTS;
    use crate::contract::wording::RULES;
    use crate::contract::{error_override, fixture};
    use crate::resource::Act;
    use crate::resource::role_override::{COLLECTION_FIELDS, OPERATION_FIELDS};

    fn schema() -> Value {
        serde_json::from_str(fixture::SCHEMA).expect("is JSON")
    }

    /// The texts of a list, or the names of a map, at a JSON Pointer of the schema; sorted.
    fn names(pointer: &str) -> Vec<String> {
        let schema = schema();
        let mut names: Vec<String> = match schema.pointer(pointer).expect("is there") {
            Value::Object(map) => map.keys().cloned().collect(),
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            other => panic!("{other} has no names"),
        };
        names.sort_unstable();
        names
    }

    fn sorted<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
        let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_schema_has_exactly_the_keys_that_are_read() {
        let read = [
            ("/$defs/entry/properties", sorted(fixture::FIELDS)),
            ("/$defs/step/properties", sorted(fixture::OF_ENTRY)),
            ("/$defs/parts/properties", sorted(PARTS)),
            ("/$defs/part/enum", sorted(PARTS)),
            (
                "/$defs/errorOverride/properties",
                sorted(error_override::FIELDS),
            ),
            (
                "/$defs/ruleOverride/properties",
                sorted(error_override::of_rules()),
            ),
            ("/$defs/rule/enum", sorted(RULES)),
            (
                "/$defs/operationOverride/anyOf/1/properties",
                sorted(OPERATION_FIELDS),
            ),
            (
                "/$defs/operationOverride/anyOf/1/properties/does/enum",
                sorted(Act::NAMES.map(|(name, _)| name)),
            ),
            (
                "/$defs/collectionOverride/properties",
                sorted(COLLECTION_FIELDS),
            ),
        ];
        for (pointer, read) in read {
            assert_eq!(names(pointer), read, "{pointer}");
        }
    }
}
