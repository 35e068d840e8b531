//! The syntax tree of a pattern: flags, escapes and names of classes are worked out by the parser.
use std::ops::Range;
use std::sync::Arc;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// A part of a pattern with the lengths that it can match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The part itself.
    pub kind: Kind,
    /// The fewest characters that it matches.
    pub least: usize,
    /// The most characters that it matches; none if there is no limit.
    pub most: Option<usize>,
}

/// A part of a pattern (ECMA-262 §22.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, which always matches.
    Empty,
    /// One character.
    Char(char),
    /// One character of a set.
    Set(Arc<Set>),
    /// A place in the text.
    Assert(Assertion),
    /// One after the other.
    Concat(Vec<Node>),
    /// One of several, the first that matches.
    Alternation(Vec<Node>),
    /// Again and again.
    Repeat(Box<Repeat>),
    /// A capturing group with its number, from 1 on.
    Capture(Box<Node>, usize),
    /// A group that is not entered again to match less: `(?>a*)`, of other dialects.
    Atomic(Box<Node>),
    /// A look-around.
    Look(Box<Look>),
    /// The text that a group matched; of several groups with one name, the one that matched.
    BackReference(Vec<usize>, Case),
}

/// Whether upper and lower case are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// They differ.
    Sensitive,
    /// They are one.
    Ignored,
}

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assertion {
    /// `^`
    Start,
    /// `^` with the `m` flag
    LineStart,
    /// `$`
    End,
    /// `$` with the `m` flag
    LineEnd,
    /// `\Z` of other dialects: the end, or before the line feed at the end
    EndOrLastLine,
    /// `\b`
    Boundary,
    /// `\B`
    NoBoundary,
}

/// A part that is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// The part.
    pub node: Node,
    /// The fewest times.
    pub min: u32,
    /// The most times; none if there is no limit.
    pub max: Option<u32>,
    /// Whether it is tried more often before less often.
    pub is_greedy: bool,
    /// The numbers of the capturing groups inside, which each time begins without.
    pub captures: Range<usize>,
}

/// A look-around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The part that is looked for.
    pub node: Node,
    /// Whether it ends here instead of beginning here.
    pub is_behind: bool,
    /// Whether it must not be there.
    pub is_negative: bool,
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    ranges: Box<[(char, char)]>,
    /// The bit of each ASCII character that is in it.
    ascii: u128,
}

impl Set {
    /// The set of the characters of a class.
    #[must_use]
    pub fn new(class: &ClassUnicode) -> Self {
        let ranges: Box<[(char, char)]> = class.iter().map(|range| (range.start(), range.end())).collect();
        let is_in = |code: u8| ranges.iter().any(|(first, last)| (*first..=*last).contains(&char::from(code)));
        let ascii = (0..128_u8).filter(|code| is_in(*code)).fold(0, |bits, code| bits | 1_u128 << code);
        Self { ranges, ascii }
    }

    /// Whether a character is in it.
    #[must_use]
    pub fn contains(&self, character: char) -> bool {
        if character.is_ascii() {
            return self.ascii >> u32::from(character) & 1 == 1;
        }
        let at = self.ranges.partition_point(|(_, last)| *last < character);
        self.ranges.get(at).is_some_and(|(first, _)| *first <= character)
    }

    /// The ranges of its characters, each with its first and its last, in order.
    #[must_use]
    pub fn ranges(&self) -> &[(char, char)] {
        &self.ranges
    }
}

impl Node {
    /// A part with the lengths that follow from its own parts.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let (least, most) = lengths(&kind);
        Self { kind, least, most }
    }

    /// Several parts one after the other.
    #[must_use]
    pub fn concat(mut nodes: Vec<Node>) -> Self {
        match nodes.pop() {
            None => Self::new(Kind::Empty),
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                Self::new(Kind::Concat(nodes))
            }
        }
    }

    /// One of several parts.
    #[must_use]
    pub fn alternation(mut nodes: Vec<Node>) -> Self {
        match nodes.pop() {
            None => Self::new(Kind::Empty),
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                Self::new(Kind::Alternation(nodes))
            }
        }
    }

    /// One character of a class.
    #[must_use]
    pub fn set(class: &ClassUnicode) -> Self {
        match class.ranges() {
            [only] if only.start() == only.end() => Self::new(Kind::Char(only.start())),
            _ => Self::new(Kind::Set(Arc::new(Set::new(class)))),
        }
    }

    /// Whether it matches at the begin of a text only.
    #[must_use]
    pub fn is_anchored(&self) -> bool {
        match &self.kind {
            Kind::Assert(Assertion::Start) => true,
            Kind::Concat(nodes) => {
                let is_anchor = nodes.iter().position(Node::is_anchored);
                is_anchor.is_some_and(|anchor| nodes[..anchor].iter().all(|node| node.most == Some(0)))
            }
            Kind::Alternation(nodes) => nodes.iter().all(Node::is_anchored),
            Kind::Capture(node, _) | Kind::Atomic(node) => node.is_anchored(),
            _ => false,
        }
    }
}

/// The class of one range of characters.
#[must_use]
pub fn class_of(first: char, last: char) -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new(first, last)])
}

fn lengths(kind: &Kind) -> (usize, Option<usize>) {
    match kind {
        Kind::Empty | Kind::Assert(_) | Kind::Look(_) => (0, Some(0)),
        Kind::Char(_) | Kind::Set(_) => (1, Some(1)),
        Kind::Concat(nodes) => nodes.iter().fold((0, Some(0)), |(least, most): (usize, Option<usize>), node| {
            (least.saturating_add(node.least), most.zip(node.most).map(|(a, b)| a.saturating_add(b)))
        }),
        Kind::Alternation(nodes) => {
            let least = nodes.iter().map(|node| node.least).min().unwrap_or(0);
            let most = nodes.iter().try_fold(0, |most: usize, node| node.most.map(|own| own.max(most)));
            (least, most)
        }
        Kind::Repeat(repeat) => {
            let times = |count: u32, length: usize| length.saturating_mul(count as usize);
            let most = match (repeat.max, repeat.node.most) {
                (_, Some(0)) | (Some(0), _) => Some(0),
                (max, most) => max.zip(most).map(|(max, most)| times(max, most)),
            };
            (times(repeat.min, repeat.node.least), most)
        }
        Kind::Capture(node, _) | Kind::Atomic(node) => (node.least, node.most),
        Kind::BackReference(..) => (0, None),
    }
}

/// The reason why a text is no pattern: `a group is not closed`.
pub type Fault = String;

/// The grammar by which a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// With the `u` flag.
    Unicode,
    /// Without it (Annex B), and with constructs of other dialects.
    Lenient,
}
