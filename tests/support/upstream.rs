//! A real API of a test: answers each path with the bytes that the test gives, and keeps the requests.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One step of an answer.
#[derive(Clone)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    Pause(Duration),
    /// Sends back what comes, until the client ends.
    Echo,
    /// Reads the content of the request, which was left unread so far.
    ReadContent,
    /// Reads another request.
    ReadRequest,
    /// Closes the connection.
    Close,
}

/// An API that listens on a port of its own.
pub(crate) struct Upstream {
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Starts an API; the answers are by path without query.
    pub(crate) fn start(answers: &[(&str, &[Part])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        Self::on(listener, answers)
    }

    /// Starts an API on a listener, whose address the answers may have.
    pub(crate) fn on(listener: TcpListener, answers: &[(&str, &[Part])]) -> Self {
        let address = listener.local_addr().expect("is bound").to_string();
        let answers: HashMap<String, Vec<Part>> = answers
            .iter()
            .map(|(path, parts)| ((*path).to_owned(), parts.to_vec()))
            .collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, kept) = (answers.clone(), Arc::clone(&kept));
                thread::spawn(move || serve(stream, &answers, &kept));
            }
        });
        Self { address, requests }
    }

    /// Starts an API whose answers are whole texts.
    pub(crate) fn texts(answers: &[(&str, &str)]) -> Self {
        let parts: Vec<(&str, Vec<Part>)> = answers
            .iter()
            .map(|(path, text)| (*path, vec![Part::Bytes(text.as_bytes().to_vec())]))
            .collect();
        let borrowed: Vec<(&str, &[Part])> = parts
            .iter()
            .map(|(path, parts)| (*path, parts.as_slice()))
            .collect();
        Self::start(&borrowed)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests so far, with their contents.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no thread panicked").clone()
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, answers: &HashMap<String, Vec<Part>>, kept: &Mutex<Vec<String>>) {
    let mut writer = stream.try_clone().expect("can be shared");
    let mut reader = BufReader::new(stream);
    let keep = |text: &str| {
        let mut kept = kept.lock().expect("no thread panicked");
        kept.push(text.to_owned());
        kept.len() - 1
    };
    let extend = |index: usize, text: &str| {
        kept.lock().expect("no thread panicked")[index].push_str(text);
    };
    while let Some(head) = head(&mut reader) {
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let path = target.split('?').next().unwrap_or_default();
        let index = keep(&head);
        if !head.to_ascii_lowercase().contains("expect: 100-continue") {
            extend(index, &read_content(&head, &mut reader));
        }
        let Some(parts) = answers.get(path) else {
            return;
        };
        for part in parts {
            match part {
                Part::Bytes(bytes) => {
                    if writer.write_all(bytes).is_err() {
                        return;
                    }
                }
                Part::Pause(time) => thread::sleep(*time),
                Part::Close => return,
                Part::ReadContent => extend(index, &read_content(&head, &mut reader)),
                Part::ReadRequest => {
                    keep(&self::head(&mut reader).unwrap_or_default());
                }
                Part::Echo => {
                    let mut some = [0; 1000];
                    while let Ok(count) = reader.read(&mut some)
                        && count > 0
                    {
                        writer.write_all(&some[..count]).expect("is read");
                    }
                    return;
                }
            }
        }
        // An answer without length ends with the connection.
        let text = parts.iter().filter_map(|part| match part {
            Part::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).to_ascii_lowercase()),
            _ => None,
        });
        let text: String = text.collect();
        if !text.contains("content-length:") && !text.contains("chunked") {
            return;
        }
    }
}

/// Reads the head of a request; `None` if the client has closed the connection.
fn head(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        head.push_str(&line);
        if line == "\r\n" {
            return Some(head);
        }
    }
}

/// Reads the content of a request as it is on the wire.
fn read_content(head: &str, reader: &mut BufReader<TcpStream>) -> String {
    let lower = head.to_ascii_lowercase();
    let length = lower
        .split("\r\ncontent-length: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
    let mut content = Vec::new();
    if let Some(length) = length {
        content.resize(length, 0);
        if reader.read_exact(&mut content).is_err() {
            content.clear();
        }
    } else if lower.contains("transfer-encoding: chunked") {
        while !content.ends_with(b"0\r\n\r\n") {
            let mut byte = [0];
            if reader.read_exact(&mut byte).is_err() {
                break;
            }
            content.push(byte[0]);
        }
    }
    String::from_utf8_lossy(&content).into_owned()
}
