//! Derives the pattern of an error body from its schema: the purpose of each member, by its name,
//! type and position.
//!
//! `errors::templates` derives patterns here where no example shows the error, or shows only some
//! of its members.
use serde_json::Value;

use crate::errors::body::{BodyPattern, ByField, Member};
use crate::errors::catalogue::idiom::Idiom;
use crate::errors::catalogue::known;
use crate::errors::catalogue::role::MemberRole;
use crate::errors::finding::{PathStyle, location_of};
use crate::errors::reading::context::Context;
use crate::errors::reading::member::{
    MemberContext, flag, is_field, is_kept, is_of_error, is_rather_code, worth,
};
use crate::errors::reading::{Names, families};
use crate::errors::slot::{CodeSlot, FieldSlot, FieldStyle, LocationSlot, SegmentsSlot, SlotType};
use crate::errors::words::{NamePolicy, Words};
use crate::generate::{self, GenerateOptions};
use crate::schema::Schema;
use crate::schema::name::{NameForm, folded};
use crate::schema::walk::ChosenProperty;

/// Maximum nesting of an error body; deeper nodes get no pattern.
const DEEPEST: usize = 6;

/// Returns the pattern of the bodies that a schema describes, and the family whose messages fill
/// it.
#[must_use]
pub(crate) fn shape(
    schema: &Schema,
    context: Context<'_>,
) -> (BodyPattern, Option<&'static Idiom>) {
    let by_shape = family(schema, context.names);
    let by_members = || families::of_members(schema);
    let idiom = by_shape
        .or_else(by_members)
        .or(context.idiom)
        .or_else(|| families::of_maps(schema, context));
    let generated = generate::generate(schema, &GenerateOptions::default()).value;
    let mut shaper = Shaper {
        schema,
        context,
        idiom,
        by_shape,
        path: Vec::new(),
        open: Vec::new(),
        fields: 0,
    };
    let pattern = shaper.node(schema.tree(), &MemberContext::default(), Some(&generated));
    let mut pattern = pattern.unwrap_or(BodyPattern::Fixed(generated));
    if !pattern.names_field() {
        pattern.let_words_name(NamePolicy::Always);
    }
    (pattern, idiom)
}

/// Returns the family whose body shape the schema has; the shape with most members wins, then the
/// higher rank.
fn family(schema: &Schema, names: &Names) -> Option<&'static Idiom> {
    let mut best: Option<(usize, u64, &'static Idiom)> = None;
    for idiom in known::all() {
        let fitting = idiom.shapes.iter().filter(|shape| {
            shape
                .iter()
                .all(|path| has_path(schema, names, schema.tree(), path))
        });
        let Some(members) = fitting.map(Vec::len).max() else {
            continue;
        };
        if (members > 2 || idiom.is_shaped)
            && !idiom.needs_words
            && best.is_none_or(|(most, rank, _)| (members, idiom.rank) > (most, rank))
        {
            best = Some((members, idiom.rank, idiom));
        }
    }
    best.map(|(.., idiom)| idiom)
}

fn has_path(schema: &Schema, names: &Names, node: &Value, path: &[String]) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return true;
    };
    let node = schema.resolve(node);
    if let Some((step, kind)) = step.split_once('=') {
        let inner = if step == "[]" {
            schema.items(node)
        } else {
            schema.property(node, step)
        };
        return inner.is_some_and(|inner| schema.types(schema.resolve(inner)) == [kind]);
    }
    match step.as_str() {
        "[]" => schema
            .items(node)
            .is_some_and(|item| has_path(schema, names, item, rest)),
        // Properties that are fields of the request are a map too.
        "{}" => {
            let fields = schema
                .properties(node)
                .into_iter()
                .filter(|(name, _)| names.find(name).is_some());
            let mut members = additional(schema, node)
                .into_iter()
                .chain(fields.map(|(_, member)| member));
            members.any(|member| has_path(schema, names, member, rest))
        }
        name => {
            let mut properties = schema.properties(node).into_iter();
            properties.any(|(known, member)| known == name && has_path(schema, names, member, rest))
        }
    }
}

/// Returns the schema of the members that an object may have beside the declared ones.
pub(super) fn additional<'s>(schema: &'s Schema, node: &'s Value) -> Option<&'s Value> {
    let declared = schema.parts(node);
    declared.into_iter().find_map(|part| {
        part.get("additionalProperties")
            .filter(|value| value.is_object())
    })
}

/// Values of a status member that mean failure, in lower case.
const FAILED: [&str; 9] = [
    "error",
    "fail",
    "failed",
    "failure",
    "nok",
    "ko",
    "invalid",
    "rejected",
    "unsuccessful",
];

pub(super) struct Shaper<'c> {
    pub(super) schema: &'c Schema,
    pub(super) context: Context<'c>,
    idiom: Option<&'static Idiom>,
    /// Family recognised by the body shape, whose constants apply.
    by_shape: Option<&'static Idiom>,
    pub(super) path: Vec<String>,
    /// Addresses of the object schemas around the current node, to end recursion.
    open: Vec<usize>,
    /// Number of enclosing objects that are fields of the request.
    pub(super) fields: usize,
}

impl<'c> Shaper<'c> {
    pub(super) fn node(
        &mut self,
        node: &'c Value,
        around: &MemberContext<'_>,
        generated: Option<&Value>,
    ) -> Option<BodyPattern> {
        if around.depth > DEEPEST {
            return None;
        }
        let node = self.schema.resolve(node);
        let types = self.schema.types(node);
        if let Some(fixed) = self.constant(node) {
            return Some(self.always(fixed, node));
        }
        if let Some(Value::Array(values)) = node.get("enum") {
            return self.listed(values, around);
        }
        let is_list_of_texts = types.contains(&"array") && types.contains(&"string");
        match types.first().copied() {
            Some("string") if is_list_of_texts => self.array(node, around, generated),
            Some("object") => {
                // A schema inside itself adds nothing to the pattern.
                let address = std::ptr::from_ref(node).addr();
                if self.open.contains(&address) {
                    return None;
                }
                self.open.push(address);
                let object = self.object(node, around, generated);
                self.open.pop();
                object
            }
            Some("array") => self.array(node, around, generated),
            Some("boolean") => flag(around.name).map(|flag| BodyPattern::Fixed(Value::Bool(flag))),
            Some("integer" | "number") => self.number(node, around),
            Some("string") | None => self.text(node, around),
            Some(_) => None,
        }
    }

    /// Returns the fixed value of a node: its `const`, or the constant that the family has at this
    /// path, if `enum` allows it.
    fn constant(&self, node: &Value) -> Option<Value> {
        if let Some(value) = node.get("const") {
            return Some(value.clone());
        }
        let known = self
            .by_shape?
            .constants
            .iter()
            .find(|(path, _)| *path == self.path)
            .map(|(_, value)| value)?;
        let allowed = node.get("enum").and_then(Value::as_array);
        allowed
            .is_none_or(|values| values.contains(known))
            .then(|| known.clone())
    }

    /// Returns the pattern of a fixed value: a code if the schema lists values, a message if the
    /// text has blanks, else the value itself.
    fn always(&self, fixed: Value, node: &Value) -> BodyPattern {
        let Value::String(text) = &fixed else {
            return BodyPattern::Fixed(fixed);
        };
        if let Some(Value::Array(values)) = node.get("enum") {
            let (seen, allowed) = (Some(fixed.clone()), values.clone());
            return BodyPattern::Code(CodeSlot {
                seen,
                allowed,
                idiom: None,
                ..CodeSlot::default()
            });
        }
        if text.contains(' ') {
            return BodyPattern::Words(Box::new(Words {
                constant: Some(text.clone()),
                ..self.words(node)
            }));
        }
        BodyPattern::Fixed(fixed)
    }

    /// Returns the pattern of an `enum`: a fixed value, a part of the request or a code.
    fn listed(&self, values: &[Value], around: &MemberContext<'_>) -> Option<BodyPattern> {
        let is = |role: MemberRole| role.fits(around.name);
        let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        if let [only] = values {
            return Some(BodyPattern::Fixed(only.clone()));
        }
        if let Some(flag) = flag(around.name).filter(|flag| values.contains(&Value::Bool(*flag))) {
            return Some(BodyPattern::Fixed(Value::Bool(flag)));
        }
        let locations = texts
            .iter()
            .filter(|text| location_of(text).is_some())
            .count();
        if is(MemberRole::Location) && locations > 1 {
            let allowed = texts.iter().map(|text| (*text).to_owned()).collect();
            return Some(BodyPattern::Location(LocationSlot {
                seen: String::new(),
                allowed,
            }));
        }
        let failed = texts
            .iter()
            .find(|text| FAILED.contains(&text.to_lowercase().as_str()));
        if let Some(failed) = failed.filter(|_| MemberRole::Success.fits(around.name)) {
            return Some(BodyPattern::Fixed(Value::String((*failed).to_owned())));
        }
        let slot = CodeSlot {
            allowed: values.to_vec(),
            seen: values.first().cloned(),
            idiom: self.idiom,
            ..CodeSlot::default()
        };
        let says = texts.len() == values.len()
            && (is(MemberRole::Code) || is(MemberRole::Message) || is(MemberRole::Title));
        says.then_some(BodyPattern::Code(slot))
    }

    fn object(
        &mut self,
        node: &'c Value,
        around: &MemberContext<'_>,
        generated: Option<&Value>,
    ) -> Option<BodyPattern> {
        let schema = self.schema;
        let properties = schema.chosen_properties(node, |properties| {
            properties.iter().map(|p| worth(schema, *p)).sum()
        });
        if properties.is_empty() {
            return self.by_field(node, around);
        }
        if let Some(fields) = self.fields(node, &properties, around, generated) {
            return Some(BodyPattern::Fields(fields));
        }
        if around.name == "source"
            && properties
                .iter()
                .any(|property| matches!(property.name, "pointer" | "parameter"))
        {
            return Some(BodyPattern::Source(FieldSlot {
                style: FieldStyle::Pointer,
                ..FieldSlot::plain()
            }));
        }
        let names = properties.iter().map(|property| property.name);
        let beside: Vec<String> = names.clone().map(folded).collect();
        // `{"message": {"lang": "en", "value": "…"}}`
        let mut values = names.filter(|name| matches!(*name, "value" | "text" | "content"));
        let inside = values.next().filter(|_| {
            MemberRole::Message.fits(around.name)
                && !around.name.is_empty()
                && !MemberRole::List.fits(around.name)
        });
        let message = inside.or_else(|| self.message_of(&properties, around));
        let best_list = properties
            .iter()
            .filter(|property| {
                self.schema
                    .types(property.schema)
                    .first()
                    .is_some_and(|kind| matches!(*kind, "array" | "object"))
            })
            .filter_map(|property| MemberRole::List.rank(property.name))
            .min();
        let mut members = Vec::new();
        let mut says = false;
        for chosen in properties {
            let (name, property, is_needed) = (chosen.name, chosen.schema, chosen.is_required);
            let inner = MemberContext {
                name,
                beside: &beside,
                in_list: around.in_list,
                depth: around.depth + 1,
                message: message.unwrap_or_default(),
            };
            self.path.push(name.to_owned());
            let made = generated.and_then(|generated| generated.get(name));
            let pattern = self.node(property, &inner, made);
            self.path.pop();
            says = says || pattern.as_ref().is_some_and(BodyPattern::says_something);
            // Only the best of several lists holds the errors.
            let is_second_list = matches!(
                pattern,
                Some(BodyPattern::Each(_) | BodyPattern::ByField(_) | BodyPattern::Fields(_))
            ) && MemberRole::List.rank(name) > best_list;
            let pattern = pattern.filter(|_| !is_second_list);
            let is_said = pattern.is_some();
            let is_aside = matches!(pattern, Some(BodyPattern::Object(_))) && !is_of_error(name);
            if (!is_said || is_aside) && !is_needed && !is_kept(name) {
                continue;
            }
            let is_list = self.schema.types(property).first() == Some(&"array")
                && property.get("minItems").is_none();
            let nothing = if self.schema.allows_null(property) {
                Some(Value::Null)
            } else {
                is_list.then(|| Value::Array(Vec::new()))
            };
            // A fault of the request as a whole has no field.
            let is_free = property.get("enum").is_none() && property.get("minLength").is_none();
            let is_name =
                matches!(pattern, Some(BodyPattern::Field(_) | BodyPattern::Sent(..))) && is_free;
            let nothing = nothing.or_else(|| is_name.then(|| Value::String(String::new())));
            let otherwise = nothing
                .or_else(|| made.cloned())
                .filter(|_| is_needed || is_kept(name));
            let pattern = pattern.or_else(|| otherwise.clone().map(BodyPattern::Fixed));
            let Some(pattern) = pattern else { continue };
            members.push(Member {
                name: name.to_owned(),
                pattern,
                otherwise: otherwise.filter(|_| is_needed),
            });
        }
        // An object that does not depend on the fault is not a part of the error.
        (says || around.name.is_empty()).then_some(BodyPattern::Object(members))
    }

    /// Returns the name of the text member that is most likely to hold the message.
    fn message_of<'p>(
        &self,
        properties: &[ChosenProperty<'p>],
        around: &MemberContext<'_>,
    ) -> Option<&'p str> {
        let is_text = |node: &Value| {
            let node = self.schema.resolve(node);
            let types = self.schema.types(node);
            let is_free = node.get("enum").is_none()
                && node.get("const").is_none()
                && node.get("format").is_none();
            is_free && (types.is_empty() || types.contains(&"string"))
        };
        let has_list = properties.iter().any(|property| {
            let node = property.schema;
            let is_of_fields =
                self.schema.items(node).is_some() || additional(self.schema, node).is_some();
            MemberRole::List.fits(property.name) && is_of_fields && !is_text(node)
        });
        let ranked = properties
            .iter()
            .filter(|property| is_text(property.schema))
            .filter_map(|ChosenProperty { name, .. }| {
                // Beside a list of errors, a title only names their kind.
                let rank = MemberRole::Message
                    .rank(name)
                    .filter(|_| !(has_list && folded(name) == "title"))?;
                // A `reason` or an `issue` is likely to hold the message only in an entry for one
                // field.
                let is_worse = !around.in_list
                    && matches!(
                        folded(name).as_str(),
                        "reason" | "issue" | "cause" | "content" | "info"
                    );
                Some((rank + 100 * usize::from(is_worse), *name))
            });
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
    }

    /// Returns the pattern of an object with a member for each wrong field, by
    /// `additionalProperties`; `None` for any other object.
    fn by_field(&mut self, node: &'c Value, around: &MemberContext<'_>) -> Option<BodyPattern> {
        let member = additional(self.schema, node)?;
        if !(around.name.is_empty()
            || MemberRole::List.fits(around.name)
            || MemberRole::Field.fits(around.name))
        {
            return None;
        }
        let inner = MemberContext {
            name: "messages",
            in_list: true,
            depth: around.depth + 1,
            message: "messages",
            ..*around
        };
        self.path.push("{}".to_owned());
        let entry = self.node(member, &inner, None);
        self.path.pop();
        let style = self
            .idiom
            .map_or(PathStyle::Dotted, |idiom| idiom.dialect.path);
        let form = self.idiom.map_or(NameForm::AsIs, |idiom| idiom.keys);
        let key = FieldSlot {
            style: FieldStyle::Path(style, form),
            ..FieldSlot::plain()
        };
        let nests = self.idiom.is_some_and(|idiom| idiom.nests);
        let idiom = self.idiom;
        entry.map(|entry| {
            BodyPattern::ByField(ByField {
                key,
                entry: Box::new(entry),
                nests,
                idiom,
            })
        })
    }

    fn array(
        &mut self,
        node: &'c Value,
        around: &MemberContext<'_>,
        generated: Option<&Value>,
    ) -> Option<BodyPattern> {
        let item = self.schema.resolve(self.schema.items(node)?);
        let types = self.schema.types(item);
        let is_way = matches!(
            folded(around.name).as_str(),
            "loc" | "path" | "fieldpath" | "location"
        );
        if is_way && around.in_list && !types.contains(&"object") {
            let is_number = types.contains(&"integer") || types.contains(&"number");
            let index = if is_number || types.is_empty() {
                SlotType::Any
            } else {
                SlotType::Text
            };
            let location = (folded(around.name) == "loc").then(|| LocationSlot {
                seen: "body".to_owned(),
                allowed: Vec::new(),
            });
            return Some(BodyPattern::Segments(SegmentsSlot { location, index }));
        }
        let is_of_texts = types.contains(&"string") && MemberRole::Message.fits(around.name);
        if !(MemberRole::List.fits(around.name) || around.name.is_empty() || is_of_texts) {
            return None;
        }
        let name = if types.contains(&"string") {
            "message"
        } else {
            ""
        };
        let inner = MemberContext {
            name,
            beside: &[],
            in_list: true,
            depth: around.depth + 1,
            message: name,
        };
        self.path.push("[]".to_owned());
        let entry = self.node(
            item,
            &inner,
            generated.and_then(|generated| generated.get(0)),
        );
        self.path.pop();
        entry
            .filter(BodyPattern::says_something)
            .map(|entry| BodyPattern::Each(Box::new(entry)))
    }

    fn number(&self, node: &Value, around: &MemberContext<'_>) -> Option<BodyPattern> {
        let is_http = MemberRole::Status.rank(around.name).is_some();
        let codes = self
            .idiom
            .filter(|idiom| MemberRole::Code.fits(around.name) && idiom.has_numbers());
        if let Some(idiom) = codes {
            let slot = CodeSlot {
                idiom: Some(idiom),
                ..CodeSlot::default()
            };
            return Some(BodyPattern::Code(slot));
        }
        let is_within = |bound: &str, fits: fn(f64) -> bool| {
            node.get(bound).and_then(Value::as_f64).is_none_or(fits)
        };
        (is_http
            && is_within("maximum", |most| most >= 599.0)
            && is_within("minimum", |least| least <= 400.0))
        .then_some(BodyPattern::Status(SlotType::Number))
    }

    fn text(&self, node: &Value, around: &MemberContext<'_>) -> Option<BodyPattern> {
        let name = around.name;
        let key = folded(name);
        let is = |role: MemberRole| role.fits(name);
        let beside = |names: &[&str]| {
            around
                .beside
                .iter()
                .any(|other| names.contains(&other.as_str()))
        };
        let counts_more = !around.in_list && self.idiom.is_some_and(|idiom| idiom.counts_more);
        let words = || {
            Some(BodyPattern::Words(Box::new(Words {
                counts_more,
                ..self.words(node)
            })))
        };
        if is_url_key(&key)
            && !around.in_list
            && !beside(&["field", "param"])
            && around.depth == 1
            && node.get("enum").is_none()
        {
            return Some(BodyPattern::Url);
        }
        if name.is_empty() && around.depth == 0 || name == "message" && around.message == name {
            return words();
        }
        if name == around.message && !is_rather_code(&key, around) {
            return words();
        }
        if let Some(format) = node.get("format").and_then(Value::as_str)
            && (format.starts_with("uri") || format == "uuid" || format.starts_with("date"))
        {
            // RFC 9457 §4.2.1
            let is_problem = key == "type" && beside(&["title", "detail"]);
            return is_problem.then(|| BodyPattern::Fixed(Value::String("about:blank".to_owned())));
        }
        if is(MemberRole::Field) && is_field(&key, around) {
            return Some(BodyPattern::Field(FieldSlot {
                style: self.field_style(&key),
                ..FieldSlot::plain()
            }));
        }
        if is(MemberRole::Location)
            && around.in_list
            && !matches!(key.as_str(), "type" | "source" | "section")
        {
            return Some(BodyPattern::Location(LocationSlot {
                seen: "body".to_owned(),
                allowed: Vec::new(),
            }));
        }
        if key == "expected" {
            return None;
        }
        let is_beside_field = around.beside.iter().any(|other| {
            MemberRole::Field.rank(other).is_some_and(|rank| rank < 16) || other.ends_with("name")
        });
        if is(MemberRole::Value) && (around.in_list || is_beside_field && key.ends_with("value")) {
            let is_text = self.schema.types(node) == ["string"];
            return Some(BodyPattern::Sent(
                if is_text {
                    SlotType::Text
                } else {
                    SlotType::Any
                },
                None,
            ));
        }
        if matches!(key.as_str(), "title" | "errortitle")
            || key == "error" && beside(&["message", "msg", "errormessage", "detail"])
        {
            return Some(BodyPattern::Reason);
        }
        let is_http = key.contains("status") && !key.contains("text") && !key.contains("message");
        if is_http {
            let is_number = beside(&["title", "detail", "source"]) || key != "status";
            let plain = BodyPattern::Fixed(Value::String("error".to_owned()));
            return Some(if is_number {
                BodyPattern::Status(SlotType::Text)
            } else {
                plain
            });
        }
        if key == "type" && beside(&["title"]) && beside(&["detail", "instance", "status"]) {
            return Some(BodyPattern::Fixed(Value::String("about:blank".to_owned())));
        }
        let says_more = ["message", "msg", "description", "detail"]
            .iter()
            .any(|word| key.ends_with(word));
        if says_more && is(MemberRole::Message) {
            return words();
        }
        // `@type` and `$type` name a type of another vocabulary, not an error code.
        if is(MemberRole::Code) && !is(MemberRole::Request) && !name.starts_with(['@', '$']) {
            return Some(BodyPattern::Code(self.code(name)));
        }
        None
    }

    /// Returns the notation that a member with the path of a field uses.
    fn field_style(&self, key: &str) -> FieldStyle {
        let family = self
            .idiom
            .map_or(PathStyle::Brackets, |idiom| idiom.dialect.path);
        if matches!(key, "pointer" | "instancepath") || family == PathStyle::Pointer {
            FieldStyle::Pointer
        } else {
            FieldStyle::Path(family, NameForm::AsIs)
        }
    }

    /// Returns the slot of a code whose values the schema does not list.
    fn code(&self, name: &str) -> CodeSlot {
        let others = self
            .context
            .codes
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, code)| code.clone());
        CodeSlot {
            others: others.collect(),
            idiom: self.idiom,
            is_free: true,
            ..CodeSlot::default()
        }
    }

    fn words(&self, node: &Value) -> Words {
        let longest = node
            .get("maxLength")
            .and_then(Value::as_u64)
            .and_then(|longest| usize::try_from(longest).ok());
        Words {
            idiom: self.idiom,
            quote: Some('\''),
            longest,
            ..Words::default()
        }
    }
}

/// Returns true for the folded names of members that hold the target of the request.
fn is_url_key(key: &str) -> bool {
    matches!(
        key,
        "path"
            | "instance"
            | "requestpath"
            | "requesturi"
            | "requesturl"
            | "uri"
            | "endpoint"
            | "resource"
    )
}
