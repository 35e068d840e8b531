//! Where may documents and their parts come from, and what if one is missing or forbidden?

#[path = "support/document.rs"]
mod document;
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
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use document::DOCUMENT;
use program::{Folder, run, standin};
use request::post;
use server::Server;

#[test]
fn a_document_that_cannot_be_read_costs_itself_and_without_any_the_exit_code_is_2() {
    let folder = Folder::new("broken")
        .with("specs/a.yaml", DOCUMENT)
        .with("specs/b.yaml", "openapi: 3.0.0\ninfo: [\n");
    let server = Server::serve(&folder, &[]);
    assert!(server.get("/a").starts_with("HTTP/1.1 200"));
    let (_, log) = server.stop();
    assert!(log.contains("error[syntax]"), "{log}");
    assert!(log.contains("specs/b.yaml:"), "{log}");
    let (code, _, errors) = run(&folder.0, &["serve", "specs/b.yaml", "specs/none.yaml"]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("error[unreadable-file]: `specs/none.yaml` cannot be read"),
        "{errors}"
    );
    assert!(
        errors.contains("error: there is no document to serve"),
        "{errors}"
    );
}

#[test]
fn documents_with_errors_are_refused_if_the_user_says_so() {
    let document = "openapi: 3.0.0
info: {title: t, version: '1'}
paths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/Missing'}}}}}
";
    let folder = Folder::new("strict").with("specs/a.yaml", document);
    let (code, out, errors) = run(&folder.0, &["serve", "--port", "0", "--strict-documents"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(errors.contains("error[unresolved-ref]"), "{errors}");
    assert!(
        errors.contains(
            "error: the documents have errors, which `--strict-documents` does not allow"
        ),
        "{errors}"
    );
}

#[test]
fn documents_come_from_standard_input_too() {
    let folder = Folder::new("stdin");
    let mut command = standin(&folder.0, &["routes", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    child
        .stdin
        .take()
        .expect("is piped")
        .write_all(DOCUMENT.as_bytes())
        .expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("is text");
    assert_eq!(
        text,
        "GET  /a  get-a  -  200 example \"first\"\nPUT  /a  -      -  200 generated\n"
    );
}

#[test]
fn documents_may_be_split_over_files_in_their_folder() {
    let root = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /pets: {$ref: 'paths/pets.json#/pets'}
  /out: {get: {responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '../other/o.yaml'}}}}}}}
components: {schemas: {Id: {type: integer}}}
";
    let pets = r#"{"pets": {"post": {
      "requestBody": {"content": {"application/json": {"schema": {"$ref": "../schemas/pet.yaml#/Pet"}}}},
      "responses": {"200": {"description": "ok"}}
    }}}"#;
    let pet = "Pet:
  required: [id, tag, next]
  properties:
    id: {$ref: '../api.yaml#/components/schemas/Id'}
    tag: {$ref: '#/Tag'}
    next: {$ref: '#/Pet', nullable: 'true'}
Tag: {type: string, minLength: 2}
";
    let folder = Folder::new("split")
        .with("api/api.yaml", root)
        .with("api/paths/pets.json", pets);
    let folder = folder
        .with("api/schemas/pet.yaml", pet)
        .with("other/o.yaml", "type: integer\n");
    let server = Server::serve(&folder, &["api/api.yaml", "--log", "off"]);
    let answer = |body: &str| server.exchange(&post("/pets", body));
    let fine = answer(r#"{"id": 1, "tag": "ab", "next": {"id": 2, "tag": "cd", "next": null}}"#);
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
    let wrong = answer(r#"{"id": "x", "tag": "ab", "next": {"id": 2, "tag": "c", "next": null}}"#);
    assert!(
        wrong.contains(
            "standin-violations: body /id: must be integer; body /next/tag: must have at least 2"
        ),
        "{wrong}"
    );
    server.stop();
    // The document is in the current folder, and so is the file that it refers to.
    let (_, out, _) = run(&folder.0, &["check", "api/api.yaml"]);
    assert!(!out.contains("external-ref"), "{out}");
    let within = folder.0.join("api");
    let (_, out, _) = run(&within, &["check", "api.yaml"]);
    assert!(
        out.contains("error[external-ref]: reference `../other/o.yaml` leads out of its document"),
        "{out}"
    );
    assert!(out.contains("--allow-path"), "{out}");
    assert!(
        out.contains(
            "warning[string-boolean]: `nullable` is the string \"true\", expected a boolean"
        ),
        "{out}"
    );
    assert!(out.contains("--> schemas/pet.yaml:6:37"), "{out}");
    let (_, out, _) = run(&within, &["check", "api.yaml", "--allow-path", "../other"]);
    assert!(!out.contains("external-ref"), "{out}");
}

#[test]
fn paths_of_the_command_line_may_have_colons_and_only_files_are_read() {
    let document = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /a: {$ref: '../x:y/a.yaml'}
  /b: {$ref: 'pipe.yaml'}
";
    let item = "get: {responses: {'200': {description: ok}}}";
    let folder = Folder::new("colons")
        .with("api/api.yaml", document)
        .with("x:y/a.yaml", item);
    let made = Command::new("mkfifo")
        .arg(folder.0.join("api/pipe.yaml"))
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let (_, out, _) = run(
        &folder.0.join("api"),
        &["check", "api.yaml", "--allow-path", "../x:y"],
    );
    assert!(!out.contains("x:y"), "{out}");
    assert!(
        out.contains("`pipe.yaml` cannot be read: it is not a regular file"),
        "{out}"
    );
}

/// A host that answers every request with what `answer` makes of its first line, its header fields
/// in lower case, and the number of requests before; it counts them.
fn host(answer: fn(&str, &str, usize) -> String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("is bound").to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("can be cloned"));
            let _read = reader.read_line(&mut line);
            let mut sent = String::new();
            while reader.read_line(&mut sent).is_ok_and(|length| length > 2) {}
            let before = count.fetch_add(1, Ordering::SeqCst);
            let answer = answer(&line, &sent.to_lowercase(), before);
            let _written = stream.write_all(answer.as_bytes());
        }
    });
    (address, asked)
}

#[test]
fn hosts_are_asked_only_if_they_are_allowed_and_once() {
    let (address, asked) = host(|line, _, _| {
        let (status, body) = match line.split(' ').nth(1) {
            Some("/a/pet.yaml") => (
                "200 OK",
                "{type: object, properties: {tag: {$ref: 'tag.yaml'}}, required: [tag]}",
            ),
            Some("/a/tag.yaml") => ("302 Found\r\nLocation: /a/moved.yaml", ""),
            Some("/a/moved.yaml") => ("200 OK", "{type: integer}"),
            _ => ("404 Not Found", ""),
        };
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let document = DOCUMENT.replace(
        "schema: {type: integer}",
        &format!("schema: {{$ref: 'http://{address}/a/pet.yaml'}}, example: {{tag: x}}"),
    );
    let folder = Folder::new("hosts").with("a.yaml", &document);
    let (_, out, _) = run(&folder.0, &["check", "a.yaml", "--cache", "cache"]);
    assert!(out.contains("error[external-ref]"), "{out}");
    assert!(
        out.contains(&format!("unless `--allow-host {address}` allows it")),
        "{out}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let options = ["--cache", "cache", "--allow-host", &address];
    for _ in 0..2 {
        let (_, out, _) = run(&folder.0, &[&["check", "a.yaml"][..], &options].concat());
        assert!(!out.contains("external-ref"), "{out}");
        assert!(
            out.contains("the example does not fit its schema: `/tag` must be integer"),
            "{out}"
        );
    }
    // Two files, one of them moved; the second start needed no network.
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let other = folder.0.join("b.yaml");
    fs::write(other, document.replace("/a/pet.yaml", "/a/none.yaml")).expect("can be written");
    let (_, out, _) = run(&folder.0, &[&["check", "b.yaml"][..], &options].concat());
    assert!(out.contains("answers 404"), "{out}");
}

#[test]
fn examples_may_be_in_files_beside_the_document() {
    let document = r"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /json: {get: {responses: {'200': {description: ok, content: {application/json: {examples: {a: {externalValue: values/a.json}}}}}}}}
  /text: {get: {responses: {'200': {description: ok, content: {text/plain: {examples: {a: {externalValue: values/a.txt}}}}}}}}
  /none: {get: {responses: {'200': {description: ok, content: {text/plain: {examples: {a: {externalValue: ../../none.txt}}}}}}}}
";
    let folder = Folder::new("external").with("api/a.yaml", document);
    let folder = folder
        .with("api/values/a.json", "{\"n\": [1]}")
        .with("api/values/a.txt", "hello");
    let server = Server::serve(&folder, &["api/a.yaml", "--log", "off"]);
    let json = server.get("/json");
    assert!(json.ends_with("{\"n\":[1]}"), "{json}");
    let text = server.get("/text");
    assert!(text.ends_with("hello"), "{text}");
    server.stop();
    let (_, out, _) = run(&folder.0, &["check", "api/a.yaml"]);
    assert!(
        out.contains("warning[external-value]: the external value `../../none.txt` is not there"),
        "{out}"
    );
}

#[test]
fn a_discriminator_may_map_to_a_file() {
    let document = r"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /pets:
    get:
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema:
                oneOf: [{$ref: cat.yaml}]
                discriminator: {propertyName: kind, mapping: {tabby: cat.yaml}}
";
    let cat = "{type: object, required: [kind], properties: {kind: {type: string}}}";
    let folder = Folder::new("mapping")
        .with("a.yaml", document)
        .with("cat.yaml", cat);
    let server = Server::serve(&folder, &["a.yaml", "--log", "off"]);
    let answer = server.get("/pets");
    assert!(answer.ends_with("{\"kind\":\"tabby\"}"), "{answer}");
    server.stop();
}

#[test]
fn overlays_are_files() {
    let overlay = "overlay: 1.0.0\ninfo: {title: o, version: '1'}\nactions: [{target: '$.paths[\"/a\"].put', remove: true}]\n";
    let folder = Folder::new("overlay")
        .with("a.yaml", DOCUMENT)
        .with("o.yaml", overlay);
    let (_, out, _) = run(&folder.0, &["routes", "a.yaml", "--overlay", "o.yaml"]);
    assert_eq!(out.lines().count(), 1, "{out}");
    let (_, _, errors) = run(&folder.0, &["routes", "a.yaml", "--overlay", "none.yaml"]);
    assert!(errors.contains("`none.yaml` cannot be read"), "{errors}");
}

/// A document that a host serves: with an entity tag, for a credential, after a while, or not.
fn published(line: &str, sent: &str, asked: usize) -> String {
    let (status, body) = match line.split(' ').nth(1) {
        _ if sent.contains("if-none-match: \"v1\"") => ("304 Not Modified", String::new()),
        Some("/v1/api.yaml") => ("200 OK\r\nETag: \"v1\"", with_reference()),
        Some("/v1/pet.yaml") => ("200 OK", "{type: string, const: rex}".to_owned()),
        Some("/secret.yaml") if sent.contains("authorization: bearer x") => {
            ("200 OK", DOCUMENT.to_owned())
        }
        Some("/secret.yaml") => ("401 Unauthorized", String::new()),
        Some("/page") => ("200 OK", "\n<!DOCTYPE html><html></html>".to_owned()),
        Some("/changing.yaml") if asked == 1 => ("200 OK", "<html>log in</html>".to_owned()),
        Some("/part.yaml") if asked == 0 => ("200 OK", String::new()),
        Some("/part.yaml") => ("200 OK", "{type: integer}".to_owned()),
        Some("/once.yaml" | "/changing.yaml") if asked == 0 => ("200 OK", DOCUMENT.to_owned()),
        Some("/once.yaml" | "/changing.yaml") => ("503 Service Unavailable", String::new()),
        Some("/starting.yaml") if asked < 3 => ("503 Service Unavailable", String::new()),
        Some("/starting.yaml") => ("200 OK", DOCUMENT.to_owned()),
        _ => ("404 Not Found", String::new()),
    };
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn with_reference() -> String {
    DOCUMENT.replace("{type: integer}", "{$ref: 'pet.yaml'}")
}

#[test]
fn a_url_is_a_document_and_allows_its_own_host() {
    let (address, asked) = host(published);
    let folder = Folder::new("url");
    let at = |path: &str| format!("http://{address}{path}");
    let check = |path: &str, more: &[&str]| {
        let url = at(path);
        let options = ["check", url.as_str(), "--cache", "cache"];
        let (code, out, err) = run(&folder.0, &[&options[..], more].concat());
        (code, out + &err)
    };
    let (_, out) = check("/v1/api.yaml", &[]);
    let expected = "`const` is of OpenAPI 3.1, and the document is of 3.0";
    assert!(out.contains(expected), "{out}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // Both files are asked for again, and the document is unchanged.
    let (_, again) = check("/v1/api.yaml", &[]);
    assert_eq!(out, again);
    assert_eq!(asked.load(Ordering::SeqCst), 4);

    let (code, out) = check("/none.yaml", &[]);
    assert_eq!(code, Some(2));
    assert!(out.contains("/none.yaml` answers 404 Not Found"), "{out}");
    assert!(out.contains("help: open the address in a browser"), "{out}");
    let (_, out) = check("/page", &[]);
    assert!(
        out.contains("/page` is an HTML page, expected an OpenAPI document"),
        "{out}"
    );
    let (_, out) = check("/secret.yaml", &[]);
    assert!(out.contains("answers 401 Unauthorized"), "{out}");
    assert!(
        out.contains("help: send credentials with `--header"),
        "{out}"
    );
    let (code, out) = check("/secret.yaml", &["--header", "Authorization: Bearer x"]);
    assert_eq!(code, Some(0), "{out}");
    let (code, out) = check("/secret.yaml", &["--header", "Authorization"]);
    assert_eq!(code, Some(2), "{out}");

    asked.store(0, Ordering::SeqCst);
    let (_, out) = check("/starting.yaml", &[]);
    assert!(out.contains("answers 503"), "{out}");
    asked.store(0, Ordering::SeqCst);
    let (code, out) = check("/starting.yaml", &["--wait", "20s"]);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn a_url_that_cannot_be_reached_is_served_from_the_cache() {
    let folder = Folder::new("offline");
    let (address, _) = host(published);
    let url = format!("http://{address}/once.yaml");
    let options = ["check", url.as_str(), "--cache", "cache"];
    let (code, first, _) = run(&folder.0, &options);
    assert_eq!(code, Some(0), "{first}");
    let (code, out, _) = run(&folder.0, &options);
    assert_eq!(code, Some(0), "{out}");
    let warning = format!("warning[stale-document]: `{url}` answers 503 Service Unavailable");
    assert!(out.contains(&warning), "{out}");
    // A page in place of the document does not replace the copy.
    let (address, _) = host(published);
    let url = format!("http://{address}/changing.yaml");
    let options = ["check", url.as_str(), "--cache", "cache"];
    let codes = [(); 3].map(|()| run(&folder.0, &options).0);
    assert_eq!(codes, [Some(0), Some(2), Some(0)]);
    // Nor is an answer kept that is no schema.
    let (address, _) = host(published);
    let part = format!("{{$ref: 'http://{address}/part.yaml'}}");
    let refers = folder.0.join("refers.yaml");
    fs::write(refers, DOCUMENT.replace("{type: integer}", &part)).expect("can be written");
    let options = [
        "check",
        "refers.yaml",
        "--cache",
        "cache",
        "--allow-host",
        &address,
    ];
    run(&folder.0, &options);
    let (code, out, _) = run(&folder.0, &options);
    assert_eq!(code, Some(0), "{out}");
    // A password is neither sent nor shown.
    let url = format!("http://ann:secret@{address}/a.yaml");
    let (code, out, err) = run(&folder.0, &["check", &url, "--cache", "cache"]);
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(!(out.clone() + &err).contains("secret"), "{out}{err}");
    // A port at which nothing listens.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let free = listener.local_addr().expect("is bound").to_string();
    drop(listener);
    let (code, out, err) = run(&folder.0, &["check", &format!("http://{free}/a.yaml")]);
    assert_eq!(code, Some(2), "{out}{err}");
    assert!((out + &err).contains("`--wait 30s` waits until it answers"));
}

/// Runs `git` in a folder of a test.
fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let ended = std::process::Command::new("git")
        .current_dir(folder)
        .args(identity)
        .args(arguments)
        .output()
        .expect("git is installed");
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
fn a_file_of_a_git_revision_is_a_document_with_references_of_that_revision() {
    let folder = Folder::new("revision")
        .with("api/a.yaml", &with_reference())
        .with("api/pet.yaml", "{type: string, const: rex}");
    let git = |arguments: &[&str]| git(&folder.0, arguments);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    fs::write(folder.0.join("api/pet.yaml"), "{type: string}").expect("can be written");
    git(&["commit", "-q", "-a", "-m", "second"]);
    let expected = "`const` is of OpenAPI 3.1, and the document is of 3.0";
    for (document, is_wrong) in [
        ("HEAD~1:api/a.yaml", true),
        ("HEAD~1:api", true),
        ("HEAD:api/a.yaml", false),
        ("api/a.yaml", false),
    ] {
        let (_, out, err) = run(&folder.0, &["check", document]);
        assert!(
            err.contains("1 document") || out.contains("1 document"),
            "{document}: {out}{err}"
        );
        assert_eq!(out.contains(expected), is_wrong, "{document}: {out}");
    }
    let (code, out, err) = run(&folder.0, &["check", "HEAD:none.yaml"]);
    assert_eq!(code, Some(2), "{out}{err}");
    assert!((out + &err).contains("`HEAD:none.yaml` cannot be read: git says"));
    // Paths are relative to the current folder, folders too.
    let below = folder.0.join("api");
    for document in ["HEAD~1:a.yaml", "HEAD~1:.", "HEAD~1:..", "HEAD~1:../api"] {
        let (_, out, err) = run(&below, &["check", document]);
        assert!(
            (out.clone() + &err).contains("1 document"),
            "{document}: {out}{err}"
        );
        assert!(out.contains(expected), "{document}: {out}");
    }
    let (_, out, err) = run(&below, &["check", "HEAD:../../x"]);
    assert!((out + &err).contains("the path leads out of the repository"));
}

#[cfg(unix)]
#[test]
fn a_hostile_repository_runs_no_command_and_links_lead_nowhere() {
    let folder = Folder::new("hostile-git").with("a.yaml", DOCUMENT);
    std::os::unix::fs::symlink("/etc/passwd", folder.0.join("link.yaml")).expect("links work");
    let git = |arguments: &[&str]| git(&folder.0, arguments);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    let (_, out, err) = run(&folder.0, &["check", "HEAD:link.yaml"]);
    assert!((out + &err).contains("it is a symbolic link to `/etc/passwd`"));
    let (_, out, err) = run(&folder.0, &["check", "HEAD:."]);
    assert!((out.clone() + &err).contains("1 document"), "{out}{err}");
    // A clone that lacks a file, and would fetch it with a command of its own.
    let ran = folder.0.join("ran");
    let command = format!("touch '{}'; false", ran.display());
    for (name, value) in [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ssh://x/y"),
        ("core.sshCommand", command.as_str()),
    ] {
        git(&["config", name, value]);
    }
    let objects = folder.0.join(".git/objects");
    for entry in fs::read_dir(&objects).expect("it is a repository") {
        let path = entry.expect("can be read").path();
        if path.file_name().is_some_and(|name| name.len() == 2) {
            fs::remove_dir_all(path).expect("can be removed");
        }
    }
    let (code, out, err) = run(&folder.0, &["check", "HEAD:a.yaml"]);
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(!ran.exists(), "a command of the repository ran");
}

#[test]
fn fixtures_of_the_current_folder_are_not_those_of_another_project() {
    let folder = Folder::new("projects")
        .with("mine/fixtures/f.yaml", "missing: []")
        .with("mine/a.yaml", DOCUMENT)
        .with("other/a.yaml", DOCUMENT)
        .with("third/a.yaml", DOCUMENT)
        .with("third/fixtures/f.yaml", "missing: []");
    let mine = folder.0.join("mine");
    let finding = "no document has the operation";
    let found = |document: &str| {
        let (_, out, _) = run(&mine, &["check", document]);
        out.contains(finding)
    };
    assert!(found("a.yaml"));
    assert!(!found("../other/a.yaml"));
    assert!(found("../third/a.yaml"));
}
