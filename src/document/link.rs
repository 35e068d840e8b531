//! The other files that a document refers to: they become parts of its tree.
//!
//! A file is read when a reference leads to it, put below [`FILES`], and the references in it and to
//! it become local ones. After it a document is one tree, whatever it was written as. Nothing is
//! read from outside the document's own folder and the folders that the user allowed; hosts are left
//! to `fetch`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::reference::{self, forget, local_pointer};
use super::shape::{Kind, each_object};
use super::syntax::{self, join, size};
use super::{LARGEST_FILE, decode, fetch, identifier, position, repair, upgrade};
use crate::diagnostic::{Code, Diagnostic, Place, Source};

/// The extension of the document that other files become parts of.
pub const FILES: &str = "x-files";

/// How many files one document may be split over.
const MOST_FILES: usize = 2000;

/// How many values of other files are put in the places of references by [`inline`].
const MOST_ADDED: usize = 2_000_000;

/// A part of a tree and what it is: where repairs, upgrades and checks begin.
pub type Extent = (Kind, String);

/// What documents may refer to, beside what is in their own folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Folders, with everything below them (`--allow-path`).
    pub folders: Vec<PathBuf>,
    /// Hosts, such as `example.com` or `localhost:8080` (`--allow-host`).
    pub hosts: Vec<String>,
    /// The folder in which what was fetched is kept (`--cache`).
    pub cache: Option<PathBuf>,
}

/// Makes a document one tree; gives its extents and what was found.
pub fn link(
    tree: &mut Value,
    source: &Arc<Source>,
    home: Option<&Path>,
    access: &Access,
    origin: Origin,
) -> (Vec<Extent>, Vec<Diagnostic>) {
    let mut linker = Linker::new(tree, source, home, access, origin);
    linker.run();
    let (extents, found, parts) = (linker.extents, linker.found, linker.parts);
    if !parts.is_empty() {
        source.note_parts(parts.into_iter().map(|part| (part.prefix, part.source)).collect());
    }
    (extents, found)
}

/// Of which structure the document was that files are parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// OpenAPI 2.0.
    V2,
    /// 3.0 and later.
    V3,
}

/// Puts the parameters, responses and path items that a document of OpenAPI 2.0 refers to in other
/// files in the places of the references: what becomes of them depends on the operation.
pub fn inline(tree: &mut Value, source: &Arc<Source>, home: Option<&Path>, access: &Access) -> Vec<Diagnostic> {
    let mut linker = Linker::new(tree, source, home, access, Origin::V2);
    // What is inside of path items is known only once these are there.
    for pattern in [&["paths", "*"][..], &["paths", "*", "parameters", "*"], &["paths", "*", "*", "parameters", "*"]] {
        linker.inline_all(pattern);
    }
    for pattern in [&["paths", "*", "*", "responses", "*"][..], &["parameters", "*"], &["responses", "*"]] {
        linker.inline_all(pattern);
    }
    linker.found
}

/// Where a document is from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Home {
    File(PathBuf),
    Uri(String),
}

/// A file that became a part of the tree.
struct Part {
    home: Home,
    prefix: String,
    source: Arc<Source>,
    is_openapi: bool,
}

struct Linker<'l> {
    tree: &'l mut Value,
    source: &'l Arc<Source>,
    home: Option<Home>,
    /// The URI that the document gives itself (`$self`, OpenAPI 3.2.0 §4.1.2.2).
    own_uri: Option<String>,
    access: &'l Access,
    origin: Origin,
    folders: Vec<PathBuf>,
    parts: Vec<Part>,
    open: Vec<Extent>,
    seen: HashSet<(&'static str, String)>,
    extents: Vec<Extent>,
    found: Vec<Diagnostic>,
    /// The trees of the files that [`inline`] reads, as they stand there.
    read: Vec<(Home, Value)>,
    /// How many values it has put in the document.
    added: usize,
}

/// A reference on its way: what it stands in for, where its text is, and what it says.
struct Reference {
    kind: Kind,
    slot: String,
    text: String,
}

impl<'l> Linker<'l> {
    fn new(
        tree: &'l mut Value,
        source: &'l Arc<Source>,
        home: Option<&Path>,
        access: &'l Access,
        origin: Origin,
    ) -> Self {
        let home = home.and_then(|path| path.canonicalize().ok());
        let own = home.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        let others = access.folders.iter().filter_map(|folder| folder.canonicalize().ok());
        let own_uri = tree.get("$self").and_then(Value::as_str).map(str::to_owned);
        Self {
            tree,
            source,
            folders: own.into_iter().chain(others).collect(),
            home: home.map(Home::File),
            own_uri,
            access,
            origin,
            parts: Vec::new(),
            open: vec![(Kind::Document, String::new())],
            seen: HashSet::new(),
            extents: Vec::new(),
            found: Vec::new(),
            read: Vec::new(),
            added: 0,
        }
    }

    /// Replaces every reference to a file at the places of a pattern, in which `*` is any name.
    fn inline_all(&mut self, pattern: &[&str]) {
        let mut places = vec![String::new()];
        for segment in pattern {
            let inner = |at: &String| match (*segment, self.tree.pointer(at)) {
                ("*", Some(Value::Object(object))) => object.keys().map(|name| join(at, name)).collect(),
                ("*", Some(Value::Array(items))) => (0..items.len()).map(|i| join(at, &i.to_string())).collect(),
                ("*", _) => Vec::new(),
                (name, _) => vec![join(at, name)],
            };
            places = places.iter().flat_map(inner).collect();
        }
        for at in places {
            for _ in 0..LONGEST_CHAIN {
                let text = self.tree.pointer(&at).and_then(|value| value.get("$ref")?.as_str()).map(str::to_owned);
                // A reference that stays in the document is followed later.
                let Some(text) = text.filter(|text| !text.starts_with('#')) else { break };
                match self.target(&text) {
                    Ok(value) => {
                        if let Some(slot) = self.tree.pointer_mut(&at) {
                            *slot = value;
                        }
                    }
                    Err(why) => {
                        let message = format!("reference `{text}` leads out of its document");
                        let place = Place::value(self.source, join(&at, "$ref"));
                        self.found.push(Diagnostic::at(Code::ExternalRef, place, message).help(why));
                        // It was told, and is told once.
                        if let Some(slot) = self.tree.pointer_mut(&at) {
                            forget(Kind::Response, slot, &format!("reference `{text}` leads out of its document"));
                        }
                        break;
                    }
                }
            }
        }
    }

    /// What a reference of the document to another file leads to, with references of its own that
    /// lead from the document.
    fn target(&mut self, text: &str) -> Result<Value, String> {
        let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
        let home = self.locate("", file)?;
        if !self.read.iter().any(|(there, _)| *there == home) {
            if self.read.len() >= MOST_FILES {
                return Err(format!("the document refers to more than {MOST_FILES} files"));
            }
            let (_, tree) = parse(self.text(&home)?).map_err(|error| format!("`{file}`: {}", error.message))?;
            self.read.push((home.clone(), tree));
        }
        let tree = self.read.iter().find(|(there, _)| *there == home).map(|(_, tree)| tree);
        let pointer = percent_decode_str(fragment).decode_utf8_lossy();
        let value = tree.and_then(|tree| tree.pointer(&pointer));
        let value = value.ok_or_else(|| format!("`{file}` has no `{pointer}`"))?;
        self.added += size(value);
        if self.added > MOST_ADDED {
            return Err(format!("it and the references before it add more than {MOST_ADDED} values to the document"));
        }
        let mut value = value.clone();
        rebase(&mut value, &home);
        Ok(value)
    }

    fn run(&mut self) {
        while let Some((kind, at)) = self.open.pop() {
            if !self.seen.insert((kind.name(), at.clone())) {
                continue;
            }
            if !at.is_empty()
                && let Some(value) = self.tree.pointer_mut(&at)
            {
                if self.origin == Origin::V2 && kind == Kind::Schema {
                    upgrade::rewrite_words(value);
                }
                self.found.extend(repair::repair_part(kind, value, &at, self.source));
            }
            for reference in self.references(kind, &at) {
                self.reference(&reference);
            }
            self.extents.push((kind, at));
        }
    }

    fn references(&mut self, kind: Kind, at: &str) -> Vec<Reference> {
        let mut references = Vec::new();
        let mut values = Vec::new();
        // What stays in the document itself leads there already.
        let is_part = self.part_of(at).is_some();
        let may_leave = |text: &str| is_part || !text.starts_with('#');
        if let Some(value) = self.tree.pointer_mut(at) {
            each_object(kind, value, at, &mut |kind, object, at| {
                if let Some(text) = object.get("$ref").and_then(Value::as_str).filter(|text| may_leave(text)) {
                    references.push(Reference { kind, slot: join(at, "$ref"), text: text.to_owned() });
                }
                if kind == Kind::Schema && object.get("discriminator").is_some() {
                    references.extend(mapped(object, at).into_iter().filter(|reference| may_leave(&reference.text)));
                }
                if kind == Kind::Example
                    && object.get("value").is_none()
                    && let Some(text) = object.get("externalValue").and_then(Value::as_str)
                {
                    values.push((at.to_owned(), text.to_owned()));
                }
            });
        }
        for (at, text) in values {
            if let Err(why) = self.external_value(&at, &text) {
                let message = format!("the external value `{text}` is not there");
                let place = Place::value(self.source, join(&at, "externalValue"));
                self.found.push(Diagnostic::at(Code::ExternalValue, place, message).help(why));
            }
        }
        references
    }

    /// Reads the value of an example from its file, as JSON or YAML if it is called so.
    fn external_value(&mut self, at: &str, text: &str) -> Result<(), String> {
        let home = self.locate(at, text)?;
        let text = self.text(&home)?;
        let name = match &home {
            Home::File(path) => path.display().to_string(),
            Home::Uri(uri) => uri.clone(),
        };
        let is_data = [".json", ".yaml", ".yml"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        let value = if is_data {
            syntax::parse(&text).map(|parsed| parsed.tree).map_err(|error| format!("`{name}`: {}", error.message))?
        } else {
            Value::String(text)
        };
        if let Some(example) = self.tree.pointer_mut(at).and_then(Value::as_object_mut) {
            example.insert("value".to_owned(), value);
        }
        Ok(())
    }

    /// The part that a place is in; none for the document itself.
    fn part_of(&self, at: &str) -> Option<&Part> {
        self.parts
            .iter()
            .find(|part| at.strip_prefix(&part.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    fn reference(&mut self, reference: &Reference) {
        let (file, fragment) = reference.text.split_once('#').unwrap_or((&reference.text, ""));
        if file.is_empty() || self.own_uri.as_deref() == Some(file) && self.part_of(&reference.slot).is_none() {
            self.local(reference, fragment);
        } else if let Err(why) = self.external(reference, file, fragment) {
            let message = format!("reference `{}` leads out of its document", reference.text);
            let place = Place::value(self.source, reference.slot.clone());
            self.found.push(Diagnostic::at(Code::ExternalRef, place, message).help(why));
            let owner = reference.slot.strip_suffix("/$ref").and_then(|owner| self.tree.pointer_mut(owner));
            if let Some(owner) = owner {
                forget(reference.kind, owner, &format!("reference `{}` leads out of its document", reference.text));
            }
        }
    }

    /// A reference inside of a part leads into that part.
    fn local(&mut self, reference: &Reference, fragment: &str) {
        let Some(part) = self.part_of(&reference.slot) else {
            if !reference.text.starts_with('#') {
                self.lead(reference, &format!("#{fragment}"));
            }
            return;
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return; // an anchor
        }
        let (prefix, is_openapi) = (part.prefix.clone(), part.is_openapi);
        self.arrive(reference, &prefix, fragment, is_openapi);
    }

    fn external(&mut self, reference: &Reference, file: &str, fragment: &str) -> Result<(), String> {
        let home = self.locate(&reference.slot, file)?;
        if self.home.as_ref() == Some(&home) {
            self.arrive(reference, "", fragment, true);
            return Ok(());
        }
        let index = match self.parts.iter().position(|part| part.home == home) {
            Some(index) => index,
            None => self.load(home)?,
        };
        let (prefix, is_openapi) = (self.parts[index].prefix.clone(), self.parts[index].is_openapi);
        let fragment = self.parts[index].source.moved(fragment);
        self.arrive(reference, &prefix, &fragment, is_openapi);
        Ok(())
    }

    /// The file or URI that a text at a place means, if it may be read.
    fn locate(&self, at: &str, text: &str) -> Result<Home, String> {
        let base = self.part_of(at).map(|part| &part.home).or(self.home.as_ref());
        match base {
            _ if text.starts_with("http://") || text.starts_with("https://") => Ok(Home::Uri(text.to_owned())),
            _ if text.contains("://") || text.starts_with("//") => {
                Err("only files, and `http` and `https` URIs, can be read".to_owned())
            }
            Some(Home::Uri(base)) => Ok(Home::Uri(identifier::absolute(base, text))),
            Some(Home::File(base)) => self.file_beside(base, text).map(Home::File),
            None => Err("a document that is no file has no folder to refer to".to_owned()),
        }
    }

    fn file_beside(&self, base: &Path, text: &str) -> Result<PathBuf, String> {
        let folder = base.parent().ok_or("a document that is no file has no folder to refer to")?;
        let name = percent_decode_str(text).decode_utf8_lossy().into_owned();
        let path = folder
            .join(&name)
            .canonicalize()
            .map_err(|error| format!("`{}` cannot be read: {error}", folder.join(&name).display()))?;
        if !self.folders.iter().any(|allowed| path.starts_with(allowed)) {
            let parent = path.parent().unwrap_or(&path);
            return Err(format!(
                "it is outside the document's folder; `--allow-path {}` would allow it",
                parent.display()
            ));
        }
        Ok(path)
    }

    /// The text of a file, or of what is at a URI.
    fn text(&self, home: &Home) -> Result<String, String> {
        let (name, bytes) = match home {
            Home::Uri(uri) => (uri.clone(), fetch::fetch(uri, self.access)?),
            Home::File(path) => {
                let name = path.display().to_string();
                let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
                if size > LARGEST_FILE {
                    return Err(format!("`{name}` has {size} bytes, more than {LARGEST_FILE} are not read"));
                }
                let bytes = fs::read(path).map_err(|error| format!("`{name}` cannot be read: {error}"))?;
                (name, bytes)
            }
        };
        decode(bytes).ok_or_else(|| format!("`{name}` is not text in UTF-8 or UTF-16"))
    }

    /// Makes the reference local. What it leads to is worked on as what it stands in for, unless
    /// it is in a document, which is worked on as a whole.
    fn arrive(&mut self, reference: &Reference, prefix: &str, fragment: &str, is_openapi: bool) {
        self.lead(reference, &format!("#{prefix}{fragment}"));
        if !is_openapi && let Some(pointer) = local_pointer(&format!("#{prefix}{fragment}")) {
            self.open.push((reference.kind, pointer));
        }
    }

    fn lead(&mut self, reference: &Reference, to: &str) {
        if let Some(text) = self.tree.pointer_mut(&reference.slot) {
            *text = json!(to);
        }
    }

    fn load(&mut self, home: Home) -> Result<usize, String> {
        if self.parts.len() >= MOST_FILES {
            return Err(format!("the document refers to more than {MOST_FILES} files"));
        }
        let name = match &home {
            Home::File(path) => self.shown(path),
            Home::Uri(uri) => uri.clone(),
        };
        let (text, mut value) = parse(self.text(&home)?)
            .map_err(|error| format!("`{name}`:{}:{}: {}", error.span.line, error.span.column, error.message))?;
        let source = Source::new(name, text, position::positions);
        let is_openapi = upgrade::is_openapi(&value);
        upgrade::restructure(&mut value, &source);
        if is_openapi {
            identifier::localise(&mut value);
        }
        let index = self.parts.len();
        let prefix = format!("/{FILES}/{index}");
        if let Some(root) = self.tree.as_object_mut() {
            let files = root.entry(FILES).or_insert_with(|| Value::Object(Map::new()));
            if let Some(files) = files.as_object_mut() {
                files.insert(index.to_string(), value);
            }
        }
        if is_openapi {
            self.open.push((Kind::Document, prefix.clone()));
        }
        self.parts.push(Part { home, prefix, source, is_openapi });
        Ok(index)
    }

    /// The path as people know it: beside the name of the document, if it is below its folder.
    fn shown(&self, path: &Path) -> String {
        let own = match &self.home {
            Some(Home::File(path)) => path.parent(),
            _ => None,
        };
        let below = own.and_then(|own| path.strip_prefix(own).ok());
        let beside = Path::new(self.source.name()).parent();
        match (beside, below) {
            (Some(beside), Some(below)) => beside.join(below).display().to_string(),
            _ => path.display().to_string(),
        }
    }
}

/// How many references in a row are replaced by what they lead to.
const LONGEST_CHAIN: usize = 16;

/// Makes the references of a value that stands at `home` lead to the same places from elsewhere.
fn rebase(value: &mut Value, home: &Home) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("$ref") {
                *text = match home {
                    Home::Uri(base) if text.starts_with('#') => format!("{base}{text}"),
                    Home::Uri(base) => identifier::absolute(base, text),
                    _ if text.contains("://") => text.clone(),
                    Home::File(path) if text.starts_with('#') => format!("{}{text}", in_reference(path)),
                    Home::File(path) => {
                        let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
                        let beside =
                            path.parent().unwrap_or(path).join(percent_decode_str(file).decode_utf8_lossy().as_ref());
                        format!("{}#{fragment}", in_reference(&beside))
                    }
                };
            }
            object.values_mut().for_each(|member| rebase(member, home));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, home)),
        _ => {}
    }
}

/// A path as it can stand in a reference.
fn in_reference(path: &Path) -> String {
    path.display().to_string().replace('%', "%25").replace('#', "%23")
}

/// The values of a `mapping` that are references and no names of components.
fn mapped(schema: &Value, at: &str) -> Vec<Reference> {
    let mapping = schema.pointer("/discriminator/mapping").and_then(Value::as_object).into_iter().flatten();
    let at = join(&join(at, "discriminator"), "mapping");
    let values = mapping.filter_map(|(name, to)| Some((join(&at, name), to.as_str()?)));
    let references = values.filter(|(_, text)| reference::is_reference(text));
    references.map(|(slot, text)| Reference { kind: Kind::Schema, slot, text: text.to_owned() }).collect()
}

/// The tree of a file: JSON, YAML, or the first document that is fenced in a page.
fn parse(text: String) -> Result<(String, Value), syntax::SyntaxError> {
    let parsed = syntax::parse(&text);
    if let Ok(parsed) = parsed
        && (parsed.tree.is_object() || parsed.tree.is_boolean())
    {
        return Ok((text, parsed.tree));
    }
    match super::markdown::documents(&text).into_iter().next() {
        Some(part) => syntax::parse(&part).map(|parsed| (part, parsed.tree)),
        None => syntax::parse(&text).map(|parsed| (text, parsed.tree)),
    }
}
