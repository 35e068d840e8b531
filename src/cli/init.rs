//! `standin init`: writes a file of fixtures to begin with, for operations of the documents.
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::arguments::{Documents, Generation, fixtures_folder};
use crate::cli::outcome::{Failure, Outcome, print_errors};
use crate::codec::yaml;
use crate::contract::{Contract, Operation, StatusPattern};
use crate::diagnostic::escape;
use crate::sandbox::Sandbox;

/// Options of `init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    generation: Generation,
    /// File to write, or `-` for standard output [default: NAME.yaml in the folder of fixtures]
    ///
    /// NAME is the name of the first document. A file that is there is never overwritten.
    #[arg(long, value_name = "FILE", env = "STANDIN_OUTPUT", hide_env = true)]
    output: Option<PathBuf>,
}

/// Maximum number of operations that are looked at for a good example.
const MOST_TRIED: usize = 50;

/// Longest body that is written, in bytes of JSON.
const LONGEST_BODY: usize = 1_500;

impl Init {
    pub(super) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let sandbox = self.documents.load(self.generation.settings(), err)?;
        let contract = sandbox.contract();
        if contract.operations.is_empty() {
            print_errors(contract, err)?;
            writeln!(
                err,
                "error: no document has an operation to write fixtures for"
            )?;
            writeln!(
                err,
                "  = help: name a document, such as `standin init openapi.yaml`"
            )?;
            return Ok(Outcome::CouldNotRun);
        }
        let text = fixtures(&sandbox);
        let path = match self.output {
            Some(path) if path == Path::new("-") => {
                out.write_all(text.as_bytes())?;
                return Ok(Outcome::Clean);
            }
            Some(path) => path,
            None => {
                let folder = self.documents.fixtures.clone();
                let folder = folder.unwrap_or_else(|| fixtures_folder(&self.documents.inputs));
                folder.join(format!("{}.yaml", stem(contract)))
            }
        };
        let shown = path.display().to_string();
        let shown = escape::one_line(&shown);
        match create(&path, &text) {
            Ok(()) => {
                writeln!(out, "wrote {shown}")?;
                Ok(Outcome::Clean)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                writeln!(
                    err,
                    "error: `{shown}` is there already, and is not overwritten"
                )?;
                writeln!(
                    err,
                    "  = help: name another file with `--output FILE`, or `--output -` to print the fixtures"
                )?;
                Ok(Outcome::CouldNotRun)
            }
            Err(error) => {
                writeln!(err, "error: `{shown}` cannot be written: {error}")?;
                Ok(Outcome::CouldNotRun)
            }
        }
    }
}

/// Writes a new file, with its folder.
fn create(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Returns the name of the first document without folder and extension, with the characters that
/// every system has in names of files.
fn stem(contract: &Contract) -> String {
    let name = contract
        .documents
        .first()
        .map_or("fixtures", |document| document.source().name());
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = name
        .chars()
        .map(|c| if is_usual(c) { c } else { '-' })
        .collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() {
        "fixtures".to_owned()
    } else {
        name.to_owned()
    }
}

/// Entry of a list of fixtures, with the sentences above it.
struct DraftEntry {
    about: Vec<String>,
    value: Value,
}

/// Returns the text of the file: for two or three operations an error, a body, a delay and a
/// scenario, all as comments.
fn fixtures(sandbox: &Sandbox) -> String {
    let contract = sandbox.contract();
    let mut drafts: Vec<(usize, Vec<DraftEntry>)> = Vec::new();
    let mut add = |index: usize, entry: DraftEntry| match drafts
        .iter_mut()
        .find(|(there, _)| *there == index)
    {
        Some((_, entries)) => entries.push(entry),
        None => drafts.push((index, vec![entry])),
    };
    let with_body = body(sandbox);
    let mut used: Vec<usize> = with_body.iter().map(|(index, _)| *index).collect();
    let with_error = another(contract, &used, |operation| error(operation).is_some());
    used.push(with_error);
    let other = another(contract, &used, |_| true);
    if let Some((index, entry)) = with_body {
        add(index, entry);
    }
    add(other, scenario());
    add(other, delay());
    let documented = error(&contract.operations[with_error]);
    add(with_error, documented.unwrap_or_else(failure));
    drafts.sort_by_key(|(index, _)| *index);
    let mut text = head(contract);
    for (index, entries) in &drafts {
        write(contract, *index, entries, &mut text);
    }
    text
}

/// Returns the first operations with their indexes, those without fixtures before those that have
/// some: entries for these would compete with what the user wrote.
fn candidates(contract: &Contract) -> impl Iterator<Item = (usize, &Operation)> {
    let all = || contract.operations.iter().enumerate();
    let free = all().filter(|(_, operation)| operation.fixtures.is_empty());
    let others = all().filter(|(_, operation)| !operation.fixtures.is_empty());
    free.chain(others).take(MOST_TRIED)
}

/// Returns the first operation that is not used and is fit; else one that is used and fit, else
/// the first of all.
fn another(contract: &Contract, used: &[usize], is_fit: impl Fn(&Operation) -> bool) -> usize {
    let tried = || candidates(contract);
    let fresh = tried().find(|(index, operation)| !used.contains(index) && is_fit(operation));
    fresh
        .or_else(|| tried().find(|(_, operation)| is_fit(operation)))
        .or_else(|| tried().next())
        .map_or(0, |(index, _)| index)
}

fn head(contract: &Contract) -> String {
    let names: Vec<&str> = contract
        .documents
        .iter()
        .map(|document| document.source().name())
        .take(MOST_NAMED)
        .collect();
    let more = contract.documents.len().saturating_sub(names.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "## Fixtures: answers of the sandbox that the documents cannot express, for\n\
         ## {}{more}\n\
         ##\n\
         ## Lines with one `#` are entries that are off. Remove the `# ` before an operation and one of its\n\
         ## entries, and save the file. Each operation has a list, and its first entry that applies is the\n\
         ## answer; if none does, the document decides. An entry with `when: {{query: {{page: 2}}}}` applies only\n\
         ## to requests with this value.\n\
         ## `standin check` reports mistakes in this file, and `standin schema fixtures` prints a JSON Schema\n\
         ## with which editors complete it.\n",
        escape::one_line(&names.join(", "))
    )
}

/// Maximum number of documents that the head of the file names.
const MOST_NAMED: usize = 3;

/// Returns the first answer in JSON that is short enough, as the body of an entry.
fn body(sandbox: &Sandbox) -> Option<(usize, DraftEntry)> {
    let tried = || candidates(sandbox.contract());
    let reads = tried().filter(|(_, operation)| operation.method == http::Method::GET);
    let writes = tried().filter(|(_, operation)| operation.method != http::Method::GET);
    reads.chain(writes).find_map(|(index, operation)| {
        operation.success()?;
        let (_, response) = sandbox.example("", index);
        let is_short = response.status().is_success() && response.body().len() <= LONGEST_BODY;
        let value: Value = serde_json::from_slice(response.body()).ok()?;
        let has_members = value.is_object() || value.is_array();
        let entry = DraftEntry {
            about: vec!["A body of your own, here with the values of the document:".to_owned()],
            value: json!({ "status": response.status().as_u16(), "body": value }),
        };
        (is_short && has_members).then_some((index, entry))
    })
}

/// Returns an entry with the first error that an operation documents by its status.
fn error(operation: &Operation) -> Option<DraftEntry> {
    let responses = &operation.compiled().responses;
    let (status, response) = responses
        .iter()
        .find_map(|(pattern, response)| match pattern {
            StatusPattern::Exact(status)
                if status.is_client_error() || status.is_server_error() =>
            {
                Some((*status, response))
            }
            _ => None,
        })?;
    let mut value = Map::new();
    value.insert("status".to_owned(), status.as_u16().into());
    let named = response
        .content
        .iter()
        .flat_map(|media| &media.examples)
        .find(|example| !example.name.is_empty());
    if let Some(example) = named {
        value.insert("example".to_owned(), example.name.clone().into());
    }
    Some(DraftEntry {
        about: vec!["An error that the document describes, for every request:".to_owned()],
        value: Value::Object(value),
    })
}

fn failure() -> DraftEntry {
    DraftEntry {
        about: vec!["A failure of about half of the requests, with the status 503:".to_owned()],
        value: json!({ "fault": { "kind": "status", "probability": 0.5 } }),
    }
}

fn scenario() -> DraftEntry {
    DraftEntry {
        about: vec![
            "An outage (503), only while this scenario is selected: with `standin serve --scenario outage`,".to_owned(),
            "with the header field `Prefer: scenario=outage`, or with `PUT /_standin/scenario`:".to_owned(),
        ],
        value: json!({ "scenario": "outage", "fault": { "kind": "status" } }),
    }
}

fn delay() -> DraftEntry {
    DraftEntry {
        about: vec!["A delay; the document chooses the answer:".to_owned()],
        value: json!({ "delay": "300ms" }),
    }
}

/// Writes the list of an operation as comments.
fn write(contract: &Contract, index: usize, entries: &[DraftEntry], text: &mut String) {
    let operation = &contract.operations[index];
    let by_path = format!("{} {}", operation.method, operation.path_key());
    let name = if contract.find(operation.name()) == Some(index) {
        operation.name()
    } else {
        &by_path
    };
    text.push_str(&format!("\n# {}:", yaml::key(name)));
    if operation.id.is_some() {
        text.push_str(&format!("    # {}", escape::one_line(&by_path)));
    }
    text.push('\n');
    for entry in entries {
        for line in &entry.about {
            text.push_str(&format!("##   {line}\n"));
        }
        let list = yaml::write(&Value::Array(vec![entry.value.clone()]), 2);
        for line in list.lines() {
            text.push_str(&format!("# {line}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;
    use crate::document::{Input, fixture_text};
    use crate::exchange::Settings;
    use crate::sandbox::Reading;

    fn inputs(text: &str) -> [Input; 1] {
        [Input::Text {
            name: "specs/a b.yaml".to_owned(),
            text: text.to_owned(),
        }]
    }

    /// Returns what is found in the document together with fixtures.
    fn found(document: &str, fixtures: String) -> Vec<String> {
        let (file, odd) = fixture_text("f.yaml".to_owned(), fixtures).expect("can be parsed");
        let sandbox = Sandbox::new(
            &inputs(document),
            &[file],
            &Reading::default(),
            Settings::default(),
        );
        let all = sandbox.diagnostics().into_iter().chain(odd);
        all.map(|diagnostic| Diagnostic::render(&diagnostic))
            .collect()
    }

    const PETS: &str = r##"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
        "/pets": {"get": {"operationId": "list: pets", "responses": {
            "200": {"description": "ok", "content": {"application/json": {"schema": {"type": "array", "items": {"type": "string"}}, "example": ["a: b", "two\nlines", "# no comment"]}}},
            "400": {"description": "no", "content": {"application/json": {"examples": {"404": {"value": {"error": "x"}}}}}}}}},
        "/pets/{id}": {"delete": {"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "responses": {"204": {"description": "done"}, "404": {"description": "none"}}}},
        "/other": {"post": {"operationId": "other", "responses": {"204": {"description": "done"}}}}}}"##;
    const ONE: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/": {"get": {"responses": {"204": {"description": "done"}}}}}}"#;

    #[test]
    fn the_file_loads_as_it_is_and_with_every_entry_on() {
        for document in [PETS, ONE] {
            let sandbox = Sandbox::new(
                &inputs(document),
                &[],
                &Reading::default(),
                Settings::default(),
            );
            assert_eq!(stem(sandbox.contract()), "a-b");
            let text = fixtures(&sandbox);
            assert_eq!(
                found(document, text.clone()),
                Vec::<String>::new(),
                "{text}"
            );
            let on = |line: &str| match line.strip_prefix("# ") {
                Some(entry) => entry.to_owned(),
                None => line.to_owned(),
            };
            let on: Vec<String> = text.lines().map(on).collect();
            let on = on.join("\n");
            assert!(
                on.lines().filter(|line| !line.starts_with('#')).count() > 6,
                "{on}"
            );
            assert_eq!(found(document, on.clone()), Vec::<String>::new(), "{on}");
        }
    }

    #[test]
    fn the_entries_are_of_operations_of_the_document() {
        let sandbox = Sandbox::new(&inputs(PETS), &[], &Reading::default(), Settings::default());
        let text = fixtures(&sandbox);
        let entries: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("##"))
            .collect();
        assert_eq!(
            entries.join("\n"),
            r##"
# "list: pets":    # GET /pets
#   - status: 200
#     body:
#       - "a: b"
#       - |-
#         two
#         lines
#       - "# no comment"

# DELETE /pets/{id}:
#   - status: 404

# other:    # POST /other
#   - scenario: outage
#     fault:
#       kind: status
#   - delay: "300ms""##
        );
    }
}
