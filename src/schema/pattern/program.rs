//! The tree of a pattern → the steps by which [`machine`](crate::schema::pattern::machine) matches it.
use std::ops::Range;
use std::sync::Arc;

use crate::schema::pattern::tree::{Assertion, Case, Kind, Look, Node, Repeat, Set};

/// The direction in which a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    /// To its end.
    End,
    /// To its begin, as in a look-behind.
    Begin,
}

/// One character, or one of a set.
#[derive(Debug)]
pub enum Single {
    /// One character.
    Char(char),
    /// One of a set.
    Set(Arc<Set>),
}

impl Single {
    /// Whether a character is it.
    pub fn is(&self, character: char) -> bool {
        match self {
            Self::Char(own) => *own == character,
            Self::Set(set) => set.contains(character),
        }
    }
}

/// A step of a program.
#[derive(Debug)]
pub enum Operation {
    /// Matches a character.
    One(Single, Toward),
    /// Matches a character again and again.
    Run(Run),
    /// Goes on at the first, and when that fails at the second.
    Split(usize, usize),
    /// Goes on elsewhere.
    Jump(usize),
    /// Keeps the place as the begin or the end of what a group captured.
    Save(usize),
    /// Begins to count the rounds of a loop.
    Begin(usize),
    /// Enters a loop once more, or leaves it.
    Loop(Loop),
    /// Looks at the place.
    Assert(Assertion),
    /// Looks for what follows, up to the end, without going on.
    Look { end: usize, is_negative: bool },
    /// Matches what follows, up to the end, and does not come back to it.
    Atomic { end: usize },
    /// Matches what a group captured.
    BackReference(Vec<usize>, Case, Toward),
    /// The end of the program, of a look-around or of an atomic group.
    Done,
}

/// A character again and again.
#[derive(Debug)]
pub struct Run {
    /// The character.
    pub single: Single,
    /// The fewest times.
    pub min: u32,
    /// The most times.
    pub max: u32,
    /// Whether more is tried before less.
    pub is_greedy: bool,
    /// The direction.
    pub toward: Toward,
}

/// A loop, whose body follows it.
#[derive(Debug)]
pub struct Loop {
    /// The number of its counter.
    pub counter: usize,
    /// The fewest rounds.
    pub min: u32,
    /// The most rounds.
    pub max: u32,
    /// Whether more is tried before less.
    pub is_greedy: bool,
    /// The slots that each round begins without.
    pub slots: Range<usize>,
    /// The step after it.
    pub exit: usize,
}

/// A pattern that can be matched step by step.
#[derive(Debug, Default)]
pub struct Program {
    /// The steps.
    pub operations: Vec<Operation>,
    /// The number of counters.
    pub counters: usize,
    /// The number of slots, two for each group.
    pub slots: usize,
    /// Whether it can match at the begin of a text only.
    pub is_anchored: bool,
}

impl Program {
    /// The program of a tree with so many groups; it has at most three steps for each character of the pattern.
    pub fn new(tree: &Node, captures: usize) -> Self {
        let mut program = Self { slots: 2 * (captures + 1), is_anchored: tree.is_anchored(), ..Self::default() };
        program.node(tree, Toward::End);
        program.operations.push(Operation::Done);
        program
    }

    fn push(&mut self, operation: Operation) -> usize {
        self.operations.push(operation);
        self.operations.len() - 1
    }

    fn next(&self) -> usize {
        self.operations.len()
    }

    fn node(&mut self, node: &Node, toward: Toward) {
        match &node.kind {
            Kind::Empty => {}
            Kind::Char(_) | Kind::Set(_) => {
                self.operations.extend(single(node).map(|single| Operation::One(single, toward)));
            }
            Kind::Assert(assertion) => self.operations.push(Operation::Assert(*assertion)),
            Kind::Concat(nodes) => match toward {
                Toward::End => nodes.iter().for_each(|node| self.node(node, toward)),
                Toward::Begin => nodes.iter().rev().for_each(|node| self.node(node, toward)),
            },
            Kind::Alternation(nodes) => self.alternation(nodes, toward),
            Kind::Repeat(repeat) => self.repeat(repeat, toward),
            Kind::Capture(node, number) => {
                let (begin, end) = if toward == Toward::End { (0, 1) } else { (1, 0) };
                self.operations.push(Operation::Save(2 * number + begin));
                self.node(node, toward);
                self.operations.push(Operation::Save(2 * number + end));
            }
            Kind::Atomic(node) => {
                let head = self.push(Operation::Done);
                self.node(node, toward);
                self.operations.push(Operation::Done);
                self.operations[head] = Operation::Atomic { end: self.next() };
            }
            Kind::Look(look) => self.look(look),
            Kind::BackReference(numbers, case) => {
                self.operations.push(Operation::BackReference(numbers.clone(), *case, toward));
            }
        }
    }

    fn look(&mut self, look: &Look) {
        let head = self.push(Operation::Done);
        self.node(&look.node, if look.is_behind { Toward::Begin } else { Toward::End });
        self.operations.push(Operation::Done);
        self.operations[head] = Operation::Look { end: self.next(), is_negative: look.is_negative };
    }

    fn alternation(&mut self, nodes: &[Node], toward: Toward) {
        let mut leave = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let is_last = index + 1 == nodes.len();
            let split = (!is_last).then(|| self.push(Operation::Done));
            self.node(node, toward);
            if let Some(split) = split {
                leave.push(self.push(Operation::Done));
                self.operations[split] = Operation::Split(split + 1, self.next());
            }
        }
        let end = self.next();
        leave.into_iter().for_each(|jump| self.operations[jump] = Operation::Jump(end));
    }

    fn repeat(&mut self, repeat: &Repeat, toward: Toward) {
        let (min, max, is_greedy) = (repeat.min, repeat.max.unwrap_or(u32::MAX), repeat.is_greedy);
        if let Some(single) = single(&repeat.node) {
            self.operations.push(Operation::Run(Run { single, min, max, is_greedy, toward }));
            return;
        }
        let counter = self.counters;
        self.counters += 1;
        self.operations.push(Operation::Begin(counter));
        let head = self.push(Operation::Done);
        self.node(&repeat.node, toward);
        self.operations.push(Operation::Jump(head));
        let slots = 2 * repeat.captures.start..2 * repeat.captures.end;
        self.operations[head] = Operation::Loop(Loop { counter, min, max, is_greedy, slots, exit: self.next() });
    }
}

fn single(node: &Node) -> Option<Single> {
    match &node.kind {
        Kind::Char(own) => Some(Single::Char(*own)),
        Kind::Set(set) => Some(Single::Set(Arc::clone(set))),
        _ => None,
    }
}
