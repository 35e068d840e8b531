//! Opens files of recorded traffic, and recognizes by their content what they are.
//!
//! HAR is read entry by entry: a fault of one leaves the others, and a file that is cut in the middle
//! still gives the entries before.
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::upstream::archive::attached::{self, Attachments};
use crate::upstream::archive::bounds::{
    LARGEST_ARCHIVE, MOST_VALUES_OF_A_COLLECTION, MOST_VALUES_OF_AN_ENTRY,
};
use crate::upstream::archive::entry::{
    ArchiveError, ArchiveForm, ArchiveNotes, ArchiveOptions, Sink,
};
use crate::upstream::archive::har;
use crate::upstream::archive::postman::collection::Collection;
use crate::upstream::archive::postman::items;
use crate::upstream::archive::stream::{BEYOND_LIMIT, Bounded, Budget, Limited};

/// First bytes of a zip.
const ZIP: &[u8] = b"PK\x03\x04";

/// Reads a file: HAR 1.2, a zip with HAR, or a Postman collection 2.0 or 2.1.
///
/// # Errors
///
/// Returns an error if the file cannot be read, is larger than [`LARGEST_ARCHIVE`], or is none of them.
/// Faults of single entries are among the notes.
pub(crate) fn read(
    path: &Path,
    options: &ArchiveOptions,
    sink: &mut Sink<'_>,
) -> Result<ArchiveNotes, ArchiveError> {
    let mut file = opened(path)?;
    if begins_with(&mut file, ZIP)? {
        return read_zip(path, file, options, sink);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut attachments = Attachments::Folder(folder.to_owned());
    read_json(file, "", &mut attachments, options, sink)
}

/// Returns true if a file is a recording rather than an OpenAPI document: a zip, or a JSON object with
/// `log`, or with `info` and `item`. A file that cannot be read is none.
pub(crate) fn is_recording(path: &Path) -> bool {
    let Ok(mut file) = opened(path) else {
        return false;
    };
    if begins_with(&mut file, ZIP).unwrap_or(false) {
        return true;
    }
    // An OpenAPI document in YAML ends at its first character.
    let reader = BufReader::new(Limited::new(file, LARGEST_ARCHIVE));
    let mut names = Names::default();
    let _cut = (&mut names).deserialize(&mut serde_json::Deserializer::from_reader(reader));
    let has = |name: &str| names.0.iter().any(|there| there == name);
    let is_collection = has("item") && has("info") || has("collection");
    (has("log") || is_collection) && !has("openapi") && !has("swagger")
}

fn opened(path: &Path) -> Result<File, ArchiveError> {
    // Opening a pipe would block.
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        return Err(ArchiveError::NotRegular);
    }
    if metadata.len() > LARGEST_ARCHIVE {
        return Err(ArchiveError::TooLarge(LARGEST_ARCHIVE));
    }
    Ok(File::open(path)?)
}

fn begins_with(file: &mut File, wanted: &[u8]) -> std::io::Result<bool> {
    let mut first = Vec::new();
    file.by_ref()
        .take(wanted.len() as u64)
        .read_to_end(&mut first)?;
    file.rewind()?;
    Ok(first == wanted)
}

/// Reads each HAR of a zip, or else each collection.
fn read_zip(
    path: &Path,
    file: File,
    options: &ArchiveOptions,
    sink: &mut Sink<'_>,
) -> Result<ArchiveNotes, ArchiveError> {
    let mut archive = attached::open(file)?;
    let names = attached::recordings(&archive);
    if names.is_empty() {
        let message = "the zip has no file whose name ends in `.har` or `.json`";
        return Err(ArchiveError::Zip(message.to_owned()));
    }
    // A zip has one position only, and the contents are read while the HAR is.
    let mut attachments = Attachments::Zip(Box::new(attached::open(File::open(path)?)?));
    let mut all = ArchiveNotes::default();
    let mut refusal = None;
    for name in names {
        let prefix = format!("{name}: ");
        let read = attached::file(&mut archive, &name)
            .and_then(|file| read_json(file, &prefix, &mut attachments, options, sink));
        match read {
            Ok(notes) => all.add(notes),
            Err(error) => {
                all.fault(name, error.to_string());
                refusal = Some(error);
            }
        }
    }
    match refusal {
        Some(error) if all.form.is_none() => Err(error),
        _ => Ok(all),
    }
}

/// Reads HAR or a collection. `prefix` is the name of the file in a zip.
fn read_json(
    file: impl Read,
    prefix: &str,
    attachments: &mut Attachments,
    options: &ArchiveOptions,
    sink: &mut Sink<'_>,
) -> Result<ArchiveNotes, ArchiveError> {
    let reader = BufReader::with_capacity(READ_AT_ONCE, Limited::new(file, LARGEST_ARCHIVE));
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let mut archive = ArchiveReader {
        prefix,
        attachments,
        options,
        sink,
        notes: ArchiveNotes::of(ArchiveForm::Har),
        is_har: false,
        rest: Map::new(),
        budget: Budget::of(MOST_VALUES_OF_A_COLLECTION),
    };
    let parsed = archive.deserialize_from(&mut deserializer);
    let parsed = parsed.and_then(|()| deserializer.end());
    archive.finish(parsed)
}

/// Number of bytes that are read at once.
const READ_AT_ONCE: usize = 256 * 1024;

/// Reader of the top of a file: entries of HAR go to the sink, the members of a collection are kept.
struct ArchiveReader<'a, 's> {
    prefix: &'a str,
    attachments: &'a mut Attachments,
    options: &'a ArchiveOptions,
    sink: &'a mut Sink<'s>,
    notes: ArchiveNotes,
    is_har: bool,
    /// Members beside `log`.
    rest: Map<String, Value>,
    budget: Budget,
}

impl ArchiveReader<'_, '_> {
    fn deserialize_from<'de, D: Deserializer<'de>>(
        &mut self,
        deserializer: D,
    ) -> Result<(), D::Error> {
        deserializer.deserialize_map(Top(self))
    }

    /// Returns the notes; a syntax error after the first entries of HAR is one of them.
    fn finish(mut self, parsed: serde_json::Result<()>) -> Result<ArchiveNotes, ArchiveError> {
        if let Err(error) = parsed {
            if error.to_string().contains(BEYOND_LIMIT) {
                return Err(ArchiveError::TooLarge(LARGEST_ARCHIVE));
            }
            if !self.is_har {
                let found = if error.is_data() {
                    "recorded traffic"
                } else {
                    "JSON"
                };
                return Err(ArchiveError::Unknown(format!("it is no {found}: {error}")));
            }
            let place = format!("{}line {}", self.prefix, error.line());
            let message =
                format!("the JSON is broken here, and entries after it are not read: {error}");
            self.notes.fault(place, message);
        }
        if self.is_har {
            return Ok(self.notes);
        }
        if self.budget.is_exceeded() {
            let message = format!("it has more than {MOST_VALUES_OF_A_COLLECTION} values");
            return Err(ArchiveError::Unknown(message));
        }
        let collection = Collection::of(Value::Object(self.rest))?;
        let mut notes = ArchiveNotes::of(ArchiveForm::Postman);
        items::read(
            &collection,
            self.prefix,
            self.options,
            &mut notes,
            self.sink,
        );
        Ok(notes)
    }

    fn entry(&mut self, entry: &Value, number: usize, is_complete: bool) {
        if !is_complete {
            let message =
                format!("it has more than {MOST_VALUES_OF_AN_ENTRY} values, and is left out");
            return self
                .notes
                .fault(format!("{}entry {number}", self.prefix), message);
        }
        let faults = self.notes.faults.len();
        let most = self.options.most_content;
        let read = har::entry::read(entry, number, self.attachments, most, &mut self.notes);
        for fault in &mut self.notes.faults[faults..] {
            fault.place.insert_str(0, self.prefix);
        }
        if let Some(mut exchange) = read {
            exchange.place.insert_str(0, self.prefix);
            self.notes.exchanges += 1;
            (self.sink)(exchange);
        }
    }
}

/// Visitor of the object that a file is.
struct Top<'t, 'a, 's>(&'t mut ArchiveReader<'a, 's>);

impl<'de> Visitor<'de> for Top<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object: HAR has `log`, and a Postman collection `info` and `item`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "log" {
                self.0.is_har = true;
                members.next_value_seed(Log(&mut *self.0))?;
            } else {
                let value = members.next_value_seed(Bounded(&self.0.budget))?;
                self.0.rest.insert(name, value);
            }
        }
        Ok(())
    }
}

/// Seed of the member `log`.
struct Log<'t, 'a, 's>(&'t mut ArchiveReader<'a, 's>);

impl<'de> DeserializeSeed<'de> for Log<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Log<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`log` as an object with `entries`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "entries" {
                members.next_value_seed(Entries(&mut *self.0))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Seed of the member `entries`.
struct Entries<'t, 'a, 's>(&'t mut ArchiveReader<'a, 's>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`entries` as a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut number = 0;
        loop {
            let budget = Budget::of(MOST_VALUES_OF_AN_ENTRY);
            let Some(entry) = items.next_element_seed(Bounded(&budget))? else {
                return Ok(());
            };
            number += 1;
            self.0.entry(&entry, number, !budget.is_exceeded());
        }
    }
}

/// Names of the members of an object, without their values.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> DeserializeSeed<'de> for &mut Names {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        /// Maximum number of members that are looked at.
        const MOST_NAMES: usize = 1000;
        while let Some(name) = members.next_key::<String>()? {
            let is_enough = name == "log" || self.0.len() >= MOST_NAMES;
            self.0.push(name);
            if is_enough {
                break;
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
