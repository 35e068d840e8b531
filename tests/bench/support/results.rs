//! What is written: documents to start with, and results.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A place for what the benchmarks write: `target/tmp`.
pub(crate) fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Writes a document as JSON and says where.
pub(crate) fn written(name: &str, document: &Value) -> PathBuf {
    let path = place(name);
    fs::write(&path, document.to_string()).expect("can be written");
    path
}

/// The least, the middle one and the greatest.
pub(crate) fn spread(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    ]
}

/// Writes results as JSON, and says where.
pub(crate) fn keep(name: &str, results: &Value) {
    let path = place(name);
    fs::write(&path, format!("{results:#}\n")).expect("can be written");
    println!("\nas JSON: {}", path.display());
}
