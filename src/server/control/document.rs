//! The loaded documents as one, for viewers and generators of clients: its servers are the sandbox.
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::codec::yaml;
use crate::contract::Contract;
use crate::contract::merge::as_one_document;
use crate::diagnostic::escape;
use crate::document::reference::local_pointer;
use crate::document::syntax::join;

/// Returns the documents as one in JSON. `mount` is the path prefix of the request, such as that of
/// a session.
pub(super) fn json(contract: &Contract, mount: &str) -> Bytes {
    let text = tree(contract, mount).to_string();
    Bytes::from(escape::json(&text).into_owned())
}

/// Returns the documents as one in YAML.
pub(super) fn yaml(contract: &Contract, mount: &str) -> Bytes {
    Bytes::from(yaml::write(&tree(contract, mount), 0))
}

/// Returns the documents as one whose only server is the sandbox, so that a page that shows them
/// sends its requests there.
fn tree(contract: &Contract, mount: &str) -> Value {
    let mut tree = as_one_document(contract);
    for at in path_items(&tree) {
        if let Some(Value::Object(item)) = tree.pointer_mut(&at) {
            without_servers(item);
        }
    }
    let url = if mount.is_empty() { "/" } else { mount };
    let servers = json!([{ "url": url, "description": "Sandbox" }]);
    let Value::Object(members) = tree else {
        return tree;
    };
    let mut whole = Map::new();
    for (name, value) in members {
        if name == "servers" {
            continue;
        }
        let is_info = name == "info";
        whole.insert(name, value);
        if is_info {
            whole.insert("servers".to_owned(), servers.clone());
        }
    }
    whole.entry("servers").or_insert(servers);
    Value::Object(whole)
}

/// Removes the servers of a path item and of its operations.
fn without_servers(item: &mut Map<String, Value>) {
    item.shift_remove("servers");
    for (name, member) in item.iter_mut() {
        if let Value::Object(operation) = member {
            if name == "additionalOperations" {
                without_servers(operation);
            } else if !name.starts_with("x-") {
                operation.shift_remove("servers");
            }
        }
    }
}

/// Longest chain of references between path items that is followed.
const LONGEST_CHAIN: usize = 10;

/// Returns the JSON Pointers of the path items, with those that they refer to.
fn path_items(tree: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let paths = tree.get("paths").and_then(Value::as_object);
    for name in paths.into_iter().flat_map(Map::keys) {
        let mut at = Some(join("/paths", name));
        for _ in 0..LONGEST_CHAIN {
            let Some(pointer) = at.take() else { break };
            let item = tree.pointer(&pointer);
            at = item
                .and_then(|item| item.get("$ref")?.as_str())
                .and_then(local_pointer);
            found.push(pointer);
        }
    }
    found
}
