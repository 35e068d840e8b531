//! Starts a server in a process of its own, asks it and ends it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::program::{Folder, standin};

/// A server that is listening.
pub(crate) struct Server {
    pub child: Child,
    pub address: String,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Server {
    /// Ends a server that a test did not stop.
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Server {
    /// Starts `standin serve` with these options on a free port.
    pub(crate) fn serve(folder: &Folder, options: &[&str]) -> Self {
        let arguments = [&["serve", "--port", "0"][..], options].concat();
        Self::start(standin(&folder.0, &arguments))
    }

    /// Starts a command that serves, and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("is piped"));
        let mut line = String::new();
        stdout
            .read_line(&mut line)
            .expect("it says that it listens");
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .expect("it says where")
            .to_owned();
        Self {
            child,
            address,
            stdout,
        }
    }

    /// Opens a connection, and sends a request or the beginning of one.
    pub(crate) fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it accepts");
        stream.write_all(request.as_bytes()).expect("it reads");
        stream
    }

    /// Sends a request, and returns all that comes until the connection is closed.
    pub(crate) fn exchange(&self, request: &str) -> String {
        read(self.send(request))
    }

    /// Returns the answer to a `GET` request.
    pub(crate) fn get(&self, target: &str) -> String {
        self.exchange(&format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
    }

    /// Sends the signal to end.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("there is kill");
        assert!(status.success());
    }

    /// Waits for its end; returns the exit code, and what it wrote to standard error.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("it ends");
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .expect("is piped")
            .read_to_string(&mut log)
            .expect("is text");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("is text");
        assert_eq!(rest, "", "nothing but the line goes to standard output");
        (status.code(), log)
    }

    /// Sends the signal to end, and waits for the end.
    pub(crate) fn stop(self) -> (Option<i32>, String) {
        self.terminate();
        self.ended()
    }
}

/// Reads until the connection is closed.
pub(crate) fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    text
}
