//! Where did the author write what a document is made of by now?
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A text that a document was read from, kept so that a finding can show its line.
pub struct Source {
    name: String,
    text: Mutex<Text>,
    locate: fn(&str) -> Positions,
    positions: Mutex<Option<Arc<Positions>>>,
    moves: OnceLock<Vec<(String, String)>>,
    parts: OnceLock<Vec<Written>>,
}

/// A part of a tree that was written elsewhere than it is.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where it is, as a JSON Pointer.
    pub at: String,
    /// The text that it was written in; none for another place of the same text.
    pub source: Option<Arc<Source>>,
    /// Where it was written, as a JSON Pointer.
    pub from: String,
}

/// A text as it is kept.
enum Text {
    Plain(Arc<String>),
    /// Compressed (LZ4 block format).
    Packed(Vec<u8>),
}

/// Texts that are shorter are not worth packing, in bytes.
const WORTH_PACKING: usize = 64 * 1024;

impl Source {
    /// A text called `name` (`specs/pets.yaml`); `locate` works out its places when first asked.
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

    /// The name that people know the text by: `specs/pets.yaml`, or `-` for standard input.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes that parts of the tree no longer stand where the author wrote them: pairs of new and
    /// old pointer. Only the first call counts.
    pub fn note_moves(&self, moves: Vec<(String, String)>) {
        let _noted = self.moves.set(moves);
    }

    /// Notes that parts of the tree were written elsewhere. Only the first call counts.
    pub fn note_parts(&self, parts: Vec<Written>) {
        let _noted = self.parts.set(parts);
    }

    /// The text that the author wrote a part of the tree in, and the pointer in that text.
    pub(super) fn owner(self: &Arc<Self>, pointer: &str) -> (Arc<Self>, String) {
        let pointer = self.original(pointer);
        match written(self.parts.get().map_or(&[], Vec::as_slice), &pointer) {
            Some((Some(source), pointer)) => source.owner(&pointer),
            Some((None, pointer)) => (Arc::clone(self), pointer),
            None => (Arc::clone(self), pointer),
        }
    }

    /// Where what the author wrote at `pointer` stands now.
    #[must_use]
    pub fn moved(&self, pointer: &str) -> String {
        let below = |old: &str| pointer.strip_prefix(old).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let moves = self.moves.get().into_iter().flatten();
        let fitting = moves.filter_map(|(new, old)| Some((old.len(), new, below(old)?)));
        fitting
            .max_by_key(|(length, ..)| *length)
            .map_or_else(|| pointer.to_owned(), |(_, new, rest)| format!("{new}{rest}"))
    }

    /// Where the author wrote what now stands at `pointer`.
    #[must_use]
    pub fn original(&self, pointer: &str) -> String {
        let below = |new: &str| pointer.strip_prefix(new).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let moves = self.moves.get().into_iter().flatten();
        let fitting = moves.filter_map(|(new, old)| Some((new.len(), old, below(new)?)));
        match fitting.max_by_key(|(length, ..)| *length) {
            Some((_, old, rest)) => format!("{old}{rest}"),
            None => pointer.to_owned(),
        }
    }

    pub(super) fn text(&self) -> Arc<String> {
        match &*self.text.lock().unwrap_or_else(PoisonError::into_inner) {
            Text::Plain(text) => Arc::clone(text),
            Text::Packed(packed) => {
                let text =
                    lz4_flex::decompress_size_prepended(packed).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                Arc::new(text.unwrap_or_default())
            }
        }
    }

    pub(super) fn positions(&self) -> Arc<Positions> {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(positions.get_or_insert_with(|| Arc::new((self.locate)(&self.text()))))
    }

    /// Gives back the memory that only findings need, because none is expected soon: a large text is
    /// packed, and where its parts stand is worked out again if it has to be.
    pub fn rest(&self) {
        *self.positions.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Text::Plain(plain) = &*text
            && plain.len() > WORTH_PACKING
        {
            *text = Text::Packed(lz4_flex::compress_prepend_size(plain.as_bytes()));
        }
        drop(text);
        self.parts.get().into_iter().flatten().filter_map(|part| part.source.as_ref()).for_each(|part| part.rest());
    }

    /// The pointer as OpenAPI 3.0 writes it, whose schemas have an `example` for the first of `examples`.
    fn with_example(&self, pointer: String) -> String {
        const FIRST: &str = "/examples/0";
        let Some(at) = pointer.rfind(FIRST) else { return pointer };
        let (positions, single) = (self.positions(), format!("{}/example", &pointer[..at]));
        if positions.contains_key(&pointer[..at + FIRST.len()]) || !positions.contains_key(&single) {
            return pointer;
        }
        single + &pointer[at + FIRST.len()..]
    }

    /// The places of the nearest thing above or at `pointer` that the author wrote.
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

/// Where a place of a tree was written, if it is in one of the parts that were written elsewhere.
#[must_use]
pub fn written<'p>(parts: &'p [Written], pointer: &str) -> Option<(Option<&'p Arc<Source>>, String)> {
    let below = |at: &str| pointer.strip_prefix(at).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let parts = parts.iter().filter_map(|part| Some((part, below(&part.at)?)));
    let (part, rest) = parts.max_by_key(|(part, _)| part.at.len())?;
    Some((part.source.as_ref(), format!("{}{rest}", part.from)))
}

/// A stretch of one line of text; `line` and `column` count from 1, `length` is in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// 1 for the first line.
    pub line: usize,
    /// 1 for the first character of the line.
    pub column: usize,
    /// How many characters are meant, at least 1.
    pub length: usize,
}

/// Where the key and the value of a JSON Pointer stand in a text.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyAndValue {
    /// The key, for members of an object.
    pub key: Option<Span>,
    /// The value.
    pub value: Span,
}

/// The places of a text by JSON Pointer, such as `/info/title`.
pub type Positions = HashMap<String, KeyAndValue>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;
    use crate::diagnostic::{Code, Diagnostic, Place};

    #[test]
    fn a_text_that_was_packed_is_shown_as_before() {
        let text = format!("info:\n  title: [x]\n# {}\n", "é long ".repeat(WORTH_PACKING / 7));
        let source = Source::new("a.yaml".into(), text.clone(), |text| {
            let at = text.find("[x]").expect("it is the text");
            let value = Span { line: 2, column: at - 5, length: 3 };
            Positions::from([("/info/title".into(), KeyAndValue { key: None, value })])
        });
        let shown = || Diagnostic::at(Code::WrongType, Place::value(&source, "/info/title"), "found").render();
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
