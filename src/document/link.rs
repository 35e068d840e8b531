//! Links the other files that a document refers to into its tree.
//!
//! A file is read when a reference leads to it, and is put below [`FILES`]; the references in it
//! and to it become local. After this stage a document is one tree, however many files it had.
//! `files` decides which files may be read.
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic, Place, Source, WrittenElsewhere};
use crate::document::extent::{Extent, Origin};
use crate::document::files::{Files, Home, ReferenceError};
use crate::document::reference::{self, forget, local_pointer};
use crate::document::shape::{Expect, ObjectKind, each_object, is_known};
use crate::document::splice::Splicer;
use crate::document::syntax::{self, join};
use crate::document::{identifier, metaschema, repair, upgrade};

/// Extension of the document that holds the linked files.
pub(crate) const FILES: &str = "x-files";

/// Links all files into one tree, and returns its extents and the diagnostics.
pub(crate) fn link(
    tree: &mut Value,
    source: &Arc<Source>,
    files: &mut Files<'_>,
    splicer: &mut Splicer,
) -> (Vec<Extent>, Vec<Diagnostic>) {
    let own_uri = tree.get("$self").and_then(Value::as_str).map(str::to_owned);
    let mut linker = Linker {
        tree,
        source,
        own_uri,
        files,
        splicer,
        parts: Vec::new(),
        open: vec![(ObjectKind::Document, String::new())],
        seen: HashSet::new(),
        extents: Vec::new(),
        found: Vec::new(),
    };
    linker.run();
    (linker.extents, linker.found)
}

/// A file that became a part of the tree.
struct LinkedFile {
    home: Home,
    prefix: String,
    source: Arc<Source>,
    /// True if the file is processed as a whole, and not only where references lead.
    is_openapi: bool,
}

struct Linker<'l, 'f> {
    tree: &'l mut Value,
    source: &'l Arc<Source>,
    /// URI of the document itself (`$self`, OpenAPI 3.2.0 §4.1.2.2).
    own_uri: Option<String>,
    files: &'l mut Files<'f>,
    splicer: &'l mut Splicer,
    parts: Vec<LinkedFile>,
    open: Vec<Extent>,
    seen: HashSet<(&'static str, String)>,
    extents: Vec<Extent>,
    found: Vec<Diagnostic>,
}

/// A reference to link: the kind of object it replaces, the pointer of its text, and the text.
struct Reference {
    kind: ObjectKind,
    slot: String,
    text: String,
}

impl Linker<'_, '_> {
    fn run(&mut self) {
        while let Some((kind, at)) = self.open.pop() {
            if !self.seen.insert((kind.name(), at.clone())) {
                continue;
            }
            if !at.is_empty() {
                let home = self.part_of(&at).map(|part| part.home.clone());
                let expect = Expect::Object(kind);
                self.splicer.run(
                    self.tree,
                    expect,
                    &at,
                    home.as_ref(),
                    self.files,
                    self.source,
                );
            }
            if !at.is_empty()
                && let Some(value) = self.tree.pointer_mut(&at)
            {
                if self.splicer.origin == Origin::V2 && kind == ObjectKind::Schema {
                    upgrade::rewrite_words(value);
                }
                self.found
                    .extend(repair::repair_part(kind, value, &at, self.source));
            }
            for reference in self.references(kind, &at) {
                self.reference(&reference);
            }
            self.extents.push((kind, at));
        }
    }

    fn references(&mut self, kind: ObjectKind, at: &str) -> Vec<Reference> {
        let mut references = Vec::new();
        let mut values = Vec::new();
        // Local references need no rewriting. Their targets are processed anyway where the standard
        // defines their place; only the others are added.
        let is_part = self.part_of(at).is_some();
        let may_leave = |text: &str| is_part || !text.starts_with('#');
        let mut elsewhere = Vec::new();
        if let Some(value) = self.tree.pointer_mut(at) {
            each_object(kind, value, at, &mut |kind, object, at| {
                match object.get("$ref").and_then(Value::as_str) {
                    Some(text) if may_leave(text) => {
                        references.push(Reference {
                            kind,
                            slot: join(at, "$ref"),
                            text: text.to_owned(),
                        });
                    }
                    Some(text) if !is_component(text) => {
                        let pointer = local_pointer(text).filter(|pointer| !is_known(pointer));
                        elsewhere.extend(pointer.map(|pointer| (kind, pointer)));
                    }
                    _ => {}
                }
                if kind == ObjectKind::Schema && object.get("discriminator").is_some() {
                    references.extend(
                        mapped(object, at)
                            .into_iter()
                            .filter(|reference| may_leave(&reference.text)),
                    );
                }
                if kind == ObjectKind::Example
                    && object.get("value").is_none()
                    && let Some(text) = object.get("externalValue").and_then(Value::as_str)
                {
                    values.push((at.to_owned(), text.to_owned()));
                }
            });
        }
        self.open.extend(elsewhere);
        for (at, text) in values {
            if let Err(why) = self.external_value(&at, &text) {
                let message = format!("the external value `{text}` is not there");
                let place = Place::value(self.source, join(&at, "externalValue"));
                self.found.push(
                    Diagnostic::at(Code::ExternalValue, place, message).help(why.to_string()),
                );
            }
        }
        references
    }

    /// Reads the external value of an example from its file: as JSON or YAML if the extension says
    /// so, else as text.
    fn external_value(&mut self, at: &str, text: &str) -> Result<(), ReferenceError> {
        let home = self.locate(at, text)?;
        let text = self.files.text(&home)?;
        let name = match &home {
            Home::File(path) => path.display().to_string(),
            Home::Uri(uri) => uri.clone(),
        };
        let is_data = [".json", ".yaml", ".yml"]
            .iter()
            .any(|end| name.to_ascii_lowercase().ends_with(end));
        let value = if is_data {
            match syntax::parse(&text) {
                Ok(parsed) => parsed.tree,
                Err(error) => return Err(ReferenceError::ExternalValue { name, error }),
            }
        } else {
            Value::String(text)
        };
        if let Some(example) = self.tree.pointer_mut(at).and_then(Value::as_object_mut) {
            example.insert("value".to_owned(), value);
        }
        Ok(())
    }

    /// Returns the part that a pointer is in; `None` for the document itself.
    fn part_of(&self, at: &str) -> Option<&LinkedFile> {
        self.parts.iter().find(|part| {
            at.strip_prefix(&part.prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn reference(&mut self, reference: &Reference) {
        let (file, fragment) = reference
            .text
            .split_once('#')
            .unwrap_or((&reference.text, ""));
        if file.is_empty()
            || self.own_uri.as_deref() == Some(file) && self.part_of(&reference.slot).is_none()
        {
            self.local(reference, fragment);
        } else if let Err(why) = self.external(reference, file, fragment) {
            let message = format!("reference `{}` leads out of its document", reference.text);
            let place = Place::value(self.source, reference.slot.clone());
            self.found
                .push(Diagnostic::at(Code::ExternalRef, place, message).help(why.to_string()));
            let owner = reference
                .slot
                .strip_suffix("/$ref")
                .and_then(|owner| self.tree.pointer_mut(owner));
            if let Some(owner) = owner {
                forget(
                    reference.kind,
                    owner,
                    &format!("reference `{}` leads out of its document", reference.text),
                );
            }
        }
    }

    /// Makes a reference without a file local: inside a part it leads into that part.
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

    fn external(
        &mut self,
        reference: &Reference,
        file: &str,
        fragment: &str,
    ) -> Result<(), ReferenceError> {
        let home = self.locate(&reference.slot, file)?;
        if self.files.home() == Some(&home) {
            self.arrive(reference, "", fragment, true);
            return Ok(());
        }
        let index = match self.parts.iter().position(|part| part.home == home) {
            Some(index) => index,
            None => self.load(home)?,
        };
        let (prefix, is_openapi) = (
            self.parts[index].prefix.clone(),
            self.parts[index].is_openapi,
        );
        let fragment = self.parts[index].source.moved(fragment);
        self.arrive(reference, &prefix, &fragment, is_openapi);
        Ok(())
    }

    /// Returns the file or URI that a text at a pointer refers to, if it may be read.
    fn locate(&self, at: &str, text: &str) -> Result<Home, ReferenceError> {
        let base = self
            .part_of(at)
            .map(|part| &part.home)
            .or(self.files.home());
        self.files.locate(base, text)
    }

    /// Makes the reference local. Its target is then processed as the kind of object that it
    /// replaces, unless it is in a file that is processed as a whole.
    fn arrive(&mut self, reference: &Reference, prefix: &str, fragment: &str, is_openapi: bool) {
        let fragment = if fragment == "/" { "" } else { fragment };
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

    fn load(&mut self, home: Home) -> Result<usize, ReferenceError> {
        let read = self.files.read(&home)?;
        let mut value = Value::clone(&read.tree);
        let is_openapi = upgrade::is_openapi(&value);
        upgrade::restructure(&mut value, &read.source);
        if is_openapi {
            identifier::localise(&mut value);
        }
        let index = self.parts.len();
        let prefix = format!("/{FILES}/{index}");
        // A meta-schema needs no processing.
        let is_whole =
            matches!(&home, Home::Uri(uri) if metaschema::place(&mut value, uri, &prefix));
        if let Some(root) = self.tree.as_object_mut() {
            let files = root
                .entry(FILES)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(files) = files.as_object_mut() {
                files.insert(index.to_string(), value);
            }
        }
        if is_openapi {
            self.open.push((ObjectKind::Document, prefix.clone()));
        }
        let written = WrittenElsewhere {
            at: prefix.clone(),
            source: Some(Arc::clone(&read.source)),
            from: String::new(),
        };
        self.splicer.parts.push(written);
        self.parts.push(LinkedFile {
            home,
            prefix,
            source: read.source,
            is_openapi: is_openapi || is_whole,
        });
        Ok(index)
    }
}

/// Returns true if a reference is to a component by its name, as most are.
fn is_component(text: &str) -> bool {
    text.strip_prefix("#/components/")
        .is_some_and(|rest| rest.matches('/').count() == 1 && !rest.starts_with("x-"))
}

/// Returns the values of a `mapping` that are references and not names of components.
fn mapped(schema: &Value, at: &str) -> Vec<Reference> {
    let mapping = schema
        .pointer("/discriminator/mapping")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let at = join(&join(at, "discriminator"), "mapping");
    let values = mapping.filter_map(|(name, to)| Some((join(&at, name), to.as_str()?)));
    let references = values.filter(|(_, text)| reference::is_reference(text));
    references
        .map(|(slot, text)| Reference {
            kind: ObjectKind::Schema,
            slot,
            text: text.to_owned(),
        })
        .collect()
}
