//! Checks that the patterns of schemas are regular expressions in the dialect of the standard
//! (ECMA-262).
//!
//! `inspect` runs these checks.
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::schema::Schemas;
use crate::schema::handover::PatternAt;
use crate::schema::pattern::{Foreign, Pattern};

/// Returns a diagnostic for each wrong pattern of a document, in document order.
pub(super) fn inspect(schemas: &Schemas) -> Vec<Diagnostic> {
    let place = |pattern: &PatternAt| {
        let of = if pattern.is_key {
            Place::key
        } else {
            Place::value
        };
        of(schemas.source(), pattern.pointer.clone())
    };
    let mut found: Vec<(usize, usize, Diagnostic)> = Vec::new();
    for pattern in schemas.patterns() {
        let place = place(&pattern);
        if let Some(wrong) = judge(&pattern, place.clone()) {
            let span = place.span();
            found.push((span.line, span.column, wrong));
        }
    }
    found.sort_by_key(|(line, column, _)| (*line, *column));
    found.into_iter().map(|(_, _, wrong)| wrong).collect()
}

fn judge(pattern: &PatternAt, place: Place) -> Option<Diagnostic> {
    let text = &pattern.text;
    match Pattern::read(text) {
        Err(fault) => {
            let message = format!("the pattern `{text}` is not a regular expression: {fault}");
            let help = "it checks nothing; the rest of the schema is checked";
            Some(Diagnostic::at(Code::InvalidPattern, place, message).help(help))
        }
        Ok(pattern) if !pattern.foreign().is_empty() => {
            let constructs = listed(pattern.foreign(), ", ", |foreign| {
                format!("`{}`", foreign.construct)
            });
            let lacks = "which JavaScript's regular expressions do not have";
            let message = format!("the pattern `{text}` has {constructs}, {lacks}");
            let read_as = |foreign: &Foreign| {
                format!("`{}` is read as {}", foreign.construct, foreign.meaning)
            };
            let help = listed(pattern.foreign(), "; ", read_as);
            Some(Diagnostic::at(Code::ForeignPattern, place, message).help(help))
        }
        Ok(_) => None,
    }
}

fn listed(foreign: &[Foreign], separator: &str, of: impl Fn(&Foreign) -> String) -> String {
    foreign.iter().map(of).collect::<Vec<_>>().join(separator)
}
