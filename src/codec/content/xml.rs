//! XML ↔ values, by the XML Objects of the schema (OpenAPI 3.0.4 §4.7.26, 3.2.0 §4.26).
use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

use crate::codec::style::typed;
use crate::codec::text::plain;
use crate::schema::Schema;

/// Maximum nesting of elements; deeper documents are malformed, and deeper values are not written.
const DEEPEST: usize = 256;

/// XML Object of a schema.
#[derive(Debug, Default, Clone)]
struct Xml {
    name: Option<String>,
    namespace: Option<String>,
    prefix: Option<String>,
    /// Node that the value becomes; an element if it is not given.
    node: Option<NodeType>,
    /// True for a list that is wrapped in an element.
    wrapped: bool,
}

/// Values of `nodeType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeType {
    Element,
    Attribute,
    Text,
    Cdata,
    Nothing,
}

impl Xml {
    /// Collects the XML Objects of a schema; one next to a reference takes precedence over that of
    /// the target.
    fn of(schema: &Schema, node: &Value) -> Self {
        let mut all = vec![node];
        let mut index = 0;
        while let Some(node) = all.get(index).copied().filter(|_| index < 32) {
            if node.get("$ref").is_some() {
                all.push(schema.resolve(node));
            }
            all.extend(
                node.get("allOf")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten(),
            );
            index += 1;
        }
        let objects: Vec<&Value> = all.iter().filter_map(|node| node.get("xml")).collect();
        let text = |field: &str| {
            objects
                .iter()
                .find_map(|xml| xml.get(field)?.as_str())
                .map(str::to_owned)
        };
        let says = |field: &str| {
            objects
                .iter()
                .any(|xml| xml.get(field) == Some(&Value::Bool(true)))
        };
        let node = match text("nodeType").as_deref() {
            Some("element") => Some(NodeType::Element),
            Some("attribute") => Some(NodeType::Attribute),
            Some("text") => Some(NodeType::Text),
            Some("cdata") => Some(NodeType::Cdata),
            Some("none") => Some(NodeType::Nothing),
            _ if says("attribute") => Some(NodeType::Attribute),
            _ => None,
        };
        let wrapped = says("wrapped") || node == Some(NodeType::Element);
        Self {
            name: text("name"),
            namespace: text("namespace"),
            prefix: text("prefix"),
            node,
            wrapped,
        }
    }

    /// Returns the name with its prefix.
    fn qualified(&self, name: &str) -> String {
        let name = as_name(self.name.as_deref().unwrap_or(name));
        match &self.prefix {
            Some(prefix) => format!("{}:{name}", as_name(prefix)),
            None => name,
        }
    }

    /// Returns the namespace declaration; empty if there is no namespace.
    fn declaration(&self) -> String {
        match (&self.namespace, &self.prefix) {
            (Some(uri), Some(prefix)) => format!(" xmlns:{}=\"{}\"", as_name(prefix), escape(uri)),
            (Some(uri), None) => format!(" xmlns=\"{}\"", escape(uri)),
            (None, _) => String::new(),
        }
    }
}

/// Replaces characters that XML does not allow in a name.
fn as_name(name: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut made: String = name
        .chars()
        .map(|c| if is_name(c) { c } else { '_' })
        .collect();
    if !made.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        made.insert(0, '_');
    }
    made
}

/// Returns a value as escaped text, without control characters other than tab and line breaks (XML
/// 1.0 §2.2).
fn text_of(value: &Value) -> String {
    let allowed: String = plain(value)
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))
        .collect();
    escape(&allowed).into_owned()
}

/// Writes a value as an XML document.
#[must_use]
pub(super) fn write(value: &Value, schema: Option<&Schema>) -> String {
    let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let Some(schema) = schema else {
        Writer {
            schema: None,
            out: &mut document,
        }
        .element("root", value, &Value::Bool(true), 0);
        return document;
    };
    let node = schema.tree();
    let component = schema
        .place()
        .pointer()
        .rsplit('/')
        .next()
        .map(crate::document::syntax::unescape);
    let is_component = schema.place().pointer().starts_with("/components/schemas/");
    let title = schema
        .resolve(node)
        .get("title")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let name = component
        .filter(|_| is_component)
        .or(title)
        .unwrap_or_else(|| "root".to_owned());
    let mut writer = Writer {
        schema: Some(schema),
        out: &mut document,
    };
    match value {
        Value::Array(items) => {
            let xml = Xml::of(schema, node);
            let any = Value::Bool(true);
            let item = schema.items(node).unwrap_or(&any);
            let items_name = xml.name.clone().unwrap_or_else(|| "item".to_owned());
            let root = if is_component || xml.name.is_some() {
                xml.qualified(&name)
            } else {
                "items".to_owned()
            };
            writer
                .out
                .push_str(&format!("<{root}{}>", xml.declaration()));
            for value in items {
                writer.element(
                    &writer.name_of(item).unwrap_or(items_name.clone()),
                    value,
                    item,
                    1,
                );
            }
            writer.out.push_str(&format!("</{root}>"));
        }
        value => writer.element(&name, value, node, 0),
    }
    document
}

struct Writer<'w> {
    schema: Option<&'w Schema>,
    out: &'w mut String,
}

impl Writer<'_> {
    fn xml(&self, node: &Value) -> Xml {
        self.schema
            .map(|schema| Xml::of(schema, node))
            .unwrap_or_default()
    }

    /// Returns the name that items have by their schema: its XML name, else the name of its
    /// component.
    fn name_of(&self, node: &Value) -> Option<String> {
        let component = || {
            node.get("$ref")
                .and_then(Value::as_str)
                .and_then(|to| to.rsplit('/').next())
        };
        self.xml(node)
            .name
            .or_else(|| component().map(str::to_owned))
    }

    fn element(&mut self, name: &str, value: &Value, node: &Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let xml = self.xml(node);
        let name = xml.qualified(name);
        self.out.push_str(&format!("<{name}{}", xml.declaration()));
        match value {
            Value::Null => {
                self.out.push_str(
                    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/>",
                );
            }
            Value::Object(object) => {
                self.attributes(object, node);
                self.out.push('>');
                self.children(object, node, depth);
                self.out.push_str(&format!("</{name}>"));
            }
            Value::Array(items) => {
                self.out.push('>');
                let any = Value::Bool(true);
                let item = self
                    .schema
                    .and_then(|schema| schema.items(node))
                    .unwrap_or(&any);
                for value in items {
                    self.element(
                        &self.name_of(item).unwrap_or_else(|| "item".to_owned()),
                        value,
                        item,
                        depth + 1,
                    );
                }
                self.out.push_str(&format!("</{name}>"));
            }
            value => {
                self.out.push('>');
                self.text(value, xml.node);
                self.out.push_str(&format!("</{name}>"));
            }
        }
    }

    fn text(&mut self, value: &Value, node: Option<NodeType>) {
        if node == Some(NodeType::Cdata) {
            self.out.push_str(&format!(
                "<![CDATA[{}]]>",
                plain(value).replace("]]>", "]]]]><![CDATA[>")
            ));
        } else {
            self.out.push_str(&text_of(value));
        }
    }

    fn property<'n>(&self, node: &'n Value, name: &str) -> &'n Value
    where
        Self: 'n,
    {
        self.schema
            .and_then(|schema| schema.property(node, name))
            .unwrap_or(&Value::Null)
    }

    fn attributes(&mut self, object: &Map<String, Value>, node: &Value) {
        for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let xml = self.xml(self.property(node, name));
            if xml.node == Some(NodeType::Attribute) {
                self.out.push_str(&format!(
                    "{} {}=\"{}\"",
                    xml.declaration(),
                    xml.qualified(name),
                    text_of(value)
                ));
            }
        }
    }

    fn children(&mut self, object: &Map<String, Value>, node: &Value, depth: usize) {
        for (name, value) in object {
            let property = self.property(node, name);
            let xml = self.xml(property);
            match (xml.node, value) {
                (Some(NodeType::Attribute), _) => {}
                (Some(NodeType::Text | NodeType::Cdata), value) => self.text(value, xml.node),
                (Some(NodeType::Nothing), Value::Object(inner)) => {
                    self.children(inner, property, depth + 1);
                }
                (_, Value::Array(items)) => self.list(name, items, property, &xml, depth),
                _ => self.element(name, value, property, depth + 1),
            }
        }
    }

    /// Writes items one after the other, within an enclosing element only if they are `wrapped`.
    /// Items without a name have the name of the list.
    fn list(&mut self, name: &str, items: &[Value], node: &Value, xml: &Xml, depth: usize) {
        let any = Value::Bool(true);
        let item = self
            .schema
            .and_then(|schema| schema.items(node))
            .unwrap_or(&any);
        let wrapper = xml.qualified(name);
        let inherited = if xml.wrapped {
            xml.name.clone().unwrap_or_else(|| name.to_owned())
        } else {
            name.to_owned()
        };
        if xml.wrapped {
            self.out
                .push_str(&format!("<{wrapper}{}>", xml.declaration()));
        }
        for value in items {
            self.element(&inherited, value, item, depth + 1);
        }
        if xml.wrapped {
            self.out.push_str(&format!("</{wrapper}>"));
        }
    }
}

/// An element of a parsed document.
#[derive(Debug, Default)]
struct Element {
    /// Local name, without the prefix.
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

/// Reads an XML document; without a schema, into strings and objects.
///
/// # Errors
///
/// Returns a sentence with the error, and its position in bytes.
pub(super) fn read(text: &str, schema: Option<&Schema>) -> Result<Value, (String, usize)> {
    let root = parse(text)?;
    let Some(schema) = schema else {
        return Ok(plain_value(&root));
    };
    Ok(value_of(schema, schema.tree(), &root, 0))
}

fn parse(text: &str) -> Result<Element, (String, usize)> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open = vec![Element::default()];
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(0);
        let fault = |error: &dyn std::fmt::Display| (error.to_string(), at);
        match reader.read_event().map_err(|error| fault(&error))? {
            Event::Start(start) => {
                if open.len() > DEEPEST {
                    return Err((
                        format!("elements are nested deeper than {DEEPEST} levels"),
                        at,
                    ));
                }
                open.push(element(&start).map_err(|error| fault(&error))?);
            }
            Event::Empty(start) => {
                let empty = element(&start).map_err(|error| fault(&error))?;
                open.last_mut()
                    .expect("the document is open")
                    .children
                    .push(empty);
            }
            Event::End(_) => {
                let closed = open.pop().expect("the reader checks that ends match");
                open.last_mut()
                    .expect("the document is open")
                    .children
                    .push(closed);
            }
            Event::Text(text) => open
                .last_mut()
                .expect("the document is open")
                .text
                .push_str(&text),
            Event::CData(text) => open
                .last_mut()
                .expect("the document is open")
                .text
                .push_str(&text),
            Event::GeneralRef(reference) => {
                let text = unescape(&format!("&{};", &*reference))
                    .map_err(|error| fault(&error))?
                    .into_owned();
                open.last_mut()
                    .expect("the document is open")
                    .text
                    .push_str(&text);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match (
        open.len(),
        open.pop()
            .map(|mut document| (document.children.pop(), document.children.len())),
    ) {
        (1, Some((Some(root), 0))) => Ok(root),
        (1, _) => Err(("expected one root element".to_owned(), text.len())),
        _ => Err(("an element is not closed".to_owned(), text.len())),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, quick_xml::Error> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute?;
        let value = unescape(&attribute.value)?.into_owned();
        let name = attribute.key.as_ref().to_owned();
        if name != "xmlns" && !name.starts_with("xmlns:") {
            attributes.push((local(&name).to_owned(), value));
        }
    }
    let name = local(start.name().as_ref()).to_owned();
    Ok(Element {
        name,
        attributes,
        ..Element::default()
    })
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Returns the value of an element that no schema describes.
fn plain_value(element: &Element) -> Value {
    if element.children.is_empty() && element.attributes.is_empty() {
        return json!(element.text.trim());
    }
    let mut object: Map<String, Value> = element
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    for child in &element.children {
        let value = plain_value(child);
        match object.get_mut(&child.name) {
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = json!([first, value]),
            None => {
                object.insert(child.name.clone(), value);
            }
        }
    }
    Value::Object(object)
}

fn value_of(schema: &Schema, node: &Value, element: &Element, depth: usize) -> Value {
    let types = schema.types(node);
    let is_nil = element
        .attributes
        .iter()
        .any(|(name, value)| name == "nil" && value == "true");
    if is_nil && schema.allows_null(node) {
        return Value::Null;
    }
    if depth > DEEPEST {
        return plain_value(element);
    }
    if types.contains(&"array") {
        let any = Value::Bool(true);
        let item = schema.items(node).unwrap_or(&any);
        return element
            .children
            .iter()
            .map(|child| value_of(schema, item, child, depth + 1))
            .collect();
    }
    if types.contains(&"object") || types.is_empty() && !element.children.is_empty() {
        return object_of(schema, node, element, depth);
    }
    if element.children.is_empty() {
        typed(schema, node, element.text.trim())
    } else {
        plain_value(element)
    }
}

fn object_of(schema: &Schema, node: &Value, element: &Element, depth: usize) -> Value {
    let mut object = Map::new();
    let mut taken: Vec<&str> = Vec::new();
    for (name, property) in schema.properties(node) {
        let xml = Xml::of(schema, property);
        let own = xml.name.as_deref().unwrap_or(name);
        let is_list = schema.types(property).contains(&"array");
        let value = match xml.node {
            Some(NodeType::Attribute) => element
                .attributes
                .iter()
                .find(|(there, _)| there == own)
                .map(|(_, text)| typed(schema, property, text)),
            Some(NodeType::Text | NodeType::Cdata) => {
                Some(typed(schema, property, element.text.trim()))
            }
            _ if is_list && !xml.wrapped => {
                let item = schema.items(property).unwrap_or(&Value::Null);
                let item_name = Xml::of(schema, item)
                    .name
                    .unwrap_or_else(|| name.to_owned());
                let items = element
                    .children
                    .iter()
                    .filter(|child| child.name == item_name);
                let items: Vec<Value> = items
                    .map(|child| value_of(schema, item, child, depth + 1))
                    .collect();
                if let Some(child) = element
                    .children
                    .iter()
                    .find(|child| child.name == item_name)
                {
                    taken.push(&child.name);
                }
                (!items.is_empty()).then_some(Value::Array(items))
            }
            _ => element
                .children
                .iter()
                .find(|child| child.name == own)
                .map(|child| {
                    taken.push(&child.name);
                    value_of(schema, property, child, depth + 1)
                }),
        };
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    }
    let others = element
        .children
        .iter()
        .filter(|child| !taken.contains(&child.name.as_str()));
    for child in others {
        let value = match schema.property(node, &child.name) {
            Some(property) => value_of(schema, property, child, depth + 1),
            None => plain_value(child),
        };
        object.entry(child.name.clone()).or_insert(value);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Positions;
    use crate::diagnostic::Source;
    use crate::schema::Demand;
    use crate::schema::Direction;
    use crate::schema::Schemas;

    fn schema(tree: Value) -> Schema {
        let source = Source::new("t".into(), String::new(), |_| Positions::new());
        Schema::new(
            &Schemas::new(source, Arc::new(tree), Demand::Few),
            "/components/schemas/Pet".into(),
            Direction::Response,
        )
    }

    fn pet(properties: &Value) -> Schema {
        schema(json!({"components": {"schemas": {
            "Pet": {"type": "object", "properties": properties},
            "Tag": {"type": "object", "properties": {"id": {"type": "integer"}}, "xml": {"name": "tag"}}
        }}}))
    }

    fn body(text: &str) -> &str {
        text.split_once('\n').map_or("", |(_, body)| body)
    }

    /// Checks the examples of OpenAPI 3.0.4 §4.7.26.2, worked out by hand.
    #[test]
    fn values_are_written_as_the_xml_objects_say() {
        let cases = [
            (
                json!({"a": {"type": "string"}}),
                json!({"a": "x<y"}),
                "<Pet><a>x&lt;y</a></Pet>",
            ),
            (
                json!({"id": {"type": "integer", "xml": {"attribute": true}}, "name": {"xml": {"namespace": "http://e.x/s", "prefix": "s"}}}),
                json!({"id": 1, "name": "n"}),
                "<Pet id=\"1\"><s:name xmlns:s=\"http://e.x/s\">n</s:name></Pet>",
            ),
            (
                json!({"animals": {"type": "array", "items": {"type": "string"}}}),
                json!({"animals": ["a", "b"]}),
                "<Pet><animals>a</animals><animals>b</animals></Pet>",
            ),
            (
                json!({"animals": {"type": "array", "items": {"xml": {"name": "animal"}}, "xml": {"name": "aliens"}}}),
                json!({"animals": ["a"]}),
                "<Pet><animal>a</animal></Pet>",
            ),
            (
                json!({"animals": {"type": "array", "items": {"type": "string"}, "xml": {"wrapped": true, "name": "aliens"}}}),
                json!({"animals": ["a"]}),
                "<Pet><aliens><aliens>a</aliens></aliens></Pet>",
            ),
            (
                json!({"tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}, "xml": {"wrapped": true}}}),
                json!({"tags": [{"id": 1}]}),
                "<Pet><tags><tag><id>1</id></tag></tags></Pet>",
            ),
            (
                json!({"lang": {"xml": {"nodeType": "attribute"}}, "text": {"xml": {"nodeType": "text"}}}),
                json!({"lang": "en", "text": "hi"}),
                "<Pet lang=\"en\">hi</Pet>",
            ),
            (
                json!({"raw": {"xml": {"nodeType": "cdata"}}}),
                json!({"raw": "<b>"}),
                "<Pet><![CDATA[<b>]]></Pet>",
            ),
        ];
        for (properties, value, expected) in cases {
            let schema = pet(&properties);
            let written = write(&value, Some(&schema));
            assert_eq!(body(&written), expected);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let schema = pet(&json!({
            "id": {"type": "integer", "xml": {"attribute": true}},
            "name": {"type": "string", "xml": {"name": "label"}},
            "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}, "xml": {"wrapped": true}},
            "photos": {"type": "array", "items": {"type": "string"}},
            "ok": {"type": "boolean"}
        }));
        let value = json!({"id": 7, "name": "a & b", "tags": [{"id": 1}, {"id": 2}], "photos": ["x", "y"], "ok": true});
        let written = write(&value, Some(&schema));
        assert_eq!(read(&written, Some(&schema)), Ok(value));
    }

    #[test]
    fn undeclared_elements_are_there_to_be_judged() {
        let schema = pet(&json!({"a": {"type": "integer"}}));
        let read = read("<p><a>x</a><b c='1'><d/></b></p>", Some(&schema));
        assert_eq!(read, Ok(json!({"a": "x", "b": {"c": "1", "d": ""}})));
    }

    #[test]
    fn malformed_documents_are_told() {
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&nope;</a>",
            "text",
            "<a b=c/>",
            &"<a>".repeat(100_000),
        ] {
            assert!(parse(text).is_err(), "{}", &text[..text.len().min(20)]);
        }
    }
}
