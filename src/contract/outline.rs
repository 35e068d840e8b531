//! Outline of a document: methods, paths and base paths of its operations.
//!
//! `compile` compiles each operation on first use.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::Method;
use serde_json::Value;

use crate::contract::compile::Compiler;
use crate::contract::operation::{Operation, OutgoingOperation, Recipe};
use crate::contract::outgoing::{OutgoingItem, callbacks, webhooks};
use crate::contract::route::Variant;
use crate::contract::server::{base_path, own_servers};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::METHODS;
use crate::document::reference::resolve;
use crate::document::syntax::join;
use crate::schema::Examples;
use crate::schema::Schemas;

/// Operations of a document, each of which is compiled on first use.
pub(crate) struct Outline {
    /// Operations that answer requests.
    pub operations: Vec<Operation>,
    /// Webhooks of the document.
    pub webhooks: Vec<OutgoingOperation>,
    /// Diagnostics of paths and servers.
    pub diagnostics: Vec<Diagnostic>,
}

/// Finds the operations of the document with this index.
#[must_use]
pub(crate) fn outline(schemas: &Arc<Schemas>, index: usize, examples: Examples) -> Outline {
    let compiler = Arc::new(Mutex::new(Compiler::new(Arc::clone(schemas), examples)));
    let weak = Arc::downgrade(&compiler);
    let mut finder = OperationFinder {
        schemas,
        index,
        compiler,
        known_bases: HashMap::new(),
        diagnostics: Vec::new(),
    };
    let operations = finder.operations();
    let tree = Arc::clone(schemas.tree());
    let webhooks = webhooks(&tree);
    let webhooks: Vec<OutgoingOperation> = webhooks
        .iter()
        .flat_map(|item| finder.outgoing(item))
        .collect();
    let called = operations
        .iter()
        .flat_map(|operation| &operation.callbacks)
        .chain(&webhooks)
        .map(|outgoing| &outgoing.operation);
    let recipes = operations.iter().chain(called).map(|operation| {
        (
            operation.template.clone(),
            operation.recipe.item.clone(),
            operation.recipe.at.clone(),
        )
    });
    let recipes: Vec<(String, String, String)> = recipes.collect();
    schemas.note_all_by(move || {
        let Some(compiler) = weak.upgrade() else {
            return;
        };
        let mut compiler = compiler.lock().unwrap_or_else(PoisonError::into_inner);
        recipes
            .iter()
            .for_each(|(template, item, at)| compiler.note(template, item, at));
    });
    Outline {
        operations,
        webhooks,
        diagnostics: finder.diagnostics,
    }
}

/// Maximum number of different base paths in one list of servers; operations do not answer at
/// further ones.
const MOST_BASES: usize = 64;

/// Finder of the operations of a document.
struct OperationFinder<'c> {
    schemas: &'c Arc<Schemas>,
    index: usize,
    compiler: Arc<Mutex<Compiler>>,
    /// Base paths of lists of servers, by JSON Pointer.
    known_bases: HashMap<String, Arc<[String]>>,
    diagnostics: Vec<Diagnostic>,
}

/// A path item, with its reference followed.
struct PathItem<'t> {
    template: &'t str,
    variant: Option<&'t Variant>,
    value: &'t Value,
    at: &'t str,
}

impl OperationFinder<'_> {
    pub(crate) fn warn(&mut self, code: Code, place: Place, message: String, help: &str) {
        self.diagnostics
            .push(Diagnostic::at(code, place, message).help(help));
    }

    fn operations(&mut self) -> Vec<Operation> {
        let tree = Arc::clone(self.schemas.tree());
        let mut operations = Vec::new();
        for (path, item) in tree["paths"].as_object().into_iter().flatten() {
            if path.starts_with("x-") {
                continue;
            }
            let at = join("/paths", path);
            let (template, variant) = self.template(path, &at);
            let own = PathItem {
                template: &template,
                variant: variant.as_ref(),
                value: item,
                at: &at,
            };
            operations.extend(self.methods(&tree, &own, &[]));
            // Fields next to a reference take precedence over those of its target (OpenAPI 3.0.4
            // §4.7.9).
            if item.get("$ref").is_some()
                && let Ok(end) = resolve(&tree, item, &at)
            {
                let referred = PathItem {
                    template: &template,
                    variant: variant.as_ref(),
                    value: end.value,
                    at: &end.pointer,
                };
                let known: Vec<&String> = item
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name)
                    .collect();
                operations.extend(self.methods(&tree, &referred, &known));
            }
        }
        operations
    }

    /// Returns the operations of a path item, except for methods that are known already.
    fn methods(&mut self, tree: &Value, item: &PathItem<'_>, known: &[&String]) -> Vec<Operation> {
        let fields = item.value.as_object().into_iter().flatten();
        let fields =
            fields.filter(|(name, _)| METHODS.contains(&name.as_str()) && !known.contains(name));
        let mut operations: Vec<Operation> = fields
            .filter_map(|(method, value)| {
                self.operation(tree, item, method, join(item.at, method), value)
            })
            .collect();
        let at = join(item.at, "additionalOperations");
        for (method, value) in item
            .value
            .get("additionalOperations")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            operations.extend(self.operation(tree, item, method, join(&at, method), value));
        }
        operations
    }

    fn operation(
        &mut self,
        tree: &Value,
        item: &PathItem<'_>,
        method: &str,
        at: String,
        value: &Value,
    ) -> Option<Operation> {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
        let callbacks = callbacks(tree, value, &at);
        let callbacks = callbacks
            .iter()
            .flat_map(|item| self.outgoing(item))
            .collect();
        Some(Operation {
            method,
            template: item.template.to_owned(),
            variant: item.variant.cloned(),
            id: value
                .get("operationId")
                .and_then(Value::as_str)
                .map(str::to_owned)
                .filter(|id| !id.is_empty()),
            repeats_id: false,
            document: self.index,
            place: Place::key(self.schemas.source(), at.clone()),
            fixtures: Vec::new(),
            overrules: Vec::new(),
            bases: self.bases(tree, item, value, &at),
            own_servers: own_servers(value, item.value),
            callbacks,
            recipe: Recipe {
                compiler: Arc::clone(&self.compiler),
                item: item.at.to_owned(),
                at,
            },
            compiled: OnceLock::new(),
            name: OnceLock::new(),
        })
    }

    /// Returns the requests that the API sends as a callback or a webhook describes them, one for
    /// each method.
    fn outgoing(&self, item: &OutgoingItem<'_>) -> Vec<OutgoingOperation> {
        let fields = item.value.as_object().into_iter().flatten();
        let methods = fields.filter(|(name, _)| METHODS.contains(&name.as_str()));
        let of_method = |(method, value): (&String, &Value)| {
            let at = join(&item.at, method);
            let id = value.get("operationId").and_then(Value::as_str);
            let operation = Operation {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).ok()?,
                template: format!("/{}", item.name.replace(['{', '}', '?', '#'], "_")),
                variant: None,
                id: id.map(str::to_owned).filter(|id| !id.is_empty()),
                repeats_id: false,
                document: self.index,
                place: Place::key(self.schemas.source(), at.clone()),
                fixtures: Vec::new(),
                overrules: Vec::new(),
                bases: Arc::default(),
                own_servers: Box::default(),
                callbacks: Vec::new(),
                recipe: Recipe {
                    compiler: Arc::clone(&self.compiler),
                    item: item.at.clone(),
                    at,
                },
                compiled: OnceLock::new(),
                name: OnceLock::new(),
            };
            Some(OutgoingOperation {
                name: item.name.to_owned(),
                expression: item.expression.map(str::to_owned),
                order: item.order,
                operation,
            })
        };
        methods.filter_map(of_method).collect()
    }

    /// Returns the path template without syntax that the standard does not allow, and the query or
    /// fragment that was cut off.
    fn template(&mut self, path: &str, at: &str) -> (String, Option<Variant>) {
        let place = Place::key(self.schemas.source(), at);
        let mut template = path.to_owned();
        let mut variant = None;
        if let Some(end) = path.find(['?', '#']) {
            let parsed = Variant::parse(&template.split_off(end));
            let message = format!("the path `{path}` has a query or fragment");
            let help = match parsed.pins.as_slice() {
                [] => format!(
                    "read as `{template}`; among operations of that path the one that the request fits is chosen"
                ),
                _ => format!(
                    "read as `{template}`, for requests that carry `{}`",
                    &parsed.text[1..]
                ),
            };
            self.warn(Code::BrokenPath, place.clone(), message, &help);
            variant = Some(parsed);
        }
        if !template.starts_with('/') {
            template.insert(0, '/');
            let message = format!("the path `{path}` does not begin with a slash");
            self.warn(
                Code::BrokenPath,
                place.clone(),
                message,
                &format!("read as `{template}`"),
            );
        }
        if let Some(written) = with_expressions(&template) {
            let message = format!("the path `{path}` has a parameter that is written with a colon");
            self.warn(
                Code::BrokenPath,
                place.clone(),
                message,
                &format!("read as `{written}`"),
            );
            template = written;
        }
        if let Some(segment) = template.split('/').find(|segment| has_odd_brace(segment)) {
            let message = format!(
                "the path `{path}` has `{segment}`, where a brace is opened or closed only"
            );
            self.warn(
                Code::BrokenPath,
                place,
                message,
                "it is read as that text; write `{name}` for a path parameter",
            );
        }
        (template, variant)
    }

    /// Returns the base paths of the nearest `servers`: of the operation, its path item, the
    /// document.
    fn bases(
        &mut self,
        tree: &Value,
        item: &PathItem<'_>,
        operation: &Value,
        at: &str,
    ) -> Arc<[String]> {
        let nearest = [(operation, at), (item.value, item.at), (tree, "")];
        let servers = nearest.iter().find_map(|(value, at)| {
            let servers = value
                .get("servers")?
                .as_array()
                .filter(|servers| !servers.is_empty())?;
            Some((servers, join(at, "servers")))
        });
        let Some((servers, at)) = servers else {
            return Arc::default();
        };
        if let Some(known) = self.known_bases.get(&at) {
            return Arc::clone(known);
        }
        let mut bases: Vec<String> = Vec::new();
        for (index, server) in servers.iter().enumerate() {
            match base_path(server) {
                Ok(base) if base.is_empty() || bases.contains(&base) => {}
                Ok(_) if bases.len() >= MOST_BASES => {
                    let place = Place::value(self.schemas.source(), join(&at, &index.to_string()));
                    let message = format!("there are more than {MOST_BASES} base paths");
                    self.warn(
                        Code::InvalidServer,
                        place,
                        message,
                        "operations answer without this one and the others",
                    );
                    break;
                }
                Ok(base) => bases.push(base),
                Err(error) => {
                    let place = Place::value(self.schemas.source(), join(&at, &index.to_string()));
                    self.warn(
                        Code::InvalidServer,
                        place,
                        error.to_string(),
                        "operations answer without its base path",
                    );
                }
            }
        }
        let bases: Arc<[String]> = bases.into();
        self.known_bases.insert(at, Arc::clone(&bases));
        bases
    }
}

/// Returns the template with expressions for segments in the notation of Express, if there are
/// any: `/pets/{id}` for `/pets/:id`.
fn with_expressions(template: &str) -> Option<String> {
    let name = |segment: &str| {
        let name = segment.strip_prefix(':')?;
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        is_name.then(|| format!("{{{name}}}"))
    };
    let segments: Vec<String> = template
        .split('/')
        .map(|segment| name(segment).unwrap_or_else(|| segment.to_owned()))
        .collect();
    let written = segments.join("/");
    (written != template).then_some(written)
}

/// Returns true if a segment has a `{` without its `}`, or a `}` without its `{`.
fn has_odd_brace(segment: &str) -> bool {
    let mut is_open = false;
    for brace in segment.chars().filter(|c| matches!(c, '{' | '}')) {
        if (brace == '{') == is_open {
            return true;
        }
        is_open = brace == '{';
    }
    is_open
}
