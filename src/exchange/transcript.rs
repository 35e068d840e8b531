//! Writes a request and its answer as HTTP messages for people.
use std::io::{self, Write};

use bytes::Bytes;
use http::HeaderMap;

use crate::codec::message::{Request, Response};

/// Writes both messages, each with an empty line at its end.
///
/// # Errors
///
/// Error of the writer.
pub(crate) fn write(
    out: &mut impl Write,
    request: &Request,
    response: &Response,
) -> io::Result<()> {
    writeln!(out, "{} {} HTTP/1.1", request.method(), request.uri())?;
    write_rest(out, request.headers(), &request.body().bytes())?;
    writeln!(out, "HTTP/1.1 {}", response.status())?;
    write_rest(out, response.headers(), response.body())
}

fn write_rest(out: &mut impl Write, headers: &HeaderMap, content: &Bytes) -> io::Result<()> {
    for (name, value) in headers {
        writeln!(out, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
    }
    writeln!(out)?;
    if !content.is_empty() {
        out.write_all(content)?;
        let end = if content.ends_with(b"\n") {
            "\n"
        } else {
            "\n\n"
        };
        out.write_all(end.as_bytes())?;
    }
    Ok(())
}
