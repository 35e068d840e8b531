//! Several documents as one: which operations are the same, and what the whole looks like.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::schema::Schemas;
use super::{Contract, Operation};
use crate::document::reference::resolve;
use crate::document::syntax::join;

/// Whether two operations promise the same, references followed in the document of each.
#[must_use]
pub fn same_operation(documents: &[Arc<Schemas>], a: &Operation, b: &Operation) -> bool {
    let roots = [documents[a.document].tree(), documents[b.document].tree()];
    let values = [(roots[0], a), (roots[1], b)].map(|(root, operation)| root.pointer(operation.place.pointer()));
    let [Some(left), Some(right)] = values else { return false };
    let mut comparison = Comparison { left: roots[0], right: roots[1], assumed: HashSet::new() };
    comparison.same(left, right) && a.bases == b.bases
}

struct Comparison<'t> {
    left: &'t Value,
    right: &'t Value,
    /// Pairs of references that are being compared, so that circles end.
    assumed: HashSet<(String, String)>,
}

impl Comparison<'_> {
    fn same(&mut self, left: &Value, right: &Value) -> bool {
        let reference = |value: &Value| value.get("$ref").and_then(Value::as_str).map(str::to_owned);
        if let (Some(a), Some(b)) = (reference(left), reference(right))
            && !self.assumed.insert((a, b))
        {
            return true;
        }
        let (left_root, right_root) = (self.left, self.right);
        let ends = (resolve(left_root, left, ""), resolve(right_root, right, ""));
        let (Ok(left), Ok(right)) = ends else { return left == right };
        match (left.value, right.value) {
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| self.same(a, b)))
            }
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(a, b)),
            (a, b) => a == b,
        }
    }
}

/// The loaded documents as one OpenAPI 3.1 document.
///
/// Components of one name and different content are told apart by a number: `Error`, `Error_2`.
#[must_use]
pub fn as_one_document(contract: &Contract) -> Value {
    if let [only] = contract.documents.as_slice() {
        return Value::clone(only.tree());
    }
    let mut merged = Merged::default();
    for (index, document) in contract.documents.iter().enumerate() {
        let tree = merged.with_own_components(document.tree());
        merged.components(&tree);
        merged.tags(&tree);
        for operation in contract.operations.iter().filter(|operation| operation.document == index) {
            merged.operation(&tree, operation);
        }
    }
    json!({
        "openapi": "3.1.1",
        "info": { "title": "Sandbox", "version": env!("CARGO_PKG_VERSION") },
        "tags": merged.tags,
        "paths": merged.paths,
        "components": merged.components,
    })
}

#[derive(Default)]
struct Merged {
    paths: Map<String, Value>,
    components: Map<String, Value>,
    tags: Vec<Value>,
}

impl Merged {
    /// The tree with the names of its components changed where they are taken by others.
    fn with_own_components(&self, tree: &Value) -> Value {
        let mut renamed: Vec<(String, String)> = Vec::new();
        for (section, names) in tree["components"].as_object().into_iter().flatten() {
            for (name, value) in names.as_object().into_iter().flatten() {
                let taken = |name: &str| self.components.get(section).and_then(|all| all.get(name));
                if taken(name).is_some_and(|there| there != value) {
                    let free = (2..=usize::MAX).map(|n| format!("{name}_{n}")).find(|name| taken(name).is_none());
                    let at = join(&join("/components", section), name);
                    renamed.extend(free.map(|free| (at, free)));
                }
            }
        }
        let mut tree = tree.clone();
        if !renamed.is_empty() {
            rename_references(&mut tree, &renamed);
            for (at, name) in &renamed {
                rename_component(&mut tree, at, name);
            }
        }
        tree
    }

    fn components(&mut self, tree: &Value) {
        for (section, names) in tree["components"].as_object().into_iter().flatten() {
            let section = self.components.entry(section.clone()).or_insert_with(|| json!({}));
            for (name, value) in names.as_object().into_iter().flatten() {
                section[name] = value.clone();
            }
        }
    }

    fn tags(&mut self, tree: &Value) {
        for tag in tree["tags"].as_array().into_iter().flatten() {
            if !self.tags.iter().any(|there| there["name"] == tag["name"]) {
                self.tags.push(tag.clone());
            }
        }
    }

    fn operation(&mut self, tree: &Value, operation: &Operation) {
        let Some(value) = tree.pointer(operation.place.pointer()) else { return };
        let item = self.paths.entry(operation.template.clone()).or_insert_with(|| json!({}));
        let mut value = value.clone();
        let item_at = operation.place.pointer().rsplit_once('/').map_or("", |(item, _)| item);
        if let Some(inherited) = tree.pointer(item_at).and_then(|item| item.get("parameters")?.as_array()) {
            let own = value["parameters"].as_array().cloned().unwrap_or_default();
            let is_own = |p: &&Value| {
                !own.iter().any(|o| o["name"] == p["name"] && o["in"] == p["in"] && o.get("name").is_some())
            };
            let all: Vec<Value> = inherited.iter().filter(is_own).chain(&own).cloned().collect();
            value["parameters"] = Value::Array(all);
        }
        if value.get("security").is_none()
            && let Some(security) = tree.get("security")
        {
            value["security"] = security.clone();
        }
        item[operation.method.as_str().to_ascii_lowercase()] = value;
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
            object.values_mut().for_each(|member| rename_references(member, renamed));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_references(item, renamed)),
        _ => {}
    }
}

fn renamed_reference(reference: &str, renamed: &[(String, String)]) -> Option<String> {
    renamed.iter().find_map(|(at, name)| {
        let rest = reference.strip_prefix('#')?.strip_prefix(at.as_str())?;
        let parent = at.rsplit_once('/')?.0;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("#{parent}/{name}{rest}"))
    })
}

fn rename_component(tree: &mut Value, at: &str, name: &str) {
    let Some((parent, old)) = at.rsplit_once('/') else { return };
    let old = old.replace("~1", "/").replace("~0", "~");
    if let Some(Value::Object(section)) = tree.pointer_mut(parent)
        && let Some(value) = section.shift_remove(&old)
    {
        section.insert(name.to_owned(), value);
    }
}
