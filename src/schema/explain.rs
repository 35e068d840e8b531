//! Why does an instance not fit a schema? Errors in our words, in the author's order.
//!
//! The schema is walked, and what it asks of a value itself is left to a validator of just that. So of the branches
//! of `anyOf` and `oneOf` only those are explained that are told. What an error means for a request is left to
//! `exchange`.
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value, json};

use crate::document::reference::{self, mapped};
use crate::document::syntax::{join, unescape};
use crate::schema::MOST_ERRORS;
use crate::schema::error::SchemaError;
use crate::schema::judging::{Judging, MOST_OPEN, Stop, address, list, members, part_at, parts_of};
use crate::schema::own::{Node, Own};
use crate::schema::schemas::Schema;

/// How many branches of `anyOf` and `oneOf` are explained of one instance. Of one with more than are left the error
/// does not say why each of them does not fit.
const MOST_BRANCHES: usize = 200;

/// How many `anyOf` and `oneOf` inside of each other are explained; the inner ones are told without their branches.
const MOST_NESTED: usize = 4;

/// An error, and the place of its keyword in the text of the schema: the index of each member on the way to it,
/// references followed, so that errors come as the author wrote the rules.
type Found = (Vec<usize>, SchemaError);

/// Where a value is in the instance.
#[derive(Clone, Copy)]
enum Way<'w> {
    Root,
    Name(&'w Way<'w>, &'w str),
    Index(&'w Way<'w>, usize),
}

impl Way<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Name(parent, name) => join(&parent.pointer(), name),
            Self::Index(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

/// A value of the instance.
#[derive(Clone, Copy)]
struct At<'w> {
    value: &'w Value,
    way: &'w Way<'w>,
}

/// Explains one instance.
struct Explaining<'s> {
    judging: Judging<'s>,
    found: Vec<Found>,
    /// The place of the schema that is looked at.
    order: Vec<usize>,
    branches_left: usize,
    /// How many `anyOf` and `oneOf` the error belongs to that is looked for.
    nested: usize,
}

impl Schema {
    /// Everything that does not fit, in the author's order. Of an instance that the validator has an answer about, it is
    /// known that something does not.
    pub(super) fn explain(&self, instance: &Value, answer: Option<bool>, steps: &mut usize) -> Vec<SchemaError> {
        let most = *steps;
        let judging = Judging::new(self, most);
        let start = judging.start();
        let mut explaining =
            Explaining { judging, found: Vec::new(), order: Vec::new(), branches_left: MOST_BRANCHES, nested: 0 };
        let end = explaining.explain(Node::new(start), At { value: instance, way: &Way::Root });
        *steps = explaining.judging.steps_left;
        let mut found = explaining.found;
        if found.is_empty() {
            return match (end, answer) {
                (Err(_), _) => vec![beyond_steps(most)],
                (Ok(()), None) => Vec::new(),
                (Ok(()), Some(_)) => vec![SchemaError::new("", "schema", Value::Null)],
            };
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut errors: Vec<SchemaError> = found.into_iter().map(|(_, error)| error).collect();
        errors.dedup();
        errors
    }
}

/// The error of an instance that is not judged because that takes too much.
pub(super) fn beyond_steps(most: usize) -> SchemaError {
    let detail = format!("cannot be judged within {most} steps and {MOST_OPEN} schemas inside of each other");
    SchemaError::new("", "bound", json!({ "detail": detail }))
}

impl Explaining<'_> {
    fn explain(&mut self, node: Node<'_>, at: At<'_>) -> Result<(), Stop> {
        let schema = match node.value {
            Value::Object(schema) => schema,
            Value::Bool(false) => {
                return self.tell(None, SchemaError::new(at.way.pointer(), "falseSchema", Value::Null));
            }
            _ => return Ok(()),
        };
        self.judging.enter()?;
        let own = self.judging.own(node);
        self.explain_own(node, &own, at)?;
        if own.is_unmatched_by(at.value) {
            let error = SchemaError::new(at.way.pointer(), "pattern", json!({ "pattern": schema.get("pattern") }));
            self.tell(Some((schema, "pattern")), error)?;
        }
        match at.value {
            Value::Object(object) => self.explain_members(schema, &own, object, at)?,
            Value::Array(items) => self.explain_items(schema, items, at)?,
            _ => {}
        }
        self.explain_branches(node, schema, &own, at)?;
        self.explain_unevaluated(node, schema, at)?;
        for (keyword, target) in self.judging.targets(schema) {
            self.explain_target(schema, keyword, target, at)?;
        }
        self.judging.leave();
        Ok(())
    }

    /// Notes an error of a keyword of the schema that is looked at, or of that schema itself.
    fn tell(&mut self, keyword: Option<(&Map<String, Value>, &str)>, error: SchemaError) -> Result<(), Stop> {
        let mut order = self.order.clone();
        order.extend(keyword.map(|(schema, keyword)| index_of(schema, keyword)));
        self.note(order, error)
    }

    fn note(&mut self, order: Vec<usize>, error: SchemaError) -> Result<(), Stop> {
        self.found.push((order, error));
        if self.found.len() < MOST_ERRORS { Ok(()) } else { Err(Stop::Enough) }
    }

    /// Explains a value by a schema inside of the one that is looked at, at a place in it.
    fn explain_part(&mut self, place: &[usize], node: Node<'_>, at: At<'_>) -> Result<(), Stop> {
        let length = self.order.len();
        self.order.extend_from_slice(place);
        let result = self.explain(node, at);
        self.order.truncate(length);
        result
    }

    fn explain_target(
        &mut self,
        schema: &Map<String, Value>,
        keyword: &str,
        target: &Value,
        at: At<'_>,
    ) -> Result<(), Stop> {
        let key = (address(target), address(at.value));
        // Whether something is wrong is found once for each value, why is looked for along each way.
        if self.judging.fits(Node::new(target), at.value)? || !self.judging.open.insert(key) {
            return Ok(());
        }
        let result = self.explain_part(&[index_of(schema, keyword)], Node::new(target), at);
        self.judging.open.remove(&key);
        result
    }

    /// What a schema asks of the value itself.
    fn explain_own(&mut self, node: Node<'_>, own: &Own, at: At<'_>) -> Result<(), Stop> {
        let Some(validator) = own.validator.as_ref().filter(|validator| !validator.is_valid(at.value)) else {
            return Ok(());
        };
        for error in validator.iter_errors(at.value) {
            // Each validator is built from a reference.
            let path = error.evaluation_path().as_str();
            let path = path.strip_prefix("/$ref").unwrap_or(path);
            let mut order = self.order.clone();
            order.extend(order_below(node.value, path, error.kind()));
            let mut described = describe(&at.way.pointer(), &error);
            if self.nested == 0 {
                self.add_surroundings(node.value, path, &mut described);
            }
            self.note(order, described)?;
        }
        Ok(())
    }

    /// A bound that is not met is often said together with the other one: between 1 and 9. And what is
    /// missing has a type.
    fn add_surroundings(&self, node: &Value, path: &str, error: &mut SchemaError) {
        if error.keyword == "required" {
            let property = error.operands.get("property").and_then(Value::as_str).filter(|_| path == "/required");
            let schema = self.judging.schema;
            if let Some(property) = property.and_then(|property| schema.property_of(node, property)) {
                error.operands.insert("types".to_owned(), json!(property));
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
        let bound = other.1.iter().find_map(|keyword| node.get(*keyword)).filter(|bound| bound.is_number());
        if let Some(bound) = bound {
            error.operands.insert(other.0.to_owned(), bound.clone());
        }
    }

    fn explain_members(
        &mut self,
        schema: &Map<String, Value>,
        own: &Own,
        object: &Map<String, Value>,
        at: At<'_>,
    ) -> Result<(), Stop> {
        let mut unexpected: Vec<&str> = Vec::new();
        for (name, value) in object {
            let way = Way::Name(at.way, name);
            for (keyword, key, part) in parts_of(schema, own, name) {
                if keyword == "additionalProperties" && *part == Value::Bool(false) {
                    unexpected.push(name);
                    continue;
                }
                let inner = key.map(|key| member_index(&schema[keyword], key));
                let place: Vec<usize> = [index_of(schema, keyword)].into_iter().chain(inner).collect();
                self.explain_part(&place, Node::new(part), At { value, way: &way })?;
            }
        }
        for name in unexpected {
            let error = SchemaError::new(at.way.pointer(), "additionalProperties", json!({ "property": name }));
            self.tell(Some((schema, "additionalProperties")), error)?;
        }
        if let Some(names) = schema.get("propertyNames") {
            self.explain_names(schema, names, object, at)?;
        }
        for (index, (name, dependent)) in members(schema, "dependentSchemas").enumerate() {
            if object.contains_key(name) {
                self.explain_part(&[index_of(schema, "dependentSchemas"), index], Node::new(dependent), at)?;
            }
        }
        Ok(())
    }

    /// The names that do not fit `propertyNames`, once for each reason.
    fn explain_names(
        &mut self,
        schema: &Map<String, Value>,
        names: &Value,
        object: &Map<String, Value>,
        at: At<'_>,
    ) -> Result<(), Stop> {
        for name in object.keys() {
            let value = Value::String(name.clone());
            let before = self.found.len();
            let place = [index_of(schema, "propertyNames")];
            let result = self.explain_part(&place, Node::new(names), At { value: &value, way: at.way });
            for (_, error) in &mut self.found[before..] {
                *error = SchemaError::new(at.way.pointer(), "propertyNames", json!({ "property": name }));
            }
            result?;
        }
        Ok(())
    }

    fn explain_items(&mut self, schema: &Map<String, Value>, items: &[Value], at: At<'_>) -> Result<(), Stop> {
        for (index, value) in items.iter().enumerate() {
            let Some((keyword, part)) = part_at(schema, index) else { break };
            let way = Way::Index(at.way, index);
            let place = [index_of(schema, keyword), index];
            let length = if keyword == "prefixItems" { 2 } else { 1 };
            self.explain_part(&place[..length], Node::new(part), At { value, way: &way })?;
        }
        if let Some(keyword) = self.judging.wrong_count(schema, items)? {
            self.tell(Some((schema, keyword)), SchemaError::new(at.way.pointer(), "contains", Value::Null))?;
        }
        Ok(())
    }

    fn explain_branches(
        &mut self,
        node: Node<'_>,
        schema: &Map<String, Value>,
        own: &Own,
        at: At<'_>,
    ) -> Result<(), Stop> {
        for (index, value) in list(schema, "allOf").iter().enumerate() {
            let branch = Node { value, unasked: &own.unasked };
            self.explain_part(&[index_of(schema, "allOf"), index], branch, at)?;
        }
        if schema.get("anyOf").is_some_and(Value::is_array)
            && self.judging.fitting(list(schema, "anyOf"), at.value, 1)? == 0
        {
            self.explain_choice(node, schema, "anyOf", at)?;
        }
        if schema.get("oneOf").is_some_and(Value::is_array) {
            match self.judging.fitting(list(schema, "oneOf"), at.value, 2)? {
                0 => self.explain_choice(node, schema, "oneOf", at)?,
                1 => {}
                _ => self.tell(Some((schema, "oneOf")), SchemaError::new(at.way.pointer(), "oneOf", Value::Null))?,
            }
        }
        if let Some(not) = schema.get("not")
            && self.judging.fits(Node::new(not), at.value)?
        {
            self.tell(Some((schema, "not")), SchemaError::new(at.way.pointer(), "not", Value::Null))?;
        }
        if let Some((keyword, branch)) = self.judging.conditional(schema, at.value)? {
            self.explain_part(&[index_of(schema, keyword)], Node::new(branch), at)?;
        }
        Ok(())
    }

    fn explain_unevaluated(&mut self, node: Node<'_>, schema: &Map<String, Value>, at: At<'_>) -> Result<(), Stop> {
        match at.value {
            Value::Object(object) if schema.contains_key("unevaluatedProperties") => {
                for name in self.judging.unevaluated_names(node, object, at.value)? {
                    let operands = json!({ "property": name });
                    let error = SchemaError::new(at.way.pointer(), "unevaluatedProperties", operands);
                    self.tell(Some((schema, "unevaluatedProperties")), error)?;
                }
            }
            Value::Array(_) if schema.contains_key("unevaluatedItems") => {
                if !self.judging.all_items_evaluated(node, at.value)? {
                    let error = SchemaError::new(at.way.pointer(), "unevaluatedItems", Value::Null);
                    self.tell(Some((schema, "unevaluatedItems")), error)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Explains a value that fits no branch of `anyOf` or `oneOf`: by the branch that it was meant for, if that can
    /// be said, else by all of them.
    fn explain_choice(
        &mut self,
        node: Node<'_>,
        schema: &Map<String, Value>,
        keyword: &str,
        at: At<'_>,
    ) -> Result<(), Stop> {
        let branches = list(schema, keyword);
        let place = index_of(schema, keyword);
        if self.nested == 0 {
            let meant = match self.judging.schema.by_discriminator(node.value, branches, at) {
                Meant::Unsaid => self.only_branch_meant(branches, at.value)?.map_or(Meant::Unsaid, Meant::Branch),
                meant => meant,
            };
            match meant {
                Meant::Branch(index) => return self.explain_part(&[place, index], Node::new(&branches[index]), at),
                Meant::NoBranch(error) => return self.tell(Some((schema, keyword)), error),
                Meant::Unsaid => {}
            }
        }
        let mut error = SchemaError::new(at.way.pointer(), keyword, Value::Null);
        if branches.len() <= self.branches_left && self.nested < MOST_NESTED {
            self.branches_left -= branches.len();
            for branch in branches {
                error.branches.push(self.explain_branch(branch, at)?);
            }
        }
        self.tell(Some((schema, keyword)), error)
    }

    /// Why a value does not fit a branch, in the order in which its keywords are looked at.
    fn explain_branch(&mut self, branch: &Value, at: At<'_>) -> Result<Vec<SchemaError>, Stop> {
        let outer = std::mem::take(&mut self.found);
        self.nested += 1;
        let depth = self.judging.depth;
        let result = self.explain(Node::new(branch), at);
        self.judging.depth = depth;
        self.nested -= 1;
        let found = std::mem::replace(&mut self.found, outer);
        match result {
            Err(Stop::Exhausted) => Err(Stop::Exhausted),
            Ok(()) | Err(Stop::Enough) => Ok(found.into_iter().map(|(_, error)| error).collect()),
        }
    }

    /// The branch of an `anyOf` or `oneOf` that a value was meant for: the only one whose type fits.
    ///
    /// Without it every error below a nullable reference would be about both of its branches.
    fn only_branch_meant(&mut self, branches: &[Value], value: &Value) -> Result<Option<usize>, Stop> {
        let mut fitting = Vec::new();
        let mut full = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            let wrong = self.wrong_type(branch, value)?;
            if wrong.is_none() {
                fitting.push(index);
            }
            // Where every branch wants another type, the one that does not want null speaks.
            if wrong.is_none_or(|wanted| wanted != "null" && wanted != json!(["null"])) {
                full.push(index);
            }
        }
        Ok(match (fitting.as_slice(), full.as_slice()) {
            ([one], _) | ([], [one]) => Some(*one),
            _ => None,
        })
    }

    /// The type that a branch wants of a value and that it does not have, of the branch itself or of what always
    /// holds in it.
    fn wrong_type(&mut self, branch: &Value, value: &Value) -> Result<Option<Value>, Stop> {
        let Value::Object(schema) = branch else { return Ok(None) };
        self.judging.enter()?;
        if let Some(wanted) = schema.get("type")
            && !self.judging.is_of_type(value, wanted)
        {
            self.judging.leave();
            return Ok(Some(wanted.clone()));
        }
        let mut wrong = None;
        for inner in list(schema, "allOf") {
            if wrong.is_none() {
                wrong = self.wrong_type(inner, value)?;
            }
        }
        if wrong.is_none()
            && let Some((_, inner)) = self.judging.conditional(schema, value)?
        {
            wrong = self.wrong_type(inner, value)?;
        }
        for (_, target) in self.judging.targets(schema) {
            let key = (address(target), address(value));
            if wrong.is_none() && self.judging.open.insert(key) {
                let result = self.wrong_type(target, value);
                self.judging.open.remove(&key);
                wrong = result?;
            }
        }
        self.judging.leave();
        Ok(wrong)
    }
}

/// What a discriminator says about an instance that fits no branch.
enum Meant {
    /// It was meant for this branch.
    Branch(usize),
    /// It names no branch.
    NoBranch(SchemaError),
    Unsaid,
}

impl Schema {
    /// The types of a property of a schema, if it declares it.
    fn property_of<'n>(&'n self, node: &'n Value, name: &str) -> Option<Vec<&'n str>> {
        self.property(node, name).map(|property| self.types(property))
    }

    /// The branch that the discriminator of a schema names (OpenAPI 3.1.1 §4.8.25).
    fn by_discriminator(&self, node: &Value, branches: &[Value], at: At<'_>) -> Meant {
        let Some(discriminator) = node.get("discriminator") else { return Meant::Unsaid };
        let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else { return Meant::Unsaid };
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let branch_of = |to: &str| {
            let wanted = self.resolve_pointer(&json!({ "$ref": to }));
            let found = branches.iter().position(|branch| wanted.is_some() && self.resolve_pointer(branch) == wanted);
            found.map_or(Meant::Unsaid, Meant::Branch)
        };
        let default = discriminator.get("defaultMapping").and_then(mapped);
        match (at.value.get(property), default) {
            (Some(Value::String(name)), default) => {
                let to = mapping.and_then(|mapping| mapping.get(name)).and_then(mapped);
                let to = to.unwrap_or_else(|| join("#/components/schemas", name));
                match (branch_of(&to), default) {
                    (Meant::Branch(branch), _) => Meant::Branch(branch),
                    (_, Some(default)) => branch_of(&default),
                    _ => Meant::NoBranch(unknown_name(&at.way.pointer(), property, mapping, branches)),
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
}

/// The value of the discriminator's property is none of those that name a branch.
fn unknown_name(
    pointer: &str,
    property: &str,
    mapping: Option<&Map<String, Value>>,
    branches: &[Value],
) -> SchemaError {
    let implied = branches.iter().filter_map(|branch| branch.get("$ref")?.as_str()?.rsplit('/').next().map(unescape));
    let names: Vec<String> = match mapping {
        Some(mapping) if !mapping.is_empty() => mapping.keys().cloned().collect(),
        _ => implied.collect(),
    };
    SchemaError::new(join(pointer, property), "enum", json!({ "values": names }))
}

/// The place of a keyword among the members of a schema.
fn index_of(schema: &Map<String, Value>, keyword: &str) -> usize {
    schema.keys().position(|key| key == keyword).unwrap_or(0)
}

/// The place of a member in an object, or of an item in a list.
fn member_index(value: &Value, name: &str) -> usize {
    value.as_object().map_or_else(|| name.parse().unwrap_or(0), |object| index_of(object, name))
}

/// The place of a keyword below a schema, by its path: `/dependentRequired/a`.
fn order_below(node: &Value, path: &str, kind: &ValidationErrorKind) -> Vec<usize> {
    let mut order = Vec::new();
    let mut at = Some(node);
    for segment in path.split('/').skip(1) {
        let name = unescape(segment);
        order.push(at.map_or(0, |value| member_index(value, &name)));
        at = at.and_then(|value| value.get(&name));
    }
    if let (ValidationErrorKind::Required { property }, Some(Value::Array(names))) = (kind, at) {
        order.push(names.iter().position(|name| name == property).unwrap_or(0));
    }
    order
}

fn type_names(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(name) => vec![name.to_string()],
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect(),
    }
}

/// The error of a keyword that asks something of the value itself, in our words.
fn describe(pointer: &str, error: &ValidationError<'_>) -> SchemaError {
    use ValidationErrorKind as Kind;
    let operands = match error.kind() {
        Kind::Required { property } => json!({ "property": property }),
        Kind::Type { kind } => json!({ "types": type_names(kind) }),
        Kind::Enum { options } => json!({ "values": &**options }),
        Kind::Constant { expected_value } => json!({ "value": &**expected_value }),
        Kind::Minimum { limit }
        | Kind::Maximum { limit }
        | Kind::ExclusiveMinimum { limit }
        | Kind::ExclusiveMaximum { limit } => json!({ "limit": limit }),
        Kind::MinLength { limit }
        | Kind::MaxLength { limit }
        | Kind::MinItems { limit }
        | Kind::MaxItems { limit }
        | Kind::MinProperties { limit }
        | Kind::MaxProperties { limit } => json!({ "limit": limit }),
        Kind::MultipleOf { multiple_of } => json!({ "limit": whole(multiple_of) }),
        Kind::Format { format } => json!({ "format": format }),
        _ => Value::Null,
    };
    SchemaError::new(pointer, error.kind().keyword(), operands)
}

/// `5` and not `5.0`.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
fn whole(limit: &Value) -> Value {
    let number = limit.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    number.map_or_else(|| limit.clone(), |number| json!(number as i64))
}
