//! Compiles the tree of a pattern to the operations by which
//! [`machine`](crate::schema::pattern::machine) matches it.
use std::ops::Range;
use std::sync::Arc;

use crate::schema::pattern::tree::{
    Assertion, LetterCase, Look, PatternKind, PatternNode, Repeat, Set,
};

/// The direction in which a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    /// Towards the end of the text.
    End,
    /// Towards its beginning, as in a look-behind.
    Begin,
}

/// One character, or one of a set.
#[derive(Debug)]
pub(super) enum Single {
    /// One character.
    Char(char),
    /// One character of a set.
    Set(Arc<Set>),
}

impl Single {
    /// Returns true if a character matches.
    pub(super) fn is(&self, character: char) -> bool {
        match self {
            Self::Char(own) => *own == character,
            Self::Set(set) => set.contains(character),
        }
    }
}

/// An operation of a program.
#[derive(Debug)]
pub(super) enum Instruction {
    /// Matches a character.
    One(Single, Toward),
    /// Matches a character repeatedly.
    Run(Run),
    /// Continues at the first operation, and at the second if that fails.
    Split(usize, usize),
    /// Continues at another operation.
    Jump(usize),
    /// Saves the position as the beginning or the end of a captured group.
    Save(usize),
    /// Resets the counter of a loop.
    Begin(usize),
    /// Enters a loop once more, or leaves it.
    Loop(Loop),
    /// Checks an assertion at the position.
    Assert(Assertion),
    /// Checks a look-around, up to `end`, without moving.
    Look { end: usize, is_negative: bool },
    /// Matches the operations up to `end`, without backtracking into them.
    Atomic { end: usize },
    /// Matches the text that a group captured.
    BackReference(Vec<usize>, LetterCase, Toward),
    /// The end of the program, of a look-around or of an atomic group.
    Done,
}

/// A repeated character.
#[derive(Debug)]
pub(super) struct Run {
    /// The character.
    pub single: Single,
    /// Minimum number of repetitions.
    pub min: u32,
    /// Maximum number of repetitions.
    pub max: u32,
    /// True if more repetitions are tried before fewer.
    pub is_greedy: bool,
    /// The direction of reading.
    pub toward: Toward,
}

/// A loop; its body follows this operation.
#[derive(Debug)]
pub(super) struct Loop {
    /// Index of its counter.
    pub counter: usize,
    /// Minimum number of rounds.
    pub min: u32,
    /// Maximum number of rounds.
    pub max: u32,
    /// True if more rounds are tried before fewer.
    pub is_greedy: bool,
    /// Slots that each round clears.
    pub slots: Range<usize>,
    /// The operation after the loop.
    pub exit: usize,
}

/// A pattern that can be matched step by step.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The operations in order.
    pub operations: Vec<Instruction>,
    /// The number of counters.
    pub counters: usize,
    /// The number of slots, two for each group.
    pub slots: usize,
    /// True if it can match at the beginning of a text only.
    pub is_anchored: bool,
}

impl Program {
    /// Compiles a tree with `captures` capturing groups to at most three operations for each
    /// character of the pattern.
    pub(super) fn new(tree: &PatternNode, captures: usize) -> Self {
        let mut program = Self {
            slots: 2 * (captures + 1),
            is_anchored: tree.is_anchored(),
            ..Self::default()
        };
        program.node(tree, Toward::End);
        program.operations.push(Instruction::Done);
        program
    }

    fn push(&mut self, operation: Instruction) -> usize {
        self.operations.push(operation);
        self.operations.len() - 1
    }

    fn next(&self) -> usize {
        self.operations.len()
    }

    fn node(&mut self, node: &PatternNode, toward: Toward) {
        match &node.kind {
            PatternKind::Empty => {}
            PatternKind::Char(_) | PatternKind::Set(_) => {
                self.operations
                    .extend(single(node).map(|single| Instruction::One(single, toward)));
            }
            PatternKind::Assert(assertion) => self.operations.push(Instruction::Assert(*assertion)),
            PatternKind::Concat(nodes) => match toward {
                Toward::End => nodes.iter().for_each(|node| self.node(node, toward)),
                Toward::Begin => nodes.iter().rev().for_each(|node| self.node(node, toward)),
            },
            PatternKind::Alternation(nodes) => self.alternation(nodes, toward),
            PatternKind::Repeat(repeat) => self.repeat(repeat, toward),
            PatternKind::Capture(node, number) => {
                let (begin, end) = if toward == Toward::End {
                    (0, 1)
                } else {
                    (1, 0)
                };
                self.operations.push(Instruction::Save(2 * number + begin));
                self.node(node, toward);
                self.operations.push(Instruction::Save(2 * number + end));
            }
            PatternKind::Atomic(node) => {
                let head = self.push(Instruction::Done);
                self.node(node, toward);
                self.operations.push(Instruction::Done);
                self.operations[head] = Instruction::Atomic { end: self.next() };
            }
            PatternKind::Look(look) => self.look(look),
            PatternKind::BackReference(numbers, case) => {
                self.operations
                    .push(Instruction::BackReference(numbers.clone(), *case, toward));
            }
        }
    }

    fn look(&mut self, look: &Look) {
        let head = self.push(Instruction::Done);
        self.node(
            &look.node,
            if look.is_behind {
                Toward::Begin
            } else {
                Toward::End
            },
        );
        self.operations.push(Instruction::Done);
        self.operations[head] = Instruction::Look {
            end: self.next(),
            is_negative: look.is_negative,
        };
    }

    fn alternation(&mut self, nodes: &[PatternNode], toward: Toward) {
        let mut leave = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let is_last = index + 1 == nodes.len();
            let split = (!is_last).then(|| self.push(Instruction::Done));
            self.node(node, toward);
            if let Some(split) = split {
                leave.push(self.push(Instruction::Done));
                self.operations[split] = Instruction::Split(split + 1, self.next());
            }
        }
        let end = self.next();
        leave
            .into_iter()
            .for_each(|jump| self.operations[jump] = Instruction::Jump(end));
    }

    fn repeat(&mut self, repeat: &Repeat, toward: Toward) {
        let (min, max, is_greedy) = (repeat.min, repeat.max.unwrap_or(u32::MAX), repeat.is_greedy);
        if let Some(single) = single(&repeat.node) {
            self.operations.push(Instruction::Run(Run {
                single,
                min,
                max,
                is_greedy,
                toward,
            }));
            return;
        }
        let counter = self.counters;
        self.counters += 1;
        self.operations.push(Instruction::Begin(counter));
        let head = self.push(Instruction::Done);
        self.node(&repeat.node, toward);
        self.operations.push(Instruction::Jump(head));
        let slots = 2 * repeat.captures.start..2 * repeat.captures.end;
        self.operations[head] = Instruction::Loop(Loop {
            counter,
            min,
            max,
            is_greedy,
            slots,
            exit: self.next(),
        });
    }
}

fn single(node: &PatternNode) -> Option<Single> {
    match &node.kind {
        PatternKind::Char(own) => Some(Single::Char(*own)),
        PatternKind::Set(set) => Some(Single::Set(Arc::clone(set))),
        _ => None,
    }
}
