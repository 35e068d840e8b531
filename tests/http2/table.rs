//! Frames that a client sends, and what the server must do: one case for each rule.
//!
//! The name of a case begins with the section, of RFC 9113 if no other is named.

use crate::frames::{
    ACK, COMPRESSION, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL, FRAME_SIZE, GET_A,
    GOAWAY, HEADERS, PADDED, PING, POST_B, PRIORITY, PROTOCOL, RST_STREAM, SETTINGS, STREAM_CLOSED,
    WHOLE, WINDOW_UPDATE, fields, frame, get, get_of, get_with, ping, post, setting, window,
};

/// What the server must do.
#[derive(Clone)]
pub(crate) enum Expected {
    /// The connection ends, with one of these codes in `GOAWAY` if there is one.
    Connection(&'static [u32]),
    /// The stream or the connection ends with one of these codes.
    Stream(&'static [u32]),
    /// The request on stream 1 is answered with this status.
    Answer(&'static str),
    /// `PING` is answered with the same data.
    Pong,
}

use Expected::{Answer, Connection, Pong, Stream};

/// Cases in which the library `h2` ends the connection, as it must, but with `PROTOCOL_ERROR` instead of the more
/// exact code of the section.
pub(crate) const WITH_GENERAL_CODE: [&str; 16] = [
    "4.3 header fields that cannot be decoded",
    "5.1 DATA after the end of a stream",
    "6.3 PRIORITY of a wrong length",
    "6.4 RST_STREAM of a wrong length",
    "6.7 PING of a wrong length",
    "6.5 an acknowledgement with content",
    "6.5 SETTINGS of a wrong length",
    "6.5.2 INITIAL_WINDOW_SIZE beyond the maximum",
    "6.9 WINDOW_UPDATE of a wrong length",
    "RFC 7541 2.3.3 an index beyond the table",
    "RFC 7541 4.2 a change of the table after fields",
    "RFC 7541 5.1 an integer that is too large",
    "RFC 7541 5.2 padding of more than seven bits",
    "RFC 7541 5.2 an encoded end of string",
    "RFC 7541 6.1 the index 0",
    "RFC 7541 6.3 a table beyond the setting",
];

/// Frames of a client, and what the server must do.
pub(crate) type Case = (&'static str, Vec<Vec<u8>>, Expected);

/// Frames that break the rules of frames, streams and the connection.
pub(crate) fn framing() -> Vec<Case> {
    let block = fields(&GET_A);
    let (first, _) = block.split_at(10);
    let broken_block = frame(
        HEADERS,
        WHOLE,
        1,
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    );
    vec![
        (
            "4.1 a frame of an unknown type",
            vec![frame(0x77, 0, 0, &[0; 8]), ping()],
            Pong,
        ),
        (
            "4.1 undefined flags",
            vec![frame(PING, 0xf0, 0, b"standin!")],
            Pong,
        ),
        (
            "4.1 the reserved bit",
            vec![frame(PING, 0, 1 << 31, b"standin!")],
            Pong,
        ),
        (
            "4.2 a content that is too long",
            vec![post(1), frame(DATA, END_STREAM, 1, &[b' '; 16_385])],
            Stream(&[FRAME_SIZE]),
        ),
        (
            "4.2 a head that is too long",
            vec![frame(HEADERS, WHOLE, 1, &[0; 16_385])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "4.3 header fields that cannot be decoded",
            vec![broken_block],
            Connection(&[COMPRESSION]),
        ),
        (
            "4.3 another frame within a head",
            vec![
                frame(HEADERS, END_STREAM, 1, first),
                frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]),
            ],
            Connection(&[PROTOCOL]),
        ),
        (
            "4.3 a frame of another stream within a head",
            vec![frame(HEADERS, END_STREAM, 1, first), get(3)],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Frames that break the rules of streams.
pub(crate) fn streams() -> Vec<Case> {
    let block = fields(&GET_A);
    let (first, _) = block.split_at(10);
    vec![
        (
            "5.1 DATA on an idle stream",
            vec![frame(DATA, END_STREAM, 1, b"a")],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 RST_STREAM on an idle stream",
            vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 WINDOW_UPDATE on an idle stream",
            vec![window(1, 100)],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 CONTINUATION on an idle stream",
            vec![frame(CONTINUATION, END_HEADERS, 1, first)],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 DATA after the end of a stream",
            vec![get(1), frame(DATA, END_STREAM, 1, b"a")],
            Stream(&[STREAM_CLOSED]),
        ),
        (
            "5.1 HEADERS after the end of a stream",
            vec![get(1), get(1)],
            Stream(&[STREAM_CLOSED, PROTOCOL]),
        ),
        (
            "5.1 DATA after RST_STREAM",
            vec![
                post(1),
                frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]),
                frame(DATA, END_STREAM, 1, b"a"),
                ping(),
            ],
            Pong,
        ),
        (
            "5.1.1 a stream with an even number",
            vec![get(2)],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1.1 a stream with a lower number",
            vec![get(5), get(3)],
            Connection(&[PROTOCOL, STREAM_CLOSED]),
        ),
    ]
}

/// Frames that break the rules of their type.
pub(crate) fn frame_types() -> Vec<Case> {
    let block = fields(&GET_A);
    vec![
        (
            "6.1 DATA for the connection",
            vec![frame(DATA, 0, 0, b"a")],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.1 DATA with too much padding",
            vec![
                post(1),
                frame(DATA, END_STREAM | PADDED, 1, &[9, b'{', b'}']),
            ],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.2 HEADERS for the connection",
            vec![frame(HEADERS, WHOLE, 0, &block)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.2 HEADERS with too much padding",
            vec![frame(
                HEADERS,
                WHOLE | PADDED,
                1,
                &[&[200][..], &block].concat(),
            )],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.2 HEADERS with padding",
            vec![frame(
                HEADERS,
                WHOLE | PADDED,
                1,
                &[&[2][..], &block, &[0, 0]].concat(),
            )],
            Answer("200"),
        ),
        (
            "6.3 PRIORITY for the connection",
            vec![frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 1])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.3 PRIORITY of a wrong length",
            vec![frame(PRIORITY, 0, 1, &[0, 0, 0, 0])],
            Stream(&[FRAME_SIZE]),
        ),
        (
            "6.4 RST_STREAM for the connection",
            vec![frame(RST_STREAM, 0, 0, &[0, 0, 0, 8])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.4 RST_STREAM of a wrong length",
            vec![post(1), frame(RST_STREAM, 0, 1, &[0, 0, 0])],
            Connection(&[FRAME_SIZE]),
        ),
        ("6.7 PING", vec![ping()], Pong),
        (
            "6.7 PING for a stream",
            vec![frame(PING, 0, 1, &[0; 8])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.7 PING of a wrong length",
            vec![frame(PING, 0, 0, &[0; 6])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.8 GOAWAY for a stream",
            vec![frame(GOAWAY, 0, 1, &[0; 8])],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Heads in several frames.
pub(crate) fn continuations() -> Vec<Case> {
    let block = fields(&GET_A);
    let (first, rest) = block.split_at(10);
    vec![
        (
            "6.10 a head in several frames",
            vec![
                frame(HEADERS, END_STREAM, 1, first),
                frame(CONTINUATION, 0, 1, &rest[..5]),
                frame(CONTINUATION, END_HEADERS, 1, &rest[5..]),
            ],
            Answer("200"),
        ),
        (
            "6.10 CONTINUATION for the connection",
            vec![
                frame(HEADERS, END_STREAM, 1, first),
                frame(CONTINUATION, END_HEADERS, 0, rest),
            ],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.10 CONTINUATION after the end of a head",
            vec![post(1), frame(CONTINUATION, END_HEADERS, 1, first)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.10 CONTINUATION after DATA",
            vec![
                post(1),
                frame(DATA, 0, 1, b"{"),
                frame(CONTINUATION, END_HEADERS, 1, first),
            ],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Frames that break the rules of settings and flow control.
pub(crate) fn settings() -> Vec<Case> {
    vec![
        (
            "6.5 an acknowledgement with content",
            vec![frame(SETTINGS, ACK, 0, &[0; 6])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.5 SETTINGS for a stream",
            vec![frame(SETTINGS, 0, 1, &[])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5 SETTINGS of a wrong length",
            vec![frame(SETTINGS, 0, 0, &[0; 5])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.5.2 ENABLE_PUSH of 2",
            vec![setting(2, 2)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5.2 INITIAL_WINDOW_SIZE beyond the maximum",
            vec![setting(4, 1 << 31)],
            Connection(&[FLOW_CONTROL]),
        ),
        (
            "6.5.2 MAX_FRAME_SIZE below the minimum",
            vec![setting(5, 16_383)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5.2 MAX_FRAME_SIZE beyond the maximum",
            vec![setting(5, 1 << 24)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5.2 an unknown setting",
            vec![setting(0xff, 1), ping()],
            Pong,
        ),
        (
            "6.9 WINDOW_UPDATE of 0 for the connection",
            vec![window(0, 0)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.9 WINDOW_UPDATE of 0 for a stream",
            vec![post(1), window(1, 0)],
            Stream(&[PROTOCOL]),
        ),
        (
            "6.9 WINDOW_UPDATE of a wrong length",
            vec![frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.9.1 a window of the connection beyond the maximum",
            vec![window(0, 0x7fff_ffff)],
            Connection(&[FLOW_CONTROL]),
        ),
        (
            "6.9.1 a window of a stream beyond the maximum",
            vec![post(1), window(1, 0x7fff_ffff)],
            Stream(&[FLOW_CONTROL]),
        ),
    ]
}

/// Requests that are malformed (RFC 9113 §8).
pub(crate) fn requests() -> Vec<Case> {
    let with_length = |length: &'static str| {
        let all = [&POST_B[..], &[("content-length", length)]].concat();
        frame(HEADERS, END_HEADERS, 1, &fields(&all))
    };
    let trailers = fields(&[("x-end", "1")]);
    vec![
        ("8.1 a request", vec![get(1)], Answer("200")),
        (
            "8.1 a second head that does not end the stream",
            vec![post(1), frame(HEADERS, END_HEADERS, 1, &trailers)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.1 trailers",
            vec![
                post(1),
                frame(DATA, 0, 1, b"{\"n\":1}"),
                frame(HEADERS, WHOLE, 1, &trailers),
            ],
            Answer("201"),
        ),
        (
            "8.1.1 more content than announced",
            vec![with_length("1"), frame(DATA, END_STREAM, 1, b"{\"n\":1}")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.1.1 less content than announced",
            vec![
                with_length("9"),
                frame(DATA, 0, 1, b"{}"),
                frame(DATA, END_STREAM, 1, b""),
            ],
            Stream(&[PROTOCOL]),
        ),
    ]
}

/// Requests whose header fields are malformed (RFC 9113 §8).
pub(crate) fn request_fields() -> Vec<Case> {
    let late = [&GET_A[..3], &[("x-a", "1"), (":authority", "a")]].concat();
    let twice = [&GET_A[..], &[(":path", "/b")]].concat();
    let without = |name: &str| -> Vec<(&str, &str)> {
        GET_A
            .into_iter()
            .filter(|(there, _)| *there != name)
            .collect()
    };
    let empty_path = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", ""),
        (":authority", "a"),
    ];
    vec![
        (
            "8.2 a name in capitals",
            vec![get_with("X-A", "1")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.2.2 Connection",
            vec![get_with("connection", "keep-alive")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.2.2 Transfer-Encoding",
            vec![get_with("transfer-encoding", "chunked")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.2.2 TE: trailers",
            vec![get_with("te", "trailers")],
            Answer("200"),
        ),
        (
            "8.2.2 another TE",
            vec![get_with("te", "gzip")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 an unknown pseudo-header field",
            vec![get_with(":unknown", "1")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 a pseudo-header field of responses",
            vec![get_with(":status", "200")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 a pseudo-header field after others",
            vec![get_of(&late)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 a pseudo-header field twice",
            vec![get_of(&twice)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 an empty path",
            vec![get_of(&empty_path)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 no method",
            vec![get_of(&without(":method"))],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 no scheme",
            vec![get_of(&without(":scheme"))],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 no path",
            vec![get_of(&without(":path"))],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.4 PUSH_PROMISE of a client",
            vec![frame(
                5,
                END_HEADERS,
                1,
                &[&[0, 0, 0, 2][..], &fields(&GET_A)].concat(),
            )],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Header fields that cannot be decoded (RFC 7541).
pub(crate) fn compression() -> Vec<Case> {
    let head = |more: &[u8]| frame(HEADERS, WHOLE, 1, &[more, &fields(&GET_A)].concat());
    let after = |more: &[u8]| frame(HEADERS, WHOLE, 1, &[&fields(&GET_A), more].concat());
    vec![
        (
            "RFC 7541 2.3.3 an index beyond the table",
            vec![after(&[0xc6])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 4.2 a change of the table after fields",
            vec![after(&[0x20])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 5.1 an integer that is too large",
            vec![after(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 5.2 padding of more than seven bits",
            vec![after(&[0, 0x82, 0x1f, 0xff, 0x81, 0x1f])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 5.2 an encoded end of string",
            vec![after(&[0, 0x84, 0xff, 0xff, 0xff, 0xff, 0x81, 0x1f])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 6.1 the index 0",
            vec![after(&[0x80])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 6.3 a table beyond the setting",
            vec![head(&[0x3f, 0xe1, 0xff, 0x03])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 6.1 fields of the static table",
            vec![frame(
                HEADERS,
                WHOLE,
                1,
                &[&[0x82, 0x86, 0x04, 2][..], b"/a"].concat(),
            )],
            Answer("200"),
        ),
    ]
}
