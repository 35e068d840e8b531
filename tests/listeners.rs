//! `--listen`: several listeners, TLS with HTTP/1.1 and HTTP/2, sockets in the file system, and the local certificate
//! authority.

// Sockets in the file system, permissions of files and SIGTERM.
#![cfg(unix)]

#[path = "support/program.rs"]
#[expect(dead_code, reason = "servers do not run to their end here")]
mod program;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use program::{Folder, standin};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

const DOCUMENT: &str = r"
openapi: 3.1.0
info: {title: Pets, version: '1'}
paths:
  /pets:
    get:
      parameters:
        - {name: limit, in: query, schema: {type: integer}}
        - {name: offset, in: query, schema: {type: integer}}
      responses:
        '200':
          description: ok
          headers: {Link: {schema: {type: string}}}
          content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}}}
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
      responses:
        '201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
  /pets/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
components: {schemas: {Pet: {type: object, properties: {id: {type: integer}, name: {type: string}}}}}
";

/// A running server, and the URLs that it names.
struct Served {
    child: Child,
    urls: Vec<String>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Served {
    /// Starts a server that prints this number of lines.
    fn start(folder: &Folder, options: &[&str], lines: usize) -> Self {
        let mut child = command(folder, options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut told = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let urls = (0..lines).map(|_| {
            let line = told.next().expect("it says where").expect("is text");
            let url = line.strip_prefix("listening on ").expect("says where");
            url.to_owned()
        });
        let urls = urls.collect();
        Self { child, urls }
    }

    fn port(&self, index: usize) -> u16 {
        let (_, port) = self.urls[index].rsplit_once(':').expect("has a port");
        port.parse().expect("is a number")
    }

    /// Stops the server as Ctrl-C does.
    fn stop(&mut self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(status.expect("there is kill").success());
        let ended = self.child.wait().expect("ends");
        assert_eq!(ended.code(), Some(0));
    }
}

/// `standin serve` of a folder that also has the user's data.
fn command(folder: &Folder, options: &[&str]) -> Command {
    let mut command = standin(&folder.0, &[&["serve", "specs"][..], options].concat());
    command.env("XDG_DATA_HOME", folder.0.join("data"));
    command
}

fn folder(name: &str) -> Folder {
    Folder::new(name).with("specs/pets.yaml", DOCUMENT)
}

/// Runs a command that cannot serve; returns what it says.
fn refused(folder: &Folder, options: &[&str]) -> String {
    let output = command(folder, options).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{options:?}");
    String::from_utf8(output.stderr).expect("is text")
}

fn authority(folder: &Folder) -> Vec<u8> {
    std::fs::read(folder.0.join("data/standin/authority.pem")).expect("was made")
}

/// Certificates and keys of a client, and whether it speaks HTTP/2.
struct Trust {
    roots: Vec<u8>,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    speaks_http2: bool,
}

impl Trust {
    fn of(roots: Vec<u8>) -> Self {
        Self {
            roots,
            identity: None,
            speaks_http2: false,
        }
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(&self.roots) {
            roots.add(root.expect("is one")).expect("is one");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("are known")
            .with_root_certificates(roots);
        match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
                .expect("fits"),
        }
    }

    /// Sends a request, and returns the version, the header fields as text and the content of the answer.
    fn get(&self, url: &str) -> Result<(http::Version, String, String), String> {
        let tls = self.config();
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only();
        let connector = if self.speaks_http2 {
            builder.enable_http2().build()
        } else {
            builder.enable_http1().build()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("starts");
        runtime.block_on(async {
            let client: Client<_, Empty<bytes::Bytes>> =
                Client::builder(TokioExecutor::new()).build(connector);
            let uri = url.parse().expect("is a URL");
            let response = client.get(uri).await.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                cause.unwrap_or_else(|| error.to_string())
            })?;
            let (version, headers) = (response.version(), format!("{:?}", response.headers()));
            let content = response.into_body().collect().await;
            let content = content.map_err(|error| error.to_string())?.to_bytes();
            Ok((
                version,
                headers,
                String::from_utf8_lossy(&content).into_owned(),
            ))
        })
    }
}

/// Sends a request on a socket, and returns the answer.
fn exchange(mut socket: impl std::io::Read + std::io::Write, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).expect("is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("is read");
    answer
}

#[test]
fn several_listeners_serve_one_sandbox() {
    let folder = folder("listen-several");
    let file = folder.0.join("s.sock");
    let local = format!("unix:{}", file.display());
    let options = [
        "--listen",
        "http://127.0.0.1:0",
        "--listen",
        "https://localhost:0",
        "--listen",
        &local,
        "--state",
        "on",
    ];
    let mut served = Served::start(&folder, &options, 3);
    assert!(served.urls[0].starts_with("http://127.0.0.1:"));
    assert!(
        served.urls[1].starts_with("https://127.0.0.1:")
            || served.urls[1].starts_with("https://[::1]:")
    );
    assert_eq!(served.urls[2], local);
    let mut plain = TcpStream::connect(("127.0.0.1", served.port(0))).expect("accepts");
    let pet = r#"{"id": 77, "name": "Rex"}"#;
    write!(
        plain,
        "POST /pets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{pet}",
        pet.len()
    )
    .expect("is sent");
    let mut answer = String::new();
    plain.read_to_string(&mut answer).expect("is read");
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    // What one listener was sent, the others show.
    let of_file = exchange(UnixStream::connect(&file).expect("accepts"), "/pets/77");
    assert!(of_file.contains("Rex"), "{of_file}");
    let trust = Trust::of(authority(&folder));
    let url = format!("https://localhost:{}", served.port(1));
    let (version, _, content) = trust.get(&format!("{url}/pets/77")).expect("answers");
    assert!(
        version == http::Version::HTTP_11 && content.contains("Rex"),
        "{content}"
    );
    // URLs in answers have the scheme of the listener.
    let (_, headers, _) = trust.get(&format!("{url}/pets?limit=1")).expect("answers");
    assert!(
        headers.contains(&format!("<{url}/pets?limit=1&offset=1>")),
        "{headers}"
    );
    let of_plain = exchange(
        TcpStream::connect(("127.0.0.1", served.port(0))).expect("accepts"),
        "/pets?limit=1",
    );
    assert!(of_plain.contains("<http://localhost/pets?"), "{of_plain}");
    served.stop();
    assert!(!file.exists(), "the file of a socket goes with the server");
}

#[test]
fn localhost_is_both_loopback_addresses() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("the machine has no IPv6");
        return;
    }
    let folder = folder("listen-localhost");
    let options = [
        "--listen",
        "https://localhost:0",
        "--listen",
        "http://localhost:0",
    ];
    let served = Served::start(&folder, &options, 4);
    let trust = Trust::of(authority(&folder));
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let url = format!("https://{host}:{}/pets", served.port(0));
        assert!(trust.get(&url).is_ok(), "{url}");
    }
    let ports = [served.port(0), served.port(1)];
    assert_eq!(
        served.urls[2..],
        [
            format!("https://[::1]:{}", ports[0]),
            format!("http://[::1]:{}", ports[1])
        ]
    );
    for host in ["127.0.0.1", "::1"] {
        let socket = TcpStream::connect((host, ports[1])).expect("accepts");
        assert!(
            exchange(socket, "/pets").starts_with("HTTP/1.1 200 "),
            "{host}"
        );
    }
    let taken = format!("http://localhost:{}", ports[1]);
    let told = refused(&folder, &["--listen", &taken]);
    assert!(
        told.contains("another program listens there; choose another port"),
        "{told}"
    );
}

/// A client may send its next request while the answer to the first is delayed, and stay.
#[test]
fn a_client_that_sends_ahead_gets_both_answers() {
    let folder =
        folder("listen-ahead").with("fixtures/slow.yaml", "GET /pets/{id}: [{delay: 700ms}]");
    let file = folder.0.join("s.sock");
    let local = format!("unix:{}", file.display());
    let options = ["--listen", &local, "--listen", "https://127.0.0.1:0"];
    let served = Served::start(&folder, &options, 2);
    let ahead = "GET /pets/1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /pets/2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let both = |socket: &mut dyn ReadWrite| {
        socket.write_all(ahead.as_bytes()).expect("is sent");
        std::thread::sleep(Duration::from_millis(200));
        socket.write_all(last.as_bytes()).expect("is sent");
        let mut answers = String::new();
        let _closed = socket.read_to_string(&mut answers);
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    };
    let time = processor_time(&served.child);
    both(&mut UnixStream::connect(&file).expect("accepts"));
    let config = Trust::of(authority(&folder)).config();
    let name = "127.0.0.1".try_into().expect("is a name");
    let mut tls = rustls::ClientConnection::new(Arc::new(config), name).expect("can be made");
    let mut socket = TcpStream::connect(("127.0.0.1", served.port(1))).expect("accepts");
    both(&mut rustls::Stream::new(&mut tls, &mut socket));
    if let (Some(before), Some(after)) = (time, processor_time(&served.child)) {
        assert!(after - before < 100, "{} ticks were spent", after - before);
    }
}

trait ReadWrite: std::io::Read + std::io::Write {}

impl<S: std::io::Read + std::io::Write> ReadWrite for S {}

/// Returns the processor time of a process, in ticks of a hundredth of a second; `None` where there is no `/proc`.
fn processor_time(child: &Child) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    Some(fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?)
}

#[test]
fn http2_and_http1_are_agreed_on_by_alpn() {
    let folder = folder("listen-alpn");
    let options = ["--listen", "https://127.0.0.1:0", "--tls-name", "shop.test"];
    let served = Served::start(&folder, &options, 1);
    let mut trust = Trust::of(authority(&folder));
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/pets", served.port(0));
        for (speaks_http2, version) in [
            (true, http::Version::HTTP_2),
            (false, http::Version::HTTP_11),
        ] {
            trust.speaks_http2 = speaks_http2;
            let (found, _, content) = trust.get(&url).expect("answers");
            assert_eq!(found, version);
            assert!(content.starts_with('['), "{content}");
        }
    }
    // Nobody else is trusted to have signed it.
    let other = CertificateParams::new(vec!["localhost".to_owned()]).expect("is a name");
    let other = other
        .self_signed(&KeyPair::generate().expect("is made"))
        .expect("is signed");
    let refused = Trust::of(other.pem().into_bytes()).get(&served.urls[0]);
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn the_authority_is_made_once_and_named_by_cert() {
    let folder = folder("listen-cert");
    let cert = |options: &[&str]| {
        let mut command = standin(&folder.0, &[&["cert"][..], options].concat());
        let output = command.env("XDG_DATA_HOME", folder.0.join("data")).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("is text")
    };
    let file = folder.0.join("data/standin/authority.pem");
    assert_eq!(cert(&["--path"]), format!("{}\n", file.display()));
    assert!(!folder.0.join("data").exists(), "a path makes no authority");
    let told = cert(&[]);
    let made = authority(&folder);
    assert_eq!(cert(&["--path"]), format!("{}\n", file.display()));
    for client in [
        "curl --cacert ",
        "NODE_EXTRA_CA_CERTS=",
        "SSL_CERT_FILE=",
        "keytool -importcert",
    ] {
        assert!(told.contains(client), "{client}: {told}");
    }
    let served = Served::start(&folder, &["--listen", "https://127.0.0.1:0"], 1);
    assert_eq!(authority(&folder), made);
    let answer = Trust::of(made).get(&format!("{}/pets", served.urls[0]));
    assert!(answer.is_ok(), "{answer:?}");
    // Commands that ask a running sandbox trust it too.
    let health = |data: &str| {
        let mut command = standin(&folder.0, &["health", &served.urls[0]]);
        let output = command.env("XDG_DATA_HOME", folder.0.join(data)).output();
        output.expect("it runs").status.code()
    };
    assert_eq!(health("data"), Some(0));
    assert_eq!(health("none"), Some(1));
    let mut homeless = standin(&folder.0, &["cert"]);
    let homeless = homeless
        .env_remove("HOME")
        .env_remove("XDG_DATA_HOME")
        .output();
    let homeless = homeless.expect("it runs");
    assert_eq!(homeless.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&homeless.stderr).contains("set `HOME` or `XDG_DATA_HOME`"));
}

#[test]
fn certificates_of_the_user_and_of_clients_are_used() {
    let authority_key = KeyPair::generate().expect("is made");
    let mut own = CertificateParams::new(Vec::new()).expect("has no name");
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = own.self_signed(&authority_key).expect("is signed");
    let authority = Issuer::from_params(&own, &authority_key);
    let key = KeyPair::generate().expect("is made");
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).expect("is a name");
    let certificate = certificate.signed_by(&key, &authority).expect("is signed");
    let client_key = KeyPair::generate().expect("is made");
    let client = CertificateParams::new(vec!["client.test".to_owned()]).expect("is a name");
    let client = client
        .signed_by(&client_key, &authority)
        .expect("is signed");
    let folder = folder("listen-own")
        .with("own.pem", &certificate.pem())
        .with("root.pem", &root.pem())
        .with("key.pem", &key.serialize_pem())
        .with("other-key.pem", &client_key.serialize_pem())
        .with("empty.pem", "nothing\n");
    let https = ["--listen", "https://localhost:0"];
    let with = |more: &[&'static str]| [&https[..], more].concat();
    let options = with(&[
        "--tls-cert",
        "own.pem",
        "--tls-key",
        "key.pem",
        "--tls-client-ca",
        "root.pem",
    ]);
    let served = Served::start(&folder, &options, 1);
    let url = format!("https://localhost:{}/pets", served.port(0));
    let mut trust = Trust::of(root.pem().into_bytes());
    let anonymous = trust.get(&url);
    assert!(anonymous.is_err(), "{anonymous:?}");
    let pem = client_key.serialize_pem();
    trust.identity = Some((
        client.der().clone(),
        PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("is a key"),
    ));
    assert!(trust.get(&url).expect("answers").2.starts_with('['));
    for (options, why) in [
        (with(&["--tls-cert", "own.pem"]), "--tls-key"),
        (
            with(&["--tls-cert", "none.pem", "--tls-key", "key.pem"]),
            "cannot read `none.pem`",
        ),
        (
            with(&["--tls-cert", "empty.pem", "--tls-key", "key.pem"]),
            "`empty.pem` has no certificate in PEM",
        ),
        (
            with(&["--tls-cert", "own.pem", "--tls-key", "empty.pem"]),
            "`empty.pem` has no private key in PEM",
        ),
        (
            with(&["--tls-cert", "own.pem", "--tls-key", "other-key.pem"]),
            "the certificate cannot be used",
        ),
        (
            with(&["--tls-client-ca", "empty.pem"]),
            "`empty.pem` has no certificate",
        ),
        (
            with(&["--tls-name", "n\u{e4}me"]),
            "is no name for a certificate",
        ),
        (with(&["--port", "4010"]), "cannot be used with"),
        (
            vec!["--listen", "localhost:4010"],
            "expected `http://127.0.0.1:4010`",
        ),
        (vec!["--listen", "https://localhost"], "the port is missing"),
    ] {
        let told = refused(&folder, &options);
        assert!(told.contains(why), "{options:?}: {told}");
    }
}

#[test]
fn a_file_of_a_socket_is_replaced_only_if_no_server_listens_on_it() {
    let folder = folder("listen-file");
    let file = folder.0.join("s.sock");
    let local = format!("unix:{}", file.display());
    let options = ["--listen", local.as_str()];
    let mut first = Served::start(&folder, &options, 1);
    let told = refused(&folder, &options);
    assert!(
        told.contains("cannot listen on `unix:") && told.contains("another server may listen"),
        "{told}"
    );
    assert!(
        exchange(UnixStream::connect(&file).expect("accepts"), "/pets")
            .starts_with("HTTP/1.1 200 ")
    );
    first.child.kill().expect("can be killed");
    first.child.wait().expect("ends");
    assert!(file.exists(), "a killed server leaves its file");
    let second = Served::start(&folder, &options, 1);
    assert!(
        exchange(UnixStream::connect(&file).expect("accepts"), "/pets")
            .starts_with("HTTP/1.1 200 ")
    );
    // A server that ends removes its own file only.
    drop(second);
    let mut third = Served::start(&folder, &options, 1);
    fs::remove_file(&file).expect("can be removed");
    let _fourth = Served::start(&folder, &options, 1);
    third.stop();
    assert!(
        exchange(UnixStream::connect(&file).expect("accepts"), "/pets")
            .starts_with("HTTP/1.1 200 ")
    );
    // A file that is no socket is never removed.
    let other: PathBuf = folder.0.join("specs/pets.yaml");
    let told = refused(&folder, &["--listen", &format!("unix:{}", other.display())]);
    assert!(told.contains("cannot listen"), "{told}");
    assert!(other.exists());
}

#[test]
fn a_client_that_fails_its_handshake_holds_nobody_up() {
    let folder = folder("listen-handshake");
    let options = ["--listen", "https://127.0.0.1:0", "--header-timeout", "1"];
    let served = Served::start(&folder, &options, 1);
    let address = ("127.0.0.1", served.port(0));
    let silent = TcpStream::connect(address).expect("accepts");
    let mut plain = TcpStream::connect(address).expect("accepts");
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("is sent");
    let trust = Trust::of(authority(&folder));
    assert!(trust.get(&served.urls[0]).is_ok());
    let mut rest = Vec::new();
    let _reset = plain.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    let began = Instant::now();
    silent
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("can be set");
    let mut byte = [0; 1];
    let read = (&silent).read(&mut byte);
    assert!(matches!(read, Ok(0)), "{read:?}");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

/// Commands of five clients that trust `$CA` and get `$URL`; each prints the status.
const CLIENTS: [(&str, &str); 5] = [
    (
        "curl",
        r#"curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" "$URL""#,
    ),
    (
        "curl over HTTP/1.1",
        r#"curl -s --http1.1 -o /dev/null -w '%{http_code}' --cacert "$CA" "$URL""#,
    ),
    (
        "node",
        r#"NODE_EXTRA_CA_CERTS="$CA" node -e 'fetch(process.env.URL).then((r) => process.stdout.write(String(r.status)))'"#,
    ),
    (
        "python3",
        r#"SSL_CERT_FILE="$CA" python3 -c 'import os, urllib.request as r; print(r.urlopen(os.environ["URL"]).status, end="")'"#,
    ),
    (
        "java",
        r#"keytool -importcert -noprompt -alias standin -file "$CA" -keystore standin.p12 -storepass changeit >/dev/null 2>&1 &&
           java -Djavax.net.ssl.trustStore=standin.p12 -Djavax.net.ssl.trustStorePassword=changeit Get.java"#,
    ),
];

const JAVA: &str = r#"
import java.net.URI;
import java.net.http.*;
public class Get {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(System.getenv("URL"))).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.print(answer.statusCode());
    }
}
"#;

#[test]
#[ignore = "needs curl, node, python3 and java; those that are not there are reported"]
fn real_clients_trust_the_local_authority() {
    let folder = folder("listen-clients").with("Get.java", JAVA);
    let served = Served::start(&folder, &["--listen", "https://localhost:0"], 1);
    let authority = folder.0.join("data/standin/authority.pem");
    let url = format!("https://localhost:{}/pets", served.port(0));
    let mut answered = 0;
    for (name, script) in CLIENTS {
        let program = name.split(' ').next().expect("has a name");
        let is_there = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output()
            .expect("there is sh");
        if !is_there.status.success() {
            println!("{name} is not installed");
            continue;
        }
        let output = Command::new("sh")
            .current_dir(&folder.0)
            .args(["-c", script])
            .env("CA", &authority)
            .env("URL", &url)
            .output()
            .expect("there is sh");
        let told = String::from_utf8_lossy(&output.stdout);
        let failed = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told, "200", "{name}: {failed}");
        answered += 1;
    }
    assert!(answered > 0, "no client is installed");
}
