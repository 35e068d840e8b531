//! Several documents as one: comparison of operations, and the merged document.
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::contract::Contract;
use crate::contract::operation::Operation;
use crate::document::link::FILES;
use crate::document::reference::resolve;
use crate::document::syntax::{join, unescape};
use crate::schema::Schemas;

/// Returns true if two operations are documented identically, with references followed in the
/// document of each.
#[must_use]
pub(crate) fn same_operation(documents: &[Arc<Schemas>], a: &Operation, b: &Operation) -> bool {
    let roots = [documents[a.document].tree(), documents[b.document].tree()];
    let values =
        [(roots[0], a), (roots[1], b)].map(|(root, operation)| surroundings(root, operation));
    let mut comparison = TreeComparison {
        left: roots[0],
        right: roots[1],
        assumed: HashSet::new(),
    };
    a.compiled().security == b.compiled().security
        && a.bases == b.bases
        && values[0]
            .iter()
            .zip(&values[1])
            .all(|(left, right)| match (left, right) {
                (Some(left), Some(right)) => comparison.same(left, right, 0),
                (left, right) => left == right,
            })
}

/// Returns the operation, and the parameters of its path item.
fn surroundings<'t>(root: &'t Value, operation: &Operation) -> [Option<&'t Value>; 2] {
    let at = operation.place.pointer();
    let item = root.pointer(item_of(at));
    [
        root.pointer(at),
        item.and_then(|item| item.get("parameters")),
    ]
}

/// Returns true if a request to an operation needs parameters. Reads the document, so that a list of
/// many operations compiles none of them.
#[must_use]
pub(crate) fn has_required_parameters(contract: &Contract, operation: &Operation) -> bool {
    let root = contract.documents[operation.document].tree();
    let [operation, inherited] = surroundings(root, operation);
    let own = operation.and_then(|operation| operation.get("parameters"));
    own.into_iter()
        .chain(inherited)
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|parameter| resolve(root, parameter, "").ok())
        .any(|parameter| parameter.value.get("required") == Some(&Value::Bool(true)))
}

/// Returns the JSON Pointer of the path item of an operation.
pub(crate) fn item_of(at: &str) -> &str {
    let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
    parent
        .strip_suffix("/additionalOperations")
        .unwrap_or(parent)
}

/// Maximum nesting that is compared; deeper values count as different.
const DEEPEST: usize = 200;

struct TreeComparison<'t> {
    left: &'t Value,
    right: &'t Value,
    /// Pairs of values under comparison, so that circular references end.
    assumed: HashSet<(usize, usize)>,
}

impl TreeComparison<'_> {
    fn same(&mut self, left: &Value, right: &Value, depth: usize) -> bool {
        let is_reference = |value: &Value| value.get("$ref").is_some();
        let follows = is_reference(left) || is_reference(right);
        let (left_root, right_root) = (self.left, self.right);
        let ends = (resolve(left_root, left, ""), resolve(right_root, right, ""));
        let (Ok(left), Ok(right)) = ends else {
            return left == right;
        };
        let pair = (
            std::ptr::from_ref(left.value).addr(),
            std::ptr::from_ref(right.value).addr(),
        );
        if follows && !self.assumed.insert(pair) {
            return true;
        }
        match (left.value, right.value) {
            _ if depth > DEEPEST => false,
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| b.get(key).is_some_and(|b| self.same(a, b, depth + 1)))
            }
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(a, b, depth + 1))
            }
            (a, b) => a == b,
        }
    }
}

/// Returns the loaded documents as one OpenAPI 3.1 document.
///
/// Components with the same name and different content are numbered: `Error`, `Error_2`.
#[must_use]
pub(crate) fn as_one_document(contract: &Contract) -> Value {
    if let [only] = contract.documents.as_slice() {
        return Value::clone(only.tree());
    }
    let mut merged = Merged::default();
    for (index, document) in contract.documents.iter().enumerate() {
        let tree = merged.with_own_names(document.tree(), index);
        merged.components(&tree);
        merged.tags(&tree);
        for operation in contract
            .operations
            .iter()
            .filter(|operation| operation.document == index)
        {
            merged.operation(&tree, operation);
        }
    }
    let mut whole = json!({
        "openapi": "3.1.1",
        "info": { "title": "Sandbox", "version": env!("CARGO_PKG_VERSION") },
        "tags": merged.tags,
        "paths": merged.paths,
        "components": merged.components,
    });
    if !merged.files.is_empty() {
        whole[FILES] = Value::Object(merged.files);
    }
    whole
}

#[derive(Default)]
struct Merged {
    paths: Map<String, Value>,
    components: Map<String, Value>,
    tags: Vec<Value>,
    /// Further files of documents that are split over several.
    files: Map<String, Value>,
}

impl Merged {
    /// Returns the tree with new names for components whose name has other content already, and
    /// for the files that the document is split over.
    fn with_own_names(&self, tree: &Value, index: usize) -> Value {
        let mut renamed: Vec<(String, String)> = Vec::new();
        for (section, names) in tree["components"].as_object().into_iter().flatten() {
            for (name, value) in names.as_object().into_iter().flatten() {
                let taken = |name: &str| self.components.get(section).and_then(|all| all.get(name));
                if taken(name).is_some_and(|there| there != value) {
                    let is_free =
                        |name: &String| taken(name).is_none() && names.get(name).is_none();
                    let free = (2..=usize::MAX)
                        .map(|n| format!("{name}_{n}"))
                        .find(is_free);
                    let at = join(&join("/components", section), name);
                    renamed.extend(free.map(|free| (at, free)));
                }
            }
        }
        for (file, _) in tree[FILES].as_object().into_iter().flatten() {
            renamed.push((join(&join("", FILES), file), format!("{index}-{file}")));
        }
        let mut tree = tree.clone();
        if !renamed.is_empty() {
            rename_references(&mut tree, &renamed);
            for (at, name) in &renamed {
                rename_member(&mut tree, at, name);
            }
        }
        tree
    }

    fn components(&mut self, tree: &Value) {
        for (section, names) in tree["components"].as_object().into_iter().flatten() {
            let section = self
                .components
                .entry(section.clone())
                .or_insert_with(|| json!({}));
            for (name, value) in names.as_object().into_iter().flatten() {
                section[name] = value.clone();
            }
        }
        let files = tree[FILES].as_object().into_iter().flatten();
        self.files
            .extend(files.map(|(name, file)| (name.clone(), file.clone())));
    }

    fn tags(&mut self, tree: &Value) {
        for tag in tree["tags"].as_array().into_iter().flatten() {
            if !self.tags.iter().any(|there| there["name"] == tag["name"]) {
                self.tags.push(tag.clone());
            }
        }
    }

    fn operation(&mut self, tree: &Value, operation: &Operation) {
        let Some(value) = tree.pointer(operation.place.pointer()) else {
            return;
        };
        let item = self
            .paths
            .entry(operation.path_key())
            .or_insert_with(|| json!({}));
        let mut value = value.clone();
        let item_at = item_of(operation.place.pointer());
        if let Some(inherited) = tree
            .pointer(item_at)
            .and_then(|item| item.get("parameters")?.as_array())
        {
            let own = value["parameters"].as_array().cloned().unwrap_or_default();
            let is_own = |p: &&Value| {
                !own.iter().any(|o| {
                    o["name"] == p["name"] && o["in"] == p["in"] && o.get("name").is_some()
                })
            };
            let all: Vec<Value> = inherited
                .iter()
                .filter(is_own)
                .chain(&own)
                .cloned()
                .collect();
            value["parameters"] = Value::Array(all);
        }
        if value.get("security").is_none()
            && let Some(security) = tree.get("security")
        {
            value["security"] = security.clone();
        }
        let is_additional = operation.place.pointer().contains("/additionalOperations/");
        let item = if is_additional {
            &mut item["additionalOperations"]
        } else {
            item
        };
        let method = operation.method.as_str();
        let method = if is_additional {
            method.to_owned()
        } else {
            method.to_ascii_lowercase()
        };
        // Of two operations at one path, the first answers.
        if item.get(&method).is_none() {
            item[method] = value;
        }
    }
}

fn rename_references(value: &mut Value, renamed: &[(String, String)]) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && let Some(new) = renamed_reference(reference, renamed)
            {
                *reference = new;
            }
            if let Some(Value::Array(requirements)) = object.get_mut("security") {
                requirements
                    .iter_mut()
                    .for_each(|requirement| rename_schemes(requirement, renamed));
            }
            if let Some(Value::Object(mapping)) = object.get_mut("mapping") {
                for to in mapping.values_mut() {
                    if let Some(new) = to
                        .as_str()
                        .and_then(|reference| renamed_reference(reference, renamed))
                    {
                        *to = json!(new);
                    }
                }
            }
            object
                .values_mut()
                .for_each(|member| rename_references(member, renamed));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| rename_references(item, renamed)),
        _ => {}
    }
}

/// Renames the security schemes of a requirement, which names them without a reference.
fn rename_schemes(requirement: &mut Value, renamed: &[(String, String)]) {
    let Some(schemes) = requirement.as_object_mut() else {
        return;
    };
    for (at, new) in renamed {
        if let Some(old) = at.strip_prefix("/components/securitySchemes/")
            && let Some(scopes) = schemes.shift_remove(old)
        {
            schemes.insert(new.clone(), scopes);
        }
    }
}

fn renamed_reference(reference: &str, renamed: &[(String, String)]) -> Option<String> {
    renamed.iter().find_map(|(at, name)| {
        let rest = reference.strip_prefix('#')?.strip_prefix(at.as_str())?;
        let parent = at.rsplit_once('/')?.0;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("#{parent}/{name}{rest}"))
    })
}

fn rename_member(tree: &mut Value, at: &str, name: &str) {
    let Some((parent, old)) = at.rsplit_once('/') else {
        return;
    };
    let old = unescape(old);
    if let Some(Value::Object(section)) = tree.pointer_mut(parent)
        && let Some(value) = section.shift_remove(&old)
    {
        section.insert(name.to_owned(), value);
    }
}
