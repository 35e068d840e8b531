//! Loads documents from files, folders, standard input and Markdown pages.
//!
//! Loading never stops at the first fault: it reads what it can, and returns the rest as
//! diagnostics. Compiling documents into contracts is left to `contract`.

mod body_file;
mod bounds;
mod cache;
mod depth;
pub(crate) mod dynamic;
mod encoding;
pub(crate) mod error;
mod extent;
pub(crate) mod fetch;
pub(crate) mod files;
mod fixture_file;
pub(crate) mod fixture_folder;
mod identifier;
pub(crate) mod link;
mod markdown;
mod metaschema;
pub(crate) mod names;
pub(crate) mod number;
mod overlay;
mod position;
pub(crate) mod reference;
mod regular_file;
mod repair;
mod repair_values;
mod retyped;
mod revision;
pub(crate) mod shape;
pub(crate) mod sources;
mod splice;
pub(crate) mod syntax;
pub(crate) mod tree;
mod upgrade;
pub(crate) mod visit;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use walkdir::WalkDir;

use crate::diagnostic::{Code, Diagnostic, Place, Source};
pub(crate) use crate::document::body_file::BodyFile;
use crate::document::bounds::LARGEST_FILE;
use crate::document::encoding::{begins_as_openapi, decode, mentions_openapi};
use crate::document::error::SyntaxError;
use crate::document::files::{Access, Files, Home};
pub(crate) use crate::document::fixture_file::FixtureEntry;
pub(crate) use crate::document::fixture_file::{BODY_FILE, FixtureFile};
use crate::document::overlay::Overlay;
use crate::document::regular_file::{FileError, read_file};
use crate::document::revision::{Revision, RevisionFiles};
pub(crate) use crate::document::shape::{Expect, METHODS, Members, ObjectKind};
use crate::document::sources::Sources;
use crate::document::splice::Splicer;
use crate::document::syntax::{OddityKind, Parsed};

/// A source of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file, or a folder that is searched recursively.
    Path(PathBuf),
    /// Standard input, written as `-`.
    Stdin,
    /// An `http` or `https` URL, whose host may be asked.
    Url(String),
    /// A file or folder of a git revision: `HEAD~1:api.yaml`.
    Revision {
        /// Name of the revision: `HEAD~1`, `main`.
        name: String,
        /// Path from the current folder: `api.yaml`.
        path: String,
    },
    /// A text in memory, with the name that diagnostics use for it.
    Text {
        /// Name of the text, such as `pets.yaml`.
        name: String,
        /// Text in JSON, YAML or Markdown.
        text: String,
    },
}

/// An OpenAPI document, repaired, in the internal shape, with its references checked.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Source text, for diagnostics.
    pub source: Arc<Source>,
    /// Tree of the document; shared with the compiled schemas, which resolve their references in
    /// it.
    pub tree: Arc<Value>,
}

/// Documents and diagnostics of the inputs.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Documents in the order of the inputs; files of a folder by name.
    pub documents: Vec<Document>,
    /// Diagnostics in the order in which they were found: overlays, documents, idle overlays.
    pub diagnostics: Vec<Diagnostic>,
    /// Number of files in folders that are not OpenAPI documents.
    pub passed_over: usize,
    /// Origins of the documents and of the files that they refer to.
    pub sources: Sources,
    access: Access,
    /// Folders that are searched for documents.
    served: Vec<PathBuf>,
    overlays: Vec<Overlay>,
    /// Inputs that are found and not yet parsed, in order.
    waiting: Vec<UnparsedInput>,
}

/// Loads every document of the inputs, with the files that it may refer to. Overlays are applied to
/// a document before any other step reads it.
#[must_use]
pub(crate) fn load(inputs: &[Input], access: &Access, overlays: &[Input]) -> Loaded {
    let mut loaded = Loaded {
        access: access.clone(),
        ..Loaded::default()
    };
    let folder = |input: &Input| match input {
        Input::Path(path) if path.is_dir() => Some(path.clone()),
        _ => None,
    };
    loaded.served = inputs.iter().filter_map(folder).collect();
    overlays.iter().for_each(|input| loaded.overlay(input));
    for input in inputs {
        match input {
            Input::Stdin => loaded.stdin(),
            Input::Text { name, text } => loaded.text(name, text.clone(), None, Naming::ByName),
            Input::Path(path) if path.is_dir() => loaded.folder(path),
            Input::Path(path) => loaded.file(path, Naming::ByName),
            Input::Url(url) => loaded.url(url),
            Input::Revision { name, path } => loaded.revision(name, path),
        }
    }
    loaded.read_all();
    let idle: Vec<Diagnostic> = loaded
        .overlays
        .iter()
        .flat_map(Overlay::without_effect)
        .collect();
    loaded.diagnostics.extend(idle);
    loaded
}

/// Reads a file as text; the error is a diagnostic.
fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let text = read_file(path).and_then(|bytes| decode(bytes).ok_or(FileError::NotText));
    text.map_err(|why| unreadable(&path.display().to_string(), &why.to_string()))
}

/// Returns true if bytes begin as an HTML page does.
fn is_html(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_ascii_lowercase();
    let start = start.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn unreadable(name: &str, why: &str) -> Diagnostic {
    Diagnostic::without_place(
        Code::UnreadableFile,
        format!("`{name}` cannot be read: {why}"),
    )
}

/// Parses a file of entities. A file with the extension `csv` is not parsed yet: its tree is its
/// text as a string.
///
/// # Errors
///
/// Returns a diagnostic if it is neither JSON nor YAML.
pub fn data_text(name: String, text: String) -> Result<FixtureFile, Diagnostic> {
    if Path::new(&name)
        .extension()
        .is_none_or(|extension| extension != "csv")
    {
        return fixture_text(name, text).map(|(file, _)| file);
    }
    let tree = Arc::new(Value::String(text.clone()));
    let source = Source::new(name, text, position::positions);
    Ok(FixtureFile::new(source, tree))
}

/// Parses the text of a fixture file, and returns it with diagnostics for oddities such as
/// duplicate keys.
///
/// # Errors
///
/// Returns a diagnostic if it is neither JSON nor YAML.
pub fn fixture_text(
    name: String,
    text: String,
) -> Result<(FixtureFile, Vec<Diagnostic>), Diagnostic> {
    let parsed = syntax::parse(&text);
    let source = Source::new(name, text, position::positions);
    match parsed {
        Ok(parsed) => {
            let odd = odd(&parsed, &source);
            Ok((FixtureFile::new(source, Arc::new(parsed.tree)), odd))
        }
        Err(error) => Err(Diagnostic::at(
            Code::Syntax,
            Place::exact(&source, error.span),
            error.message,
        )),
    }
}

/// An input that is found and not yet parsed.
#[derive(Debug, Clone)]
enum UnparsedInput {
    Text {
        name: String,
        text: String,
        home: Option<Home>,
        asked: Naming,
    },
    /// A diagnostic for an input that cannot be read.
    Fault(Diagnostic),
}

/// Origin of a text: named by the user, who expects it to be a document, or found in a folder.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Naming {
    ByName,
    ByFolder,
}

impl Loaded {
    fn overlay(&mut self, input: &Input) {
        let (name, text) = match input {
            Input::Text { name, text } => (name.clone(), Ok(text.clone())),
            Input::Path(path) => {
                self.sources.files.insert(path.clone());
                (path.display().to_string(), read_text(path))
            }
            Input::Stdin => (
                "-".to_owned(),
                Err(unreadable("-", "an overlay is read from a file")),
            ),
            Input::Url(name) | Input::Revision { name, .. } => (
                name.clone(),
                Err(unreadable(name, "an overlay is read from a file")),
            ),
        };
        let text = match text {
            Ok(text) => text,
            Err(fault) => return self.waiting.push(UnparsedInput::Fault(fault)),
        };
        let (overlay, found) = overlay::read(&name, text);
        self.overlays.extend(overlay);
        self.diagnostics.extend(found);
    }

    fn stdin(&mut self) {
        let mut bytes = Vec::new();
        match std::io::stdin()
            .take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
        {
            Ok(length) if length as u64 > LARGEST_FILE => {
                self.unreadable("-", &FileError::TooLarge.to_string());
            }
            Ok(_) => self.bytes("-", bytes, None, Naming::ByName),
            Err(error) => self.unreadable("-", &error.to_string()),
        }
    }

    fn folder(&mut self, folder: &Path) {
        self.sources.add_folder(folder);
        let entries = WalkDir::new(folder)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter();
        let visible = entries.filter_entry(|entry| {
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        });
        for entry in visible {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    self.file(entry.path(), Naming::ByFolder);
                }
                Ok(_) => {}
                Err(error) => self.unreadable(&folder.display().to_string(), &error.to_string()),
            }
        }
    }

    fn file(&mut self, path: &Path, asked: Naming) {
        self.sources.files.insert(path.to_owned());
        let name = path.display().to_string();
        match read_file(path) {
            Ok(bytes) => self.bytes(&name, bytes, Some(Home::File(path.to_owned())), asked),
            Err(why) => self.unreadable(&name, &why.to_string()),
        }
    }

    fn url(&mut self, url: &str) {
        self.sources.urls.insert(url.to_owned());
        let fetched = match fetch::fetch_anew(url, &self.access) {
            Ok(fetched) => fetched,
            Err(error) => {
                let fault = Diagnostic::without_place(Code::UnreadableFile, error.to_string());
                let fault = match error.help() {
                    Some(help) => fault.help(help),
                    None => fault,
                };
                return self.waiting.push(UnparsedInput::Fault(fault));
            }
        };
        if let Some(error) = fetched.stale {
            let message = format!("{error}; the copy in the cache is served");
            let stale = Diagnostic::without_place(Code::StaleDocument, message);
            self.waiting.push(UnparsedInput::Fault(stale));
        }
        if is_html(&fetched.bytes) {
            let message = format!("`{url}` is an HTML page, expected an OpenAPI document");
            let help = "name the address of the document itself, such as …/openapi.json; the page may link to it";
            let fault = Diagnostic::without_place(Code::UnreadableFile, message).help(help);
            return self.waiting.push(UnparsedInput::Fault(fault));
        }
        let Some(text) = decode(fetched.bytes) else {
            return self.unreadable(url, &FileError::NotText.to_string());
        };
        if let Some(unkept) = fetched.unkept.filter(|_| mentions_openapi(&text)) {
            unkept.keep(&text);
        }
        let home = Some(Home::Uri(url.to_owned()));
        self.text(url, text, home, Naming::ByName);
    }

    fn revision(&mut self, name: &str, path: &str) {
        let shown = format!("{name}:{path}");
        let (files, asked) = match Revision::find(name, path).and_then(|found| found.files()) {
            Ok(RevisionFiles::One(file)) => (vec![file], Naming::ByName),
            Ok(RevisionFiles::OfFolder(files)) => (files, Naming::ByFolder),
            Err(error) => return self.unreadable(&shown, &error.to_string()),
        };
        for file in files {
            match file.read() {
                Ok(bytes) => {
                    self.bytes(&file.shown(), bytes, Some(Home::Uri(file.uri())), asked);
                }
                Err(error) => self.unreadable(&file.shown(), &error.to_string()),
            }
        }
    }

    fn unreadable(&mut self, name: &str, why: &str) {
        self.waiting
            .push(UnparsedInput::Fault(unreadable(name, why)));
    }

    fn bytes(&mut self, name: &str, bytes: Vec<u8>, home: Option<Home>, asked: Naming) {
        match decode(bytes) {
            Some(text) => self.text(name, text, home, asked),
            None if asked == Naming::ByFolder => self.passed_over += 1,
            None => self.unreadable(name, &FileError::NotText.to_string()),
        }
    }

    fn text(&mut self, name: &str, text: String, home: Option<Home>, asked: Naming) {
        if asked == Naming::ByFolder && !mentions_openapi(&text) {
            self.passed_over += 1;
            return;
        }
        let name = name.to_owned();
        self.waiting.push(UnparsedInput::Text {
            name,
            text,
            home,
            asked,
        });
    }

    /// Parses the waiting texts in parallel and handles them in order.
    fn read_all(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let texts = waiting.iter().filter_map(|waiting| match waiting {
            UnparsedInput::Text { text, .. } => Some(text.as_str()),
            UnparsedInput::Fault(_) => None,
        });
        let mut parsed = syntax::parse_all(&texts.collect::<Vec<_>>()).into_iter();
        for waiting in waiting {
            match waiting {
                UnparsedInput::Text {
                    name,
                    text,
                    home,
                    asked,
                } => {
                    let Some(parsed) = parsed.next() else { return };
                    self.parsed(&name, text, home.as_ref(), asked, parsed);
                }
                UnparsedInput::Fault(fault) => self.diagnostics.push(fault),
            }
        }
    }

    fn parsed(
        &mut self,
        name: &str,
        text: String,
        home: Option<&Home>,
        asked: Naming,
        parsed: Result<Parsed, SyntaxError>,
    ) {
        let fault = match parsed {
            Ok(parsed) if upgrade::is_openapi(&parsed.tree) => {
                return self.document(name, text, home, parsed);
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        let parts = markdown::documents(&text);
        if parts.is_empty() {
            return self.no_document(name, text, fault, asked);
        }
        for part in parts {
            match syntax::parse(&part) {
                Ok(parsed) if upgrade::is_openapi(&parsed.tree) => {
                    self.document(name, part, home, parsed);
                }
                Ok(_) => {}
                Err(error) => self.syntax_error(name, part, &error),
            }
        }
    }

    /// Reports a text that is not a document, if the user named it or it begins as one and does not
    /// parse; counts any other as passed over.
    fn no_document(&mut self, name: &str, text: String, fault: Option<SyntaxError>, asked: Naming) {
        match fault {
            Some(error)
                if begins_as_openapi(&text)
                    || looks_like_data(&text) && asked == Naming::ByName =>
            {
                self.syntax_error(name, text, &error);
            }
            _ if asked == Naming::ByName => {
                let message = format!("`{name}` is not an OpenAPI document");
                let help = "a document has `openapi: 3.…` at its top, or is fenced as code in a Markdown page";
                self.diagnostics
                    .push(Diagnostic::without_place(Code::NotOpenapi, message).help(help));
            }
            _ => self.passed_over += 1,
        }
    }

    fn syntax_error(&mut self, name: &str, text: String, error: &SyntaxError) {
        let source = Source::new(name.to_owned(), text, position::positions);
        let place = Place::exact(&source, error.span);
        self.diagnostics
            .push(Diagnostic::at(Code::Syntax, place, error.message.clone()));
    }

    fn document(&mut self, name: &str, text: String, home: Option<&Home>, parsed: Parsed) {
        let has_identifiers = identifier::may_be_in(&text);
        let source = Source::new(name.to_owned(), text, position::positions);
        self.diagnostics.extend(odd(&parsed, &source));
        let mut tree = parsed.tree;
        let found = self
            .overlays
            .iter_mut()
            .flat_map(|overlay| overlay.apply(&mut tree, name));
        self.diagnostics.extend(found);
        if let Err(fault) = upgrade::check_version(&tree, &source) {
            self.diagnostics.push(fault);
            return;
        }
        let mut files = Files::new(name, home, &self.access, &self.served);
        let mut splicer = Splicer::new(upgrade::origin(&tree));
        splicer.run(
            &mut tree,
            Expect::Object(ObjectKind::Document),
            "",
            None,
            &mut files,
            &source,
        );
        upgrade::restructure(&mut tree, &source);
        self.diagnostics.extend(repair::repair(&mut tree, &source));
        if has_identifiers || !self.overlays.is_empty() {
            identifier::localise(&mut tree);
        }
        let (extents, found) = link::link(&mut tree, &source, &mut files, &mut splicer);
        splicer.report();
        self.diagnostics.append(&mut splicer.found);
        for (home, failure) in files.read_or_missed() {
            self.sources.add(&home, failure);
        }
        if !splicer.parts.is_empty() {
            source.note_parts(splicer.parts);
        }
        self.diagnostics.extend(found);
        self.diagnostics
            .extend(upgrade::upgrade(&mut tree, &extents, &source));
        self.diagnostics
            .extend(reference::check(&mut tree, &extents, &source));
        self.diagnostics
            .extend(depth::cut(&mut tree, &extents, &source));
        self.documents.push(Document {
            source,
            tree: Arc::new(tree),
        });
    }
}

/// Returns diagnostics for constructs that JSON and YAML allow and OpenAPI does not. Numeric keys
/// are reported only in `responses`, because in an example a number may be any name, and once for
/// all of them, because authors write all keys in one way.
fn odd(parsed: &Parsed, source: &Arc<Source>) -> Vec<Diagnostic> {
    let in_responses = |pointer: &str| pointer.rsplit('/').nth(1) == Some("responses");
    let place = |pointer: &String| Place::key(source, pointer.clone());
    let is_numeric = |oddity: &&syntax::Oddity| {
        oddity.kind == OddityKind::NumericKey && in_responses(&oddity.pointer)
    };
    let numeric: Vec<_> = parsed.oddities.iter().filter(is_numeric).collect();
    let others = match numeric.len() {
        0 | 1 => String::new(),
        count => format!("; {count} response keys of this text are numbers"),
    };
    let is_first = |oddity: &syntax::Oddity| {
        let first = numeric.first();
        first.is_some_and(|first| first.pointer == oddity.pointer)
    };
    let explain = |oddity: &syntax::Oddity| {
        let key = syntax::unescape(oddity.pointer.rsplit('/').next().unwrap_or_default());
        match oddity.kind {
            OddityKind::NumericKey if is_first(oddity) => Some(
                Diagnostic::at(
                    Code::NumericKey,
                    place(&oddity.pointer),
                    format!("the response key {key} is a number, expected a string{others}"),
                )
                .help(format!("read as `\"{key}\"`")),
            ),
            OddityKind::NumericKey => None,
            OddityKind::DuplicateKey => Some(
                Diagnostic::at(
                    Code::DuplicateKey,
                    place(&oddity.pointer),
                    format!("the key `{key}` occurs twice in one map"),
                )
                .help("the last one is read"),
            ),
            OddityKind::LenientJson => Some(
                Diagnostic::at(
                    Code::LenientJson,
                    Place::value(source, ""),
                    "the text begins like JSON and is not valid JSON",
                )
                .help("read as YAML, which has comments and trailing commas"),
            ),
            OddityKind::SecondDocument => Some(
                Diagnostic::at(
                    Code::SeveralDocuments,
                    place(&oddity.pointer),
                    "the YAML stream holds more than one document",
                )
                .help("only the first is read; put the others into files of their own"),
            ),
        }
    };
    parsed.oddities.iter().filter_map(explain).collect()
}

fn looks_like_data(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn half_a_character_is_no_text() {
        assert_eq!(decode(vec![0xff, 0xfe, b'a', 0]), Some("\u{61}".to_owned()));
        assert_eq!(decode(vec![0xff, 0xfe, b'a', 0, b'b']), None);
        assert_eq!(decode(vec![0, b'a', 0, b'b', 0]), None);
    }

    #[test]
    fn tables_that_cannot_be_read_are_told() {
        let folder = std::env::temp_dir().join(format!("standin-tables-{}", std::process::id()));
        fs::create_dir_all(folder.join("data")).expect("there is room");
        fs::write(folder.join("data/pets.csv"), [0xff, 0xfe, b'a']).expect("there is room");
        let (files, found) = fixture_folder::load_data(&folder);
        fs::remove_dir_all(&folder).expect("it is there");
        assert!(files.is_empty());
        assert_eq!(
            found.first().map(|found| found.code),
            Some(Code::UnreadableFile)
        );
    }
}
