//! Roles of the members of error bodies, found by member name.
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;

use crate::document::syntax;
use crate::schema::name::folded;

/// Role of a member of an error body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MemberRole {
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
const ROLES: [(&str, MemberRole); 13] = [
    ("message", MemberRole::Message),
    ("title", MemberRole::Title),
    ("code", MemberRole::Code),
    ("status", MemberRole::Status),
    ("field", MemberRole::Field),
    ("location", MemberRole::Location),
    ("value", MemberRole::Value),
    ("list", MemberRole::List),
    ("link", MemberRole::Link),
    ("success", MemberRole::Success),
    ("failure", MemberRole::Failure),
    ("when", MemberRole::When),
    ("request", MemberRole::Request),
];

fn names() -> &'static HashMap<MemberRole, Vec<String>> {
    static ALL: OnceLock<HashMap<MemberRole, Vec<String>>> = OnceLock::new();
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

impl MemberRole {
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
        assert!(
            MemberRole::Message.fits("error_message") && MemberRole::Message.fits("errorMessage")
        );
        assert!(
            MemberRole::Code.fits("errorType")
                && MemberRole::Field.fits("propertyPath")
                && MemberRole::List.fits("fieldErrors")
        );
        assert!(MemberRole::Message.rank("message") < MemberRole::Message.rank("detail"));
        for (_, role) in ROLES {
            assert!(names()[&role].len() > 1, "{role:?}");
        }
    }
}
