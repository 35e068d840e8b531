//! Observed exchanges → files of fixtures that answer them, as a person would have written them.
use std::collections::{BTreeMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::document::FixtureFile;
use crate::document::fixture_folder::is_in_recorded;
use crate::state::secret::SecretSearch;
use crate::state::stand_in::StandIns;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::recording::earlier::{self, EarlierEntry, EarlierIndex};
use crate::upstream::recording::entry::{Entries, Entry, entries};
use crate::upstream::recording::file::{FileWriter, RecordedFile};
use crate::upstream::recording::form::MOST_STEPS;
use crate::upstream::recording::options::{RecordingMode, RedactMode};
use crate::upstream::recording::reading::{NotRecorded, ReadExchange, read};
use crate::upstream::recording::replay::{Replayed, Unreproduced, replay, replaying};
use crate::upstream::recording::written::WrittenEntry;

/// Maximum number of requests of each kind that a report lists.
const MOST_LISTED: usize = 100;

/// Choices for making fixtures of exchanges.
#[derive(Debug)]
pub(crate) struct FixtureOptions<'o> {
    /// Exchanges to keep.
    pub mode: RecordingMode,
    /// Treatment of secrets.
    pub redact: RedactMode,
    /// Size in bytes from which a body is written to a file of its own.
    pub inline_body: usize,
    /// Files of earlier recordings, see [`earlier_files`](earlier::earlier_files).
    pub earlier: &'o [FixtureFile],
}

/// Fixtures of some exchanges.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// Files to write, those of bodies too.
    pub files: Vec<RecordedFile>,
    /// Number of exchanges that the fixtures answer.
    pub recorded: usize,
    /// Number of fixtures that were made of the exchanges; the files may have earlier ones, too.
    pub fixtures: usize,
    /// Number of secrets that were replaced.
    pub stand_ins: usize,
    /// Requests that became no fixture, without secrets, with their number, by reason.
    pub left_out: BTreeMap<NotRecorded, IndexMap<String, usize>>,
    /// Number of exchanges beyond [`MOST_LISTED`] requests, by reason.
    pub more_left_out: BTreeMap<NotRecorded, usize>,
    /// Requests that the fixtures do not answer as recorded.
    pub unreproduced: Vec<Unreproduced>,
    /// Number of requests whose answers were not compared, as there are very many.
    pub unchecked: usize,
}

/// Makes the fixtures of exchanges, which are in the order of their requests. The same exchanges give
/// the same bytes. Errors of wrong requests for which `is_worded` returns true are left to the learned
/// voice, which repeats them.
#[must_use]
pub(crate) fn fixtures_of(
    sandbox: &Sandbox,
    exchanges: &[ObservedExchange],
    options: &FixtureOptions<'_>,
    is_worded: &dyn Fn(&ObservedExchange) -> bool,
) -> Recording {
    let contract = sandbox.contract();
    let earlier = earlier::entries(contract, options.earlier);
    let first = of_exchanges(sandbox, exchanges, options, earlier, 0, is_worded);
    // Earlier entries that remain have stand-ins too, which are those of other secrets.
    match first.last_stand_in {
        0 => first.recording,
        last if first.recording.stand_ins > 0 => {
            let earlier = earlier::entries(contract, options.earlier);
            of_exchanges(sandbox, exchanges, options, earlier, last, is_worded).recording
        }
        _ => first.recording,
    }
}

/// Recording, with the last number of the stand-ins in earlier entries that remain.
struct NumberedRecording {
    recording: Recording,
    last_stand_in: usize,
}

fn of_exchanges(
    sandbox: &Sandbox,
    observed: &[ObservedExchange],
    options: &FixtureOptions<'_>,
    mut earlier: Vec<EarlierEntry>,
    last_stand_in: usize,
    is_worded: &dyn Fn(&ObservedExchange) -> bool,
) -> NumberedRecording {
    let mut recording = Recording::default();
    let mut secrets = SecretSearch::default();
    let read: Vec<Result<ReadExchange, NotRecorded>> = observed
        .iter()
        .map(|exchange| read(sandbox, exchange, &mut secrets))
        .collect();
    let stand_ins = match options.redact {
        RedactMode::StandIns => StandIns::new(secrets.into_secrets(), last_stand_in),
        RedactMode::None => StandIns::default(),
    };
    recording.stand_ins = stand_ins.count();
    let index = EarlierIndex::new(&earlier);
    let mut exchanges = Vec::new();
    let mut kept_from = Vec::new();
    for (read, observed) in read.into_iter().zip(observed) {
        let kept = read.and_then(|read| match options.mode {
            RecordingMode::New if is_answered(sandbox, &read, &earlier, &index) => {
                Err(NotRecorded::Answered)
            }
            _ => Ok(read),
        });
        match kept {
            Ok(mut exchange) => {
                exchange.redact(&stand_ins);
                exchanges.push(exchange);
                kept_from.push(observed);
            }
            Err(NotRecorded::Wrong) if !is_worded(observed) => {
                recording.leave_out(NotRecorded::Unexplained, observed, &stand_ins);
            }
            Err(reason) => recording.leave_out(reason, observed, &stand_ins),
        }
    }
    let Entries { entries, too_many } = entries(
        sandbox.contract(),
        &exchanges,
        &stand_ins,
        options.inline_body,
    );
    for index in too_many {
        recording.leave_out(NotRecorded::TooMany, kept_from[index], &stand_ins);
    }
    let mut writer = FileWriter {
        contract: sandbox.contract(),
        exchanges: &exchanges,
        inline_body: options.inline_body,
        bodies: BTreeMap::new(),
    };
    let written: Vec<WrittenEntry> = entries.iter().map(|entry| writer.entry(entry)).collect();
    let requests: Vec<(usize, &Value)> = exchanges
        .iter()
        .map(|exchange| (exchange.operation, &exchange.parts))
        .collect();
    let asked = index.asked(&requests);
    let mut position = 0..;
    earlier.retain(|entry| {
        let requests = position.next().and_then(|at| asked.get(&at));
        !entry.is_replaced(&written, requests.map(Vec::as_slice).unwrap_or_default())
    });
    let last_stand_in = earlier.iter().map(|entry| last_number(&entry.text)).max();
    if !written.is_empty() {
        recording.files = writer.files(written, earlier);
    }
    recording.fixtures = entries.len();
    recording.recorded = entries.iter().map(|entry| entry.sources.len()).sum();
    let sandbox = replaying(sandbox, &recording.files);
    (recording.unreproduced, recording.unchecked) = unreproduced(&sandbox, &exchanges, &entries);
    NumberedRecording {
        recording,
        last_stand_in: last_stand_in.unwrap_or(0),
    }
}

/// Returns true if a fixture of a person or of an earlier recording answers a request.
fn is_answered(
    sandbox: &Sandbox,
    exchange: &ReadExchange,
    earlier: &[EarlierEntry],
    index: &EarlierIndex,
) -> bool {
    let fixtures = &sandbox.contract().operations[exchange.operation].fixtures;
    // The sandbox may have loaded the fixtures of this recording already.
    let by_hand = fixtures
        .iter()
        .filter(|fixture| !is_in_recorded(fixture.place.source().name()));
    let mut answering = by_hand.filter(|fixture| !fixture.only_adds());
    let candidates = index.candidates(exchange.operation, &exchange.parts);
    let mut earlier = candidates.map(|at| &earlier[at]);
    answering.any(|fixture| {
        let when = fixture.when.as_ref();
        when.is_none_or(|when| when.holds(&exchange.parts))
    }) || earlier.any(|entry| entry.answers(&exchange.parts))
}

/// Returns the requests that are not answered as recorded, and the number of those that were not sent.
fn unreproduced(
    sandbox: &Sandbox,
    exchanges: &[ReadExchange],
    entries: &[Entry],
) -> (Vec<Unreproduced>, usize) {
    let Replayed {
        unreproduced: mut found,
        unchecked,
    } = replay(sandbox, exchanges, entries);
    for entry in entries
        .iter()
        .filter(|entry| entry.steps.len() >= MOST_STEPS)
    {
        let first = entry.sources.first().map(|index| exchanges[*index].title());
        found.push(Unreproduced {
            request: first.unwrap_or_default(),
            reason: format!("it may have had more than {MOST_STEPS} different answers in turn"),
        });
    }
    let wrong = exchanges.iter().filter(|exchange| exchange.is_wrong);
    let wrong: HashSet<String> = wrong.map(ReadExchange::title).collect();
    for known in &mut found {
        if wrong.contains(&known.request) {
            "the document does not allow the request, although the API accepts it"
                .clone_into(&mut known.reason);
        }
    }
    (found, unchecked)
}

/// Returns the highest number of a stand-in in a text.
fn last_number(text: &str) -> usize {
    let parts = text.split("stand-in-").skip(1);
    let numbers = parts.filter_map(|part| {
        let end = part
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(part.len());
        part[..end].parse().ok()
    });
    numbers.max().unwrap_or(0)
}

impl Recording {
    fn leave_out(
        &mut self,
        reason: NotRecorded,
        exchange: &ObservedExchange,
        stand_ins: &StandIns,
    ) {
        let uri = exchange.request.uri();
        let target = uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        let title = format!("{} {}", exchange.request.method(), stand_ins.target(target));
        let titles = self.left_out.entry(reason).or_default();
        if titles.len() < MOST_LISTED || titles.contains_key(&title) {
            *titles.entry(title).or_default() += 1;
        } else {
            *self.more_left_out.entry(reason).or_default() += 1;
        }
    }

    /// Returns the number of exchanges that became no fixture for a reason.
    pub(crate) fn number_left_out(&self, reason: NotRecorded) -> usize {
        let listed = self.left_out.get(&reason).into_iter().flatten();
        let listed: usize = listed.map(|(_, count)| count).sum();
        listed + self.more_left_out.get(&reason).copied().unwrap_or_default()
    }

    /// Returns the requests that match no operation, with their number: `GET /other`.
    pub(crate) fn unmatched(&self) -> impl Iterator<Item = (&str, usize)> {
        let unmatched = self.left_out.get(&NotRecorded::NoOperation);
        let unmatched = unmatched.into_iter().flatten();
        unmatched.map(|(title, count)| (title.as_str(), *count))
    }

    /// Returns the report: files, numbers, and the requests that became no fixture.
    #[must_use]
    pub(crate) fn to_json(&self) -> Value {
        let files: Vec<Value> = self
            .files
            .iter()
            .map(|file| json!({"path": file.path, "bytes": file.content.len(), "entries": file.entries}))
            .collect();
        let unmatched: Vec<Value> = self
            .unmatched()
            .map(|(request, count)| json!({"request": request, "count": count}))
            .collect();
        let left_out = self.left_out.iter();
        let left_out = left_out.filter(|(reason, _)| **reason != NotRecorded::NoOperation);
        let left_out: Vec<Value> = left_out
            .map(|(reason, titles)| {
                let requests: Vec<&String> = titles.keys().collect();
                json!({"reason": reason.to_string(), "count": self.number_left_out(*reason), "requests": requests})
            })
            .collect();
        let unreproduced: Vec<Value> = self
            .unreproduced
            .iter()
            .take(MOST_LISTED)
            .map(|own| json!({"request": own.request, "reason": own.reason}))
            .collect();
        json!({
            "recorded": self.recorded,
            "fixtures": self.fixtures,
            "standIns": self.stand_ins,
            "files": files,
            "unmatched": unmatched,
            "leftOut": left_out,
            "unreproduced": unreproduced,
            "unchecked": self.unchecked,
        })
    }
}
