//! Writes the tree of a pattern in the syntax of Rust engines, and builds the engine that matches
//! in linear time, if the pattern has neither look-arounds nor references and is not too large.
use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

use crate::schema::pattern::tree::{Assertion, LetterCase, PatternKind, PatternNode, Set};

/// Maximum weight of a pattern with an engine of linear time, in states; a heavier one is matched
/// step by step.
const HEAVIEST: usize = 5_000;

/// Maximum size of an engine, in bytes; a pattern that needs a larger one is matched step by step.
const LARGEST: usize = 8 << 20;

/// Returns the engine of linear time for a tree, if it can have one.
pub(super) fn engine(tree: &PatternNode) -> Option<Regex> {
    if !is_regular(tree) || weight(tree) > HEAVIEST {
        return None;
    }
    RegexBuilder::new(&text(tree))
        .size_limit(LARGEST)
        .build()
        .ok()
}

/// Returns true if an engine of linear time supports every part of a pattern.
pub(super) fn is_regular(node: &PatternNode) -> bool {
    match &node.kind {
        PatternKind::Empty | PatternKind::Char(_) | PatternKind::Set(_) => true,
        PatternKind::Assert(assertion) => {
            matches!(
                assertion,
                Assertion::Start | Assertion::End | Assertion::Boundary
            )
        }
        PatternKind::Concat(nodes) | PatternKind::Alternation(nodes) => {
            nodes.iter().all(is_regular)
        }
        PatternKind::Repeat(repeat) => is_regular(&repeat.node),
        PatternKind::Capture(node, _) => is_regular(node),
        PatternKind::Atomic(_) | PatternKind::Look(_) | PatternKind::BackReference(..) => false,
    }
}

/// Estimates the number of states of an automaton for a pattern.
pub(super) fn weight(node: &PatternNode) -> usize {
    match &node.kind {
        PatternKind::Empty
        | PatternKind::Char(_)
        | PatternKind::Assert(_)
        | PatternKind::BackReference(..) => 1,
        PatternKind::Set(set) => set
            .ranges()
            .iter()
            .map(|(_, last)| if last.is_ascii() { 1 } else { 4 })
            .sum(),
        PatternKind::Concat(nodes) | PatternKind::Alternation(nodes) => {
            nodes.iter().map(weight).fold(0, usize::saturating_add)
        }
        PatternKind::Repeat(repeat) => {
            let times = repeat.max.unwrap_or_else(|| repeat.min.saturating_add(1));
            weight(&repeat.node).saturating_mul(times as usize)
        }
        PatternKind::Capture(node, _) | PatternKind::Atomic(node) => weight(node),
        PatternKind::Look(look) => weight(&look.node),
    }
}

/// Returns the text of a tree, with each class written as ranges of characters.
pub(super) fn text(tree: &PatternNode) -> String {
    let mut text = String::new();
    write(tree, &mut text);
    text
}

fn write(node: &PatternNode, text: &mut String) {
    match &node.kind {
        PatternKind::Empty => text.push_str("(?:)"),
        PatternKind::Char(own) => text.push_str(&regex::escape(own.encode_utf8(&mut [0; 4]))),
        PatternKind::Set(set) => write_set(set, text),
        PatternKind::Assert(assertion) => text.push_str(match assertion {
            Assertion::Start => "^",
            Assertion::LineStart => "(?:^|(?<=[\\n\\r\\x{2028}\\x{2029}]))",
            Assertion::End => "$",
            Assertion::LineEnd => "(?:$|(?=[\\n\\r\\x{2028}\\x{2029}]))",
            Assertion::EndOrLastLine => "(?=\\n?$)",
            Assertion::Boundary => "(?-u:\\b)",
            Assertion::NoBoundary => {
                "(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))"
            }
        }),
        PatternKind::Concat(nodes) => nodes.iter().for_each(|node| write_inside(node, text)),
        PatternKind::Alternation(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "|" });
                write(node, text);
            }
        }
        PatternKind::Repeat(repeat) => {
            group("(?:", &repeat.node, text);
            match repeat.max {
                Some(max) => push(text, format_args!("{{{},{max}}}", repeat.min)),
                None => push(text, format_args!("{{{},}}", repeat.min)),
            }
            text.push_str(if repeat.is_greedy { "" } else { "?" });
        }
        PatternKind::Capture(node, _) => group("(", node, text),
        PatternKind::Atomic(node) => group("(?>", node, text),
        PatternKind::Look(look) => {
            let open = match (look.is_behind, look.is_negative) {
                (false, false) => "(?=",
                (false, true) => "(?!",
                (true, false) => "(?<=",
                (true, true) => "(?<!",
            };
            group(open, &look.node, text);
        }
        PatternKind::BackReference(numbers, case) => {
            let flag = if *case == LetterCase::Ignored {
                "i"
            } else {
                ""
            };
            for (index, number) in numbers.iter().enumerate() {
                push(
                    text,
                    format_args!(
                        "{}(?{flag}:\\{number})",
                        if index == 0 { "(?:" } else { "|" }
                    ),
                );
            }
            text.push(')');
        }
    }
}

/// Writes a part so that it remains one unit beside others.
fn write_inside(node: &PatternNode, text: &mut String) {
    match node.kind {
        PatternKind::Alternation(_) => group("(?:", node, text),
        _ => write(node, text),
    }
}

fn group(open: &str, node: &PatternNode, text: &mut String) {
    text.push_str(open);
    write(node, text);
    text.push(')');
}

fn write_set(set: &Set, text: &mut String) {
    match set.ranges() {
        // The empty class; not every engine accepts a class without members.
        [] => text.push_str("[^\\x{0}-\\x{10ffff}]"),
        ranges => {
            text.push('[');
            for (first, last) in ranges {
                push(
                    text,
                    format_args!(
                        "\\x{{{:x}}}-\\x{{{:x}}}",
                        u32::from(*first),
                        u32::from(*last)
                    ),
                );
            }
            text.push(']');
        }
    }
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _written = text.write_fmt(what);
}
