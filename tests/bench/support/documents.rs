//! Documents of any size, with operations whose cost is measured.

use serde_json::{Value, json};

/// A path of [`document`] whose `GET` has an example.
pub(crate) const SHOWN: &str = "/api/v1/shown";

/// A path of [`document`] whose `GET` has only a schema.
pub(crate) const GENERATED: &str = "/api/v1/generated";

/// The path of [`document`] that contacts are posted to.
pub(crate) const CONTACTS: &str = "/api/v1/omnichannel/contacts";

/// A document of so many operations: those that are measured, and others in their midst.
pub(crate) fn document(operations: usize) -> Value {
    document_below("/others", operations)
}

/// The same with its other operations below a path of its own.
pub(crate) fn document_below(base: &str, operations: usize) -> Value {
    let text = include_str!("../../../specs/omnichannel-contacts.yaml");
    let mut document: Value = serde_yaml::from_str(text).expect("is YAML");
    let contacts = document["paths"][CONTACTS].take();
    let entity = json!({"type": "object", "required": ["id", "name"], "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
    }});
    let answer = |content: Value| json!({"200": {"description": "", "content": {"application/json": content}}});
    let example = json!({"id": "a1", "name": "Ada", "age": 36});
    let mut paths = serde_json::Map::new();
    let measured = [
        (
            SHOWN,
            json!({"get": {"responses": answer(json!({"schema": entity, "example": example}))}}),
        ),
        (
            GENERATED,
            json!({"get": {"responses": answer(json!({"schema": entity}))}}),
        ),
        (CONTACTS, json!({"post": contacts["post"]})),
        (
            "/api/v1/kept",
            json!({"get": {"responses": answer(json!({"schema": {"type": "array", "items": entity}, "example": [example]}))}}),
        ),
        (
            "/api/v1/kept/{id}",
            json!({"get": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": answer(json!({"schema": entity, "example": example})),
            }}),
        ),
        (
            "/api/v1/omnichannel/contacts.get",
            json!({"get": {
                "parameters": [{"name": "contactId", "in": "query", "required": true, "schema": {"type": "string"}}],
                "responses": answer(json!({"schema": entity})),
            }}),
        ),
    ];
    for number in 0..operations.saturating_sub(measured.len()) {
        if number == operations / 2 {
            paths.extend(
                measured
                    .iter()
                    .map(|(path, item)| ((*path).to_owned(), item.clone())),
            );
        }
        let path = format!("{base}/{}/{{id}}/kind{number}", number % 37);
        let parameter =
            json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}]);
        let item = json!({"get": {"parameters": parameter, "responses": answer(json!({"schema": entity}))}});
        paths.insert(path, item);
    }
    paths.extend(
        measured
            .iter()
            .map(|(path, item)| ((*path).to_owned(), item.clone())),
    );
    document["paths"] = Value::Object(paths);
    document
}
