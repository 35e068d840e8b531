//! Writes an overlay that repairs a document (OpenAPI Overlay 1.0), as far as the traffic proves it.
//!
//! Its actions address the document as the author wrote it, because an overlay is applied before
//! anything else reads a document.
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::Sandbox;
use crate::codec::yaml;
use crate::contract::Contract;
use crate::diagnostic::{Place, Source};
use crate::document::reference::local_pointer;
use crate::document::syntax::{find, join, parse, unescape};
use crate::state::stand_in::REDACTED;
use crate::upstream::drift::dialect::{
    content, described, dialect_of, header, path_parameters, query, response,
};
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::repair::{Change, Repair, RepairKey, repairs};
use crate::upstream::drift::shape::Dialect;
use crate::upstream::drift::unknown::{GroupedOperation, grouped};

/// Maximum number of references that are followed to a part of a document.
const MOST_STEPS: usize = 50;

/// Overlay for one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OverlayText {
    /// Name of the document.
    pub document: String,
    /// Overlay in YAML.
    pub text: String,
    /// Number of actions.
    pub actions: usize,
}

/// Document as the author wrote it, with the actions for it.
struct Written<'c> {
    place: &'c Arc<Source>,
    tree: Value,
    dialect: Dialect,
    actions: Vec<Value>,
    unreached: BTreeSet<String>,
}

/// Repairs of documents.
#[derive(Debug, Default)]
pub(crate) struct Overlays {
    /// Overlay for each document that the traffic contradicts; none for a document without any repair.
    pub texts: Vec<OverlayText>,
    /// Repairs of parts in other files, which no overlay reaches: one sentence each.
    pub unreached: Vec<String>,
}

/// Returns the repairs of all documents.
pub(crate) fn overlays(sandbox: &Sandbox, observations: &Observations) -> Overlays {
    let contract = sandbox.contract();
    let mut documents: Vec<Written<'_>> = Vec::new();
    for document in &contract.documents {
        let tree = parse(&document.source().text())
            .map(|parsed| parsed.tree)
            .unwrap_or_default();
        documents.push(Written {
            place: document.source(),
            dialect: dialect_of(&tree),
            tree,
            actions: Vec::new(),
            unreached: BTreeSet::new(),
        });
    }
    for (key, repair) in &repairs(contract, observations) {
        if let Some(document) = documents.get_mut(key.document) {
            document.repair(key, repair);
        }
    }
    for group in grouped(&observations.unknown) {
        let at = home(contract, &group);
        if let Some(document) = documents.get_mut(at.0) {
            document.operation(&group, &at.1);
        }
    }
    let unreached: BTreeSet<String> = documents
        .iter()
        .flat_map(|document| document.unreached.iter().cloned())
        .collect();
    let with_actions = documents
        .into_iter()
        .filter(|document| !document.actions.is_empty());
    Overlays {
        texts: with_actions.map(Written::overlay).collect(),
        unreached: unreached.into_iter().collect(),
    }
}

/// Returns the document that an operation belongs to, and its template there: without the base path
/// of the document's servers.
fn home(contract: &Contract, group: &GroupedOperation) -> (usize, String) {
    if let Some((document, template)) = &group.sibling {
        return (*document, template.clone());
    }
    let mut best = (0, "");
    for operation in &contract.operations {
        for base in operation.bases.iter() {
            let is_below = group
                .template
                .strip_prefix(base.as_str())
                .is_some_and(|rest| rest.starts_with('/'));
            if is_below && base.len() > best.1.len() {
                best = (operation.document, base);
            }
        }
    }
    let template = group
        .template
        .strip_prefix(best.1)
        .unwrap_or(&group.template);
    (best.0, template.to_owned())
}

/// Deepest level of a document that is searched for references.
const DEEPEST: usize = 100;

/// Collects the pointers of the references to a part of another file.
fn references(tree: &Value, at: &str, file: &str, pointer: &str, found: &mut Vec<String>) {
    if at.bytes().filter(|byte| *byte == b'/').count() > DEEPEST {
        return;
    }
    let last = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned();
    let is_meant = |to: &str| {
        let (name, fragment) = to.split_once('#').unwrap_or((to, ""));
        !name.is_empty() && last(name) == last(file) && fragment == pointer
    };
    match tree {
        Value::Object(members) => {
            let to = members.get("$ref").and_then(Value::as_str);
            if to.is_some_and(is_meant) {
                found.push(at.to_owned());
            }
            for (name, member) in members {
                references(member, &join(at, name), file, pointer, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                references(item, &join(at, &index.to_string()), file, pointer, found);
            }
        }
        _ => {}
    }
}

impl Written<'_> {
    fn overlay(self) -> OverlayText {
        let name = self.place.name().to_owned();
        let file = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_owned();
        let actions = self.actions.len();
        let mut overlay = json!({
            "overlay": "1.0.0",
            "info": { "title": format!("Repairs of {file} by what the real API answers"), "version": "1.0.0" },
        });
        if name != "-" {
            overlay["extends"] = json!(file);
        }
        overlay["actions"] = Value::Array(self.actions);
        OverlayText {
            document: name,
            text: yaml::write(&overlay, 0),
            actions,
        }
    }

    /// Returns the pointer in the written text of a part of the document; `None` if it is in another
    /// file.
    fn written(&self, pointer: &str) -> Option<String> {
        let place = Place::value(self.place, pointer);
        if place.file() != self.place.name() {
            return None;
        }
        self.followed(&place.written_pointer())
    }

    /// Follows the references on the way to a pointer.
    fn followed(&self, pointer: &str) -> Option<String> {
        let mut at = String::new();
        let mut steps = 0;
        for segment in pointer.split('/').skip(1) {
            while let Some(to) = find(&self.tree, &at).and_then(|node| node.get("$ref")?.as_str()) {
                at = local_pointer(to)?;
                steps += 1;
                if steps > MOST_STEPS {
                    return None;
                }
            }
            at = join(&at, &unescape(segment));
        }
        find(&self.tree, &at).is_some().then_some(at)
    }

    fn act(&mut self, pointer: &str, why: &str, update: &Value) {
        let target = self.path(pointer);
        self.actions
            .push(json!({ "target": target, "description": why, "update": update }));
    }

    /// Returns the `JSONPath` of a pointer (RFC 9535 §2.7): `$['paths']['/pets']`.
    fn path(&self, pointer: &str) -> String {
        let mut path = "$".to_owned();
        let mut at = String::new();
        for segment in pointer.split('/').skip(1) {
            let is_list = matches!(find(&self.tree, &at), Some(Value::Array(_)));
            let name = unescape(segment);
            if is_list {
                path.push_str(&format!("[{name}]"));
            } else {
                let name = name.replace('\\', "\\\\").replace('\'', "\\'");
                let name = name
                    .replace('\n', "\\n")
                    .replace('\r', "\\r")
                    .replace('\t', "\\t");
                path.push_str(&format!("['{name}']"));
            }
            at = join(&at, &unescape(segment));
        }
        path
    }

    fn repair(&mut self, key: &RepairKey, repair: &Repair) {
        let Some(at) = self.written(&key.pointer) else {
            return self.elsewhere(key, repair);
        };
        let (why, dialect) = (repair.reason(), self.dialect);
        let came = &repair.came;
        match &key.change {
            Change::Status(status) => {
                let response = response(came.media.iter(), dialect, &why);
                self.act(
                    &at,
                    &why,
                    &json!({ "responses": { status.to_string(): response } }),
                );
                came.media
                    .iter()
                    .for_each(|(name, _)| self.media(&at, "produces", name, &why));
            }
            Change::ResponseMedia(name) if dialect == Dialect::V2 => {
                if find(&self.tree, &join(&at, "schema")).is_none() {
                    let mut update = response(came.media.iter(), dialect, "");
                    update
                        .as_object_mut()
                        .map(|update| update.shift_remove("description"));
                    self.act(&at, &why, &update);
                }
                if let Some(operation) = self.written(&repair.operation) {
                    self.media(&operation, "produces", name, &why);
                }
            }
            Change::RequestMedia(name) if dialect == Dialect::V2 => {
                if let Some(operation) = self.written(&repair.operation) {
                    self.media(&operation, "consumes", name, &why);
                }
            }
            Change::ResponseMedia(name) => {
                if name.contains('/') {
                    let update = json!({ "content": content(came.media.iter(), dialect) });
                    self.act(&at, &why, &update);
                }
            }
            Change::RequestMedia(_) => {
                let content = json!({ "content": content(came.media.iter(), dialect) });
                let is_operation = find(&self.tree, &join(&at, "responses")).is_some();
                let update = if is_operation {
                    json!({ "requestBody": content })
                } else {
                    content
                };
                self.act(&at, &why, &update);
            }
            Change::Header(name) => {
                let header = header(&came.shape, dialect, &why);
                self.act(&at, &why, &json!({ "headers": { name: header } }));
            }
            Change::Query(name) => {
                let parameter = query(name, &came.shape, dialect, &why);
                self.act(&at, &why, &json!({ "parameters": [parameter] }));
            }
            Change::Property(name) => {
                let schema = described(&came.shape, dialect, &why);
                self.act(&at, &why, &json!({ "properties": { name: schema } }));
            }
            Change::Null => self.null(&at, &why),
            Change::Type => self.type_of(&at, repair, &why),
            Change::Enum => self.values(&at, repair, &why),
        }
    }

    /// Repairs a part of another file where this document refers to it: from OpenAPI 3.1 on, properties
    /// beside `$ref` count too. What else is in another file no overlay reaches.
    fn elsewhere(&mut self, key: &RepairKey, repair: &Repair) {
        let place = Place::value(self.place, &key.pointer);
        let (file, pointer) = (place.file(), place.written_pointer());
        if file == self.place.name() {
            return;
        }
        let mut found = Vec::new();
        references(&self.tree, "", &file, &pointer, &mut found);
        let why = repair.reason();
        match &key.change {
            Change::Property(name) if self.dialect == Dialect::V31 && !found.is_empty() => {
                let schema = described(&repair.came.shape, self.dialect, &why);
                for at in found {
                    self.act(&at, &why, &json!({ "properties": { name: schema } }));
                }
            }
            change => {
                let sentence = format!("`{file}`: {} at `{pointer}`, {why}", change.title());
                self.unreached.insert(sentence);
            }
        }
    }

    /// Adds a media type to `produces` or `consumes` of an operation of OpenAPI 2.0. A list of its own
    /// replaces that of the document, so that it repeats it.
    fn media(&mut self, operation: &str, list: &str, name: &str, why: &str) {
        if self.dialect != Dialect::V2 || !name.contains('/') {
            return;
        }
        let own = find(&self.tree, &join(operation, list));
        let of_all = self.tree.get(list).and_then(Value::as_array);
        let effective = own
            .and_then(Value::as_array)
            .or(of_all)
            .cloned()
            .unwrap_or_default();
        if effective.iter().any(|there| there == name) {
            return;
        }
        let mut added = if own.is_some() { Vec::new() } else { effective };
        added.push(json!(name));
        // A second action for the same operation would repeat the list.
        let target = self.path(operation);
        let is_same = |action: &&mut Value| {
            action["target"] == target && action["update"].get(list).is_some()
        };
        if let Some(action) = self.actions.iter_mut().find(is_same) {
            if let Some(names) = action["update"][list].as_array_mut()
                && !names.iter().any(|there| there == name)
            {
                names.push(json!(name));
            }
            return;
        }
        self.act(operation, why, &json!({ list: added }));
    }

    /// Allows null. A reference has no place for it beside it, and is put into a list.
    fn null(&mut self, at: &str, why: &str) {
        let node = find(&self.tree, at).cloned().unwrap_or_default();
        let listed = node.get("enum").and_then(Value::as_array);
        let lacks_null = listed.is_some_and(|values| !values.contains(&Value::Null));
        let mut update = Map::new();
        if lacks_null {
            update.insert("enum".to_owned(), json!([null]));
        }
        let reference = node.get("$ref");
        match (self.dialect, reference) {
            (Dialect::V2, _) => {
                update.insert("x-nullable".to_owned(), json!(true));
            }
            (Dialect::V30, None) => {
                update.insert("nullable".to_owned(), json!(true));
            }
            (Dialect::V30, Some(reference)) => {
                self.without_reference(at, why);
                update.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
                update.insert("nullable".to_owned(), json!(true));
            }
            (Dialect::V31, Some(reference)) => {
                self.without_reference(at, why);
                update.insert(
                    "anyOf".to_owned(),
                    json!([{ "$ref": reference }, { "type": "null" }]),
                );
            }
            (Dialect::V31, None) => {
                match (node.get("type"), node.get("oneOf"), node.get("anyOf")) {
                    (Some(Value::String(name)), ..) => {
                        update.insert("type".to_owned(), json!([name, "null"]));
                    }
                    (Some(Value::Array(_)), ..) => {
                        update.insert("type".to_owned(), json!(["null"]));
                    }
                    (_, Some(Value::Array(_)), _) => {
                        update.insert("oneOf".to_owned(), json!([{ "type": "null" }]));
                    }
                    (_, _, Some(Value::Array(_))) => {
                        update.insert("anyOf".to_owned(), json!([{ "type": "null" }]));
                    }
                    // An enumeration without a type needs only the value.
                    _ if lacks_null => {}
                    _ => return,
                }
            }
        }
        self.act(at, why, &Value::Object(update));
    }

    fn without_reference(&mut self, at: &str, why: &str) {
        let target = self.path(&join(at, "$ref"));
        let why = format!("{why}; the next action puts the reference into a list");
        self.actions
            .push(json!({ "target": target, "description": why, "remove": true }));
    }

    /// Adds a type, where the version has lists of types; else only makes `number` of `integer`.
    fn type_of(&mut self, at: &str, repair: &Repair, why: &str) {
        let came = repair.came.shape.types();
        let Some(there) = find(&self.tree, &join(at, "type")).cloned() else {
            return;
        };
        if there == "integer" && came == ["number"] {
            return self.act(at, why, &json!({ "type": "number" }));
        }
        if self.dialect != Dialect::V31 {
            return;
        }
        let names: Vec<Value> = match &there {
            Value::Array(names) => names.clone(),
            other => vec![other.clone()],
        };
        let mut added: Vec<Value> = came.iter().map(|name| json!(name)).collect();
        added.retain(|name| !names.contains(name));
        let types = if there.is_array() {
            added
        } else {
            [names, added].concat()
        };
        self.act(at, why, &json!({ "type": types }));
    }

    /// Adds values to an `enum`, unless there are so many that they are no closed list.
    fn values(&mut self, at: &str, repair: &Repair, why: &str) {
        let values = &repair.came.values;
        let listed = find(&self.tree, &join(at, "enum")).and_then(Value::as_array);
        let Some(listed) = listed.filter(|_| !values.is_cut()) else {
            return;
        };
        let is_text = listed.iter().any(Value::is_string);
        let value = |text: &String| match serde_json::from_str::<Value>(text) {
            Ok(value) if !is_text => value,
            _ => json!(text),
        };
        let added: Vec<Value> = values
            .iter()
            .filter(|(text, _)| *text != REDACTED)
            .map(|(text, _)| value(text))
            .filter(|value| !listed.contains(value))
            .collect();
        if !added.is_empty() {
            self.act(at, why, &json!({ "enum": added }));
        }
    }

    /// Adds the skeleton of an operation.
    fn operation(&mut self, group: &GroupedOperation, template: &str) {
        let why = match group.came.count {
            1 => "called once, and not documented".to_owned(),
            count => format!("called {count} times, and not documented"),
        };
        let skeleton = skeleton(group, template, self.dialect, &why);
        let method = group.method.to_ascii_lowercase();
        let item = join("/paths", template);
        if let Some(at) = self.followed(&item) {
            return self.act(&at, &why, &json!({ method: skeleton }));
        }
        let update = json!({ template: { method: skeleton } });
        if self.tree.get("paths").is_some_and(Value::is_object) {
            self.act("/paths", &why, &update);
        } else {
            self.act("", &why, &json!({ "paths": update }));
        }
    }
}

/// Returns an operation with everything that its exchanges show.
fn skeleton(group: &GroupedOperation, template: &str, dialect: Dialect, why: &str) -> Value {
    let came = &group.came;
    let mut parameters = path_parameters(template, dialect);
    parameters.extend(
        came.query
            .iter()
            .map(|(name, shape)| query(name, shape, dialect, "")),
    );
    let mut operation = json!({ "description": why });
    let sent = came.request.iter();
    match dialect {
        Dialect::V2 => {
            if let Some((media, shape)) = sent.into_iter().next() {
                let schema = shape.schema(dialect);
                parameters.push(json!({ "name": "body", "in": "body", "schema": schema }));
                operation["consumes"] = json!([media]);
            }
            let media = came.responses.iter().flat_map(|(_, media)| media.iter());
            let mut names: Vec<&String> = media.map(|(name, _)| name).collect();
            names.sort();
            names.dedup();
            names.retain(|name| name.contains('/'));
            if !names.is_empty() {
                operation["produces"] = json!(names);
            }
        }
        Dialect::V30 | Dialect::V31 => {
            let content = content(sent, dialect);
            if content
                .as_object()
                .is_some_and(|content| !content.is_empty())
            {
                operation["requestBody"] = json!({ "content": content });
            }
        }
    }
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    let responses = came.responses.iter().map(|(status, media)| {
        (
            status.to_string(),
            response(media.iter(), dialect, "Seen in real traffic."),
        )
    });
    operation["responses"] = Value::Object(responses.collect());
    operation
}
