//! Translates command lines of Prism (`prism mock …`), so that its users can replace the name of
//! the program and keep the rest.
//!
//! Runs before the arguments are parsed. Command lines that Standin understands stay as they are.
use std::ffi::OsString;
use std::path::Path;

/// Subcommands of Standin; another first word may be a document.
const COMMANDS: [&str; 11] = [
    "serve",
    "check",
    "routes",
    "example",
    "init",
    "health",
    "wait",
    "completions",
    "man",
    "help",
    "mock",
];

/// Options of Prism without a value that change nothing here, because they are the default or
/// there is nothing like them.
const WITHOUT_EFFECT: [&str; 4] = [
    "-m",
    "--multiprocess",
    "--no-multiprocess",
    "--errors=false",
];

/// Levels of `-v` of Prism.
const LEVELS: [&str; 9] = [
    "silent", "fatal", "error", "warn", "info", "success", "note", "debug", "trace",
];

/// Returns the arguments as Standin has them. The first one is the name of the program;
/// `takes_value` tells whether the next argument is the value of an option.
pub(super) fn translated(
    arguments: impl IntoIterator<Item = OsString>,
    takes_value: impl Fn(&str) -> bool,
) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut written: Vec<OsString> = arguments.next().into_iter().collect();
    let mut rest: Vec<OsString> = arguments.collect();
    match rest.first().and_then(|first| first.to_str()) {
        Some("mock") => rest[0] = "serve".into(),
        Some(first) if !COMMANDS.contains(&first) && is_document(first) => {
            rest.insert(0, "serve".into());
        }
        _ => {}
    }
    let is_serve = rest.first().is_some_and(|first| first == "serve");
    if !is_serve {
        written.extend(rest);
        return written;
    }
    let mut rest = rest.into_iter().peekable();
    while let Some(argument) = rest.next() {
        let next = rest.peek().and_then(|next| next.to_str());
        match argument.to_str() {
            // Everything behind it is a document.
            Some("--") => {
                written.push(argument);
                written.extend(rest.by_ref());
            }
            Some("-h") if next.is_some_and(is_host) => written.push("--host".into()),
            Some("-d" | "--ignore-examples" | "--ignoreExamples") => {
                written.push("--dynamic".into());
            }
            Some("--cors") if !matches!(next, Some("on" | "off")) => {
                written.extend(["--cors".into(), "on".into()]);
            }
            Some("--no-cors" | "--cors=false") => written.extend(["--cors".into(), "off".into()]),
            Some("-v" | "--verboseLevel" | "--verbose-level")
                if next.is_some_and(|next| LEVELS.contains(&next)) =>
            {
                let level = rest.next().unwrap_or_default();
                if level == "silent" {
                    written.extend(["--log".into(), "off".into()]);
                }
            }
            Some(option) if WITHOUT_EFFECT.contains(&option) => {}
            Some(option) if takes_value(option) => {
                written.push(argument);
                written.extend(rest.next());
            }
            _ => written.push(argument),
        }
    }
    written
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

    fn of(line: &str) -> String {
        let words = line.split(' ').map(OsString::from);
        let written = translated(words, |option| matches!(option, "--header" | "--cors"));
        let written: Vec<String> = written
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
                "standin mock -v silent -m api.yaml",
                "standin serve --log off api.yaml",
            ),
            ("standin mock -v debug api.yaml", "standin serve api.yaml"),
            ("standin serve -h", "standin serve -h"),
            ("standin serve -h api.yaml", "standin serve -h api.yaml"),
            ("standin serve --cors off", "standin serve --cors off"),
            ("standin check -h x", "standin check -h x"),
            ("standin", "standin"),
            ("standin serve -v api.yaml", "standin serve -v api.yaml"),
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
}
