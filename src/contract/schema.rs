//! A compiled schema: a validator that explains, and a tree that the generator can walk.
//!
//! What an error means for a request is left to `exchange`. This is the only file that names
//! `jsonschema`.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, Registry, ValidationError, Validator};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::diagnostic::{Place, Source};
use crate::document::reference::{self, local_pointer};

/// The URI that a document has inside its own registry. Nothing is ever fetched from it.
const BASE: &str = "standin:/document";

/// What must be encoded in a URI fragment (RFC 3986 §3.5).
const FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Who sends what a schema describes: `readOnly` properties are not asked of a request, `writeOnly`
/// ones not of a response (OpenAPI 3.0.4 §4.7.24.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client.
    Request,
    /// To the client.
    Response,
}

/// The schemas of one document: its tree, and the registry that resolves references in it.
pub struct Schemas {
    source: Arc<Source>,
    tree: Arc<Value>,
    request: OnceLock<View>,
    response: OnceLock<View>,
}

/// The tree as one direction sees it.
struct View {
    tree: Arc<Value>,
    registry: Result<Registry<'static>, String>,
}

impl Schemas {
    /// The schemas of the document `tree`, whose text is `source`.
    #[must_use]
    pub fn new(source: Arc<Source>, tree: Arc<Value>) -> Arc<Self> {
        Arc::new(Self { source, tree, request: OnceLock::new(), response: OnceLock::new() })
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

    fn view(&self, direction: Direction) -> &View {
        let (view, not_asked) = match direction {
            Direction::Request => (&self.request, "readOnly"),
            Direction::Response => (&self.response, "writeOnly"),
        };
        view.get_or_init(|| {
            let tree = without_required(&self.tree, not_asked).map_or_else(|| Arc::clone(&self.tree), Arc::new);
            let registry = Registry::new()
                .draft(Draft::Draft202012)
                .add(BASE, Arc::clone(&tree))
                .and_then(jsonschema::RegistryBuilder::prepare)
                .map_err(|error| error.to_string());
            View { tree, registry }
        })
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schemas({:?})", self.source)
    }
}

/// A copy of the tree in which properties marked with `keyword` are not required; `None` if there
/// are none, so that most documents are not copied.
fn without_required(tree: &Arc<Value>, keyword: &str) -> Option<Value> {
    if !mentions(tree, keyword) {
        return None;
    }
    let mut copy = Value::clone(tree);
    relax(&mut copy, tree, keyword);
    Some(copy)
}

fn mentions(value: &Value, keyword: &str) -> bool {
    match value {
        Value::Object(object) => {
            object.get(keyword) == Some(&Value::Bool(true)) || object.values().any(|v| mentions(v, keyword))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, keyword)),
        _ => false,
    }
}

fn relax(value: &mut Value, root: &Value, keyword: &str) {
    match value {
        Value::Object(object) => {
            let mut marked = Vec::new();
            marked_properties(object, root, keyword, &mut marked);
            drop_required(object, &marked);
            object.values_mut().for_each(|member| relax(member, root, keyword));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| relax(item, root, keyword)),
        _ => {}
    }
}

/// The names of the properties that are marked, in the object itself and in its `allOf`.
fn marked_properties(object: &Map<String, Value>, root: &Value, keyword: &str, marked: &mut Vec<String>) {
    let resolve = |value| reference::resolve(root, value, "").map(|end| end.value);
    for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let is_marked = |schema: &Value| schema.get(keyword) == Some(&Value::Bool(true));
        if is_marked(property) || resolve(property).is_ok_and(is_marked) {
            marked.push(name.clone());
        }
    }
    for branch in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Ok(Value::Object(branch)) = resolve(branch)
            && !std::ptr::eq(branch, object)
            && !branch.contains_key("allOf")
        {
            marked_properties(branch, root, keyword, marked);
        }
    }
}

fn drop_required(object: &mut Map<String, Value>, marked: &[String]) {
    if marked.is_empty() {
        return;
    }
    if let Some(Value::Array(required)) = object.get_mut("required") {
        required.retain(|name| !name.as_str().is_some_and(|name| marked.iter().any(|m| m == name)));
    }
    for branch in object.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(branch) = branch.as_object_mut() {
            drop_required(branch, marked);
        }
    }
}

/// One schema of a document, as one direction sees it. Its validator is built when first needed.
pub struct Schema {
    schemas: Arc<Schemas>,
    pointer: String,
    direction: Direction,
    validator: OnceLock<Result<Validator, String>>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.pointer)
    }
}

/// What the compiler said; a reference that was reported already needs no more words.
fn explain(message: &str) -> String {
    let nowhere = reference::NOWHERE.trim_start_matches('#');
    if message.contains(nowhere) { "a reference in it cannot be followed".to_owned() } else { message.to_owned() }
}

/// Why an instance does not fit a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaError {
    /// Where in the instance, as a JSON Pointer; empty for the whole.
    pub pointer: String,
    /// The keyword that is not met, such as `required`, `type`, `maxLength`.
    pub keyword: String,
    /// What the keyword asks for: `property`, `types`, `limit`, `values`, `pattern`, `format`.
    pub operands: Map<String, Value>,
    /// The part of the instance that is meant.
    pub instance: Value,
}

impl SchemaError {
    /// What is wrong, as a neutral sentence that follows the name of what it is about: `must be
    /// array`, `must have required property 'name'`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let operand = |name: &str| self.operands.get(name).cloned().unwrap_or_default();
        let text = |name: &str| operand(name).as_str().map_or_else(|| operand(name).to_string(), str::to_owned);
        let limit = || operand("limit").to_string();
        match self.keyword.as_str() {
            "required" => format!("must have required property '{}'", text("property")),
            "additionalProperties" | "unevaluatedProperties" => {
                format!("must not have the property '{}'", text("property"))
            }
            "type" => format!("must be {}", list(&operand("types"), " or ")),
            "enum" => format!("must be one of {}", list(&operand("values"), ", ")),
            "const" => format!("must be {}", operand("value")),
            "minimum" => format!("must be at least {}", limit()),
            "maximum" => format!("must be at most {}", limit()),
            "exclusiveMinimum" => format!("must be more than {}", limit()),
            "exclusiveMaximum" => format!("must be less than {}", limit()),
            "multipleOf" => format!("must be a multiple of {}", limit()),
            "minLength" => format!("must have at least {} characters", limit()),
            "maxLength" => format!("must have at most {} characters", limit()),
            "minItems" => format!("must have at least {} items", limit()),
            "maxItems" | "additionalItems" => format!("must have at most {} items", limit()),
            "minProperties" => format!("must have at least {} properties", limit()),
            "maxProperties" => format!("must have at most {} properties", limit()),
            "pattern" => format!("must match the pattern {}", text("pattern")),
            "format" => format!("must be a valid {}", text("format")),
            "uniqueItems" => "must not have the same item twice".to_owned(),
            "contains" => "must contain an item of the documented form".to_owned(),
            "propertyNames" => format!("must not have a property with the name {}", operand("property")),
            "anyOf" => "must fit at least one of the documented forms".to_owned(),
            "oneOf" => "must fit exactly one of the documented forms".to_owned(),
            "not" => "must not be of the documented form".to_owned(),
            "falseSchema" => "must not be there".to_owned(),
            "style" | "malformed" => text("detail"),
            other => format!("must keep to `{other}` of its schema"),
        }
    }
}

fn list(values: &Value, separator: &str) -> String {
    const MOST: usize = 10;
    let items = values.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = items.iter().take(MOST).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let mut text = texts.collect::<Vec<_>>().join(separator);
    if items.len() > MOST {
        text.push_str(separator);
        text.push('…');
    }
    text
}

/// The schema cannot be compiled, so nothing can be said about any instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema cannot be compiled: {0}")]
pub struct Uncompilable(pub String);

impl Schema {
    /// The schema at `pointer` of a document.
    #[must_use]
    pub fn new(schemas: &Arc<Schemas>, pointer: String, direction: Direction) -> Self {
        Self { schemas: Arc::clone(schemas), pointer, direction, validator: OnceLock::new() }
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
        &self.schemas.view(self.direction).tree
    }

    /// What `value`, a schema of the same document, leads to when its `$ref` is followed.
    #[must_use]
    pub fn resolve<'s>(&'s self, value: &'s Value) -> &'s Value {
        reference::resolve(self.root(), value, "").map_or(value, |end| end.value)
    }

    /// The types that an instance of `node`, a schema of the same document, may have, null apart:
    /// `["integer"]`; empty if it does not say.
    #[must_use]
    pub fn types<'s>(&'s self, node: &'s Value) -> Vec<&'s str> {
        types(self, node, 0)
    }

    /// The schema of a property by name, looked for through references and compositions.
    #[must_use]
    pub fn property<'s>(&'s self, node: &'s Value, name: &str) -> Option<&'s Value> {
        let declared = self.find(node, 0, &|node| node.get("properties")?.get(name));
        declared.or_else(|| self.find(node, 0, &|node| node.get("additionalProperties").filter(|v| v.is_object())))
    }

    /// The schema of the items of a list.
    #[must_use]
    pub fn items<'s>(&'s self, node: &'s Value) -> Option<&'s Value> {
        self.find(node, 0, &|node| node.get("items"))
    }

    /// The names of the declared properties, in the author's order.
    #[must_use]
    pub fn property_names<'s>(&'s self, node: &'s Value) -> Vec<&'s str> {
        let mut names = Vec::new();
        self.collect_names(node, 0, &mut names);
        names
    }

    /// The names of the properties at any depth, each once.
    pub fn all_property_names(&self, node: &Value, names: &mut Vec<String>) {
        self.collect_all_names(node, 0, names);
    }

    fn collect_all_names(&self, node: &Value, depth: usize, names: &mut Vec<String>) {
        const DEEPEST: usize = 12;
        const MOST: usize = 2000;
        if depth > DEEPEST || names.len() > MOST {
            return;
        }
        let own: Vec<&str> = self.property_names(node);
        for name in own {
            let is_new = !names.iter().any(|there| there == name);
            if is_new {
                names.push(name.to_owned());
            }
            if let Some(property) = self.property(node, name).filter(|_| is_new || depth < 3) {
                self.collect_all_names(property, depth + 1, names);
            }
        }
        if let Some(items) = self.items(node) {
            self.collect_all_names(items, depth + 1, names);
        }
    }

    fn find<'s>(
        &'s self,
        node: &'s Value,
        depth: usize,
        look: &dyn Fn(&'s Value) -> Option<&'s Value>,
    ) -> Option<&'s Value> {
        if depth > DEEPEST_COMPOSITION {
            return None;
        }
        let node = self.resolve(node);
        look(node).or_else(|| branches(node).find_map(|branch| self.find(branch, depth + 1, look)))
    }

    fn collect_names<'s>(&'s self, node: &'s Value, depth: usize, names: &mut Vec<&'s str>) {
        if depth > DEEPEST_COMPOSITION {
            return;
        }
        let node = self.resolve(node);
        let own = node.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, _) in own {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        branches(node).for_each(|branch| self.collect_names(branch, depth + 1, names));
    }

    fn validator(&self) -> Result<&Validator, Uncompilable> {
        let built = self.validator.get_or_init(|| {
            let registry = self.schemas.view(self.direction).registry.as_ref().map_err(String::clone)?;
            let fragment = utf8_percent_encode(&self.pointer, FRAGMENT);
            jsonschema::draft202012::options()
                .with_registry(registry)
                .should_validate_formats(true)
                .build(&json!({ "$ref": format!("{BASE}#{fragment}") }))
                .map_err(|error| explain(&error.to_string()))
        });
        built.as_ref().map_err(|message| Uncompilable(message.clone()))
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
        Ok(self.validator()?.is_valid(instance))
    }

    /// Everything that does not fit, in the order in which the schema says it.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`], because then there is no answer.
    pub fn errors(&self, instance: &Value) -> Result<Vec<SchemaError>, Uncompilable> {
        let validator = self.validator()?;
        if validator.is_valid(instance) {
            return Ok(Vec::new());
        }
        let mut found: Vec<(Vec<usize>, SchemaError)> = Vec::new();
        for error in validator.iter_errors(instance) {
            self.collect(&error, &mut found);
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut errors: Vec<SchemaError> = found.into_iter().map(|(_, error)| error).collect();
        errors.dedup();
        Ok(errors)
    }

    fn collect(&self, error: &ValidationError<'_>, found: &mut Vec<(Vec<usize>, SchemaError)>) {
        if let Some(branch) = only_branch_meant(error.kind()) {
            branch.iter().for_each(|inner| self.collect(inner, found));
            return;
        }
        let order = self.order(error.evaluation_path().as_str(), error.kind());
        for error in describe(error) {
            found.push((order.clone(), error));
        }
    }

    /// The place of a keyword in the text of the schema, so that errors come as the author wrote
    /// the rules: the index of each member on the way to it, references followed.
    fn order(&self, path: &str, kind: &ValidationErrorKind) -> Vec<usize> {
        let root = json!({ "$ref": format!("#{}", self.pointer) });
        let mut order = Vec::new();
        let mut at = Some(&root);
        for segment in path.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
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

/// How many compositions inside each other are looked through; deeper ones are taken for circles.
const DEEPEST_COMPOSITION: usize = 16;

/// The branches of `allOf`, `anyOf` and `oneOf`.
fn branches(node: &Value) -> impl Iterator<Item = &Value> {
    let of = |keyword: &str| node.get(keyword).and_then(Value::as_array).into_iter().flatten();
    of("allOf").chain(of("anyOf")).chain(of("oneOf"))
}

/// The types of a schema, looked for through references and compositions.
fn types<'s>(schema: &'s Schema, value: &'s Value, depth: usize) -> Vec<&'s str> {
    if depth > DEEPEST_COMPOSITION {
        return Vec::new();
    }
    let value = schema.resolve(value);
    let named: Vec<&str> = match value.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        _ => Vec::new(),
    };
    if !named.is_empty() {
        return named;
    }
    let below: Vec<&str> = branches(value).flat_map(|branch| types(schema, branch, depth + 1)).collect();
    if !below.is_empty() {
        return below;
    }
    match value {
        Value::Object(object) if object.contains_key("properties") => vec!["object"],
        Value::Object(object) if object.contains_key("items") => vec!["array"],
        _ => Vec::new(),
    }
}

/// The branch of an `anyOf` or `oneOf` that an instance was meant for: the only one whose type fits.
///
/// Without it every error below a nullable reference would be about both of its branches.
fn only_branch_meant(kind: &ValidationErrorKind) -> Option<&Vec<ValidationError<'static>>> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = kind else {
        return None;
    };
    let is_other_type = |branch: &&Vec<ValidationError<'static>>| {
        branch.iter().any(|error| {
            error.keyword_is("type") && error.evaluation_path().as_str().split('/').count() <= branch_depth(branch)
        })
    };
    let mut meant = context.iter().filter(|branch| !is_other_type(branch));
    match (meant.next(), meant.next()) {
        (Some(branch), None) => Some(branch),
        (None, _) => only_non_null(context),
        _ => None,
    }
}

/// How deep the shallowest error of a branch lies.
fn branch_depth(branch: &[ValidationError<'static>]) -> usize {
    branch.iter().map(|error| error.evaluation_path().as_str().split('/').count()).min().unwrap_or(0)
}

/// Where every branch wants another type, the one that does not want null speaks, if it is alone.
fn only_non_null<'c>(context: &'c [Vec<ValidationError<'static>>]) -> Option<&'c Vec<ValidationError<'static>>> {
    let wants_null = |branch: &&Vec<ValidationError<'static>>| {
        branch.iter().any(|error| match error.kind() {
            ValidationErrorKind::Type { kind } => type_names(kind) == ["null"],
            _ => false,
        })
    };
    let mut others = context.iter().filter(|branch| !wants_null(branch));
    match (others.next(), others.next()) {
        (Some(branch), None) => Some(branch),
        _ => None,
    }
}

trait KeywordIs {
    fn keyword_is(&self, keyword: &str) -> bool;
}

impl KeywordIs for ValidationError<'_> {
    fn keyword_is(&self, keyword: &str) -> bool {
        self.kind().keyword() == keyword
    }
}

fn type_names(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(name) => vec![name.to_string()],
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect(),
    }
}

/// The error in our words; `additionalProperties` and the like give one for each property.
fn describe(error: &ValidationError<'_>) -> Vec<SchemaError> {
    use ValidationErrorKind as Kind;
    let one = |operands: Value| {
        vec![SchemaError {
            pointer: error.instance_path().as_str().to_owned(),
            keyword: error.kind().keyword().to_owned(),
            operands: if let Value::Object(map) = operands { map } else { Map::new() },
            instance: error.instance().clone().into_owned(),
        }]
    };
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
        _ => one(Value::Null),
    }
}

/// `5` and not `5.0`.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}
