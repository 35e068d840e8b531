//! Schemas of a document, and a schema as one direction sees it: navigation and its validator.
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::diagnostic::{Place, Source};
use crate::document::reference::{self, local_pointer};
use crate::document::syntax::{CachedPart, find};
use crate::schema::bundle::bundle;
use crate::schema::compiling::{
    Compiled, Judge, SharedValidator, Validators, compile_or_mend, reference_to,
};
use crate::schema::direction::Direction;
use crate::schema::handover::{PatternAt, patterns_of};
use crate::schema::mend::SchemaFault;
use crate::schema::name::folded;
use crate::schema::own::Owns;
use crate::schema::pattern::Pattern;
use crate::schema::unknown;

/// Cache of the schemas that are derived from others, filled when needed.
#[derive(Default)]
pub(crate) struct Derived(Mutex<HashMap<String, Arc<Schema>>>);

impl Derived {
    pub(crate) fn get(&self, pointer: &str, make: impl FnOnce() -> Schema) -> Arc<Schema> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            known
                .entry(pointer.to_owned())
                .or_insert_with(|| Arc::new(make())),
        )
    }
}

/// Returns true if a schema is one that others are derived from: it has a `discriminator`, but no
/// `oneOf` or `anyOf`.
pub(crate) fn is_parent(node: &Value) -> bool {
    node.get("discriminator").is_some()
        && node.get("oneOf").is_none()
        && node.get("anyOf").is_none()
}

/// Returns true if any component of a document is a schema that others are derived from.
#[must_use]
pub(crate) fn has_parents(tree: &Value) -> bool {
    let components = tree
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    components
        .into_iter()
        .flatten()
        .any(|(_, schema)| is_parent(schema))
}

/// Schemas of one document: its tree, and the validators of those that are used.
pub struct Schemas {
    source: Arc<Source>,
    tree: Arc<Value>,
    demand: Demand,
    request: Side,
    response: Side,
    has_parents: OnceLock<bool>,
    has_unknown: OnceLock<bool>,
    examples: OnceLock<Examples>,
    /// Records the schemas that are not recorded yet because nothing has needed them.
    note_all: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Schemas {
    /// Returns the schemas of the document `tree`, whose text is `source`.
    #[must_use]
    pub fn new(source: Arc<Source>, tree: Arc<Value>, demand: Demand) -> Arc<Self> {
        Arc::new(Self {
            source,
            tree,
            demand,
            request: Side::default(),
            response: Side::default(),
            has_parents: OnceLock::new(),
            has_unknown: OnceLock::new(),
            examples: OnceLock::new(),
            note_all: OnceLock::new(),
        })
    }

    /// Sets how examples are made to fit; only the first call has an effect.
    pub fn treat_examples(&self, examples: Examples) {
        let _known = self.examples.set(examples);
    }

    /// Returns the text of the document.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Returns the whole document.
    #[must_use]
    pub fn tree(&self) -> &Arc<Value> {
        &self.tree
    }

    /// Returns true if anything in the document is unknown because a reference cannot be followed.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        *self.has_unknown.get_or_init(|| unknown::is_in(&self.tree))
    }

    pub(crate) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    /// Records a schema that will be used.
    fn note(&self, direction: Direction, pointer: &str) {
        self.side(direction)
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pointer.to_owned());
    }

    /// Returns the patterns of the recorded schemas and of all schemas that they lead to.
    #[must_use]
    pub fn patterns(&self) -> Vec<PatternAt> {
        let used = [Direction::Request, Direction::Response]
            .map(|direction| self.used(direction))
            .concat();
        patterns_of(&self.tree, &used)
    }

    /// Returns the pointers of the recorded schemas, sorted and each once.
    fn used(&self, direction: Direction) -> Vec<String> {
        let mut used = self
            .side(direction)
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Sets the function that records, by [`Schema::new`], the schemas that nothing has needed
    /// yet; only the first call has an effect.
    pub fn note_all_by(&self, note: impl Fn() + Send + Sync + 'static) {
        let _known = self.note_all.set(Box::new(note));
    }

    /// Returns the shared validator of all recorded schemas, built on first use.
    fn together(&self, direction: Direction) -> &Validators {
        let side = self.side(direction);
        side.together.get_or_init(|| {
            if let Some(note_all) = self.note_all.get() {
                note_all();
            }
            let used = self.used(direction);
            let tree = direction
                .view(&self.tree)
                .map_or_else(|| Arc::clone(&self.tree), Arc::new);
            Validators::build(&tree, used)
        })
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schemas({:?})", self.source)
    }
}

/// Share of the schemas of a document that will be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Demand {
    /// Few, as for requests: each has its own validator, built on first use.
    #[default]
    Few,
    /// All, as for `check`: they share one validator, which is built at once and compiles common
    /// references once.
    All,
}

/// Treatment of examples that do not fit their schema (`--examples`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Examples {
    /// Changed where only one reading is possible.
    #[default]
    Coerce,
    /// Changed wherever a value that fits can be derived from the example.
    Repair,
    /// Never changed: every example is served as written.
    Verbatim,
}

/// Schemas and validators for one direction.
#[derive(Default)]
pub(crate) struct Side {
    /// Pointers of the schemas that are used, in the order in which they were recorded.
    used: Mutex<Vec<String>>,
    together: OnceLock<Validators>,
    derived: Derived,
    pub(crate) owns: Owns,
}

/// One schema of a document, as one direction sees it. Its validator is built on first use.
pub struct Schema {
    pub(crate) schemas: Arc<Schemas>,
    pointer: String,
    pub(crate) direction: Direction,
    tree: CachedPart,
    own: OnceLock<SchemaValidator>,
    types: OnceLock<Vec<&'static str>>,
    declared: OnceLock<Box<[Declared]>>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.pointer)
    }
}

impl Schema {
    /// Returns the schema at `pointer` of a document, and records that it is used.
    #[must_use]
    pub fn new(schemas: &Arc<Schemas>, pointer: String, direction: Direction) -> Self {
        schemas.note(direction, &pointer);
        let (tree, own, types, declared) = (
            CachedPart::default(),
            OnceLock::new(),
            OnceLock::new(),
            OnceLock::new(),
        );
        Self {
            schemas: Arc::clone(schemas),
            pointer,
            direction,
            tree,
            own,
            types,
            declared,
        }
    }

    /// Returns how examples of the schema and of its parts are made to fit.
    #[must_use]
    pub fn examples(&self) -> Examples {
        self.schemas.examples.get().copied().unwrap_or_default()
    }

    /// Returns the direction of the messages that it describes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Returns all schemas of its document.
    #[must_use]
    pub fn of_document(&self) -> &Arc<Schemas> {
        &self.schemas
    }

    /// Returns its place in the document, for diagnostics.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::value(&self.schemas.source, self.pointer.clone())
    }

    /// Returns its JSON Pointer in the document.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns its tree, references not followed; `true` if there is nothing at its pointer.
    #[must_use]
    pub fn tree(&self) -> &Value {
        self.tree
            .find(&self.schemas.tree, &self.pointer)
            .unwrap_or(&Value::Bool(true))
    }

    /// Returns the types that an instance may have, see [`types`](Self::types); computed once.
    #[must_use]
    pub fn own_types(&self) -> &[&'static str] {
        self.types.get_or_init(|| self.known_types(self.tree()))
    }

    fn known_types(&self, node: &Value) -> Vec<&'static str> {
        const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "object", "array"];
        self.types(node)
            .iter()
            .filter_map(|name| TYPES.into_iter().find(|known| known == name))
            .collect()
    }

    /// Returns the properties that it declares, in the author's order; computed once.
    #[must_use]
    pub fn declared(&self) -> &[Declared] {
        self.declared.get_or_init(|| {
            let all = self.properties(self.tree()).into_iter();
            all.map(|(name, node)| Declared {
                name: name.to_owned(),
                folded: folded(name),
                types: self.known_types(node),
                is_required: self.requires(self.tree(), name),
                is_asked_for: self.asks_for(node),
                is_read_only: self.is_read_only(node),
                default: self
                    .resolve(node)
                    .get("default")
                    .filter(|value| !value.is_null())
                    .cloned(),
            })
            .collect()
        })
    }

    /// Returns the property of this name, if it declares one.
    #[must_use]
    pub fn declaration(&self, name: &str) -> Option<&Declared> {
        self.declared()
            .iter()
            .find(|declared| declared.name == name)
    }

    /// Returns the document in which its references are resolved.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.schemas.tree
    }

    /// Returns a shared reference to the whole document.
    #[must_use]
    pub fn tree_of_all(&self) -> Arc<Value> {
        Arc::clone(&self.schemas.tree)
    }

    /// Returns the schema that `value`, a schema of the same document, refers to. A `$ref` with
    /// siblings other than annotations is not followed, so that those still apply.
    #[must_use]
    pub fn resolve<'s>(&'s self, value: &'s Value) -> &'s Value {
        reference::resolve_schema(self.root(), value, "").map_or(value, |end| end.value)
    }

    /// Returns true if any schema of the document has derived ones that a discriminator tells
    /// apart.
    pub(crate) fn has_parents(&self) -> bool {
        *self
            .schemas
            .has_parents
            .get_or_init(|| has_parents(&self.schemas.tree))
    }

    pub(crate) fn derived(&self) -> &Derived {
        &self.schemas.side(self.direction).derived
    }

    /// Returns another schema of the same document, for the same direction.
    #[must_use]
    pub fn sibling(&self, pointer: String) -> Self {
        Self::new(&self.schemas, pointer, self.direction)
    }

    /// Returns the schema that a reference such as `#/components/schemas/Pet` leads to.
    #[must_use]
    pub fn follow(&self, reference: &str) -> Option<&Value> {
        let pointer = local_pointer(reference)?;
        find(self.root(), &pointer).map(|target| self.resolve(target))
    }

    pub(crate) fn validator(&self) -> Judge<'_> {
        let together = || {
            self.schemas
                .together(self.direction)
                .judges
                .get(&self.pointer)
        };
        let is_together = self.schemas.demand == Demand::All
            || matches!(self.own.get(), Some(SchemaValidator::Together));
        if is_together && let Some(shared) = together() {
            let SharedValidator {
                validator,
                is_counted,
                patterns,
                key,
                faults,
            } = shared;
            return Judge {
                validator,
                is_counted: *is_counted,
                patterns,
                key: Some(key),
                faults,
            };
        }
        let own = self.own.get_or_init(|| {
            let most = if self.schemas.demand == Demand::Few {
                MOST_ALONE
            } else {
                usize::MAX
            };
            let part = bundle(&self.schemas.tree, &self.pointer, self.direction, most);
            let Some(part) = part.or_else(|| {
                let is_alone = together().is_none();
                is_alone
                    .then(|| {
                        bundle(
                            &self.schemas.tree,
                            &self.pointer,
                            self.direction,
                            usize::MAX,
                        )
                    })
                    .flatten()
            }) else {
                return SchemaValidator::Together;
            };
            let pointers = std::slice::from_ref(&self.pointer);
            SchemaValidator::Alone(compile_or_mend(
                &Arc::new(part),
                pointers,
                &reference_to(&self.pointer),
            ))
        });
        match own {
            SchemaValidator::Alone(Compiled {
                validator,
                is_counted,
                patterns,
                faults,
                ..
            }) => Judge {
                validator,
                is_counted: *is_counted,
                patterns,
                key: None,
                faults,
            },
            SchemaValidator::Together => self.validator(),
        }
    }

    /// Checks that the schema can be compiled.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`] with the message of the compiler.
    pub fn check(&self) -> Result<(), Uncompilable> {
        self.faults()
            .first()
            .map_or(Ok(()), |fault| Err(Uncompilable(fault.message.clone())))
    }

    /// Returns the parts of the schema, and of those it leads to, that cannot be compiled and so
    /// allow anything.
    #[must_use]
    pub fn faults(&self) -> &[SchemaFault] {
        self.validator().faults
    }

    /// Checks that the schema can be compiled and that each of its patterns is valid.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`] with the first fault.
    pub fn check_all(&self) -> Result<(), Uncompilable> {
        for pattern in patterns_of(self.root(), std::slice::from_ref(&self.pointer)) {
            if let Err(fault) = Pattern::read(&pattern.text) {
                return Err(Uncompilable(format!(
                    "`{}` is not a pattern: {fault}",
                    pattern.text
                )));
            }
        }
        self.check()
    }
}

/// A property that a schema declares, with the facts that are looked up most often.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The name of the property.
    pub name: String,
    /// The name in the form in which all its notations are equal, see [`folded`].
    pub folded: String,
    /// The types that it may have, see [`Schema::types`].
    pub types: Vec<&'static str>,
    /// True if an object must have the property, see [`Schema::requires`].
    pub is_required: bool,
    /// True if the sender may have to supply the property, see [`Schema::asks_for`].
    pub is_asked_for: bool,
    /// True if clients never send the property, see [`Schema::is_read_only`].
    pub is_read_only: bool,
    /// The default, unless it is null.
    pub default: Option<Value>,
}

/// The validator that judges a schema.
pub(crate) enum SchemaValidator {
    /// Its own validator.
    Alone(Compiled),
    /// The shared validator of its document, because it leads to too many other schemas.
    Together,
}

/// Maximum number of values that a schema may lead to and still have its own validator; a larger
/// one uses the shared validator. In a document whose schemas all lead to each other, each of
/// their own validators would be as large as the shared one.
pub(crate) const MOST_ALONE: usize = 4000;

/// Error of a schema that cannot be compiled, entirely or in part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema cannot be compiled: {0}")]
pub struct Uncompilable(pub String);

/// Compiles a schema that is not part of a document.
///
/// # Errors
///
/// [`Uncompilable`], if `tree` is not a valid schema.
pub(crate) fn standalone(tree: &Value) -> Result<Schema, Uncompilable> {
    let source = Source::new("schema".to_owned(), String::new(), |_| {
        crate::diagnostic::Positions::default()
    });
    let schemas = Schemas::new(source, Arc::new(tree.clone()), Demand::Few);
    let schema = Schema::new(&schemas, String::new(), Direction::Request);
    schema.check_all().map(|()| schema)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn alone_or_together_schemas_say_the_same() {
        let many: Map<String, Value> = (0..MOST_ALONE)
            .map(|n| (format!("p{n}"), json!({"type": "integer"})))
            .collect();
        let tree = Arc::new(json!({"components": {"schemas": {
            "Large": {"properties": many, "required": ["p1"], "additionalProperties": {"$ref": "#/components/schemas/Pet"}},
            "Pet": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "maxLength": 3},
                "kind": {"oneOf": [{"const": "cat"}, {"type": "integer", "minimum": 3}]},
                "friends": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}},
            }},
        }}}));
        let source = Source::new("a.json".into(), String::new(), |_| {
            crate::diagnostic::Positions::default()
        });
        let few = Schemas::new(Arc::clone(&source), Arc::clone(&tree), Demand::Few);
        let all = Schemas::new(source, tree, Demand::All);
        let wrong =
            json!({"name": "long", "kind": 2, "friends": [{"name": "a"}, {}, 7], "p2": "x"});
        for name in ["Pet", "Large"] {
            let pointer = format!("/components/schemas/{name}");
            let of = |schemas| Schema::new(schemas, pointer.clone(), Direction::Request);
            let (few, all) = (of(&few), of(&all));
            let told = few.errors(&wrong).expect("it is sound");
            assert!(!told.is_empty());
            assert_eq!(told, all.errors(&wrong).expect("it is sound"), "{name}");
            assert_eq!(
                matches!(few.own.get(), Some(SchemaValidator::Together)),
                name == "Large"
            );
        }
    }
}
