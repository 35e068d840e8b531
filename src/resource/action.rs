//! Actions on an entity, such as `POST /orders/{id}/cancel`: what of the entity do they set?
//!
//! An action sets the documented value that its verb leads to: `status: canceled`, `archived: true`. `infer` and
//! `shared` ask for it when the paths alone do not make an operation a read or a write.
use serde_json::Value;

use crate::contract::Operation;
use crate::resource::evidence::sent_schema;
use crate::resource::role::Collection;
use crate::schema::Schema;
use crate::schema::name::{folded, words};

/// Properties that tell the status of an entity.
const STATUSES: [&str; 6] = [
    "status",
    "state",
    "phase",
    "stage",
    "lifecycle",
    "lifecyclestate",
];

/// Values of a status that a verb leads to, beside its participle.
const RESULTS: [(&str, &str); 29] = [
    ("pay", "paid"),
    ("send", "sent"),
    ("hold", "held onhold"),
    ("hide", "hidden"),
    ("freeze", "frozen"),
    ("withdraw", "withdrawn"),
    ("start", "running active inprogress"),
    ("begin", "begun running active"),
    ("run", "running"),
    ("stop", "inactive"),
    ("resume", "active running inprogress"),
    ("unpause", "active running"),
    ("restart", "running active"),
    ("activate", "active enabled"),
    ("deactivate", "inactive disabled"),
    ("enable", "active"),
    ("disable", "inactive"),
    ("open", "open"),
    ("reopen", "open"),
    ("restore", "active available"),
    ("unarchive", "active open"),
    ("unpublish", "draft unpublished"),
    ("unsuspend", "active"),
    ("complete", "done"),
    ("finish", "done completed"),
    ("boot", "active running"),
    ("shutdown", "off stopped"),
    ("poweron", "on active running"),
    ("poweroff", "off stopped"),
];

/// Verbs that undo what another one does.
const OPPOSITES: [(&str, &str); 9] = [
    ("disable", "enable"),
    ("deactivate", "activate"),
    ("reopen", "close"),
    ("open", "close"),
    ("restore", "archive"),
    ("show", "hide"),
    ("allow", "block"),
    ("resume", "pause"),
    ("start", "stop"),
];

/// First words of actions that set the members in their content.
const SETTERS: [&str; 7] = [
    "set", "update", "change", "rename", "edit", "modify", "assign",
];

/// Returns the members that an action sets, by the name that ends its path: `status` and `canceled` for `cancel`.
#[must_use]
pub(crate) fn sets(entity: &Schema, name: &str) -> Vec<(String, Value)> {
    let verb = words(name).concat();
    // `markAsRead` sets `read`; a noun such as `comments` sets no flag of its name.
    let marked = verb.strip_prefix("markas");
    let verb = marked.unwrap_or(&verb);
    if verb.is_empty() {
        return Vec::new();
    }
    let properties = entity.properties(entity.tree());
    let status = properties.iter().find_map(|(name, node)| {
        let is_status = STATUSES.contains(&folded(name).as_str());
        let values = entity.resolve(node).get("enum")?.as_array()?;
        let value = is_status.then(|| reached(values, verb)).flatten()?;
        Some(((*name).to_owned(), value))
    });
    let flag = properties.iter().find_map(|(name, node)| {
        let is_flag = entity.types(node) == ["boolean"];
        let value = is_flag
            .then(|| turned(name, verb, marked.is_some()))
            .flatten()?;
        Some(((*name).to_owned(), Value::from(value)))
    });
    status.into_iter().chain(flag).collect()
}

/// Returns the value of a status that a verb leads to.
fn reached(values: &[Value], verb: &str) -> Option<Value> {
    let results = RESULTS.iter().find(|(known, _)| *known == verb);
    let others = results
        .into_iter()
        .flat_map(|(_, results)| results.split(' '));
    let wanted: Vec<String> = participles(verb)
        .into_iter()
        .chain(others.map(str::to_owned))
        .collect();
    wanted.iter().find_map(|wanted| {
        let is_wanted = |value: &&Value| value.as_str().is_some_and(|text| folded(text) == *wanted);
        values.iter().find(is_wanted).cloned()
    })
}

/// Returns the value of a flag after a verb; `None` if the verb is not about it.
fn turned(flag: &str, verb: &str, is_marked: bool) -> Option<bool> {
    let flag = folded(flag);
    let flag = flag.strip_prefix("is").unwrap_or(&flag);
    let says = |verb: &str| {
        participles(verb).iter().any(|form| form == flag)
            || is_marked && flag == verb
            || is_adjective(flag, verb)
    };
    if says(verb) {
        return Some(true);
    }
    let undone = verb.strip_prefix("un");
    let opposites = OPPOSITES.iter().filter(|(known, _)| *known == verb);
    let mut opposites = opposites.map(|(_, opposite)| *opposite).chain(undone);
    opposites.any(says).then_some(false)
}

/// Returns true for `active` and `activate`.
fn is_adjective(flag: &str, verb: &str) -> bool {
    flag == "active" && verb == "activate"
}

/// Returns the participles that a verb may have, in both spellings: `canceled` and `cancelled`.
fn participles(verb: &str) -> Vec<String> {
    let mut forms = Vec::new();
    if verb.ends_with('e') {
        forms.push(format!("{verb}d"));
    }
    if let Some(stem) = verb.strip_suffix('y') {
        forms.push(format!("{stem}ied"));
    }
    forms.push(format!("{verb}ed"));
    if let Some(last) = verb.chars().last() {
        forms.push(format!("{verb}{last}ed"));
    }
    forms
}

/// Returns true if the name that ends a path says that its content has new values for members of the entity.
#[must_use]
pub(crate) fn is_setter(operation: &Operation, collection: &Collection, name: &str) -> bool {
    let first = words(name).into_iter().next().unwrap_or_default();
    let (Some(entity), Some(sent)) = (&collection.entity, sent_schema(operation)) else {
        return false;
    };
    let is_member = |(name, _): &(&str, &Value)| {
        !collection.keys.contains(&folded(name)) && entity.property(entity.tree(), name).is_some()
    };
    let members = sent.properties(sent.tree());
    // What renames sends the new key, or a name such as `new_name`.
    SETTERS.contains(&first.as_str())
        && (members.iter().any(is_member) || first == "rename" && !members.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::diagnostic::{Positions, Source};
    use crate::schema::{Demand, Direction, Schemas};

    #[test]
    fn an_action_sets_what_its_verb_leads_to() {
        let schema = json!({"type": "object", "properties": {
            "status": {"type": "string", "enum": ["pending", "paid", "cancelled", "shipped", "active"]},
            "archived": {"type": "boolean"}, "comments": {"type": "boolean"}, "isActive": {"type": "boolean"}, "read": {"type": "boolean"},
        }});
        let source = Source::new("t".into(), String::new(), |_| Positions::new());
        let schemas = Schemas::new(source, Arc::new(schema), Demand::Few);
        let schema = Schema::new(&schemas, String::new(), Direction::Response);
        let found = |name: &str| {
            let all = sets(&schema, name).into_iter();
            all.map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (name, expected) in [
            ("cancel", "status=\"cancelled\""),
            ("pay", "status=\"paid\""),
            ("ship", "status=\"shipped\""),
            ("archive", "archived=true"),
            ("unarchive", "status=\"active\" archived=false"),
            ("activate", "status=\"active\" isActive=true"),
            ("deactivate", "isActive=false"),
            ("markAsRead", "read=true"),
            ("comments", ""),
        ] {
            assert_eq!(found(name), expected, "{name}");
        }
    }
}
