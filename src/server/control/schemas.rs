//! Control API: lists and describes the named schemas of the documents.
use serde_json::{Value, json};

use crate::contract::described::MOST_DESCRIPTION;
use crate::contract::directory::{NamedSchema, Users};
use crate::diagnostic::Place;
use crate::document::reference::resolve_schema;
use crate::document::syntax::find;
use crate::errors::problem::Problem;
use crate::generate::{GenerateOptions, generate};
use crate::schema::outline::{Outliner, fits, type_of};
use crate::schema::start_of;
use crate::server::control::lists::Paging;
use crate::server::control::{Control, ControlRequest, not_there};

/// Maximum number of schemas in the outline of one; others are left out.
const MOST_SCHEMAS: usize = 1_500;

/// Maximum bytes of a description in a list; the rest is cut.
const MOST_LINE: usize = 200;

/// Maximum bytes of a generated example, written as JSON; a larger one is left out.
const MOST_EXAMPLE: usize = 50_000;

/// Maximum number of values generated in all attempts at an example; after that, the last attempt is
/// shown although it does not fit.
const MOST_VALUES: usize = 10_000;

impl Control {
    /// Lists the named schemas that a search finds, in the order of the documents.
    pub(super) fn schemas(&self, asked: &ControlRequest<'_>) -> Value {
        let paging = Paging::read(asked);
        let is_found = |schema: &&NamedSchema| {
            let line = self.first_line(schema).unwrap_or_default();
            paging.has_words(&[&schema.name, &line])
        };
        let found: Vec<&NamedSchema> = self.directory().schemas.iter().filter(is_found).collect();
        let shown = paging.page(&found).iter();
        let shown: Vec<Value> = shown.map(|schema| self.schema_row(schema)).collect();
        json!({ "total": found.len(), "offset": paging.offset, "schemas": shown })
    }

    /// Describes one named schema.
    ///
    /// # Errors
    ///
    /// `Problem` 404 with the nearest name, if there is no such schema.
    pub(super) fn describe_schema(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.after("schemas");
        let contract = self.sandbox.contract();
        let document = asked.query("document");
        let named = |schema: &&NamedSchema| {
            let source = contract.documents[schema.document].source();
            document.is_none_or(|document| source.name() == document)
        };
        let schema = self.directory().called(&name).find(named);
        let schema = schema.ok_or_else(|| self.unknown_schema(&name, document))?;
        let mut described = self.schema_row(schema);
        let value = self.schema_value(schema);
        let text = value.get("description").and_then(Value::as_str);
        described["description"] = json!(text.map(|text| start_of(text, MOST_DESCRIPTION)));
        let place = self.schema_place(schema);
        described["file"] = json!(place.file());
        described["line"] = json!(self.lines().of_schema(schema.number));
        let mut outline = self.outline_of(schema);
        if let Value::Object(members) = &mut outline {
            members.shift_remove("description");
        }
        described["outline"] = outline;
        self.add_example(schema, &mut described);
        self.add_users(schema, &mut described);
        Ok(described)
    }

    fn unknown_schema(&self, name: &str, document: Option<&str>) -> Problem {
        let likeness = |schema: &NamedSchema| strsim::jaro_winkler(&schema.name, name);
        let all = self.directory().schemas.iter();
        let nearest = all.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let nearest = nearest.filter(|schema| likeness(schema) > 0.8);
        let contract = self.sandbox.contract();
        let help = nearest.map(|schema| {
            let source = contract.documents[schema.document].source();
            format!("; there is `{}` in `{}`", schema.name, source.name())
        });
        let of = document.map(|document| format!(" in `{document}`"));
        not_there(format!(
            "schema `{name}` not found{}{}",
            of.unwrap_or_default(),
            help.unwrap_or_default()
        ))
    }

    /// Returns a schema, with references to it followed.
    fn schema_value(&self, schema: &NamedSchema) -> &Value {
        let tree = self.sandbox.contract().documents[schema.document].tree();
        let value = find(tree, &schema.pointer).unwrap_or(&Value::Null);
        resolve_schema(tree, value, &schema.pointer).map_or(value, |end| end.value)
    }

    fn schema_place(&self, schema: &NamedSchema) -> Place {
        let source = self.sandbox.contract().documents[schema.document].source();
        Place::key(source, schema.pointer.clone())
    }

    /// Returns the first line of the description of a schema, else its title.
    fn first_line(&self, schema: &NamedSchema) -> Option<String> {
        let value = self.schema_value(schema);
        let text = |name| value.get(name).and_then(Value::as_str);
        let line = text("description")
            .or(text("title"))?
            .trim()
            .lines()
            .next()?;
        Some(start_of(line, MOST_LINE).into_owned())
    }

    fn schema_row(&self, schema: &NamedSchema) -> Value {
        let contract = self.sandbox.contract();
        json!({
            "name": schema.name,
            "document": contract.documents[schema.document].source().name(),
            "type": type_of(self.schema_value(schema)),
            "summary": self.first_line(schema),
            "uses": schema.operations.count + schema.schemas.count,
        })
    }

    /// Returns the outline of a schema, in which only other schemas are references.
    fn outline_of(&self, schema: &NamedSchema) -> Value {
        let contract = self.sandbox.contract();
        let tree = contract.documents[schema.document].tree();
        let name_of = |pointer: &str| self.directory().name_at(contract, schema.document, pointer);
        Outliner::new(tree, &name_of, MOST_SCHEMAS).outline(self.schema_value(schema))
    }

    /// Adds a generated value, as the sandbox would answer with it.
    fn add_example(&self, schema: &NamedSchema, described: &mut Value) {
        let compiled = self
            .sandbox
            .contract()
            .schema_at(schema.document, &schema.pointer);
        let Some(compiled) = compiled else { return };
        let options = GenerateOptions {
            most_values: MOST_VALUES,
            ..self.sandbox.settings().options
        };
        let generated = generate(&compiled, &options);
        if fits(&generated.value, MOST_EXAMPLE) {
            described["example"] = generated.value;
            described["exampleFits"] = json!(generated.fits);
        } else {
            described["exampleLeftOut"] = json!(true);
        }
    }

    /// Adds the operations and the schemas that refer to a schema.
    fn add_users(&self, schema: &NamedSchema, described: &mut Value) {
        let contract = self.sandbox.contract();
        let operations = schema.operations.first.iter().map(|index| {
            let operation = &contract.operations[*index];
            json!({
                "operation": operation.name(),
                "method": operation.method.as_str(),
                "path": operation.path_key(),
            })
        });
        described["operations"] = operations.collect();
        let all = &self.directory().schemas;
        let users = schema.schemas.first.iter().map(|index| &all[*index]);
        let users = users.filter_map(|user| {
            self.directory()
                .name_at(contract, user.document, &user.pointer)
        });
        described["schemas"] = users
            .map(|user| json!({ "name": user.name, "document": user.document }))
            .collect();
        for (name, users) in [
            ("operationsLeftOut", &schema.operations),
            ("schemasLeftOut", &schema.schemas),
        ] {
            if let Some(left_out) = left_out(users) {
                described[name] = json!(left_out);
            }
        }
    }
}

/// Returns the number of users that are not listed.
fn left_out(users: &Users) -> Option<usize> {
    Some(users.count - users.first.len()).filter(|left_out| *left_out > 0)
}
