//! Reads the classes and escapes of patterns as sets of characters, for `parse`.
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use crate::schema::pattern::tree::{Grammar, PatternError, class_of};

/// An escape: `\n` or `\d`.
pub(super) enum Escape {
    /// One code point, which may be a half of a surrogate pair.
    Code(u32),
    /// One character of a class.
    Class(ClassUnicode),
}

/// The place of an escape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// Outside of brackets.
    Pattern,
    /// Between brackets.
    Brackets,
}

/// A class in brackets, before case is considered.
pub(super) struct Bracketed {
    class: ClassUnicode,
    is_negated: bool,
}

impl Bracketed {
    /// Returns its characters.
    pub(super) fn plain(self) -> ClassUnicode {
        let mut class = self.class;
        if self.is_negated {
            class.negate();
        }
        class
    }

    /// Returns its characters, with upper and lower case equal.
    pub(super) fn folded(self) -> ClassUnicode {
        Self {
            class: folded(self.class),
            is_negated: self.is_negated,
        }
        .plain()
    }
}

/// Returns the empty class.
pub(super) fn none() -> ClassUnicode {
    ClassUnicode::empty()
}

/// Returns any character, except line terminators unless `dot_all` is set (ECMA-262 §22.2.2.7).
pub(super) fn dot(dot_all: bool) -> ClassUnicode {
    let mut class = if dot_all {
        none()
    } else {
        of(&[('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')])
    };
    class.negate();
    class
}

/// Adds the characters that differ in case only to a class.
pub(super) fn folded(mut class: ClassUnicode) -> ClassUnicode {
    class.case_fold_simple();
    class
}

fn of(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(
        ranges
            .iter()
            .map(|(first, last)| ClassUnicodeRange::new(*first, *last)),
    )
}

/// Returns the class `\d`, `\s` or `\w`, or its complement for a capital (ECMA-262 §22.2.2.9).
fn perl(letter: char) -> ClassUnicode {
    let mut class = match letter.to_ascii_lowercase() {
        'd' => of(&[('0', '9')]),
        'w' => of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        // White space and line terminators (ECMA-262 §12.2, §12.3).
        _ => of(&[
            ('\t', '\r'),
            (' ', ' '),
            ('\u{a0}', '\u{a0}'),
            ('\u{1680}', '\u{1680}'),
            ('\u{2000}', '\u{200a}'),
            ('\u{2028}', '\u{2029}'),
            ('\u{202f}', '\u{202f}'),
            ('\u{205f}', '\u{205f}'),
            ('\u{3000}', '\u{3000}'),
            ('\u{feff}', '\u{feff}'),
        ]),
    };
    if letter.is_ascii_uppercase() {
        class.negate();
    }
    class
}

/// Returns a POSIX class by name: `alpha` (IEEE 1003.1 §9.3.5).
fn posix(name: &str) -> Option<ClassUnicode> {
    Some(match name {
        "alnum" => of(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
        "alpha" => of(&[('A', 'Z'), ('a', 'z')]),
        "ascii" => of(&[('\0', '\x7f')]),
        "blank" => of(&[('\t', '\t'), (' ', ' ')]),
        "cntrl" => of(&[('\0', '\x1f'), ('\x7f', '\x7f')]),
        "digit" => of(&[('0', '9')]),
        "graph" => of(&[('!', '~')]),
        "lower" => of(&[('a', 'z')]),
        "print" => of(&[(' ', '~')]),
        "punct" => of(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
        "space" => of(&[('\t', '\r'), (' ', ' ')]),
        "upper" => of(&[('A', 'Z')]),
        "word" => of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        "xdigit" => of(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
        _ => return None,
    })
}

/// Returns the characters with a Unicode property: `L`, `Script=Greek`.
fn property(name: &str) -> Option<ClassUnicode> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '=';
    if name.is_empty() || !name.chars().all(is_word) {
        return None;
    }
    let tree = regex_syntax::parse(&format!("\\p{{{name}}}")).ok()?;
    match tree.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    }
}

/// Reader of one class or escape.
pub(super) struct ClassReader<'t> {
    chars: &'t [char],
    /// The index of the next character.
    pub at: usize,
    grammar: Grammar,
    has_names: bool,
    /// The constructs of other dialects found so far, with their meanings.
    pub foreign: Vec<(String, &'static str)>,
}

impl<'t> ClassReader<'t> {
    /// Returns a reader that begins at an index.
    pub(super) fn new(chars: &'t [char], at: usize, grammar: Grammar, has_names: bool) -> Self {
        Self {
            chars,
            at,
            grammar,
            has_names,
            foreign: Vec::new(),
        }
    }

    fn is_unicode(&self) -> bool {
        self.grammar == Grammar::Unicode
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Reads a class with its brackets.
    ///
    /// # Errors
    ///
    /// A [`PatternError`], if the class is malformed.
    pub(super) fn class(&mut self) -> Result<Bracketed, PatternError> {
        self.at += 1;
        let is_negated = self.peek(0) == Some('^');
        self.at += usize::from(is_negated);
        let mut ranges: Vec<ClassUnicodeRange> = Vec::new();
        loop {
            match self.peek(0) {
                None => return Err("a class is not closed".to_owned()),
                Some(']') => break,
                _ => self.member(&mut ranges)?,
            }
        }
        self.at += 1;
        Ok(Bracketed {
            class: ClassUnicode::new(ranges),
            is_negated,
        })
    }

    /// Reads a character, a class or a range between brackets.
    fn member(&mut self, ranges: &mut Vec<ClassUnicodeRange>) -> Result<(), PatternError> {
        let first = self.atom()?;
        let is_range = self.peek(0) == Some('-') && self.peek(1).is_some_and(|next| next != ']');
        if !is_range {
            add(ranges, first);
            return Ok(());
        }
        self.at += 1;
        let last = self.atom()?;
        match (first, last) {
            (Escape::Code(first), Escape::Code(last)) if first <= last => {
                add_range(ranges, first, last);
            }
            (Escape::Code(_), Escape::Code(_)) => {
                return Err("a range of a class is out of order".to_owned());
            }
            _ if self.is_unicode() => return Err("a class cannot end a range".to_owned()),
            // Annex B: the two ends and the hyphen are separate members.
            (first, last) => {
                add(ranges, first);
                add(ranges, Escape::Code(u32::from('-')));
                add(ranges, last);
            }
        }
        Ok(())
    }

    fn atom(&mut self) -> Result<Escape, PatternError> {
        match self.peek(0) {
            None => Err("a class is not closed".to_owned()),
            Some('\\') => self.escape(Inside::Brackets),
            Some('[') if !self.is_unicode() && self.peek(1) == Some(':') => Ok(self.named()),
            Some(literal) => {
                self.at += 1;
                Ok(Escape::Code(u32::from(literal)))
            }
        }
    }

    /// Reads a POSIX class, `[:alpha:]`; anything else makes the bracket a literal character.
    pub(crate) fn named(&mut self) -> Escape {
        let inside: String = self.chars[self.at + 2..]
            .iter()
            .take_while(|c| **c != ']')
            .collect();
        let name = inside.strip_suffix(':').unwrap_or_default();
        let (is_negated, name) = name
            .strip_prefix('^')
            .map_or((false, name), |name| (true, name));
        match posix(name) {
            Some(mut class) => {
                self.foreign
                    .push((format!("[:{name}:]"), "the ASCII characters of this class"));
                self.at += inside.chars().count() + 3;
                if is_negated {
                    class.negate();
                }
                Escape::Class(class)
            }
            None => {
                self.at += 1;
                Escape::Code(u32::from('['))
            }
        }
    }

    /// Reads an escape.
    ///
    /// # Errors
    ///
    /// A [`PatternError`], if the grammar has no such escape.
    pub(super) fn escape(&mut self, inside: Inside) -> Result<Escape, PatternError> {
        let Some(next) = self.peek(1) else {
            return Err("it ends with `\\`".to_owned());
        };
        let code = |code: u32, length: usize| (Escape::Code(code), length);
        let (escape, length) = match next {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => (Escape::Class(perl(next)), 2),
            't' => code(9, 2),
            'n' => code(10, 2),
            'v' => code(11, 2),
            'f' => code(12, 2),
            'r' => code(13, 2),
            'b' if inside == Inside::Brackets => code(8, 2),
            'c' => self.control(inside)?,
            'x' => self.hexadecimal()?,
            'u' => self.unicode()?,
            'p' | 'P' => self.property(next)?,
            '0'..='9' => self.octal(next)?,
            'h' if !self.is_unicode() => {
                self.foreign.push(("\\h".to_owned(), "a blank or a tab"));
                (
                    Escape::Class(of(&[
                        ('\t', '\t'),
                        (' ', ' '),
                        ('\u{a0}', '\u{a0}'),
                        ('\u{3000}', '\u{3000}'),
                    ])),
                    2,
                )
            }
            '-' if inside == Inside::Brackets => code(u32::from('-'), 2),
            _ if self.is_unicode() && !"^$\\.*+?()[]{}|/".contains(next) => {
                return Err(format!("`\\{next}` is not an escape"));
            }
            'k' if self.has_names => return Err("`\\k` names no group".to_owned()),
            literal => code(u32::from(literal), 2),
        };
        self.at += length;
        Ok(escape)
    }

    /// Reads `\cJ`; if no letter follows, Annex B takes the backslash literally.
    fn control(&self, inside: Inside) -> Result<(Escape, usize), PatternError> {
        let letter = self.peek(2).filter(|letter| {
            let is_wider = !self.is_unicode() && inside == Inside::Brackets;
            letter.is_ascii_alphabetic() || is_wider && (letter.is_ascii_digit() || *letter == '_')
        });
        match letter {
            Some(letter) => Ok((Escape::Code(u32::from(letter) % 32), 3)),
            None if self.is_unicode() => Err("`\\c` is not an escape".to_owned()),
            None => Ok((Escape::Code(u32::from('\\')), 1)),
        }
    }

    fn digits(&self, from: usize, count: usize) -> Option<u32> {
        let digits: String = self
            .chars
            .get(self.at + from..self.at + from + count)?
            .iter()
            .collect();
        digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(&digits, 16).ok())?
    }

    /// Returns the hexadecimal number in the braces at an offset, and their length.
    fn braced(&self, from: usize) -> Option<(u32, usize)> {
        if self.peek(from) != Some('{') {
            return None;
        }
        let length = self.chars[self.at + from + 1..]
            .iter()
            .take_while(|c| c.is_ascii_hexdigit())
            .count();
        let code = self
            .digits(from + 1, length)
            .filter(|code| length > 0 && *code <= 0x10_ffff)?;
        (self.peek(from + 1 + length) == Some('}')).then_some((code, length + 2))
    }

    fn hexadecimal(&mut self) -> Result<(Escape, usize), PatternError> {
        if let Some(code) = self.digits(2, 2) {
            return Ok((Escape::Code(code), 4));
        }
        if self.is_unicode() {
            return Err("`\\x` is not an escape".to_owned());
        }
        if let Some((code, length)) = self.braced(2) {
            self.foreign
                .push(("\\x{".to_owned(), "the character of this number"));
            return Ok((Escape::Code(code), 2 + length));
        }
        Ok((Escape::Code(u32::from('x')), 2))
    }

    fn unicode(&mut self) -> Result<(Escape, usize), PatternError> {
        if let Some(high) = self.digits(2, 4) {
            let low = (self.peek(6) == Some('\\') && self.peek(7) == Some('u'))
                .then(|| self.digits(8, 4))
                .flatten();
            return Ok(
                match low.filter(|low| is_high(high) && (0xdc00..0xe000).contains(low)) {
                    Some(low) => (
                        Escape::Code(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
                        12,
                    ),
                    None => (Escape::Code(high), 6),
                },
            );
        }
        match self.braced(2) {
            Some((code, length)) => {
                if !self.is_unicode() {
                    self.foreign
                        .push(("\\u{".to_owned(), "the character of this number"));
                }
                Ok((Escape::Code(code), 2 + length))
            }
            None if self.is_unicode() => Err("`\\u` is not an escape".to_owned()),
            None => Ok((Escape::Code(u32::from('u')), 2)),
        }
    }

    fn property(&mut self, letter: char) -> Result<(Escape, usize), PatternError> {
        let inside: String = match self.peek(2) {
            Some('{') => self.chars[self.at + 3..]
                .iter()
                .take_while(|c| **c != '}')
                .collect(),
            // `\pL`, of other dialects.
            Some(short) if short.is_ascii_uppercase() && !self.is_unicode() => short.to_string(),
            _ if self.is_unicode() => return Err(format!("`\\{letter}` names no property")),
            _ => return Ok((Escape::Code(u32::from(letter)), 2)),
        };
        let length = if self.peek(2) == Some('{') {
            inside.chars().count() + 4
        } else {
            3
        };
        // Java writes `\p{IsAlphabetic}`, and has such names for the POSIX classes.
        let foreign = |name: &str| {
            property(name.strip_prefix("Is").unwrap_or(name)).or_else(|| posix_of_java(name))
        };
        let class = if self.is_unicode() {
            property(&inside)
        } else {
            property(&inside).or_else(|| foreign(&inside))
        };
        let Some(mut class) = class.filter(|_| self.at + length <= self.chars.len()) else {
            return Err(format!("`{inside}` is not a Unicode property"));
        };
        if !self.is_unicode() {
            self.foreign.push((
                format!("\\{letter}{{{inside}}}"),
                "this property, as with the `u` flag",
            ));
        }
        if letter == 'P' {
            class.negate();
        }
        Ok((Escape::Class(class), length))
    }

    /// Reads `\0`, and the octal numbers and digits that Annex B allows.
    fn octal(&self, first: char) -> Result<(Escape, usize), PatternError> {
        let digits: String = self.chars[self.at + 1..]
            .iter()
            .take(3)
            .take_while(|c| ('0'..='7').contains(*c))
            .collect();
        if self.is_unicode() {
            let is_null = first == '0' && !self.peek(2).is_some_and(|next| next.is_ascii_digit());
            return if is_null {
                Ok((Escape::Code(0), 2))
            } else {
                Err(format!("`\\{first}` is not an escape"))
            };
        }
        let length = if digits.len() == 3 && first > '3' {
            2
        } else {
            digits.len()
        };
        match u32::from_str_radix(&digits[..length], 8) {
            Ok(code) => Ok((Escape::Code(code), 1 + length)),
            Err(_) => Ok((Escape::Code(u32::from(first)), 2)),
        }
    }
}

/// Returns a POSIX class by its name in Java: `Alpha`.
fn posix_of_java(name: &str) -> Option<ClassUnicode> {
    let lower = name.to_ascii_lowercase();
    posix(lower.strip_prefix("is").unwrap_or(&lower))
}

fn is_high(code: u32) -> bool {
    (0xd800..0xdc00).contains(&code)
}

fn add(ranges: &mut Vec<ClassUnicodeRange>, member: Escape) {
    match member {
        Escape::Code(code) => add_range(ranges, code, code),
        Escape::Class(class) => ranges.extend(class.iter().copied()),
    }
}

/// Adds the characters between two code points, without halves of surrogate pairs.
fn add_range(ranges: &mut Vec<ClassUnicodeRange>, first: u32, last: u32) {
    for (first, last) in [(first, last.min(0xd7ff)), (first.max(0xe000), last)] {
        if let (Some(first), Some(last)) = (char::from_u32(first), char::from_u32(last))
            && first <= last
        {
            ranges.extend(class_of(first, last).iter().copied());
        }
    }
}
