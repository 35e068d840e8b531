//! Lines that `serve` writes beside the log: as they are, or as events if the log is JSON.
use std::fmt;
use std::io::{self, Write};

use crate::server::log::{self, LogFormat};

/// Writer whose every formatted text, such as that of `writeln!`, is one event of a JSON log. With
/// another log, it writes text unchanged.
pub(super) struct Notices<'w, W> {
    writer: &'w mut W,
    format: LogFormat,
}

impl<'w, W: Write> Notices<'w, W> {
    pub(super) fn new(format: LogFormat, writer: &'w mut W) -> Self {
        Self { writer, format }
    }
}

impl<W: Write> Write for Notices<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.format != LogFormat::Json {
            return self.writer.write(bytes);
        }
        log::notice(String::from_utf8_lossy(bytes).trim_end());
        Ok(bytes.len())
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        if self.format != LogFormat::Json {
            return self.writer.write_fmt(text);
        }
        log::notice(text.to_string().trim_end());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
