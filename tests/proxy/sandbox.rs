//! What the sandbox created, among the entities of the real API; and servers that operations have for themselves.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::pets::{json, proxy};
use crate::program::{Folder, run};
use crate::request::post;
use crate::server::Server;
use crate::upstream::{Part, Upstream};

const SHOP: &str = r"
openapi: 3.1.0
info: {title: Shop, version: '1'}
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - {name: kind, in: query, schema: {type: string}}
        - {name: sort, in: query, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer}}
        - {name: page, in: query, schema: {type: integer, minimum: 1}}
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema:
                type: object
                properties:
                  total: {type: integer}
                  pets: {type: array, items: {$ref: '#/components/schemas/Pet'}}
    post:
      operationId: createPet
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
      responses:
        '201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
  /pets/{petId}:
    parameters: [{name: petId, in: path, required: true, schema: {type: integer}}]
    get:
      operationId: getPet
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '404': {description: none}
    delete:
      operationId: deletePet
      responses: {'204': {description: gone}, '404': {description: none}}
  /pets/{petId}/toys:
    parameters: [{name: petId, in: path, required: true, schema: {type: integer}}]
    get:
      operationId: listToys
      responses:
        '200':
          description: ok
          content: {application/json: {schema: {type: array, items: {type: object, properties: {id: {type: integer}}}}}}
  /pets.rename:
    post:
      operationId: renamePet
      requestBody:
        content: {application/json: {schema: {type: object, required: [petId], properties: {petId: {type: integer}, name: {type: string}}}}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
components:
  schemas:
    Pet: {type: object, properties: {id: {type: integer}, name: {type: string}, kind: {type: string}}}
";

const REAL: &str =
    r#"{"total":2,"pets":[{"id":1,"name":"Ada","kind":"cat"},{"id":2,"name":"Uma","price":1.10}]}"#;

/// Starts a proxy whose sandbox creates pets.
fn shop(folder: &Folder, upstream: &Upstream) -> Server {
    proxy(
        folder,
        &upstream.url(),
        &["--sandbox", "createPet", "--state", "on"],
    )
}

/// The content of an answer without its chunks.
fn content(answer: &str) -> &str {
    answer
        .split_once("\r\n\r\n")
        .expect("an answer has a head")
        .1
}

fn create(server: &Server, session: &str, pet: &str) {
    let request =
        post("/pets", pet).replacen("\r\n", &format!("\r\nStandin-Session: {session}\r\n"), 1);
    let got = server.exchange(&request);
    assert!(got.starts_with("HTTP/1.1 201 "), "{got}");
}

fn get(server: &Server, session: &str, target: &str) -> String {
    server.exchange(&format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nStandin-Session: {session}\r\nIf-None-Match: \"v1\"\r\nConnection: close\r\n\r\n"
    ))
}

#[test]
fn what_the_sandbox_created_is_in_lists_of_the_real_api() {
    let listed = json("200 OK", REAL).replace("Date:", "ETag: \"v1\"\r\nX-Total-Count: 2\r\nDate:");
    let upstream = Upstream::texts(&[("/pets", &listed)]);
    let folder = Folder::new("proxy-created").with("specs/shop.yaml", SHOP);
    let server = shop(&folder, &upstream);
    let before = get(&server, "blue", "/pets");
    assert_eq!(content(&before), REAL, "nothing was created yet");
    assert!(before.contains("ETag: \"v1\""), "{before}");
    create(
        &server,
        "blue",
        r#"{"id": 70, "name": "Rex", "kind": "dog"}"#,
    );
    let after = get(&server, "blue", "/pets");
    assert_eq!(
        content(&after),
        r#"{"total":3,"pets":[{"id":1,"name":"Ada","kind":"cat"},{"id":2,"name":"Uma","price":1.10},{"id":70,"name":"Rex","kind":"dog"}]}"#
    );
    assert!(
        after.contains("standin-added: 1 entity of the sandbox\r\n")
            && after.contains("X-Total-Count: 3\r\n")
            && !after.contains("ETag"),
        "{after}"
    );
    let made = server.exchange(&post("/pets", r#"{"name": "Zed"}"#));
    assert!(
        content(&made).contains(r#""id":100000000"#),
        "no key of the real API: {made}"
    );
    // The client's copy of the list, which lacks the pet, is not confirmed by the real API.
    let asked = upstream.requests();
    assert!(asked[0].contains("If-None-Match: \"v1\""), "{}", asked[0]);
    assert!(!asked[1].contains("If-None-Match"), "{}", asked[1]);
    // Another session, and a client that wants the real API alone, do not see it.
    assert_eq!(content(&get(&server, "green", "/pets")), REAL);
    let real = server.exchange(
        "GET /pets HTTP/1.1\r\nHost: localhost\r\nStandin-Session: blue\r\nPrefer: real\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(content(&real), REAL);
    let journal = get(&server, "blue", "/_standin/requests");
    assert!(
        journal.contains("the real API, with 1 entity of the sandbox"),
        "{journal}"
    );
}

#[test]
fn created_entities_are_filtered_ordered_and_paged() {
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", REAL))]);
    let folder = Folder::new("proxy-created-query").with("specs/shop.yaml", SHOP);
    let server = shop(&folder, &upstream);
    create(
        &server,
        "blue",
        r#"{"id": 70, "name": "Rex", "kind": "dog"}"#,
    );
    let list = |target: &str| {
        let got = get(&server, "blue", target);
        content(&got).to_owned()
    };
    assert!(list("/pets?kind=dog").contains("Rex"));
    // No dog is among cats, so that the answer passes as it came.
    assert_eq!(list("/pets?kind=cat"), REAL);
    // Ada, Rex, Uma.
    let sorted = list("/pets?sort=name");
    assert!(
        sorted.find("Ada") < sorted.find("Rex") && sorted.find("Rex") < sorted.find("Uma"),
        "{sorted}"
    );
    let later = list("/pets?page=2&limit=20");
    assert!(
        !later.contains("Rex") && later.contains(r#""total":3"#),
        "it is on the first page: {later}"
    );
}

#[test]
fn only_counts_of_the_list_grow() {
    let real = r#"{"total":"2","count":2,"size":20,"meta":{"totalCount":2},"image":{"size":2,"total":9},"pets":[{"id":1},{"id":70,"name":"Old","size":2}],"pages":1}"#;
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", real))]);
    let folder = Folder::new("proxy-created-counts").with("specs/shop.yaml", SHOP);
    let server = shop(&folder, &upstream);
    create(&server, "blue", r#"{"id": 70, "name": "Rex"}"#);
    create(&server, "blue", r#"{"id": 71, "name": "Max"}"#);
    let got = get(&server, "blue", "/pets");
    // Rex is in the place of the pet with its key, so that the list has one pet more.
    assert_eq!(
        content(&got),
        r#"{"total":"3","count":3,"size":20,"meta":{"totalCount":3},"image":{"size":2,"total":9},"pets":[{"id":1},{"id":70,"name":"Rex"},{"id":71,"name":"Max"}],"pages":1}"#
    );
    assert!(
        got.contains("standin-added: 2 entities of the sandbox"),
        "{got}"
    );
}

#[test]
fn requests_for_a_created_entity_are_answered_by_the_sandbox() {
    let none = json("404 Not Found", "{}");
    let toys = json("200 OK", r#"[{"id": 5}]"#);
    let renamed = json("200 OK", r#"{"id": 1, "name": "Real"}"#);
    let upstream = Upstream::start(&[
        ("/pets/1", &[Part::Bytes(renamed.clone().into_bytes())]),
        ("/pets/1/toys", &[Part::Bytes(toys.into_bytes())]),
        ("/pets.rename", &[Part::Bytes(renamed.into_bytes())]),
        ("/pets/70", &[Part::Bytes(none.clone().into_bytes())]),
        ("/pets/70/toys", &[Part::Bytes(none.into_bytes())]),
    ]);
    let folder = Folder::new("proxy-created-one").with("specs/shop.yaml", SHOP);
    let server = shop(&folder, &upstream);
    assert!(get(&server, "blue", "/pets/70").starts_with("HTTP/1.1 404 "));
    create(&server, "blue", r#"{"id": 70, "name": "Rex"}"#);
    assert!(get(&server, "blue", "/pets/70").contains("Rex"));
    assert!(get(&server, "green", "/pets/70").starts_with("HTTP/1.1 404 "));
    assert!(get(&server, "blue", "/pets/1").contains("Real"));
    assert!(get(&server, "blue", "/pets/70/toys").starts_with("HTTP/1.1 200 "));
    assert!(content(&get(&server, "blue", "/pets/1/toys")).contains(r#"{"id": 5}"#));
    let rename = |id: u8| {
        let request = post(
            "/pets.rename",
            &format!(r#"{{"petId": {id}, "name": "Max"}}"#),
        );
        server.exchange(&request.replacen("\r\n", "\r\nStandin-Session: blue\r\n", 1))
    };
    assert!(rename(1).contains("Real"));
    assert!(rename(70).contains(r#""name":"Max""#));
    assert!(get(&server, "blue", "/pets/70").contains("Max"));
    let delete = "DELETE /pets/70 HTTP/1.1\r\nHost: localhost\r\nStandin-Session: blue\r\nConnection: close\r\n\r\n";
    assert!(server.exchange(delete).starts_with("HTTP/1.1 204 "));
    assert!(get(&server, "blue", "/pets/70").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_list_that_is_compressed_or_too_long_or_no_list_is_told_apart() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(REAL.as_bytes()).expect("fits in memory");
    let compressed = encoder.finish().expect("fits in memory");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        compressed.len()
    );
    let folder = Folder::new("proxy-created-odd").with("specs/shop.yaml", SHOP);
    let pet = r#"{"id": 70, "name": "Rex"}"#;
    let upstream = Upstream::start(&[(
        "/pets",
        &[Part::Bytes([head.as_bytes(), &compressed].concat())],
    )]);
    let server = shop(&folder, &upstream);
    create(&server, "blue", pet);
    let got = get(&server, "blue", "/pets");
    assert!(
        got.contains("Rex") && got.contains(r#""total":3"#) && !got.contains("Content-Encoding"),
        "{got}"
    );
    let long = format!(r#"{{"pets": [], "note": "{}"}}"#, "x".repeat(4000));
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", &long))]);
    let server = proxy(
        &folder,
        &upstream.url(),
        &[
            "--sandbox",
            "createPet",
            "--state",
            "on",
            "--max-body",
            "2k",
        ],
    );
    create(&server, "blue", pet);
    let got = get(&server, "blue", "/pets");
    assert!(
        got.ends_with(&long)
            && got.contains("standin-warning: the entities of the sandbox are not"),
        "{got}"
    );
    let wrong = json("200 OK", r#"{"pets": null}"#);
    let upstream = Upstream::texts(&[("/pets", &wrong)]);
    let server = shop(&folder, &upstream);
    create(&server, "blue", pet);
    assert_eq!(content(&get(&server, "blue", "/pets")), r#"{"pets": null}"#);
}

#[test]
fn operations_go_to_servers_of_their_own_where_these_are_allowed() {
    let files = Upstream::texts(&[
        ("/v1/files", &json("200 OK", r#""files""#)),
        ("/v1/odd", &json("200 OK", r#""odd""#)),
    ]);
    let main = Upstream::texts(&[
        ("/files", &json("200 OK", r#""main""#)),
        ("/pets", &json("200 OK", "[]")),
    ]);
    let document = format!(
        "openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\npaths:\n  /files:\n    \
         servers: [{{url: 'http://{{host}}/v1', variables: {{host: {{default: '{}'}}}}}}]\n    \
         get: {{responses: {{'200': {{description: ok, content: {{application/json: {{}}}}}}}}}}\n  /pets:\n    \
         get: {{responses: {{'200': {{description: ok, content: {{application/json: {{}}}}}}}}}}\n",
        files.address
    );
    let folder = Folder::new("proxy-own-servers").with("specs/files.yaml", &document);
    // The hosts of both are 127.0.0.1, so that the URL has another name.
    let url = main.url().replace("127.0.0.1", "localhost");
    let closed = proxy(&folder, &url, &[]);
    assert!(closed.get("/files").ends_with(r#""main""#));
    let (_, log) = closed.stop();
    let notice = format!(
        "note: 1 operation has a server of its own at {0}; requests for it go to {url}, \
         with `--allow-upstream {0}` they go there",
        files.address
    );
    assert!(log.contains(&notice), "{log}");
    assert_eq!(files.requests().len(), 0);
    let open = proxy(
        &folder,
        &url,
        &[
            "--allow-upstream",
            &files.address,
            "--allow-upstream",
            "none.test",
        ],
    );
    assert!(open.get("/files?x=1").ends_with(r#""files""#));
    assert!(open.get("/v1/files").ends_with(r#""files""#));
    assert!(open.get("/pets").ends_with("[]"));
    let sent = files.requests();
    assert!(
        sent[0].starts_with("GET /v1/files?x=1 HTTP/1.1"),
        "{}",
        sent[0]
    );
    assert!(
        sent[1].starts_with("GET /v1/files HTTP/1.1")
            && sent[1].contains(&format!("Host: {}\r\n", files.address)),
        "{}",
        sent[1]
    );
    let (_, log) = open.stop();
    assert!(
        log.contains("`--allow-upstream none.test`: no operation has a server at that host"),
        "{log}"
    );
    for wrong in ["https://files.example", "*.example.com", "u@files.example"] {
        let (code, _, err) = run(
            &folder.0,
            &[
                "proxy",
                "http://localhost:1",
                "specs",
                "--allow-upstream",
                wrong,
            ],
        );
        assert_eq!(code, Some(2), "{wrong}");
        assert!(err.contains("expected a host such as"), "{err}");
    }
}

#[test]
fn a_list_that_cannot_be_changed_without_a_loss_passes_unchanged() {
    let lists = [
        r#"{"total":2.0,"pets":[{"id":1},{"id":2}]}"#,
        r#"{"total":1e300,"pets":[{"id":1},{"id":2}]}"#,
        r#"{"total":2,"pets":[{"id":1,"name":"Ada","name":"Uma"}]}"#,
        r#"{"total":1,"total":2,"pets":[{"id":1},{"id":2}]}"#,
    ];
    let folder = Folder::new("proxy-lossy").with("specs/shop.yaml", SHOP);
    for list in lists {
        let upstream = Upstream::texts(&[("/pets", &json("200 OK", list))]);
        let server = shop(&folder, &upstream);
        create(&server, "blue", r#"{"name": "Own"}"#);
        let got = get(&server, "blue", "/pets");
        assert_eq!(content(&got), list);
        assert!(!got.contains("standin-added"), "{got}");
        let warned = "standin-warning: the entities of the sandbox are not in this list: it has a member twice, or";
        assert!(got.contains(warned), "{got}");
    }
}
