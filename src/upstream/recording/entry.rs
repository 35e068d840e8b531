//! Read exchanges → entries of fixtures: one for each request that differs in what matters.
use std::collections::{BTreeSet, HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::codec::text::plain;
use crate::contract::Contract;
use crate::state::stand_in::StandIns;
use crate::upstream::recording::base_url::{BASE_URL, RealUrl};
use crate::upstream::recording::condition::{alone, needed, written};
use crate::upstream::recording::form::{AnswerStep, Form, FormContent, steps};
use crate::upstream::recording::header_field;
use crate::upstream::recording::member::{KnownValues, Member, MemberKind, members};
use crate::upstream::recording::reading::{AnswerContent, ReadExchange};
use crate::upstream::recording::template::{Echoes, VariableValue};

/// Maximum number of entries with the same path values that conditions are made for; more requests
/// would take quadratic time.
const MOST_ALIKE: usize = 300;

/// Size in bytes from which a body with URLs of the real API has a file of its own, in which they stay.
const LARGEST_WITH_URLS: usize = 256 * 1024;

/// Entries of exchanges, and the exchanges that became none.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Entries, those of one operation in the order in which they are tried.
    pub entries: Vec<Entry>,
    /// Indexes of exchanges beyond [`MOST_ALIKE`].
    pub too_many: Vec<usize>,
}

/// Entry of a fixture file.
#[derive(Debug)]
pub(super) struct Entry {
    /// Index of the operation in the contract.
    pub operation: usize,
    pub when: Map<String, Value>,
    pub steps: Vec<AnswerStep>,
    /// Indexes of the exchanges that it is made of.
    pub sources: Vec<usize>,
}

/// Exchanges with one request, or with requests that got the same answer.
struct Group {
    operation: usize,
    /// Index of an exchange for each request.
    requests: Vec<usize>,
    members: Vec<Member>,
    steps: Vec<AnswerStep>,
    sources: Vec<usize>,
}

impl Group {
    /// Adds a group with the same answer; `common` are the members that both have.
    fn absorb(&mut self, other: Self, common: Vec<Member>) {
        self.members = common;
        self.requests.extend(other.requests);
        self.sources.extend(other.sources);
        self.sources.sort_unstable();
    }
}

/// Returns true if both are the same single answer.
fn is_same(first: &[AnswerStep], second: &[AnswerStep]) -> bool {
    match (first, second) {
        ([first], [second]) => first.form.is_same(&second.form),
        _ => false,
    }
}

/// Returns the entries of exchanges.
pub(super) fn entries(
    contract: &Contract,
    exchanges: &[ReadExchange],
    stand_ins: &StandIns,
    inline_body: usize,
) -> Entries {
    let recording = RecordedValues {
        inline_body,
        ..RecordedValues::of(contract, exchanges, stand_ins)
    };
    let groups = recording.groups();
    let mut partitions: IndexMap<(usize, String), Vec<Group>> = IndexMap::new();
    for group in groups {
        let is_path = |member: &&Member| member.kind == MemberKind::Path;
        let path = group.members.iter().filter(is_path);
        let path: Vec<&Value> = path.map(|member| &member.value).collect();
        let key = (group.operation, json!(path).to_string());
        partitions.entry(key).or_default().push(group);
    }
    let mut made = Entries::default();
    for mut groups in partitions.into_values() {
        let beyond = groups.split_off(groups.len().min(MOST_ALIKE));
        made.too_many
            .extend(beyond.into_iter().flat_map(|group| group.sources));
        let groups = recording.merged(groups);
        made.entries.extend(recording.conditioned(&groups));
    }
    made.too_many.sort_unstable();
    made
}

/// Values of a recording, by which echoes and references are told.
struct RecordedValues<'r> {
    contract: &'r Contract,
    exchanges: &'r [ReadExchange],
    stand_ins: &'r StandIns,
    /// Size in bytes from which a body has a file of its own.
    inline_body: usize,
    /// Values in answers.
    issued: HashSet<String>,
    /// Values in requests, with the operations of these.
    requested: HashMap<String, HashSet<usize>>,
}

impl<'r> RecordedValues<'r> {
    fn of(contract: &'r Contract, exchanges: &'r [ReadExchange], stand_ins: &'r StandIns) -> Self {
        let mut issued = HashSet::new();
        let mut requested: HashMap<String, HashSet<usize>> = HashMap::new();
        for exchange in exchanges {
            if let AnswerContent::Json(value) = &exchange.answer.content {
                leaves(value, &mut |text| {
                    issued.insert(text);
                });
            }
            for part in ["path", "query", "body"] {
                leaves(&exchange.parts[part], &mut |text| {
                    requested
                        .entry(text)
                        .or_default()
                        .insert(exchange.operation);
                });
            }
        }
        Self {
            contract,
            exchanges,
            stand_ins,
            inline_body: usize::MAX,
            issued,
            requested,
        }
    }

    /// Returns the exchanges by request, in the order in which the requests came first.
    fn groups(&self) -> Vec<Group> {
        let mut sources: IndexMap<(usize, String), (Vec<Member>, Vec<usize>)> = IndexMap::new();
        for (index, exchange) in self.exchanges.iter().enumerate() {
            let known = KnownValues {
                stand_ins: self.stand_ins,
                issued: &self.issued,
                at: exchange.at,
            };
            let operation = &self.contract.operations[exchange.operation];
            let own = members(operation, &exchange.parts, &known);
            let meant = own
                .iter()
                .filter(|member| member.kind < MemberKind::Volatile);
            let meant: Vec<Value> = meant
                .map(|member| json!([member.part, member.pointer, member.value]))
                .collect();
            let key = (exchange.operation, json!(meant).to_string());
            sources
                .entry(key)
                .or_insert_with(|| (own, Vec::new()))
                .1
                .push(index);
        }
        let groups = sources.into_iter();
        groups
            .map(|((operation, _), (members, sources))| Group {
                operation,
                steps: self.steps(operation, &sources),
                members,
                requests: sources.first().copied().into_iter().collect(),
                sources,
            })
            .collect()
    }

    fn steps(&self, operation: usize, sources: &[usize]) -> Vec<AnswerStep> {
        let answers: Vec<(u64, Form)> = sources
            .iter()
            .map(|index| {
                (
                    self.exchanges[*index].at,
                    self.form(&self.exchanges[*index]),
                )
            })
            .collect();
        let is_referenced = |value: &Value| {
            let operations = self.requested.get(&plain(value));
            operations.is_some_and(|all| all.iter().any(|other| *other != operation))
        };
        steps(&answers, &is_referenced, &|text| self.stand_ins.is_in(text))
    }

    /// Returns a JSON body with expressions. A large one, and one with a text that would be taken for an
    /// expression, stays as it is.
    fn json(&self, exchange: &ReadExchange, value: &Value) -> VariableValue {
        let text = value.to_string();
        let real = RealUrl::of(exchange).filter(|real| real.is_in(&text));
        // Nothing is evaluated in a file, and a client would leave the sandbox by a URL in it.
        let is_large = match real {
            Some(_) => text.len() >= LARGEST_WITH_URLS,
            None => text.len() >= self.inline_body,
        };
        let is_verbatim = is_large || text.contains("{$");
        let mut value = value.clone();
        if !is_verbatim {
            value = Echoes::of(&exchange.parts).templated(&value);
            value = real.map_or(value.clone(), |real| real.replaced_in(&value, BASE_URL));
        }
        VariableValue {
            value,
            variable: BTreeSet::new(),
            is_verbatim,
        }
    }

    /// Returns a text with expressions for the URLs of the real API, unless it needs a file.
    fn text(&self, exchange: &ReadExchange, text: &str) -> FormContent {
        let real = RealUrl::of(exchange).filter(|real| real.is_in(text));
        match real {
            Some(real) if text.len() < self.inline_body && !text.contains("{$") => {
                FormContent::Text(real.replaced(text, BASE_URL).into_owned())
            }
            _ => FormContent::Other(AnswerContent::Text(text.to_owned())),
        }
    }

    fn form(&self, exchange: &ReadExchange) -> Form {
        let operation = &self.contract.operations[exchange.operation];
        let content = match &exchange.answer.content {
            AnswerContent::Json(value) => FormContent::Json(self.json(exchange, value)),
            AnswerContent::Text(text) => self.text(exchange, text),
            other => FormContent::Other(other.clone()),
        };
        let mut headers = header_field::kept(operation, &exchange.answer);
        if let Some(real) = RealUrl::of(exchange) {
            real.in_fields(&mut headers);
        }
        Form {
            status: exchange.answer.status,
            headers,
            content,
        }
    }

    fn requests(&self, group: &Group) -> impl Iterator<Item = &'r Value> {
        group
            .requests
            .iter()
            .map(|index| &self.exchanges[*index].parts)
    }

    /// Merges groups with the same answer: what differs in their requests made no difference, unless
    /// a request with what they have in common got another answer.
    fn merged(&self, groups: Vec<Group>) -> Vec<Group> {
        let mut made: Vec<Group> = Vec::new();
        let others: Vec<(Vec<AnswerStep>, Vec<&Value>)> = groups
            .iter()
            .map(|group| (group.steps.clone(), self.requests(group).collect()))
            .collect();
        for group in groups {
            let is_told = |common: &[Member]| {
                let others = others
                    .iter()
                    .filter(|(steps, _)| !is_same(steps, &group.steps));
                let mut requests = others.flat_map(|(_, requests)| requests);
                let fixed = || common.iter().filter(|own| own.kind < MemberKind::Volatile);
                !requests.any(|parts| fixed().all(|member| member.holds(parts)))
            };
            let common = made.iter().enumerate().find_map(|(index, other)| {
                let common: Vec<Member> = other.members.clone();
                let common: Vec<Member> = common
                    .into_iter()
                    .filter(|own| group.members.contains(own))
                    .collect();
                (is_same(&other.steps, &group.steps) && is_told(&common)).then_some((index, common))
            });
            match common {
                Some((index, common)) => made[index].absorb(group, common),
                None => made.push(group),
            }
        }
        made
    }

    /// Returns the entries of groups with the same path values, more special ones first.
    fn conditioned(&self, groups: &[Group]) -> Vec<Entry> {
        let conditions: Vec<Vec<&Member>> = groups
            .iter()
            .enumerate()
            .map(|(own, group)| {
                let others = groups.iter().enumerate().filter(|(index, _)| *index != own);
                let others: Vec<&Value> =
                    others.flat_map(|(_, group)| self.requests(group)).collect();
                if others.is_empty() {
                    alone(&group.members)
                } else {
                    needed(&group.members, &others)
                }
            })
            .collect();
        let holds = |condition: usize, request: usize| {
            let mut requests = self.requests(&groups[request]);
            requests.any(|parts| {
                conditions[condition]
                    .iter()
                    .all(|member| member.holds(parts))
            })
        };
        in_order(groups.len(), &holds)
            .into_iter()
            .map(|index| entry(&groups[index], &conditions[index]))
            .collect()
    }
}

fn entry(group: &Group, condition: &[&Member]) -> Entry {
    let pinned: HashMap<String, Value> = condition
        .iter()
        .filter_map(|member| {
            let name = member.pointer.trim_start_matches('/');
            let expression = match member.part {
                "body" => format!("{{$request.body#{}}}", member.pointer),
                "query" => format!("{{$request.query.{name}}}"),
                _ => return None,
            };
            Some((expression, member.value.clone()))
        })
        .collect();
    let mut steps = group.steps.clone();
    steps.iter_mut().for_each(|step| step.form.pin(&pinned));
    Entry {
        operation: group.operation,
        when: written(condition),
        steps,
        sources: group.sources.clone(),
    }
}

/// Returns the order in which entries are tried: an entry whose condition holds for the request of
/// another one comes after it.
fn in_order(count: usize, holds: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut left: Vec<usize> = (0..count).collect();
    let mut ordered = Vec::with_capacity(count);
    while !left.is_empty() {
        let is_free = |own: &usize| {
            left.iter()
                .all(|other| other == own || !holds(*own, *other))
        };
        let next = left.iter().position(is_free).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// Calls `note` with each scalar of a value as text.
fn leaves(value: &Value, note: &mut dyn FnMut(String)) {
    match value {
        Value::Object(members) => members.values().for_each(|member| leaves(member, note)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, note)),
        Value::Null | Value::Bool(_) => {}
        leaf => note(plain(leaf)),
    }
}
