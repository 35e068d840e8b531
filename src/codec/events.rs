//! Server-sent events (WHATWG HTML §9.2) that are numbered, resumed and repeated.
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::content::SENTINEL;

/// Events in the order in which they are sent, again and again from the first one.
///
/// Positions count the pieces of all rounds: the first piece of the second round has the position
/// of the number of pieces.
#[derive(Debug)]
pub(crate) struct EventStream {
    /// Text of all pieces, which answers share.
    content: Bytes,
    pieces: Vec<EventPiece>,
    ids: EventIds,
}

/// Place of an event, a comment or a reconnection time in the content, up to its empty line.
#[derive(Debug)]
struct EventPiece {
    place: Range<usize>,
    /// Value of the field `id`, by its place in the piece.
    id: Option<Range<usize>>,
    /// Number among the pieces that have data, from 1 on; `None` for a piece without data.
    number: Option<u64>,
}

/// Source of the ids of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventIds {
    /// The events have none and get numbers; the value is the number of events in a round.
    Counted(u64),
    /// Documented numbers; each round adds the value, so that they grow.
    Numbers(u64),
    /// Documented texts; later rounds add `-2`, `-3`, …
    Texts,
    /// The stream ends with a marker, so its clients do not resume it, and it is sent unchanged.
    None,
}

impl EventStream {
    /// Reads content whose pieces end at `ends`; `None` if it is not UTF-8.
    #[must_use]
    pub(crate) fn read(content: &Bytes, ends: &[usize]) -> Option<Self> {
        let whole = std::str::from_utf8(content).ok()?;
        let mut pieces = Vec::with_capacity(ends.len());
        let (mut start, mut count) = (0, 0);
        for end in ends {
            let place = start..*end;
            let text = whole.get(place.clone())?;
            start = *end;
            let has_data = fields(text).any(|(name, _)| name == "data");
            if has_data {
                count += 1;
            }
            pieces.push(EventPiece {
                place,
                id: fields(text)
                    .filter(|(name, _)| *name == "id")
                    .map(|(_, value)| value)
                    .last(),
                number: has_data.then_some(count),
            });
        }
        let mut events = Self {
            content: content.clone(),
            pieces,
            ids: EventIds::None,
        };
        events.ids = events.ids_of(count);
        Some(events)
    }

    /// Returns the text of a piece as it is documented.
    fn text(&self, piece: &EventPiece) -> &str {
        std::str::from_utf8(&self.content[piece.place.clone()]).unwrap_or_default()
    }

    fn own_id(&self, piece: &EventPiece) -> Option<&str> {
        self.text(piece).get(piece.id.clone()?)
    }

    /// Returns the source of the ids of the pieces, of which `count` have data.
    fn ids_of(&self, count: u64) -> EventIds {
        let last = self.pieces.iter().rfind(|piece| piece.number.is_some());
        if last.is_some_and(|piece| data(self.text(piece)).trim() == SENTINEL) {
            return EventIds::None;
        }
        let pieces = self.pieces.iter();
        let own: Vec<&str> = pieces.filter_map(|piece| self.own_id(piece)).collect();
        if own.is_empty() {
            return EventIds::Counted(count);
        }
        let numbers: Vec<u64> = own.iter().filter_map(|id| id.parse().ok()).collect();
        match (numbers.iter().min(), numbers.iter().max()) {
            (Some(min), Some(max)) if numbers.len() == own.len() => {
                EventIds::Numbers((max - min).saturating_add(1))
            }
            _ => EventIds::Texts,
        }
    }

    /// Returns true if the last event is the marker of an end, such as `[DONE]`.
    #[must_use]
    pub(crate) fn has_end(&self) -> bool {
        self.ids == EventIds::None
    }

    /// Returns the number of pieces in a round.
    #[must_use]
    pub(crate) fn round(&self) -> u64 {
        self.pieces.len() as u64
    }

    /// Returns the text at a position, with the id that it has there.
    #[must_use]
    pub(crate) fn piece(&self, position: u64) -> String {
        let length = self.round().max(1);
        let (round, index) = (position / length, position % length);
        let Some(piece) = usize::try_from(index)
            .ok()
            .and_then(|index| self.pieces.get(index))
        else {
            return String::new();
        };
        let mut text = self.text(piece).to_owned();
        let id = match (self.ids, self.own_id(piece), piece.number) {
            (EventIds::None, ..) => return text,
            (EventIds::Counted(count), _, Some(number)) => {
                let id = round.saturating_mul(count).saturating_add(number);
                text.insert_str(0, &format!("id: {id}\n"));
                None
            }
            (EventIds::Numbers(span), Some(id), _) if round > 0 => {
                let id = id.parse::<u64>().unwrap_or_default();
                Some(id.saturating_add(round.saturating_mul(span)).to_string())
            }
            (EventIds::Texts, Some(id), _) if round > 0 => {
                Some(format!("{id}-{}", round.saturating_add(1)))
            }
            _ => None,
        };
        if let (Some(place), Some(id)) = (piece.id.clone(), id) {
            text.replace_range(place, &id);
        }
        terminate(&mut text);
        text
    }

    /// Returns the position behind the event with an id; 0 if no event has it.
    #[must_use]
    pub(crate) fn after(&self, id: &str) -> u64 {
        self.position_of(id)
            .and_then(|position| position.checked_add(1))
            .unwrap_or(0)
    }

    fn position_of(&self, id: &str) -> Option<u64> {
        let at = |round: u64, is_it: &dyn Fn(&EventPiece) -> bool| {
            let index = self.pieces.iter().position(is_it)? as u64;
            round.checked_mul(self.round())?.checked_add(index)
        };
        match self.ids {
            EventIds::Counted(count) => {
                let before = id.parse::<u64>().ok()?.checked_sub(1)?;
                let number = before.checked_rem(count)? + 1;
                at(before / count, &|piece| piece.number == Some(number))
            }
            EventIds::Numbers(span) => {
                let id = id.parse::<u64>().ok()?;
                self.pieces.iter().find_map(|piece| {
                    let own = self.own_id(piece)?;
                    let more = id.checked_sub(own.parse().ok()?)?;
                    let is_it = |other: &EventPiece| self.own_id(other) == Some(own);
                    more.is_multiple_of(span).then(|| at(more / span, &is_it))?
                })
            }
            EventIds::Texts => at(0, &|piece| self.own_id(piece) == Some(id)).or_else(|| {
                let (own, round) = id.rsplit_once('-')?;
                let round = round.parse::<u64>().ok()?.checked_sub(1)?;
                at(round, &|piece| self.own_id(piece) == Some(own))
            }),
            EventIds::None => None,
        }
    }

    /// Returns the pieces from one position up to another as content, with the end of each.
    #[must_use]
    pub(crate) fn between(&self, from: u64, to: u64) -> (Bytes, Arc<[usize]>) {
        let mut text = String::new();
        let mut ends = Vec::new();
        for position in from..to {
            text.push_str(&self.piece(position));
            ends.push(text.len());
        }
        (Bytes::from(text), ends.into())
    }
}

/// Returns the fields of a piece, each with the place of its value.
fn fields(piece: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut start = 0;
    piece.split_inclusive('\n').map(move |line| {
        let at = start;
        start += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let Some((name, value)) = line.split_once(':') else {
            return (line, at + line.len()..at + line.len());
        };
        let value = value.strip_prefix(' ').unwrap_or(value);
        (name, at + line.len() - value.len()..at + line.len())
    })
}

/// Returns the data of a piece: its `data` fields as lines.
#[must_use]
pub(crate) fn data(piece: &str) -> String {
    let lines = fields(piece).filter(|(name, _)| *name == "data");
    let lines: Vec<&str> = lines.map(|(_, place)| &piece[place]).collect();
    lines.join("\n")
}

/// Returns a piece with other data, which has one line.
#[must_use]
pub(crate) fn with_data(piece: &str, data: &str) -> String {
    let mut written = String::with_capacity(piece.len());
    let mut is_written = false;
    for line in piece.split_inclusive('\n') {
        let name = line.split([':', '\r', '\n']).next();
        if name != Some("data") {
            written.push_str(line);
        } else if !is_written {
            is_written = true;
            written.push_str("data: ");
            written.push_str(data);
            written.push('\n');
        }
    }
    written
}

/// Ends a piece with an empty line, without which clients drop it.
fn terminate(text: &mut String) {
    if !text.is_empty() && !text.ends_with("\n\n") && !text.ends_with("\n\r\n") {
        let missing = if text.ends_with('\n') { "\n" } else { "\n\n" };
        text.push_str(missing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(pieces: &[&str]) -> EventStream {
        let mut text = String::new();
        let mut ends = Vec::new();
        for piece in pieces {
            text.push_str(piece);
            ends.push(text.len());
        }
        EventStream::read(&Bytes::from(text), &ends).expect("is text")
    }

    #[test]
    fn events_without_ids_are_counted_over_all_rounds() {
        let stream = stream(&["retry: 9\n\n", "data: a\n\n", "event: x\r\ndata: b"]);
        let all: Vec<String> = (0..6).map(|position| stream.piece(position)).collect();
        assert_eq!(
            all,
            [
                "retry: 9\n\n",
                "id: 1\ndata: a\n\n",
                "id: 2\nevent: x\r\ndata: b\n\n",
                "retry: 9\n\n",
                "id: 3\ndata: a\n\n",
                "id: 4\nevent: x\r\ndata: b\n\n"
            ]
        );
        assert_eq!(
            ["1", "2", "3", "4", "x", "0", "18446744073709551615"].map(|id| stream.after(id)),
            [2, 3, 5, 6, 0, 0, 0]
        );
    }

    #[test]
    fn documented_ids_stay_and_grow_in_later_rounds() {
        let numbers = stream(&["id: 10\ndata: a\n\n", "data: b\nid: 12\n\n"]);
        assert_eq!(numbers.piece(0), "id: 10\ndata: a\n\n");
        assert_eq!(numbers.piece(3), "data: b\nid: 15\n\n");
        assert_eq!(
            ["10", "12", "13", "15", "11"].map(|id| numbers.after(id)),
            [1, 2, 3, 4, 0]
        );
        let texts = stream(&["id: a-b\ndata: a\n\n", ": no event\n\n"]);
        assert_eq!(texts.piece(4), "id: a-b-3\ndata: a\n\n");
        assert_eq!(["a-b", "a-b-3", "a"].map(|id| texts.after(id)), [1, 5, 0]);
    }

    #[test]
    fn a_stream_with_an_end_marker_is_unchanged() {
        let stream = stream(&["data: 1\n\n", "data: [DONE]\n"]);
        assert!(stream.has_end());
        assert_eq!(stream.between(0, 2).0, "data: 1\n\ndata: [DONE]\n");
        assert_eq!(stream.after("1"), 0);
    }

    #[test]
    fn a_stream_without_events_has_no_ids() {
        let stream = stream(&[": hi\n\n"]);
        assert_eq!(
            (stream.piece(1), stream.after("1")),
            (": hi\n\n".to_owned(), 0)
        );
        assert_eq!(self::stream(&[]).piece(3), "");
    }

    #[test]
    fn data_is_replaced_as_one_line() {
        let piece = "event: x\ndata: {\ndata: }\nid: 1\n\n";
        assert_eq!(data(piece), "{\n}");
        assert_eq!(with_data(piece, "{}"), "event: x\ndata: {}\nid: 1\n\n");
    }
}
