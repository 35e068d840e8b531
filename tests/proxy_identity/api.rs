//! The API of these tests: plain sockets, and an answer for each case that a request names in `X-Case`.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::wire::Message;

/// One step of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Pause(Duration),
    /// Reads the content of a request with `Expect`.
    ReadContent,
    /// Sends back what comes until the client ends.
    Echo,
    Close,
}

/// An API that listens on a port of its own.
pub(crate) struct Api {
    pub address: String,
    requests: Arc<Mutex<Vec<Message>>>,
}

impl Api {
    /// Starts an API with the answer of each case.
    pub(crate) fn start(answers: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("is bound").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (Arc::clone(&requests), Arc::new(answers));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
                thread::spawn(move || serve(stream, &answers, &kept));
            }
        });
        Self { address, requests }
    }

    /// Takes the requests that came since the last time.
    pub(crate) fn taken(&self) -> Vec<Message> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(stream: TcpStream, answers: &[Vec<Step>], kept: &Mutex<Vec<Message>>) {
    stream.set_nodelay(true).expect("can be set");
    let mut writer = stream.try_clone().expect("can be shared");
    let mut reader = BufReader::new(stream);
    while let Some(mut request) = Message::head(&mut reader) {
        let case = request
            .value("x-case")
            .and_then(|case| case.parse::<usize>().ok());
        let steps = &answers[case.expect("names its case")];
        let waits = request.value("expect").is_some();
        if !waits {
            request.read_request(&mut reader);
        }
        let keep = |request: &Message| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(request.clone());
        };
        if !steps.iter().any(|step| matches!(step, Step::ReadContent)) {
            keep(&request);
        }
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    if writer.write_all(bytes).is_err() {
                        return;
                    }
                }
                Step::Pause(time) => thread::sleep(*time),
                Step::ReadContent => {
                    request.read_request(&mut reader);
                    keep(&request);
                }
                Step::Echo => {
                    let mut some = [0; 1000];
                    while let Ok(count @ 1..) = reader.read(&mut some) {
                        writer.write_all(&some[..count]).expect("is read");
                    }
                    return;
                }
                Step::Close => {
                    let _closed = writer.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
    }
}
