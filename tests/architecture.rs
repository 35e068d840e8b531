//! Holds the crate to its design: which rooms may use which, and that whatever people can meet has
//! a case.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use standin::diagnostic::Code;
use standin::errors::problem;

/// The rooms from bottom to top; a room may use those below it.
const ROOMS: [&str; 18] = [
    "diagnostic",
    "document",
    "schema",
    "contract",
    "generate",
    "codec",
    "validate",
    "state",
    "resource",
    "errors",
    "entity",
    "exchange",
    "check",
    "sandbox",
    "server",
    "cli",
    "testing",
    "main",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("can be read").path());
    let nested = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The room that a file belongs to: the first part of its path in `src`.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("it is in src");
    let first = inside.iter().next().expect("it has a name").to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Text outside of test modules, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("can be read");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every `crate::name` of a text.
fn uses(code: &str) -> Vec<String> {
    let after = code.split("crate::").skip(1);
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    after.map(name).map(|name| if name == "Sandbox" { "sandbox".to_owned() } else { name }).collect()
}

#[test]
fn arrows_go_down_only() {
    let level = |room: &str| ROOMS.iter().position(|there| *there == room);
    for path in sources(&root().join("src")) {
        let room = room(&path);
        if room == "lib" {
            continue;
        }
        for used in uses(&code(&path)).into_iter().filter(|used| *used != room) {
            let (from, to) = (level(&room), level(&used));
            assert!(from.is_some() && to.is_some(), "{} uses `{used}`, which is no room", path.display());
            assert!(from > to, "{} uses `{used}`, which is above it", path.display());
        }
    }
}

#[test]
fn packages_of_one_purpose_are_named_in_one_file() {
    let only = [
        ("serde_yaml", "src/document/syntax.rs"),
        ("openapiv3", "src/contract/compile.rs"),
        ("jsonschema", "src/schema/mod.rs"),
        ("serde_json_path", "src/document/overlay.rs"),
        ("ureq", "src/document/fetch.rs"),
        ("referencing", "src/document/metaschema.rs"),
        ("quick_xml", "src/codec/content/xml.rs"),
        ("csv", "src/codec/content/table.rs"),
        ("multer", "src/codec/content/multipart.rs"),
        ("flate2", "src/codec/coding.rs"),
        ("brotli_decompressor", "src/codec/coding.rs"),
        ("ruzstd", "src/codec/coding.rs"),
        ("fake", "src/generate/plausible.rs"),
    ];
    for (package, home) in only {
        let mut is_used = false;
        for path in sources(&root().join("src")) {
            let names = code(&path).contains(&format!("{package}::"));
            // A file `mod.rs` has the whole folder for its parts.
            let is_part = home.strip_suffix("/mod.rs").is_some_and(|folder| path.starts_with(root().join(folder)));
            let is_home = path.ends_with(home) || is_part;
            assert!(!names || is_home, "{package} in {}", path.display());
            is_used |= names;
        }
        assert!(is_used, "nothing uses {package}");
    }
}

#[test]
fn exchanges_touch_no_socket_clock_lock_or_file() {
    let rooms = ["generate", "codec", "validate", "errors", "entity", "exchange"];
    for path in rooms.iter().flat_map(|room| sources(&root().join("src").join(room))) {
        for forbidden in ["std::fs", "std::net", "std::time", "Mutex", "RwLock", "tokio", "std::env"] {
            assert!(!code(&path).contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
}

#[test]
fn files_stay_below_the_ceiling() {
    for path in sources(&root().join("src")) {
        let lines = fs::read_to_string(&path).expect("can be read").lines().count();
        let most = if path.ends_with("src/main.rs") { 60 } else { 700 };
        assert!(lines <= most, "{} has {lines} lines", path.display());
    }
}

/// Everything that the tests say.
fn tests_text() -> String {
    let cases = support::files(&root().join("tests/cases"));
    let sources = [root().join("tests/command_line.rs"), root().join("tests/faults.rs")];
    cases.iter().chain(&sources).map(|path| fs::read_to_string(path).expect("can be read")).collect()
}

#[test]
fn every_diagnostic_code_has_a_case() {
    let text = tests_text();
    for code in Code::ALL {
        assert!(text.contains(&format!("[{code}]")), "no case has `{code}`");
    }
}

#[test]
fn every_problem_type_has_a_case() {
    let text = tests_text();
    for kind in problem::Kind::ALL {
        assert!(text.contains(&format!("{}{}", problem::TYPES, kind.name())), "no case has `{}`", kind.name());
    }
}

#[test]
fn every_option_has_a_case_and_stands_in_the_readme() {
    use clap::CommandFactory as _;
    let text = tests_text();
    let readme = fs::read_to_string(root().join("README.md")).expect("can be read");
    for command in standin::cli::Command::command().get_subcommands() {
        assert!(readme.contains(&format!("standin {}", command.get_name())), "README has no `{}`", command.get_name());
        for option in command.get_opts().filter_map(clap::Arg::get_long).filter(|name| *name != "help") {
            assert!(text.contains(&format!("--{option}")), "no case has `--{option}`");
            assert!(readme.contains(&format!("--{option}")), "README has no `--{option}`");
        }
    }
}
