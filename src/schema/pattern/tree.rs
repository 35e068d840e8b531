//! Syntax tree of a pattern; flags, escapes and names of classes are already resolved by `parse`.
use std::ops::Range;
use std::sync::Arc;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// A part of a pattern with the lengths that it can match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatternNode {
    /// The part itself.
    pub kind: PatternKind,
    /// Minimum number of characters that it matches.
    pub least: usize,
    /// Maximum number of characters that it matches; none if there is no limit.
    pub most: Option<usize>,
}

/// A part of a pattern (ECMA-262 §22.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PatternKind {
    /// Nothing; always matches.
    Empty,
    /// One character.
    Char(char),
    /// One character of a set.
    Set(Arc<Set>),
    /// An assertion about a position in the text.
    Assert(Assertion),
    /// A sequence of parts.
    Concat(Vec<PatternNode>),
    /// Alternatives, of which the first that matches counts.
    Alternation(Vec<PatternNode>),
    /// A repeated part.
    Repeat(Box<Repeat>),
    /// A capturing group with its number, from 1 on.
    Capture(Box<PatternNode>, usize),
    /// A group that is not entered again to match less: `(?>a*)`, of other dialects.
    Atomic(Box<PatternNode>),
    /// A look-around.
    Look(Box<Look>),
    /// The text that a group matched; of several groups with one name, the one that matched.
    BackReference(Vec<usize>, LetterCase),
}

/// Treatment of upper and lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LetterCase {
    /// Upper and lower case differ.
    Sensitive,
    /// Upper and lower case are equal.
    Ignored,
}

/// A condition on a position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assertion {
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
pub(crate) struct Repeat {
    /// The part.
    pub node: PatternNode,
    /// Minimum number of repetitions.
    pub min: u32,
    /// Maximum number of repetitions; none if there is no limit.
    pub max: Option<u32>,
    /// True if more repetitions are tried before fewer.
    pub is_greedy: bool,
    /// Numbers of the capturing groups inside, which each repetition clears.
    pub captures: Range<usize>,
}

/// A look-around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// The part to look for.
    pub node: PatternNode,
    /// True if the part ends at the position instead of beginning there.
    pub is_behind: bool,
    /// True if the part must not be there.
    pub is_negative: bool,
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set {
    ranges: Box<[(char, char)]>,
    /// A bit for each ASCII character, set if the character is in the set.
    ascii: u128,
}

impl Set {
    /// Returns the set of the characters of a class.
    #[must_use]
    pub(crate) fn new(class: &ClassUnicode) -> Self {
        let ranges: Box<[(char, char)]> = class
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect();
        let is_in = |code: u8| {
            ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&char::from(code)))
        };
        let ascii = (0..128_u8)
            .filter(|code| is_in(*code))
            .fold(0, |bits, code| bits | 1_u128 << code);
        Self { ranges, ascii }
    }

    /// Returns true if a character is in the set.
    #[must_use]
    pub(crate) fn contains(&self, character: char) -> bool {
        if character.is_ascii() {
            return self.ascii >> u32::from(character) & 1 == 1;
        }
        let at = self.ranges.partition_point(|(_, last)| *last < character);
        self.ranges
            .get(at)
            .is_some_and(|(first, _)| *first <= character)
    }

    /// Returns its ranges of characters in order, each with its first and its last.
    #[must_use]
    pub(crate) fn ranges(&self) -> &[(char, char)] {
        &self.ranges
    }
}

impl PatternNode {
    /// Returns a part with the lengths that follow from its own parts.
    #[must_use]
    pub(crate) fn new(kind: PatternKind) -> Self {
        let (least, most) = lengths(&kind);
        Self { kind, least, most }
    }

    /// Returns a sequence of several parts; a single part stays as it is.
    #[must_use]
    pub(crate) fn concat(mut nodes: Vec<PatternNode>) -> Self {
        match nodes.pop() {
            None => Self::new(PatternKind::Empty),
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                Self::new(PatternKind::Concat(nodes))
            }
        }
    }

    /// Returns alternatives of several parts; a single part stays as it is.
    #[must_use]
    pub(crate) fn alternation(mut nodes: Vec<PatternNode>) -> Self {
        match nodes.pop() {
            None => Self::new(PatternKind::Empty),
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                Self::new(PatternKind::Alternation(nodes))
            }
        }
    }

    /// Returns a part that matches one character of a class.
    #[must_use]
    pub(crate) fn set(class: &ClassUnicode) -> Self {
        match class.ranges() {
            [only] if only.start() == only.end() => Self::new(PatternKind::Char(only.start())),
            _ => Self::new(PatternKind::Set(Arc::new(Set::new(class)))),
        }
    }

    /// Returns true if it matches at the beginning of a text only.
    #[must_use]
    pub(crate) fn is_anchored(&self) -> bool {
        match &self.kind {
            PatternKind::Assert(Assertion::Start) => true,
            PatternKind::Concat(nodes) => {
                let is_anchor = nodes.iter().position(PatternNode::is_anchored);
                is_anchor
                    .is_some_and(|anchor| nodes[..anchor].iter().all(|node| node.most == Some(0)))
            }
            PatternKind::Alternation(nodes) => nodes.iter().all(PatternNode::is_anchored),
            PatternKind::Capture(node, _) | PatternKind::Atomic(node) => node.is_anchored(),
            _ => false,
        }
    }
}

/// Returns the class of one range of characters.
#[must_use]
pub(crate) fn class_of(first: char, last: char) -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new(first, last)])
}

fn lengths(kind: &PatternKind) -> (usize, Option<usize>) {
    match kind {
        PatternKind::Empty | PatternKind::Assert(_) | PatternKind::Look(_) => (0, Some(0)),
        PatternKind::Char(_) | PatternKind::Set(_) => (1, Some(1)),
        PatternKind::Concat(nodes) => nodes.iter().fold(
            (0, Some(0)),
            |(least, most): (usize, Option<usize>), node| {
                (
                    least.saturating_add(node.least),
                    most.zip(node.most).map(|(a, b)| a.saturating_add(b)),
                )
            },
        ),
        PatternKind::Alternation(nodes) => {
            let least = nodes.iter().map(|node| node.least).min().unwrap_or(0);
            let most = nodes
                .iter()
                .try_fold(0, |most: usize, node| node.most.map(|own| own.max(most)));
            (least, most)
        }
        PatternKind::Repeat(repeat) => {
            let times = |count: u32, length: usize| length.saturating_mul(count as usize);
            let most = match (repeat.max, repeat.node.most) {
                (_, Some(0)) | (Some(0), _) => Some(0),
                (max, most) => max.zip(most).map(|(max, most)| times(max, most)),
            };
            (times(repeat.min, repeat.node.least), most)
        }
        PatternKind::Capture(node, _) | PatternKind::Atomic(node) => (node.least, node.most),
        PatternKind::BackReference(..) => (0, None),
    }
}

/// The reason why a text is not a pattern: `a group is not closed`.
pub(crate) type PatternError = String;

/// The grammar by which a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// ECMA-262 with the `u` flag.
    Unicode,
    /// ECMA-262 without the `u` flag (Annex B), with constructs of other dialects.
    Lenient,
}
