//! Asks servers over many connections, and tells what that costs.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::results;
use crate::servers::Server;

/// How many connections ask at a time.
pub(crate) const CONNECTIONS: usize = 64;

/// What a round told.
pub(crate) struct Round {
    pub requests: f64,
    pub seconds: f64,
    /// In microseconds a request.
    pub processor: Option<f64>,
    /// In microseconds: the middle, and what 1 of 100 and 1 of 1,000 take longer than.
    pub latency: [f64; 3],
}

/// Prints the heading of the lines of [`told`].
pub(crate) fn heading(rounds: usize, length: Duration) {
    println!(
        "{CONNECTIONS} connections, {rounds} rounds of {length:?} each; ratio: middle (least–greatest)\n"
    );
    println!(
        "{:<32} {:>8} {:>24} {:>24}   µs a request; req/s; p50, p99, p99.9 µs",
        "what", "goal", "processor", "throughput"
    );
}

/// Prints a line, and gives it as JSON.
pub(crate) fn told(
    name: &str,
    (most, least): (f64, Option<f64>),
    measured: &[(Round, Round)],
) -> Value {
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
    let shown = |[low, middle, high]: [f64; 3]| format!("{middle:.2} ({low:.2}–{high:.2})");
    let middle = |of: &dyn Fn(&Round) -> f64| {
        results::spread(&measured.iter().map(|(_, b)| of(b)).collect::<Vec<_>>())[1]
    };
    let latency: Vec<f64> = (0..3)
        .map(|at| middle(&|round| round.latency[at]))
        .collect();
    println!(
        "{:<32} {:>8} {:>24} {:>24}   {:.2}; {:.0}; {:.0}, {:.0}, {:.0}",
        name,
        least.map_or_else(|| format!("≤{most}"), |least| format!("≤{most} ≥{least}")),
        processor.map_or_else(|| "–".to_owned(), shown),
        shown(throughput),
        middle(&|round| round.processor.unwrap_or_default()),
        middle(&rate),
        latency[0],
        latency[1],
        latency[2],
    );
    json!({
        "what": name,
        "goals": {"processor": most, "throughput": least},
        "ratios": {"processor": processor, "throughput": throughput},
        "microseconds": middle(&|round| round.processor.unwrap_or_default()),
        "requestsPerSecond": middle(&rate),
        "latency": latency,
    })
}

/// Asks the same again and again over several connections.
pub(crate) fn measure(
    client: &Runtime,
    server: &Server,
    (request, status): (&str, &'static str),
    length: Duration,
) -> Round {
    let address: SocketAddr = server.address.parse().expect("is an address");
    let request: Rc<str> = request.into();
    let local = LocalSet::new();
    let before = server.processor_time();
    let started = Instant::now();
    let mut latencies = local.block_on(client, async {
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                tokio::task::spawn_local(ask(
                    address,
                    Rc::clone(&request),
                    status,
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
