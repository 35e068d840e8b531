//! Content codings (RFC 9110 §8.4): decodes the content of requests, and encodes bytes for
//! `compression`.
//!
//! This is the only file that names the crates of the formats.
use std::io::Read;
use std::io::Write as _;

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use crate::codec::message::{Body, CodingFault, Request};

/// Codings that are decoded in requests, as the value of `Accept-Encoding` in a 415 response (RFC
/// 9110 §12.5.3).
pub(crate) const UNDONE: &str = "gzip, deflate, br, zstd";

/// Maximum number of codings applied to one content; content with more is malformed.
const MOST_CODINGS: usize = 4;

/// Maximum number of members in a gzip file, or of frames in a zstd file; content with more is
/// malformed. Each costs a decoder state, however short it is.
const MOST_MEMBERS: usize = 1000;

/// Largest zstd window in bytes, the maximum that RFC 9659 allows for content; content with a
/// larger window is malformed.
const LARGEST_WINDOW: u64 = 8 * 1024 * 1024;

/// Size of the brotli read buffer, in bytes.
const PIECE: usize = 4096;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `gzip` (RFC 1952).
    Gzip,
    /// `deflate` (RFC 1950); some clients omit its header and checksum (RFC 1951).
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
}

impl Coding {
    /// Returns the coding with a name, in any case (RFC 9110 §8.4.1).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Returns the name of the coding: `gzip`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// Request extension that marks content as already decoded.
#[derive(Debug, Clone, Copy)]
struct Undone;

/// Returns the request with its content decoded; `None` if there is nothing to decode, or if it
/// was decoded before.
///
/// Decoding stops at `max` bytes, and the body becomes [`Body::TooLarge`].
#[must_use]
pub(crate) fn undo(request: &Request, max: usize) -> Option<Request> {
    if !request.headers().contains_key(CONTENT_ENCODING)
        || request.extensions().get::<Undone>().is_some()
    {
        return None;
    }
    let Body::Complete(bytes) = request.body() else {
        return None;
    };
    let mut undone = request.clone();
    *undone.body_mut() = decoded(request.headers(), bytes, max)?;
    undone.extensions_mut().insert(Undone);
    Some(undone)
}

/// Decodes content as its `Content-Encoding` says, up to `max` bytes; `None` if it has no coding.
#[must_use]
pub(crate) fn decoded(headers: &HeaderMap, content: &Bytes, max: usize) -> Option<Body> {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let text = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect::<Vec<_>>()
        .join(",");
    let names = text.split(',').map(str::trim);
    let names: Vec<&str> = names
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        .collect();
    (!names.is_empty() && !content.is_empty()).then(|| decode_all(content, &names, max))
}

/// Decodes codings in reverse order of their application.
fn decode_all(bytes: &Bytes, names: &[&str], max: usize) -> Body {
    if names.len() > MOST_CODINGS {
        let why = format!("malformed content coding: there are more than {MOST_CODINGS} codings");
        return Body::Undecodable(CodingFault::Malformed(why));
    }
    let mut bytes = bytes.clone();
    for name in names.iter().rev() {
        let Some(coding) = Coding::named(name) else {
            return Body::Undecodable(CodingFault::Unknown((*name).to_owned()));
        };
        match decode(&bytes, coding, max) {
            Ok(decoded) => bytes = Bytes::from(decoded),
            Err(DecodingStop::TooLarge) => return Body::TooLarge(max),
            Err(DecodingStop::Malformed(why)) => {
                let why = format!("malformed {}: {why}", coding.name());
                return Body::Undecodable(CodingFault::Malformed(why));
            }
        }
    }
    Body::Complete(bytes)
}

/// Reasons for decoding to stop.
#[derive(Debug, PartialEq, Eq)]
enum DecodingStop {
    TooLarge,
    Malformed(String),
}

impl From<std::io::Error> for DecodingStop {
    fn from(error: std::io::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

fn decode(bytes: &[u8], coding: Coding, max: usize) -> Result<Vec<u8>, DecodingStop> {
    let mut decoded = Vec::new();
    match coding {
        Coding::Gzip => gzip(bytes, &mut decoded, max)?,
        // A zlib header starts with method 8, and its first two bytes are a multiple of 31 (RFC
        // 1950 §2.2).
        Coding::Deflate
            if bytes.len() > 1
                && bytes[0] & 15 == 8
                && u16::from_be_bytes([bytes[0], bytes[1]]).is_multiple_of(31) =>
        {
            take(ZlibDecoder::new(bytes), &mut decoded, max)?;
        }
        Coding::Deflate => take(DeflateDecoder::new(bytes), &mut decoded, max)?,
        Coding::Brotli => take(Decompressor::new(bytes, PIECE), &mut decoded, max)?,
        Coding::Zstd => zstd(bytes, &mut decoded, max)?,
    }
    Ok(decoded)
}

/// Appends the output of a decoder to `decoded`; more than `max` bytes in total are `TooLarge`.
fn take(decoder: impl Read, decoded: &mut Vec<u8>, max: usize) -> Result<(), DecodingStop> {
    let room = max.saturating_sub(decoded.len()) as u64;
    let taken = decoder.take(room.saturating_add(1)).read_to_end(decoded)?;
    if taken as u64 > room {
        Err(DecodingStop::TooLarge)
    } else {
        Ok(())
    }
}

/// Decodes the members of a gzip file one after the other (RFC 1952 §2.2).
fn gzip(mut bytes: &[u8], decoded: &mut Vec<u8>, max: usize) -> Result<(), DecodingStop> {
    for _ in 0..MOST_MEMBERS {
        take(GzDecoder::new(&mut bytes), decoded, max)?;
        if bytes.is_empty() {
            return Ok(());
        }
    }
    Err(DecodingStop::Malformed(format!(
        "there are more than {MOST_MEMBERS} members"
    )))
}

/// Decodes the frames of a zstd file one after the other (RFC 8878 §3).
fn zstd(mut bytes: &[u8], decoded: &mut Vec<u8>, max: usize) -> Result<(), DecodingStop> {
    for _ in 0..MOST_MEMBERS {
        match StreamingDecoder::new_with_max_window_size(&mut bytes, LARGEST_WINDOW) {
            Ok(decoder) => take(decoder, decoded, max)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let Some(rest) = bytes.get(length..) else {
                    return Err(DecodingStop::Malformed("a frame breaks off".to_owned()));
                };
                bytes = rest;
            }
            Err(error) => return Err(DecodingStop::Malformed(error.to_string())),
        }
        if bytes.is_empty() {
            return Ok(());
        }
    }
    Err(DecodingStop::Malformed(format!(
        "there are more than {MOST_MEMBERS} frames"
    )))
}

/// Encodes content; `None` for a coding that is only decoded here.
#[must_use]
pub fn encode(bytes: &[u8], coding: Coding) -> Option<Vec<u8>> {
    let level = Compression::fast();
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).ok()?;
            encoder.finish().ok()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).ok()?;
            encoder.finish().ok()
        }
        Coding::Brotli | Coding::Zstd => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const TEXT: &[u8] = br#"{"name": "Rex"}"#;

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("is written");
        encoder.finish().expect("is finished")
    }

    fn from(text: &str) -> Vec<u8> {
        STANDARD.decode(text).expect("is base64")
    }

    #[test]
    fn each_coding_is_undone() {
        let zlib = encode(TEXT, Coding::Deflate).expect("can be applied");
        let gzip = encode(TEXT, Coding::Gzip).expect("can be applied");
        // Written by the reference implementations, those in Node.js and `zstd`.
        let brotli = from("CweAeyJuYW1lIjogIlJleCJ9Aw==");
        let zstd = from("KLUv/QRYeQAAeyJuYW1lIjogIlJleCJ9PKMabw==");
        let all = [
            (gzip, Coding::Gzip),
            (zlib, Coding::Deflate),
            (raw(TEXT), Coding::Deflate),
            (brotli, Coding::Brotli),
            (zstd, Coding::Zstd),
        ];
        for (bytes, coding) in all {
            assert_eq!(
                decode(&bytes, coding, 100).as_deref(),
                Ok(TEXT),
                "{coding:?}"
            );
            assert_eq!(
                decode(&bytes, coding, TEXT.len() - 1),
                Err(DecodingStop::TooLarge),
                "{coding:?}"
            );
            assert!(
                matches!(
                    decode(&bytes[..bytes.len() / 2], coding, 100),
                    Err(DecodingStop::Malformed(_))
                ),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn files_may_have_members_and_not_too_many() {
        let member = encode(b"a", Coding::Gzip).expect("can be applied");
        assert_eq!(
            decode(&member.repeat(3), Coding::Gzip, 100).as_deref(),
            Ok(&b"aaa"[..])
        );
        let many = decode(&member.repeat(MOST_MEMBERS + 1), Coding::Gzip, 10_000);
        assert!(matches!(many, Err(DecodingStop::Malformed(_))));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = encode(&vec![0; 10_000_000], Coding::Gzip).expect("can be applied");
        assert!(bomb.len() < 100_000);
        assert_eq!(
            decode(&bomb, Coding::Gzip, 1000),
            Err(DecodingStop::TooLarge)
        );
    }

    #[test]
    fn codings_are_undone_from_the_last_to_the_first() {
        let once = encode(TEXT, Coding::Deflate).expect("can be applied");
        let twice = Bytes::from(encode(&once, Coding::Gzip).expect("can be applied"));
        let undone = decode_all(&twice, &["deflate", "X-GZip"], 100);
        assert!(matches!(undone, Body::Complete(bytes) if bytes == TEXT));
        let fault = decode_all(&twice, &["gzip"; MOST_CODINGS + 1], 100);
        assert!(matches!(
            fault,
            Body::Undecodable(CodingFault::Malformed(_))
        ));
        let fault = decode_all(&twice, &["nope", "gzip"], 100);
        assert!(matches!(fault, Body::Undecodable(CodingFault::Unknown(name)) if name == "nope"));
    }
}
