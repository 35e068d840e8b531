//! Behaviour cases: Markdown files whose headings are tests.
//!
//! Blocks above the first `##` are shared by all tests of the file. What a block is stands behind
//! its language:
//!
//! - `yaml openapi`, `json openapi`, `markdown openapi`: a document, called `openapi.yaml` and so on,
//!   the second one `openapi-2.yaml`;
//! - `text include`: names of documents in `tests/cases/documents`, each used as an `openapi` block;
//! - `text documents`: paths of documents in this repository, served with its `fixtures`;
//! - `yaml overlay`: an overlay, applied to the documents;
//! - `yaml fixtures`: a fixture file, called `fixtures.yaml`;
//! - `sh flags`: options of `standin serve`;
//! - `yaml data NAME`: the entities of a collection, as a file `fixtures/data/NAME.yaml`;
//! - `http request` and `http response`: in pairs, in order, against one sandbox; `http response in order`
//!   compares the order of the members of objects too; `pattern` says which patterns a response may have;
//! - `text check`: what `standin check` prints of the documents and fixtures.
//!
//! A block of another kind is an error.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

/// A fenced block, and where its text is in the file.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub language: String,
    pub kind: String,
    pub text: String,
    pub range: Range<usize>,
}

/// One heading: a test.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub file: PathBuf,
    pub name: String,
    pub blocks: Vec<Block>,
}

impl Case {
    /// The blocks of a kind, in order.
    pub(crate) fn blocks_of<'c>(&'c self, kind: &'c str) -> impl Iterator<Item = &'c Block> {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }

    /// Requests with the responses that follow them.
    pub(crate) fn exchanges(&self) -> Vec<(&Block, &Block)> {
        let http: Vec<&Block> = self
            .blocks
            .iter()
            .filter(|block| block.language == "http")
            .collect();
        assert!(
            http.len().is_multiple_of(2),
            "{}: {}: a request without a response",
            self.file.display(),
            self.name
        );
        http.chunks(2).map(|pair| (pair[0], pair[1])).collect()
    }
}

/// Every case below a folder, files by name.
pub(crate) fn all(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in crate::files(folder) {
        let text = fs::read_to_string(&path).expect("a case file can be read");
        cases.extend(cases_of(&path, &text));
    }
    cases
}

fn cases_of(path: &Path, text: &str) -> Vec<Case> {
    let mut shared: Vec<Block> = Vec::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut heading = None;
    let mut block: Option<Block> = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading {
                level: HeadingLevel::H2,
                ..
            }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(HeadingLevel::H2)) => {
                let name = heading.take().unwrap_or_default();
                cases.push(Case {
                    file: path.to_owned(),
                    name,
                    blocks: shared.clone(),
                });
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let (language, kind) = info.split_once(' ').unwrap_or((&info, ""));
                let (language, kind) = (language.to_owned(), kind.trim().to_owned());
                block = Some(Block {
                    language,
                    kind,
                    text: String::new(),
                    range: range.end..range.end,
                });
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some(block) = block.take() {
                    assert!(
                        is_known(&block.kind),
                        "{}: unknown kind of block `{}`",
                        path.display(),
                        block.kind
                    );
                    let blocks = cases
                        .last_mut()
                        .map_or(&mut shared, |case| &mut case.blocks);
                    if block.kind == "include" {
                        blocks.extend(included(&block));
                    } else {
                        blocks.push(block);
                    }
                }
            }
            Event::Text(part) => match (&mut block, &mut heading) {
                (Some(block), _) => {
                    block.text.push_str(&part);
                    block.range = block.range.start.min(range.start)..range.end;
                }
                (None, Some(name)) => name.push_str(&part),
                _ => {}
            },
            Event::Code(part) => {
                if let Some(name) = &mut heading {
                    name.push_str(&part);
                }
            }
            _ => {}
        }
    }
    cases
}

/// Returns the shared documents that a block names, as `openapi` blocks.
fn included(names: &Block) -> impl Iterator<Item = Block> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/documents");
    names.text.lines().map(move |name| Block {
        language: name.rsplit('.').next().unwrap_or_default().to_owned(),
        kind: "openapi".to_owned(),
        text: fs::read_to_string(folder.join(name)).expect("a shared document can be read"),
        range: names.range.clone(),
    })
}

fn is_known(kind: &str) -> bool {
    const KINDS: [&str; 9] = [
        "include",
        "openapi",
        "documents",
        "overlay",
        "fixtures",
        "flags",
        "request",
        "response",
        "response in order",
    ];
    KINDS.contains(&kind) || kind == "check" || kind.starts_with("data ")
}

/// A message of HTTP as a case writes it.
#[derive(Debug)]
pub(crate) struct Message {
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    /// Reads a block: start line, header fields, an empty line, content.
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.trim().to_owned(), value.trim().to_owned())
        });
        Self {
            start,
            headers: headers.collect(),
            body: body.trim_end_matches('\n').to_owned(),
        }
    }

    /// The names of header fields, and for each the values of its lines.
    pub(crate) fn fields(&self) -> Vec<(&str, Vec<&str>)> {
        let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, value) in &self.headers {
            match fields
                .iter_mut()
                .find(|(there, _)| there.eq_ignore_ascii_case(name))
            {
                Some((_, values)) => values.push(value),
                None => fields.push((name, vec![value])),
            }
        }
        fields
    }

    /// The value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(there, _)| there.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
