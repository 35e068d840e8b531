//! Messages of HTTP/1.1 as they are on the wire, read without any library.

use std::io::BufRead;

/// Framing of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no content.
    Nothing,
    Length(usize),
    Chunked,
    UntilClose,
}

/// One message, as it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// First line without its end.
    pub start: Vec<u8>,
    /// Lines of the header section without their ends.
    pub fields: Vec<Vec<u8>>,
    pub framing: Framing,
    /// Content without chunks.
    pub content: Vec<u8>,
    /// Lines of the trailer section without their ends.
    pub trailers: Vec<Vec<u8>>,
    /// True if a chunk had an extension.
    pub has_extension: bool,
}

impl Message {
    /// Reads the head of a message; `None` at the end of the connection.
    pub(crate) fn head(reader: &mut impl BufRead) -> Option<Self> {
        let start = line(reader)?;
        Some(Self {
            start,
            fields: lines(reader),
            framing: Framing::Nothing,
            content: Vec::new(),
            trailers: Vec::new(),
            has_extension: false,
        })
    }

    /// Reads the content of a request.
    pub(crate) fn read_request(&mut self, reader: &mut impl BufRead) {
        let framing = self.announced().unwrap_or(Framing::Nothing);
        self.read(framing, reader);
    }

    /// Reads the content of the answer to a request with this method.
    pub(crate) fn read_answer(&mut self, method: &str, reader: &mut impl BufRead) {
        let status = self.status();
        let has_none = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
        let framing = match self.announced() {
            _ if has_none => Framing::Nothing,
            announced => announced.unwrap_or(Framing::UntilClose),
        };
        self.read(framing, reader);
    }

    pub(crate) fn status(&self) -> u16 {
        let text = String::from_utf8_lossy(&self.start);
        let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
        status.unwrap_or_default()
    }

    /// Value of the first field with a name, in lower case.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let line = self.fields.iter().find(|line| name_of(line) == name)?;
        let value = &line[name.len() + 1..];
        Some(String::from_utf8_lossy(value.trim_ascii()).into_owned())
    }

    fn announced(&self) -> Option<Framing> {
        let coding = self.value("transfer-encoding").unwrap_or_default();
        if coding.eq_ignore_ascii_case("chunked") {
            return Some(Framing::Chunked);
        }
        let length = self.value("content-length")?;
        length.parse().ok().map(Framing::Length)
    }

    fn read(&mut self, framing: Framing, reader: &mut impl BufRead) {
        self.framing = framing;
        match framing {
            Framing::Nothing => {}
            Framing::Length(length) => {
                self.content = vec![0; length];
                reader
                    .read_exact(&mut self.content)
                    .expect("has its length");
            }
            Framing::UntilClose => {
                reader.read_to_end(&mut self.content).expect("is readable");
            }
            Framing::Chunked => loop {
                let size = line(reader).expect("has a size");
                let size = String::from_utf8(size).expect("is text");
                let (digits, extension) = size.split_once(';').unwrap_or((&size, ""));
                self.has_extension |= !extension.is_empty();
                let size = usize::from_str_radix(digits.trim(), 16).expect("is a number");
                if size == 0 {
                    self.trailers = lines(reader);
                    return;
                }
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).expect("is whole");
                self.content.extend(&chunk[..size]);
            },
        }
    }
}

/// Name of a field, in lower case.
pub(crate) fn name_of(line: &[u8]) -> String {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// Reads a line; `None` at the end of the connection.
fn line(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    line.strip_suffix(b"\r\n").map(<[u8]>::to_vec)
}

fn lines(reader: &mut impl BufRead) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while let Some(line) = line(reader)
        && !line.is_empty()
    {
        lines.push(line);
    }
    lines
}
