//! Files and texts that a request uploads: the members of the entity that tell the name, size and type, and the
//! content where an operation shows it.
use serde_json::{Map, Value, json};

use crate::codec::content::first_file;
use crate::codec::message::Request;
use crate::contract::Operation;
use crate::contract::media::MediaRange;
use crate::entity::raw::{CONTENT, StoredContent};
use crate::resource::raw;
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

/// Names of members that have a text that was sent alone, the best ones first.
const TEXTS: [&str; 6] = ["text", "content", "body", "message", "markdown", "value"];

/// Returns true if a request has a text or bytes that its operation takes as they are.
#[must_use]
pub(crate) fn is_raw(request: &Request, operation: &Operation) -> bool {
    let media = request.headers().get(http::header::CONTENT_TYPE);
    let media = media.and_then(|media| MediaRange::parse(media.to_str().ok()?));
    media.is_some_and(|media| raw::takes(operation, &media))
}

/// Returns the text in a member of an entity that has one.
#[must_use]
pub(crate) fn text_in(entity: &Value) -> Option<&str> {
    let members = entity.as_object()?;
    let named = |wanted: &&str| {
        let mut members = members.iter();
        let named = members.find(|(name, _)| folded(name) == **wanted);
        named?.1.as_str()
    };
    TEXTS.iter().find_map(named)
}

/// File or text that a request has.
struct Upload {
    /// Name of the file; empty for content that has none.
    name: String,
    /// Name of the part of the form that has the file.
    part: Option<String>,
    content: StoredContent,
}

/// Use of the content that is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Name, size and type are kept.
    Description,
    /// The content is kept too, because an operation shows it.
    Content,
}

/// Adds the members of an entity that tell of the file or the text in a request to those that the client sent. The
/// file itself is no member, unless the entity declares it.
pub(crate) fn tell_of_upload(
    request: &Request,
    operation: &Operation,
    entity: Option<&Schema>,
    sent: &mut Map<String, Value>,
    kept: Kept,
) {
    let Some(upload) = upload_in(request, operation) else {
        return;
    };
    let is_declared =
        |name: &String| entity.is_some_and(|entity| entity.declaration(name).is_some());
    if let Some(part) = upload.part.as_ref().filter(|part| !is_declared(part)) {
        sent.shift_remove(part);
    }
    let mut told = entity.map_or_else(Map::new, |entity| members(&upload, entity, sent));
    if kept == Kept::Content {
        told.insert(CONTENT.to_owned(), upload.content.member());
    }
    sent.extend(told);
}

/// Returns the file of a form, or content of an operation that takes it as it is.
fn upload_in(request: &Request, operation: &Operation) -> Option<Upload> {
    let media = request.headers().get(http::header::CONTENT_TYPE)?;
    let text = media.to_str().ok()?;
    let media = MediaRange::parse(text)?;
    let bytes = request.body().bytes();
    if raw::takes(operation, &media) {
        let media = text.to_owned();
        let content = StoredContent { media, bytes };
        return Some(Upload {
            name: String::new(),
            part: None,
            content,
        });
    }
    // Without a chosen file, browsers send an empty name.
    let file = first_file(&bytes, &media).filter(|file| !file.name.is_empty())?;
    Some(Upload {
        name: file.name,
        part: Some(file.part),
        content: StoredContent {
            media: file.media,
            bytes: file.bytes,
        },
    })
}

fn members(upload: &Upload, entity: &Schema, sent: &Map<String, Value>) -> Map<String, Value> {
    let content = &upload.content;
    let text = std::str::from_utf8(&content.bytes).ok();
    let text = text.filter(|_| upload.name.is_empty() && content.media.starts_with("text/"));
    let mut told = Map::new();
    for (name, node) in entity.properties(entity.tree()) {
        if sent.contains_key(name) {
            continue;
        }
        let (plain, types) = (folded(name), entity.types(node));
        let takes = |name: &str| types.is_empty() || types.contains(&name);
        let has = |names: &[&str]| names.contains(&plain.as_str());
        let value = if has(&NAMES) && takes("string") && !upload.name.is_empty() {
            json!(upload.name)
        } else if has(&LENGTHS) && (takes("integer") || takes("number")) {
            json!(content.bytes.len())
        } else if has(&TYPES) && takes("string") {
            json!(content.media)
        } else if let Some(text) = text.filter(|_| has(&TEXTS) && takes("string")) {
            json!(text)
        } else {
            continue;
        };
        told.insert(name.to_owned(), value);
    }
    told
}
