//! Files that a request uploads: the members of the new entity that tell the name, size and type of the file.
use serde_json::{Map, Value, json};

use crate::codec::content::{SentFile, first_file};
use crate::codec::message::Request;
use crate::contract::media::MediaRange;
use crate::schema::Schema;
use crate::schema::name::folded;

/// Names of members that have the name of a file.
const NAMES: [&str; 4] = ["filename", "originalfilename", "originalname", "name"];

/// Names of members that have the length of a file.
const LENGTHS: [&str; 7] = [
    "size",
    "bytes",
    "filesize",
    "contentlength",
    "length",
    "sizebytes",
    "sizeinbytes",
];

/// Names of members that have the media type of a file.
const TYPES: [&str; 5] = ["mimetype", "contenttype", "mediatype", "mime", "filetype"];

/// Returns the members of a new entity that tell of the file in a request; none that the client sent itself.
#[must_use]
pub(crate) fn told_of_file(
    request: &Request,
    entity: Option<&Schema>,
    sent: &Map<String, Value>,
) -> Map<String, Value> {
    let file = || {
        let media = request.headers().get(http::header::CONTENT_TYPE)?;
        let media = MediaRange::parse(media.to_str().ok()?)?;
        first_file(&request.body().bytes(), &media)
    };
    match (entity, file()) {
        // Without a chosen file, browsers send an empty name.
        (Some(entity), Some(file)) if !file.name.is_empty() => members(&file, entity, sent),
        _ => Map::new(),
    }
}

fn members(file: &SentFile, entity: &Schema, sent: &Map<String, Value>) -> Map<String, Value> {
    let mut told = Map::new();
    for (name, node) in entity.properties(entity.tree()) {
        if sent.contains_key(name) {
            continue;
        }
        let (plain, types) = (folded(name), entity.types(node));
        let takes = |name: &str| types.is_empty() || types.contains(&name);
        let has = |names: &[&str]| names.contains(&plain.as_str());
        let value = if has(&NAMES) && takes("string") {
            json!(file.name)
        } else if has(&LENGTHS) && (takes("integer") || takes("number")) {
            json!(file.length)
        } else if has(&TYPES) && takes("string") {
            json!(file.media)
        } else {
            continue;
        };
        told.insert(name.to_owned(), value);
    }
    told
}
