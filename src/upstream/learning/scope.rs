//! Errors of all operations → the entries of the section `errors`: `*` or a document where operations
//! agree, and an operation where it differs.
use std::collections::{BTreeSet, HashSet};

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::errors::overrides::ErrorOverrides;
use crate::upstream::learning::observation::LearnedError;
use crate::upstream::learning::template::body_template;
use crate::upstream::learning::view::View;
use crate::upstream::learning::voice::{RuleTemplate, entry, entry_of_single};

/// Entries of the section, and what they do not say.
#[derive(Debug, Default)]
pub(super) struct LearnedVoice {
    /// Entries by name: `*`, a document, an operation.
    pub entries: Map<String, Value>,
    /// Rules with the number of errors that prove them, by entry.
    pub proven: IndexMap<String, IndexMap<String, usize>>,
    /// Errors that contradict the others, one sentence each.
    pub contradictions: Vec<String>,
}

/// Errors about one rule that one template gives.
#[derive(Debug)]
struct Cluster<'e> {
    errors: Vec<&'e LearnedError>,
    template: RuleTemplate,
}

/// Maximum number of templates for one rule; other errors contradict.
const MOST_CLUSTERS: usize = 8;

/// Smallest number of alike errors that a status alone explains.
const FEWEST_BY_STATUS: usize = 2;

/// Makes the entries of the errors of all documents.
#[must_use]
pub(super) fn learned(contract: &Contract, errors: &[LearnedError]) -> LearnedVoice {
    let mut voice = LearnedVoice::default();
    let mut documents: IndexMap<Option<usize>, Vec<&LearnedError>> = IndexMap::new();
    for error in errors {
        let document = error
            .operation
            .map(|index| contract.operations[index].document);
        // What is of no operation is of the only document.
        let document = document.or((contract.documents.len() == 1).then_some(0));
        documents.entry(document).or_default().push(error);
    }
    for (document, errors) in documents {
        let name = match document {
            Some(document) if contract.documents.len() > 1 => {
                contract.documents[document].source().name().to_owned()
            }
            _ => "*".to_owned(),
        };
        of_document(&name, &errors, &mut voice);
    }
    voice
}

/// Adds the entries of the errors of one document.
fn of_document(name: &str, errors: &[&LearnedError], voice: &mut LearnedVoice) {
    let rules: BTreeSet<&str> = errors.iter().flat_map(|error| error.rules()).collect();
    let mut general: Vec<RuleTemplate> = Vec::new();
    let mut own: IndexMap<&str, Vec<RuleTemplate>> = IndexMap::new();
    let mut keeps: BTreeSet<&str> = BTreeSet::new();
    for rule in ordered(&rules) {
        let mut clusters = clusters(rule, errors).into_iter();
        let Some(most) = clusters.next() else {
            continue;
        };
        let operations: BTreeSet<&str> = most.errors.iter().map(|e| e.name.as_str()).collect();
        count(voice, name, &most);
        general.push(most.template);
        for cluster in clusters {
            contradict(voice, &cluster, &operations);
            // The errors of one operation contradict each other: the most frequent one counts.
            let Some(operation) = sole_operation(&cluster, &operations, &own, rule) else {
                continue;
            };
            count(voice, operation, &cluster);
            own.entry(operation).or_default().push(cluster.template);
        }
        keeps.extend(operations);
    }
    if general.is_empty() {
        return;
    }
    voice.entries.insert(name.to_owned(), entry(&general));
    for (operation, rules) in own {
        // An operation that agrees in some rules differs in single ones only.
        let entry = if keeps.contains(operation) {
            entry_of_single(&rules)
        } else {
            entry(&rules)
        };
        voice.entries.insert(operation.to_owned(), entry);
    }
}

/// Returns the rules in the order in which people list them.
fn ordered<'r>(rules: &BTreeSet<&'r str>) -> Vec<&'r str> {
    let known = crate::contract::wording::RULES.iter();
    known.filter_map(|rule| rules.get(rule).copied()).collect()
}

/// Returns the operation that only this cluster is of, unless it agrees with most or has an entry for
/// the rule.
fn sole_operation<'e>(
    cluster: &Cluster<'e>,
    most: &BTreeSet<&str>,
    own: &IndexMap<&'e str, Vec<RuleTemplate>>,
    rule: &str,
) -> Option<&'e str> {
    let first = cluster.errors.first()?.name.as_str();
    let has_rule = |rules: &Vec<RuleTemplate>| rules.iter().any(|own| own.rule == rule);
    let is_sole = cluster.errors.iter().all(|error| error.name == first);
    (is_sole && !first.is_empty() && !most.contains(first) && !own.get(first).is_some_and(has_rule))
        .then_some(first)
}

fn count(voice: &mut LearnedVoice, entry: &str, cluster: &Cluster<'_>) {
    let rules = voice.proven.entry(entry.to_owned()).or_default();
    rules.insert(cluster.template.rule.clone(), cluster.errors.len());
}

fn contradict(voice: &mut LearnedVoice, cluster: &Cluster<'_>, most: &BTreeSet<&str>) {
    let Some(error) = cluster.errors.first() else {
        return;
    };
    let others: Vec<&str> = most.iter().take(3).copied().collect();
    voice.contradictions.push(format!(
        "{}: the error about `{}` differs from that of `{}`",
        error.title(),
        cluster.template.rule,
        others.join("`, `")
    ));
}

/// Returns the errors about a rule, by the template that gives them, the most frequent first.
fn clusters<'e>(rule: &str, errors: &[&'e LearnedError]) -> Vec<Cluster<'e>> {
    let is_meant = |error: &&&LearnedError| error.rules().any(|own| own == rule);
    let of_rule: Vec<&LearnedError> = errors.iter().filter(is_meant).copied().collect();
    let sole: Vec<&LearnedError> = of_rule
        .iter()
        .filter(|error| error.is_sole)
        .copied()
        .collect();
    let of_all = alike(rule, &of_rule);
    // What is about several rules proves less: it counts if it agrees, or if there is nothing else.
    let agrees = |clusters: &[Cluster<'_>]| {
        let of_sole = clusters.iter().map(|own| own.errors.iter());
        clusters.len() == 1 && of_sole.flatten().count() == of_rule.len()
    };
    if sole.is_empty() || agrees(&of_all) {
        return of_all;
    }
    alike(rule, &sole)
}

/// Returns errors about a rule by the template that gives them, the most frequent first.
fn alike<'e>(rule: &str, from: &[&'e LearnedError]) -> Vec<Cluster<'e>> {
    let mut clusters: Vec<Cluster<'_>> = Vec::new();
    for &error in from {
        let views: Vec<View> = error
            .views
            .iter()
            .filter(|view| view.finding.rule == rule)
            .cloned()
            .collect();
        let joined = clusters
            .iter_mut()
            .any(|cluster| join(cluster, error, &views));
        if joined || clusters.len() >= MOST_CLUSTERS {
            continue;
        }
        if let Some(body) = body_template(&views) {
            let template = RuleTemplate {
                rule: rule.to_owned(),
                status: error.status,
                media: error.media.clone(),
                body,
                views,
            };
            let errors = vec![error];
            clusters.push(Cluster { errors, template });
        }
    }
    clusters.retain(is_proven);
    // A stable sort keeps the order of what was seen first.
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.errors.len()));
    clusters
}

/// Returns true if the errors of a cluster are enough to learn from. What a status alone explains may repeat
/// a value of the request, `No pet with id 7`, so that repetitions of one request prove nothing.
fn is_proven(cluster: &Cluster<'_>) -> bool {
    if !cluster.errors.iter().all(|error| error.is_by_status) {
        return true;
    }
    let mut without_values = 0;
    let mut requests: HashSet<(&str, Bytes)> = HashSet::new();
    for error in &cluster.errors {
        let request = &error.request;
        if error.has_values {
            requests.insert((request.uri().path(), request.body().bytes()));
        } else {
            without_values += 1;
        }
    }
    requests.len() + without_values >= FEWEST_BY_STATUS
}

/// Adds an error to a cluster if one template gives all.
fn join<'e>(cluster: &mut Cluster<'e>, error: &'e LearnedError, views: &[View]) -> bool {
    let template = &cluster.template;
    if template.status != error.status || template.media != error.media {
        return false;
    }
    // A template that gives the error already need not be made anew from all of them.
    let is_given = |view: &View| {
        let told =
            ErrorOverrides::body_of(&cluster.template.body, std::slice::from_ref(&view.finding));
        told.as_ref() == Some(&view.body)
    };
    if views.iter().all(is_given) {
        cluster.template.views.extend_from_slice(views);
        cluster.errors.push(error);
        return true;
    }
    let mut all = cluster.template.views.clone();
    all.extend_from_slice(views);
    let Some(body) = body_template(&all) else {
        return false;
    };
    cluster.template.body = body;
    cluster.template.views = all;
    cluster.errors.push(error);
    true
}
