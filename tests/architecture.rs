//! Holds the crate to its design: which rooms may use which, and that whatever people can meet has
//! a case.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use standin::Code;
use standin::internals::problem;

/// The rooms from bottom to top; a room may use those below it.
const ROOMS: [&str; 19] = [
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
    "upstream",
    "server",
    "cli",
    "testing",
    "main",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("can be read").path());
    let nested = entries.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    nested
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Text outside of test modules, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("can be read");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules of the crate by their paths, each with the modules that its code outside of tests names.
struct Modules(BTreeMap<Vec<String>, BTreeSet<Vec<String>>>);

impl Modules {
    fn read() -> Self {
        let files: BTreeMap<Vec<String>, PathBuf> = sources(&root().join("src"))
            .into_iter()
            .map(|path| (module(&path), path))
            .collect();
        let used = files.iter().map(|(module, path)| {
            let text = fs::read_to_string(path).expect("can be read");
            let file = syn::parse_file(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut paths = Paths {
                module,
                found: Vec::new(),
            };
            paths.visit_file(&file);
            let used = paths.found.into_iter().filter_map(|mut path| {
                while !path.is_empty() && !files.contains_key(&path) {
                    path.pop();
                }
                (!path.is_empty()).then_some(path)
            });
            (module.clone(), used.filter(|used| used != module).collect())
        });
        Self(used.collect())
    }

    /// Returns the modules that a module leads to, in any number of steps.
    fn reached(&self, from: &Vec<String>) -> BTreeSet<&Vec<String>> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Vec<String>> = self.0[from].iter().collect();
        while let Some(module) = open.pop() {
            if reached.insert(module) {
                open.extend(&self.0[module]);
            }
        }
        reached
    }
}

/// Returns the path of the module that a file is: `["codec", "accept"]`.
fn module(path: &Path) -> Vec<String> {
    let inside = path
        .strip_prefix(root().join("src"))
        .expect("it is in src")
        .with_extension("");
    let mut names: Vec<String> = inside
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.pop_if(|last| last == "mod");
    names
}

/// The paths in the crate that the code of a module names.
struct Paths<'m> {
    module: &'m [String],
    found: Vec<Vec<String>>,
}

impl Paths<'_> {
    /// Notes a path as the crate's root has it, if it begins in the crate.
    fn note(&mut self, names: &[String]) {
        let supers = names.iter().take_while(|name| *name == "super").count();
        let rest = &names[supers..];
        let absolute = match names.first().map(String::as_str) {
            Some("crate") => names[1..].to_vec(),
            Some("self") => [self.module, &names[1..]].concat(),
            Some("super") => [
                &self.module[..self.module.len().saturating_sub(supers)],
                rest,
            ]
            .concat(),
            _ => [self.module, names].concat(),
        };
        self.found.push(absolute);
    }

    fn note_tree(&mut self, before: &mut Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.note_tree(before, &path.tree);
                before.pop();
            }
            syn::UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.note_tree(before, tree)),
            syn::UseTree::Glob(_) => self.note(before),
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                let name = Some(ident.to_string()).filter(|name| name != "self");
                self.note(&before.iter().cloned().chain(name).collect::<Vec<_>>());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // A declaration of a file is no use of it, and tests may use what they test.
        if item.content.is_some()
            && !item
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("cfg"))
        {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.note(
                &path
                    .segments
                    .iter()
                    .map(|segment| segment.ident.to_string())
                    .collect::<Vec<_>>(),
            );
        }
        visit::visit_path(self, path);
    }
}

#[test]
fn arrows_go_down_only() {
    let level = |module: &[String]| {
        let room = if module == ["main"] || module == ["lib"] {
            return None;
        } else {
            &module[0]
        };
        Some(
            ROOMS
                .iter()
                .position(|there| there == room)
                .unwrap_or_else(|| panic!("`{room}` is no room")),
        )
    };
    let upward: Vec<String> = Modules::read()
        .0
        .into_iter()
        .flat_map(|(module, used)| {
            let from = level(&module);
            let upward = used.into_iter().filter(move |used| {
                from.is_some_and(|from| level(used).is_some_and(|to| to > from))
            });
            upward
                .map(move |used| format!("{} → {}", module.join("::"), used.join("::")))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(
        upward.is_empty(),
        "these use what is above them:\n{}",
        upward.join("\n")
    );
}

#[test]
fn no_file_uses_what_uses_it() {
    let modules = Modules::read();
    let circular = modules
        .0
        .keys()
        .filter(|module| modules.reached(module).contains(module));
    let circular: Vec<String> = circular.map(|module| module.join("::")).collect();
    assert!(
        circular.is_empty(),
        "these are in circles:\n{}",
        circular.join("\n")
    );
}

/// The words that no doc comment opens with, because they begin a riddle and not a sentence that says what an item is.
const BANNED_OPENINGS: [&str; 13] = [
    "How", "It", "None", "That", "The same", "These", "Those", "What", "Where", "Whether", "Which",
    "Who", "Whose",
];

/// Returns the doc comments of a text that open with a banned word, with their line numbers.
fn banned(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        let comment = line.strip_prefix("///").or(line.strip_prefix("//!"));
        if let Some(sentence) = comment.map(str::trim).filter(|_| !is_inside) {
            let opens = |word: &str| {
                sentence
                    .strip_prefix(word)
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
            };
            if BANNED_OPENINGS.iter().any(|word| opens(word)) {
                found.push((number, sentence));
            }
        }
        is_inside = comment.is_some();
    }
    found
}

#[test]
fn doc_comments_say_what_an_item_is_or_does() {
    let mut riddles = Vec::new();
    for path in sources(&root().join("src")) {
        let text = fs::read_to_string(&path).expect("can be read");
        riddles.extend(
            banned(&text)
                .into_iter()
                .map(|(line, said)| format!("{}:{line}: {said}", path.display())),
        );
    }
    assert!(
        riddles.is_empty(),
        "begin these with a verb in the third person or a noun:\n{}",
        riddles.join("\n")
    );
}

#[test]
fn banned_openings_are_found_at_the_start_of_a_comment_only() {
    let text = "/// What it is.\n/// How so.\nfn a() {}\n/// Itself.\n/// It\nfn b() {}\n    /// The same, shared.\nfn c() {}\n//! Which of them.\n";
    let found: Vec<usize> = banned(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(found, [1, 7, 9]);
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
        ("fake", "src/generate/mod.rs"),
        ("zip", "src/upstream/archive/attached.rs"),
    ];
    for (package, home) in only {
        let mut is_used = false;
        for path in sources(&root().join("src")) {
            let names = code(&path).contains(&format!("{package}::"));
            // A file `mod.rs` has the whole folder for its parts.
            let is_part = home
                .strip_suffix("/mod.rs")
                .is_some_and(|folder| path.starts_with(root().join(folder)));
            let is_home = path.ends_with(home) || is_part;
            assert!(!names || is_home, "{package} in {}", path.display());
            is_used |= names;
        }
        assert!(is_used, "nothing uses {package}");
    }
}

#[test]
fn exchanges_touch_no_socket_clock_lock_or_file() {
    let rooms = [
        "generate", "codec", "validate", "errors", "entity", "exchange",
    ];
    for path in rooms
        .iter()
        .flat_map(|room| sources(&root().join("src").join(room)))
    {
        for forbidden in [
            "std::fs",
            "std::net",
            "std::time",
            "Mutex",
            "RwLock",
            "tokio",
            "std::env",
        ] {
            assert!(
                !code(&path).contains(forbidden),
                "{} uses {forbidden}",
                path.display()
            );
        }
    }
}

#[test]
fn files_stay_below_the_ceiling() {
    for path in sources(&root().join("src")) {
        let lines = fs::read_to_string(&path)
            .expect("can be read")
            .lines()
            .count();
        let most = if path.ends_with("src/main.rs") {
            60
        } else {
            700
        };
        assert!(lines <= most, "{} has {lines} lines", path.display());
    }
}

/// Everything that the tests say.
fn tests_text() -> String {
    let cases = support::files(&root().join("tests/cases"));
    let sources = [
        "check",
        "commands",
        "documents",
        "drift",
        "faults",
        "import",
        "listeners",
        "mcp",
        "options",
        "outcome",
        "proxy",
        "proxy/recording",
        "proxy/sandbox",
        "reload",
        "serving",
    ]
    .map(|name| root().join(format!("tests/{name}.rs")));
    cases
        .iter()
        .chain(&sources)
        .map(|path| fs::read_to_string(path).expect("can be read"))
        .collect()
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
    for kind in problem::ProblemKind::ALL {
        assert!(
            text.contains(&format!("{}{}", problem::TYPES, kind.name())),
            "no case has `{}`",
            kind.name()
        );
    }
}

#[test]
fn every_option_has_a_case_and_stands_in_the_readme() {
    use clap::CommandFactory as _;
    let text = tests_text();
    let readme = fs::read_to_string(root().join("README.md")).expect("can be read");
    for command in standin::cli::Command::command().get_subcommands() {
        assert!(
            readme.contains(&format!("standin {}", command.get_name())),
            "README has no `{}`",
            command.get_name()
        );
        for option in command
            .get_opts()
            .filter_map(clap::Arg::get_long)
            .filter(|name| *name != "help")
        {
            assert!(
                text.contains(&format!("--{option}")),
                "no case has `--{option}`"
            );
            assert!(
                readme.contains(&format!("--{option}")),
                "README has no `--{option}`"
            );
        }
    }
}
