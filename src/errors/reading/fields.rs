//! Reads error schemas that have the fields of the request as their members:
//! `{"name": ["This field is required."]}`, at the top or below `errors`.
//!
//! A part of `shaping`, tried for each object before its members are read one by one.
use serde_json::{Value, json};

use crate::errors::body::{FieldErrors, Member};
use crate::errors::catalogue::role::MemberRole;
use crate::errors::reading::member::MemberContext;
use crate::errors::reading::shaping::{Shaper, additional};
use crate::schema::name::folded;
use crate::schema::walk::ChosenProperty;

impl<'c> Shaper<'c> {
    /// Returns the pattern of an object that has fields of the request as its members; `None` for
    /// any other object.
    pub(super) fn fields(
        &mut self,
        node: &'c Value,
        properties: &[ChosenProperty<'c>],
        around: &MemberContext<'_>,
        generated: Option<&Value>,
    ) -> Option<FieldErrors> {
        let (is_top, depth) = (around.depth == 0, self.fields);
        let is_below = depth > 0 || is_of_fields(around.name) && !around.in_list;
        let count = properties
            .iter()
            .filter(|property| self.is_field(**property, is_top))
            .count();
        let is_meant = is_below && count * 2 > properties.len()
            || is_top && self.is_of_fields_alone(properties);
        if count == 0 || !is_meant {
            return None;
        }
        let (mut fields, mut rest, mut others) = (Vec::new(), None, Vec::new());
        for property in properties.iter().copied() {
            let ChosenProperty { name, schema, .. } = property;
            let is_field = self.is_field(property, is_top);
            let is_said = is_field || self.has_sentences(schema);
            let called = if is_said { "messages" } else { name };
            let around = MemberContext {
                name: called,
                beside: &[],
                in_list: is_said,
                depth: around.depth + 1,
                message: called,
            };
            self.path.push(name.to_owned());
            self.fields += usize::from(is_field);
            let pattern = self.node(
                schema,
                &around,
                generated.and_then(|generated| generated.get(name)),
            );
            self.fields = depth;
            self.path.pop();
            let Some(pattern) = pattern else { continue };
            let otherwise = property.is_required.then(|| self.nothing(schema));
            let member = Member {
                name: name.to_owned(),
                pattern,
                otherwise,
            };
            match (is_field, is_said) {
                (true, _) => fields.push(member),
                (false, true) if rest.is_none() => rest = Some(Box::new(member)),
                _ => others.push(member),
            }
        }
        let declares_others = |part: &&Value| part.get("additionalProperties").is_some();
        let is_open = additional(self.schema, node).is_some()
            || !self.schema.parts(node).iter().any(declares_others);
        let other = fields
            .first()
            .filter(|_| is_open)
            .map(|field| Box::new(field.pattern.clone()));
        (!fields.is_empty()).then_some(FieldErrors {
            depth,
            members: fields,
            rest,
            others,
            other,
        })
    }

    /// Returns true if the members of a body are fields of the request, and no other member is a
    /// message of the whole error.
    fn is_of_fields_alone(&self, properties: &[ChosenProperty<'c>]) -> bool {
        let has_plain = properties
            .iter()
            .any(|property| self.is_field(*property, true) && !has_role(property.name));
        let mut others = properties
            .iter()
            .filter(|property| !self.is_field(**property, true));
        // Beside a message of the whole error, the members are something else.
        has_plain
            && others
                .all(|other| self.has_list(other.schema) || !MemberRole::Message.fits(other.name))
    }

    /// Returns true if a property is a field of the request with its messages. At the top only a
    /// list has messages: a text there could be any value that an error repeats.
    fn is_field(&self, property: ChosenProperty<'c>, is_top: bool) -> bool {
        let ChosenProperty { name, schema, .. } = property;
        let says = if is_top {
            self.has_list(schema)
        } else {
            self.has_sentences(schema) || self.is_object(schema)
        };
        says && self.context.names.find(name).is_some()
    }

    fn is_object(&self, schema: &'c Value) -> bool {
        self.schema
            .types(self.schema.resolve(schema))
            .contains(&"object")
    }

    fn has_sentences(&self, schema: &'c Value) -> bool {
        let resolved = self.schema.resolve(schema);
        let types = self.schema.types(resolved);
        let is_text = types.is_empty() || types.contains(&"string");
        let is_free = resolved.get("format").is_none() && resolved.get("enum").is_none();
        self.has_list(schema) || is_text && is_free
    }

    /// Returns true if a schema is a list of texts, or of objects with a message or a code.
    fn has_list(&self, schema: &'c Value) -> bool {
        let schema = self.schema.resolve(schema);
        let Some(item) = self
            .schema
            .items(schema)
            .map(|item| self.schema.resolve(item))
        else {
            return false;
        };
        let says = |(name, _): &(&str, &Value)| {
            MemberRole::Message.fits(name) || MemberRole::Code.fits(name)
        };
        self.schema.types(item).contains(&"string") || self.schema.properties(item).iter().any(says)
    }

    /// Returns the value for a field without faults: null where allowed, else an empty array,
    /// object or text.
    fn nothing(&self, schema: &'c Value) -> Value {
        let schema = self.schema.resolve(schema);
        match self.schema.types(schema).first() {
            _ if self.schema.allows_null(schema) => Value::Null,
            Some(&"array") => json!([]),
            Some(&"object") => json!({}),
            _ => json!(""),
        }
    }
}

/// Returns true if the members of an object of this name are fields.
fn is_of_fields(name: &str) -> bool {
    MemberRole::List.fits(name) || matches!(folded(name).as_str(), "field" | "params" | "body")
}

/// Returns true if a name is one that members of errors have for any request.
fn has_role(name: &str) -> bool {
    let roles = [
        MemberRole::Message,
        MemberRole::Title,
        MemberRole::Code,
        MemberRole::Status,
        MemberRole::List,
        MemberRole::Success,
        MemberRole::Request,
    ];
    roles.iter().any(|role| role.fits(name))
}
