//! A compiled schema: a validator that explains, and a tree that the generator can walk.
//!
//! What an error means for a request is left to `exchange`. This is the only file that names
//! `jsonschema`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, Registry, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::bundle::bundle;
pub use super::direction::Direction;
use super::discriminator::{self, Derived};
pub use super::error::SchemaError;

use crate::diagnostic::{Place, Source};
use crate::document::reference::{self, local_pointer, mapped};
use crate::document::syntax::{fragment, join, unescape};

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

/// What one direction needs.
#[derive(Default)]
struct Side {
    /// The pointers of the schemas that are used, in the order in which they were asked for.
    used: Mutex<Vec<String>>,
    together: OnceLock<Validators>,
    derived: Derived,
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
            note_all: OnceLock::new(),
        })
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
            let mut used = side.used.lock().unwrap_or_else(PoisonError::into_inner).clone();
            used.sort_unstable();
            used.dedup();
            let tree = direction.view(&self.tree).map_or_else(|| Arc::clone(&self.tree), Arc::new);
            match registry(tree) {
                Ok(registry) => Validators::build(&registry, used),
                // Each schema says so itself.
                Err(_) => Validators::default(),
            }
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
    own: OnceLock<Own>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.pointer)
    }
}

/// How a schema is judged.
enum Own {
    /// By a validator of its own, or not at all.
    Alone(Result<Box<Validator>, String>),
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
    judges: HashMap<String, Result<Shared, String>>,
}

/// The validator of many schemas, for one of them: it judges the one property `key` of an object.
struct Shared {
    validator: Arc<Validator>,
    key: String,
}

/// What judges an instance: itself, or as the property `key` of an object.
struct Judge<'s> {
    validator: &'s Validator,
    key: Option<&'s str>,
}

impl Judge<'_> {
    /// What is given to the validator.
    fn wrapped<'i>(&self, instance: &'i Value) -> Cow<'i, Value> {
        match self.key {
            Some(key) => Cow::Owned(Value::Object(Map::from_iter([(key.to_owned(), instance.clone())]))),
            None => Cow::Borrowed(instance),
        }
    }
}

/// An error that the validator told, about the instance or about what it was wrapped in.
#[derive(Clone, Copy)]
struct Told<'e, 'i> {
    error: &'e ValidationError<'i>,
    is_wrapped: bool,
}

impl<'e, 'i> Told<'e, 'i> {
    /// One that is a part of it.
    fn inner(self, error: &'e ValidationError<'static>) -> Told<'e, 'static> {
        Told { error, is_wrapped: self.is_wrapped }
    }

    fn kind(self) -> &'e ValidationErrorKind {
        self.error.kind()
    }

    /// Where in the instance it is.
    fn instance_path(self) -> &'e str {
        let path = self.error.instance_path().as_str();
        if self.is_wrapped {
            path.get(1..).and_then(|path| path.find('/')).map_or("", |at| &path[at + 1..])
        } else {
            path
        }
    }

    /// The way to its keyword, from the reference to the schema on: `/$ref/properties/a/type`.
    fn evaluation_path(self) -> &'e str {
        let path = self.error.evaluation_path().as_str();
        let skipped = if self.is_wrapped { path.match_indices('/').nth(2).map_or(0, |(slash, _)| slash) } else { 0 };
        &path[skipped..]
    }
}

/// How many schemas that cannot be compiled are told from the others; beyond, each is compiled alone
/// when it is needed.
const MOST_BROKEN: usize = 16;

impl Validators {
    fn build(registry: &Registry<'static>, pointers: Vec<String>) -> Self {
        if let Ok(validator) = compile_together(registry, &pointers) {
            return Self::sharing(validator, pointers);
        }
        let mut broken: Vec<(String, String)> = Vec::new();
        find_broken(registry, &pointers, &mut broken);
        if broken.len() >= MOST_BROKEN {
            return Self::default();
        }
        let is_sound = |pointer: &String| !broken.iter().any(|(there, _)| there == pointer);
        let sound: Vec<String> = pointers.into_iter().filter(is_sound).collect();
        let mut all =
            compile_together(registry, &sound).map(|validator| Self::sharing(validator, sound)).unwrap_or_default();
        all.judges.extend(broken.into_iter().map(|(pointer, error)| (pointer, Err(error))));
        all
    }

    fn sharing(validator: Validator, pointers: Vec<String>) -> Self {
        let validator = Arc::new(validator);
        let judge = |key: usize| Shared { validator: Arc::clone(&validator), key: key.to_string() };
        let judges = pointers.into_iter().enumerate().map(|(key, pointer)| (pointer, Ok(judge(key))));
        Self { judges: judges.collect() }
    }
}

/// Finds the schemas that cannot be compiled, by halves.
fn find_broken(registry: &Registry<'static>, pointers: &[String], broken: &mut Vec<(String, String)>) {
    if broken.len() >= MOST_BROKEN || pointers.is_empty() {
        return;
    }
    match (compile_together(registry, pointers), pointers) {
        (Ok(_), _) => {}
        (Err(error), [pointer]) => broken.push((pointer.clone(), error)),
        (Err(_), _) => {
            let (left, right) = pointers.split_at(pointers.len() / 2);
            find_broken(registry, left, broken);
            find_broken(registry, right, broken);
        }
    }
}

/// One validator for the schemas at some pointers, each for the property that has its number.
fn compile_together(registry: &Registry<'static>, pointers: &[String]) -> Result<Validator, String> {
    let properties: Map<String, Value> =
        pointers.iter().enumerate().map(|(key, pointer)| (key.to_string(), reference_to(pointer))).collect();
    compile(registry, &json!({ "properties": properties }))
}

fn reference_to(pointer: &str) -> Value {
    json!({ "$ref": format!("{BASE}#{}", fragment(pointer)) })
}

fn compile(registry: &Registry<'static>, schema: &Value) -> Result<Validator, String> {
    jsonschema::draft202012::options()
        .with_registry(registry)
        .should_validate_formats(true)
        .with_format("byte", is_base64)
        .with_format("base64url", is_base64url)
        .with_format("char", |text: &str| text.chars().count() == 1)
        .with_format("decimal", |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite))
        .build(schema)
        .map_err(|error| explain(&error.to_string()))
}

/// RFC 4648 §4; many leave the padding out.
fn is_base64(text: &str) -> bool {
    let lines: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD_NO_PAD.decode(lines.trim_end_matches('=')).is_ok()
}

/// RFC 4648 §5
fn is_base64url(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).is_ok()
}

/// What the compiler said; a reference that was reported already needs no more words.
fn explain(message: &str) -> String {
    let nowhere = reference::NOWHERE.trim_start_matches('#');
    if message.contains(nowhere) { "a reference in it cannot be followed".to_owned() } else { message.to_owned() }
}

/// The schema cannot be compiled, so nothing can be said about any instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema cannot be compiled: {0}")]
pub struct Uncompilable(pub String);

impl Schema {
    /// The schema at `pointer` of a document.
    #[must_use]
    pub fn new(schemas: &Arc<Schemas>, pointer: String, direction: Direction) -> Self {
        schemas.note(direction, &pointer);
        Self { schemas: Arc::clone(schemas), pointer, direction, own: OnceLock::new() }
    }

    /// Who sends what it describes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Where it stands, for findings.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::value(&self.schemas.source, self.pointer.clone())
    }

    /// Its tree, references not followed.
    #[must_use]
    pub fn tree(&self) -> &Value {
        self.root().pointer(&self.pointer).unwrap_or(&Value::Bool(true))
    }

    /// The document that its references are resolved in.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.schemas.tree
    }

    /// What `value`, a schema of the same document, leads to when its `$ref` is followed; what that says
    /// beside a `$ref` of its own is not lost.
    #[must_use]
    pub fn resolve<'s>(&'s self, value: &'s Value) -> &'s Value {
        reference::resolve_schema(self.root(), value, "").map_or(value, |end| end.value)
    }

    /// Whether any schema of the document has others derived from it that a discriminator tells apart.
    pub(super) fn has_parents(&self) -> bool {
        *self.schemas.has_parents.get_or_init(|| discriminator::has_parents(&self.schemas.tree))
    }

    pub(super) fn derived(&self) -> &Derived {
        &self.schemas.side(self.direction).derived
    }

    /// Another schema of the same document, as the same direction sees it.
    pub(super) fn sibling(&self, pointer: String) -> Self {
        Self::new(&self.schemas, pointer, self.direction)
    }

    /// What a reference such as `#/components/schemas/Pet` leads to.
    #[must_use]
    pub fn follow(&self, reference: &str) -> Option<&Value> {
        let pointer = local_pointer(reference)?;
        self.root().pointer(&pointer).map(|target| self.resolve(target))
    }

    fn validator(&self) -> Result<Judge<'_>, Uncompilable> {
        let together = || self.schemas.together(self.direction).judges.get(&self.pointer);
        let failed = |message: &String| Uncompilable(message.clone());
        let is_together = self.schemas.demand == Demand::All || matches!(self.own.get(), Some(Own::Together));
        if is_together && let Some(shared) = together() {
            let shared = shared.as_ref().map_err(failed)?;
            return Ok(Judge { validator: &shared.validator, key: Some(&shared.key) });
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
            let compiled = registry(Arc::new(part)).and_then(|part| compile(&part, &reference_to(&self.pointer)));
            Own::Alone(compiled.map(Box::new))
        });
        match own {
            Own::Alone(Ok(validator)) => Ok(Judge { validator, key: None }),
            Own::Alone(Err(message)) => Err(failed(message)),
            Own::Together => self.validator(),
        }
    }

    /// Whether it can be compiled.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`] with what the compiler said.
    pub fn check(&self) -> Result<(), Uncompilable> {
        self.validator().map(|_| ())
    }

    /// Whether an instance fits.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`], because then there is no answer.
    pub fn is_valid(&self, instance: &Value) -> Result<bool, Uncompilable> {
        let judge = self.validator()?;
        Ok(judge.validator.is_valid(&judge.wrapped(instance)))
    }

    /// Everything that does not fit, in the order in which the schema says it.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`], because then there is no answer.
    pub fn errors(&self, instance: &Value) -> Result<Vec<SchemaError>, Uncompilable> {
        let judge = self.validator()?;
        let wrapped = judge.wrapped(instance);
        if judge.validator.is_valid(&wrapped) {
            return Ok(Vec::new());
        }
        let mut found: Vec<(Vec<usize>, SchemaError)> = Vec::new();
        for error in judge.validator.iter_errors(&wrapped).take(MOST_ERRORS) {
            self.collect(instance, &Told { error: &error, is_wrapped: judge.key.is_some() }, &mut found);
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found.truncate(MOST_ERRORS);
        let mut errors: Vec<SchemaError> = found.into_iter().map(|(_, error)| error).collect();
        errors.dedup();
        Ok(errors)
    }

    fn collect(&self, root: &Value, error: &Told<'_, '_>, found: &mut Vec<(Vec<usize>, SchemaError)>) {
        match self.by_discriminator(root, error) {
            Meant::Branch(branch) => {
                branch.iter().for_each(|inner| self.collect(root, &error.inner(inner), found));
                return;
            }
            Meant::NoBranch(described) => {
                found.push((self.order(error.evaluation_path(), error.kind()), described));
                return;
            }
            Meant::Unsaid => {}
        }
        if let Some(branch) = only_branch_meant(error.error) {
            branch.iter().for_each(|inner| self.collect(root, &error.inner(inner), found));
            return;
        }
        let order = self.order(error.evaluation_path(), error.kind());
        for mut described in nothing_allowed(root, error).unwrap_or_else(|| describe(error)) {
            self.add_surroundings(error.evaluation_path(), &mut described);
            found.push((order.clone(), described));
        }
    }

    /// A bound that is not met is often said together with the other one: between 1 and 9. And what is
    /// missing has a type.
    fn add_surroundings(&self, path: &str, error: &mut SchemaError) {
        let node = || path.rsplit_once('/').and_then(|(node, _)| self.node_at(node));
        if error.keyword == "required" {
            let property = error.operands.get("property").and_then(Value::as_str);
            let schema = node().zip(property).and_then(|(node, property)| self.property(node, property));
            if let Some(schema) = schema {
                error.operands.insert("types".to_owned(), json!(self.types(schema)));
            }
            return;
        }
        let other = match error.keyword.as_str() {
            "minimum" | "exclusiveMinimum" => ("most", ["maximum", "exclusiveMaximum"]),
            "maximum" | "exclusiveMaximum" => ("least", ["minimum", "exclusiveMinimum"]),
            "minLength" => ("most", ["maxLength"; 2]),
            "maxLength" => ("least", ["minLength"; 2]),
            "minItems" => ("most", ["maxItems"; 2]),
            "maxItems" => ("least", ["minItems"; 2]),
            _ => return,
        };
        let bound = node().and_then(|node| other.1.iter().find_map(|keyword| node.get(*keyword)));
        if let Some(bound) = bound.filter(|bound| bound.is_number()) {
            error.operands.insert(other.0.to_owned(), bound.clone());
        }
    }

    /// The branch that the discriminator of a schema names (OpenAPI 3.1.1 §4.8.25).
    fn by_discriminator<'e>(&self, root: &Value, error: &Told<'e, '_>) -> Meant<'e> {
        let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind()
        else {
            return Meant::Unsaid;
        };
        let path = error.evaluation_path();
        let Some((keyword_at, keyword)) = path.rsplit_once('/') else { return Meant::Unsaid };
        let Some(node) = self.node_at(keyword_at) else { return Meant::Unsaid };
        let branches = node.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let Some(discriminator) = node.get("discriminator").filter(|_| branches.len() == context.len()) else {
            return Meant::Unsaid;
        };
        let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else { return Meant::Unsaid };
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let target = |to: &str| self.resolve_pointer(&json!({ "$ref": to }));
        let branch_of = |to: &str| {
            let wanted = target(to);
            let found = branches.iter().position(|branch| wanted.is_some() && self.resolve_pointer(branch) == wanted);
            found.map_or(Meant::Unsaid, |index| Meant::Branch(&context[index]))
        };
        let said = root.pointer(error.instance_path()).and_then(|instance| instance.get(property));
        let default = discriminator.get("defaultMapping").and_then(mapped);
        match (said, default) {
            (Some(Value::String(name)), default) => {
                let to = mapping.and_then(|mapping| mapping.get(name)).and_then(mapped);
                let to = to.unwrap_or_else(|| join("#/components/schemas", name));
                match (branch_of(&to), default) {
                    (Meant::Branch(branch), _) => Meant::Branch(branch),
                    (_, Some(default)) => branch_of(&default),
                    _ => Meant::NoBranch(unknown_name(error, property, mapping, branches)),
                }
            }
            (None, Some(default)) => branch_of(&default),
            _ => Meant::Unsaid,
        }
    }

    /// Where a schema really stands.
    fn resolve_pointer(&self, value: &Value) -> Option<String> {
        value.get("$ref")?;
        reference::resolve(self.root(), value, "").ok().map(|end| end.pointer)
    }

    /// The schema that an evaluation path leads to, references followed.
    fn node_at(&self, path: &str) -> Option<&Value> {
        // Every path begins with the reference that the validator is built from.
        let mut at = path.strip_prefix("/$ref").and_then(|_| self.root().pointer(&self.pointer))?;
        for segment in path.split('/').skip(2) {
            let name = unescape(segment);
            at = member(at, &name)?;
            if name.ends_with("$ref") || name == "$dynamicRef" {
                at = self.root().pointer(&local_pointer(at.as_str()?)?)?;
            }
        }
        Some(at)
    }

    /// The place of a keyword in the text of the schema, so that errors come as the author wrote
    /// the rules: the index of each member on the way to it, references followed.
    fn order(&self, path: &str, kind: &ValidationErrorKind) -> Vec<usize> {
        let root = json!({ "$ref": format!("#{}", self.pointer) });
        let mut order = Vec::new();
        let mut at = Some(&root);
        for segment in path.split('/').skip(1) {
            let name = unescape(segment);
            order.push(at.map_or(0, |value| index_of(value, &name)));
            at = at.and_then(|value| member(value, &name));
            if let Some(reference) =
                at.and_then(Value::as_str).filter(|_| name.ends_with("$ref") || name == "$dynamicRef")
            {
                at = local_pointer(reference).and_then(|pointer| self.root().pointer(&pointer));
            }
        }
        if let (ValidationErrorKind::Required { property }, Some(Value::Array(names))) = (kind, at) {
            order.push(names.iter().position(|name| name == property).unwrap_or(0));
        }
        order
    }
}

fn index_of(value: &Value, name: &str) -> usize {
    match value {
        Value::Object(object) => object.keys().position(|key| key == name).unwrap_or(0),
        _ => name.parse().unwrap_or(0),
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) => object.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

/// What a discriminator says about an instance that fits no branch.
enum Meant<'e> {
    /// It was meant for the branch with these errors.
    Branch(&'e Vec<ValidationError<'static>>),
    /// It names no branch.
    NoBranch(SchemaError),
    Unsaid,
}

/// The value of the discriminator's property is none of those that name a branch.
fn unknown_name(
    error: &Told<'_, '_>,
    property: &str,
    mapping: Option<&Map<String, Value>>,
    branches: &[Value],
) -> SchemaError {
    let implied = branches.iter().filter_map(|branch| branch.get("$ref")?.as_str()?.rsplit('/').next().map(unescape));
    let names: Vec<String> = match mapping {
        Some(mapping) if !mapping.is_empty() => mapping.keys().cloned().collect(),
        _ => implied.collect(),
    };
    SchemaError::new(join(error.instance_path(), property), "enum", json!({ "values": names }))
}

/// The branch of an `anyOf` or `oneOf` that an instance was meant for: the only one whose type fits.
///
/// Without it every error below a nullable reference would be about both of its branches.
fn only_branch_meant<'e>(error: &'e ValidationError<'_>) -> Option<&'e Vec<ValidationError<'static>>> {
    let kind = error.kind();
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = kind else {
        return None;
    };
    let wrong_type = |branch: &'e Vec<ValidationError<'static>>| -> Option<&'e TypeKind> {
        let mut of_all = branch.iter().filter(|inner| inner.instance_path() == error.instance_path());
        of_all.find_map(|inner| if let ValidationErrorKind::Type { kind } = inner.kind() { Some(kind) } else { None })
    };
    let mut meant = context.iter().filter(|branch| wrong_type(branch).is_none());
    match (meant.next(), meant.next()) {
        (Some(branch), None) => Some(branch),
        // Where every branch wants another type, the one that does not want null speaks.
        (None, _) => {
            let mut full =
                context.iter().filter(|branch| wrong_type(branch).is_none_or(|kind| type_names(kind) != ["null"]));
            full.next().filter(|_| full.next().is_none())
        }
        _ => None,
    }
}

fn type_names(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(name) => vec![name.to_string()],
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect(),
    }
}

/// Where no properties are declared, and others are forbidden, the compiler speaks of the first value
/// only; what is wrong is each name.
fn nothing_allowed(root: &Value, error: &Told<'_, '_>) -> Option<Vec<SchemaError>> {
    let is_meant = matches!(error.kind(), ValidationErrorKind::FalseSchema)
        && error.error.schema_path().as_str().ends_with("/additionalProperties");
    let object = root.pointer(error.instance_path()).filter(|_| is_meant)?.as_object()?;
    let told = object
        .keys()
        .take(MOST_ERRORS)
        .map(|name| SchemaError::new(error.instance_path(), "additionalProperties", json!({ "property": name })));
    Some(told.collect())
}

/// The error in our words; `additionalProperties` and the like give one for each property.
fn describe(error: &Told<'_, '_>) -> Vec<SchemaError> {
    use ValidationErrorKind as Kind;
    let one = |operands: Value| vec![SchemaError::new(error.instance_path(), error.kind().keyword(), operands)];
    match error.kind() {
        Kind::Required { property } => one(json!({ "property": property })),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().flat_map(|name| one(json!({ "property": name }))).collect()
        }
        Kind::Type { kind } => one(json!({ "types": type_names(kind) })),
        Kind::Enum { options } => one(json!({ "values": &**options })),
        Kind::Constant { expected_value } => one(json!({ "value": &**expected_value })),
        Kind::Minimum { limit }
        | Kind::Maximum { limit }
        | Kind::ExclusiveMinimum { limit }
        | Kind::ExclusiveMaximum { limit } => one(json!({ "limit": limit })),
        Kind::MinLength { limit }
        | Kind::MaxLength { limit }
        | Kind::MinItems { limit }
        | Kind::MaxItems { limit }
        | Kind::MinProperties { limit }
        | Kind::MaxProperties { limit } => one(json!({ "limit": limit })),
        Kind::MultipleOf { multiple_of } => one(json!({ "limit": whole(*multiple_of) })),
        Kind::Pattern { pattern } => one(json!({ "pattern": pattern })),
        Kind::Format { format } => one(json!({ "format": format })),
        Kind::AdditionalItems { limit } => one(json!({ "limit": limit })),
        Kind::PropertyNames { error: inner } => one(json!({ "property": inner.instance().as_ref() })),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let branch = |errors: &Vec<ValidationError<'static>>| {
                errors.iter().flat_map(|inner| describe(&error.inner(inner))).collect()
            };
            let mut described = one(Value::Null);
            described.iter_mut().for_each(|error| error.branches = context.iter().map(branch).collect());
            described
        }
        _ => one(Value::Null),
    }
}

/// `5` and not `5.0`.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}
