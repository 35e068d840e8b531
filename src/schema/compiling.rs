//! Compiles schemas to validators of `jsonschema`, without the parts that cannot be compiled.
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Registry, Validator};
use serde_json::{Map, Value, json};

use crate::document::syntax::fragment;
use crate::schema::bundle::{needed, without_depths};
use crate::schema::handover::{Patterns, format_of, hand_over};
use crate::schema::mend::{SchemaFault, mend};
use crate::schema::{counted, format};

/// URI of a document inside its own registry; nothing is ever fetched from it.
pub(crate) const BASE: &str = "standin:/document";

/// Reason why a schema cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// Document whose references and identifiers cannot be registered.
    #[error(transparent)]
    Registry(Box<jsonschema::ReferencingError>),
    /// Schema that the validator does not accept.
    #[error(transparent)]
    Schema(jsonschema::ValidationError<'static>),
}

/// Returns a registry in which the references of a document are resolved.
pub(crate) fn registry(tree: Arc<Value>) -> Result<Registry<'static>, CompileError> {
    Registry::new()
        .draft(Draft::Draft202012)
        .add(BASE, tree)
        .and_then(jsonschema::RegistryBuilder::prepare)
        .map_err(|error| CompileError::Registry(Box::new(error)))
}

/// Maximum number of times that the engine of the validator may backtrack for one key of
/// `patternProperties`. The keys have already been matched within a budget (see `handover`); at
/// the limit the validator reports that it cannot tell.
pub(crate) const MOST_BACKTRACKS: usize = 10_000_000;

/// Maximum size of the engine of a key of `patternProperties`, in bytes; a schema that needs a
/// larger one cannot be compiled.
pub(crate) const LARGEST_KEY: usize = 64 << 20;

pub(crate) fn compile(
    registry: &Registry<'static>,
    patterns: &Patterns,
    schema: &Value,
) -> Result<Validator, CompileError> {
    let options = jsonschema::draft202012::options()
        .with_registry(registry)
        .with_pattern_options(
            PatternOptions::fancy_regex()
                .backtrack_limit(MOST_BACKTRACKS)
                .size_limit(LARGEST_KEY),
        );
    let mut options = counted::with_count(format::with_formats(options));
    for (text, pattern) in &patterns.texts {
        let pattern = Arc::clone(pattern);
        options = options.with_format(format_of(text), move |text: &str| pattern.is_match(text));
    }
    options.build(schema).map_err(CompileError::Schema)
}

/// Compiles a schema without references.
pub(crate) fn compile_alone(schema: &Value) -> Result<Validator, CompileError> {
    let patterns = Patterns::default();
    registry(Arc::new(schema.clone()))
        .and_then(|registry| compile(&registry, &patterns, &reference_to("")))
}

pub(crate) fn reference_to(pointer: &str) -> Value {
    json!({ "$ref": format!("{BASE}#{}", fragment(pointer)) })
}

/// Compiles a schema; if that fails, without the parts at fault, which are searched among the
/// schemas at `pointers` and those they lead to.
pub(crate) fn compile_or_mend(tree: &Arc<Value>, pointers: &[String], schema: &Value) -> Compiled {
    let (tree, patterns) = hand_over(Arc::clone(tree), pointers);
    let patterns = Arc::new(patterns);
    let compile = |tree: &Arc<Value>| {
        let counted = counted::counted(tree, pointers);
        let is_counted = counted.is_some();
        let registry = registry(counted.map_or_else(|| Arc::clone(tree), Arc::new))?;
        Ok((compile(&registry, &patterns, schema)?, is_counted))
    };
    if let Ok((validator, is_counted)) = compile(&tree) {
        return Compiled {
            validator: Box::new(validator),
            is_counted,
            patterns,
            mended: None,
            faults: Vec::new(),
        };
    }
    let mut tree = Value::clone(&tree);
    let mut faults = mend(&mut tree, pointers, |schema| {
        compile_alone(schema).err().map(|error| error.to_string())
    });
    let (validator, is_counted) =
        compile(&Arc::new(tree.clone())).unwrap_or_else(|error: CompileError| {
            let message = error.to_string();
            faults.extend(pointers.iter().map(|pointer| SchemaFault {
                pointer: pointer.clone(),
                message: message.clone(),
            }));
            (
                compile_alone(&json!(true)).expect("`true` is a schema"),
                false,
            )
        });
    Compiled {
        validator: Box::new(validator),
        is_counted,
        patterns,
        mended: Some(tree),
        faults,
    }
}

/// A validator, with the parts that had to be left out.
pub(crate) struct Compiled {
    pub(super) validator: Box<Validator>,
    /// True if its references are counted.
    pub(super) is_counted: bool,
    pub(super) patterns: Arc<Patterns>,
    /// The document that it was compiled from, if anything was left out.
    pub(super) mended: Option<Value>,
    pub(super) faults: Vec<SchemaFault>,
}

impl Compiled {
    /// Returns the parts left out of the schema at a pointer and of the schemas that it leads to.
    fn faults_of(&self, pointer: &str) -> Vec<SchemaFault> {
        let Some(tree) = &self.mended else {
            return Vec::new();
        };
        let reached = needed(tree, &[pointer.to_owned()], usize::MAX)
            .unwrap_or_default()
            .reached;
        let is_below = |place: &str, of: &String| {
            place
                .strip_prefix(of.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.faults
            .iter()
            .filter(|fault| reached.iter().any(|of| is_below(&fault.pointer, of)))
            .cloned()
            .collect()
    }
}

/// The validator of one schema; it judges an instance itself, or as the property `key` of an
/// object.
pub(crate) struct Judge<'s> {
    pub(super) validator: &'s Validator,
    /// True if its references are counted.
    pub(super) is_counted: bool,
    pub(super) patterns: &'s Patterns,
    pub(super) key: Option<&'s str>,
    /// Parts that were left out because they cannot be compiled.
    pub(crate) faults: &'s [SchemaFault],
}

impl Judge<'_> {
    /// Returns the value to pass to the validator.
    fn wrapped<'i>(&self, instance: &'i Value) -> Cow<'i, Value> {
        match self.key {
            Some(key) => Cow::Owned(Value::Object(Map::from_iter([(
                key.to_owned(),
                instance.clone(),
            )]))),
            None => Cow::Borrowed(instance),
        }
    }

    /// Returns true if an instance fits; none if too many references would have to be followed.
    pub(crate) fn answer(&self, instance: &Value) -> Option<bool> {
        if !self.patterns.can_match_keys(instance) {
            return Some(false);
        }
        let wrapped = self.wrapped(instance);
        if !self.is_counted {
            return Some(self.validator.is_valid(&wrapped));
        }
        counted::within_bound(|| self.validator.is_valid(&wrapped))
    }
}

/// The validator of many schemas, for one of them: it judges the property `key` of an object.
pub(crate) struct SharedValidator {
    pub(super) validator: Arc<Validator>,
    pub(super) is_counted: bool,
    pub(super) patterns: Arc<Patterns>,
    pub(super) key: String,
    pub(super) faults: Vec<SchemaFault>,
}

/// One validator for many schemas. They share the schemas that they refer to, so it costs little
/// more than the validator of one.
#[derive(Default)]
pub(crate) struct Validators {
    pub(crate) judges: HashMap<String, SharedValidator>,
}

impl Validators {
    pub(crate) fn build(tree: &Arc<Value>, pointers: Vec<String>) -> Self {
        let properties: Map<String, Value> = pointers
            .iter()
            .enumerate()
            .map(|(key, pointer)| (key.to_string(), reference_to(pointer)))
            .collect();
        let tree = without_depths(tree, &pointers).map_or_else(|| Arc::clone(tree), Arc::new);
        let compiled = compile_or_mend(&tree, &pointers, &json!({ "properties": properties }));
        let faults: Vec<Vec<SchemaFault>> = pointers
            .iter()
            .map(|pointer| compiled.faults_of(pointer))
            .collect();
        let (validator, patterns, is_counted) = (
            Arc::new(*compiled.validator),
            compiled.patterns,
            compiled.is_counted,
        );
        let judges =
            pointers
                .into_iter()
                .zip(faults)
                .enumerate()
                .map(|(key, (pointer, faults))| {
                    let (validator, patterns) = (Arc::clone(&validator), Arc::clone(&patterns));
                    (
                        pointer,
                        SharedValidator {
                            validator,
                            is_counted,
                            patterns,
                            key: key.to_string(),
                            faults,
                        },
                    )
                });
        Self {
            judges: judges.collect(),
        }
    }
}
