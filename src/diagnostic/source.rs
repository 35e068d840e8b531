//! Texts of documents, and the positions in them of what the author wrote.
//!
//! Reading, splicing and upgrading a document note the parts that they move; a diagnostic looks up
//! the original position when it is shown.
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Text that a document was read from, kept so that a diagnostic can show its line.
pub struct Source {
    name: String,
    text: Mutex<Text>,
    locate: fn(&str) -> Positions,
    positions: Mutex<Option<Arc<Positions>>>,
    moves: OnceLock<Vec<(String, String)>>,
    parts: OnceLock<Vec<WrittenElsewhere>>,
}

/// Part of a tree that was written in another place.
#[derive(Debug, Clone)]
pub struct WrittenElsewhere {
    /// JSON Pointer of the part in the tree.
    pub at: String,
    /// Text in which the part was written; `None` for another place in the same text.
    pub source: Option<Arc<Source>>,
    /// JSON Pointer at which the part was written.
    pub from: String,
}

/// Text in memory.
enum Text {
    Plain(Arc<String>),
    /// Text compressed with LZ4 (block format).
    Packed(Vec<u8>),
}

/// Size in bytes up to which a text is not worth compressing.
const WORTH_PACKING: usize = 64 * 1024;

impl Source {
    /// Creates a text named `name` (`specs/pets.yaml`); `locate` finds its positions on first use.
    #[must_use]
    pub fn new(name: String, text: String, locate: fn(&str) -> Positions) -> Arc<Self> {
        Arc::new(Self {
            name,
            text: Mutex::new(Text::Plain(Arc::new(text))),
            locate,
            positions: Mutex::new(None),
            moves: OnceLock::new(),
            parts: OnceLock::new(),
        })
    }

    /// Returns the name of the text as users know it: `specs/pets.yaml`, or `-` for standard input.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes parts of the tree that were moved from where the author wrote them: pairs of new and
    /// old pointer. Only the first call counts.
    pub fn note_moves(&self, moves: Vec<(String, String)>) {
        let _noted = self.moves.set(moves);
    }

    /// Notes that parts of the tree were written elsewhere. Only the first call counts.
    pub fn note_parts(&self, parts: Vec<WrittenElsewhere>) {
        let _noted = self.parts.set(parts);
    }

    /// Returns the text in which the author wrote a part of the tree, and the pointer in that text.
    pub(super) fn owner(self: &Arc<Self>, pointer: &str) -> (Arc<Self>, String) {
        let pointer = self.original(pointer);
        match written(self.parts.get().map_or(&[], Vec::as_slice), &pointer) {
            Some((Some(source), pointer)) => source.owner(&pointer),
            Some((None, pointer)) => (Arc::clone(self), pointer),
            None => (Arc::clone(self), pointer),
        }
    }

    /// Returns the current pointer of the part that the author wrote at `pointer`.
    #[must_use]
    pub fn moved(&self, pointer: &str) -> String {
        let below = |old: &str| {
            pointer
                .strip_prefix(old)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let moves = self.moves.get().into_iter().flatten();
        let fitting = moves.filter_map(|(new, old)| Some((old.len(), new, below(old)?)));
        fitting.max_by_key(|(length, ..)| *length).map_or_else(
            || pointer.to_owned(),
            |(_, new, rest)| format!("{new}{rest}"),
        )
    }

    /// Returns the pointer at which the author wrote the part that is now at `pointer`.
    #[must_use]
    pub fn original(&self, pointer: &str) -> String {
        let below = |new: &str| {
            pointer
                .strip_prefix(new)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let moves = self.moves.get().into_iter().flatten();
        let fitting = moves.filter_map(|(new, old)| Some((new.len(), old, below(new)?)));
        match fitting.max_by_key(|(length, ..)| *length) {
            Some((_, old, rest)) => format!("{old}{rest}"),
            None => pointer.to_owned(),
        }
    }

    pub(crate) fn text(&self) -> Arc<String> {
        match &*self.text.lock().unwrap_or_else(PoisonError::into_inner) {
            Text::Plain(text) => Arc::clone(text),
            Text::Packed(packed) => {
                let text = lz4_flex::decompress_size_prepended(packed)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok());
                Arc::new(text.unwrap_or_default())
            }
        }
    }

    pub(super) fn positions(&self) -> Arc<Positions> {
        let mut positions = self
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(positions.get_or_insert_with(|| Arc::new((self.locate)(&self.text()))))
    }

    /// Frees memory that only diagnostics need, when none is expected soon: compresses a text of
    /// more than 64 KiB, and drops the positions, which are found again on the next use. Does so
    /// for the texts of its parts as well.
    pub fn rest(&self) {
        *self
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Text::Plain(plain) = &*text
            && plain.len() > WORTH_PACKING
        {
            *text = Text::Packed(lz4_flex::compress_prepend_size(plain.as_bytes()));
        }
        drop(text);
        self.parts
            .get()
            .into_iter()
            .flatten()
            .filter_map(|part| part.source.as_ref())
            .for_each(|part| part.rest());
    }

    /// Returns the pointer as OpenAPI 3.0 writes it, where a schema has an `example` instead of the
    /// first of `examples`.
    fn with_example(&self, pointer: String) -> String {
        const FIRST: &str = "/examples/0";
        let Some(at) = pointer.rfind(FIRST) else {
            return pointer;
        };
        let (positions, single) = (self.positions(), format!("{}/example", &pointer[..at]));
        if positions.contains_key(&pointer[..at + FIRST.len()]) || !positions.contains_key(&single)
        {
            return pointer;
        }
        single + &pointer[at + FIRST.len()..]
    }

    /// Returns the positions of the nearest part that the author wrote at or above `pointer`, and
    /// whether that is `pointer` itself.
    pub(super) fn nearest(&self, pointer: &str) -> Option<(KeyAndValue, bool)> {
        let pointer = self.with_example(pointer.to_owned());
        let mut rest = pointer.as_str();
        loop {
            if let Some(found) = self.positions().get(rest) {
                return Some((*found, rest.len() == pointer.len()));
            }
            rest = &rest[..rest.rfind('/')?];
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// Returns the text and the pointer at which a place of a tree was written; `None` if the place is
/// in no part of `parts`. The text is `None` for another place in the same text.
#[must_use]
pub(crate) fn written<'p>(
    parts: &'p [WrittenElsewhere],
    pointer: &str,
) -> Option<(Option<&'p Arc<Source>>, String)> {
    let below = |at: &str| {
        pointer
            .strip_prefix(at)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let parts = parts
        .iter()
        .filter_map(|part| Some((part, below(&part.at)?)));
    let (part, rest) = parts.max_by_key(|(part, _)| part.at.len())?;
    Some((part.source.as_ref(), format!("{}{rest}", part.from)))
}

/// Stretch of one line of text; `line` and `column` count from 1, `length` is in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Number of the line; 1 for the first.
    pub line: usize,
    /// Number of the character in the line; 1 for the first.
    pub column: usize,
    /// Number of characters, at least 1.
    pub length: usize,
}

/// Positions of the key and the value of a member in a text.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyAndValue {
    /// Position of the key, for members of an object.
    pub key: Option<Span>,
    /// Position of the value.
    pub value: Span,
}

/// Positions in a text by JSON Pointer, such as `/info/title`.
pub(crate) type Positions = HashMap<String, KeyAndValue>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;
    use crate::diagnostic::{Code, Diagnostic, Place};

    #[test]
    fn a_text_that_was_packed_is_shown_as_before() {
        let text = format!(
            "info:\n  title: [x]\n# {}\n",
            "é long ".repeat(WORTH_PACKING / 7)
        );
        let source = Source::new("a.yaml".into(), text.clone(), |text| {
            let at = text.find("[x]").expect("it is the text");
            let value = Span {
                line: 2,
                column: at - 5,
                length: 3,
            };
            Positions::from([("/info/title".into(), KeyAndValue { key: None, value })])
        });
        let shown = || {
            Diagnostic::at(
                Code::WrongType,
                Place::value(&source, "/info/title"),
                "found",
            )
            .render()
        };
        let before = shown();
        source.rest();
        assert!(
            matches!(&*source.text.lock().expect("nobody panicked"), Text::Packed(packed) if packed.len() < text.len())
        );
        assert_eq!(*source.text(), text);
        assert_eq!(shown(), before);
        assert!(before.contains("title: [x]"), "{before}");
    }
}
