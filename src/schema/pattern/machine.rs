//! Does a text match a program? Tries by backtracking, as ECMA-262 §22.2.2 describes it, within a
//! budget of steps.
//!
//! Used for the patterns that have no engine of linear time.
use crate::schema::pattern::budget;
use crate::schema::pattern::program::{Instruction, Loop, Program, Run, Toward};
use crate::schema::pattern::tree::{Assertion, LetterCase};

/// Maximum number of backtracking points that one match keeps; at more, it ends as if its budget
/// were used up.
const MOST_PLACES: usize = 1_000_000;

/// Number of characters of a [`Run`] that cost one step.
const RUN_OF_STEP: u64 = 8;

/// Value of a slot or counter without a position.
const NOWHERE: usize = usize::MAX;

/// Error of a match whose budget of steps is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// An entry of the backtracking stack, used when a step fails.
enum Back {
    /// An operation and a position to continue at.
    Place { operation: usize, at: usize },
    /// A run that can match one character less, as long as it is longer than its minimum.
    Shorter {
        operation: usize,
        at: usize,
        least: usize,
    },
    /// A run that can match one character more, at most `left` times.
    Longer {
        operation: usize,
        at: usize,
        left: u32,
    },
    /// A loop that can be entered once more.
    Again { operation: usize, at: usize },
    /// The previous value of a slot.
    Slot(usize, usize),
    /// The previous value of a counter.
    Counter(usize, Round),
}

/// The number of rounds of a loop so far, and the position where the last began.
#[derive(Clone, Copy)]
struct Round {
    count: u32,
    from: usize,
}

struct Machine<'p, 't> {
    program: &'p Program,
    text: &'t str,
    slots: Vec<usize>,
    counters: Vec<Round>,
    back: Vec<Back>,
}

/// Returns true if a program matches somewhere in a text.
///
/// # Errors
///
/// [`Exhausted`], if the match takes more steps than are left.
pub(super) fn is_match(program: &Program, text: &str) -> Result<bool, Exhausted> {
    let mut machine = Machine {
        program,
        text,
        slots: vec![NOWHERE; program.slots],
        counters: vec![
            Round {
                count: 0,
                from: NOWHERE
            };
            program.counters
        ],
        back: Vec::new(),
    };
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    for at in starts.take(if program.is_anchored { 1 } else { usize::MAX }) {
        if machine.run(0, at)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Machine<'_, '_> {
    /// Runs from an operation on; returns the position at the end, or none if it fails.
    fn run(&mut self, mut operation: usize, mut at: usize) -> Result<Option<usize>, Exhausted> {
        let base = self.back.len();
        loop {
            if self.back.len() > MOST_PLACES {
                budget::use_up();
            }
            if !budget::spend(1) {
                return Err(Exhausted);
            }
            if matches!(self.program.operations[operation], Instruction::Done) {
                return Ok(Some(at));
            }
            let next = self.step(operation, at)?;
            match next.or_else(|| self.come_back(base)) {
                Some((next, there)) => (operation, at) = (next, there),
                None => return Ok(None),
            }
        }
    }

    /// Takes a step; returns the next operation and its position, or none if the step fails.
    fn step(&mut self, operation: usize, at: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        let next = operation + 1;
        // Borrowed for longer than `self`, whose state changes below.
        let program = self.program;
        Ok(match &program.operations[operation] {
            Instruction::One(single, toward) => self
                .character(at, *toward)
                .filter(|(own, _)| single.is(*own))
                .map(|(_, there)| (next, there)),
            Instruction::Run(run) => self.run_of(run, operation, at)?,
            Instruction::Split(first, second) => {
                self.back.push(Back::Place {
                    operation: *second,
                    at,
                });
                Some((*first, at))
            }
            Instruction::Jump(to) => Some((*to, at)),
            Instruction::Save(slot) => {
                self.set_slot(*slot, at);
                Some((next, at))
            }
            Instruction::Begin(counter) => {
                self.set_counter(
                    *counter,
                    Round {
                        count: 0,
                        from: NOWHERE,
                    },
                );
                Some((next, at))
            }
            Instruction::Loop(own) => self.enter(own, operation, at),
            Instruction::Assert(assertion) => self.holds(*assertion, at).then_some((next, at)),
            Instruction::Look { end, is_negative } => {
                let base = self.back.len();
                let found = self.run(next, at)?.is_some();
                match (found, is_negative) {
                    (true, false) => self.keep_captures(base),
                    (true, true) => self.undo(base),
                    _ => {}
                }
                (found != *is_negative).then_some((*end, at))
            }
            Instruction::Atomic { end } => {
                let base = self.back.len();
                let there = self.run(next, at)?;
                self.keep_captures(base);
                there.map(|there| (*end, there))
            }
            Instruction::BackReference(groups, case, toward) => self
                .repeats(groups, *case, *toward, at)?
                .map(|there| (next, there)),
            Instruction::Done => None,
        })
    }

    /// Returns the next character in a direction and the position after it.
    fn character(&self, at: usize, toward: Toward) -> Option<(char, usize)> {
        match toward {
            Toward::End => self.text[at..]
                .chars()
                .next()
                .map(|own| (own, at + own.len_utf8())),
            Toward::Begin => self.text[..at]
                .chars()
                .next_back()
                .map(|own| (own, at - own.len_utf8())),
        }
    }

    fn set_slot(&mut self, slot: usize, at: usize) {
        self.back.push(Back::Slot(slot, self.slots[slot]));
        self.slots[slot] = at;
    }

    fn set_counter(&mut self, counter: usize, round: Round) {
        self.back
            .push(Back::Counter(counter, self.counters[counter]));
        self.counters[counter] = round;
    }

    fn run_of(
        &mut self,
        run: &Run,
        operation: usize,
        from: usize,
    ) -> Result<Option<(usize, usize)>, Exhausted> {
        let (mut at, mut count, mut least) = (from, 0, from);
        let most = if run.is_greedy { run.max } else { run.min };
        while count < most {
            let Some((_, there)) = self
                .character(at, run.toward)
                .filter(|(own, _)| run.single.is(*own))
            else {
                break;
            };
            at = there;
            count += 1;
            if count == run.min {
                least = at;
            }
        }
        if !budget::spend(u64::from(count) / RUN_OF_STEP) {
            return Err(Exhausted);
        }
        if count < run.min {
            return Ok(None);
        }
        if run.is_greedy && at != least {
            self.back.push(Back::Shorter {
                operation,
                at,
                least,
            });
        } else if !run.is_greedy && run.max > run.min {
            self.back.push(Back::Longer {
                operation,
                at,
                left: run.max - run.min,
            });
        }
        Ok(Some((operation + 1, at)))
    }

    /// Enters a loop once more, or leaves it; if both are possible, the other becomes a
    /// backtracking point.
    fn enter(&mut self, own: &Loop, operation: usize, at: usize) -> Option<(usize, usize)> {
        let round = self.counters[own.counter];
        // An optional round that matched nothing makes no progress.
        if round.count > own.min && round.from == at {
            return None;
        }
        if round.count >= own.max {
            return Some((own.exit, at));
        }
        if round.count >= own.min {
            if !own.is_greedy {
                self.back.push(Back::Again { operation, at });
                return Some((own.exit, at));
            }
            self.back.push(Back::Place {
                operation: own.exit,
                at,
            });
        }
        Some(self.next_round(own, operation, at))
    }

    fn next_round(&mut self, own: &Loop, operation: usize, at: usize) -> (usize, usize) {
        let count = self.counters[own.counter].count;
        self.set_counter(
            own.counter,
            Round {
                count: count + 1,
                from: at,
            },
        );
        for slot in own.slots.clone() {
            if self.slots[slot] != NOWHERE {
                self.set_slot(slot, NOWHERE);
            }
        }
        (operation + 1, at)
    }

    fn holds(&self, assertion: Assertion, at: usize) -> bool {
        let before = || self.text[..at].chars().next_back();
        let after = || self.text[at..].chars().next();
        let is_line = |end: Option<char>| {
            end.is_none_or(|end| matches!(end, '\n' | '\r' | '\u{2028}' | '\u{2029}'))
        };
        let is_word =
            |own: Option<char>| own.is_some_and(|own| own.is_ascii_alphanumeric() || own == '_');
        match assertion {
            Assertion::Start => at == 0,
            Assertion::LineStart => is_line(before()),
            Assertion::End => at == self.text.len(),
            Assertion::LineEnd => is_line(after()),
            Assertion::EndOrLastLine => matches!(&self.text[at..], "" | "\n"),
            Assertion::Boundary => is_word(before()) != is_word(after()),
            Assertion::NoBoundary => is_word(before()) == is_word(after()),
        }
    }

    /// Returns the position after a repetition of the captured text; where no group captured any,
    /// nothing has to match.
    fn repeats(
        &self,
        groups: &[usize],
        case: LetterCase,
        toward: Toward,
        at: usize,
    ) -> Result<Option<usize>, Exhausted> {
        let captured = groups.iter().find_map(|group| {
            let (from, to) = (self.slots[2 * group], self.slots[2 * group + 1]);
            (from != NOWHERE && to != NOWHERE).then(|| &self.text[from..to])
        });
        let Some(captured) = captured else {
            return Ok(Some(at));
        };
        if !budget::spend(captured.len() as u64 / RUN_OF_STEP) {
            return Err(Exhausted);
        }
        let mut there = at;
        let is_same = |a: char, b: char| {
            a == b || case == LetterCase::Ignored && a.to_lowercase().eq(b.to_lowercase())
        };
        let mut matches = |own: char| match self.character(there, toward) {
            Some((other, next)) if is_same(own, other) => {
                there = next;
                true
            }
            _ => false,
        };
        let is_there = match toward {
            Toward::End => captured.chars().all(&mut matches),
            Toward::Begin => captured.chars().rev().all(&mut matches),
        };
        Ok(is_there.then_some(there))
    }

    /// Returns the last backtracking point above a base, with later changes undone.
    fn come_back(&mut self, base: usize) -> Option<(usize, usize)> {
        while self.back.len() > base {
            match self.back.pop()? {
                Back::Place { operation, at } => return Some((operation, at)),
                Back::Slot(slot, at) => self.slots[slot] = at,
                Back::Counter(counter, round) => self.counters[counter] = round,
                Back::Shorter {
                    operation,
                    at,
                    least,
                } => {
                    let Instruction::Run(run) = &self.program.operations[operation] else {
                        continue;
                    };
                    let back = if run.toward == Toward::End {
                        Toward::Begin
                    } else {
                        Toward::End
                    };
                    let Some((_, there)) = self.character(at, back) else {
                        continue;
                    };
                    if there != least {
                        self.back.push(Back::Shorter {
                            operation,
                            at: there,
                            least,
                        });
                    }
                    return Some((operation + 1, there));
                }
                Back::Again { operation, at } => {
                    let program = self.program;
                    let Instruction::Loop(own) = &program.operations[operation] else {
                        continue;
                    };
                    return Some(self.next_round(own, operation, at));
                }
                Back::Longer {
                    operation,
                    at,
                    left,
                } => {
                    let Instruction::Run(run) = &self.program.operations[operation] else {
                        continue;
                    };
                    let more = self
                        .character(at, run.toward)
                        .filter(|(own, _)| run.single.is(*own));
                    let Some((_, there)) = more else { continue };
                    if left > 1 {
                        self.back.push(Back::Longer {
                            operation,
                            at: there,
                            left: left - 1,
                        });
                    }
                    return Some((operation + 1, there));
                }
            }
        }
        None
    }

    /// Undoes all changes above a base.
    fn undo(&mut self, base: usize) {
        while self.back.len() > base {
            match self.back.pop() {
                Some(Back::Slot(slot, at)) => self.slots[slot] = at,
                Some(Back::Counter(counter, round)) => self.counters[counter] = round,
                _ => {}
            }
        }
    }

    /// Removes the backtracking points above a base, but keeps the entries that undo changes.
    fn keep_captures(&mut self, base: usize) {
        let kept: Vec<Back> = self
            .back
            .drain(base..)
            .filter(|back| matches!(back, Back::Slot(..) | Back::Counter(..)))
            .collect();
        self.back.extend(kept);
    }
}
