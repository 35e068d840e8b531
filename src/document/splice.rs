//! Inlines references where OpenAPI allows none: their targets are put in their places.
//!
//! `get: {$ref: operations/list.yaml}`, `properties: {$ref: …}` and `parameters: {$ref: …}` are not
//! Reference Objects, but many real documents have them. After this stage a reference remains only
//! where later stages follow it. In a document of OpenAPI 2.0, references to path items, and to
//! parameters and responses outside of its `parameters` and `responses`, are inlined as well,
//! because their upgrade depends on the operation.
use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::diagnostic::{Code, Diagnostic, Place, Source, WrittenElsewhere, written};
use crate::document::extent::Origin;
use crate::document::files::{Files, Home, ReferenceError};
use crate::document::identifier;
use crate::document::reference::{ALLOWED, UNKNOWN, forget, is_reference, pointer_of};
use crate::document::shape::{Expect, Members, ObjectKind, field};
use crate::document::syntax::{find, join, push, size};

/// Maximum number of values that inlined references add to one document; references beyond it are
/// diagnostics.
const MOST_ADDED: usize = 2_000_000;

/// Maximum number of references inlined one inside the other; a deeper one is reported as circular.
const DEEPEST: usize = 16;

/// Inliner of the misplaced references of one document.
pub(crate) struct Splicer {
    /// Structure of the parts that are searched: OpenAPI 2.0 or 3.x.
    pub origin: Origin,
    /// Parts of the tree that were written elsewhere.
    pub parts: Vec<WrittenElsewhere>,
    /// Diagnostics so far; [`Splicer::report`] adds those about misplaced references.
    pub found: Vec<Diagnostic>,
    /// Count and first place of the misplaced references, by what they replace, such as `a map`.
    misplaced: IndexMap<&'static str, (usize, Place)>,
    added: usize,
}

/// A reference to inline.
struct Misplaced {
    at: String,
    expect: Expect,
    text: String,
    /// References whose targets contain this one, so that circles end.
    trail: Arc<Vec<String>>,
}

/// Target of a reference.
struct ReferenceTarget {
    value: Value,
    /// File or URI that the target is in; `None` for the document itself.
    home: Option<Home>,
    source: Option<Arc<Source>>,
    pointer: String,
}

/// Reason why a reference cannot be inlined.
#[derive(Debug, thiserror::Error)]
enum SpliceError {
    /// Reference whose target contains it, or that is too deep.
    #[error("reference `{text}` leads back to itself")]
    Circular { text: String },
    /// Reference to nothing.
    #[error("reference `{text}` does not resolve")]
    Unresolved { text: String },
    /// Inlined references beyond [`MOST_ADDED`] values.
    #[error("it and the references before it add more than {MOST_ADDED} values")]
    TooManyValues,
    /// Reference to a file or URI that cannot be had.
    #[error("{0}")]
    External(#[from] ReferenceError),
}

impl SpliceError {
    /// Returns the code of the diagnostic.
    fn code(&self) -> Code {
        match self {
            Self::Circular { .. } => Code::CircularRef,
            Self::Unresolved { .. } => Code::UnresolvedRef,
            Self::TooManyValues | Self::External(_) => Code::ExternalRef,
        }
    }
}

impl Splicer {
    /// Creates the inliner for a document of this structure.
    #[must_use]
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            parts: Vec::new(),
            found: Vec::new(),
            misplaced: IndexMap::new(),
            added: 0,
        }
    }

    /// Inlines the misplaced references of the value at `at`, which must be as `expect` says and
    /// comes from the file `home`.
    pub(crate) fn run(
        &mut self,
        tree: &mut Value,
        expect: Expect,
        at: &str,
        home: Option<&Home>,
        files: &mut Files<'_>,
        source: &Arc<Source>,
    ) {
        let Some(part) = tree.pointer_mut(at) else {
            return;
        };
        let mut open = Vec::new();
        self.look(
            expect,
            part,
            &mut at.to_owned(),
            &Arc::default(),
            None,
            &mut open,
        );
        // In the order of the document, outermost first.
        open.reverse();
        while let Some(misplaced) = open.pop() {
            match self.target(tree, &misplaced, home, files) {
                Ok(target) => {
                    let before = open.len();
                    self.place(tree, &misplaced, target, &mut open, source);
                    open[before..].reverse();
                }
                Err(error) => self.give_up(tree, &misplaced, &error, source),
            }
        }
    }

    /// Adds one diagnostic for each kind of place that has misplaced references.
    pub(crate) fn report(&mut self) {
        for (what, (count, place)) in std::mem::take(&mut self.misplaced) {
            let times = if count == 1 {
                String::new()
            } else {
                format!(", {count} times")
            };
            let message =
                format!("a `$ref` is in the place of {what}, where OpenAPI has none{times}");
            self.found.push(
                Diagnostic::at(Code::MisplacedRef, place, message)
                    .help("it is followed; other tools may not"),
            );
        }
    }

    /// Collects the references in `value` that are to be inlined in `open`. If `value` comes from
    /// the file `home`, rewrites its references to resolve as they did there.
    fn look(
        &mut self,
        expect: Expect,
        value: &mut Value,
        at: &mut String,
        trail: &Arc<Vec<String>>,
        home: Option<&Home>,
        open: &mut Vec<Misplaced>,
    ) {
        if let Some(text) = value.get("$ref").and_then(Value::as_str) {
            let text = home.map_or_else(|| text.to_owned(), |home| rebased(text, home));
            let is_replaced = self.is_replaced(expect, &text);
            if let Some(slot) = value
                .get_mut("$ref")
                .filter(|_| !is_replaced || home.is_some())
            {
                *slot = json!(text);
            }
            if is_replaced {
                open.push(Misplaced {
                    at: at.clone(),
                    expect,
                    text,
                    trail: Arc::clone(trail),
                });
                return;
            }
        }
        match expect {
            Expect::Object(kind) => {
                if let Some(home) = home {
                    rebase_others(kind, value, home);
                }
                for (name, member) in value.as_object_mut().into_iter().flatten() {
                    if let Some(expect) = self.member(kind, name) {
                        let length = push(at, name);
                        self.look(expect, member, at, trail, home, open);
                        at.truncate(length);
                    }
                }
            }
            Expect::Map(kind) => {
                for (name, member) in value.as_object_mut().into_iter().flatten() {
                    let length = push(at, name);
                    self.look(Expect::Object(kind), member, at, trail, home, open);
                    at.truncate(length);
                }
            }
            Expect::List(kind) => {
                for (index, item) in value.as_array_mut().into_iter().flatten().enumerate() {
                    let length = push(at, &index.to_string());
                    self.look(Expect::Object(kind), item, at, trail, home, open);
                    at.truncate(length);
                }
            }
            _ => {}
        }
    }

    /// Returns true if the target of a reference is inlined where `expect` applies.
    fn is_replaced(&self, expect: Expect, text: &str) -> bool {
        let is_local = |section: &str| {
            text.strip_prefix(section)
                .is_some_and(|name| !name.contains('/'))
        };
        match (self.origin, expect) {
            (_, Expect::Object(ObjectKind::Schema)) => false,
            (Origin::V2, Expect::Object(ObjectKind::Parameter)) => !is_local("#/parameters/"),
            (Origin::V2, Expect::Object(ObjectKind::Response)) => !is_local("#/responses/"),
            (_, Expect::Map(_) | Expect::List(_) | Expect::Texts | Expect::Values)
            | (Origin::V2, Expect::Object(_)) => true,
            (Origin::V3, Expect::Object(kind)) => !kind.may_be_reference(),
            _ => false,
        }
    }

    /// Returns the expected value of an object's member; `None` for unknown members and extensions.
    fn member(&self, kind: ObjectKind, name: &str) -> Option<Expect> {
        if self.origin == Origin::V2
            && let Some(fields) = members_of_2(kind)
        {
            return field(fields, name);
        }
        match kind.members() {
            Members::Fields(fields) => field(fields, name),
            Members::Each(_) if name.starts_with("x-") => None,
            Members::Each(expect) => Some(expect),
        }
    }

    /// Returns the target of a reference at the end of its chain, or the reason why there is none.
    fn target(
        &mut self,
        tree: &Value,
        misplaced: &Misplaced,
        home: Option<&Home>,
        files: &mut Files<'_>,
    ) -> Result<ReferenceTarget, SpliceError> {
        let mut text = misplaced.text.clone();
        let mut seen: HashSet<String> = misplaced.trail.iter().cloned().collect();
        if misplaced.trail.len() >= DEEPEST {
            return Err(SpliceError::Circular { text });
        }
        let own = files.home().cloned();
        loop {
            if !seen.insert(text.clone()) {
                return Err(SpliceError::Circular { text });
            }
            let (file, fragment) = text.split_once('#').unwrap_or((&text, ""));
            let pointer = pointer_of(fragment);
            let there = if file.is_empty() {
                home.cloned()
            } else {
                Some(files.locate(home.or(own.as_ref()), file)?)
            };
            let there = there.filter(|there| own.as_ref() != Some(there));
            let (value, source) = match &there {
                None => (find(tree, &pointer).cloned(), None),
                Some(there) => {
                    let read = files.read(there)?;
                    (find(&read.tree, &pointer).cloned(), Some(read.source))
                }
            };
            let Some(value) = value else {
                return Err(SpliceError::Unresolved { text });
            };
            // Follow the chain, unless its next reference may stay.
            let further = value.get("$ref").and_then(Value::as_str);
            let further = further.map(|further| {
                there
                    .as_ref()
                    .map_or_else(|| further.to_owned(), |home| rebased(further, home))
            });
            match further.filter(|further| self.is_replaced(misplaced.expect, further)) {
                Some(further) => text = further,
                None => {
                    self.added += size(&value);
                    if self.added > MOST_ADDED {
                        return Err(SpliceError::TooManyValues);
                    }
                    return Ok(ReferenceTarget {
                        value,
                        home: there,
                        source,
                        pointer,
                    });
                }
            }
        }
    }

    /// Puts the target of a reference in its place; members beside the `$ref` win over the
    /// target's.
    fn place(
        &mut self,
        tree: &mut Value,
        misplaced: &Misplaced,
        target: ReferenceTarget,
        open: &mut Vec<Misplaced>,
        source: &Arc<Source>,
    ) {
        let Some(slot) = tree.pointer_mut(&misplaced.at) else {
            return;
        };
        let mut value = target.value;
        let is_allowed = self.origin == Origin::V2
            && matches!(
                misplaced.expect,
                Expect::Object(ObjectKind::PathItem | ObjectKind::Parameter | ObjectKind::Response)
            );
        if !is_allowed {
            let place = self.written(&join(&misplaced.at, "$ref"), source);
            self.misplaced
                .entry(named(misplaced.expect))
                .or_insert((0, place))
                .0 += 1;
        }
        let mut trail = Vec::clone(&misplaced.trail);
        trail.push(misplaced.text.clone());
        let trail = Arc::new(trail);
        self.look(
            misplaced.expect,
            &mut value,
            &mut misplaced.at.clone(),
            &trail,
            target.home.as_ref(),
            open,
        );
        if let (Value::Object(own), Value::Object(members)) = (slot.take(), &mut value) {
            members.extend(own.into_iter().filter(|(name, _)| name != "$ref"));
        }
        *slot = value;
        self.parts.push(WrittenElsewhere {
            at: misplaced.at.clone(),
            source: target.source,
            from: target.pointer,
        });
    }

    /// Returns the place where the author wrote the value that is now at a pointer.
    fn written(&self, pointer: &str, source: &Arc<Source>) -> Place {
        match written(&self.parts, pointer) {
            Some((own, pointer)) => Place::as_written(own.unwrap_or(source), pointer),
            None => Place::as_written(source, pointer),
        }
    }

    /// Reports and removes a reference that cannot be followed; anything is allowed in its place.
    fn give_up(
        &mut self,
        tree: &mut Value,
        misplaced: &Misplaced,
        error: &SpliceError,
        source: &Arc<Source>,
    ) {
        let text = &misplaced.text;
        let (message, help) = match error {
            SpliceError::TooManyValues | SpliceError::External(_) => (
                format!("reference `{text}` leads out of its document"),
                error.to_string(),
            ),
            SpliceError::Circular { .. } | SpliceError::Unresolved { .. } => {
                (error.to_string(), ALLOWED.to_owned())
            }
        };
        let place = self.written(&join(&misplaced.at, "$ref"), source);
        self.found
            .push(Diagnostic::at(error.code(), place, message.clone()).help(help));
        if let Expect::Object(kind) = misplaced.expect {
            if let Some(slot) = tree.pointer_mut(&misplaced.at) {
                forget(kind, slot, &message);
            }
            return;
        }
        // A map or a list cannot hold the extension; the object that has the map can.
        let Some((owner, name)) = misplaced.at.rsplit_once('/') else {
            return;
        };
        if let Some(owner) = tree.pointer_mut(owner).and_then(Value::as_object_mut) {
            owner.shift_remove(&crate::document::syntax::unescape(name));
            owner.insert(UNKNOWN.to_owned(), json!(message));
        }
    }
}

/// Returns the name of a kind of place in messages, such as `a map of schemas`.
pub(crate) fn named(expect: Expect) -> &'static str {
    match expect {
        Expect::Object(ObjectKind::Operation) => "an operation",
        Expect::Object(kind) => match kind {
            ObjectKind::Paths => "`paths`",
            ObjectKind::Responses => "`responses`",
            ObjectKind::Components => "`components`",
            ObjectKind::Info => "`info`",
            ObjectKind::Server => "a server",
            ObjectKind::Encoding => "an encoding",
            ObjectKind::SecurityRequirement => "a security requirement",
            ObjectKind::Header => "a header",
            _ => "an object",
        },
        Expect::Map(ObjectKind::Schema) => "a map of schemas",
        Expect::Map(_) => "a map",
        _ => "a list",
    }
}

/// Returns the fields of an OpenAPI 2.0 object that are searched for references; `None` if they are
/// those of 3.x.
fn members_of_2(kind: ObjectKind) -> Option<&'static [(&'static str, Expect)]> {
    Some(match kind {
        ObjectKind::Document => &[
            ("info", Expect::Object(ObjectKind::Info)),
            ("paths", Expect::Object(ObjectKind::Paths)),
            ("definitions", Expect::Map(ObjectKind::Schema)),
            ("parameters", Expect::Map(ObjectKind::Parameter)),
            ("responses", Expect::Map(ObjectKind::Response)),
            (
                "securityDefinitions",
                Expect::Map(ObjectKind::SecurityScheme),
            ),
            ("security", Expect::List(ObjectKind::SecurityRequirement)),
            ("consumes", Expect::Texts),
            ("produces", Expect::Texts),
        ],
        ObjectKind::Operation => &[
            ("parameters", Expect::List(ObjectKind::Parameter)),
            ("responses", Expect::Object(ObjectKind::Responses)),
            ("security", Expect::List(ObjectKind::SecurityRequirement)),
            ("consumes", Expect::Texts),
            ("produces", Expect::Texts),
        ],
        ObjectKind::Parameter => &[
            ("schema", Expect::Object(ObjectKind::Schema)),
            ("enum", Expect::Values),
        ],
        ObjectKind::Response => &[
            ("schema", Expect::Object(ObjectKind::Schema)),
            ("headers", Expect::Map(ObjectKind::Header)),
        ],
        ObjectKind::Header => &[("enum", Expect::Values)],
        _ => return None,
    })
}

/// Rewrites the references of an object other than `$ref` (`mapping`, `externalValue`) to resolve
/// as they did in the file `home`.
fn rebase_others(kind: ObjectKind, value: &mut Value, home: &Home) {
    if kind == ObjectKind::Schema
        && let Some(Value::Object(mapping)) = value.pointer_mut("/discriminator/mapping")
    {
        for (_, to) in mapping.iter_mut() {
            if let Some(text) = to.as_str().filter(|text| is_reference(text)) {
                *to = json!(rebased(text, home));
            }
        }
    }
    if kind == ObjectKind::Example
        && let Some(Value::String(text)) = value.get_mut("externalValue")
    {
        let moved = rebased(text, home);
        *text = moved.strip_suffix('#').map(str::to_owned).unwrap_or(moved);
    }
}

/// Returns a reference that resolves from anywhere to the target that `text` has in the file
/// `home`.
fn rebased(text: &str, home: &Home) -> String {
    match home {
        _ if text.contains("://") => text.to_owned(),
        Home::Uri(base) if text.starts_with('#') => format!("{base}{text}"),
        Home::Uri(base) => identifier::absolute(base, text),
        Home::File(path) => {
            let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
            let file = percent_decode_str(file).decode_utf8_lossy();
            let path = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap_or(path).join(file.as_ref())
            };
            let path = path
                .display()
                .to_string()
                .replace('%', "%25")
                .replace('#', "%23");
            format!("{path}#{fragment}")
        }
    }
}
