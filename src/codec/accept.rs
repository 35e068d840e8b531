//! Which media types a client accepts (RFC 9110 §12.5.1), and which one is sent.
use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::contract::media::MediaRange;
use crate::contract::{MediaType, Operation};

/// The media ranges of `Accept` with their weights (RFC 9110 §12.5.1).
#[derive(Debug, Default)]
pub struct Accept(Vec<(MediaRange, u16)>);

impl Accept {
    /// Reads the header fields. What is no media range is ignored; without any, all is accepted.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(http::header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = lines.flat_map(|line| line.split(',')).filter_map(|range| {
            let range = MediaRange::parse(range)?;
            let weight = range.parameter("q").map_or(1000, thousandths);
            Some((range, weight))
        });
        Self(ranges.collect())
    }

    /// Reads the header fields of a request to an operation. A value that a parameter `Accept` of the operation
    /// documents is met by whatever the operation answers, if by nothing better.
    #[must_use]
    pub fn of(headers: &HeaderMap, operation: &Operation) -> Self {
        let mut accept = Self::read(headers);
        let documented =
            |value: &HeaderValue| value.to_str().is_ok_and(|text| operation.documents_field("accept", text.trim()));
        if !operation.negotiated.is_empty()
            && headers.get_all(http::header::ACCEPT).iter().any(documented)
            && let Some(any) = MediaRange::parse("*/*")
        {
            accept.0.push((any, 1));
        }
        accept
    }

    /// The weight of a type, by the most specific range that covers it, and the range's place.
    fn weight(&self, offered: &MediaRange) -> (u16, usize) {
        if self.0.is_empty() {
            return (1000, 0);
        }
        self.weight_by(|range| range.covers(offered)).unwrap_or_default()
    }

    /// The weight of a type that no range covers, by the ranges that ask for parameters which it lacks: most who send
    /// `application/json;odata=verbose` are content with `application/json`, and RFC 9110 §12.5.1 lets a server
    /// answer with what it has.
    fn near_weight(&self, offered: &MediaRange) -> (u16, usize) {
        match self.weight_by(|range| range.covers(offered)) {
            Some(weight) => weight,
            None => self.weight_by(|range| range.nearly_covers(offered)).unwrap_or_default(),
        }
    }

    /// The weight and the place of the most specific range that covers a type, of equal ones of the first.
    fn weight_by(&self, covers: impl Fn(&MediaRange) -> bool) -> Option<(u16, usize)> {
        let covering = self.0.iter().enumerate().filter(|(_, (range, _))| covers(range));
        let best = covering.max_by_key(|(index, (range, _))| (range.specificity(), usize::MAX - index));
        best.map(|(index, (_, weight))| (*weight, index))
    }

    /// The type to send for a documented type or range: the usual one, or, where that is not accepted, one that
    /// is, that the range covers and that values can be written in.
    #[must_use]
    pub fn concrete<'c>(&self, media: &'c MediaType) -> Cow<'c, MediaRange> {
        let usual = concrete(media);
        if !media.range.is_range() || self.weight(&usual).0 > 0 {
            return usual;
        }
        let is_text = media.schema.as_ref().is_some_and(|schema| schema.own_types() == ["string"]);
        let is_writable =
            |range: &MediaRange| range.is_json() || range.is_xml() || is_text && range.essence().starts_with("text/");
        let fitting = self.0.iter().filter(|(range, weight)| {
            *weight > 0 && !range.is_range() && media.range.covers(range) && is_writable(range)
        });
        let best = fitting.rev().max_by_key(|(_, weight)| *weight);
        best.and_then(|(range, _)| MediaRange::parse(range.essence())).map_or(usual, Cow::Owned)
    }

    /// The best of the documented types; of equal ones the one that the client names first, then
    /// the one that the document does.
    pub fn best_of<'c>(&self, offered: impl Iterator<Item = &'c MediaType>) -> Option<&'c MediaType> {
        let offered: Vec<&MediaType> = offered.collect();
        let best = |weigh: &dyn Fn(&MediaRange) -> (u16, usize)| {
            let weighed = offered.iter().map(|media| (weigh(&self.concrete(media)), *media));
            let accepted = weighed.filter(|((weight, _), _)| *weight > 0);
            accepted.min_by_key(|((weight, place), _)| (u16::MAX - weight, *place)).map(|(_, media)| media)
        };
        best(&|range| self.weight(range)).or_else(|| best(&|range| self.near_weight(range)))
    }

    /// The best of the documented types, or the first if none is accepted.
    #[must_use]
    pub fn best<'c>(&self, offered: &'c [MediaType]) -> Option<&'c MediaType> {
        self.best_of(offered.iter()).or_else(|| offered.first())
    }
}

/// `0.8` → 800; what is no weight counts as 1.
#[must_use]
pub fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = format!("{fraction:0<3}");
    match (whole, digits.get(..3).and_then(|digits| digits.parse::<u16>().ok())) {
        // Many leave the zero out, such as the HTTP client of Java before 11.
        ("0" | "", Some(fraction)) => fraction,
        _ => 1000,
    }
}

/// RFC 9110 §15.3.5 and §15.4.5.
#[must_use]
pub fn is_without_content(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The type to send for a documented range: JSON wherever the range and the schema allow it.
#[must_use]
pub fn concrete(media: &MediaType) -> Cow<'_, MediaRange> {
    if !media.range.is_range() {
        return Cow::Borrowed(&media.range);
    }
    let types = media.schema.as_ref().map(|schema| schema.own_types()).unwrap_or_default();
    let is_text = types == ["string"];
    let subtype = media.range.essence().split('/').nth(1).unwrap_or_default();
    if subtype != "*" {
        // `application/*+json`: any name is as good.
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
