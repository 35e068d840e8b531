//! Generates a value that fits a schema from a seed; the same seed gives the same bytes
//! everywhere.
//!
//! The schema's validator checks every value before it is used; attempts differ in the branches
//! they take and in the optional values they leave out. Other rooms use this where the document
//! has no example.

mod documented;
pub(crate) mod entity;
pub(crate) mod faker;
mod flatten;
mod generator;
mod keywords;
mod mend;
mod number;
mod pattern;
mod plausible;
pub(crate) mod primitive;
pub(crate) mod text;
mod vary;

pub(crate) use crate::generate::generator::EntityPosition;
pub use crate::generate::generator::{AdditionalProperties, GenerateOptions};
pub(crate) use crate::generate::primitive::fingerprint;
use serde_json::Value;

use crate::generate::generator::{BUDGET, Generator};
use crate::generate::primitive::Called;
pub(crate) use crate::generate::vary::{counted, is_uuid};
use crate::schema::pattern::within;
use crate::schema::{Schema, standalone};

/// Generated value.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Value itself.
    pub value: Value,
    /// `true` if the value fits the schema; `false` if no attempt did, or if the schema cannot be
    /// compiled.
    pub fits: bool,
}

/// Maximum number of attempts; then the last value is used although it does not fit.
const ATTEMPTS: usize = 16;

/// Maximum number of rounds in which values are repaired, in all attempts together; further ones
/// are not repaired.
const ALL_ROUNDS: usize = 120;

/// Maximum number of validator steps that find errors, for each value that all attempts may
/// generate; beyond that, a value that does not fit is not repaired any more.
const STEPS_FOR_VALUE: usize = 50;

/// Generates a value that fits the schema.
#[must_use]
pub fn generate(schema: &Schema, options: &GenerateOptions) -> Generated {
    named(schema, options, "")
}

/// Generates a value that fits the schema, for a parameter or header field with this name.
#[must_use]
pub(crate) fn named(schema: &Schema, options: &GenerateOptions, name: &str) -> Generated {
    attempts(schema, options, name, |_| {})
}

/// Generates a value that fits the schema, without its documented examples.
#[must_use]
pub(crate) fn original(schema: &Schema, options: &GenerateOptions) -> Generated {
    attempts(schema, options, "", |generator| {
        generator.avoids_examples = true;
    })
}

/// Generates an entity: as its documented examples show it, with identifiers that no other entity
/// has.
#[must_use]
pub(crate) fn entity(
    schema: &Schema,
    options: &GenerateOptions,
    named: &EntityPosition<'_>,
) -> Value {
    attempts(schema, options, "", |generator| generator.named(named)).value
}

/// Generates an entity in which the properties chosen by `is_left_out` are null. It need not fit
/// the schema.
#[must_use]
pub(crate) fn sketch(
    schema: &Schema,
    options: &GenerateOptions,
    named: &EntityPosition<'_>,
    is_left_out: &dyn Fn(&str) -> bool,
) -> Value {
    let mut generator = Generator::new(schema, options, 0);
    generator.named(named);
    generator.is_left_out = is_left_out;
    generator.value(schema.tree(), 0, Called::default())
}

fn attempts<'s>(
    schema: &'s Schema,
    options: &'s GenerateOptions,
    name: &str,
    prepare: impl Fn(&mut Generator<'s>),
) -> Generated {
    // One budget for the patterns of the whole value.
    within(|| attempts_within(schema, options, name, prepare)).0
}

fn attempts_within<'s>(
    schema: &'s Schema,
    options: &'s GenerateOptions,
    name: &str,
    prepare: impl Fn(&mut Generator<'s>),
) -> Generated {
    let mut last = Value::Null;
    let mut left = options.most_values;
    let mut rounds = ALL_ROUNDS;
    let mut steps = options.most_values.saturating_mul(STEPS_FOR_VALUE);
    for attempt in 0..ATTEMPTS {
        let mut generator = Generator::new(schema, options, attempt);
        generator.left = left.min(BUDGET);
        prepare(&mut generator);
        let before = generator.left;
        let value = generator.value(schema.tree(), 0, Called { name, owner: "" });
        match schema.is_valid(&value) {
            Ok(true) => return Generated { value, fits: true },
            Ok(false) => {
                if let Some(value) =
                    mend::mend(&mut generator, value.clone(), &mut rounds, &mut steps)
                {
                    return Generated { value, fits: true };
                }
                last = value;
                left = left.saturating_sub(before - generator.left);
                if left == 0 {
                    break;
                }
            }
            Err(_) => return Generated { value, fits: false },
        }
    }
    Generated {
        value: last,
        fits: false,
    }
}

/// Generates a value for a schema that is not part of a document; null if there is no such value.
#[must_use]
pub(crate) fn standing_for(tree: &Value, options: &GenerateOptions) -> Value {
    standalone(tree).map_or(Value::Null, |schema| generate(&schema, options).value)
}

/// Repairs a value where it does not fit the schema, and leaves the rest unchanged; `None` if no
/// repair is found.
#[must_use]
pub(crate) fn repair(schema: &Schema, value: &Value, options: &GenerateOptions) -> Option<Value> {
    let mut generator = Generator::new(schema, options, 0);
    let mut rounds = ALL_ROUNDS;
    let mut steps = options.most_values.saturating_mul(STEPS_FOR_VALUE);
    within(|| mend::mend(&mut generator, value.clone(), &mut rounds, &mut steps)).0
}

/// Generates the items of a sequence as a list; the schema is that of one item.
#[must_use]
pub(crate) fn items(schema: &Schema, options: &GenerateOptions) -> Generated {
    let length = options.list_size.1;
    let mut fits = true;
    let mut items = Vec::new();
    let mut left = options.most_bytes;
    for index in 0..length as u64 {
        let made = generate(
            schema,
            &GenerateOptions {
                seed: options.seed.wrapping_add(index),
                ..*options
            },
        );
        fits = fits && made.fits;
        left = left.saturating_sub(made.value.to_string().len());
        if left == 0 {
            break;
        }
        items.push(made.value);
    }
    Generated {
        value: Value::Array(items),
        fits,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::diagnostic::Positions;
    use crate::diagnostic::Source;
    use crate::schema::Demand;
    use crate::schema::Direction;
    use crate::schema::Schemas;

    fn made(schema: Value, seed: u64) -> Generated {
        sent(schema, seed, Direction::Response)
    }

    fn sent(schema: Value, seed: u64, direction: Direction) -> Generated {
        let source = Source::new("t".into(), String::new(), |_| Positions::new());
        let schemas = Schemas::new(source, Arc::new(schema), Demand::Few);
        generate(
            &Schema::new(&schemas, String::new(), direction),
            &GenerateOptions::seeded(seed),
        )
    }

    #[test]
    fn each_side_is_spared_what_only_the_other_sends() {
        let schema = json!({
            "type": "object",
            "required": ["id", "secret", "name"],
            "properties": {
                "id": {"$ref": "#/$defs/id"},
                "secret": {"type": "string", "writeOnly": true},
                "name": {"type": "string"},
                "seen": {"type": "string", "readOnly": true},
            },
            "$defs": {"id": {"type": "string", "readOnly": true}},
        });
        for seed in 0..8 {
            let names = |direction| {
                let made = sent(schema.clone(), seed, direction);
                assert!(made.fits);
                made.value
                    .as_object()
                    .expect("is one")
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(Direction::Request), ["secret", "name"]);
            assert_eq!(names(Direction::Response)[..2], ["id", "name"]);
            assert!(!names(Direction::Response).contains(&"secret".to_owned()));
        }
    }

    #[test]
    fn what_is_made_fits() {
        let schemas = [
            json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 3, "maximum": 4}}, "required": ["a", "b"]}),
            json!({"allOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["a"], "properties": {"b": {"type": "number"}}}]}),
            json!({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]}),
            json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"}),
            json!({"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 3, "uniqueItems": true}),
            json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1, "multipleOf": 0.25}),
            json!({"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}}),
            json!({"type": "object", "additionalProperties": {"type": "boolean"}, "minProperties": 3}),
            json!({"type": ["null", "string"], "format": "date-time"}),
            json!({"type": "string", "minLength": 40, "maxLength": 41}),
        ];
        for schema in schemas {
            let generated = made(schema.clone(), 1);
            assert!(generated.fits, "{schema} got {}", generated.value);
        }
    }

    #[test]
    fn absurd_bounds_cost_nothing_but_the_value() {
        let huge = 99_999_999_999_u64;
        let row = json!({"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000, "items": {}}});
        for schema in [
            json!({"type": "string", "minLength": huge}),
            json!({"type": "string", "minLength": u64::MAX, "pattern": "^a+$"}),
            json!({"type": "string", "minLength": u64::MAX, "pattern": "b"}),
            json!({"type": "object", "minProperties": huge}),
            json!({"type": "array", "minItems": huge}),
            json!({"type": "array", "minItems": 1000, "items": row}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "not": {}}}}),
        ] {
            assert!(!made(schema, 1).fits);
        }
        assert!(
            made(
                json!({"type": "number", "minimum": -f64::MAX, "maximum": f64::MAX}),
                1
            )
            .fits
        );
        assert!(
            made(
                json!({"type": "integer", "minimum": -f64::MAX, "maximum": f64::MAX}),
                1
            )
            .fits
        );
    }

    #[test]
    fn a_seed_is_a_promise() {
        let schema = json!({"type": "array", "minItems": 5, "items": {"type": "integer"}});
        assert_eq!(made(schema.clone(), 7).value, made(schema.clone(), 7).value);
        assert_ne!(made(schema.clone(), 7).value, made(schema, 8).value);
    }

    #[test]
    fn what_cannot_be_made_is_said_to_be_wrong() {
        assert!(
            !made(
                json!({"allOf": [{"type": "string"}, {"type": "integer"}]}),
                1
            )
            .fits
        );
        let endless = json!({"required": ["l", "r"], "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}, "type": "object"});
        assert!(!made(endless, 1).fits);
        assert!(
            !made(
                json!({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}),
                1
            )
            .fits
        );
    }
}
