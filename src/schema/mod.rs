//! A compiled schema: a validator that explains, and a tree that the generator can walk.
//!
//! What an error means for a request is left to `exchange`. This room is the only one that names
//! `jsonschema`.

mod bundle;
pub mod coercion;
mod counted;
mod direction;
mod discriminator;
pub mod error;
mod evaluated;
mod explain;
mod format;
mod judging;
mod mend;
pub mod name;
mod own;
pub mod pattern;
mod satisfiable;
pub mod unknown;
pub mod walk;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::{Draft, PatternOptions, Registry, Validator};
use serde_json::{Map, Value, json};

use crate::diagnostic::{Place, Source};
use crate::document::reference::{self, local_pointer};
use crate::document::syntax::{Part, find, fragment};
use crate::schema::bundle::{bundle, needed, without_depths};
pub use crate::schema::direction::Direction;
use crate::schema::discriminator::Derived;
pub use crate::schema::error::{SchemaError, cut, start_of};
use crate::schema::judging::Judging;
pub use crate::schema::mend::SchemaFault;
use crate::schema::mend::mend;
use crate::schema::name::folded;
use crate::schema::own::Owns;
use crate::schema::pattern::{MOST_STEPS, Pattern, PatternAt, Patterns, format_of, hand_over, patterns_of, within};
pub use crate::schema::satisfiable::contradiction;

/// The URI that a document has inside its own registry. Nothing is ever fetched from it.
const BASE: &str = "standin:/document";

/// How many errors of one instance are told; a hostile one could have millions.
pub const MOST_ERRORS: usize = 100;

/// The schemas of one document: its tree, and the validators of those that are used.
pub struct Schemas {
    source: Arc<Source>,
    tree: Arc<Value>,
    demand: Demand,
    request: Side,
    response: Side,
    has_parents: OnceLock<bool>,
    has_unknown: OnceLock<bool>,
    examples: OnceLock<Examples>,
    /// Notes the schemas that are not noted yet, because nobody needed them.
    note_all: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// How many of the schemas of a document are going to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Demand {
    /// Few, as by requests: each has a validator of its own, built when first needed.
    #[default]
    Few,
    /// All of them, as by `check`: they have one validator together, which is built at once and shares
    /// what they refer to.
    All,
}

/// Whether examples are made to fit their schema (`--examples`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Examples {
    /// Where only one reading is possible.
    #[default]
    Coerce,
    /// Wherever a value can be made of it that fits.
    Repair,
    /// Never: every example is served as it stands.
    Verbatim,
}

/// What one direction needs.
#[derive(Default)]
struct Side {
    /// The pointers of the schemas that are used, in the order in which they were asked for.
    used: Mutex<Vec<String>>,
    together: OnceLock<Validators>,
    derived: Derived,
    owns: Owns,
}

impl Schemas {
    /// The schemas of the document `tree`, whose text is `source`.
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

    /// Says whether examples are made to fit; only the first call counts.
    pub fn treat_examples(&self, examples: Examples) {
        let _known = self.examples.set(examples);
    }

    /// The text of the document.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The whole document.
    #[must_use]
    pub fn tree(&self) -> &Arc<Value> {
        &self.tree
    }

    /// Whether anything in the document is not known, because a reference cannot be followed.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        *self.has_unknown.get_or_init(|| unknown::is_in(&self.tree))
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    /// Notes a schema that will be used.
    fn note(&self, direction: Direction, pointer: &str) {
        self.side(direction).used.lock().unwrap_or_else(PoisonError::into_inner).push(pointer.to_owned());
    }

    /// The patterns of the schemas that were noted and of all that they lead to.
    #[must_use]
    pub fn patterns(&self) -> Vec<PatternAt> {
        let used = [Direction::Request, Direction::Response].map(|direction| self.used(direction)).concat();
        patterns_of(&self.tree, &used)
    }

    /// The pointers of the schemas that were noted.
    fn used(&self, direction: Direction) -> Vec<String> {
        let mut used = self.side(direction).used.lock().unwrap_or_else(PoisonError::into_inner).clone();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Says how the schemas are noted that nobody needed yet, by [`Schema::new`]; only the first call counts.
    pub fn note_all_by(&self, note: impl Fn() + Send + Sync + 'static) {
        let _known = self.note_all.set(Box::new(note));
    }

    /// The validator of all schemas.
    fn together(&self, direction: Direction) -> &Validators {
        let side = self.side(direction);
        side.together.get_or_init(|| {
            if let Some(note_all) = self.note_all.get() {
                note_all();
            }
            let used = self.used(direction);
            let tree = direction.view(&self.tree).map_or_else(|| Arc::clone(&self.tree), Arc::new);
            Validators::build(&tree, used)
        })
    }
}

/// A document that references are resolved in.
fn registry(tree: Arc<Value>) -> Result<Registry<'static>, String> {
    Registry::new()
        .draft(Draft::Draft202012)
        .add(BASE, tree)
        .and_then(jsonschema::RegistryBuilder::prepare)
        .map_err(|error| error.to_string())
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schemas({:?})", self.source)
    }
}

/// One schema of a document, as one direction sees it. Its validator is built when first needed.
pub struct Schema {
    schemas: Arc<Schemas>,
    pointer: String,
    direction: Direction,
    tree: Part,
    own: OnceLock<Own>,
    types: OnceLock<Vec<&'static str>>,
    declared: OnceLock<Box<[Declared]>>,
}

/// A property that a schema declares: what is asked of it again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Its name by which all forms of it are one, see [`folded`].
    pub folded: String,
    /// The types that it may have, see [`Schema::types`].
    pub types: Vec<&'static str>,
    /// Whether an object must have it, see [`Schema::requires`].
    pub is_required: bool,
    /// Whether who sends the object is asked for it, see [`Schema::asks_for`].
    pub is_asked_for: bool,
    /// Whether no client sends it, see [`Schema::is_read_only`].
    pub is_read_only: bool,
    /// Its default, null apart.
    pub default: Option<Value>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.pointer)
    }
}

/// How a schema is judged.
enum Own {
    /// By a validator of its own.
    Alone(Compiled),
    /// Together with the others of its document, because it leads to so many of them.
    Together,
}

/// How many values what a schema leads to may have for a validator of its own; of a document whose schemas
/// all lead to each other each would be as large as one of all together.
const MOST_ALONE: usize = 4000;

/// One validator for many schemas. They share what they refer to, so one of all of them costs little
/// more than that of one alone.
#[derive(Default)]
struct Validators {
    judges: HashMap<String, Shared>,
}

/// The validator of many schemas, for one of them: it judges the one property `key` of an object.
struct Shared {
    validator: Arc<Validator>,
    is_counted: bool,
    patterns: Arc<Patterns>,
    key: String,
    faults: Vec<SchemaFault>,
}

/// What judges an instance: itself, or as the property `key` of an object.
struct Judge<'s> {
    validator: &'s Validator,
    /// Whether its references are counted.
    is_counted: bool,
    patterns: &'s Patterns,
    key: Option<&'s str>,
    /// What was left out, because it cannot be compiled.
    faults: &'s [SchemaFault],
}

impl Judge<'_> {
    /// What is given to the validator.
    fn wrapped<'i>(&self, instance: &'i Value) -> Cow<'i, Value> {
        match self.key {
            Some(key) => Cow::Owned(Value::Object(Map::from_iter([(key.to_owned(), instance.clone())]))),
            None => Cow::Borrowed(instance),
        }
    }

    /// Whether an instance fits; nothing where too many references would have to be followed.
    fn answer(&self, instance: &Value) -> Option<bool> {
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

impl Validators {
    fn build(tree: &Arc<Value>, pointers: Vec<String>) -> Self {
        let properties: Map<String, Value> =
            pointers.iter().enumerate().map(|(key, pointer)| (key.to_string(), reference_to(pointer))).collect();
        let tree = without_depths(tree, &pointers).map_or_else(|| Arc::clone(tree), Arc::new);
        let compiled = compile_or_mend(&tree, &pointers, &json!({ "properties": properties }));
        let faults: Vec<Vec<SchemaFault>> = pointers.iter().map(|pointer| compiled.faults_of(pointer)).collect();
        let (validator, patterns, is_counted) = (Arc::new(*compiled.validator), compiled.patterns, compiled.is_counted);
        let judges = pointers.into_iter().zip(faults).enumerate().map(|(key, (pointer, faults))| {
            let (validator, patterns) = (Arc::clone(&validator), Arc::clone(&patterns));
            (pointer, Shared { validator, is_counted, patterns, key: key.to_string(), faults })
        });
        Self { judges: judges.collect() }
    }
}

/// A validator, and what had to be left out of it.
struct Compiled {
    validator: Box<Validator>,
    /// Whether its references are counted.
    is_counted: bool,
    patterns: Arc<Patterns>,
    /// The document that it was compiled from, where anything was left out.
    mended: Option<Value>,
    faults: Vec<SchemaFault>,
}

impl Compiled {
    /// What was left out of the schema at a place and of what it leads to.
    fn faults_of(&self, pointer: &str) -> Vec<SchemaFault> {
        let Some(tree) = &self.mended else { return Vec::new() };
        let reached = needed(tree, &[pointer.to_owned()], usize::MAX).unwrap_or_default().reached;
        let is_below = |place: &str, of: &String| {
            place.strip_prefix(of.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.faults.iter().filter(|fault| reached.iter().any(|of| is_below(&fault.pointer, of))).cloned().collect()
    }
}

/// Compiles a schema, if need be without the parts that cannot be, which are among those at `pointers` and what
/// they lead to.
fn compile_or_mend(tree: &Arc<Value>, pointers: &[String], schema: &Value) -> Compiled {
    let (tree, patterns) = hand_over(Arc::clone(tree), pointers);
    let patterns = Arc::new(patterns);
    let compile = |tree: &Arc<Value>| {
        let counted = counted::counted(tree, pointers);
        let is_counted = counted.is_some();
        let registry = registry(counted.map_or_else(|| Arc::clone(tree), Arc::new))?;
        Ok((compile(&registry, &patterns, schema)?, is_counted))
    };
    if let Ok((validator, is_counted)) = compile(&tree) {
        return Compiled { validator: Box::new(validator), is_counted, patterns, mended: None, faults: Vec::new() };
    }
    let mut tree = Value::clone(&tree);
    let mut faults = mend(&mut tree, pointers, |schema| compile_alone(schema).err());
    let (validator, is_counted) = compile(&Arc::new(tree.clone())).unwrap_or_else(|message: String| {
        faults
            .extend(pointers.iter().map(|pointer| SchemaFault { pointer: pointer.clone(), message: message.clone() }));
        (compile_alone(&json!(true)).expect("`true` is a schema"), false)
    });
    Compiled { validator: Box::new(validator), is_counted, patterns, mended: Some(tree), faults }
}

/// Compiles a schema that refers to nothing.
fn compile_alone(schema: &Value) -> Result<Validator, String> {
    let patterns = Patterns::default();
    registry(Arc::new(schema.clone())).and_then(|registry| compile(&registry, &patterns, &reference_to("")))
}

fn reference_to(pointer: &str) -> Value {
    json!({ "$ref": format!("{BASE}#{}", fragment(pointer)) })
}

fn compile(registry: &Registry<'static>, patterns: &Patterns, schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::draft202012::options()
        .with_registry(registry)
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MOST_BACKTRACKS).size_limit(LARGEST_KEY));
    let mut options = counted::with_count(format::with_formats(options));
    for (text, pattern) in &patterns.texts {
        let pattern = Arc::clone(pattern);
        options = options.with_format(format_of(text), move |text: &str| pattern.is_match(text));
    }
    options.build(schema).map_err(|error| error.to_string())
}

/// How often the engine of the validator may go back for one key of `patternProperties`. The keys have been matched
/// within a budget before (see [`within`]); at the bound the validator says that it cannot tell.
const MOST_BACKTRACKS: usize = 10_000_000;

/// The largest engine of a key of `patternProperties`, in bytes; a schema with a larger one cannot be compiled.
const LARGEST_KEY: usize = 64 << 20;

/// A schema, or a part of it, cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema cannot be compiled: {0}")]
pub struct Uncompilable(pub String);

/// A schema that is no part of a document.
///
/// # Errors
///
/// [`Uncompilable`], if it is none.
pub fn standalone(tree: &Value) -> Result<Schema, Uncompilable> {
    let source = Source::new("schema".to_owned(), String::new(), |_| crate::diagnostic::Positions::default());
    let schemas = Schemas::new(source, Arc::new(tree.clone()), Demand::Few);
    let schema = Schema::new(&schemas, String::new(), Direction::Request);
    schema.check_all().map(|()| schema)
}

impl Schema {
    /// The schema at `pointer` of a document.
    #[must_use]
    pub fn new(schemas: &Arc<Schemas>, pointer: String, direction: Direction) -> Self {
        schemas.note(direction, &pointer);
        let (tree, own, types, declared) = (Part::default(), OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { schemas: Arc::clone(schemas), pointer, direction, tree, own, types, declared }
    }

    /// Whether examples of it and of its parts are made to fit.
    #[must_use]
    pub fn examples(&self) -> Examples {
        self.schemas.examples.get().copied().unwrap_or_default()
    }

    /// Who sends what it describes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The schemas of its document.
    #[must_use]
    pub fn of_document(&self) -> &Arc<Schemas> {
        &self.schemas
    }

    /// Where it stands, for findings.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::value(&self.schemas.source, self.pointer.clone())
    }

    /// The JSON Pointer of it in its document.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Its tree, references not followed.
    #[must_use]
    pub fn tree(&self) -> &Value {
        self.tree.find(&self.schemas.tree, &self.pointer).unwrap_or(&Value::Bool(true))
    }

    /// The types that an instance may have, see [`types`](Self::types); worked out once.
    #[must_use]
    pub fn own_types(&self) -> &[&'static str] {
        self.types.get_or_init(|| self.known_types(self.tree()))
    }

    fn known_types(&self, node: &Value) -> Vec<&'static str> {
        const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "object", "array"];
        self.types(node).iter().filter_map(|name| TYPES.into_iter().find(|known| known == name)).collect()
    }

    /// The properties that it declares, in the author's order; worked out once.
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
                default: self.resolve(node).get("default").filter(|value| !value.is_null()).cloned(),
            })
            .collect()
        })
    }

    /// A property that it declares, by name.
    #[must_use]
    pub fn declaration(&self, name: &str) -> Option<&Declared> {
        self.declared().iter().find(|declared| declared.name == name)
    }

    /// The document that its references are resolved in.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.schemas.tree
    }

    /// The same, shared.
    #[must_use]
    pub fn tree_of_all(&self) -> Arc<Value> {
        Arc::clone(&self.schemas.tree)
    }

    /// What `value`, a schema of the same document, leads to when its `$ref` is followed; what that says
    /// beside a `$ref` of its own is not lost.
    #[must_use]
    pub fn resolve<'s>(&'s self, value: &'s Value) -> &'s Value {
        reference::resolve_schema(self.root(), value, "").map_or(value, |end| end.value)
    }

    /// Whether any schema of the document has others derived from it that a discriminator tells apart.
    pub(crate) fn has_parents(&self) -> bool {
        *self.schemas.has_parents.get_or_init(|| discriminator::has_parents(&self.schemas.tree))
    }

    pub(crate) fn derived(&self) -> &Derived {
        &self.schemas.side(self.direction).derived
    }

    /// Another schema of the same document, as the same direction sees it.
    #[must_use]
    pub fn sibling(&self, pointer: String) -> Self {
        Self::new(&self.schemas, pointer, self.direction)
    }

    /// What a reference such as `#/components/schemas/Pet` leads to.
    #[must_use]
    pub fn follow(&self, reference: &str) -> Option<&Value> {
        let pointer = local_pointer(reference)?;
        find(self.root(), &pointer).map(|target| self.resolve(target))
    }

    fn validator(&self) -> Judge<'_> {
        let together = || self.schemas.together(self.direction).judges.get(&self.pointer);
        let is_together = self.schemas.demand == Demand::All || matches!(self.own.get(), Some(Own::Together));
        if is_together && let Some(shared) = together() {
            let Shared { validator, is_counted, patterns, key, faults } = shared;
            return Judge { validator, is_counted: *is_counted, patterns, key: Some(key), faults };
        }
        let own = self.own.get_or_init(|| {
            let most = if self.schemas.demand == Demand::Few { MOST_ALONE } else { usize::MAX };
            let part = bundle(&self.schemas.tree, &self.pointer, self.direction, most);
            let Some(part) = part.or_else(|| {
                let is_alone = together().is_none();
                is_alone.then(|| bundle(&self.schemas.tree, &self.pointer, self.direction, usize::MAX)).flatten()
            }) else {
                return Own::Together;
            };
            let pointers = std::slice::from_ref(&self.pointer);
            Own::Alone(compile_or_mend(&Arc::new(part), pointers, &reference_to(&self.pointer)))
        });
        match own {
            Own::Alone(Compiled { validator, is_counted, patterns, faults, .. }) => {
                Judge { validator, is_counted: *is_counted, patterns, key: None, faults }
            }
            Own::Together => self.validator(),
        }
    }

    /// Whether it can be compiled.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`] with what the compiler said.
    pub fn check(&self) -> Result<(), Uncompilable> {
        self.faults().first().map_or(Ok(()), |fault| Err(Uncompilable(fault.message.clone())))
    }

    /// The parts of it, and of what it leads to, that cannot be compiled and so allow anything.
    #[must_use]
    pub fn faults(&self) -> &[SchemaFault] {
        self.validator().faults
    }

    /// Whether it can be compiled and each of its patterns is one.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`] with what is wrong first.
    pub fn check_all(&self) -> Result<(), Uncompilable> {
        for pattern in patterns_of(self.root(), std::slice::from_ref(&self.pointer)) {
            if let Err(fault) = Pattern::read(&pattern.text) {
                return Err(Uncompilable(format!("`{}` is no pattern: {fault}", pattern.text)));
            }
        }
        self.check()
    }

    /// Whether an instance fits.
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

    /// Everything that does not fit, in the order in which the schema says it.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`], because then there is no answer.
    pub fn errors(&self, instance: &Value) -> Result<Vec<SchemaError>, Uncompilable> {
        Ok(self.errors_within(instance, &mut { judging::MOST_STEPS }))
    }

    /// The same within so many steps; those that are made are taken off.
    #[must_use]
    pub fn errors_within(&self, instance: &Value, steps: &mut usize) -> Vec<SchemaError> {
        let (errors, is_used_up) = within(|| match self.validator().answer(instance) {
            Some(true) => Vec::new(),
            answer => self.explain(instance, answer, steps),
        });
        if is_used_up {
            return vec![SchemaError::new("", "patternSteps", json!({ "limit": MOST_STEPS }))];
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_or_together_schemas_say_the_same() {
        let many: Map<String, Value> = (0..MOST_ALONE).map(|n| (format!("p{n}"), json!({"type": "integer"}))).collect();
        let tree = Arc::new(json!({"components": {"schemas": {
            "Large": {"properties": many, "required": ["p1"], "additionalProperties": {"$ref": "#/components/schemas/Pet"}},
            "Pet": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "maxLength": 3},
                "kind": {"oneOf": [{"const": "cat"}, {"type": "integer", "minimum": 3}]},
                "friends": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}},
            }},
        }}}));
        let source = Source::new("a.json".into(), String::new(), |_| crate::diagnostic::Positions::default());
        let few = Schemas::new(Arc::clone(&source), Arc::clone(&tree), Demand::Few);
        let all = Schemas::new(source, tree, Demand::All);
        let wrong = json!({"name": "long", "kind": 2, "friends": [{"name": "a"}, {}, 7], "p2": "x"});
        for name in ["Pet", "Large"] {
            let pointer = format!("/components/schemas/{name}");
            let of = |schemas| Schema::new(schemas, pointer.clone(), Direction::Request);
            let (few, all) = (of(&few), of(&all));
            let told = few.errors(&wrong).expect("it is sound");
            assert!(!told.is_empty());
            assert_eq!(told, all.errors(&wrong).expect("it is sound"), "{name}");
            assert_eq!(matches!(few.own.get(), Some(Own::Together)), name == "Large");
        }
    }
}
