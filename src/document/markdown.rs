//! Finds the OpenAPI documents that are fenced as code in a Markdown or text page.
//!
//! Their content is left to `syntax`.
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// Returns the fenced code blocks of a page that look like OpenAPI documents, in their order.
///
/// Each is preceded by as many empty lines as it has lines above it in the page, so that its lines
/// and columns are those of the page.
#[must_use]
pub(super) fn documents(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Do not parse a large text without fences as a page.
    if !page.contains("```") && !page.contains("~~~") {
        return found;
    }
    let mut inside = None;
    for (event, range) in Parser::new(page).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                inside = Some((usize::MAX, 0));
            }
            Event::Text(_) => {
                inside =
                    inside.map(|(start, _): (usize, usize)| (start.min(range.start), range.end));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((start, end)) = inside.take()
                    && start < end
                    && is_document(&page[start..end])
                {
                    found.push(padded(page, start, end));
                }
            }
            _ => {}
        }
    }
    found
}

fn is_document(block: &str) -> bool {
    crate::document::encoding::mentions_openapi(block)
        && crate::document::encoding::begins_as_openapi(block)
}

fn padded(page: &str, start: usize, end: usize) -> String {
    let line_start = page[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let lines_above = page[..line_start].matches('\n').count();
    let mut text = "\n".repeat(lines_above);
    text.push_str(&page[line_start..end]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenced_documents_keep_their_lines() {
        let page = "# Title\n\nWords.\n\n````json POST /a\n{\n  \"openapi\": \"3.0.0\"\n}\n````\n\n```yaml\nopenapi: 3.1.0\n```\n";
        let found = documents(page);
        assert_eq!(
            found,
            [
                "\n\n\n\n\n{\n  \"openapi\": \"3.0.0\"\n}\n",
                "\n\n\n\n\n\n\n\n\n\n\nopenapi: 3.1.0\n"
            ]
        );
    }

    #[test]
    fn other_code_is_no_document() {
        assert!(documents("```json\n{\"a\": \"openapi\"}\n```\n").is_empty());
    }
}
