//! What a validator says of an instance → errors in our words, in the author's order.
//!
//! What an error means for a request is left to `exchange`.

use std::borrow::Cow;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value, json};

use super::{MOST_ERRORS, Schema, SchemaError};
use crate::contract::pattern::{original_of, pattern_of};
use crate::document::reference::{self, local_pointer, mapped};
use crate::document::syntax::{find, join, unescape};

/// An error that the validator told, about the instance or about what it was wrapped in.
#[derive(Clone, Copy)]
pub struct Told<'e, 'i> {
    /// What it told.
    pub error: &'e ValidationError<'i>,
    /// Whether the instance was wrapped.
    pub is_wrapped: bool,
}

impl<'e> Told<'e, '_> {
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
    fn evaluation_path(self) -> Cow<'e, str> {
        let path = self.error.evaluation_path().as_str();
        let skipped = if self.is_wrapped { path.match_indices('/').nth(2).map_or(0, |(slash, _)| slash) } else { 0 };
        let path = &path[skipped..];
        // `/allOf/1/format` stands for `/pattern`.
        match path.rmatch_indices('/').nth(2).filter(|_| self.pattern().is_some()) {
            Some((slash, _)) => Cow::Owned(format!("{}/pattern", &path[..slash])),
            None => Cow::Borrowed(path),
        }
    }

    /// The pattern that does not match.
    fn pattern(self) -> Option<&'e str> {
        let ValidationErrorKind::Format { format } = self.kind() else { return None };
        pattern_of(format)
    }
}

impl Schema {
    /// Notes what an error says, in our words and with the place of its keyword.
    pub(super) fn collect(&self, root: &Value, error: &Told<'_, '_>, found: &mut Vec<(Vec<usize>, SchemaError)>) {
        match self.by_discriminator(root, error) {
            Meant::Branch(branch) => {
                branch.iter().for_each(|inner| self.collect(root, &error.inner(inner), found));
                return;
            }
            Meant::NoBranch(described) => {
                found.push((self.order(&error.evaluation_path(), error.kind()), described));
                return;
            }
            Meant::Unsaid => {}
        }
        if let Some(branch) = only_branch_meant(error.error) {
            branch.iter().for_each(|inner| self.collect(root, &error.inner(inner), found));
            return;
        }
        let order = self.order(&error.evaluation_path(), error.kind());
        for mut described in nothing_allowed(root, error).unwrap_or_else(|| describe(error)) {
            self.add_surroundings(&error.evaluation_path(), &mut described);
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
        let mut at = path.strip_prefix("/$ref").and_then(|_| find(self.root(), &self.pointer))?;
        for segment in path.split('/').skip(2) {
            let name = unescape(segment);
            at = member(at, &name)?;
            if name.ends_with("$ref") || name == "$dynamicRef" {
                at = find(self.root(), &local_pointer(at.as_str()?)?)?;
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
                at = local_pointer(reference).and_then(|pointer| find(self.root(), &pointer));
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
        Value::Object(object) => {
            let own = object.keys().position(|key| key == name);
            own.or_else(|| original_of(object, name)).unwrap_or(0)
        }
        _ => name.parse().unwrap_or(0),
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) => object.get(name).or_else(|| object.values().nth(original_of(object, name)?)),
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
    if let Some(pattern) = error.pattern() {
        return vec![SchemaError::new(error.instance_path(), "pattern", json!({ "pattern": pattern }))];
    }
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
        Kind::MultipleOf { multiple_of } => one(json!({ "limit": whole(multiple_of) })),
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
fn whole(limit: &Value) -> Value {
    let number = limit.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    number.map_or_else(|| limit.clone(), |number| json!(number as i64))
}
