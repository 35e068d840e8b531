//! How much of the machine answers cost over loopback, beside a bare `hyper` server and themselves.
//!
//! `cargo bench --bench serve -- [ROUNDS] [MILLISECONDS]`: two servers are asked in turns, in short rounds;
//! what is told are the ratios of the rounds side by side.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have a few digits"
)]

#[path = "support/contacts.rs"]
mod contacts;
#[path = "support/documents.rs"]
mod documents;
#[path = "support/results.rs"]
mod results;
#[path = "support/servers.rs"]
mod servers;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use tokio::task::LocalSet;

/// The allocator of Standin, so that it is the same in both.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many connections ask at a time.
const CONNECTIONS: usize = 64;

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

/// What a round told.
struct Round {
    requests: f64,
    seconds: f64,
    /// In microseconds a request.
    processor: Option<f64>,
    /// In microseconds: the middle, and what 1 of 100 and 1 of 1,000 take longer than.
    latency: [f64; 3],
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
    let (many, twelve) = (
        Server::standin(&[many], &quiet),
        Server::standin(&twelve, &quiet),
    );
    let remembering = Server::standin(
        std::slice::from_ref(&one),
        &["--log", "off", "--state", "on"],
    );
    let forgetful = Server::standin(
        std::slice::from_ref(&one),
        &["--log", "off", "--journal", "0"],
    );
    let (logging, one) = (
        Server::standin(std::slice::from_ref(&one), &[]),
        Server::standin(&[one], &quiet),
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
    println!(
        "{CONNECTIONS} connections, {rounds} rounds of {length:?} each; ratio: middle (least–greatest)\n"
    );
    println!(
        "{:<32} {:>8} {:>24} {:>24}   µs a request; req/s; p50, p99, p99.9 µs",
        "what", "goal", "processor", "throughput"
    );
    let mut results = Vec::new();
    for pair in &pairs {
        let ask =
            |(server, asked): (&Server, Asked), length| measure(&client, server, asked, length);
        ask(pair.base, length / 4);
        ask(pair.other, length / 4);
        let measured: Vec<(Round, Round)> = (0..rounds)
            .map(|_| (ask(pair.base, length), ask(pair.other, length)))
            .collect();
        results.push(told(pair, &measured));
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

/// Prints a line, and gives it as JSON.
fn told(pair: &Pair<'_>, measured: &[(Round, Round)]) -> Value {
    let rate = |round: &Round| round.requests / round.seconds;
    let processor: Vec<f64> = measured
        .iter()
        .filter_map(|(a, b)| Some(b.processor? / a.processor?))
        .collect();
    let processor = (!processor.is_empty()).then(|| results::spread(&processor));
    let throughput = results::spread(
        &measured
            .iter()
            .map(|(a, b)| rate(b) / rate(a))
            .collect::<Vec<_>>(),
    );
    let shown = |[least, middle, most]: [f64; 3]| format!("{middle:.2} ({least:.2}–{most:.2})");
    let middle = |of: &dyn Fn(&Round) -> f64| {
        results::spread(&measured.iter().map(|(_, b)| of(b)).collect::<Vec<_>>())[1]
    };
    let latency: Vec<f64> = (0..3)
        .map(|at| middle(&|round| round.latency[at]))
        .collect();
    println!(
        "{:<32} {:>8} {:>24} {:>24}   {:.2}; {:.0}; {:.0}, {:.0}, {:.0}",
        pair.name,
        pair.throughput.map_or_else(
            || format!("≤{}", pair.processor),
            |least| format!("≤{} ≥{least}", pair.processor)
        ),
        processor.map_or_else(|| "–".to_owned(), shown),
        shown(throughput),
        middle(&|round| round.processor.unwrap_or_default()),
        middle(&rate),
        latency[0],
        latency[1],
        latency[2],
    );
    json!({
        "what": pair.name,
        "goals": {"processor": pair.processor, "throughput": pair.throughput},
        "ratios": {"processor": processor, "throughput": throughput},
        "microseconds": middle(&|round| round.processor.unwrap_or_default()),
        "requestsPerSecond": middle(&rate),
        "latency": latency,
        "memory": pair.other.0.memory(),
    })
}

/// Asks the same again and again over several connections.
fn measure(client: &runtime::Runtime, server: &Server, asked: Asked, length: Duration) -> Round {
    let address: SocketAddr = server.address.parse().expect("is an address");
    let request: Rc<str> = asked.text().into();
    let local = LocalSet::new();
    let before = server.processor_time();
    let started = Instant::now();
    let mut latencies = local.block_on(client, async {
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                tokio::task::spawn_local(ask(
                    address,
                    Rc::clone(&request),
                    asked.status(),
                    started + length,
                ))
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.expect("does not panic"));
        }
        all
    });
    let seconds = started.elapsed().as_secs_f64();
    let used = server
        .processor_time()
        .zip(before)
        .map(|(after, before)| after - before);
    latencies.sort_unstable();
    let at = |of_1000: usize| f64::from(latencies[(latencies.len() - 1) * of_1000 / 1000]) / 1000.0;
    let requests = latencies.len() as f64;
    let processor = used.map(|nanos| nanos as f64 / 1000.0 / requests);
    Round {
        requests,
        seconds,
        processor,
        latency: [at(500), at(990), at(999)],
    }
}

/// Asks over one connection until the time is over; the time of each answer in nanoseconds.
async fn ask(address: SocketAddr, request: Rc<str>, status: &str, end: Instant) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("can be set");
    let mut buffer = vec![0; 16 * 1024];
    let mut latencies = Vec::with_capacity(4096);
    // The same request has the same answer, so the first tells how long all are.
    let mut expected = usize::MAX;
    while Instant::now() < end {
        let started = Instant::now();
        stream
            .write_all(request.as_bytes())
            .await
            .expect("is written");
        let mut read = 0;
        while read < expected {
            let more = stream.read(&mut buffer[read..]).await.expect("is read");
            assert!(more > 0, "the server closed the connection");
            read += more;
            if expected == usize::MAX {
                expected = length_of(&buffer[..read]).unwrap_or(expected);
            }
        }
        assert_eq!(
            &buffer[9..12],
            status.as_bytes(),
            "{}",
            String::from_utf8_lossy(&buffer[..read])
        );
        latencies.push(u32::try_from(started.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
    latencies
}

/// How long an answer is, once its head is there.
fn length_of(answer: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(answer);
    let head = text.find("\r\n\r\n")?;
    let length = text[..head].lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    Some(head + 4 + length.unwrap_or_default())
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
