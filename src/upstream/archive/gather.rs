//! Gathers the exchanges of files that the documents have an operation for, and counts the others.
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::contract::Contract;
use crate::diagnostic::{count, escape};
use crate::upstream::archive::entry::{
    ArchiveError, ArchiveNotes, ArchiveOptions, ArchivedExchange,
};
use crate::upstream::archive::open;
use crate::upstream::archive::place::{self, BaseUrl, Placed};

/// Maximum number of different requests, origins and base URLs that are listed; more are counted.
const MOST_LISTED: usize = 200;

/// Maximum number of leading segments of a path that may be a base path.
const MOST_SEGMENTS: usize = 4;

/// Files whose exchanges were handed on, and what is told of them.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Notes of each file that could be read, or the reason why it could not.
    pub files: Vec<(PathBuf, Result<ArchiveNotes, ArchiveError>)>,
    /// Number of exchanges with an operation.
    pub fitting: usize,
    /// Requests that no document has, `GET https://api.example.com/pets`, with their number.
    pub unfit: IndexMap<String, usize>,
    /// Number of such exchanges beyond those.
    pub more_unfit: usize,
    /// Number of parts of pages.
    pub assets: usize,
    /// Number of questions of browsers before requests to another origin.
    pub preflights: usize,
    /// Number of exchanges outside of the base URL.
    pub outside: usize,
    /// Origins that were seen.
    pub origins: IndexMap<String, OriginCounts>,
    /// Base URLs below which exchanges without operation would fit, with their number.
    bases: IndexMap<String, usize>,
}

/// Numbers of exchanges of an origin; parts of pages and preflights are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OriginCounts {
    pub seen: usize,
    pub fitting: usize,
}

/// Reads files, and hands each exchange on: with the index of its operation, or `None` if no document
/// has one. Parts of pages and what is outside of `base` are only counted.
pub(crate) fn gather(
    contract: &Contract,
    paths: &[PathBuf],
    base: Option<&BaseUrl>,
    options: &ArchiveOptions,
    sink: &mut dyn FnMut(Option<usize>, ArchivedExchange),
) -> Gathered {
    let mut gathered = Gathered::default();
    for path in paths {
        let notes = gathered.file(contract, path, base, options, sink);
        gathered.files.push((path.clone(), notes));
    }
    gathered
}

impl Gathered {
    fn file(
        &mut self,
        contract: &Contract,
        path: &Path,
        base: Option<&BaseUrl>,
        options: &ArchiveOptions,
        sink: &mut dyn FnMut(Option<usize>, ArchivedExchange),
    ) -> Result<ArchiveNotes, ArchiveError> {
        open::read(path, options, &mut |exchange| {
            let origin = exchange.origin.clone();
            match place::place(contract, base, exchange) {
                Placed::Fitting(index, exchange) => {
                    self.fitting += 1;
                    self.seen(origin, true);
                    sink(Some(index), exchange);
                }
                Placed::Unfit(exchange) => {
                    self.seen(origin, false);
                    self.unfit(contract, &exchange);
                    sink(None, exchange);
                }
                Placed::Preflight => self.preflights += 1,
                Placed::Asset => self.assets += 1,
                Placed::Outside => {
                    self.outside += 1;
                    self.seen(origin, false);
                }
            }
        })
    }

    fn seen(&mut self, origin: String, is_fitting: bool) {
        if self.origins.len() >= MOST_LISTED && !self.origins.contains_key(&origin) {
            return;
        }
        let counts = self.origins.entry(origin).or_default();
        counts.seen += 1;
        counts.fitting += usize::from(is_fitting);
    }

    /// Returns true if an exchange with an operation has the origin of a URL.
    pub(crate) fn is_of_api(&self, origin: &str) -> bool {
        self.origins
            .get(origin)
            .is_some_and(|counts| counts.fitting > 0)
    }

    fn unfit(&mut self, contract: &Contract, exchange: &ArchivedExchange) {
        let (method, path) = (
            exchange.exchange.request.method(),
            exchange.exchange.request.uri().path(),
        );
        let line = format!("{method} {}{path}", exchange.origin);
        if self.unfit.len() < MOST_LISTED || self.unfit.contains_key(&line) {
            *self.unfit.entry(line).or_default() += 1;
        } else {
            self.more_unfit += 1;
        }
        let slashes = path.match_indices('/').map(|(at, _)| at).skip(1);
        for at in slashes.take(MOST_SEGMENTS) {
            let index = place::operation_at(contract, method, &path[at..]);
            // A template such as `/{id}` fits anything.
            let has_literal = |index: usize| {
                let segments = contract.operations[index].template.split('/');
                segments
                    .into_iter()
                    .any(|segment| !segment.is_empty() && !segment.contains('{'))
            };
            if index.is_some_and(has_literal) {
                let base = format!("{}{}", exchange.origin, &path[..at]);
                if self.bases.len() < MOST_LISTED || self.bases.contains_key(&base) {
                    *self.bases.entry(base).or_default() += 1;
                }
            }
        }
    }

    /// Returns the base URL below which most of the exchanges without operation would fit, and their
    /// number; `None` if there is none, or if more exchanges fit as they are.
    pub(crate) fn likely_base(&self) -> Option<(&str, usize)> {
        let mut best: Option<(&str, usize)> = None;
        for (base, number) in &self.bases {
            if best.is_none_or(|(_, most)| *number > most) {
                best = Some((base, *number));
            }
        }
        best.filter(|(_, number)| *number > self.fitting)
    }

    /// Returns lines about what was not handed on or fits no operation, each with its help.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, notes) in &self.files {
            let name = escape::one_line(&path.display().to_string()).into_owned();
            match notes {
                Ok(notes) => lines.extend(of_file(&name, notes)),
                Err(error) => lines.push(format!(
                    "error: `{name}` cannot be read: {}",
                    escape::one_line(&error.to_string())
                )),
            }
        }
        lines.extend(self.about_unfit());
        let passed = [
            (
                self.assets,
                "part of a page",
                "parts of pages",
                " (HTML, styles, scripts, images, fonts)",
            ),
            (self.preflights, "CORS preflight", "CORS preflights", ""),
            (
                self.outside,
                "exchange outside of `--base`",
                "exchanges outside of `--base`",
                "",
            ),
        ];
        for (number, one, many, about) in passed.into_iter().filter(|(number, ..)| *number > 0) {
            let noun = if number == 1 { one } else { many };
            lines.push(format!("note: skipped {number} {noun}{about}"));
        }
        lines
    }

    fn about_unfit(&self) -> Vec<String> {
        let total = self.unfit.values().sum::<usize>() + self.more_unfit;
        let mut lines = Vec::new();
        if total > 0 {
            let verb = if total == 1 { "fits" } else { "fit" };
            lines.push(format!(
                "warning: {} {verb} no operation:",
                count(total, "exchange")
            ));
            for (line, number) in &self.unfit {
                let times = if *number > 1 {
                    format!(" ({number} times)")
                } else {
                    String::new()
                };
                lines.push(format!("  {}{times}", escape::one_line(line)));
            }
            if self.more_unfit > 0 {
                lines.push(format!("  … and {} more", self.more_unfit));
            }
        }
        if let Some((base, number)) = self.likely_base() {
            let base = escape::one_line(base);
            lines.push(format!(
                "  = help: {} would fit with `--base {base}`",
                count(number, "exchange")
            ));
        } else if self.fitting == 0 && !self.origins.is_empty() {
            let origins = self.origins.iter().take(MOST_ORIGINS);
            let shown: Vec<String> = origins
                .map(|(origin, counts)| format!("`{}` ({})", escape::one_line(origin), counts.seen))
                .collect();
            lines.push(format!("  = help: the exchanges are with {}; `--base URL` names the URL that is before the paths of the documents", shown.join(", ")));
        }
        lines
    }
}

/// Maximum number of origins that a help names.
const MOST_ORIGINS: usize = 10;

/// Maximum number of items without a saved response that are named.
const MOST_ITEMS: usize = 10;

fn of_file(name: &str, notes: &ArchiveNotes) -> Vec<String> {
    let mut lines = Vec::new();
    for fault in &notes.faults {
        let fault = format!("warning: {name}: {}: {}", fault.place, fault.message);
        lines.push(escape::one_line(&fault).into_owned());
    }
    if notes.more_faults > 0 {
        lines.push(format!(
            "warning: {name}: … and {} more faults",
            notes.more_faults
        ));
    }
    for (reason, number) in &notes.skipped {
        let entries = if *number == 1 { "entry" } else { "entries" };
        lines.push(format!(
            "note: {name}: skipped {number} {entries} {}",
            reason.phrase()
        ));
    }
    let unanswered = notes.unanswered.len() + notes.more_unanswered;
    if unanswered > 0 {
        let named: Vec<String> = notes
            .unanswered
            .iter()
            .take(MOST_ITEMS)
            .map(|item| format!("`{item}`"))
            .collect();
        let more = unanswered - named.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let line = format!(
            "note: {name}: {} without a saved response: {}{more}",
            count(unanswered, "item"),
            named.join(", ")
        );
        lines.push(escape::one_line(&line).into_owned());
        lines.push(
            "  = help: send the request in Postman, and save the response as an example".to_owned(),
        );
    }
    if !notes.signed.is_empty() {
        let named: Vec<String> = notes.signed.iter().map(|own| format!("`{own}`")).collect();
        let line = format!(
            "note: {name}: requests have no credentials of the kind {}, which signs each request anew",
            named.join(", ")
        );
        lines.push(escape::one_line(&line).into_owned());
    }
    if !notes.unresolved.is_empty() {
        let named: Vec<String> = notes
            .unresolved
            .iter()
            .map(|own| format!("`{own}`"))
            .collect();
        let line = format!(
            "note: {name}: variables without a value: {}",
            named.join(", ")
        );
        lines.push(escape::one_line(&line).into_owned());
        lines.push("  = help: give them one with `--variable NAME=VALUE`".to_owned());
    }
    lines
}
