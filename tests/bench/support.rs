//! What the benchmarks share: documents of any size, servers in processes of their own, and results.

#![allow(dead_code)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A path of [`document`] whose `GET` has an example.
pub const SHOWN: &str = "/api/v1/shown";

/// A path of [`document`] whose `GET` has only a schema.
pub const GENERATED: &str = "/api/v1/generated";

/// The path of [`document`] that contacts are posted to.
pub const CONTACTS: &str = "/api/v1/omnichannel/contacts";

/// A contact that is valid.
pub const CONTACT: &str =
    r#"{"name":"John Doe","emails":["john@example.com"],"phones":["123456789"],"contactManager":"bTcrDBrbjNmPyrnPh"}"#;

/// A contact that is not: it has no `emails`.
pub const WRONG_CONTACT: &str = r#"{"name":"John Doe","phones":["123456789"],"contactManager":"bTcrDBrbjNmPyrnPh"}"#;

/// A document of so many operations: those that are measured, and others in their midst.
pub fn document(operations: usize) -> Value {
    document_below("/others", operations)
}

/// The same with its other operations below a path of its own.
pub fn document_below(base: &str, operations: usize) -> Value {
    let text = include_str!("../../specs/omnichannel-contacts.yaml");
    let mut document: Value = serde_yaml::from_str(text).expect("is YAML");
    let contacts = document["paths"][CONTACTS].take();
    let entity = json!({"type": "object", "required": ["id", "name"], "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
    }});
    let answer = |content: Value| json!({"200": {"description": "", "content": {"application/json": content}}});
    let example = json!({"id": "a1", "name": "Ada", "age": 36});
    let mut paths = serde_json::Map::new();
    let measured = [
        (SHOWN, json!({"get": {"responses": answer(json!({"schema": entity, "example": example}))}})),
        (GENERATED, json!({"get": {"responses": answer(json!({"schema": entity}))}})),
        (CONTACTS, json!({"post": contacts["post"]})),
    ];
    for number in 0..operations.saturating_sub(measured.len()) {
        if number == operations / 2 {
            paths.extend(measured.iter().map(|(path, item)| ((*path).to_owned(), item.clone())));
        }
        let path = format!("{base}/{}/{{id}}/kind{number}", number % 37);
        let parameter = json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}]);
        let item = json!({"get": {"parameters": parameter, "responses": answer(json!({"schema": entity}))}});
        paths.insert(path, item);
    }
    paths.extend(measured.iter().map(|(path, item)| ((*path).to_owned(), item.clone())));
    document["paths"] = Value::Object(paths);
    document
}

/// A place for what the benchmarks write: `target/tmp`.
pub fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Writes a document as JSON and says where.
pub fn written(name: &str, document: &Value) -> PathBuf {
    let path = place(name);
    fs::write(&path, document.to_string()).expect("can be written");
    path
}

/// A server in a process of its own, which ends with this value.
pub struct Server {
    child: Child,
    /// `127.0.0.1:4010`
    pub address: String,
}

impl Server {
    /// Starts a command that prints `listening on http://…`.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let out = child.stdout.take().expect("is piped");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("prints");
        let address = line.trim().strip_prefix("listening on http://").expect("listens").to_owned();
        Self { child, address }
    }

    /// Starts Standin on a free port.
    pub fn standin(documents: &[PathBuf], options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_standin"));
        // Away from the fixtures of the project.
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        Self::start(command.arg("serve").args(["--port", "0"]).args(options).args(documents))
    }

    /// The processor time that it has used, in nanoseconds; none where the system does not say.
    pub fn processor_time(&self) -> Option<u64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        Some(tasks.flatten().filter_map(of_task).sum())
    }

    /// The memory that it has, in bytes.
    pub fn memory(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The least, the middle one and the greatest.
pub fn spread(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

/// Writes results as JSON, and says where.
pub fn keep(name: &str, results: &Value) {
    let path = place(name);
    fs::write(&path, format!("{results:#}\n")).expect("can be written");
    println!("\nas JSON: {}", path.display());
}
