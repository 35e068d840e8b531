//! Builds a response from the reply to a step: its content, and the header fields about the entity
//! or the page.
//!
//! `finish` uses it where an answer depends on the session's state.
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ETAG, LINK, LOCATION, VARY};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::codec::content;
use crate::codec::message::{Request, Response, mount, send, target_of};
use crate::contract::media::{MediaRange, Written};
use crate::contract::{MediaType, StatusPattern};
use crate::entity::EntityRequest;
use crate::entity::body::{Composed, compose};
use crate::entity::condition::Comparison;
use crate::entity::raw::StoredContent;
use crate::exchange::header;
use crate::exchange::header_meaning::{self, HeaderSubject};
use crate::exchange::negotiate::{Choice, ContentSource};
use crate::exchange::settings::Settings;
use crate::generate::GenerateOptions;
use crate::resource::Act;
use crate::resource::page_field::{PageField, says};
use crate::state::memory::Reply;

/// Returns true if the content that an operation usually has for a reply fits the schema of another
/// response, or if that response has no content.
#[must_use]
pub(crate) fn fits(
    asked: &EntityRequest<'_>,
    reply: &Reply,
    usual: &Choice<'_>,
    other: &Choice<'_>,
    options: GenerateOptions,
) -> bool {
    let Some(wanted) = media_of(other) else {
        return true;
    };
    let Some(media) = media_of(usual) else {
        return false;
    };
    let composed = compose(asked, reply, shown_in(usual), media, &options, "");
    let schema = wanted.schema.as_ref();
    schema.is_none_or(|schema| schema.is_valid(&composed.value) != Ok(false))
}

/// Returns true if an answer shows the text or the bytes of an entity that has none.
#[must_use]
pub(crate) fn lacks_content(asked: &EntityRequest<'_>, reply: &Reply, choice: &Choice<'_>) -> bool {
    media_of(choice).is_some_and(|media| asked.lacks_content(reply, media))
}

/// Returns the documented content of a response.
fn media_of<'c>(choice: &Choice<'c>) -> Option<&'c MediaType> {
    match choice.content {
        ContentSource::Example(_, media) => media,
        ContentSource::Generated(media) => Some(media),
        ContentSource::Empty => None,
    }
}

/// Returns the documented example of a response.
fn shown_in<'c>(choice: &Choice<'c>) -> Option<&'c Value> {
    match choice.content {
        ContentSource::Example(example, _) => Some(example.value()),
        _ => None,
    }
}

/// Builds the response.
#[must_use]
pub(crate) fn write(
    asked: &EntityRequest<'_>,
    reply: &Reply,
    choice: &Choice<'_>,
    options: GenerateOptions,
    settings: &Settings,
    request: &Request,
) -> Response {
    let mut response = header::head(choice.status, choice.response, &options, settings);
    let target = target_of(request);
    let (media, shown) = (media_of(choice), shown_in(choice));
    let raw = media.and_then(|media| asked.content_in(reply, media));
    let composed = media
        .filter(|_| raw.is_none())
        .map(|media| compose(asked, reply, shown, media, &options, &target));
    if let (Some(StoredContent { media, bytes }), Some(range)) = (raw, &choice.media) {
        let documented = media_of(choice).map(|media| &media.range);
        let is_covered = MediaRange::parse(&media)
            .is_some_and(|sent| documented.is_some_and(|range| range.covers(&sent)));
        let own = HeaderValue::try_from(media).ok();
        let written = Written {
            bytes,
            media: own.filter(|_| is_covered),
            ..Written::default()
        };
        send(written, range, &mut response);
    }
    if let (Some(composed), Some(media), Some(range)) = (&composed, media, &choice.media) {
        if let Some(misfit) = composed.misfit {
            let warning = HeaderValue::from_static(header::misfit(misfit));
            response.headers_mut().insert(header::WARNING, warning);
        }
        send(
            content::write(&composed.value, range, Some(media)),
            range,
            &mut response,
        );
    }
    if let (None, Some(range), Reply::Entity { entity, .. }) =
        (choice.response, &choice.media, reply)
    {
        // Without a documented success, the entity is the usual answer.
        let shown = content::write(&asked.visible(entity), range, None);
        send(shown, range, &mut response);
    }
    for cut in &asked.wanted.cuts {
        if let Ok(cut) = HeaderValue::from_str(cut) {
            response.headers_mut().append(header::WARNING, cut);
        }
    }
    if let Some(documented) = choice.response {
        let subject = HeaderSubject {
            documented,
            target: &target,
            mount: mount(request),
            place: None,
            options: &options,
        };
        header_meaning::of_content(&subject, &mut response);
    }
    speak(
        asked,
        reply,
        composed.as_ref(),
        choice,
        mount(request),
        &mut response,
    );
    if choice
        .response
        .is_some_and(|documented| documented.content.len() > 1)
    {
        // RFC 9110 §12.5.5
        response
            .headers_mut()
            .append(VARY, HeaderValue::from_static("Accept"));
    }
    response
}

/// Sets the documented header fields about the entity and the page: `ETag`, `Location`, totals and
/// `Link`. Answers 304 to a read with a known entity tag.
fn speak(
    asked: &EntityRequest<'_>,
    reply: &Reply,
    composed: Option<&Composed>,
    choice: &Choice<'_>,
    mount: &str,
    response: &mut Response,
) {
    let documents = |name: &HeaderName| {
        choice
            .response
            .is_some_and(|documented| documented.headers.iter().any(|header| header.name == *name))
    };
    let entity = match reply {
        Reply::Entity { entity, key, .. } => Some((key.clone(), Arc::clone(entity))),
        _ => composed.and_then(|composed| composed.entity.clone()),
    };
    if let Some((key, entity)) = &entity {
        let is_tagged = documents(&ETAG);
        if is_tagged
            && let Ok(value) = HeaderValue::from_str(&crate::entity::condition::tag(entity))
        {
            response.headers_mut().insert(ETAG, value);
        }
        if documents(&LOCATION)
            && let Some(place) = asked
                .place_of(key)
                .and_then(|place| HeaderValue::from_str(&format!("{mount}{place}")).ok())
        {
            response.headers_mut().insert(LOCATION, place);
        }
        // RFC 9110 §15.4.5
        let is_known = asked
            .known
            .as_ref()
            .is_some_and(|known| crate::entity::condition::names(known, entity, Comparison::Weak));
        let is_documented = || {
            asked
                .operation
                .compiled()
                .responses
                .iter()
                .any(|(pattern, _)| *pattern == StatusPattern::Exact(StatusCode::NOT_MODIFIED))
        };
        if is_known && asked.role.act == Act::Read && (is_tagged || is_documented()) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Bytes::new();
        }
    }
    // `X-Total-Count`
    let told = choice
        .response
        .into_iter()
        .flat_map(|documented| &documented.headers);
    let totals = told.filter(|header| {
        says(header.name.as_str().trim_start_matches("x-")) == Some(PageField::Total)
    });
    if let Some(total) = composed.and_then(|composed| composed.total) {
        totals.for_each(|header| {
            drop(
                response
                    .headers_mut()
                    .insert(header.name.clone(), total.into()),
            );
        });
    }
    if documents(&LINK) {
        // RFC 8288 §3
        let turn = composed
            .map(|composed| composed.turn.clone())
            .unwrap_or_default();
        let links = [(turn.next, "next"), (turn.previous, "prev")].into_iter();
        let links =
            links.filter_map(|(url, relation)| Some(format!("<{}>; rel=\"{relation}\"", url?)));
        let links = links.collect::<Vec<_>>().join(", ");
        let link = HeaderValue::from_str(&links)
            .ok()
            .filter(|_| !links.is_empty());
        match link {
            Some(link) => response.headers_mut().insert(LINK, link),
            None => response.headers_mut().remove(LINK),
        };
    }
}
