//! `standin proxy` and an API that speaks TLS: versions of HTTP, certificates, WebSocket, and the way through an HTTP
//! proxy.

#[path = "proxy_tls/api.rs"]
mod api;
#[path = "proxy_tls/authority.rs"]
mod authority;
#[expect(dead_code, reason = "other tests use more")]
#[path = "support/pets.rs"]
mod pets;
#[path = "support/program.rs"]
mod program;
#[expect(dead_code, reason = "other tests use more")]
#[path = "support/server.rs"]
mod server;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use api::TlsApi;
use authority::{Authority, Certificate};
use pets::{folder, proxy};
use program::{Folder, standin};
use server::Server;

/// Every version that a server may offer, by ALPN.
const ALL: [&str; 2] = ["h2", "http/1.1"];

/// Starts a proxy that trusts an authority.
fn trusting(folder: &Folder, authority: &Authority, url: &str, options: &[&str]) -> Server {
    std::fs::write(folder.0.join("ca.pem"), &authority.pem).expect("can be written");
    proxy(
        folder,
        url,
        &[&["--upstream-ca", "ca.pem"], options].concat(),
    )
}

#[test]
fn the_version_is_agreed_by_alpn() {
    let authority = Authority::new();
    let folder = folder("proxy-tls-alpn");
    let cases: [(&[&str], &str); 4] = [
        (&["h2"], "HTTP/2.0"),
        (&ALL, "HTTP/2.0"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ];
    for (protocols, version) in cases {
        let api = TlsApi::start(authority.server(Certificate::Valid, protocols));
        let server = trusting(&folder, &authority, &api.url(), &[]);
        let got = server.exchange(
            "POST /pets?x=%2f HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nCookie: a=1\r\nCookie: b=2\r\nContent-Length: 2\r\n\
             Content-Type: application/json\r\nConnection: close\r\n\r\n{}",
        );
        assert!(
            got.starts_with("HTTP/1.1 200 OK\r\n"),
            "{protocols:?}: {got}"
        );
        assert!(
            got.contains("set-cookie: a=1\r\nset-cookie: b=2\r\n"),
            "{got}"
        );
        assert!(got.ends_with("\r\n\r\n[{\"id\": \"x\"}]"), "{got}");
        assert!(got.contains("standin-violations: "), "it is judged: {got}");
        let sent = &api.requests()[0];
        assert!(
            sent.line.starts_with(&format!("{version} POST ")),
            "{protocols:?}: {}",
            sent.line
        );
        assert!(sent.line.ends_with("/pets?x=%2f"), "{}", sent.line);
        assert_eq!(sent.content, "{}");
        let values = |name: &str| -> Vec<&[u8]> {
            sent.fields
                .get_all(name)
                .iter()
                .map(http::HeaderValue::as_bytes)
                .collect()
        };
        assert_eq!(values("x-a"), [b"1"]);
        assert_eq!(values("cookie"), [b"a=1", b"b=2"]);
        assert_eq!(values("content-length"), [b"2"]);
        assert!(values("connection").is_empty(), "{:?}", sent.fields);
        let host = format!("localhost:{}", api.port);
        assert_eq!(values("host"), [host.as_bytes()]);
        assert!(
            version == "HTTP/1.1" || sent.line.contains(&format!("https://{host}/")),
            "{}",
            sent.line
        );
    }
}

#[test]
fn trailers_pass_between_http1_and_http2() {
    let authority = Authority::new();
    let folder = folder("proxy-tls-trailers");
    for protocols in [&ALL[..1], &[]] {
        let api = TlsApi::start(authority.server(Certificate::Valid, protocols));
        for options in [&[][..], &["--fallback", "unreachable"]] {
            let server = trusting(&folder, &authority, &api.url(), options);
            let got = server.exchange(
                "POST /trailers HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nTrailer: X-Check\r\nTransfer-Encoding: chunked\r\n\
                 Connection: close, TE\r\n\r\n2\r\n{}\r\n0\r\nX-Check: 7\r\n\r\n",
            );
            assert!(
                got.ends_with("\r\n2\r\n[]\r\n0\r\nx-sum: 1\r\n\r\n"),
                "{got}"
            );
            let sent = api.requests().pop().expect("came");
            let trailers = sent
                .trailers
                .expect("has trailers, though its content was read before");
            assert_eq!(trailers["x-check"], "7", "{options:?}");
        }
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused() {
    let authority = Authority::new();
    let folder = folder("proxy-tls-wrong");
    let cases = [
        (Certificate::SelfSigned, "UnknownIssuer"),
        (Certificate::Expired, "certificate expired"),
        (Certificate::NotYetValid, "not valid yet"),
        (
            Certificate::OtherName,
            "not valid for name \\\"localhost\\\"",
        ),
        (Certificate::Nonsense, "BadEncoding"),
    ];
    for (certificate, why) in cases {
        let api = TlsApi::start(authority.server(certificate, &ALL));
        let server = trusting(&folder, &authority, &api.url(), &[]);
        let got = server.get("/pets");
        let expected = format!("the certificate of {} was refused: ", api.url());
        assert!(got.starts_with("HTTP/1.1 502 "), "{certificate:?}: {got}");
        assert!(
            got.contains("/_standin/problems/upstream-unreachable"),
            "{got}"
        );
        assert!(
            got.contains(&expected) && got.contains(why),
            "{certificate:?}: {got}"
        );
        assert!(
            got.contains("`--upstream-ca FILE` trusts another authority"),
            "{got}"
        );
        assert_eq!(api.requests().len(), 0, "nothing was sent");
    }
    // The authority of another test signed it.
    let api = TlsApi::start(Authority::new().server(Certificate::Valid, &ALL));
    let got = trusting(&folder, &authority, &api.url(), &[]).get("/pets");
    assert!(
        got.starts_with("HTTP/1.1 502 ") && got.contains("certificate"),
        "{got}"
    );
    let got = trusting(
        &folder,
        &authority,
        &api.url(),
        &["--fallback", "unreachable"],
    )
    .get("/pets/1");
    assert!(got.contains("Sandbox"), "{got}");
}

#[test]
fn a_server_without_tls_is_told_from_one_with_a_wrong_certificate() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("is bound").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _greeting = stream.read(&mut [0; 1000]);
            let _unread = stream.write_all(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    let authority = Authority::new();
    let folder = folder("proxy-tls-plain");
    let url = format!("https://localhost:{port}");
    let got = trusting(&folder, &authority, &url, &[]).get("/pets");
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(
        got.contains(&format!("{url} does not speak TLS: ")),
        "{got}"
    );
    assert!(got.contains("begins with `http://`"), "{got}");
    // A server of TLS that is asked without: what it sends is not HTTP.
    let api = TlsApi::start(authority.server(Certificate::Valid, &ALL));
    let got = proxy(&folder, &format!("http://localhost:{}", api.port), &[]).get("/pets");
    assert!(
        got.starts_with("HTTP/1.1 502 ") && got.contains("upstream-broken"),
        "{got}"
    );
}

/// Starts a proxy with other certificate authorities of the system.
fn with_system(folder: &Folder, url: &str, file: &str) -> std::process::Command {
    let mut command = standin(&folder.0, &["proxy", url, "specs", "--port", "0"]);
    command
        .env("SSL_CERT_FILE", folder.0.join(file))
        .env("SSL_CERT_DIR", folder.0.join("none"));
    command
}

#[test]
fn the_authorities_of_the_system_are_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let folder = folder("proxy-tls-system")
        .with("own.pem", &authority.pem)
        .with("other.pem", &other.pem);
    let api = TlsApi::start(authority.server(Certificate::Valid, &ALL));
    let got = Server::start(with_system(&folder, &api.url(), "own.pem")).get("/pets");
    assert!(got.starts_with("HTTP/1.1 200 "), "{got}");
    let got = Server::start(with_system(&folder, &api.url(), "other.pem")).get("/pets");
    assert!(
        got.starts_with("HTTP/1.1 502 ") && got.contains("UnknownIssuer"),
        "{got}"
    );
    // Those of `--upstream-ca` are trusted beside them.
    let mut both = with_system(&folder, &api.url(), "own.pem");
    both.args(["--upstream-ca", "other.pem"]);
    assert!(
        Server::start(both)
            .get("/pets")
            .starts_with("HTTP/1.1 200 ")
    );
    // A small container has none: those that are part of the program count then, and own ones beside.
    let got = Server::start(with_system(&folder, &api.url(), "missing.pem")).get("/pets");
    assert!(
        got.starts_with("HTTP/1.1 502 ") && got.contains("UnknownIssuer"),
        "{got}"
    );
    let mut own = with_system(&folder, &api.url(), "missing.pem");
    own.args(["--upstream-ca", "own.pem"]);
    assert!(Server::start(own).get("/pets").starts_with("HTTP/1.1 200 "));
    let plain = Server::start(with_system(&folder, "http://127.0.0.1:1", "missing.pem"));
    assert!(
        plain
            .get("/pets")
            .contains("no connection to http://127.0.0.1:1")
    );
}

#[test]
fn a_file_that_is_no_authority_is_told() {
    let nonsense = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let folder = folder("proxy-tls-file").with("nonsense.pem", nonsense);
    let (code, _, error) = program::run(
        &folder.0,
        &[
            "proxy",
            "https://localhost:1",
            "specs",
            "--upstream-ca",
            "nonsense.pem",
        ],
    );
    assert_eq!(code, Some(2));
    assert!(
        error.contains("`nonsense.pem` has a certificate that cannot be used"),
        "{error}"
    );
}

#[test]
fn a_websocket_passes_over_tls() {
    let authority = Authority::new();
    let folder = folder("proxy-tls-socket");
    let ask = "GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
               Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n";
    for protocols in [&ALL[..], &[]] {
        let api = TlsApi::start(authority.server(Certificate::Valid, protocols));
        let server = trusting(&folder, &authority, &api.url(), &[]);
        // The client for other requests speaks HTTP/2, which has no upgrades.
        server.get("/pets");
        let mut stream = server.send(ask);
        let time = Some(std::time::Duration::from_secs(20));
        stream.set_read_timeout(time).expect("can be set");
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("answers");
            got.extend(byte);
        }
        let head = String::from_utf8_lossy(&got).into_owned();
        assert!(
            head.starts_with("HTTP/1.1 101 ") && head.contains("upgrade: websocket\r\n"),
            "{head}"
        );
        for message in [b"\x81\x85\0\0\0\0Hello".to_vec(), vec![0; 70_000]] {
            stream.write_all(&message).expect("is read");
            let mut back = vec![0; message.len()];
            stream.read_exact(&mut back).expect("comes back");
            assert!(back == message);
        }
        let asked = api.requests().pop().expect("came");
        assert!(asked.line.starts_with("HTTP/1.1 GET "), "{}", asked.line);
        assert_eq!(asked.fields["sec-websocket-key"], "eA==");
    }
    // No server of HTTP/2 alone can be upgraded.
    let last = ask.replace("Connection: Upgrade", "Connection: Upgrade, close");
    let api = TlsApi::start(authority.server(Certificate::Valid, &ALL[..1]));
    let got = trusting(&folder, &authority, &api.url(), &[]).exchange(&last);
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(got.contains("upstream-broken"), "{got}");
}

/// An HTTP proxy that opens tunnels; keeps what it was asked.
fn tunnels() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("is bound").to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).expect("has a head");
                head.extend(byte);
            }
            let head = String::from_utf8(head).expect("is text");
            let port = head
                .split(' ')
                .nth(1)
                .and_then(|target| target.rsplit(':').next()?.parse::<u16>().ok());
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(head);
            let server =
                TcpStream::connect(("127.0.0.1", port.expect("has a port"))).expect("accepts");
            client
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .expect("is read");
            for (mut from, mut to) in [
                (
                    client.try_clone().expect("is shared"),
                    server.try_clone().expect("is shared"),
                ),
                (server, client),
            ] {
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    (address, asked)
}

#[test]
fn tls_goes_through_an_http_proxy() {
    let authority = Authority::new();
    let folder = folder("proxy-tls-tunnel");
    let api = TlsApi::start(authority.server(Certificate::Valid, &ALL));
    let (address, asked) = tunnels();
    let by = format!("http://user:pass@{address}");
    let server = trusting(&folder, &authority, &api.url(), &["--upstream-proxy", &by]);
    let got = server.get("/pets");
    assert!(got.starts_with("HTTP/1.1 200 "), "{got}");
    assert!(
        api.requests()[0].line.starts_with("HTTP/2.0 GET "),
        "{}",
        api.requests()[0].line
    );
    let head = asked.lock().unwrap_or_else(PoisonError::into_inner)[0].to_ascii_lowercase();
    assert!(
        head.starts_with(&format!("connect localhost:{} http/1.1\r\n", api.port)),
        "{head}"
    );
    assert!(
        head.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"),
        "{head}"
    );
    // The certificate is that of the API, which the proxy cannot show.
    let wrong = TlsApi::start(authority.server(Certificate::OtherName, &ALL));
    let server = trusting(
        &folder,
        &authority,
        &wrong.url(),
        &["--upstream-proxy", &by],
    );
    let got = server.get("/pets");
    assert!(
        got.starts_with("HTTP/1.1 502 ") && got.contains("was refused"),
        "{got}"
    );
    // A proxy that is not there.
    let server = trusting(
        &folder,
        &authority,
        &api.url(),
        &["--upstream-proxy", "http://127.0.0.1:1"],
    );
    let got = server.get("/pets");
    assert!(
        got.starts_with("HTTP/1.1 502 ") && got.contains("upstream-unreachable"),
        "{got}"
    );
}
