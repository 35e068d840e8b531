//! Translates command lines of Prism (`prism mock …`), so that its users can replace the name of
//! the program and keep the rest.
//!
//! Runs before the arguments are parsed. Command lines that Standin understands stay as they are.
use std::ffi::OsString;
use std::iter::Peekable;
use std::path::Path;

use crate::cli::peers;
use crate::generate::fingerprint;
use crate::upstream::address::UpstreamAddress;

/// Levels of `-v` of Prism with the levels here; `silent` has no level, but turns the log off.
const LEVELS: [(&str, &str); 10] = [
    ("silent", ""),
    ("fatal", "error"),
    ("error", "error"),
    ("warn", "warn"),
    ("info", "info"),
    ("success", "info"),
    ("start", "info"),
    ("note", "info"),
    ("debug", "debug"),
    ("trace", "trace"),
];

/// Translated command line, and the notes about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Translation {
    /// Arguments; the first one is the name of the program.
    pub arguments: Vec<OsString>,
    /// Sentences about arguments that have no effect.
    pub notes: Vec<String>,
    /// Error about an argument that only another program has.
    pub refusal: Option<String>,
    /// True if the command is `proxy`.
    is_proxy: bool,
    /// Indexes of the arguments that are no options.
    words: Vec<usize>,
}

/// Translates the arguments. `is_command` tells whether a word is a subcommand of Standin, and
/// `takes_value` whether the next argument is the value of an option.
pub(super) fn translated(
    arguments: impl IntoIterator<Item = OsString>,
    is_command: impl Fn(&str) -> bool,
    takes_value: impl Fn(&str) -> bool,
) -> Translation {
    let mut arguments = arguments.into_iter();
    let mut written = Translation {
        arguments: arguments.next().into_iter().collect(),
        ..Translation::default()
    };
    let mut rest: Vec<OsString> = arguments.collect();
    match rest.first().and_then(|first| first.to_str()) {
        Some("mock") => rest[0] = "serve".into(),
        Some(first) if !is_command(first) && is_document(first) => {
            rest.insert(0, "serve".into());
        }
        Some(first) => written.refusal = peers::command(first),
        None => {}
    }
    written.is_proxy = rest.first().is_some_and(|first| first == "proxy");
    let is_serve = rest.first().is_some_and(|first| first == "serve");
    if !is_serve && !written.is_proxy {
        written.arguments.extend(rest);
        return written;
    }
    let mut rest = rest.into_iter().peekable();
    written.arguments.extend(rest.next());
    while let Some(argument) = rest.next() {
        written.take(argument, &mut rest, &takes_value);
    }
    if written.is_proxy {
        written.begin_with_url();
    }
    written
}

/// Returns true if a word is a URL.
fn is_url(word: &OsString) -> bool {
    word.to_str().is_some_and(UpstreamAddress::is_like)
}

impl Translation {
    /// Puts the URL of the real API before the document: Prism has it last.
    fn begin_with_url(&mut self) {
        let [document, .., url] = self.words.as_slice() else {
            return;
        };
        let (document, url) = (*document, *url);
        if !is_url(&self.arguments[document]) && is_url(&self.arguments[url]) {
            let address = self.arguments.remove(url);
            self.arguments.insert(document, address);
        }
    }

    fn push(&mut self, words: &[&str]) {
        self.arguments.extend(words.iter().map(OsString::from));
    }

    /// Translates one argument of `serve`, with its value if that is the next one.
    fn take<I: Iterator<Item = OsString>>(
        &mut self,
        argument: OsString,
        rest: &mut Peekable<I>,
        takes_value: &impl Fn(&str) -> bool,
    ) {
        let Some(text) = argument.to_str().map(str::to_owned) else {
            self.arguments.push(argument);
            return;
        };
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (&*text, None),
        };
        let next = rest.peek().and_then(|next| next.to_str());
        match name {
            // Everything behind it is a document.
            "--" => {
                self.arguments.push(argument);
                self.arguments.extend(rest.by_ref());
            }
            "-h" if attached.is_none() && next.is_some_and(is_host) => {
                self.push(&["--host"]);
                self.arguments.extend(rest.next());
            }
            "-d" | "--dynamic" | "--ignore-examples" | "--ignoreExamples" => {
                if flag(attached, rest) {
                    self.push(&["--dynamic"]);
                }
            }
            "--errors" => {
                if flag(attached, rest) {
                    self.push(&["--errors"]);
                }
            }
            "--no-errors" | "--no-dynamic" | "--no-ignoreExamples" | "--no-multiprocess" => {}
            "--cors" if !matches!(attached.or(next), Some("on" | "off")) => {
                let switch = switch(flag(attached, rest));
                self.push(&["--cors", switch]);
            }
            "--no-cors" => self.push(&["--cors", "off"]),
            "--json-schema-faker-fillProperties" => {
                let switch = switch(flag(attached, rest));
                self.push(&["--additional-properties", switch]);
            }
            "--no-json-schema-faker-fillProperties" => {
                self.push(&["--additional-properties", "off"]);
            }
            "-m" | "--multiprocess" => {
                if flag(attached, rest) {
                    let note = format!("`{name}` has no effect: one process uses all processors");
                    self.notes.push(note);
                }
            }
            "-v" | "--verboseLevel" | "--verbose-level" => self.level(attached, rest),
            "--seed" => {
                let value = attached.map(str::to_owned).or_else(|| {
                    let next = rest.next_if(|next| next.to_str().is_some())?;
                    next.into_string().ok()
                });
                let value = value.unwrap_or_default();
                self.push(&["--seed", &seed(&value)]);
            }
            "--validate-request" | "--validateRequest" if self.is_proxy => {
                let is_on = flag(attached, rest);
                self.push(&["--validate-request", &is_on.to_string()]);
            }
            "--validate-response" | "--validateResponse" if self.is_proxy => {
                let is_on = flag(attached, rest);
                self.push(&["--validate-response", &is_on.to_string()]);
            }
            "--no-validate-request" | "--no-validateRequest" if self.is_proxy => {
                self.push(&["--validate-request", "false"]);
            }
            "--no-validate-response" | "--no-validateResponse" if self.is_proxy => {
                self.push(&["--validate-response", "false"]);
            }
            "--upstreamProxy" if self.is_proxy => {
                self.push(&["--upstream-proxy"]);
                self.arguments
                    .extend(attached.map(OsString::from).or_else(|| rest.next()));
            }
            option if takes_value(option) => {
                self.arguments.push(argument);
                if attached.is_none() {
                    self.arguments.extend(rest.next());
                }
            }
            option => {
                self.refusal = self.refusal.take().or_else(|| peers::option(option));
                if !option.starts_with('-') {
                    self.words.push(self.arguments.len());
                }
                self.arguments.push(argument);
            }
        }
    }

    /// Translates the level of the log. Without a level, the log says more; the next argument is
    /// then another one, such as the document.
    fn level<I: Iterator<Item = OsString>>(
        &mut self,
        attached: Option<&str>,
        rest: &mut Peekable<I>,
    ) {
        let known = |name: &str| LEVELS.iter().find(|(level, _)| *level == name);
        let level = match attached {
            Some(level) => known(level).map_or(level, |(_, own)| own).to_owned(),
            None => {
                let next = rest.next_if(|next| next.to_str().is_some_and(|n| known(n).is_some()));
                let own = next.as_ref().and_then(|next| known(next.to_str()?));
                own.map_or("debug", |(_, own)| own).to_owned()
            }
        };
        if level.is_empty() {
            self.push(&["--log", "off"]);
        } else {
            self.push(&["--log-level", &level]);
        }
    }
}

/// Reads the value of a flag, which may be attached (`--cors=false`) or the next argument
/// (`--cors false`); without a value, the flag is on.
fn flag<I: Iterator<Item = OsString>>(attached: Option<&str>, rest: &mut Peekable<I>) -> bool {
    match attached {
        Some(value) => value != "false",
        None => rest
            .next_if(|next| next == "true" || next == "false")
            .is_none_or(|value| value == "true"),
    }
}

fn switch(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

/// Returns a seed as a number; the seeds of Prism are texts.
fn seed(text: &str) -> String {
    if text.is_empty() || text.parse::<u64>().is_ok() {
        text.to_owned()
    } else {
        fingerprint(text).to_string()
    }
}

/// Returns true if a word is a document: a URL, an existing file or folder, or a name that ends as
/// documents do.
fn is_document(word: &str) -> bool {
    let is_named = [".yaml", ".yml", ".json"]
        .iter()
        .any(|end| word.ends_with(end));
    word.starts_with("http://")
        || word.starts_with("https://")
        || !word.starts_with('-') && (is_named || Path::new(word).exists())
}

/// Returns true if a word is a host name or an IP address, and no document.
fn is_host(word: &str) -> bool {
    let is_plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':');
    !word.starts_with('-') && word.chars().all(is_plain) && !is_document(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translation(line: &str) -> Translation {
        let words = line.split(' ').map(OsString::from);
        translated(
            words,
            |word| matches!(word, "check" | "serve" | "proxy"),
            |option| matches!(option, "--header" | "--cors" | "--log-level"),
        )
    }

    fn of(line: &str) -> String {
        let written: Vec<String> = translation(line)
            .arguments
            .into_iter()
            .map(|word| word.into_string().expect("is text"))
            .collect();
        written.join(" ")
    }

    #[test]
    fn command_lines_of_the_guides_of_prism_are_understood() {
        let cases = [
            ("standin mock api.yaml", "standin serve api.yaml"),
            ("standin api.yaml", "standin serve api.yaml"),
            (
                "standin proxy api.yaml http://e.com --errors",
                "standin proxy http://e.com api.yaml --errors",
            ),
            (
                "standin proxy --cors=false -h e.com api.yaml http://e.com",
                "standin proxy --cors off --host e.com http://e.com api.yaml",
            ),
            (
                "standin proxy http://e.com http://e.com/api.yaml",
                "standin proxy http://e.com http://e.com/api.yaml",
            ),
            (
                "standin proxy a.yaml http://e.com --no-validate-request --upstreamProxy x",
                "standin proxy http://e.com a.yaml --validate-request false --upstream-proxy x",
            ),
            ("standin https://e.com/a", "standin serve https://e.com/a"),
            (
                "standin mock -h 0.0.0.0 api.yaml",
                "standin serve --host 0.0.0.0 api.yaml",
            ),
            (
                "standin mock -d api.yaml",
                "standin serve --dynamic api.yaml",
            ),
            (
                "standin mock --cors api.yaml",
                "standin serve --cors on api.yaml",
            ),
            (
                "standin mock --cors false api.yaml",
                "standin serve --cors off api.yaml",
            ),
            (
                "standin mock --errors -d=false api.yaml",
                "standin serve --errors api.yaml",
            ),
            (
                "standin mock --json-schema-faker-fillProperties=false a.json",
                "standin serve --additional-properties off a.json",
            ),
            (
                "standin mock --seed=7 --seed abc a.json",
                "standin serve --seed 7 --seed 16654208175385433931 a.json",
            ),
            (
                "standin mock -v silent -m api.yaml",
                "standin serve --log off api.yaml",
            ),
            (
                "standin mock -v debug api.yaml",
                "standin serve --log-level debug api.yaml",
            ),
            (
                "standin mock --verboseLevel=fatal api.yaml",
                "standin serve --log-level error api.yaml",
            ),
            ("standin serve -h", "standin serve -h"),
            ("standin serve -h api.yaml", "standin serve -h api.yaml"),
            ("standin serve --cors off", "standin serve --cors off"),
            ("standin serve --cors=off", "standin serve --cors=off"),
            ("standin check -h x", "standin check -h x"),
            ("standin", "standin"),
            ("standin serve -- -d -m", "standin serve -- -d -m"),
            (
                "standin serve --header -m api.yaml",
                "standin serve --header -m api.yaml",
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(of(line), expected);
        }
    }

    #[test]
    fn a_level_is_never_a_document() {
        assert_eq!(
            of("standin mock -v api.yaml"),
            "standin serve --log-level debug api.yaml"
        );
        assert_eq!(of("standin mock -v"), "standin serve --log-level debug");
    }

    #[test]
    fn what_has_no_effect_is_said() {
        let notes = translation("standin mock -m api.yaml").notes;
        assert_eq!(
            notes,
            ["`-m` has no effect: one process uses all processors"]
        );
        let off = translation("standin mock --multiprocess=false api.yaml").notes;
        assert_eq!(off, Vec::<String>::new());
    }

    #[test]
    fn what_only_another_program_has_is_refused() {
        let refused = |line| translation(line).refusal.expect("is refused");
        assert!(refused("standin record a.yaml http://e.com").contains("`record`"));
        assert!(refused("standin mock a.yaml --upstream-proxy x").contains("`--upstream-proxy`"));
        let ours = translation("standin serve --header --bind-address a.yaml");
        assert_eq!(ours.refusal, None);
    }
}
