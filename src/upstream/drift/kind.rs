//! Kinds of drift between a document and the real API, and what each costs.

/// Cost of a finding for the users of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DriftSeverity {
    /// Clients that were generated from the document fail.
    Breaking,
    /// The document says less than the API does.
    Incomplete,
    /// Nothing fails.
    Information,
}

impl DriftSeverity {
    pub(crate) const ALL: [Self; 3] = [Self::Breaking, Self::Incomplete, Self::Information];

    /// Returns the word that reports have: `breaking`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Incomplete => "incomplete",
            Self::Information => "information",
        }
    }

    /// Returns the level of a result in SARIF 2.1.0 (§3.27.10).
    pub(crate) fn sarif_level(self) -> &'static str {
        match self {
            Self::Breaking => "error",
            Self::Incomplete => "warning",
            Self::Information => "note",
        }
    }
}

macro_rules! kinds {
    ($($variant:ident = $name:literal, $severity:ident, $about:literal;)*) => {
        /// Kind of a finding, such as `undocumented-status`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum DriftKind { $(#[doc = $about] $variant,)* }

        impl DriftKind {
            /// All kinds, in the order of reports.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name, which stays from release to release.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the severity of most findings of the kind.
            pub(crate) fn severity(self) -> DriftSeverity {
                match self { $(Self::$variant => DriftSeverity::$severity,)* }
            }

            /// Returns one sentence about the kind.
            pub(crate) fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

kinds! {
    Null = "undocumented-null", Breaking, "a value is null where the document allows no null";
    OtherType = "other-type", Breaking, "a value has another type than the document says";
    MissingField = "missing-field", Breaking, "a field that the document requires is not there";
    MissingHeader = "missing-header", Breaking, "a header field that the document requires is not there";
    EnumValue = "undocumented-enum-value", Breaking, "a value is none of those that the document lists";
    BrokenFormat = "broken-format", Breaking, "a text does not have its documented format";
    BrokenLimit = "broken-limit", Breaking, "a value is outside of the documented limits";
    OtherForm = "other-form", Breaking, "a value fits none of the documented forms";
    BrokenHeader = "broken-header", Breaking, "a header field does not fit its schema";
    UnreadableContent = "unreadable-content", Breaking, "content cannot be read as its media type";
    MediaType = "undocumented-media-type", Breaking, "content has a media type that is not documented";
    Status = "undocumented-status", Incomplete, "an operation answers with a status that is not documented";
    Operation = "undocumented-operation", Incomplete, "the API has an operation that the document does not have";
    Content = "undocumented-content", Incomplete, "there is content where the document has none";
    Field = "undocumented-field", Incomplete, "a field is not documented";
    RequestField = "undocumented-request-field", Incomplete, "clients send a field that is not documented";
    Query = "undocumented-query", Incomplete, "clients send a query parameter that is not documented";
    ContradictedExample = "contradicted-example", Incomplete, "real answers contradict a documented example";
    RefusedExample = "refused-example", Incomplete, "the API refuses the documented example of a request";
    ExampleOnly = "undescribed-field", Information, "only an example shows a field, and no schema describes it";
    FreeForm = "undescribed-object", Information, "an object has fields, and the document says nothing about them";
    Header = "undocumented-header", Information, "a header field is not documented";
    UnseenOperation = "unseen-operation", Information, "a documented operation was never called";
    UnseenStatus = "unseen-status", Information, "a documented status never came";
    UnseenField = "unseen-field", Information, "a documented optional field never came";
    UnseenEnumValue = "unseen-enum-value", Information, "a documented value never came";
    UnseenHeader = "unseen-header", Information, "a documented header field never came";
    UnseenParameter = "unseen-parameter", Information, "no client sent a documented parameter";
}

impl DriftKind {
    /// Returns true for what came and is not documented, or contradicts the document.
    pub(crate) fn is_undocumented(self) -> bool {
        self < Self::ContradictedExample
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_in_kebab_case() {
        let names: BTreeSet<&str> = DriftKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), DriftKind::ALL.len());
        let is_kebab = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(names.iter().all(|name| is_kebab(name)));
    }
}
