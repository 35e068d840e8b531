//! The same requests, sent to an API directly and through `standin proxy`: what the API gets and what the client gets
//! is the same, byte for byte, except for what README says and what [`Difference`] lists with its reason.

#[path = "proxy_identity/api.rs"]
mod api;
#[path = "proxy_identity/case.rs"]
mod case;
#[path = "proxy_identity/generated.rs"]
mod generated;
#[path = "proxy_identity/http2.rs"]
mod http2;
#[path = "proxy_identity/odd.rs"]
mod odd;
#[expect(dead_code, reason = "other tests use more")]
#[path = "support/pets.rs"]
mod pets;
#[expect(dead_code, reason = "other tests use more")]
#[path = "support/program.rs"]
mod program;
#[expect(dead_code, reason = "other tests use more")]
#[path = "support/server.rs"]
mod server;
#[path = "proxy_identity/wire.rs"]
mod wire;

use std::collections::HashSet;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use api::{Api, Step};
use case::{Case, DATE, Difference};
use pets::{folder, proxy};
use wire::{Framing, Message, name_of};

/// What both sides saw of an exchange.
#[derive(Debug, PartialEq)]
struct Seen {
    requests: Vec<Message>,
    answers: Vec<Message>,
    /// Bytes after an upgrade.
    tunnel: Vec<u8>,
}

/// Bytes that are sent after an upgrade.
const TUNNELLED: &[u8] = b"\0over the tunnel\xff";

/// Sends a case, and returns what both sides saw.
fn exchange(case: &Case, number: usize, address: &str, api: &Api) -> Seen {
    let mut stream = TcpStream::connect(address).expect("accepts");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("can be set");
    let mut reader = BufReader::new(stream.try_clone().expect("can be shared"));
    let head = case.head(number, "localhost");
    if case.waits {
        stream.write_all(&head).expect("is read");
    } else {
        let whole = [head, case.content.clone()].concat();
        stream
            .write_all(&whole.repeat(case.times))
            .expect("is read");
    }
    let (mut answers, mut tunnel) = (Vec::new(), Vec::new());
    for _ in 0..case.times {
        while let Some(mut answer) = Message::head(&mut reader) {
            let status = answer.status();
            if status == 100 {
                stream.write_all(&case.content).expect("is read");
            }
            if status == 101 {
                stream.write_all(TUNNELLED).expect("is read");
                tunnel = vec![0; TUNNELLED.len()];
                reader.read_exact(&mut tunnel).expect("comes back");
                answers.push(answer);
                break;
            }
            answer.read_answer(&case.method, &mut reader);
            answers.push(answer);
            if status >= 200 {
                break;
            }
        }
    }
    drop((stream, reader));
    Seen {
        requests: api.taken(),
        answers,
        tunnel,
    }
}

/// Fields of a connection, and those that a proxy sets: README lists them.
const REMOVED: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "transfer-encoding",
    "te",
    "upgrade",
    "host",
    "via",
];

/// Removes what README says that the proxy changes.
fn without_changes(message: &mut Message, is_request: bool) {
    let named = message
        .value("connection")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let named: HashSet<&str> = named.split(',').map(str::trim).collect();
    let own_way = |line: &[u8]| String::from_utf8_lossy(line).contains(" standin-");
    message.fields.retain(|line| {
        let name = name_of(line);
        let is_way = name == "via" && (is_request == own_way(line) || !is_request);
        let is_kept_way = name == "via" && !(is_way && own_way(line));
        let is_upgrade = name == "upgrade" && named.contains("upgrade");
        is_kept_way
            || is_upgrade
            || !(REMOVED.contains(&&*name)
                || named.contains(&*name)
                || name.starts_with("standin-"))
    });
}

/// Removes what a difference is about.
fn without(message: &mut Message, difference: Difference) {
    match difference {
        Difference::Date => message.fields.retain(|line| name_of(line) != "date"),
        Difference::Spaces => message.fields.iter_mut().for_each(|line| {
            let at = line
                .iter()
                .position(|byte| *byte == b':')
                .expect("has a name");
            *line = [&line[..at], b": ", line[at + 1..].trim_ascii()].concat();
        }),
        Difference::Order => {
            let mut names: Vec<String> = Vec::new();
            for line in &message.fields {
                if !names.contains(&name_of(line)) {
                    names.push(name_of(line));
                }
            }
            message
                .fields
                .sort_by_key(|line| names.iter().position(|name| *name == name_of(line)));
        }
        Difference::Version => {
            let line = String::from_utf8_lossy(&message.start).replace("HTTP/1.0", "HTTP/1.1");
            message.start = line.into_bytes();
        }
        Difference::Extensions => message.has_extension = false,
        Difference::Trailers => message.trailers.clear(),
        Difference::TrailerNames => message
            .trailers
            .iter_mut()
            .for_each(|line| line.make_ascii_lowercase()),
        Difference::Framing => {
            message.framing = Framing::Nothing;
            message
                .fields
                .retain(|line| !line.eq_ignore_ascii_case(b"content-length: 0"));
        }
        Difference::Length => message
            .fields
            .retain(|line| name_of(line) != "content-length"),
        Difference::Reason => {
            let line = String::from_utf8_lossy(&message.start).into_owned();
            let words: Vec<&str> = line.split(' ').take(2).collect();
            message.start = words.join(" ").into_bytes();
        }
        Difference::Fragment | Difference::Form => {
            let line = String::from_utf8_lossy(&message.start).replace("http://localhost", "");
            message.start = line.replace('#', "").into_bytes();
        }
        Difference::Interim | Difference::Refused => {}
    }
}

impl Seen {
    fn messages(&mut self) -> impl Iterator<Item = &mut Message> {
        self.requests.iter_mut().chain(&mut self.answers)
    }

    fn without_changes(&mut self) {
        self.requests
            .iter_mut()
            .for_each(|message| without_changes(message, true));
        self.answers
            .iter_mut()
            .for_each(|message| without_changes(message, false));
    }

    fn without(&mut self, difference: Difference) {
        if difference == Difference::Interim {
            self.answers
                .retain(|answer| answer.status() == 101 || answer.status() >= 200);
        }
        if difference == Difference::Refused {
            // The API, which every request reaches without the proxy, answers 404.
            let is_refused = self.requests.is_empty() && self.answers[0].status() == 400;
            assert!(is_refused || self.answers[0].status() == 404, "{self:?}");
            (self.requests, self.answers) = (Vec::new(), Vec::new());
        }
        self.messages()
            .for_each(|message| without(message, difference));
    }
}

#[test]
fn exchanges_are_the_same_as_without_the_proxy() {
    let cases = [generated::cases(), odd::cases()].concat();
    let api = Api::start(cases.iter().map(|case| case.answer.clone()).collect());
    let folder = folder("proxy-identity");
    let server = proxy(
        &folder,
        &format!("http://{}", api.address),
        &["--log", "off"],
    );
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let mut direct = exchange(case, number, &api.address, &api);
        let mut proxied = exchange(case, number, &server.address, &api);
        direct.without_changes();
        proxied.without_changes();
        for difference in &case.differences {
            // A difference that is none any more is to be removed from the list.
            if direct == proxied {
                wrong.push(format!("{}: {difference:?} does not differ", case.name));
            }
            direct.without(*difference);
            proxied.without(*difference);
        }
        if direct != proxied {
            wrong.push(format!(
                "{}\n  direct:  {}\n  proxied: {}",
                case.name,
                shown(&direct),
                shown(&proxied)
            ));
        }
    }
    assert!(cases.len() > 250, "{}", cases.len());
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// What was seen, for people.
fn shown(seen: &Seen) -> String {
    let of = |message: &Message| {
        let lines = |lines: &[Vec<u8>]| {
            let texts = lines
                .iter()
                .map(|line| String::from_utf8_lossy(&line[..line.len().min(100)]).into_owned());
            texts.collect::<Vec<_>>().join(" | ")
        };
        format!(
            "{:?} [{}] {:?} {} bytes, trailers [{}], {}",
            String::from_utf8_lossy(&message.start),
            lines(&message.fields),
            message.framing,
            message.content.len(),
            lines(&message.trailers),
            message.has_extension,
        )
    };
    let all = seen.requests.iter().chain(&seen.answers).map(of);
    all.collect::<Vec<_>>().join("\n           ")
}

#[test]
fn events_arrive_as_they_are_sent() {
    let head = format!("HTTP/1.1 200 OK\r\n{DATE}Content-Type: text/event-stream\r\n\r\n");
    let mut answer = vec![Step::Send(head.into_bytes())];
    for number in 0..5 {
        answer.push(Step::Send(format!("data: {number}\n\n").into_bytes()));
        answer.push(Step::Pause(Duration::from_millis(800)));
    }
    answer.push(Step::Close);
    let api = Api::start(vec![answer]);
    let folder = folder("proxy-identity-events");
    let server = proxy(
        &folder,
        &format!("http://{}", api.address),
        &["--log", "off"],
    );
    let mut stream = server
        .send("GET /events HTTP/1.1\r\nHost: localhost\r\nX-Case: 0\r\nConnection: close\r\n\r\n");
    let started = Instant::now();
    let (mut got, mut times) = (String::new(), Vec::new());
    while let mut some = [0; 1000]
        && let Ok(count @ 1..) = stream.read(&mut some)
    {
        got.push_str(&String::from_utf8_lossy(&some[..count]));
        while got.contains(&format!("data: {}\n\n", times.len())) {
            times.push(started.elapsed());
        }
    }
    assert_eq!(times.len(), 5, "{got}");
    for (number, time) in (0..).zip(&times) {
        let due = Duration::from_millis(800) * number;
        assert!(
            *time < due + Duration::from_millis(700),
            "event {number} came after {time:?}"
        );
    }
}
