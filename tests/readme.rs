//! Runs the transcripts of README: does the program print what README shows?
//!
//! Each block of the language `console` is a transcript. Lines that begin with `$ ` are commands; a command that ends
//! in a backslash continues on the next line. The lines after a command are its expected output, in which `…` matches
//! any text.
//!
//! Commands run in a folder with the files that README shows, as a reader has them: blocks of the language `yaml` whose
//! first line is a comment with a path, such as `# pets.yaml`. Commands that begin with `cargo run` run in the repository.
//!
//! A `serve` command starts a server with its options, which answers the `curl` commands after it in the same block.
//! The `curl` commands of other blocks use one server for `pets.yaml`.

#![cfg(unix)]

use std::env;
use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_standin");

/// The repository.
const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The beginnings of commands that run the program, with the place where they run.
const PROGRAM_NAMES: [(&str, Place); 2] = [
    ("cargo run --release -- ", Place::Repository),
    ("standin ", Place::Folder),
];

/// The address of servers in README.
const DOCUMENTED_ADDRESS: &str = "127.0.0.1:4010";

/// The line, up to the address, that a server prints when it answers.
const LISTENING: &str = "listening on http://";

/// `curl` without the user's configuration, without a progress meter and without a proxy.
const CURL: &str = "curl --disable --silent --show-error --max-time 30 --noproxy '*' ";

/// The longest time to wait for a line of a server: it checks the documents in the background.
const PATIENCE: Duration = Duration::from_secs(30);

/// The place where a command runs.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The repository.
    Repository,
    /// The folder with the files that README shows.
    Folder,
}

/// A block of README, with the number of each line, from 1.
#[derive(Debug)]
struct Block<'a> {
    language: &'a str,
    lines: Vec<(&'a str, usize)>,
}

/// A block of README with commands and their output.
#[derive(Debug)]
struct Transcript {
    steps: Vec<Step>,
}

/// One command, and the output that README shows.
#[derive(Debug, Clone)]
struct Step {
    /// The line of README, from 1.
    line: usize,
    command: String,
    expected: String,
}

/// What a command of README is.
enum Action {
    /// Starts a server with these arguments.
    Serve(Place, Vec<String>),
    /// Sends a request with this shell command.
    Request(String),
    /// Runs the program with this shell command.
    Run(Place, String),
}

/// A command whose output differs from README.
#[derive(Debug)]
struct Difference {
    step: Step,
    actual: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step {
            line,
            command,
            expected,
        } = &self.step;
        write!(
            f,
            "README.md:{line}: $ {command}\nexpected:\n{expected}\nactual:\n{}\n",
            self.actual
        )
    }
}

/// Returns the fenced blocks of a Markdown text.
fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().zip(1..);
    while let Some((line, _)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let lines = lines
                .by_ref()
                .take_while(|(line, _)| *line != "```")
                .collect();
            blocks.push(Block { language, lines });
        }
    }
    blocks
}

/// Returns the transcripts of a Markdown text.
fn transcripts(markdown: &str) -> Vec<Transcript> {
    let blocks = blocks(markdown).into_iter();
    let consoles = blocks.filter(|block| block.language == "console");
    consoles
        .map(|block| Transcript {
            steps: steps(&block.lines),
        })
        .collect()
}

/// Returns the YAML files that a Markdown text shows, with their paths.
fn files(markdown: &str) -> Vec<(&str, String)> {
    let mut files = Vec::new();
    for block in blocks(markdown) {
        let path = block
            .lines
            .first()
            .and_then(|(line, _)| line.strip_prefix("# "))
            .filter(|path| !path.contains(' '))
            .filter(|path| {
                Path::new(path)
                    .extension()
                    .is_some_and(|name| name == "yaml")
            });
        if let Some(path) = path.filter(|_| block.language == "yaml") {
            let lines: Vec<&str> = block.lines.iter().map(|(line, _)| *line).collect();
            files.push((path, lines.join("\n")));
        }
    }
    files
}

/// Writes files to a new folder.
fn folder_with(files: &[(&str, String)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    // It is there if the test ran before.
    let _absent = fs::remove_dir_all(&folder);
    for (path, text) in files {
        let path = folder.join(path);
        let parent = path.parent().expect("a path below the folder has a parent");
        fs::create_dir_all(parent).expect("the folder can be made");
        fs::write(&path, text).expect("the file can be written");
    }
    folder
}

/// Splits a block into commands with their output.
fn steps(block: &[(&str, usize)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_continued = false;
    for (text, line) in block {
        match (text.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) if !is_continued => {
                steps.push(Step {
                    line: *line,
                    command: command.to_owned(),
                    expected: String::new(),
                });
            }
            (_, Some(step)) if is_continued => {
                step.command.push('\n');
                step.command.push_str(text);
            }
            (_, Some(step)) => {
                step.expected.push_str(text);
                step.expected.push('\n');
                continue;
            }
            (_, None) => panic!("README.md:{line}: a transcript begins with a command"),
        }
        is_continued = text.ends_with('\\');
    }
    steps
}

/// Returns what a command does; panics if README uses a command that this test does not know.
fn action(step: &Step) -> Action {
    let command = step.command.as_str();
    if let Some(arguments) = command.strip_prefix("curl ") {
        return Action::Request(format!("{CURL}{arguments}"));
    }
    let known = PROGRAM_NAMES
        .iter()
        .find_map(|(name, place)| Some((*place, command.strip_prefix(name)?)));
    let (place, arguments) =
        known.unwrap_or_else(|| panic!("README.md:{}: unknown command `{command}`", step.line));
    if arguments.split_whitespace().next() == Some("serve") {
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        return Action::Serve(place, arguments);
    }
    Action::Run(place, format!("'{PROGRAM}' {arguments}"))
}

/// Checks a text against an expected one in which `…` matches any text.
fn fits(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = actual.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// Runs a command in a shell and returns its output and errors.
fn output(folder: &Path, command: &str) -> String {
    let mut shell = shell(folder, &format!("exec 2>&1\n{command}"));
    let output = shell.output().expect("there is a shell");
    String::from_utf8_lossy(&output.stdout).replace('\r', "")
}

/// Prepares a shell in a folder, without the options that the environment sets.
fn shell(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .current_dir(folder)
        .args(["-c", script])
        .stdin(Stdio::null());
    for (name, _) in
        env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("STANDIN_"))
    {
        command.env_remove(name);
    }
    command
}

/// Reports whether `curl` is installed.
fn has_curl() -> bool {
    Command::new("curl")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// A server that is stopped when it is dropped.
struct Server {
    child: Child,
    /// `127.0.0.1:41234`
    address: String,
    /// Lines that come later.
    lines: Receiver<String>,
    /// Lines that were printed before the server listened and are not compared yet.
    early: Vec<String>,
}

impl Server {
    /// Starts the program in a folder, on a free port, and waits until it listens.
    fn start(folder: &Path, arguments: &[String]) -> Self {
        // `exec` lets the shell become the server, so that `kill` reaches it.
        let mut command = shell(folder, "exec \"$0\" \"$@\" 2>&1");
        command
            .arg(PROGRAM)
            .args(arguments)
            .args(["--port", "0"])
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("there is a shell");
        let lines = lines(child.stdout.take().expect("standard output is piped"));
        let mut server = Self {
            child,
            address: String::new(),
            lines,
            early: Vec::new(),
        };
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = server.next_line(deadline) {
            if let Some(address) = line.strip_prefix(LISTENING) {
                address.clone_into(&mut server.address);
                return server;
            }
            server.early.push(line);
        }
        panic!(
            "`serve` does not listen; it prints:\n{}",
            server.early.join("\n")
        );
    }

    /// Returns the next line; none when the server ends or the deadline passes.
    fn next_line(&self, deadline: Instant) -> Option<String> {
        self.lines
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .ok()
    }

    /// Returns what the server prints, if it does not print the expected lines in this order.
    ///
    /// Other lines may come between them: notes about a slow check or about limits of the system. The line with the
    /// address is compared separately, because a slow check ends after it.
    fn differs(&mut self, expected: &str) -> Option<String> {
        let (listening, loading): (Vec<&str>, Vec<&str>) = expected
            .lines()
            .filter(|line| *line != "…")
            .partition(|line| line.starts_with(LISTENING));
        let mut printed = Vec::new();
        let mut early = std::mem::take(&mut self.early).into_iter();
        let deadline = Instant::now() + PATIENCE;
        let mut has = |wanted: &str| {
            while let Some(line) = early.next().or_else(|| self.next_line(deadline)) {
                let is_wanted = fits(wanted, &line);
                printed.push(line);
                if is_wanted {
                    return true;
                }
            }
            false
        };
        let is_loaded = loading.into_iter().all(&mut has);
        let is_listening = listening == [format!("{LISTENING}{DOCUMENTED_ADDRESS}")];
        printed.push(format!("{LISTENING}{DOCUMENTED_ADDRESS}"));
        (!is_loaded || !is_listening).then(|| printed.join("\n"))
    }

    /// Returns what a request prints, with the address of README.
    fn request(&self, command: &str) -> String {
        let command = command.replace(DOCUMENTED_ADDRESS, &self.address);
        output(Path::new(REPOSITORY), &command).replace(&self.address, DOCUMENTED_ADDRESS)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails only if the server ended before.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Reads lines on a separate thread, until the end: a full pipe would block the server.
fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // The receiver may be gone; reading goes on.
            let _received = send.send(line);
        }
    });
    receive
}

/// Runs transcripts, and starts the server for `pets.yaml` when the first request needs it.
struct Runner {
    /// The folder with the files that README shows.
    folder: PathBuf,
    shared: Option<Server>,
}

impl Runner {
    fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            shared: None,
        }
    }

    /// Returns the current folder of commands.
    fn path(&self, place: Place) -> &Path {
        match place {
            Place::Repository => Path::new(REPOSITORY),
            Place::Folder => &self.folder,
        }
    }

    /// Runs the commands of a transcript in order and returns those whose output differs.
    fn differences(&mut self, transcript: &Transcript, has_curl: bool) -> Vec<Difference> {
        let mut own: Option<Server> = None;
        let mut differences = Vec::new();
        for step in &transcript.steps {
            let actual = match action(step) {
                Action::Serve(place, arguments) => {
                    let mut server = Server::start(self.path(place), &arguments);
                    let actual = server.differs(&step.expected);
                    own = Some(server);
                    actual
                }
                Action::Request(_) if !has_curl => {
                    eprintln!(
                        "README.md:{}: skipped, because `curl` is not installed",
                        step.line
                    );
                    None
                }
                Action::Request(command) => {
                    let server = own.as_ref().unwrap_or_else(|| self.shared());
                    differing(&step.expected, server.request(&command))
                }
                Action::Run(place, command) => {
                    differing(&step.expected, output(self.path(place), &command))
                }
            };
            differences.extend(actual.map(|actual| Difference {
                step: step.clone(),
                actual,
            }));
        }
        differences
    }

    /// Returns the server for `pets.yaml`.
    fn shared(&mut self) -> &Server {
        let arguments = ["serve".to_owned(), "pets.yaml".to_owned()];
        let folder = &self.folder;
        self.shared
            .get_or_insert_with(|| Server::start(folder, &arguments))
    }
}

/// Returns the actual output if it differs. Empty lines at the end do not count.
fn differing(expected: &str, actual: String) -> Option<String> {
    (!fits(
        expected.trim_end_matches('\n'),
        actual.trim_end_matches('\n'),
    ))
    .then_some(actual)
}

#[test]
fn readme_shows_what_the_program_prints() {
    let readme = fs::read_to_string(Path::new(REPOSITORY).join("README.md"))
        .expect("README is in the repository");
    let transcripts = transcripts(&readme);
    assert!(!transcripts.is_empty(), "README has no transcript");
    let mut runner = Runner::in_folder(folder_with(&files(&readme)));
    let has_curl = has_curl();
    let differences = transcripts
        .iter()
        .flat_map(|transcript| runner.differences(transcript, has_curl));
    let differences: Vec<String> = differences
        .map(|difference| difference.to_string())
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_changed_transcript_differs() {
    let changed = [
        "```console\n$ standin check\n5 operations from 2 documents, 0 errors, 0 warnings\n```\n",
        "```console\n$ standin check; echo \"exit code $?\"\n…\nexit code 1\n```\n",
        "```console\n$ standin completions bash\n```\n",
    ];
    for markdown in changed {
        let transcripts = transcripts(markdown);
        let mut runner = Runner::in_folder(REPOSITORY);
        let differences = runner.differences(&transcripts[0], false);
        assert_eq!(differences.len(), 1, "{markdown}");
    }
}

#[test]
fn commands_continue_and_output_follows_them() {
    let markdown = "text\n```console\n$ curl a \\\n    -d b\none\n\ntwo\n$ standin check\n```\n```sh\n$ no\n```\n";
    let transcripts = transcripts(markdown);
    assert_eq!(transcripts.len(), 1);
    let [curl, check] = transcripts[0].steps.as_slice() else {
        panic!("two commands are expected")
    };
    assert_eq!(
        (curl.line, curl.command.as_str(), curl.expected.as_str()),
        (3, "curl a \\\n    -d b", "one\n\ntwo\n")
    );
    assert_eq!(
        (check.line, check.command.as_str(), check.expected.as_str()),
        (8, "standin check", "")
    );
}

#[test]
fn the_first_line_of_a_file_is_its_path() {
    let markdown = "```yaml\n# fixtures/pets.yaml\na: 1\n```\n```yaml\n# not a path.yaml\n```\n```sh\n# b.yaml\n```\n";
    let expected = (
        "fixtures/pets.yaml",
        "# fixtures/pets.yaml\na: 1".to_owned(),
    );
    assert_eq!(files(markdown), [expected]);
}

#[test]
fn an_ellipsis_matches_any_text() {
    for (expected, actual) in [
        ("a", "a"),
        ("a…", "a"),
        ("a…d", "abcd"),
        ("a…c…e", "abcde"),
        ("…", "any\ntext"),
    ] {
        assert!(fits(expected, actual), "{expected} fits {actual}");
    }
    for (expected, actual) in [
        ("a", "ab"),
        ("a…d", "abc"),
        ("a…c…e", "abe"),
        ("ab…ba", "aba"),
        ("", "a"),
    ] {
        assert!(!fits(expected, actual), "{expected} does not fit {actual}");
    }
}
