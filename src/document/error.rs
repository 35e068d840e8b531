//! Errors of parsing texts.
use crate::diagnostic::Span;

/// Error of a text that is neither JSON nor YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Message of the parser, such as `mapping values are not allowed in this context`.
    pub message: String,
    /// Position at which the parser failed.
    pub span: Span,
}

impl SyntaxError {
    pub(crate) fn from_json(error: &serde_json::Error, text: &str) -> Self {
        // The parser counts bytes; diagnostics count characters.
        let line = text
            .lines()
            .nth(error.line().saturating_sub(1))
            .unwrap_or_default();
        let before = line
            .as_bytes()
            .get(..error.column().saturating_sub(1))
            .unwrap_or(line.as_bytes());
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        let full = error.to_string();
        let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
        Self {
            message,
            span: Span {
                line: error.line().max(1),
                column,
                length: 1,
            },
        }
    }
}
