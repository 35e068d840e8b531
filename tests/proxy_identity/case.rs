//! One exchange of these tests, and what may differ in it.

use crate::api::Step;

/// Something that differs through the proxy, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// An answer without `Date` gets one, as RFC 9110 §6.6.1 demands of a recipient with a clock.
    Date,
    /// White space around a value is no part of it (RFC 9110 §5.5); one space is sent.
    Spaces,
    /// The lines of a field come together, at the place of the first (RFC 9110 §5.3: their own order counts).
    Order,
    /// The version is that of the connection (RFC 9110 §2.5).
    Version,
    /// Chunk extensions are of the connection (RFC 9112 §7.1.1).
    Extensions,
    /// Trailers are sent if `Trailer` announces them, and to clients that send `TE: trailers` (RFC 9110 §6.5.1).
    Trailers,
    /// The names of trailers are in lower case.
    TrailerNames,
    /// A content without length is in chunks, or ends with the connection for HTTP/1.0.
    Framing,
    /// `Content-Length` beside `Transfer-Encoding` is removed (RFC 9112 §6.3), that of 304 is left out, and
    /// one that is said twice is sent once (RFC 9110 §8.6).
    Length,
    /// A reason that is not ASCII is left out, and a missing one leaves its space (RFC 9112 §4: clients
    /// ignore it).
    Reason,
    /// Answers before the final one other than 100 do not pass.
    Interim,
    /// A fragment is no part of a request (RFC 9110 §4.2.5).
    Fragment,
    /// A target with a character that no URI has is refused with 400 (RFC 9112 §3.2).
    Refused,
    /// The absolute form is for proxies (RFC 9112 §3.2.2).
    Form,
}

/// One exchange.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub name: String,
    pub method: String,
    /// Everything that the client sends, `X-Case` and `Host` excepted: the line, the fields and the content.
    pub target: Vec<u8>,
    pub version: &'static str,
    pub fields: Vec<u8>,
    pub content: Vec<u8>,
    /// Number of times that the request is sent at once.
    pub times: usize,
    /// True if the content is sent after 100.
    pub waits: bool,
    pub answer: Vec<Step>,
    pub differences: Vec<Difference>,
}

/// A `Date` for answers.
pub(crate) const DATE: &str = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

impl Case {
    /// A request without fields, and an answer.
    pub(crate) fn new(name: impl Into<String>, method: &str, target: &str, answer: &[u8]) -> Self {
        Self {
            name: name.into(),
            method: method.into(),
            target: target.as_bytes().to_vec(),
            version: "HTTP/1.1",
            fields: Vec::new(),
            content: Vec::new(),
            times: 1,
            waits: false,
            answer: vec![Step::Send(answer.to_vec())],
            differences: Vec::new(),
        }
    }

    /// Adds lines to the header section.
    pub(crate) fn fields(mut self, lines: impl AsRef<[u8]>) -> Self {
        self.fields.extend(lines.as_ref());
        self
    }

    /// Sets the content as it is on the wire.
    pub(crate) fn content(mut self, content: impl AsRef<[u8]>) -> Self {
        self.content = content.as_ref().to_vec();
        self
    }

    /// Adds steps to the answer.
    pub(crate) fn then(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.answer.extend(steps);
        self
    }

    /// Says what differs.
    pub(crate) fn differs(mut self, differences: &[Difference]) -> Self {
        self.differences.extend(differences);
        self
    }

    /// The bytes of the head.
    pub(crate) fn head(&self, number: usize, host: &str) -> Vec<u8> {
        let mut head = format!("{} ", self.method).into_bytes();
        head.extend(&self.target);
        head.extend(format!(" {}\r\nHost: {host}\r\nX-Case: {number}\r\n", self.version).bytes());
        head.extend(&self.fields);
        head.extend(b"\r\n");
        head
    }
}

/// An answer with its length.
pub(crate) fn answer(status: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!("HTTP/1.1 {status}\r\n{DATE}{fields}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), content].concat()
}

/// A content in chunks of a size.
pub(crate) fn chunked(content: &[u8], size: usize, trailers: &str) -> Vec<u8> {
    let mut text = Vec::new();
    for chunk in content.chunks(size) {
        text.extend(format!("{:x}\r\n", chunk.len()).bytes());
        text.extend(chunk);
        text.extend(b"\r\n");
    }
    text.extend(format!("0\r\n{trailers}\r\n").bytes());
    text
}

/// Bytes without period, which nothing compresses by chance.
pub(crate) fn noise(length: u32) -> Vec<u8> {
    let byte = |at: u32| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0];
    (0..length).map(byte).collect()
}
