//! Operations as HTML: rows of the list, and the reference page of one operation.
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::codec::text::{encode, plain};
use crate::server::console::markdown::markdown;
use crate::server::console::outline::tree;
use crate::server::console::parts::{block, is, items, number, text};
use crate::server::console::responder::{mark, switch};

/// Returns the rows of a list of operations. Headings of groups are rows too.
pub(super) fn rows(answer: &Value) -> Markup {
    let offset = number(answer, "offset");
    let total = answer
        .get("rows")
        .and_then(Value::as_u64)
        .unwrap_or_else(|| number(answer, "total"));
    let mut headings = items(answer, "groups")
        .iter()
        .filter(|group| number(group, "row") >= offset)
        .peekable();
    let mut operations = items(answer, "operations").iter();
    let mut shown: Vec<Markup> = Vec::new();
    // A heading at the end of the window has no operation after it.
    for at in offset..offset.saturating_add(number(answer, "limit")) {
        let heading = headings.next_if(|group| number(group, "row") == at);
        let row = match heading {
            Some(group) => Some(heading_row(group)),
            None => operations.next().map(operation_row),
        };
        match row {
            Some(row) => shown.push(row),
            None => break,
        }
    }
    html! {
        ul class="rows" data-total=(total) data-offset=(offset) data-operations=(number(answer, "total")) {
            @for row in &shown { (row) }
        }
    }
}

fn heading_row(group: &Value) -> Markup {
    let name = text(group, "name");
    html! {
        li class="group" data-group=(name) {
            (name) " " span class="count" { (number(group, "count")) }
        }
    }
}

fn operation_row(row: &Value) -> Markup {
    let (name, method, path) = (
        text(row, "operation"),
        text(row, "method"),
        text(row, "path"),
    );
    let summary = text(row, "summary");
    // An operation without an `operationId` is called by method and path, which are shown already.
    let has_id = name != format!("{method} {path}");
    html! {
        li {
            a href={ "#/operations/" (encode(name)) } {
                span class="method" data-method=(method) { (method) } " "
                span class="path" { (path) }
                (mark(row))
                @if has_id { " " span class="name" { (name) } }
                @if !summary.is_empty() { " " span class="note" { (summary) } }
                @if is(row, "deprecated") { " " span class="tag" { "deprecated" } }
            }
        }
    }
}

/// Returns the reference page of an operation.
pub(super) fn page(operation: &Value) -> Markup {
    let name = text(operation, "operation");
    let (method, path) = (text(operation, "method"), text(operation, "path"));
    html! {
        article class="operation" {
            h2 { span class="method" data-method=(method) { (method) } " " span class="path" { (path) } }
            @if name != format!("{method} {path}") { p class="name" { (name) } }
            @if !text(operation, "summary").is_empty() { p class="summary" { (text(operation, "summary")) } }
            p {
                @if is(operation, "deprecated") { span class="tag" { "deprecated" } " " }
                @for tag in items(operation, "tags").iter().filter_map(Value::as_str) {
                    span class="tag" { (tag) } " "
                }
            }
            p class="note" { (text(operation, "document")) ":" (number(operation, "line")) }
            (links(operation, name))
            (switch(operation))
            (answers(operation, name))
            @if !text(operation, "description").is_empty() {
                h3 { "Description" }
                div class="description" { (markdown(text(operation, "description"))) }
            }
            @if let Some(docs) = operation.get("externalDocs") { (external(docs)) }
            (fixtures(operation))
            (security(operation))
            (parameters(operation))
            (request_body(operation))
            (responses(operation))
        }
    }
}

fn links(operation: &Value, name: &str) -> Markup {
    let collection = text(operation, "collection");
    html! {
        p {
            a class="button" href={ "#/try/" (encode(name)) } { "Try" } " "
            a href={ "#/requests?operation=" (encode(name)) } { "Requests" }
            @if !collection.is_empty() {
                " " a href={ "#/data/" (encode(collection)) } { "Data" }
                " " span class="note" { (text(operation, "does")) " " (collection) }
            }
        }
    }
}

/// Returns a link to another page, if its address is one of the web.
fn external(docs: &Value) -> Markup {
    let (url, description) = (text(docs, "url"), text(docs, "description"));
    let shown = if description.is_empty() {
        url
    } else {
        description
    };
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    html! {
        p {
            @if is_web {
                a href=(url) rel="noopener noreferrer" target="_blank" { (shown) }
            } @else { (shown) " " (url) }
        }
    }
}

/// Returns the documented answers, each as a button that makes the operation answer with it.
fn answers(operation: &Value, name: &str) -> Markup {
    html! {
        h3 { "Answers" }
        p class="note" { "Click a status: the sandbox answers every call with it until you click it again." }
        @if items(operation, "responses").is_empty() { p class="note" { "none is documented" } }
        @else {
            table class="answers" {
                thead { tr {
                    th scope="col" { "Answer with" } th scope="col" { "Description" } th scope="col" { "Media types" }
                } }
                tbody {
                    @for response in items(operation, "responses") { (answer(response, name)) }
                }
            }
        }
    }
}

fn answer(response: &Value, name: &str) -> Markup {
    let status = text(response, "status");
    html! {
        tr {
            td {
                @match response.get("sends").and_then(Value::as_u64) {
                    Some(sent) => {
                        (pin(name, sent, status, None))
                        @for example in examples_of(response) { " " (pin(name, sent, status, Some(example))) }
                    }
                    None => { (status) }
                }
            }
            td { (markdown(text(response, "description"))) }
            td {
                @for media in items(response, "content") { code { (text(media, "mediaType")) } " " }
            }
        }
    }
}

/// Returns the names of the examples of a response, each once.
fn examples_of(response: &Value) -> Vec<&Value> {
    let all = items(response, "content")
        .iter()
        .flat_map(|media| items(media, "examples"));
    let mut found: Vec<&Value> = Vec::new();
    for example in all {
        let name = text(example, "name");
        if !name.is_empty() && !found.iter().any(|there| text(there, "name") == name) {
            found.push(example);
        }
    }
    found
}

/// Returns a button that adds a fixture with a status and an example.
fn pin(operation: &str, sent: u64, status: &str, example: Option<&Value>) -> Markup {
    let mut fixture = json!({ "status": sent });
    let name = example.map(|example| text(example, "name"));
    if let Some(name) = name {
        fixture["example"] = json!(name);
    }
    let summary = example
        .map(|example| text(example, "summary"))
        .filter(|it| !it.is_empty());
    let class = status.get(..1).unwrap_or_default();
    html! {
        button class="pin" type="button" data-call="POST fixtures" data-pin=(fixture.to_string())
            data-operation=(operation) data-class=(class) title=[summary] {
            (status)
            @if let Some(name) = name { " " (name) }
        }
    }
}

fn fixtures(operation: &Value) -> Markup {
    html! {
        @if !items(operation, "fixtures").is_empty() {
            h3 { "Fixtures" }
            ul {
                @for fixture in items(operation, "fixtures") {
                    li {
                        span class="note" { (text(fixture, "place")) } " "
                        @for (name, value) in fixture.as_object().into_iter().flatten().filter(|(name, _)| *name != "place") {
                            @if value == &Value::Bool(true) { span class="tag" { (name) } " " }
                            @else { span class="tag" { (name) " " (plain(value)) } " " }
                        }
                    }
                }
            }
        }
    }
}

fn security(operation: &Value) -> Markup {
    html! {
        @if !items(operation, "security").is_empty() {
            h3 { "Security" }
            p class="note" { "one of these is required" }
            ul {
                @for requirement in items(operation, "security") {
                    li {
                        @if items(requirement, "schemes").is_empty() { "nothing" }
                        @for (index, scheme) in items(requirement, "schemes").iter().enumerate() {
                            @if index > 0 { " and " }
                            span class="name" { (text(scheme, "name")) } " "
                            span class="note" { (text(scheme, "sent")) }
                            @for scope in items(scheme, "scopes") { " " code { (plain(scope)) } }
                        }
                    }
                }
            }
        }
    }
}

fn parameters(operation: &Value) -> Markup {
    html! {
        @if !items(operation, "parameters").is_empty() {
            h3 { "Parameters" }
            table class="parameters" {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "In" } th scope="col" { "Type" }
                    th scope="col" { "Description" } th scope="col" { "Examples" }
                } }
                tbody {
                    @for parameter in items(operation, "parameters") { (described_row(parameter)) }
                }
            }
        }
    }
}

/// Returns the row of a parameter or of a header field in a table.
fn described_row(parameter: &Value) -> Markup {
    let place = parameter.get("in").and_then(Value::as_str);
    html! {
        tr {
            td {
                span class="path" { (text(parameter, "name")) }
                @if is(parameter, "required") { " " span class="tag required" { "required" } }
                @if is(parameter, "deprecated") { " " span class="tag" { "deprecated" } }
            }
            @if let Some(place) = place { td { (place) } }
            td {
                @if let Some(schema) = parameter.get("schema") { (tree(schema)) }
                @if !text(parameter, "style").is_empty() { span class="note" { "style " (text(parameter, "style")) } }
                @if !text(parameter, "mediaType").is_empty() { code { (text(parameter, "mediaType")) } }
            }
            td { (markdown(text(parameter, "description"))) }
            td { @for example in items(parameter, "examples") { (example_value(example)) " " } }
        }
    }
}

/// Returns the name and the value of an example on one line.
fn example_value(example: &Value) -> Markup {
    html! {
        @if !text(example, "name").is_empty() { span class="note" { (text(example, "name")) } " " }
        @if let Some(value) = example.get("value") { code { (plain(value)) } }
        @if is(example, "leftOut") { span class="note" { "too large to be shown here" } }
    }
}

fn request_body(operation: &Value) -> Markup {
    let Some(body) = operation.get("body").filter(|body| body.is_object()) else {
        return html! {};
    };
    html! {
        h3 { "Body" @if is(body, "required") { " " span class="tag required" { "required" } } }
        (markdown(text(body, "description")))
        (content(body))
    }
}

/// Returns the media types of a body or response, with their schemas and examples.
fn content(of: &Value) -> Markup {
    html! {
        @for media in items(of, "content") {
            p { code { (text(media, "mediaType")) }
                @if !text(media, "sameAs").is_empty() { " " span class="note" { "as " code { (text(media, "sameAs")) } } }
            }
            @if let Some(schema) = media.get("schema").filter(|schema| schema.is_object()) { (tree(schema)) }
            @if let Some(item) = media.get("itemSchema") { p class="note" { "each item" } (tree(item)) }
            @for example in items(media, "examples") {
                @if let Some(value) = example.get("value") {
                    details {
                        summary { "Example " (text(example, "name")) " " (text(example, "summary")) }
                        (block(value))
                    }
                } @else if is(example, "leftOut") {
                    p class="note" { "example " (text(example, "name")) " is too large to be shown here" }
                }
            }
        }
    }
}

fn responses(operation: &Value) -> Markup {
    html! {
        @if !items(operation, "responses").is_empty() {
            h3 { "Responses" }
            @for response in items(operation, "responses") {
                @let status = text(response, "status");
                details {
                    summary {
                        span class="status" data-class=(status.get(..1).unwrap_or_default()) { (status) }
                        @for media in items(response, "content") { " " span class="note" { (text(media, "mediaType")) } }
                    }
                    (markdown(text(response, "description")))
                    @if !items(response, "headers").is_empty() {
                        table class="parameters" {
                            thead { tr {
                                th scope="col" { "Header field" } th scope="col" { "Type" }
                                th scope="col" { "Description" } th scope="col" { "Examples" }
                            } }
                            tbody { @for header in items(response, "headers") { (described_row(header)) } }
                        }
                    }
                    (content(response))
                }
            }
        }
    }
}
