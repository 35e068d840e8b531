//! How long a cold start takes until the first answer, beside the plain parse of the same file; and what
//! memory it needs.
//!
//! `cargo bench --bench start -- [ROUNDS]`. With `STANDIN_CORPUS` real documents are taken too.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have a few digits"
)]

#[path = "support/documents.rs"]
mod documents;
#[path = "support/results.rs"]
mod results;
#[path = "support/servers.rs"]
mod servers;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use servers::Server;

/// Real documents by their place in the corpus, and the goal for them.
const REAL: [(&str, f64); 3] = [
    ("octokit__openapi/api.github.com.json", 1.5),
    ("RocketChat__Rocket.Chat-Open-API/omnichannel.yaml", 1.3),
    ("twilio__twilio-oai/spec/yaml/twilio_api_v2010.yaml", 1.3),
];

/// How long a server is left alone before its memory is read: what goes on in the background is over.
const SETTLED: Duration = Duration::from_secs(7);

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [first, file] = arguments.as_slice()
        && first == "parse"
    {
        return parse(Path::new(file));
    }
    let rounds = arguments
        .first()
        .and_then(|text| text.parse().ok())
        .unwrap_or(7);
    println!("{rounds} rounds; from the start of the process; middle (least–greatest)\n");
    println!(
        "{:<34} {:>8} {:>22} {:>22} {:>24} {:>20}",
        "document", "size", "plain parse, ms", "first answer, ms", "ratio", "memory, × the file"
    );
    let results = documents()
        .iter()
        .map(|(document, goal)| compare(document, *goal, rounds))
        .collect();
    results::keep("start.json", &Value::Array(results));
}

/// What is started with: the documents of the project, others by size, and real ones.
fn documents() -> Vec<(PathBuf, Option<f64>)> {
    let yaml = |name: &str, operations| {
        let path = results::place(name);
        // Through text, because a number of JSON is no number to other writers.
        let json = documents::document(operations).to_string();
        let tree: serde_yaml::Value = serde_yaml::from_str(&json).expect("JSON is YAML");
        let text = serde_yaml::to_string(&tree).expect("is YAML");
        std::fs::write(&path, text).expect("can be written");
        path
    };
    let mut documents = vec![
        (
            Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/omnichannel-contacts.yaml"),
            None,
        ),
        (
            results::written("small.json", &documents::document(100)),
            None,
        ),
        (
            results::written("large.json", &documents::document(30_000)),
            Some(1.5),
        ),
        (yaml("small.yaml", 1_000), Some(1.3)),
        (yaml("large.yaml", 45_000), Some(1.3)),
    ];
    if let Some(corpus) = std::env::var_os("STANDIN_CORPUS") {
        documents.extend(
            REAL.iter()
                .map(|(name, goal)| (Path::new(&corpus).join(name), Some(*goal))),
        );
    }
    documents
}

fn compare(document: &Path, goal: Option<f64>, rounds: usize) -> Value {
    let size = std::fs::metadata(document).expect("is there").len();
    let asked = asked(document);
    let rounds: Vec<(f64, f64)> = (0..rounds)
        .map(|_| (parsed(document), answered(document, &asked).0))
        .collect();
    let plain = results::spread(&rounds.iter().map(|(plain, _)| *plain).collect::<Vec<_>>());
    let start = results::spread(&rounds.iter().map(|(_, start)| *start).collect::<Vec<_>>());
    let ratio = results::spread(
        &rounds
            .iter()
            .map(|(plain, start)| start / plain)
            .collect::<Vec<_>>(),
    );
    let (_, server) = answered(document, &asked);
    let processor = server.processor_time().map(|nanos| nanos as f64 / 1e6);
    std::thread::sleep(SETTLED);
    let memory = server.memory().unwrap_or_default();
    let shown = |[least, middle, most]: [f64; 3], places: usize| {
        format!("{middle:.places$} ({least:.places$}–{most:.places$})")
    };
    let goal_shown = goal.map(|goal| format!(" ≤{goal}")).unwrap_or_default();
    println!(
        "{:<34} {:>5} KB {:>22} {:>22} {:>24} {:>12.1} MB {:>5.1}",
        document.file_name().unwrap_or_default().to_string_lossy(),
        size / 1024,
        shown(plain, 1),
        shown(start, 1),
        format!("{}{goal_shown}", shown(ratio, 2)),
        memory as f64 / 1e6,
        memory as f64 / size as f64,
    );
    json!({"document": document.file_name().map(|name| name.to_string_lossy().into_owned()), "bytes": size,
        "parse": plain, "start": start, "processor": processor, "ratio": ratio, "goal": goal, "memory": memory})
}

/// The path that is asked for: the first one whose operation reads, without parameters.
fn asked(document: &Path) -> String {
    let text = std::fs::read_to_string(document).expect("can be read");
    let value: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(_) => serde_yaml::from_str(&text).expect("is YAML"),
    };
    let mut paths = value["paths"].as_object().expect("has paths").iter();
    let found = paths.find(|(path, item)| item.get("get").is_some() && !path.contains('{'));
    found.map_or("/nowhere", |(path, _)| path).to_owned()
}

/// The milliseconds that a process takes to read the file into a value.
fn parsed(document: &Path) -> f64 {
    let started = Instant::now();
    let mut command = Command::new(std::env::current_exe().expect("runs"));
    let mut child = command
        .arg("parse")
        .arg(document)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("is piped"))
        .read_line(&mut line)
        .expect("prints");
    let took = started.elapsed().as_secs_f64() * 1000.0;
    assert!(child.wait().expect("ends").success());
    took
}

fn parse(document: &Path) {
    let text = std::fs::read_to_string(document).expect("can be read");
    let is_json = document
        .extension()
        .is_some_and(|extension| extension == "json");
    let is_object = if is_json {
        serde_json::from_str::<Value>(&text)
            .expect("is JSON")
            .is_object()
    } else {
        serde_yaml::from_str::<serde_yaml::Value>(&text)
            .expect("is YAML")
            .is_mapping()
    };
    println!("{is_object}");
    // What it takes to drop the value is not asked for.
    std::process::exit(0);
}

/// The milliseconds until a server has answered, and the server.
fn answered(document: &Path, asked: &str) -> (f64, Server) {
    let started = Instant::now();
    let server = Server::program(&[
        "serve",
        "--port",
        "0",
        "--log",
        "off",
        document.to_str().expect("is text"),
    ]);
    let mut stream = TcpStream::connect(&server.address).expect("connects");
    write!(stream, "GET {asked} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("is written");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("is read");
    (started.elapsed().as_secs_f64() * 1000.0, server)
}
