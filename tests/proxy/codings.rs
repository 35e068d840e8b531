//! Contents with codings: the bytes pass unchanged, and what they mean is judged beside.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::pets::{folder, proxy};
use crate::upstream::{Part, Upstream};

/// An answer to `GET /pets` with an `id` that is no integer.
const WRONG: &[u8] = br#"[{"id":"x"}]"#;

const VIOLATION: &str = "response 200 body /0/id: must be integer";

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("is in memory");
    encoder.finish().expect("is in memory")
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("is in memory");
    encoder.finish().expect("is in memory")
}

/// What some servers send as `deflate`, against RFC 9110 §8.4.1.2.
fn raw_deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("is in memory");
    encoder.finish().expect("is in memory")
}

/// One uncompressed meta-block and an empty last one (RFC 7932 §9.2).
fn brotli(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() - 1).expect("is short");
    // Bits from the lowest: window 0, not the last, 4 nibbles 00, length in 16, uncompressed 1.
    let head = (length << 4 | 1 << 20).to_le_bytes();
    [&head[..3], content, &[3]].concat()
}

/// One raw block in a single segment (RFC 8878 §3.1.1).
fn zstd(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("is short");
    let block = (u32::from(length) << 3 | 1).to_le_bytes();
    [
        &[0x28, 0xb5, 0x2f, 0xfd, 0x20, length],
        &block[..3],
        content,
    ]
    .concat()
}

/// A frame of zstd whose blocks repeat one byte: 4 bytes for each 128 KiB.
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    // A window of 128 KiB, no size; each block repeats one byte.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for number in 1..=blocks {
        let is_last = u32::from(number == blocks);
        let block = ((128 * 1024) << 3 | 1 << 1 | is_last).to_le_bytes();
        frame.extend(&block[..3]);
        frame.push(b' ');
    }
    frame
}

/// Asks for a content, and checks that its bytes pass; returns the head of the answer.
fn passed(server: &crate::Server, number: usize, content: &[u8]) -> String {
    let ask =
        format!("GET /pets?n={number} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut got = Vec::new();
    server.send(&ask).read_to_end(&mut got).expect("it answers");
    let head = got
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("has a head")
        + 4;
    assert!(got[head..] == *content, "content {number} is changed");
    String::from_utf8_lossy(&got[..head]).into_owned()
}

/// The answer to `GET /pets` with a coding.
fn coded(coding: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

/// What an answer with a coding is to be: its `Content-Encoding`, its content, and what the head says.
struct Coded {
    coding: &'static str,
    content: Vec<u8>,
    says: &'static str,
}

fn check(cases: &[Coded]) {
    for (number, case) in cases.iter().enumerate() {
        let upstream =
            Upstream::start(&[("/pets", &[Part::Bytes(coded(case.coding, &case.content))])]);
        let folder = folder("proxy-codings");
        let server = proxy(&folder, &upstream.url(), &["--max-body", "1MiB"]);
        let head = passed(&server, number, &case.content);
        let coding = format!("Content-Encoding: {}\r\n", case.coding);
        assert!(head.contains(&coding), "{head}");
        assert!(
            head.contains(case.says),
            "{} of {}: {head}",
            case.coding,
            case.content.len()
        );
    }
}

fn of(coding: &'static str, content: Vec<u8>, says: &'static str) -> Coded {
    Coded {
        coding,
        content,
        says,
    }
}

#[test]
fn every_coding_is_judged() {
    check(&[
        of("gzip", gzip(WRONG), VIOLATION),
        of("x-gzip", gzip(WRONG), VIOLATION),
        of("GZip", gzip(WRONG), VIOLATION),
        of("deflate", zlib(WRONG), VIOLATION),
        of("deflate", raw_deflate(WRONG), VIOLATION),
        of("br", brotli(WRONG), VIOLATION),
        of("zstd", zstd(WRONG), VIOLATION),
        of("identity", WRONG.to_vec(), VIOLATION),
        of("gzip, br", brotli(&gzip(WRONG)), VIOLATION),
        of("zstd, identity, gzip", gzip(&zstd(WRONG)), VIOLATION),
    ]);
}

#[test]
fn a_content_that_is_not_what_its_coding_says_passes() {
    let cut = gzip(WRONG)[..15].to_vec();
    check(&[
        of("gzip", WRONG.to_vec(), "response 200 body: malformed gzip"),
        of("gzip", cut, "response 200 body: malformed gzip"),
        of(
            "br",
            b"\xff\xff\xff\xff".to_vec(),
            "response 200 body: malformed br",
        ),
        of(
            "zstd",
            b"\x28\xb5\x2f\xfd".to_vec(),
            "response 200 body: malformed zstd",
        ),
        of(
            "deflate",
            b"\xff".to_vec(),
            "response 200 body: malformed deflate",
        ),
        of("x-own", WRONG.to_vec(), "x-own"),
    ]);
}

#[test]
fn a_decompression_bomb_passes_unopened() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b' '; 1024 * 1024];
    for _ in 0..200 {
        bomb.write_all(&zeros).expect("is in memory");
    }
    let bomb = bomb.finish().expect("is in memory");
    let unchecked = "standin-warning: not everything is checked";
    check(&[
        of("gzip, gzip", gzip(&bomb), unchecked),
        of("gzip", bomb, unchecked),
        of("zstd", zstd_bomb(2_000), unchecked),
    ]);
}
