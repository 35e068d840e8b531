//! Traffic with a small real API, the shop of `tests/real/shop.mjs`: does the sandbox answer like it?
//!
//! Each test is a function of `tests/real/tests.mjs`. They need `node`, and are ignored unless asked for:
//!
//! ```sh
//! cargo test --test real -- --include-ignored
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/real/tests.mjs");
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
    assert!(!trials.is_empty(), "{} has no tests", script.display());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn run(script: &Path, name: &str) -> Result<(), Failed> {
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
