//! Access to the control API and to the console (`--control`, `--console`).
use std::path::PathBuf;

/// Clients that may use the control API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ControlAccess {
    /// Every client that reaches the server.
    #[default]
    Open,
    /// Clients that send this token, in `Authorization: Bearer …`.
    Token(String),
    /// No client.
    Closed,
}

/// Use of the console, the page at `/_standin/` (`--console`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ConsoleAccess {
    /// No console: the page lists the operations only.
    Off,
    /// A console that writes no files.
    #[default]
    On,
    /// A console that may write fixtures to new files in this folder.
    Write(PathBuf),
}
