//! Media types that a client accepts (RFC 9110 §12.5.1), and the choice of the one to send.
//!
//! Used when an answer is planned, to choose among the documented media types.
use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::contract::media::MediaRange;
use crate::contract::{MediaType, Operation};

/// The media ranges of `Accept` with their weights (RFC 9110 §12.5.1).
#[derive(Debug, Default)]
pub struct Accept(Vec<(MediaRange, u16)>);

impl Accept {
    /// Reads the `Accept` header fields. Entries that are not media ranges are ignored; without
    /// any, every type is accepted.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let lines = headers
            .get_all(http::header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let ranges = lines.flat_map(|line| line.split(',')).filter_map(|range| {
            let range = MediaRange::parse(range)?;
            let weight = range.parameter("q").map_or(1000, thousandths);
            Some((range, weight))
        });
        Self(ranges.collect())
    }

    /// Reads the `Accept` header fields of a request to an operation. If the operation documents a
    /// parameter `Accept` and its schema allows the value, any media type is accepted with the
    /// lowest weight, 0.001.
    #[must_use]
    pub fn of(headers: &HeaderMap, operation: &Operation) -> Self {
        let mut accept = Self::read(headers);
        let documented = |value: &HeaderValue| {
            value
                .to_str()
                .is_ok_and(|text| operation.documents_field("accept", text.trim()))
        };
        if !operation.compiled().negotiated.is_empty()
            && headers.get_all(http::header::ACCEPT).iter().any(documented)
            && let Some(any) = MediaRange::parse("*/*")
        {
            accept.0.push((any, 1));
        }
        accept
    }

    /// Returns true if the client accepts a media type by its name, and not only by a range.
    #[must_use]
    pub(crate) fn names(&self, essence: &str) -> bool {
        self.0
            .iter()
            .any(|(range, weight)| *weight > 0 && range.essence() == essence)
    }

    /// Returns true if the client names a media type and likes no JSON better: browsers HTML.
    #[must_use]
    pub(crate) fn prefers(&self, essence: &str) -> bool {
        let of = |essence: &str| {
            let named = self
                .0
                .iter()
                .filter(|(range, _)| range.essence() == essence);
            named.map(|(_, weight)| *weight).max().unwrap_or(0)
        };
        let own = of(essence);
        own > 0 && own >= of("application/json")
    }

    /// Returns the weight of a type, from the most specific range that covers it, and the position
    /// of that range.
    fn weight(&self, offered: &MediaRange) -> (u16, usize) {
        if self.0.is_empty() {
            return (1000, 0);
        }
        self.weight_by(|range| range.covers(offered))
            .unwrap_or_default()
    }

    /// Returns the weight of a type like [`weight`](Self::weight), but falls back to ranges with
    /// parameters that the type lacks: most clients that send `application/json;odata=verbose` are
    /// content with `application/json`, and RFC 9110 §12.5.1 lets a server answer with what it
    /// has.
    fn near_weight(&self, offered: &MediaRange) -> (u16, usize) {
        match self.weight_by(|range| range.covers(offered)) {
            Some(weight) => weight,
            None => self
                .weight_by(|range| range.nearly_covers(offered))
                .unwrap_or_default(),
        }
    }

    /// Returns the weight and the position of the most specific range that covers a type; the
    /// first of equally specific ones.
    fn weight_by(&self, covers: impl Fn(&MediaRange) -> bool) -> Option<(u16, usize)> {
        let covering = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, (range, _))| covers(range));
        let best =
            covering.max_by_key(|(index, (range, _))| (range.specificity(), usize::MAX - index));
        best.map(|(index, (_, weight))| (*weight, index))
    }

    /// Returns the type to send for a documented type or range: the default one, or, if it is not
    /// accepted, an accepted type that the range covers and that values can be written in.
    #[must_use]
    pub fn concrete<'c>(&self, media: &'c MediaType) -> Cow<'c, MediaRange> {
        let usual = concrete(media);
        if !media.range.is_range() || self.weight(&usual).0 > 0 {
            return usual;
        }
        let is_text = media
            .schema
            .as_ref()
            .is_some_and(|schema| schema.own_types() == ["string"]);
        let is_writable = |range: &MediaRange| {
            range.is_json() || range.is_xml() || is_text && range.essence().starts_with("text/")
        };
        let fitting = self.0.iter().filter(|(range, weight)| {
            *weight > 0 && !range.is_range() && media.range.covers(range) && is_writable(range)
        });
        let best = fitting.rev().max_by_key(|(_, weight)| *weight);
        best.and_then(|(range, _)| MediaRange::parse(range.essence()))
            .map_or(usual, Cow::Owned)
    }

    /// Returns the best of the documented types; of equally weighted ones, the one that the client
    /// lists first, then the one that the document lists first.
    pub fn best_of<'c>(
        &self,
        offered: impl Iterator<Item = &'c MediaType>,
    ) -> Option<&'c MediaType> {
        let offered: Vec<&MediaType> = offered.collect();
        let best = |weigh: &dyn Fn(&MediaRange) -> (u16, usize)| {
            let weighed = offered
                .iter()
                .map(|media| (weigh(&self.concrete(media)), *media));
            let accepted = weighed.filter(|((weight, _), _)| *weight > 0);
            accepted
                .min_by_key(|((weight, place), _)| (u16::MAX - weight, *place))
                .map(|(_, media)| media)
        };
        best(&|range| self.weight(range)).or_else(|| best(&|range| self.near_weight(range)))
    }

    /// Returns the best of the documented types, or the first if none is accepted.
    #[must_use]
    pub fn best<'c>(&self, offered: &'c [MediaType]) -> Option<&'c MediaType> {
        self.best_of(offered.iter()).or_else(|| offered.first())
    }
}

/// Converts a weight to thousandths: `0.8` → 800; text that is no weight counts as 1 (1000).
#[must_use]
pub(crate) fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = format!("{fraction:0<3}");
    match (
        whole,
        digits
            .get(..3)
            .and_then(|digits| digits.parse::<u16>().ok()),
    ) {
        // Many clients leave out the zero, such as the HTTP client of Java before 11.
        ("0" | "", Some(fraction)) => fraction,
        _ => 1000,
    }
}

/// Returns true if responses with this status have no content: 204, 205 and 304 (RFC 9110 §15.3.5,
/// §15.3.6 and §15.4.5).
#[must_use]
pub(crate) fn is_without_content(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

/// Returns the type to send for a documented range: JSON wherever the range and the schema allow
/// it.
#[must_use]
pub(crate) fn concrete(media: &MediaType) -> Cow<'_, MediaRange> {
    if !media.range.is_range() {
        return Cow::Borrowed(&media.range);
    }
    let types = media
        .schema
        .as_ref()
        .map(|schema| schema.own_types())
        .unwrap_or_default();
    let is_text = types == ["string"];
    let subtype = media.range.essence().split('/').nth(1).unwrap_or_default();
    if subtype != "*" {
        // Any name fits `application/*+json`, so the wildcard becomes `x`.
        let text = media.range.essence().replace('*', "x");
        return MediaRange::parse(&text).map_or(Cow::Borrowed(&media.range), Cow::Owned);
    }
    let text = match media.range.essence() {
        "*/*" if is_text => "text/plain; charset=utf-8",
        "text/*" => "text/plain; charset=utf-8",
        "image/*" => "image/png",
        "audio/*" => "audio/mpeg",
        "video/*" => "video/mp4",
        "application/*" if is_text => "application/octet-stream",
        _ => "application/json",
    };
    MediaRange::parse(text).map_or(Cow::Borrowed(&media.range), Cow::Owned)
}
