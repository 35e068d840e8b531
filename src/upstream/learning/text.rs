//! A text of an error body → the template that gives it for each of some findings.
use crate::contract::wording::Template;
use crate::errors::catalogue::known;
use crate::errors::finding::Finding;
use crate::schema::name::NameForm;

/// Text that was seen with the finding that it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenText<'t> {
    pub text: &'t str,
    pub finding: &'t Finding,
}

/// Maximum number of templates that are tried for one text.
const MOST_TRIES: usize = 200;

/// Maximum number of places of one text that may become slots; the rest stays as it is.
const MOST_PLACES: usize = 8;

/// Longest text that is searched for slots, in bytes; a longer one stays as it is.
const LONGEST: usize = 2000;

/// Shortest value that is a slot within a sentence after one observation, in characters; shorter ones
/// may be in the sentence by chance.
const SHORTEST_VALUE: usize = 3;

/// Slots in the order of preference for a text that is nothing but the slot.
const WHOLE: [&str; 17] = [
    "path", "pointer", "name", "value", "location", "values", "limit", "types", "format",
    "pattern", "reason", "url", "media", "method", "status", "message", "count",
];

/// Slots in the order of preference for a part of a sentence.
const WITHIN: [&str; 16] = [
    "name", "path", "pointer", "limit", "values", "types", "format", "pattern", "value", "type",
    "media", "method", "location", "url", "detail", "count",
];

/// Template of a sentence that only a family of the catalogue words.
pub(super) const OF_FAMILY: &str = "{message}";

/// Part of a text that may be a slot.
struct Place {
    start: usize,
    end: usize,
    /// Slots that give the part, best first; `None` keeps it as it is.
    alternatives: Vec<Option<String>>,
}

/// Returns the template that gives each of the texts for its finding; `None` if the texts differ in
/// something else.
#[must_use]
pub(super) fn template_of(seen: &[SeenText<'_>]) -> Option<String> {
    let first = seen.first()?;
    if first.text.len() > LONGEST {
        let is_same = seen.iter().all(|other| other.text == first.text);
        return is_same.then(|| escaped(first.text));
    }
    let whole = whole(seen);
    if whole.as_ref().is_some_and(|slot| slot != OF_FAMILY) {
        return whole;
    }
    let places = places(first);
    let mut tries = 0;
    search(first.text, &places, 0, 0, String::new(), seen, &mut tries)
        .filter(|template| !tells_details(template, first.finding))
        .or(whole)
}

/// Returns the slot that gives each of the texts alone.
fn whole(seen: &[SeenText<'_>]) -> Option<String> {
    let is_plain = |slot: &&str| {
        fills(seen[0].finding, &[slot])
            .iter()
            .any(|(_, text)| text == seen[0].text)
    };
    let candidates = WHOLE.iter().copied().filter(is_plain);
    let plain = candidates.map(|slot| format!("{{{slot}}}"));
    let formed = fills(seen[0].finding, &["name", "path"]);
    let formed = formed
        .into_iter()
        .filter(|(_, text)| text == seen[0].text)
        .map(|(slot, _)| slot);
    plain.chain(formed).find(|slot| gives(slot, seen))
}

/// Tries the alternatives of the places from left to right, best first.
fn search(
    text: &str,
    places: &[Place],
    at: usize,
    from: usize,
    made: String,
    seen: &[SeenText<'_>],
    tries: &mut usize,
) -> Option<String> {
    let Some(place) = places.get(at) else {
        *tries += 1;
        let template = made + &escaped(&text[from..]);
        return gives(&template, seen).then_some(template);
    };
    for alternative in &place.alternatives {
        if *tries >= MOST_TRIES {
            return None;
        }
        let mut next = made.clone() + &escaped(&text[from..place.start]);
        match alternative {
            Some(slot) => next.push_str(slot),
            None => next.push_str(&escaped(&text[place.start..place.end])),
        }
        let found = search(text, places, at + 1, place.end, next, seen, tries);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Returns the places of a text that a slot gives, from left to right, without overlaps.
fn places(seen: &SeenText<'_>) -> Vec<Place> {
    let fills = fills(seen.finding, &WITHIN);
    let mut places: Vec<Place> = Vec::new();
    let mut from = 0;
    while places.len() < MOST_PLACES
        && let Some((start, end)) = next_place(seen.text, from, &fills)
    {
        let part = &seen.text[start..end];
        let slots = fills.iter().filter(|(_, fill)| fill == part);
        let mut alternatives: Vec<Option<String>> =
            slots.map(|(slot, _)| Some(slot.clone())).collect();
        let is_by_chance = alternatives
            .iter()
            .flatten()
            .all(|slot| is_weak(slot, part));
        let literal = if is_by_chance { 0 } else { alternatives.len() };
        alternatives.insert(literal, None);
        places.push(Place {
            start,
            end,
            alternatives,
        });
        from = end;
    }
    places
}

/// Returns the first part of a text that a slot gives, the longest if several begin there.
fn next_place(text: &str, from: usize, fills: &[(String, String)]) -> Option<(usize, usize)> {
    let found = fills.iter().filter_map(|(_, fill)| {
        let mut starts = text[from..].match_indices(fill.as_str());
        let (start, _) = starts.find(|(start, _)| {
            let start = from + start;
            is_apart(text, start, start + fill.len())
        })?;
        Some((from + start, from + start + fill.len()))
    });
    found.min_by_key(|(start, end)| (*start, usize::MAX - end))
}

/// Returns true for a slot whose text may be in a sentence by chance.
fn is_weak(slot: &str, part: &str) -> bool {
    let is_of_value = ["{value}", "{type}", "{location}", "{count}"].contains(&slot);
    is_of_value && (slot != "{value}" || part.chars().count() < SHORTEST_VALUE)
}

/// Returns true if a part of a text is not within a longer word or number.
fn is_apart(text: &str, start: usize, end: usize) -> bool {
    let is_word = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (before, after) = (
        text[..start].chars().next_back(),
        text[end..].chars().next(),
    );
    let part = &text[start..end];
    !(is_word(before) && is_word(part.chars().next())
        || is_word(after) && is_word(part.chars().next_back()))
}

/// Returns the slots of these names and the forms that names may have, each with the text that it has
/// for a finding; empty texts are left out.
fn fills(finding: &Finding, slots: &[&str]) -> Vec<(String, String)> {
    let forms: Vec<&str> = NameForm::all().collect();
    let mut fills: Vec<(String, String)> = Vec::new();
    let mut formed: Vec<(String, String)> = Vec::new();
    for slot in slots {
        let plain = format!("{{{slot}}}");
        if let Some(text) = filled(&plain, finding).filter(|text| !text.is_empty()) {
            fills.push((plain, text));
        }
        if ["name", "path"].contains(slot) {
            for form in &forms {
                let slot = format!("{{{slot}|{form}}}");
                let text = filled(&slot, finding).filter(|text| !text.is_empty());
                formed.extend(text.map(|text| (slot, text)));
            }
        }
    }
    fills.extend(formed);
    fills
}

/// Returns the text that a template has for a finding.
#[must_use]
pub(super) fn filled(template: &str, finding: &Finding) -> Option<String> {
    let template = Template::parse(template).ok()?;
    Some(known::plain().dialect.fill(&template, finding))
}

fn gives(template: &str, seen: &[SeenText<'_>]) -> bool {
    let Ok(template) = Template::parse(template) else {
        return false;
    };
    let dialect = &known::plain().dialect;
    seen.iter()
        .all(|seen| dialect.fill(&template, seen.finding) == seen.text)
}

/// Returns true if a template repeats what only this field has: several of its allowed values, or its
/// type. It would be wrong for another field.
fn tells_details(template: &str, finding: &Finding) -> bool {
    let values = finding.operands.get("values").and_then(|v| v.as_array());
    let texts = values.into_iter().flatten().filter_map(|v| v.as_str());
    let told = texts.filter(|value| has_word(template, value)).count();
    let types = finding.operands.get("types").and_then(|v| v.as_array());
    let mut types = types.into_iter().flatten().filter_map(|v| v.as_str());
    told >= 2 || finding.rule == "type" && types.any(|name| has_word(template, name))
}

fn has_word(text: &str, word: &str) -> bool {
    let mut found = text.match_indices(word);
    !word.is_empty() && found.any(|(start, _)| is_apart(text, start, start + word.len()))
}

/// Returns a text as a template without slots.
#[must_use]
pub(super) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}
