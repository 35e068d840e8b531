//! Rates how well the template of an example fits a finding.
use crate::errors::catalogue::idiom::is_of_value;
use crate::errors::finding::Finding;
use crate::errors::reading::ReadExample;

/// Quality of an example as the template for a finding; greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// About an unrelated error.
    None,
    /// About a field, by a code only.
    Coded,
    /// About a field in words, for another rule.
    Field,
    /// Words that apply to this rule too: of a family that words it, of several joined sentences,
    /// or of any invalid value.
    Family,
    /// Words for a rule of the same kind: `minLength` for `maxLength`.
    Kin,
    /// Words for this rule.
    Rule,
    /// Words for this rule and this field, or joined sentences for a finding with branches.
    Exact,
}

pub(crate) fn fit(reading: &ReadExample, finding: &Finding) -> Fit {
    let Some(about) = &reading.about else {
        return if reading.rules.contains(&finding.rule.as_str()) {
            Fit::Rule
        } else {
            Fit::None
        };
    };
    let missing = finding.as_missing();
    let joins = !finding.branches.is_empty() && about.is_joined && reading.idiom.is_some();
    if joins {
        return Fit::Exact;
    }
    let is_rule = |finding: &Finding| about.rule == finding.rule;
    let met = [finding, &missing]
        .into_iter()
        .find(|finding| is_rule(finding));
    match met {
        Some(finding)
            if about.names.iter().any(|name| name == finding.name()) && !about.is_joined =>
        {
            Fit::Exact
        }
        Some(_) if !about.is_worded => Fit::Coded,
        // An example of one error is closer to the finding than one that joins several.
        Some(_) if about.is_joined => Fit::Family,
        Some(_) => Fit::Rule,
        None if reading.rules.contains(&finding.rule.as_str()) => Fit::Rule,
        None if about.is_worded && is_kin(about.rule, &finding.rule) => Fit::Kin,
        None if reading.idiom.is_some_and(|idiom| idiom.words(finding)) => Fit::Family,
        None if about.rule == "invalid" && is_of_value(&finding.rule) => Fit::Family,
        None if about.is_worded => Fit::Field,
        None => Fit::Coded,
    }
}

/// Returns true for rules about a resource, which another operation may not have.
pub(crate) fn is_of_thing(rule: &str) -> bool {
    matches!(rule, "notFound" | "conflict" | "forbidden" | "failure")
}

/// Returns true if two rules are about the same kind of fault.
pub(crate) fn is_kin(one: &str, other: &str) -> bool {
    const KINDS: [&[&str]; 4] = [
        &["pattern", "format"],
        &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ],
        &["minLength", "maxLength"],
        &["minItems", "maxItems", "uniqueItems"],
    ];
    KINDS
        .iter()
        .any(|kind| kind.contains(&one) && kind.contains(&other))
}
