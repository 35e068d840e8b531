//! Items and folders of a collection: one exchange for each saved response.
use std::time::Duration;

use serde_json::Value;

use crate::upstream::archive::bounds::DEEPEST_FOLDER;
use crate::upstream::archive::entry::{ArchiveNotes, ArchiveOptions, ArchivedExchange, Side, Sink};
use crate::upstream::archive::postman::collection::Collection;
use crate::upstream::archive::postman::message::MessageReader;
use crate::upstream::archive::postman::variables::Variables;
use crate::upstream::archive::times;
use crate::upstream::exchange::ObservedExchange;

/// Hands on the exchanges of a collection. `prefix` is the name of the file in a zip.
pub(in crate::upstream::archive) fn read(
    collection: &Collection,
    prefix: &str,
    options: &ArchiveOptions,
    notes: &mut ArchiveNotes,
    sink: &mut Sink<'_>,
) {
    let Collection(file) = collection;
    let given = Variables::of(&options.variables);
    let folder = Folder {
        path: Vec::new(),
        variables: given.with(&file["variable"], options.variables.len()),
        auth: &file["auth"],
    };
    let mut walk = Walk {
        prefix,
        options,
        notes,
        sink,
    };
    walk.items(&file["item"], &folder);
}

/// Folder of a collection with what its items inherit.
struct Folder<'c> {
    path: Vec<&'c str>,
    variables: Variables,
    auth: &'c Value,
}

/// Walk through the folders of a collection.
struct Walk<'w, 's> {
    prefix: &'w str,
    options: &'w ArchiveOptions,
    notes: &'w mut ArchiveNotes,
    sink: &'w mut Sink<'s>,
}

impl Walk<'_, '_> {
    fn items(&mut self, items: &Value, folder: &Folder<'_>) {
        for item in items.as_array().into_iter().flatten() {
            let name = item["name"].as_str().unwrap_or("without a name");
            let mut path = folder.path.clone();
            path.push(name);
            let own = Folder {
                auth: Some(&item["auth"])
                    .filter(|auth| auth.is_object())
                    .unwrap_or(folder.auth),
                variables: folder
                    .variables
                    .with(&item["variable"], self.options.variables.len()),
                path,
            };
            if !item["item"].is_array() {
                self.item(item, &own);
            } else if own.path.len() < DEEPEST_FOLDER {
                self.items(&item["item"], &own);
            } else {
                let message =
                    format!("it is deeper than {DEEPEST_FOLDER} folders, and is left out");
                self.notes.fault(self.place(&own), message);
            }
        }
    }

    fn place(&self, item: &Folder<'_>) -> String {
        format!("{}item `{}`", self.prefix, item.path.join(" / "))
    }

    fn item(&mut self, item: &Value, own: &Folder<'_>) {
        let responses = item["response"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let responses = responses.iter().filter(|response| response.is_object());
        let mut is_answered = false;
        for response in responses {
            is_answered = true;
            self.exchange(item, response, own);
        }
        if !is_answered {
            self.notes.unanswered(own.path.join(" / "));
        }
    }

    fn exchange(&mut self, item: &Value, response: &Value, own: &Folder<'_>) {
        let name = response["name"].as_str().unwrap_or("without a name");
        let place = format!("{}, response `{name}`", self.place(own));
        let asked = &item["request"];
        let sent = Some(&response["originalRequest"]).filter(|own| !own.is_null());
        let auth = Some(&asked["auth"])
            .filter(|auth| auth.is_object())
            .unwrap_or(own.auth);
        let mut reader = MessageReader {
            variables: &own.variables,
            auth,
            most: self.options.most_content,
            place: &place,
            notes: &mut *self.notes,
        };
        let Some(answer) = reader.response(response) else {
            return;
        };
        let Some(read) = reader.request(sent.unwrap_or(asked)) else {
            return;
        };
        self.notes.exchanges += 1;
        (self.sink)(ArchivedExchange {
            place,
            origin: read.origin,
            exchange: ObservedExchange {
                session: String::new(),
                at: 0,
                took: took(response),
                request: read.request,
                response: answer,
            },
            lacking: (!read.has_content)
                .then_some(Side::Request)
                .into_iter()
                .collect(),
            resource: None,
        });
    }
}

fn took(response: &Value) -> Duration {
    times::span(response.get("responseTime"))
}
