//! Explains why an instance does not fit a schema, with errors in the author's order.
//!
//! The walk follows the schema; the keywords about a value itself are left to a validator of just
//! those. So `anyOf` and `oneOf` are explained only where their errors are reported. `validity`
//! calls it for an instance that the validator did not accept; the meaning of an error for a
//! request is left to `validate` and `errors`.
use serde_json::{Map, Value, json};

use crate::document::reference::{self, mapped};
use crate::document::syntax::{join, unescape};
use crate::schema::MOST_ERRORS;
use crate::schema::describe::{describe, index_of, member_index, order_below};
use crate::schema::error::SchemaError;
use crate::schema::judging::{Judging, MOST_OPEN, Stop, address, list, members, part_at, parts_of};
use crate::schema::own::{SchemaFacts, SchemaNode};
use crate::schema::schemas::Schema;

/// Maximum number of branches of `anyOf` and `oneOf` explained for one instance. An error about
/// more branches than are left does not say why each of them does not fit.
const MOST_BRANCHES: usize = 200;

/// Maximum nesting of `anyOf` and `oneOf` that is explained; deeper ones are reported without
/// their branches.
const MOST_NESTED: usize = 4;

/// An error and the position of its keyword in the text of the schema: the index of each member on
/// the path to it, references followed, so that errors follow the author's order.
type CollectedError = (Vec<usize>, SchemaError);

/// Position of a value in the instance, as a path from the root.
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

/// A value of the instance, with its position.
#[derive(Clone, Copy)]
struct At<'w> {
    value: &'w Value,
    way: &'w Way<'w>,
}

/// State of explaining one instance.
struct Explaining<'s> {
    judging: Judging<'s>,
    found: Vec<CollectedError>,
    /// The position of the current schema, see [`CollectedError`].
    order: Vec<usize>,
    branches_left: usize,
    /// The number of `anyOf` and `oneOf` keywords that enclose the current schema.
    nested: usize,
}

impl Schema {
    /// Returns everything that does not fit, in the author's order. `answer` is that of the
    /// validator; with `Some` the instance is known not to fit. `steps` is reduced to the steps
    /// that are left.
    pub(super) fn explain(
        &self,
        instance: &Value,
        answer: Option<bool>,
        steps: &mut usize,
    ) -> Vec<SchemaError> {
        let most = *steps;
        let judging = Judging::new(self, most);
        let start = judging.start();
        let mut explaining = Explaining {
            judging,
            found: Vec::new(),
            order: Vec::new(),
            branches_left: MOST_BRANCHES,
            nested: 0,
        };
        let end = explaining.explain(
            SchemaNode::new(start),
            At {
                value: instance,
                way: &Way::Root,
            },
        );
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

/// Returns the error of an instance that cannot be judged within the limits.
pub(super) fn beyond_steps(most: usize) -> SchemaError {
    let detail = format!("cannot be validated within {most} steps and {MOST_OPEN} nested schemas");
    SchemaError::new("", "bound", json!({ "detail": detail }))
}

impl Explaining<'_> {
    fn explain(&mut self, node: SchemaNode<'_>, at: At<'_>) -> Result<(), Stop> {
        let schema = match node.value {
            Value::Object(schema) => schema,
            Value::Bool(false) => {
                return self.tell(
                    None,
                    SchemaError::new(at.way.pointer(), "falseSchema", Value::Null),
                );
            }
            _ => return Ok(()),
        };
        self.judging.enter()?;
        let own = self.judging.own(node);
        self.explain_own(node, &own, at)?;
        if own.is_unmatched_by(at.value) {
            let error = SchemaError::new(
                at.way.pointer(),
                "pattern",
                json!({ "pattern": schema.get("pattern") }),
            );
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

    /// Records an error of a keyword of the current schema, or of that schema itself.
    fn tell(
        &mut self,
        keyword: Option<(&Map<String, Value>, &str)>,
        error: SchemaError,
    ) -> Result<(), Stop> {
        let mut order = self.order.clone();
        order.extend(keyword.map(|(schema, keyword)| index_of(schema, keyword)));
        self.note(order, error)
    }

    fn note(&mut self, order: Vec<usize>, error: SchemaError) -> Result<(), Stop> {
        self.found.push((order, error));
        if self.found.len() < MOST_ERRORS {
            Ok(())
        } else {
            Err(Stop::Enough)
        }
    }

    /// Explains a value by a subschema at a place in the current schema.
    fn explain_part(
        &mut self,
        place: &[usize],
        node: SchemaNode<'_>,
        at: At<'_>,
    ) -> Result<(), Stop> {
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
        // Validity is computed once for each value; reasons are collected along each path.
        if self.judging.fits(SchemaNode::new(target), at.value)? || !self.judging.open.insert(key) {
            return Ok(());
        }
        let result = self.explain_part(&[index_of(schema, keyword)], SchemaNode::new(target), at);
        self.judging.open.remove(&key);
        result
    }

    /// Records the errors of the keywords about the value itself.
    fn explain_own(
        &mut self,
        node: SchemaNode<'_>,
        own: &SchemaFacts,
        at: At<'_>,
    ) -> Result<(), Stop> {
        let Some(validator) = own
            .validator
            .as_ref()
            .filter(|validator| !validator.is_valid(at.value))
        else {
            return Ok(());
        };
        for error in validator.iter_errors(at.value) {
            // Evaluation paths begin with `/$ref`, because each validator is built from a
            // reference.
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

    /// Adds the opposite bound to an error about a bound, so that a message can name both (between
    /// 1 and 9), and the types to an error about a missing property.
    fn add_surroundings(&self, node: &Value, path: &str, error: &mut SchemaError) {
        if error.keyword == "required" {
            let property = error
                .operands
                .get("property")
                .and_then(Value::as_str)
                .filter(|_| path == "/required");
            let schema = self.judging.schema;
            if let Some(property) = property.and_then(|property| schema.property_of(node, property))
            {
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
        let bound = other
            .1
            .iter()
            .find_map(|keyword| node.get(*keyword))
            .filter(|bound| bound.is_number());
        if let Some(bound) = bound {
            error.operands.insert(other.0.to_owned(), bound.clone());
        }
    }

    fn explain_members(
        &mut self,
        schema: &Map<String, Value>,
        own: &SchemaFacts,
        object: &Map<String, Value>,
        at: At<'_>,
    ) -> Result<(), Stop> {
        let mut unexpected: Vec<&str> = Vec::new();
        for (name, value) in object {
            let way = Way::Name(at.way, name);
            for part in parts_of(schema, own, name) {
                if part.keyword == "additionalProperties" && *part.schema == Value::Bool(false) {
                    unexpected.push(name);
                    continue;
                }
                let inner = part.key.map(|key| member_index(&schema[part.keyword], key));
                let place: Vec<usize> = [index_of(schema, part.keyword)]
                    .into_iter()
                    .chain(inner)
                    .collect();
                self.explain_part(
                    &place,
                    SchemaNode::new(part.schema),
                    At { value, way: &way },
                )?;
            }
        }
        for name in unexpected {
            let error = SchemaError::new(
                at.way.pointer(),
                "additionalProperties",
                json!({ "property": name }),
            );
            self.tell(Some((schema, "additionalProperties")), error)?;
        }
        if let Some(names) = schema.get("propertyNames") {
            self.explain_names(schema, names, object, at)?;
        }
        for (index, (name, dependent)) in members(schema, "dependentSchemas").enumerate() {
            if object.contains_key(name) {
                self.explain_part(
                    &[index_of(schema, "dependentSchemas"), index],
                    SchemaNode::new(dependent),
                    at,
                )?;
            }
        }
        Ok(())
    }

    /// Records an error for each reason why a name does not fit `propertyNames`.
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
            let result = self.explain_part(
                &place,
                SchemaNode::new(names),
                At {
                    value: &value,
                    way: at.way,
                },
            );
            for (_, error) in &mut self.found[before..] {
                *error = SchemaError::new(
                    at.way.pointer(),
                    "propertyNames",
                    json!({ "property": name }),
                );
            }
            result?;
        }
        Ok(())
    }

    fn explain_items(
        &mut self,
        schema: &Map<String, Value>,
        items: &[Value],
        at: At<'_>,
    ) -> Result<(), Stop> {
        for (index, value) in items.iter().enumerate() {
            let Some((keyword, part)) = part_at(schema, index) else {
                break;
            };
            let way = Way::Index(at.way, index);
            let place = [index_of(schema, keyword), index];
            let length = if keyword == "prefixItems" { 2 } else { 1 };
            self.explain_part(
                &place[..length],
                SchemaNode::new(part),
                At { value, way: &way },
            )?;
        }
        if let Some(keyword) = self.judging.wrong_count(schema, items)? {
            self.tell(
                Some((schema, keyword)),
                SchemaError::new(at.way.pointer(), "contains", Value::Null),
            )?;
        }
        Ok(())
    }

    fn explain_branches(
        &mut self,
        node: SchemaNode<'_>,
        schema: &Map<String, Value>,
        own: &SchemaFacts,
        at: At<'_>,
    ) -> Result<(), Stop> {
        for (index, value) in list(schema, "allOf").iter().enumerate() {
            let branch = SchemaNode {
                value,
                unasked: &own.unasked,
            };
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
                _ => self.tell(
                    Some((schema, "oneOf")),
                    SchemaError::new(at.way.pointer(), "oneOf", Value::Null),
                )?,
            }
        }
        if let Some(not) = schema.get("not")
            && self.judging.fits(SchemaNode::new(not), at.value)?
        {
            self.tell(
                Some((schema, "not")),
                SchemaError::new(at.way.pointer(), "not", Value::Null),
            )?;
        }
        if let Some((keyword, branch)) = self.judging.conditional(schema, at.value)? {
            self.explain_part(&[index_of(schema, keyword)], SchemaNode::new(branch), at)?;
        }
        Ok(())
    }

    fn explain_unevaluated(
        &mut self,
        node: SchemaNode<'_>,
        schema: &Map<String, Value>,
        at: At<'_>,
    ) -> Result<(), Stop> {
        match at.value {
            Value::Object(object) if schema.contains_key("unevaluatedProperties") => {
                for name in self.judging.unevaluated_names(node, object, at.value)? {
                    let operands = json!({ "property": name });
                    let error =
                        SchemaError::new(at.way.pointer(), "unevaluatedProperties", operands);
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

    /// Explains a value that fits no branch of `anyOf` or `oneOf`: by the intended branch if that
    /// is known, else by all of them. Inside another choice all branches are explained.
    fn explain_choice(
        &mut self,
        node: SchemaNode<'_>,
        schema: &Map<String, Value>,
        keyword: &str,
        at: At<'_>,
    ) -> Result<(), Stop> {
        let branches = list(schema, keyword);
        let place = index_of(schema, keyword);
        if self.nested == 0 {
            let meant = match self
                .judging
                .schema
                .by_discriminator(node.value, branches, at)
            {
                Meant::Unsaid => self
                    .only_branch_meant(branches, at.value)?
                    .map_or(Meant::Unsaid, Meant::Branch),
                meant => meant,
            };
            match meant {
                Meant::Branch(index) => {
                    return self.explain_part(
                        &[place, index],
                        SchemaNode::new(&branches[index]),
                        at,
                    );
                }
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

    /// Returns the errors of a value against a branch, in the order in which its keywords are
    /// visited.
    fn explain_branch(&mut self, branch: &Value, at: At<'_>) -> Result<Vec<SchemaError>, Stop> {
        let outer = std::mem::take(&mut self.found);
        self.nested += 1;
        let depth = self.judging.depth;
        let result = self.explain(SchemaNode::new(branch), at);
        self.judging.depth = depth;
        self.nested -= 1;
        let found = std::mem::replace(&mut self.found, outer);
        match result {
            Err(Stop::Exhausted) => Err(Stop::Exhausted),
            Ok(()) | Err(Stop::Enough) => Ok(found.into_iter().map(|(_, error)| error).collect()),
        }
    }

    /// Returns the branch of an `anyOf` or `oneOf` that a value was intended for: the only one
    /// whose type fits.
    ///
    /// Without it every error below a nullable reference would be about both of its branches.
    fn only_branch_meant(
        &mut self,
        branches: &[Value],
        value: &Value,
    ) -> Result<Option<usize>, Stop> {
        let mut fitting = Vec::new();
        let mut full = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            let wrong = self.wrong_type(branch, value)?;
            if wrong.is_none() {
                fitting.push(index);
            }
            // If every branch requires another type, the only one that does not require null is
            // taken.
            if wrong.is_none_or(|wanted| wanted != "null" && wanted != json!(["null"])) {
                full.push(index);
            }
        }
        Ok(match (fitting.as_slice(), full.as_slice()) {
            ([one], _) | ([], [one]) => Some(*one),
            _ => None,
        })
    }

    /// Returns the type that a branch requires and the value does not have; none if the type fits.
    /// The branch itself counts, and the subschemas that always apply in it.
    fn wrong_type(&mut self, branch: &Value, value: &Value) -> Result<Option<Value>, Stop> {
        let Value::Object(schema) = branch else {
            return Ok(None);
        };
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

/// The branch that a discriminator selects for an instance that fits no branch.
enum Meant {
    /// The branch at this index.
    Branch(usize),
    /// No branch has the name in the instance; holds the error to report.
    NoBranch(SchemaError),
    Unsaid,
}

impl Schema {
    /// Returns the types of a property, if the schema declares it.
    fn property_of<'n>(&'n self, node: &'n Value, name: &str) -> Option<Vec<&'n str>> {
        self.property(node, name)
            .map(|property| self.types(property))
    }

    /// Returns the branch that the discriminator of a schema names (OpenAPI 3.1.1 §4.8.25).
    fn by_discriminator(&self, node: &Value, branches: &[Value], at: At<'_>) -> Meant {
        let Some(discriminator) = node.get("discriminator") else {
            return Meant::Unsaid;
        };
        let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else {
            return Meant::Unsaid;
        };
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let branch_of = |to: &str| {
            let wanted = self.resolve_pointer(&json!({ "$ref": to }));
            let found = branches
                .iter()
                .position(|branch| wanted.is_some() && self.resolve_pointer(branch) == wanted);
            found.map_or(Meant::Unsaid, Meant::Branch)
        };
        let default = discriminator.get("defaultMapping").and_then(mapped);
        match (at.value.get(property), default) {
            (Some(Value::String(name)), default) => {
                let to = mapping
                    .and_then(|mapping| mapping.get(name))
                    .and_then(mapped);
                let to = to.unwrap_or_else(|| join("#/components/schemas", name));
                match (branch_of(&to), default) {
                    (Meant::Branch(branch), _) => Meant::Branch(branch),
                    (_, Some(default)) => branch_of(&default),
                    _ => Meant::NoBranch(unknown_name(
                        &at.way.pointer(),
                        property,
                        mapping,
                        branches,
                    )),
                }
            }
            (None, Some(default)) => branch_of(&default),
            _ => Meant::Unsaid,
        }
    }

    /// Returns the pointer that the reference of a schema resolves to; none without a reference.
    fn resolve_pointer(&self, value: &Value) -> Option<String> {
        value.get("$ref")?;
        reference::resolve(self.root(), value, "")
            .ok()
            .map(|end| end.pointer)
    }
}

/// Returns the error of a discriminator value that names no branch.
fn unknown_name(
    pointer: &str,
    property: &str,
    mapping: Option<&Map<String, Value>>,
    branches: &[Value],
) -> SchemaError {
    let implied = branches.iter().filter_map(|branch| {
        branch
            .get("$ref")?
            .as_str()?
            .rsplit('/')
            .next()
            .map(unescape)
    });
    let names: Vec<String> = match mapping {
        Some(mapping) if !mapping.is_empty() => mapping.keys().cloned().collect(),
        _ => implied.collect(),
    };
    SchemaError::new(join(pointer, property), "enum", json!({ "values": names }))
}
