//! Parses the text of a pattern to a tree, by the grammar of ECMA-262 §22.2.1 with the `u` flag,
//! or by that of Annex B.1.2 with constructs of other dialects.
//!
//! Classes and escapes are left to `class`; `linear` and `program` read the tree.
use std::collections::HashMap;

use crate::schema::pattern::class::{self, Escape};
use crate::schema::pattern::tree::{
    Assertion, Grammar, LetterCase, Look, PatternError, PatternKind, PatternNode, Repeat,
};

/// Maximum length of a pattern in characters; a longer one is refused.
pub(super) const LONGEST_PATTERN: usize = 65_536;

/// Maximum nesting of groups; a pattern with deeper ones is refused.
pub(super) const MOST_NESTED_GROUPS: usize = 200;

/// Maximum number of character ranges in all classes of one pattern; a pattern with more is
/// refused.
pub(super) const MOST_RANGES: usize = 200_000;

/// A construct of another dialect in a pattern, such as `\A`, and its translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// The construct: `\A`
    pub construct: String,
    /// Its meaning in terms of JavaScript: `` `^` ``
    pub meaning: &'static str,
}

/// Result of parsing a pattern.
#[derive(Debug)]
pub(super) struct ParsedPattern {
    /// The whole pattern.
    pub tree: PatternNode,
    /// The number of capturing groups.
    pub captures: usize,
    /// The constructs of other dialects, each once.
    pub foreign: Vec<Foreign>,
}

/// Parses a pattern.
///
/// # Errors
///
/// A [`PatternError`], if the grammar does not accept the text.
pub(super) fn parse(text: &str, grammar: Grammar) -> Result<ParsedPattern, PatternError> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > LONGEST_PATTERN {
        return Err(format!("it is longer than {LONGEST_PATTERN} characters"));
    }
    let (groups, names) = groups(&chars);
    let mut parser = Parser {
        chars: &chars,
        at: 0,
        grammar,
        groups,
        names,
        captures: 0,
        depth: 0,
        ranges: 0,
        flags: Flags::default(),
        foreign: Vec::new(),
    };
    let tree = parser.disjunction()?;
    match parser.peek() {
        None => Ok(ParsedPattern {
            tree,
            captures: parser.captures,
            foreign: parser.foreign,
        }),
        Some(')') => Err("a `)` closes no group".to_owned()),
        Some(other) => Err(format!("`{other}` is not expected")),
    }
}

/// Returns the number of capturing groups, and the numbers of those with names. They are counted
/// before parsing, because a reference can precede its group.
fn groups(chars: &[char]) -> (usize, HashMap<String, Vec<usize>>) {
    let (mut count, mut names) = (0, HashMap::<String, Vec<usize>>::new());
    let (mut at, mut is_class) = (0, false);
    while let Some(first) = chars.get(at) {
        match first {
            '\\' => at += 1,
            '[' => is_class = true,
            ']' => is_class = false,
            '(' if !is_class => {
                let rest: String = chars[at + 1..].iter().take(3).collect();
                let is_named =
                    rest.starts_with("?<") && !rest.starts_with("?<=") && !rest.starts_with("?<!");
                if rest.starts_with("?P<") || is_named {
                    count += 1;
                    let from = at + if is_named { 3 } else { 4 };
                    let name: String = chars[from..].iter().take_while(|c| **c != '>').collect();
                    names.entry(name).or_default().push(count);
                } else if !rest.starts_with('?') {
                    count += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    (count, names)
}

/// Flags in effect at the position of the parser (ECMA-262 §22.2.1 `RegularExpressionModifiers`).
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multiline: bool,
    dot_all: bool,
}

struct Parser<'t> {
    chars: &'t [char],
    at: usize,
    grammar: Grammar,
    groups: usize,
    names: HashMap<String, Vec<usize>>,
    captures: usize,
    depth: usize,
    ranges: usize,
    flags: Flags,
    foreign: Vec<Foreign>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        text.chars()
            .enumerate()
            .all(|(index, c)| rest.get(index) == Some(&c))
    }

    fn eat(&mut self, text: &str) -> bool {
        let is_there = self.starts_with(text);
        self.at += if is_there { text.chars().count() } else { 0 };
        is_there
    }

    fn is_unicode(&self) -> bool {
        self.grammar == Grammar::Unicode
    }

    /// Records a construct of another dialect; with the `u` flag it is a [`PatternError`].
    fn note(&mut self, construct: &str, meaning: &'static str) -> Result<(), PatternError> {
        if self.is_unicode() {
            return Err(format!("`{construct}` is of another dialect"));
        }
        if !self
            .foreign
            .iter()
            .any(|known| known.construct == construct)
        {
            self.foreign.push(Foreign {
                construct: construct.to_owned(),
                meaning,
            });
        }
        Ok(())
    }

    fn disjunction(&mut self) -> Result<PatternNode, PatternError> {
        self.depth += 1;
        if self.depth > MOST_NESTED_GROUPS {
            return Err(format!(
                "its groups are nested deeper than {MOST_NESTED_GROUPS}"
            ));
        }
        // Flags set inside a group, as other dialects allow, end with the group.
        let flags = self.flags;
        let mut alternatives = vec![self.alternative()?];
        while self.eat("|") {
            alternatives.push(self.alternative()?);
        }
        self.flags = flags;
        self.depth -= 1;
        Ok(PatternNode::alternation(alternatives))
    }

    fn alternative(&mut self) -> Result<PatternNode, PatternError> {
        let mut terms = Vec::new();
        while let Some(next) = self.peek().filter(|next| !matches!(next, '|' | ')')) {
            let captured = self.captures;
            let is_quantifiable =
                next != '^' && next != '$' && !self.starts_with("\\b") && !self.starts_with("\\B");
            let term = self.term(next)?;
            let Some(term) = term else { continue };
            let is_look = matches!(&term.kind, PatternKind::Look(look) if self.is_unicode() || look.is_behind);
            terms.push(self.quantified(term, captured, is_quantifiable && !is_look)?);
        }
        Ok(PatternNode::concat(terms))
    }

    /// Parses one term without its quantifier; returns none for flags alone and for a comment.
    fn term(&mut self, next: char) -> Result<Option<PatternNode>, PatternError> {
        let node = match next {
            '^' => {
                self.at += 1;
                PatternNode::new(PatternKind::Assert(if self.flags.multiline {
                    Assertion::LineStart
                } else {
                    Assertion::Start
                }))
            }
            '$' => {
                self.at += 1;
                PatternNode::new(PatternKind::Assert(if self.flags.multiline {
                    Assertion::LineEnd
                } else {
                    Assertion::End
                }))
            }
            '(' => return self.group(),
            '.' => {
                self.at += 1;
                PatternNode::set(&class::dot(self.flags.dot_all))
            }
            '[' => self.class()?,
            '\\' => self.escape()?,
            '*' | '+' | '?' => return Err(format!("`{next}` has nothing to repeat")),
            '{' if self.is_unicode() || self.braces().is_some() => {
                return Err("`{` has nothing to repeat".to_owned());
            }
            ']' | '}' if self.is_unicode() => return Err(format!("`{next}` closes nothing")),
            literal => {
                self.at += 1;
                self.literal(u32::from(literal))
            }
        };
        Ok(Some(node))
    }

    /// Returns a node for a character, in both cases if case is ignored.
    fn literal(&self, code: u32) -> PatternNode {
        // No text contains half of a surrogate pair.
        let Some(character) = char::from_u32(code) else {
            return PatternNode::set(&class::none());
        };
        if !self.flags.ignore_case {
            return PatternNode::new(PatternKind::Char(character));
        }
        PatternNode::set(&class::folded(crate::schema::pattern::tree::class_of(
            character, character,
        )))
    }

    fn quantified(
        &mut self,
        node: PatternNode,
        captured: usize,
        is_quantifiable: bool,
    ) -> Result<PatternNode, PatternError> {
        let captures = captured + 1..self.captures + 1;
        let mut node = node;
        let mut times = 0;
        while let Some((min, max, length)) = self.quantifier() {
            if !is_quantifiable {
                return Err(format!("`{}` has nothing to repeat", self.chars[self.at]));
            }
            let text: String = self.chars[self.at..self.at + length].iter().collect();
            if times > 0 {
                if !text.starts_with('{') {
                    return Err(format!("`{text}` has nothing to repeat"));
                }
                self.note(&text, "a repetition of the repetition before it")?;
            }
            if max.is_some_and(|max| max < min) {
                return Err(format!("the numbers of `{text}` are out of order"));
            }
            self.at += length;
            times += 1;
            let is_greedy = !self.eat("?");
            let is_possessive = is_greedy && self.starts_with("+");
            node = PatternNode::new(PatternKind::Repeat(Box::new(Repeat {
                node,
                min,
                max,
                is_greedy,
                captures: captures.clone(),
            })));
            if is_possessive {
                self.note(&format!("{text}+"), "a repetition that gives nothing back")?;
                self.at += 1;
                node = PatternNode::new(PatternKind::Atomic(Box::new(node)));
            }
        }
        Ok(node)
    }

    /// Returns the quantifier at the current position: the minimum, the maximum and its length in
    /// characters.
    fn quantifier(&self) -> Option<(u32, Option<u32>, usize)> {
        match self.peek()? {
            '*' => Some((0, None, 1)),
            '+' => Some((1, None, 1)),
            '?' => Some((0, Some(1), 1)),
            '{' => self.braces(),
            _ => None,
        }
    }

    /// Returns the quantifier in braces at the current position: `{1}`, `{1,}`, `{1,3}`.
    fn braces(&self) -> Option<(u32, Option<u32>, usize)> {
        let rest = self.chars.get(self.at + 1..)?;
        let inside: String = rest.iter().take_while(|c| **c != '}').collect();
        rest.get(inside.chars().count())?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let (min, max) = match inside.split_once(',') {
            None => (number(&inside)?, Some(number(&inside)?)),
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        Some((min, max, inside.len() + 2))
    }

    fn group(&mut self) -> Result<Option<PatternNode>, PatternError> {
        self.at += 1;
        if !self.eat("?") {
            return self.capture().map(Some);
        }
        for (open, is_behind, is_negative) in [
            ("=", false, false),
            ("!", false, true),
            ("<=", true, false),
            ("<!", true, true),
        ] {
            if self.eat(open) {
                let node = self.closed()?;
                return Ok(Some(PatternNode::new(PatternKind::Look(Box::new(Look {
                    node,
                    is_behind,
                    is_negative,
                })))));
            }
        }
        match self.peek() {
            Some('<') => self.named("<").map(Some),
            Some('P') if self.starts_with("P<") => {
                self.note("(?P<", "`(?<`")?;
                self.named("P<").map(Some)
            }
            Some('P') if self.eat("P=") => {
                self.note("(?P=", "`\\k<`")?;
                let name = self.until(')')?;
                self.reference_by_name(&name).map(Some)
            }
            Some('>') => {
                self.note("(?>", "a group that gives nothing back")?;
                self.at += 1;
                Ok(Some(PatternNode::new(PatternKind::Atomic(Box::new(
                    self.closed()?,
                )))))
            }
            Some('#') => {
                self.note("(?#", "a comment")?;
                self.until(')')?;
                Ok(None)
            }
            _ => self.modified(),
        }
    }

    fn capture(&mut self) -> Result<PatternNode, PatternError> {
        self.captures += 1;
        let number = self.captures;
        Ok(PatternNode::new(PatternKind::Capture(
            Box::new(self.closed()?),
            number,
        )))
    }

    pub(crate) fn named(&mut self, open: &str) -> Result<PatternNode, PatternError> {
        self.eat(open);
        let name = self.until('>')?;
        let is_first = |c: char| c.is_alphabetic() || c == '_' || c == '$';
        let is_name = name.chars().next().is_some_and(is_first)
            && name.chars().all(|c| is_first(c) || c.is_numeric());
        if !is_name {
            return Err(format!("`{name}` is not a group name"));
        }
        self.capture()
    }

    /// Parses the rest of a group, with its `)`.
    fn closed(&mut self) -> Result<PatternNode, PatternError> {
        let node = self.disjunction()?;
        if self.eat(")") {
            Ok(node)
        } else {
            Err("a group is not closed".to_owned())
        }
    }

    fn until(&mut self, end: char) -> Result<String, PatternError> {
        let text: String = self.chars[self.at..]
            .iter()
            .take_while(|c| **c != end)
            .collect();
        self.at += text.chars().count() + 1;
        if self.at > self.chars.len() {
            Err("a group is not closed".to_owned())
        } else {
            Ok(text)
        }
    }

    /// Parses a group with flags, `(?i:a)`, or flags for the rest of the enclosing group, `(?i)`.
    fn modified(&mut self) -> Result<Option<PatternNode>, PatternError> {
        let letters: String = self.chars[self.at..]
            .iter()
            .take_while(|c| !matches!(c, ':' | ')'))
            .collect();
        self.at += letters.chars().count();
        let (on, off) = letters.split_once('-').unwrap_or((&letters, ""));
        let before = self.flags;
        for (letters, is_on) in [(on, true), (off, false)] {
            for letter in letters.chars() {
                match letter {
                    'i' => self.flags.ignore_case = is_on,
                    'm' => self.flags.multiline = is_on,
                    's' => self.flags.dot_all = is_on,
                    // No effect: characters are those of Unicode in either mode.
                    'u' | 'U' if !self.is_unicode() => {}
                    other => return Err(format!("`{other}` is not a flag of a group")),
                }
            }
        }
        if self.eat(":") {
            let node = self.closed()?;
            self.flags = before;
            return Ok(Some(node));
        }
        let construct = format!("(?{letters})");
        if letters.is_empty() || !self.eat(")") {
            return Err("a group is not closed".to_owned());
        }
        self.note(&construct, "these flags from here on")?;
        Ok(None)
    }

    fn class(&mut self) -> Result<PatternNode, PatternError> {
        let mut reader =
            class::ClassReader::new(self.chars, self.at, self.grammar, !self.names.is_empty());
        let class = reader.class()?;
        self.at = reader.at;
        for (construct, meaning) in reader.foreign {
            self.note(&construct, meaning)?;
        }
        let class = if self.flags.ignore_case {
            class.folded()
        } else {
            class.plain()
        };
        self.set(&class)
    }

    fn set(
        &mut self,
        class: &regex_syntax::hir::ClassUnicode,
    ) -> Result<PatternNode, PatternError> {
        self.ranges += class.ranges().len();
        if self.ranges > MOST_RANGES {
            return Err(format!(
                "its classes have more than {MOST_RANGES} ranges of characters"
            ));
        }
        Ok(PatternNode::set(class))
    }

    fn escape(&mut self) -> Result<PatternNode, PatternError> {
        let Some(next) = self.chars.get(self.at + 1).copied() else {
            return Err("it ends with `\\`".to_owned());
        };
        let assertion = match next {
            'b' => Some(Assertion::Boundary),
            'B' => Some(Assertion::NoBoundary),
            'A' if !self.is_unicode() => Some(Assertion::Start),
            'z' if !self.is_unicode() => Some(Assertion::End),
            'Z' if !self.is_unicode() => Some(Assertion::EndOrLastLine),
            _ => None,
        };
        if let Some(assertion) = assertion {
            match next {
                'A' => self.note("\\A", "`^`")?,
                'z' => self.note("\\z", "`$`")?,
                'Z' => self.note("\\Z", "`$`, or before a line feed at the end")?,
                _ => {}
            }
            self.at += 2;
            return Ok(PatternNode::new(PatternKind::Assert(assertion)));
        }
        match next {
            '1'..='9' => {
                if let Some(reference) = self.reference_by_number()? {
                    return Ok(reference);
                }
            }
            'k' if self.is_unicode() || !self.names.is_empty() => {
                self.at += 2;
                if !self.eat("<") {
                    return Err("`\\k` names no group".to_owned());
                }
                let name = self.until('>')?;
                return self.reference_by_name(&name);
            }
            'Q' if !self.is_unicode() => return self.quoted(),
            _ => {}
        }
        let mut reader =
            class::ClassReader::new(self.chars, self.at, self.grammar, !self.names.is_empty());
        let escape = reader.escape(class::Inside::Pattern)?;
        self.at = reader.at;
        for (construct, meaning) in reader.foreign {
            self.note(&construct, meaning)?;
        }
        match escape {
            Escape::Code(code) => Ok(self.literal(code)),
            Escape::Class(class) if self.flags.ignore_case => self.set(&class::folded(class)),
            Escape::Class(class) => self.set(&class),
        }
    }

    /// Parses `\Q…\E`: literal characters.
    fn quoted(&mut self) -> Result<PatternNode, PatternError> {
        self.note("\\Q", "characters that mean themselves, up to `\\E`")?;
        self.at += 2;
        let mut nodes = Vec::new();
        while !self.eat("\\E") {
            let Some(literal) = self.peek() else { break };
            nodes.push(self.literal(u32::from(literal)));
            self.at += 1;
        }
        Ok(PatternNode::concat(nodes))
    }

    fn case(&self) -> LetterCase {
        if self.flags.ignore_case {
            LetterCase::Ignored
        } else {
            LetterCase::Sensitive
        }
    }

    /// Parses a reference such as `\1`; returns none where Annex B reads an octal number instead.
    fn reference_by_number(&mut self) -> Result<Option<PatternNode>, PatternError> {
        let digits: String = self.chars[self.at + 1..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .collect();
        match digits
            .parse::<usize>()
            .ok()
            .filter(|number| *number <= self.groups)
        {
            Some(number) => {
                self.at += 1 + digits.len();
                Ok(Some(PatternNode::new(PatternKind::BackReference(
                    vec![number],
                    self.case(),
                ))))
            }
            None if self.is_unicode() => Err(format!("`\\{digits}` refers to no group")),
            None => Ok(None),
        }
    }

    fn reference_by_name(&mut self, name: &str) -> Result<PatternNode, PatternError> {
        let Some(numbers) = self.names.get(name).cloned() else {
            return Err(format!("no group is named `{name}`"));
        };
        Ok(PatternNode::new(PatternKind::BackReference(
            numbers,
            self.case(),
        )))
    }
}
