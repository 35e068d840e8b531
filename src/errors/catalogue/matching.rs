//! Matches texts against templates and captures the values of their slots.
use crate::contract::wording::{Template, TemplatePart, WordingSlot};
use crate::schema::name::NameForm;

/// Slot of a template, and the text that fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CapturedSlot {
    pub slot: WordingSlot,
    pub text: String,
}

/// Slot values captured from a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Captured {
    /// Slots from left to right.
    pub slots: Vec<CapturedSlot>,
}

impl Captured {
    /// Returns the name or path of the field.
    #[must_use]
    pub(crate) fn name(&self) -> Option<&str> {
        self.slots
            .iter()
            .find(|captured| captured.slot.is_name())
            .map(|captured| captured.text.as_str())
    }
}

/// Returns the slot values of a whole text; none if it does not match the template.
#[must_use]
pub(crate) fn captures(template: &Template, text: &str) -> Option<Captured> {
    let longest = template.parts.iter().filter_map(|part| match part {
        TemplatePart::Text(text) => Some(text.as_str()),
        TemplatePart::Slot(..) => None,
    });
    // The cheapest test first: it rules out most sentences.
    if !longest
        .max_by_key(|text| text.len())
        .is_none_or(|longest| text.contains(longest))
    {
        return None;
    }
    let mut captured = Captured::default();
    let mut steps = MOST_STEPS;
    rest(&template.parts, text, &mut captured, &mut steps).then_some(captured)
}

/// Maximum number of matching steps; a text that needs more does not match.
const MOST_STEPS: usize = 20_000;

fn rest(parts: &[TemplatePart], text: &str, captured: &mut Captured, steps: &mut usize) -> bool {
    *steps = steps.saturating_sub(1);
    if *steps == 0 {
        return false;
    }
    let Some((part, parts)) = parts.split_first() else {
        return text.is_empty();
    };
    match part {
        TemplatePart::Text(fixed) => text
            .strip_prefix(fixed.as_str())
            .is_some_and(|text| rest(parts, text, captured, steps)),
        TemplatePart::Slot(slot, form) => {
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let first_allowed = usize::from(!may_be_empty(*slot));
            let mut previous = None;
            for (count, end) in ends.by_ref().enumerate() {
                if let Some(start) = previous.replace(end) {
                    let letter = text[start..end].chars().next().unwrap_or(' ');
                    if !allows(*slot, *form, letter, &text[..start]) {
                        return false;
                    }
                }
                if count < first_allowed {
                    continue;
                }
                // A slot before fixed text can only end where that text begins.
                if let Some(TemplatePart::Text(next)) = parts.first()
                    && !text[end..].starts_with(next.as_str())
                {
                    continue;
                }
                if !is_in_form(*slot, *form, &text[..end]) {
                    continue;
                }
                captured.slots.push(CapturedSlot {
                    slot: *slot,
                    text: text[..end].to_owned(),
                });
                if rest(parts, &text[end..], captured, steps) {
                    return true;
                }
                captured.slots.pop();
            }
            false
        }
    }
}

/// Returns true if nothing shows that a name is written in another form than that of its slot.
fn is_in_form(slot: WordingSlot, form: NameForm, text: &str) -> bool {
    if !slot.is_name() {
        return true;
    }
    let starts_high = text.chars().next().is_some_and(char::is_uppercase);
    let is_high_inside = text.chars().skip(1).any(char::is_uppercase);
    match form {
        NameForm::Pascal => starts_high && !text.contains('_'),
        NameForm::Title => {
            starts_high && !text.contains('_') && (!is_high_inside || text.contains([' ', '.']))
        }
        NameForm::Sentence => starts_high && !text.contains('_') && !is_high_inside,
        NameForm::Words => !starts_high && !is_high_inside && !text.contains('_'),
        _ => true,
    }
}

fn may_be_empty(slot: WordingSlot) -> bool {
    matches!(
        slot,
        WordingSlot::Plural
            | WordingSlot::Value
            | WordingSlot::Parent
            | WordingSlot::Pointer
            | WordingSlot::Detail
            | WordingSlot::Container
    )
}

/// Maximum length of a captured name, in bytes; a slot does not take a longer one.
const LONGEST_NAME: usize = 100;

/// Maximum number of blanks in a captured name whose form has blanks; a slot does not take more.
const MOST_WORDS: usize = 5;

/// Returns true if a slot that has captured `before` may capture `letter` next.
fn allows(slot: WordingSlot, form: NameForm, letter: char, before: &str) -> bool {
    match slot {
        WordingSlot::Name
        | WordingSlot::Path
        | WordingSlot::Pointer
        | WordingSlot::Parent
        | WordingSlot::Property
        | WordingSlot::Location => {
            let has_blanks = matches!(form, NameForm::Words | NameForm::Sentence | NameForm::Title);
            let is_of_name = letter.is_alphanumeric()
                || matches!(letter, '_' | '-' | '$' | '.' | '@' | '[' | ']' | '*' | '/');
            before.len() < LONGEST_NAME
                && (is_of_name
                    || letter == ' '
                        && has_blanks
                        && !before.is_empty()
                        && before.matches(' ').count() < MOST_WORDS)
        }
        WordingSlot::Limit | WordingSlot::Least | WordingSlot::Most => {
            letter.is_ascii_digit() || matches!(letter, '.' | '-' | '+' | 'e')
        }
        WordingSlot::Status | WordingSlot::Length | WordingSlot::Count => letter.is_ascii_digit(),
        WordingSlot::Plural => letter == 's' && before.is_empty(),
        WordingSlot::Types | WordingSlot::Type => {
            letter.is_alphanumeric() || matches!(letter, ' ' | ',' | '"' | '\'' | '|' | '-')
        }
        WordingSlot::Code => !letter.is_whitespace(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(template: &str, text: &str) -> Option<String> {
        let template = Template::parse(template).expect("is a template");
        captures(&template, text).map(|captured| captured.name().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_text_is_read_by_its_template() {
        assert_eq!(
            name("\"{path}\" is required", "\"a.b\" is required").as_deref(),
            Some("a.b")
        );
        assert_eq!(
            name(
                "The {name|words} field is required.",
                "The contact manager field is required."
            ),
            Some("contact manager".into())
        );
        assert_eq!(name("{name} is {name}", "a is b is c"), None);
        assert_eq!(
            name("at least {limit} item{s}", "at least 1 item").as_deref(),
            Some("")
        );
        assert_eq!(name("at least {limit} item{s}", "at least x items"), None);
        assert_eq!(
            name("{name} in body is required", "the name in body is required"),
            None
        );
    }

    #[test]
    fn a_text_that_can_be_read_in_too_many_ways_ends() {
        let template =
            Template::parse("{value}a{value}a{value}a{value}a{value}b").expect("is a template");
        assert!(captures(&template, &"a".repeat(2000)).is_none());
    }
}
