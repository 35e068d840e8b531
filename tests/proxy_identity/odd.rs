//! Exchanges that are odd, each in its own way.

use std::time::Duration;

use crate::api::Step;
use crate::case::{Case, DATE, Difference, answer, chunked};

fn text(head: &str) -> Vec<u8> {
    head.as_bytes().to_vec()
}

/// An answer whose head is given without `Date` and the last line.
fn raw(status: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    [
        format!("{status}\r\n{DATE}{fields}\r\n").as_bytes(),
        content,
    ]
    .concat()
}

fn get(name: &str, given: &[u8]) -> Case {
    Case::new(name, "GET", "/pets", given)
}

/// A request with fields, and a short answer.
fn with(name: &str, fields: impl AsRef<[u8]>) -> Case {
    get(name, &answer("200 OK", "", b"[]")).fields(fields)
}

/// An answer with fields.
fn giving(name: &str, fields: &str) -> Case {
    get(name, &answer("200 OK", fields, b"[]"))
}

/// Many fields.
fn many(count: u32) -> String {
    let lines: Vec<String> = (0..count)
        .map(|number| format!("X-Many-{number}: {number}\r\n"))
        .collect();
    lines.concat()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = request_fields();
    cases.extend(answer_fields());
    cases.extend(status_lines());
    cases.extend(empty_answers());
    cases.extend(framings());
    cases.extend(pieces());
    cases.extend(contents());
    cases.extend(connections());
    cases.extend(expectations());
    cases
}

fn request_fields() -> Vec<Case> {
    let many = many(80);
    let latin = [&b"X-Latin: \xe9t\xe9 \xff\x80\r\n"[..], b"X-Next: 1\r\n"].concat();
    vec![
        with("a field twice", "X-A: 1\r\nX-A: 2\r\nX-A: 1\r\n"),
        with(
            "a field twice, spelled otherwise",
            "X-A: 1\r\nx-a: 2\r\nX-a: 3\r\n",
        ),
        with(
            "a field twice, with others between",
            "X-A: 1\r\nX-B: 2\r\nX-A: 3\r\n",
        )
        .differs(&[Difference::Order]),
        with("an empty value", "X-Empty:\r\nX-Next: 1\r\n"),
        with("an empty value after a space", "X-Empty: \r\nX-Next: 1\r\n")
            .differs(&[Difference::Spaces]),
        with("no space before a value", "X-A:1\r\n").differs(&[Difference::Spaces]),
        with("white space around a value", "X-A: \t 1 2  3 \t\r\n").differs(&[Difference::Spaces]),
        with("bytes that are not ASCII", latin),
        with("UTF-8", "X-Text: Grüße €\r\n"),
        with("odd names", "!#$%&'*+-.^_`|~: 1\r\nx: 2\r\n0: 3\r\n"),
        with(
            "a long value",
            format!("X-Long: {}\r\n", "v".repeat(60_000)),
        ),
        with("a long name", format!("X-{}: 1\r\n", "n".repeat(2_000))),
        with("many fields", many),
        with("cookies", "Cookie: a=1; b=\"2\"; c; =d; \r\n").differs(&[Difference::Spaces]),
        with("cookies in two lines", "Cookie: a=1\r\nCookie: b=2\r\n"),
        with(
            "preferences of the API",
            "Prefer: return=minimal, wait=10\r\nPrefer: respond-async\r\n",
        ),
        with(
            "a wish for codings",
            "Accept-Encoding: \r\nTE: gzip\r\nConnection: TE\r\n",
        )
        .differs(&[Difference::Spaces]),
        with(
            "credentials",
            "Authorization: Basic YTpi\r\nAuthorization: Bearer x\r\n",
        ),
        with("a range", "Range: bytes=0-0,-1\r\nIf-Range: \"a\"\r\n"),
        with(
            "conditions",
            "If-None-Match: *, W/\"a\"\r\nIf-Modified-Since: yesterday\r\n",
        ),
        with(
            "ways",
            "Via: 1.0 fred, HTTP/1.1 p.example (Apache)\r\nForwarded: for=1;proto=http\r\nX-Forwarded-For: 1\r\n",
        ),
        with(
            "fields of the connection",
            "Connection: keep-alive, X-Hop,, x-hop2 \r\nX-Hop: 1\r\nX-Hop2: 2\r\nKeep-Alive: timeout=5\r\nX-Stays: 1\r\n",
        ),
        with(
            "fields of another proxy",
            "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic YTpi\r\n",
        ),
        with(
            "fields of the sandbox",
            "Standin-Session: blue\r\nStandin-Other: 1\r\nX-Standin: 1\r\n",
        ),
        with("an upgrade that is not named", "Upgrade: h2c\r\n"),
        with("trailers are wanted", "TE: trailers\r\nConnection: TE\r\n"),
        with(
            "a media type with oddities",
            "Content-Type: application/JSON ;charset=\"utf-8\";;x\r\nContent-Length: 0\r\n",
        ),
        with(
            "two lengths that agree",
            "Content-Length: 0\r\nContent-Length: 0\r\n",
        )
        .differs(&[Difference::Length]),
        with(
            "a pseudo field name",
            "X-Case-Other: :path\r\nMax-Forwards: 3\r\n",
        ),
    ]
}

fn answer_fields() -> Vec<Case> {
    let many = many(90);
    let latin = [
        DATE.as_bytes(),
        b"X-Latin: \xe9t\xe9 \xff\x80\r\nContent-Length: 0\r\n\r\n",
    ]
    .concat();
    vec![
        giving(
            "cookies are set",
            "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        ),
        giving(
            "cookies between others",
            "Set-Cookie: a=1\r\nX-A: 1\r\nset-cookie: b=2\r\n",
        )
        .differs(&[Difference::Order]),
        giving(
            "names in odd spelling",
            "x-lower: 1\r\nX-UPPER: 2\r\nx-MiXeD: 3\r\n",
        ),
        giving("empty values in an answer", "X-Empty: \r\nX-Next: 1\r\n"),
        giving("white space in an answer", "X-A:  1\t \r\nX-B:2\r\n")
            .differs(&[Difference::Spaces]),
        get(
            "bytes that are not ASCII in an answer",
            &[b"HTTP/1.1 200 OK\r\n", &latin[..]].concat(),
        ),
        giving(
            "a long value in an answer",
            &format!("X-Long: {}\r\n", "v".repeat(60_000)),
        ),
        giving("many fields in an answer", &many),
        giving(
            "fields of the connection in an answer",
            "Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5, max=100\r\n",
        ),
        giving(
            "another way",
            "Via: 1.1 varnish\r\nServer: \r\nX-Powered-By: a\r\n",
        ),
        giving("an upgrade is offered", "Upgrade: h2, h2c\r\n"),
        giving(
            "rules for pages",
            "Access-Control-Allow-Origin: *\r\nVary: Origin\r\nVary: Accept-Encoding\r\n",
        ),
        giving(
            "places",
            "Location: //other/../x?y#z\r\nContent-Location: /\r\nLink: <a>; rel=next, <b>; rel=last\r\n",
        ),
        giving(
            "a range of an answer",
            "Content-Range: bytes 0-1/2\r\nAccept-Ranges: bytes\r\n",
        ),
        giving(
            "challenges",
            "WWW-Authenticate: Basic realm=\"a, b\", Bearer\r\nProxy-Authenticate: Basic\r\n",
        ),
        get("no date", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
            .differs(&[Difference::Date]),
        giving(
            "a wrong media type",
            "Content-Type: json; ;\r\nContent-Type: text/html\r\n",
        ),
    ]
}

fn status_lines() -> Vec<Case> {
    let line = |name: &str, line: &[u8]| {
        let rest = format!("\r\n{DATE}Content-Length: 0\r\n\r\n");
        get(name, &[line, rest.as_bytes()].concat())
    };
    vec![
        line("another reason", b"HTTP/1.1 200 Very  Well, (thanks)!"),
        line("a reason in Latin 1", b"HTTP/1.1 200 Tr\xe8s bien").differs(&[Difference::Reason]),
        line("an empty reason", b"HTTP/1.1 200 "),
        line("no reason", b"HTTP/1.1 200").differs(&[Difference::Reason]),
        line("the reason of another status", b"HTTP/1.1 404 OK"),
        line("an older version", b"HTTP/1.0 200 OK")
            .then([Step::Close])
            .differs(&[Difference::Version]),
    ]
}

fn empty_answers() -> Vec<Case> {
    let head = |name: &str, fields: &str| {
        Case::new(name, "HEAD", "/pets", &raw("HTTP/1.1 200 OK", fields, b""))
    };
    let of = |name: &str, status: &str, fields: &str| {
        get(name, &raw(&format!("HTTP/1.1 {status}"), fields, b""))
    };
    vec![
        head("HEAD with a length", "Content-Length: 1000\r\n"),
        head("HEAD with a zero length", "Content-Length: 0\r\n"),
        head("HEAD without length", "Content-Type: application/json\r\n"),
        head(
            "HEAD with chunks announced",
            "Transfer-Encoding: chunked\r\n",
        ),
        of("204", "204 No Content", ""),
        of(
            "204 with fields",
            "204 No Content",
            "ETag: \"a\"\r\nContent-Location: /a\r\n",
        ),
        of("304", "304 Not Modified", "ETag: \"a\"\r\n"),
        of(
            "304 with a length",
            "304 Not Modified",
            "Content-Length: 7\r\nETag: \"a\"\r\n",
        )
        .differs(&[Difference::Length]),
        of(
            "205 without content",
            "205 Reset Content",
            "Content-Length: 0\r\n",
        ),
        of("an empty 200", "200 OK", "Content-Length: 0\r\n"),
        get(
            "an empty 200 in chunks",
            &raw(
                "HTTP/1.1 200 OK",
                "Transfer-Encoding: chunked\r\n",
                b"0\r\n\r\n",
            ),
        ),
        get(
            "an empty 404 until the end",
            &raw("HTTP/1.1 404 Not Found", "", b""),
        )
        .then([Step::Close])
        .differs(&[Difference::Framing]),
    ]
}

fn in_chunks(fields: &str, chunks: &[u8]) -> Vec<u8> {
    let fields = format!("{fields}Transfer-Encoding: chunked\r\n");
    raw("HTTP/1.1 200 OK", &fields, chunks)
}

fn framings() -> Vec<Case> {
    let ranges = b"--x\r\nContent-Range: bytes 0-0/9\r\n\r\n[\r\n--x--\r\n";
    vec![
        get(
            "chunk extensions",
            &in_chunks("", b"2;a=b;c=\"d\"\r\n[]\r\n0;e\r\n\r\n"),
        )
        .differs(&[Difference::Extensions]),
        get(
            "sizes with zeros and capitals",
            &in_chunks("", b"0000A\r\n[\"aaaaaa\"]\r\n00\r\n\r\n"),
        ),
        get(
            "trailers",
            &in_chunks(
                "Trailer: x-sum, x-other\r\n",
                b"2\r\n[]\r\n0\r\nx-sum: 1\r\nx-other: a b\r\n\r\n",
            ),
        )
        .fields("TE: trailers\r\nConnection: TE\r\n"),
        get(
            "trailers in capitals",
            &in_chunks("Trailer: X-Sum\r\n", b"2\r\n[]\r\n0\r\nX-Sum: 1\r\n\r\n"),
        )
        .fields("TE: trailers\r\nConnection: TE\r\n")
        .differs(&[Difference::TrailerNames]),
        get(
            "trailers that are not announced",
            &in_chunks("", b"2\r\n[]\r\n0\r\nx-sum: 1\r\n\r\n"),
        )
        .fields("TE: trailers\r\nConnection: TE\r\n")
        .differs(&[Difference::Trailers]),
        get(
            "trailers that the client does not take",
            &in_chunks("Trailer: x-sum\r\n", b"2\r\n[]\r\n0\r\nx-sum: 1\r\n\r\n"),
        )
        .differs(&[Difference::Trailers]),
        get(
            "a length beside chunks",
            &in_chunks("Content-Length: 9\r\n", b"2\r\n[]\r\n0\r\n\r\n"),
        )
        .differs(&[Difference::Length]),
        get(
            "ranges",
            &answer(
                "206 Partial Content",
                "Content-Type: multipart/byteranges; boundary=x\r\n",
                ranges,
            ),
        ),
        get(
            "a range that is not there",
            &answer(
                "416 Range Not Satisfiable",
                "Content-Range: bytes */2\r\n",
                b"",
            ),
        ),
    ]
}

/// Answers that come in pieces, or are long.
fn pieces() -> Vec<Case> {
    let pause = |time| Step::Pause(Duration::from_millis(time));
    vec![
        get("an answer in two writes", b"HTTP/1.1 200 OK\r\nDate: x\r\n").then([
            pause(50),
            Step::Send(text("Content-Length: 4\r\n\r\n[1")),
            pause(50),
            Step::Send(text("2]")),
        ]),
        get(
            "an answer that pauses longer than it is held back",
            b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 4\r\n\r\n[1",
        )
        .then([pause(1500), Step::Send(text("2]"))]),
        get(
            "events",
            &raw(
                "HTTP/1.1 200 OK",
                "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
                b"9\r\ndata: 1\n\n\r\n",
            ),
        )
        .then([pause(50), Step::Send(text("9\r\ndata: 2\n\n\r\n0\r\n\r\n"))]),
        get(
            "events until the end",
            &raw(
                "HTTP/1.1 200 OK",
                "Content-Type: text/event-stream\r\n",
                b"data: 1\n\n",
            ),
        )
        .then([pause(50), Step::Send(text("data: 2\n\n")), Step::Close])
        .differs(&[Difference::Framing]),
        get(
            "many small chunks",
            &in_chunks("", &chunked(&b"[1]".repeat(3_000), 1, "")),
        ),
        get(
            "2 MB",
            &answer(
                "200 OK",
                "Content-Type: application/json\r\n",
                &b"[\"0123\"]".repeat(250_000),
            ),
        ),
    ]
}

/// Contents of requests.
fn contents() -> Vec<Case> {
    let post = |name: &str, fields: &str, content: &[u8]| {
        Case::new(
            name,
            "POST",
            "/pets",
            &answer("201 Created", "", b"{\"id\": 1}"),
        )
        .fields(fields)
        .content(content)
    };
    vec![
        post(
            "trailers of a request",
            "Trailer: x-sum\r\nTransfer-Encoding: chunked\r\n",
            &chunked(b"{}", 1, "x-sum: 1\r\n"),
        ),
        post(
            "trailers of a request that are not announced",
            "Transfer-Encoding: chunked\r\n",
            &chunked(b"{}", 1, "x-sum: 1\r\n"),
        )
        .differs(&[Difference::Trailers]),
        post(
            "chunk extensions of a request",
            "Transfer-Encoding: chunked\r\n",
            b"2;a=b\r\n{}\r\n0;c\r\n\r\n",
        )
        .differs(&[Difference::Extensions]),
        post("no chunk", "Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        post(
            "a form",
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n",
            b"a=1&b=%",
        ),
        post(
            "parts",
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 55\r\n",
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--",
        ),
        post(
            "bytes",
            "Content-Type: application/octet-stream\r\nContent-Length: 6\r\n",
            b"\0\xff\r\n\r\n",
        ),
        post(
            "a coding that is none",
            "Content-Encoding: gzip\r\nContent-Length: 4\r\n",
            b"text",
        ),
        post(
            "a large content in chunks",
            "Transfer-Encoding: chunked\r\n",
            &chunked(&b"[\"0123\"]".repeat(250_000), 60_000, ""),
        ),
    ]
}

fn connections() -> Vec<Case> {
    let http10 = |mut case: Case| {
        case.version = "HTTP/1.0";
        case.differs(&[Difference::Version])
    };
    let mut pipelined = with("three requests at once", "X-A: 1\r\n");
    pipelined.times = 3;
    let mut posted = Case::new(
        "two contents at once",
        "POST",
        "/pets",
        &answer("201 Created", "", b"{\"id\": 1}"),
    )
    .fields("Content-Length: 2\r\n")
    .content("{}");
    posted.times = 2;
    let absolute = Case::new(
        "the absolute form",
        "GET",
        "http://localhost/pets?x=1",
        &answer("200 OK", "", b"[]"),
    );
    vec![
        pipelined,
        posted,
        absolute.differs(&[Difference::Form]),
        with("the client closes", "Connection: close\r\n"),
        giving("the API closes", "Connection: close\r\n").then([Step::Close]),
        http10(with("an older client", "")),
        http10(with("an older client that keeps the connection", "Connection: keep-alive\r\n")),
        http10(get("chunks for an older client", &raw("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", &chunked(b"[1, 2]", 2, ""))))
            .differs(&[Difference::Framing]),
        Case::new("an upgrade", "GET", "/socket", b"HTTP/1.1 101 Switching Protocols\r\nDate: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\nX-A: 1\r\n\r\n")
            .fields("Upgrade: echo\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n")
            .then([Step::Echo]),
        get("an upgrade that is refused", &answer("200 OK", "", b"[]")).fields("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
    ]
}

fn expectations() -> Vec<Case> {
    let post = |name: &str, first: &[u8]| {
        let mut case = Case::new(name, "POST", "/pets", first)
            .fields("Expect: 100-continue\r\nContent-Length: 12\r\n")
            .content("{\"name\":\"a\"}");
        case.waits = true;
        case
    };
    let created = Step::Send(answer("201 Created", "", b"{\"id\": 1}"));
    let refused = answer("417 Expectation Failed", "Connection: close\r\n", b"");
    vec![
        post(
            "the API wants the content",
            b"HTTP/1.1 100 Continue\r\n\r\n",
        )
        .then([Step::ReadContent, created]),
        post("the API does not want the content", &refused).then([Step::Close]),
        get(
            "another answer first",
            b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
        )
        .then([Step::Send(answer("200 OK", "", b"[]"))])
        .differs(&[Difference::Interim]),
        get(
            "processing first",
            b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
        )
        .then([Step::Send(answer("200 OK", "", b"[]"))])
        .differs(&[Difference::Interim]),
    ]
}
