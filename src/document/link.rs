//! The other files that a document refers to: they become parts of its tree.
//!
//! A file is read when a reference leads to it, put below [`FILES`], and the references in it and to
//! it become local ones. After it a document is one tree, whatever it was written as. Nothing is
//! read from outside the document's own folder and the folders that the user allowed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::reference::{NOWHERE, local_pointer};
use super::shape::{Kind, each_object};
use super::syntax::{self, join};
use super::{LARGEST_FILE, decode, identifier, position, repair, upgrade};
use crate::diagnostic::{Code, Diagnostic, Place, Source};

/// The extension of the document that other files become parts of.
pub const FILES: &str = "x-files";

/// How many files one document may be split over.
const MOST_FILES: usize = 2000;

/// A part of a tree and what it is: where repairs, upgrades and checks begin.
pub type Extent = (Kind, String);

/// Which folders documents may refer to, beside their own (`--allow-path`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Folders, with everything below them.
    pub folders: Vec<PathBuf>,
}

/// Makes a document one tree; gives its extents and what was found.
pub fn link(
    tree: &mut Value,
    source: &Arc<Source>,
    home: Option<&Path>,
    access: &Access,
) -> (Vec<Extent>, Vec<Diagnostic>) {
    let home = home.and_then(|path| path.canonicalize().ok());
    let own = home.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    let others = access.folders.iter().filter_map(|folder| folder.canonicalize().ok());
    let mut linker = Linker {
        tree,
        source,
        folders: own.into_iter().chain(others).collect(),
        home,
        parts: Vec::new(),
        open: vec![(Kind::Document, String::new())],
        seen: HashSet::new(),
        extents: Vec::new(),
        found: Vec::new(),
    };
    linker.run();
    let (extents, found, parts) = (linker.extents, linker.found, linker.parts);
    if !parts.is_empty() {
        source.note_parts(parts.into_iter().map(|part| (part.prefix, part.source)).collect());
    }
    (extents, found)
}

/// A file that became a part of the tree.
struct Part {
    path: PathBuf,
    prefix: String,
    source: Arc<Source>,
    is_openapi: bool,
}

struct Linker<'l> {
    tree: &'l mut Value,
    source: &'l Arc<Source>,
    home: Option<PathBuf>,
    folders: Vec<PathBuf>,
    parts: Vec<Part>,
    open: Vec<Extent>,
    seen: HashSet<(&'static str, String)>,
    extents: Vec<Extent>,
    found: Vec<Diagnostic>,
}

/// A reference on its way: what it stands in for, where, and what it says.
struct Reference {
    kind: Kind,
    at: String,
    text: String,
}

impl Linker<'_> {
    fn run(&mut self) {
        while let Some((kind, at)) = self.open.pop() {
            if !self.seen.insert((kind.name(), at.clone())) {
                continue;
            }
            if !at.is_empty()
                && let Some(value) = self.tree.pointer_mut(&at)
            {
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
        if let Some(value) = self.tree.pointer_mut(at) {
            each_object(kind, value, at, &mut |kind, object, at| {
                if let Some(text) = object.get("$ref").and_then(Value::as_str) {
                    references.push(Reference { kind, at: at.to_owned(), text: text.to_owned() });
                }
            });
        }
        references
    }

    /// The part that a place is in; none for the document itself.
    fn part_of(&self, at: &str) -> Option<&Part> {
        self.parts
            .iter()
            .find(|part| at.strip_prefix(&part.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    fn reference(&mut self, reference: &Reference) {
        let (file, fragment) = reference.text.split_once('#').unwrap_or((&reference.text, ""));
        if file.is_empty() {
            self.local(reference, fragment);
        } else if let Err(why) = self.external(reference, file, fragment) {
            let message = format!("reference `{}` leads out of its document", reference.text);
            let place = Place::value(self.source, join(&reference.at, "$ref"));
            self.found.push(Diagnostic::at(Code::ExternalRef, place, message).help(why));
            self.lead(reference, NOWHERE);
        }
    }

    /// A reference inside of a part leads into that part.
    fn local(&mut self, reference: &Reference, fragment: &str) {
        let Some(part) = self.part_of(&reference.at) else { return };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return; // an anchor
        }
        let (prefix, is_openapi) = (part.prefix.clone(), part.is_openapi);
        self.arrive(reference, &prefix, fragment, is_openapi);
    }

    fn external(&mut self, reference: &Reference, file: &str, fragment: &str) -> Result<(), String> {
        if file.contains("://") || file.starts_with("//") {
            return Err("nothing is fetched from the network; save it beside the document".to_owned());
        }
        let base = self.part_of(&reference.at).map(|part| &part.path).or(self.home.as_ref());
        let folder =
            base.and_then(|base| base.parent()).ok_or("a document that is no file has no folder to refer to")?;
        let name = percent_decode_str(file).decode_utf8_lossy().into_owned();
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
        if self.home.as_ref() == Some(&path) {
            self.arrive(reference, "", fragment, true);
            return Ok(());
        }
        let index = match self.parts.iter().position(|part| part.path == path) {
            Some(index) => index,
            None => self.load(path)?,
        };
        let (prefix, is_openapi) = (self.parts[index].prefix.clone(), self.parts[index].is_openapi);
        let fragment = self.parts[index].source.moved(fragment);
        self.arrive(reference, &prefix, &fragment, is_openapi);
        Ok(())
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
        if let Some(text) = self.tree.pointer_mut(&join(&reference.at, "$ref")) {
            *text = json!(to);
        }
    }

    fn load(&mut self, path: PathBuf) -> Result<usize, String> {
        if self.parts.len() >= MOST_FILES {
            return Err(format!("the document refers to more than {MOST_FILES} files"));
        }
        let name = path.display().to_string();
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if size > LARGEST_FILE {
            return Err(format!("`{name}` has {size} bytes, more than {LARGEST_FILE} are not read"));
        }
        let bytes = fs::read(&path).map_err(|error| format!("`{name}` cannot be read: {error}"))?;
        let text = decode(bytes).ok_or_else(|| format!("`{name}` is not text in UTF-8 or UTF-16"))?;
        let (text, mut value) = parse(text)
            .map_err(|error| format!("`{name}`:{}:{}: {}", error.span.line, error.span.column, error.message))?;
        let source = Source::new(self.shown(&path), text, position::positions);
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
        self.parts.push(Part { path, prefix, source, is_openapi });
        Ok(index)
    }

    /// The path as people know it: beside the name of the document, if it is below its folder.
    fn shown(&self, path: &Path) -> String {
        let own = self.home.as_deref().and_then(Path::parent);
        let below = own.and_then(|own| path.strip_prefix(own).ok());
        let beside = Path::new(self.source.name()).parent();
        match (beside, below) {
            (Some(beside), Some(below)) => beside.join(below).display().to_string(),
            _ => path.display().to_string(),
        }
    }
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
