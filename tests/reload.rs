//! Loading documents again while the server runs: what changes is served, what is broken is not, and
//! no exchange fails meanwhile.

#[path = "support/program.rs"]
mod program;
#[path = "support/request.rs"]
mod request;
#[path = "support/server.rs"]
mod server;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use program::{Folder, run, standin};
use request::post;
use server::Server;

const PETS: &str = "openapi: 3.1.0
info: {title: t, version: '1'}
paths:
  /pets:
    get:
      operationId: listPets
      responses:
        '200':
          description: ok
          content: {application/json: {schema: {type: array, items: {$ref: 'schemas/pet.yaml'}}}}
    post:
      operationId: createPet
      requestBody: {required: true, content: {application/json: {schema: {$ref: 'schemas/pet.yaml'}}}}
      responses:
        '201':
          description: ok
          content: {application/json: {schema: {$ref: 'schemas/pet.yaml'}}}
  /health:
    get: {operationId: health, responses: {'200': {description: ok}}}
";

const PET: &str =
    "type: object\nrequired: [name]\nproperties: {id: {type: integer}, name: {type: string}}\n";

/// Time within which a change must be served; tests wait only as long as they must.
const PATIENCE: Duration = Duration::from_secs(20);

fn pets(name: &str) -> Folder {
    Folder::new(name)
        .with("specs/pets.yaml", PETS)
        .with("specs/schemas/pet.yaml", PET)
}

/// Waits until something holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come true");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Replaces a file as most editors do: through a new one beside it.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).expect("there is room");
    fs::rename(&beside, path).expect("it can be renamed");
}

fn has_path(server: &Server, path: &str) -> bool {
    !server.get(path).starts_with("HTTP/1.1 404")
}

#[test]
fn a_change_of_a_document_is_served_and_told_in_one_line() {
    let folder = pets("reload-document");
    let server = Server::serve(&folder, &["--watch", "on"]);
    let path = folder.0.join("specs/pets.yaml");
    let more = format!(
        "{PETS}  /toys:\n    get: {{operationId: toys, responses: {{'204': {{description: d}}}}}}\n"
    );
    replace(
        &path,
        &more.replace("operationId: health", "operationId: isHealthy"),
    );
    until("the new path", || has_path(&server, "/toys"));
    // A file that is written in place, in a document that was not there at the start.
    let other = more
        .replace("/pets:", "/cats:")
        .replace("/health", "/cats/health")
        .replace("/toys", "/mice");
    let mut file = fs::File::create(folder.0.join("specs/cats.yaml")).expect("there is room");
    let (first, rest) = other.split_at(200);
    file.write_all(first.as_bytes()).expect("there is room");
    file.flush().expect("it is written");
    thread::sleep(Duration::from_millis(100));
    file.write_all(rest.as_bytes()).expect("there is room");
    drop(file);
    until("the new document", || has_path(&server, "/mice"));
    fs::remove_file(folder.0.join("specs/cats.yaml")).expect("it is there");
    until("the end of the document", || !has_path(&server, "/mice"));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("reloaded in "))
        .collect();
    assert!(
        told[0].ends_with(" ms: 1 operation added, 1 changed"),
        "{told:?}"
    );
    assert!(told[1].contains(" operations added"), "{told:?}");
    assert!(told[2].contains(" operations removed"), "{told:?}");
}

#[test]
fn a_referenced_file_is_watched_and_state_stays() {
    let folder = pets("reload-reference");
    let server = Server::serve(&folder, &["--watch", "on", "--state", "on"]);
    let created = server.exchange(&post("/pets", r#"{"name":"Rex"}"#));
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    let pet = folder.0.join("specs/schemas/pet.yaml");
    replace(
        &pet,
        &PET.replace("[name]", "[name, age]")
            .replace("id:", "age: {type: integer}, id:"),
    );
    let is_refused = || {
        server
            .exchange(&post("/pets", r#"{"name":"Tom"}"#))
            .starts_with("HTTP/1.1 4")
    };
    until("the new schema", is_refused);
    assert!(server.get("/pets").contains("Rex"));
    let (_, log) = server.stop();
    assert!(log.contains("of `/pets` no longer fit the schema"), "{log}");
}

#[test]
fn a_broken_file_leaves_the_old_contract_in_place() {
    let folder = pets("reload-broken");
    let server = Server::serve(&folder, &["--watch", "on"]);
    let path = folder.0.join("specs/pets.yaml");
    fs::write(&path, format!("{PETS}  broken: [\n")).expect("there is room");
    let reload = "POST /_standin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answer = server.exchange(reload);
    assert!(
        answer.starts_with("HTTP/1.1 409")
            && answer.contains("/_standin/problems/broken-documents")
            && answer.contains("specs/pets.yaml:"),
        "{answer}"
    );
    assert!(server.get("/health").starts_with("HTTP/1.1 200"));
    fs::write(&path, "").expect("there is room");
    let answer = server.exchange(reload);
    assert!(
        answer.contains("is not an OpenAPI document any more"),
        "{answer}"
    );
    assert!(server.get("/health").starts_with("HTTP/1.1 200"));
    fs::write(&path, PETS.replace("/health", "/healthy")).expect("there is room");
    until("the mended document", || has_path(&server, "/healthy"));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(
        log.contains("not reloaded, as a file is broken: what was loaded before is still served"),
        "{log}"
    );
}

#[test]
fn a_broken_referenced_file_leaves_the_old_contract_in_place() {
    let folder = pets("reload-broken-reference");
    let server = Server::serve(&folder, &[]);
    let reload = "POST /_standin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let pet = folder.0.join("specs/schemas/pet.yaml");
    fs::write(&pet, "type: [").expect("there is room");
    let answer = server.exchange(reload);
    assert!(
        answer.starts_with("HTTP/1.1 409") && answer.contains("schemas/pet.yaml"),
        "{answer}"
    );
    let refused = server.exchange(&post("/pets", "{}"));
    assert!(refused.starts_with("HTTP/1.1 4"), "{refused}");
    fs::remove_file(&pet).expect("it is there");
    assert!(server.exchange(reload).starts_with("HTTP/1.1 409"));
    fs::write(&pet, PET).expect("there is room");
    assert!(server.exchange(reload).starts_with("HTTP/1.1 200"));
    fs::remove_file(folder.0.join("specs/pets.yaml")).expect("it is there");
    let answer = server.exchange(reload);
    assert!(answer.contains("no document is left to serve"), "{answer}");
    assert!(server.get("/health").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_file_and_a_folder_that_are_replaced_stay_watched() {
    let folder = pets("reload-replaced");
    let server = Server::serve(&folder, &["specs/pets.yaml", "--watch", "on"]);
    let path = folder.0.join("specs/pets.yaml");
    fs::remove_file(&path).expect("it is there");
    thread::sleep(Duration::from_millis(700));
    fs::write(&path, PETS.replace("/health", "/first")).expect("there is room");
    until("the file that came back", || has_path(&server, "/first"));
    fs::write(&path, PETS.replace("/health", "/second")).expect("there is room");
    until("the edit after it", || has_path(&server, "/second"));
    fs::rename(folder.0.join("specs"), folder.0.join("old")).expect("it can be renamed");
    fs::create_dir_all(folder.0.join("specs/schemas")).expect("there is room");
    fs::write(folder.0.join("specs/schemas/pet.yaml"), PET).expect("there is room");
    fs::write(&path, PETS.replace("/health", "/third")).expect("there is room");
    until("the new folder", || has_path(&server, "/third"));
    fs::write(&path, PETS.replace("/health", "/fourth")).expect("there is room");
    until("the edit in the new folder", || {
        has_path(&server, "/fourth")
    });
}

#[test]
fn a_log_inside_of_the_served_folder_causes_no_loop() {
    let folder = pets("reload-log");
    let log = folder.0.join("specs/server.log");
    let errors = fs::File::create(&log).expect("there is room");
    let mut command = standin(&folder.0, &["serve", "--port", "0", "--watch", "on"]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("is piped"));
    output.read_line(&mut line).expect("it listens");
    let text = PETS.replace("/health", "/healthy");
    replace(&folder.0.join("specs/pets.yaml"), &text);
    let told = || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.matches("reloaded in").count()
    };
    until("the reload", || told() > 0);
    thread::sleep(Duration::from_secs(1));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(told(), 1);
}

#[test]
fn violations_of_operations_that_are_gone_still_count() {
    let folder = pets("reload-violations");
    let server = Server::serve(&folder, &["--fail-on", "violations"]);
    server.exchange(&post("/pets", "{}"));
    let path = folder.0.join("specs/pets.yaml");
    fs::write(&path, PETS.replace("/pets", "/dogs")).expect("there is room");
    let reload = "POST /_standin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert!(server.exchange(reload).starts_with("HTTP/1.1 200"));
    fs::write(&path, PETS).expect("there is room");
    assert!(server.exchange(reload).starts_with("HTTP/1.1 200"));
    let coverage = server.get("/_standin/coverage");
    assert!(
        coverage.contains(r#""operation":"createPet","count":1,"violations":1"#),
        "{coverage}"
    );
    let (code, log) = server.stop();
    assert_eq!(code, Some(1), "{log}");
}

#[test]
fn fixtures_and_data_that_appear_are_used() {
    let folder = pets("reload-fixtures");
    let server = Server::serve(&folder, &["--watch", "on", "--state", "on"]);
    fs::create_dir_all(folder.0.join("fixtures/data")).expect("there is room");
    fs::write(
        folder.0.join("fixtures/a.yaml"),
        "health: [{status: 503}]\n",
    )
    .expect("there is room");
    until("the fixture", || {
        server.get("/health").starts_with("HTTP/1.1 503")
    });
    fs::write(
        folder.0.join("fixtures/data/pets.csv"),
        "id,name\n7,Hello\n",
    )
    .expect("there is room");
    until("the data", || server.get("/pets").contains("Hello"));
    fs::remove_dir_all(folder.0.join("fixtures")).expect("it is there");
    until("the end of the fixture", || {
        server.get("/health").starts_with("HTTP/1.1 200")
    });
}

#[test]
fn files_are_compared_at_an_interval_where_the_system_reports_nothing() {
    let folder = pets("reload-poll");
    let server = Server::serve(&folder, &["--watch", "poll=100ms"]);
    replace(
        &folder.0.join("specs/pets.yaml"),
        &PETS.replace("/health", "/healthy"),
    );
    until("the change", || has_path(&server, "/healthy"));
}

#[test]
fn nothing_is_watched_unless_it_is_asked_for() {
    let folder = pets("reload-off");
    let server = Server::serve(&folder, &[]);
    replace(
        &folder.0.join("specs/pets.yaml"),
        &PETS.replace("/health", "/healthy"),
    );
    thread::sleep(Duration::from_millis(500));
    assert!(!has_path(&server, "/healthy"));
    let pid = server.child.id().to_string();
    let sent = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(sent.expect("there is kill").success());
    until("the change", || has_path(&server, "/healthy"));
}

#[test]
fn exchanges_do_not_fail_while_documents_change() {
    let folder = pets("reload-load");
    let server = Server::serve(&folder, &["--watch", "on", "--log", "off"]);
    let is_over = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (address, is_over, count) = (
                server.address.clone(),
                Arc::clone(&is_over),
                Arc::clone(&count),
            );
            thread::spawn(move || {
                // One connection for all exchanges.
                let agent: ureq::Agent = ureq::Agent::config_builder()
                    .http_status_as_error(false)
                    .build()
                    .into();
                while !is_over.load(Ordering::Relaxed) {
                    let answer = agent.get(format!("http://{address}/pets")).call();
                    let mut answer = answer.expect("the connection stays open");
                    let body = answer
                        .body_mut()
                        .read_to_string()
                        .expect("the content is whole");
                    assert_eq!(answer.status(), 200, "{body}");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let path = folder.0.join("specs/pets.yaml");
    for edit in 0..20 {
        let text = PETS.replace("operationId: health", &format!("operationId: health{edit}"));
        let mut file = fs::File::create(&path).expect("there is room");
        file.write_all(&text.as_bytes()[..100])
            .expect("there is room");
        thread::sleep(Duration::from_millis(20));
        file.write_all(&text.as_bytes()[100..])
            .expect("there is room");
        drop(file);
        let pet = PET.replace("id:", &format!("x{edit}: {{type: integer}}, id:"));
        replace(&folder.0.join("specs/schemas/pet.yaml"), &pet);
        thread::sleep(Duration::from_millis(60));
    }
    until("the last edit", || {
        server.get("/_standin/operations").contains("health19")
    });
    is_over.store(true, Ordering::Relaxed);
    clients
        .into_iter()
        .for_each(|client| client.join().expect("no exchange failed"));
    assert!(count.load(Ordering::Relaxed) > 20);
}

#[test]
fn journals_and_coverage_keep_the_names_of_operations() {
    let folder = pets("reload-journal");
    let server = Server::serve(&folder, &[]);
    server.get("/health");
    // An operation before it moves its index.
    let text = PETS.replace(
        "  /pets:\n",
        "  /apes:\n    get: {operationId: apes, responses: {'200': {description: d}}}\n  /pets:\n",
    );
    fs::write(folder.0.join("specs/pets.yaml"), text).expect("there is room");
    let reload = "POST /_standin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answer = server.exchange(reload);
    assert!(
        answer.contains(r#""added":["apes"],"removed":[],"changed":[]"#),
        "{answer}"
    );
    server.get("/apes");
    let journal = server.get("/_standin/requests?operation=health");
    assert!(
        journal.contains(r#""total":1"#) && journal.contains(r#""operation":"health""#),
        "{journal}"
    );
    let coverage = server.get("/_standin/coverage");
    assert!(
        coverage.contains(r#""operations":{"all":4,"used":2}"#),
        "{coverage}"
    );
}

#[test]
fn listeners_hear_of_a_reload() {
    let folder = pets("reload-events");
    let server = Server::serve(&folder, &[]);
    let stream = server.send("GET /_standin/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(": listening")));
    let reload = "POST /_standin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    server.exchange(reload);
    assert!(lines.any(|line| line.contains("event: reload")));
    assert!(lines.any(|line| line.starts_with("data: ") && line.contains(r#""fixtures":false"#)));
}

#[test]
fn documents_on_standard_input_cannot_be_loaded_again() {
    let folder = Folder::new("reload-stdin");
    let mut command = standin(&folder.0, &["serve", "-", "--port", "0"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("is piped");
    input.write_all(PETS.as_bytes()).expect("it reads");
    drop(input);
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("is piped"));
    output.read_line(&mut line).expect("it listens");
    let url = format!(
        "{}/_standin/reload",
        line.trim().trim_start_matches("listening on ")
    );
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent.post(url).send_empty().expect("it answers");
    let body = answer.body_mut().read_to_string().expect("it is text");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(answer.status(), 501);
    assert!(body.contains("cannot be loaded again"), "{body}");
}

/// Serves a text that changes, and the number of times that it was asked for.
fn host(text: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().expect("it is open"));
            let mut line = String::new();
            let mut known = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(tag) = line.to_ascii_lowercase().strip_prefix("if-none-match:") {
                    tag.trim().clone_into(&mut known);
                }
                line.clear();
            }
            let text = text.lock().expect("nobody panicked").clone();
            let tag = format!("\"{}\"", text.len());
            let answer = if known == tag {
                "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_owned()
            } else {
                format!(
                    "HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                )
            };
            // A client that left does not matter.
            let _sent = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn a_url_is_asked_for_changes() {
    let folder = Folder::new("reload-url");
    let text = Arc::new(Mutex::new(
        PETS.replace("schemas/pet.yaml", "#/components/x"),
    ));
    let address = host(Arc::clone(&text));
    let url = format!("http://{address}/pets.yaml");
    let server = Server::serve(&folder, &[&url, "--watch", "on", "--cache", "cache"]);
    thread::sleep(Duration::from_secs(1));
    {
        let mut text = text.lock().expect("nobody panicked");
        *text = text.replace("/health", "/healthier");
    }
    until("the change", || has_path(&server, "/healthier"));
}

#[test]
fn the_interval_of_comparisons_is_checked() {
    let folder = pets("reload-refused");
    for wrong in ["poll=1ms", "poll=soon", "sometimes"] {
        let (code, _, errors) = run(&folder.0, &["serve", "--watch", wrong]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains("--watch"), "{errors}");
    }
}

#[test]
fn a_warning_that_an_edit_moves_is_not_told_again() {
    let twice = PETS.replace(
        "  /health:",
        "  /health:\n    get: {operationId: health, responses: {'200': {description: ok}}}\n  /other:",
    );
    let text = twice.replace("operationId: health", "operationId: same");
    let folder = Folder::new("reload-warning")
        .with("specs/pets.yaml", &text)
        .with("specs/schemas/pet.yaml", PET);
    let server = Server::serve(&folder, &[]);
    fs::write(
        folder.0.join("specs/pets.yaml"),
        text.replace("paths:", "# a line more\npaths:"),
    )
    .expect("there is room");
    let reload = "POST /_standin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answer = server.exchange(reload);
    assert!(answer.contains(r#""warnings":1"#), "{answer}");
    let (_, log) = server.stop();
    let told = log.matches("duplicate-operation-id").count();
    assert_eq!(told, 1, "{log}");
}

#[test]
fn a_kept_request_is_a_new_file_that_is_loaded() {
    let folder = pets("reload-kept");
    let server = Server::serve(&folder, &["--console", "write"]);
    let answer = server.get("/pets");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let kept = server.exchange(&post("/_standin/requests/1/fixture", ""));
    assert!(kept.starts_with("HTTP/1.1 201"), "{kept}");
    let file = folder.0.join("fixtures/kept-listPets.yaml");
    let text = fs::read_to_string(&file).expect("the file is written");
    assert!(text.starts_with("listPets:\n  - status: 200\n"), "{text}");
    let health = server.get("/_standin/health");
    assert!(health.ends_with(r#""fixtures":1}"#), "{health}");
    // No file is overwritten.
    fs::write(&file, "listPets: []\n").expect("it can be written");
    let again = server.exchange(&post("/_standin/requests/1/fixture", ""));
    assert!(again.starts_with("HTTP/1.1 201"), "{again}");
    assert!(folder.0.join("fixtures/kept-listPets-2.yaml").exists());
    assert_eq!(
        fs::read_to_string(&file).expect("it is there"),
        "listPets: []\n"
    );
}

#[test]
fn secrets_of_a_removed_operation_stay_hidden() {
    let folder = Folder::new("reload-secrets").with(
        "specs/a.yaml",
        "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n  /health: {get: {responses: {'204': {description: d}}}}\n  /reset/{token}: {get: {responses: {'204': {description: d}}, parameters: [{name: token, in: path, required: true, schema: {type: string}}]}}\n",
    );
    let server = Server::serve(&folder, &["--watch", "off"]);
    let answer = server.get("/reset/SECRET7");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    fs::write(
        folder.0.join("specs/a.yaml"),
        "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n  /health: {get: {responses: {'204': {description: d}}}}\n",
    )
    .expect("there is room");
    let reloaded = server.exchange(&post("/_standin/reload", ""));
    assert!(
        reloaded.contains(r#""removed":["GET /reset/{token}"]"#),
        "{reloaded}"
    );
    let journal = server.get("/_standin/requests");
    assert!(journal.contains("/reset/[redacted]"), "{journal}");
    assert!(!journal.contains("SECRET7"), "{journal}");
}
