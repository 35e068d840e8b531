//! Generates a text that matches a pattern, from the pattern's syntax tree; nothing is compiled
//! for that.
//!
//! Look-arounds are satisfied by trial: a text that a look-ahead requires somewhere is put in, the
//! rest is left to chance, and each text is matched before it is returned.
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::schema::pattern::Pattern;
use crate::schema::pattern::tree::{Look, PatternKind, PatternNode, Repeat, Set};

/// Maximum number of repetitions of an open-ended part of a pattern beyond those required.
const REPEATS: usize = 8;

/// Maximum length of a generated text, in characters, whatever a pattern or `minLength` requires.
pub(super) const LONGEST: usize = 100_000;

/// Maximum number of tree nodes visited for one text; a text that needs more is given up.
const MOST_PARTS: usize = 1_000_000;

/// Maximum number of texts generated from one pattern until one fits.
const TRIES: usize = 50;

/// Generates a text that matches a pattern and has from `least` to `most` characters; one that
/// only matches, if none is found; `None` if there is no such text either.
pub(super) fn make(
    pattern: &Pattern,
    least: usize,
    most: usize,
    random: &mut ChaCha8Rng,
) -> Option<String> {
    let tree = pattern.tree();
    let mut last = None;
    let tries = if least < LONGEST { TRIES } else { 1 };
    for index in 0..tries {
        let Some(made) = attempt(pattern, least, most, index, random) else {
            continue;
        };
        if !pattern.is_match(&made) {
            continue;
        }
        if (least..=most).contains(&made.chars().count()) {
            return Some(made);
        }
        last = Some(made);
    }
    // Any length, as the pattern may not allow the requested one.
    last.or_else(|| {
        let mut maker = Maker {
            parts: 0,
            captured: Vec::new(),
            random,
        };
        let mut text = String::new();
        maker.node(tree, 0, LONGEST, &mut text)?;
        Some(text).filter(|text| pattern.is_match(text))
    })
}

fn attempt(
    pattern: &Pattern,
    least: usize,
    most: usize,
    index: usize,
    random: &mut ChaCha8Rng,
) -> Option<String> {
    let tree = pattern.tree();
    let mut text = String::new();
    let mut maker = Maker {
        parts: 0,
        captured: Vec::new(),
        random,
    };
    maker.node(tree, least, most.min(LONGEST), &mut text)?;
    // The first two attempts rely on chance, as text that is put in looks artificial.
    if index > 1 {
        text = maker.with_required(tree, &text);
    }
    let length = text.chars().count();
    if length < least && !tree.is_anchored() {
        let missing = least.min(LONGEST) - length;
        let rest = "a".repeat(missing);
        // A separate word, where the pattern ends with one.
        let apart = || text.clone() + &" a".repeat(missing)[..missing];
        let padded = [text.clone() + &rest, rest + &text];
        let padded = padded.into_iter().find(|padded| pattern.is_match(padded));
        return Some(padded.unwrap_or_else(apart));
    }
    Some(text)
}

struct Maker<'r> {
    parts: usize,
    /// Text that each group captured last.
    captured: Vec<Option<String>>,
    random: &'r mut ChaCha8Rng,
}

impl Maker<'_> {
    /// Appends a text that a node matches, from `least` to `most` characters long where the node
    /// allows that. Returns `None` if the text gets too large or the node matches nothing.
    fn node(
        &mut self,
        node: &PatternNode,
        least: usize,
        most: usize,
        text: &mut String,
    ) -> Option<()> {
        self.parts += 1;
        if self.parts > MOST_PARTS || text.len() > 4 * LONGEST {
            return None;
        }
        if most == 0 && node.least == 0 {
            // Empty, however many parts the node has.
            return Some(());
        }
        match &node.kind {
            PatternKind::Empty | PatternKind::Assert(_) | PatternKind::Look(_) => {}
            PatternKind::Char(own) => text.push(*own),
            PatternKind::Set(set) => text.push(self.one_of(set)?),
            PatternKind::Concat(nodes) => self.concat(nodes, least, most, text)?,
            PatternKind::Alternation(nodes) => {
                let fits = |node: &&PatternNode| {
                    node.least <= most && node.most.is_none_or(|own| own >= least)
                };
                let fitting: Vec<&PatternNode> = nodes.iter().filter(fits).collect();
                let chosen = match fitting.len() {
                    0 => self.random.random_range(0..nodes.len()),
                    some => {
                        let index = self.random.random_range(0..some);
                        return self.node(fitting[index], least, most, text);
                    }
                };
                self.node(&nodes[chosen], least, most, text)?;
            }
            PatternKind::Repeat(repeat) => self.repeat(repeat, least, most, text)?,
            PatternKind::Capture(node, number) => {
                let begin = text.len();
                self.node(node, least, most, text)?;
                if self.captured.len() <= *number {
                    self.captured.resize(number + 1, None);
                }
                self.captured[*number] = Some(text[begin..].to_owned());
            }
            PatternKind::Atomic(node) => self.node(node, least, most, text)?,
            PatternKind::BackReference(numbers, _) => {
                let captured = numbers
                    .iter()
                    .find_map(|number| self.captured.get(*number)?.as_deref());
                text.push_str(captured.unwrap_or_default());
            }
        }
        Some(())
    }

    /// Appends texts for consecutive nodes: each node gets its share of the requested characters,
    /// and leaves room for those that the others require.
    fn concat(
        &mut self,
        nodes: &[PatternNode],
        least: usize,
        most: usize,
        text: &mut String,
    ) -> Option<()> {
        let room_of = |node: &PatternNode| {
            node.most
                .map_or(usize::MAX, |own| own - node.least.min(own))
        };
        let must = nodes
            .iter()
            .fold(0, |sum: usize, node| sum.saturating_add(node.least));
        let (mut need, mut room) = (least.saturating_sub(must), most.saturating_sub(must));
        let mut later = nodes
            .iter()
            .map(|node| room_of(node).min(LONGEST))
            .fold(0, usize::saturating_add);
        for node in nodes {
            let own = room_of(node).min(room);
            let capacity = room_of(node).min(LONGEST);
            later -= capacity;
            let share = if need == 0 {
                0
            } else {
                need * capacity / (capacity + later).max(1)
            };
            let more = share.max(need.saturating_sub(later)).min(own);
            let begin = text.len();
            self.node(
                node,
                node.least.saturating_add(more),
                node.least.saturating_add(own),
                text,
            )?;
            let used = text[begin..].chars().count().saturating_sub(node.least);
            need = need.saturating_sub(used);
            room = room.saturating_sub(used);
        }
        Some(())
    }

    fn repeat(
        &mut self,
        repeat: &Repeat,
        least: usize,
        most: usize,
        text: &mut String,
    ) -> Option<()> {
        let node = &repeat.node;
        let (min, max) = (
            repeat.min as usize,
            repeat.max.map_or(usize::MAX, |max| max as usize),
        );
        // More repetitions would exceed the requested length, fewer would miss it.
        let room = most.checked_div(node.least).unwrap_or(usize::MAX);
        let longest = node.most.unwrap_or(usize::MAX);
        let need = if longest == 0 {
            0
        } else {
            least.div_ceil(longest)
        };
        let low = min.max(need).min(max);
        let high = max.min(room).max(low);
        let high = high.min(low.saturating_add(REPEATS));
        let times = if low < high {
            self.random.random_range(low..=high)
        } else {
            low
        };
        if node.most == Some(0) {
            // Each repetition is empty.
            return if times > 0 {
                self.node(node, 0, 0, text)
            } else {
                Some(())
            };
        }
        let (mut need, mut room) = (least, most);
        for index in 0..times {
            let later = times - index - 1;
            let own = room.saturating_sub(later.saturating_mul(node.least));
            let most_later = later.saturating_mul(longest);
            let share = (need / (later + 1)).max(need.saturating_sub(most_later));
            let begin = text.len();
            self.node(node, share.min(own).max(node.least), own, text)?;
            let used = text[begin..].chars().count();
            need = need.saturating_sub(used);
            room = room.saturating_sub(used);
        }
        Some(())
    }

    /// Chooses a character of a set, a printable ASCII character if the set has any.
    fn one_of(&mut self, set: &Set) -> Option<char> {
        let printable: Vec<char> = (' '..='~').filter(|own| set.contains(*own)).collect();
        if !printable.is_empty() {
            return Some(printable[self.random.random_range(0..printable.len())]);
        }
        let (first, last) = *set
            .ranges()
            .get(self.random.random_range(0..set.ranges().len().max(1)))?;
        let code = self.random.random_range(u32::from(first)..=u32::from(last));
        // Code points between two characters that are not characters are surrogates.
        Some(char::from_u32(code).unwrap_or(first))
    }

    /// Puts texts that look-aheads require into a text: for `(?=.*[A-Z])`, an `A` replaces a
    /// character.
    fn with_required(&mut self, tree: &PatternNode, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let mut taken = Vec::new();
        for look in looks(tree) {
            let mut wanted = String::new();
            if self
                .node(required(&look.node), 0, LONGEST, &mut wanted)
                .is_none()
            {
                continue;
            }
            let wanted: Vec<char> = wanted.chars().collect();
            let Some(places) = (characters.len() + 1).checked_sub(wanted.len().max(1)) else {
                continue;
            };
            let free: Vec<usize> = (0..places)
                .filter(|place| (*place..place + wanted.len()).all(|index| !taken.contains(&index)))
                .collect();
            if free.is_empty() {
                continue;
            }
            let place = free[self.random.random_range(0..free.len())];
            for (index, own) in wanted.into_iter().enumerate() {
                characters[place + index] = own;
                taken.push(place + index);
            }
        }
        characters.into_iter().collect()
    }
}

/// Returns the positive look-aheads of a tree, outside of alternatives and repetitions.
fn looks(node: &PatternNode) -> Vec<&Look> {
    match &node.kind {
        PatternKind::Look(look) if !look.is_negative && !look.is_behind => vec![look],
        PatternKind::Concat(nodes) => nodes.iter().flat_map(looks).collect(),
        PatternKind::Capture(node, _) | PatternKind::Atomic(node) => looks(node),
        _ => Vec::new(),
    }
}

/// Returns the part of a look-ahead after the characters that may precede: `[A-Z]` of `.*[A-Z]`.
fn required(node: &PatternNode) -> &PatternNode {
    match &node.kind {
        PatternKind::Concat(nodes) => nodes
            .iter()
            .rev()
            .find(|node| node.least > 0)
            .unwrap_or(node),
        PatternKind::Capture(node, _) => required(node),
        _ => node,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn texts_match_and_have_the_length_that_is_asked_for() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for (text, least, most) in [
            (r"^[A-Z]{3}-\d{4}$", 0, 99),
            (r"^[\s\S]{1,32768}$", 3000, 3000),
            (r"^\p{L}{1,500}$", 200, 210),
            (r"^[\w.-]{1,255}@[\w.-]{1,255}$", 0, 20),
            (r"^[\w.-]{1,255}@[\w.-]{1,255}$", 400, 410),
            (r"^(\w{1,64}\.){1,4}$", 100, 120),
            (r"^a{100}{1000}$", 0, 100_000),
            (r"^(a|bb|ccc){2,}$", 17, 17),
            (
                r"^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)(?=.*[@$!%*?&])[A-Za-z\d@$!%*?&]{8,}$",
                8,
                8,
            ),
            (r"^(?!-)[a-z-]{1,63}(?<!-)$", 1, 63),
            (r"^(['x])\w+\1$", 5, 9),
            (r"^(?<a>\d)(?:x\k<a>){3}$", 0, 99),
            (r"\.png$", 10, 12),
            (r"^((a?){100}){100}$", 0, 50),
            (r"^(\d{3})?-?\w*$", 30, 30),
        ] {
            let pattern = Pattern::read(text).expect("it is a pattern");
            for _ in 0..5 {
                let made = make(&pattern, least, most, &mut random);
                let made = made.unwrap_or_else(|| panic!("nothing for {text}"));
                let length = made.chars().count();
                assert!(
                    pattern.is_match(&made) && (least..=most).contains(&length),
                    "{text}: {length} {made}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_made_of_what_nothing_matches() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for text in ["[]", "a^", "^(?=a)b$"] {
            let pattern = Pattern::read(text).expect("it is a pattern");
            assert_eq!(make(&pattern, 0, 9, &mut random), None, "{text}");
        }
    }
}
