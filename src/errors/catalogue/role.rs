//! Roles of the members of error bodies, found by member name.
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;

use crate::document::syntax;
use crate::schema::name::folded;

/// Role of a member of an error body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// A sentence for people.
    Message,
    /// A short name of the kind of error.
    Title,
    /// A code for programs.
    Code,
    /// The status code.
    Status,
    /// The invalid field.
    Field,
    /// The part of the request that has the field.
    Location,
    /// The value that was sent.
    Value,
    /// The list of all errors.
    List,
    /// A link to more information.
    Link,
    /// A flag for success.
    Success,
    /// A flag for failure.
    Failure,
    /// The time of the error.
    When,
    /// The identifier of the request.
    Request,
}

/// Key in `roles.yaml` of each role.
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
        let tree = syntax::parse(include_str!("roles.yaml"))
            .expect("it is a part of the program")
            .tree;
        let list = |name: &str| {
            let names = tree[name]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let mut seen = HashSet::new();
            names
                .filter(|name| seen.insert(*name))
                .map(str::to_owned)
                .collect()
        };
        ROLES
            .iter()
            .map(|(name, role)| (*role, list(name)))
            .collect()
    })
}

impl Role {
    /// Returns the rank of a member name in the role: 0 is the likeliest; none if it cannot have
    /// the role.
    #[must_use]
    pub(crate) fn rank(self, name: &str) -> Option<usize> {
        let folded = folded(name);
        names()
            .get(&self)
            .and_then(|names| names.iter().position(|known| *known == folded))
    }

    /// Returns true if a member of this name can have the role.
    #[must_use]
    pub(crate) fn fits(self, name: &str) -> bool {
        self.rank(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_roles_in_every_style() {
        assert!(Role::Message.fits("error_message") && Role::Message.fits("errorMessage"));
        assert!(
            Role::Code.fits("errorType")
                && Role::Field.fits("propertyPath")
                && Role::List.fits("fieldErrors")
        );
        assert!(Role::Message.rank("message") < Role::Message.rank("detail"));
        for (_, role) in ROLES {
            assert!(names()[&role].len() > 1, "{role:?}");
        }
    }
}
