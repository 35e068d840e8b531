//! How much of the machine answers cost over loopback, beside a bare `hyper` server and themselves.
//!
//! `cargo bench --bench serve -- [ROUNDS] [MILLISECONDS]`: two servers are asked in turns, in short rounds;
//! what is told are the ratios of the rounds side by side.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have a few digits"
)]

#[path = "support/asking.rs"]
mod asking;
#[path = "support/contacts.rs"]
mod contacts;
#[path = "support/documents.rs"]
mod documents;
#[path = "support/results.rs"]
mod results;
#[path = "support/servers.rs"]
mod servers;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use asking::{Round, measure, told};
use bytes::Bytes;
use contacts::{CONTACT, KEPT, WRONG_CONTACT};
use documents::{CONTACTS, GENERATED, SHOWN};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonschema::Validator;
use serde_json::{Value, json};
use servers::Server;
use standin::{Body, Input, Reading, Response, Sandbox, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

/// The allocator of Standin, so that it is the same in both.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many connections rest after one request each, and for how long before the memory is read that they take.
const RESTING: usize = 5000;
const REST: Duration = Duration::from_secs(7);

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [first, document] = arguments.as_slice()
        && first == "bare"
    {
        return bare(Path::new(document));
    }
    let number = |at: usize, otherwise| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    compare(number(0, 7), Duration::from_millis(number(1, 700) as u64));
}

/// A request as text.
#[derive(Clone, Copy)]
enum Asked {
    Shown,
    Generated,
    Kept,
    Posted,
    Wrong,
}

impl Asked {
    fn text(self) -> String {
        let tokens = "X-Auth-Token: t\r\nX-User-Id: u\r\n";
        let post = |body: &str| {
            format!(
                "POST {CONTACTS} HTTP/1.1\r\nHost: localhost\r\n{tokens}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        match self {
            Self::Shown => format!("GET {SHOWN} HTTP/1.1\r\nHost: localhost\r\n{tokens}\r\n"),
            Self::Generated => {
                format!("GET {GENERATED} HTTP/1.1\r\nHost: localhost\r\n{tokens}\r\n")
            }
            Self::Kept => format!("GET {KEPT} HTTP/1.1\r\nHost: localhost\r\n{tokens}\r\n"),
            Self::Posted => post(CONTACT),
            Self::Wrong => post(WRONG_CONTACT),
        }
    }

    fn status(self) -> &'static str {
        if matches!(self, Self::Wrong) {
            "400"
        } else {
            "200"
        }
    }
}

/// What is compared: a name, the goals, and who is asked what.
struct Pair<'s> {
    name: &'static str,
    processor: f64,
    throughput: Option<f64>,
    base: (&'s Server, Asked),
    other: (&'s Server, Asked),
}

#[allow(clippy::too_many_lines, reason = "one comparison after the other")]
fn compare(rounds: usize, length: Duration) {
    let one = results::written("one.json", &documents::document(3));
    let many = results::written("many.json", &documents::document(1100));
    let mut twelve = vec![one.clone()];
    for number in 1..12 {
        let mut document = documents::document_below(&format!("/others{number}"), 100);
        document["servers"] = json!([{"url": format!("/document{number}")}]);
        twelve.push(results::written(
            &format!("document{number}.json"),
            &document,
        ));
    }
    let quiet = ["--log", "off"];
    let bare = Server::start(
        Command::new(std::env::current_exe().expect("runs"))
            .arg("bare")
            .arg(&one),
    );
    let (many, twelve) = (standin(&[many], &quiet), standin(&twelve, &quiet));
    let remembering = standin(
        std::slice::from_ref(&one),
        &["--log", "off", "--state", "on"],
    );
    let forgetful = standin(
        std::slice::from_ref(&one),
        &["--log", "off", "--journal", "0"],
    );
    let (logging, one) = (
        standin(std::slice::from_ref(&one), &[]),
        standin(&[one], &quiet),
    );
    let pair = |name, processor, throughput, base, other| Pair {
        name,
        processor,
        throughput,
        base,
        other,
    };
    let itself = |name, other| Pair {
        name,
        processor: 1.05,
        throughput: None,
        base: (&one, Asked::Shown),
        other,
    };
    let pairs = [
        pair(
            "GET, example / bare",
            1.15,
            Some(0.9),
            (&bare, Asked::Shown),
            (&one, Asked::Shown),
        ),
        pair(
            "POST, validated / bare",
            1.2,
            Some(0.85),
            (&bare, Asked::Posted),
            (&one, Asked::Posted),
        ),
        pair(
            "POST, rejected / validated",
            1.6,
            None,
            (&one, Asked::Posted),
            (&one, Asked::Wrong),
        ),
        pair(
            "GET, generated / example",
            2.0,
            None,
            (&one, Asked::Shown),
            (&one, Asked::Generated),
        ),
        pair(
            "GET, remembered / example",
            2.0,
            None,
            (&one, Asked::Shown),
            (&remembering, Asked::Kept),
        ),
        pair(
            "POST, remembered / validated",
            2.0,
            None,
            (&one, Asked::Posted),
            (&remembering, Asked::Posted),
        ),
        pair(
            "GET, with a journal / without",
            1.2,
            None,
            (&forgetful, Asked::Shown),
            (&one, Asked::Shown),
        ),
        itself("GET, 1,100 operations / 3", (&many, Asked::Shown)),
        pair(
            "POST, 1,100 operations / 3",
            1.05,
            None,
            (&one, Asked::Posted),
            (&many, Asked::Posted),
        ),
        pair(
            "rejected, 1,100 operations / 3",
            1.05,
            None,
            (&one, Asked::Wrong),
            (&many, Asked::Wrong),
        ),
        itself("GET, 12 documents / 1", (&twelve, Asked::Shown)),
        pair(
            "POST, 12 documents / 1",
            1.05,
            None,
            (&one, Asked::Posted),
            (&twelve, Asked::Posted),
        ),
        pair(
            "GET, with a log / without",
            1.5,
            None,
            (&one, Asked::Shown),
            (&logging, Asked::Shown),
        ),
    ];
    let client = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("builds");
    asking::heading(rounds, length);
    let mut results = Vec::new();
    for pair in &pairs {
        let ask = |(server, asked): (&Server, Asked), length| {
            measure(&client, server, (&asked.text(), asked.status()), length)
        };
        ask(pair.base, length / 4);
        ask(pair.other, length / 4);
        let measured: Vec<(Round, Round)> = (0..rounds)
            .map(|_| (ask(pair.base, length), ask(pair.other, length)))
            .collect();
        let mut told = told(pair.name, (pair.processor, pair.throughput), &measured);
        told["memory"] = json!(pair.other.0.memory());
        results.push(told);
    }
    println!("\nmemory of an idle connection after one request, of {RESTING}:");
    for (name, server) in [("bare", &bare), ("Standin", &one)] {
        if let Some(bytes) = resting(&client, server) {
            println!("{name:<32} {bytes:>8} bytes");
            results.push(json!({"what": format!("idle connection, {name}"), "bytes": bytes}));
        }
    }
    results::keep("serve.json", &Value::Array(results));
}

/// The memory that a connection takes which was asked once and is idle since, in bytes.
fn resting(client: &runtime::Runtime, server: &Server) -> Option<u64> {
    let request = Asked::Shown.text();
    let before = server.memory()?;
    let streams = client.block_on(async {
        let mut streams = Vec::with_capacity(RESTING);
        for _ in 0..RESTING {
            let mut stream = TcpStream::connect(&server.address).await.expect("connects");
            stream
                .write_all(request.as_bytes())
                .await
                .expect("is written");
            let _some = stream.read(&mut [0; 4096]).await.expect("is read");
            streams.push(stream);
        }
        tokio::time::sleep(REST).await;
        streams
    });
    let after = server.memory()?;
    drop(streams);
    Some(after.saturating_sub(before) / RESTING as u64)
}

/// Starts `standin serve` on a free port.
fn standin(documents: &[PathBuf], options: &[&str]) -> Server {
    let documents = documents.iter().map(|path| path.to_str().expect("is text"));
    let documents: Vec<&str> = documents.collect();
    Server::program(&[&["serve", "--port", "0"], options, &documents].concat())
}

/// The least that a server must do for the same answers: `hyper` alone; for a post, `serde_json` and the
/// same compiled validator.
fn bare(document: &Path) {
    let inputs = [Input::Path(document.to_owned())];
    let sandbox = Sandbox::load(&inputs, None, &Reading::default(), Settings::default());
    let answered = |request: http::Request<Body>| sandbox.answer(&request).0;
    let tokens = |builder: http::request::Builder| {
        builder.header("X-Auth-Token", "t").header("X-User-Id", "u")
    };
    let shown = answered(
        tokens(http::Request::get(SHOWN))
            .body(Body::Complete(Bytes::new()))
            .expect("is one"),
    );
    let post = tokens(http::Request::post(CONTACTS)).header("Content-Type", "application/json");
    let posted = answered(
        post.body(Body::Complete(Bytes::from_static(CONTACT.as_bytes())))
            .expect("is one"),
    );
    let schema = compiled(document);
    let fixed = Arc::new((shown, posted, schema));
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("builds");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        println!(
            "listening on http://{}",
            listener.local_addr().expect("is bound")
        );
        loop {
            let (stream, _) = listener.accept().await.expect("accepts");
            stream.set_nodelay(true).expect("can be set");
            let fixed = Arc::clone(&fixed);
            let service = service_fn(move |request| {
                let fixed = Arc::clone(&fixed);
                async move { Ok::<_, Infallible>(unavoidable(request, &fixed).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
}

/// The validator of what is posted, as anybody would compile it.
fn compiled(document: &Path) -> Validator {
    let text = std::fs::read_to_string(document).expect("can be read");
    let mut tree: Value = serde_json::from_str(&text).expect("is JSON");
    let path = CONTACTS.replace('/', "~1");
    tree["$ref"] =
        format!("#/paths/{path}/post/requestBody/content/application~1json/schema").into();
    jsonschema::validator_for(&tree).expect("compiles")
}

async fn unavoidable(
    request: http::Request<Incoming>,
    (shown, posted, schema): &(Response, Response, Validator),
) -> http::Response<Full<Bytes>> {
    if request.method() == http::Method::GET {
        return shown.clone().map(Full::new);
    }
    let body = request
        .into_body()
        .collect()
        .await
        .expect("is read")
        .to_bytes();
    let value: Value = serde_json::from_slice(&body).expect("is JSON");
    assert!(schema.is_valid(&value));
    posted.clone().map(Full::new)
}
