//! What a member of an error body is for, by its name.
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;

use crate::document::syntax;
use crate::schema::name::folded;

/// What a member is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A sentence for people.
    Message,
    /// A short name of the kind of error.
    Title,
    /// A word for programs.
    Code,
    /// The status.
    Status,
    /// The field that is wrong.
    Field,
    /// The part of the request that it is in.
    Location,
    /// What was sent.
    Value,
    /// Everything that is wrong.
    List,
    /// Where more is said.
    Link,
    /// Whether all is well.
    Success,
    /// Whether something is wrong.
    Failure,
    /// When it happened.
    When,
    /// The identifier of the request.
    Request,
}

/// The key in `roles.yaml`, and what it is.
const ROLES: [(&str, Role); 13] = [
    ("message", Role::Message),
    ("title", Role::Title),
    ("code", Role::Code),
    ("status", Role::Status),
    ("field", Role::Field),
    ("location", Role::Location),
    ("value", Role::Value),
    ("list", Role::List),
    ("link", Role::Link),
    ("success", Role::Success),
    ("failure", Role::Failure),
    ("when", Role::When),
    ("request", Role::Request),
];

fn names() -> &'static HashMap<Role, Vec<String>> {
    static ALL: OnceLock<HashMap<Role, Vec<String>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let tree = syntax::parse(include_str!("roles.yaml")).expect("it is a part of the program").tree;
        let list = |name: &str| {
            let names = tree[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut seen = HashSet::new();
            names.filter(|name| seen.insert(*name)).map(str::to_owned).collect()
        };
        ROLES.iter().map(|(name, role)| (*role, list(name))).collect()
    })
}

impl Role {
    /// How likely a member of this name has the role: 0 is the likeliest; none if it has not.
    #[must_use]
    pub fn rank(self, name: &str) -> Option<usize> {
        let folded = folded(name);
        names().get(&self).and_then(|names| names.iter().position(|known| *known == folded))
    }

    /// Whether a member of this name can have the role.
    #[must_use]
    pub fn fits(self, name: &str) -> bool {
        self.rank(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_roles_in_every_style() {
        assert!(Role::Message.fits("error_message") && Role::Message.fits("errorMessage"));
        assert!(Role::Code.fits("errorType") && Role::Field.fits("propertyPath") && Role::List.fits("fieldErrors"));
        assert!(Role::Message.rank("message") < Role::Message.rank("detail"));
        for (_, role) in ROLES {
            assert!(names()[&role].len() > 1, "{role:?}");
        }
    }
}
