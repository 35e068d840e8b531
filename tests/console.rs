//! The console in a real Chromium: each test is a function of `tests/console/tests.mjs`, which starts the
//! sandbox and looks at the page as a person would.
//!
//! They need `node`, Chromium, and the packages `playwright-core` and `axe-core` in the folder
//! `STANDIN_BROWSER`; `.ci/run` installs them. Without these they are ignored:
//!
//! ```sh
//! npm install --prefix /tmp/browser playwright-core axe-core
//! STANDIN_BROWSER=/tmp/browser cargo test --test console -- --include-ignored
//! ```

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/console/tests.mjs");
    let text = std::fs::read_to_string(&script).expect("the tests are there");
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("test('")?.split_once("',"))
        .map(|(name, _)| name.to_owned());
    let trials: Vec<Trial> = names
        .map(|name| {
            let (script, title) = (script.clone(), name.clone());
            Trial::test(title, move || run(&script, &name)).with_ignored_flag(true)
        })
        .collect();
    assert!(trials.len() > 10, "{} has no tests", script.display());
    let mut arguments = Arguments::from_args();
    // Two browsers at once are slower than one after the other on two processors.
    arguments.test_threads = arguments.test_threads.or(Some(1));
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(script: &PathBuf, name: &str) -> Result<(), Failed> {
    if std::env::var_os("STANDIN_BROWSER").is_none() {
        return Err(
            "`STANDIN_BROWSER` is not set to a folder with playwright-core and axe-core".into(),
        );
    }
    let output = Command::new("node")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_standin"))
        .arg(name)
        .output()
        .map_err(|error| format!("cannot run `node`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&told).into_owned().into())
}
