//! Tests of the journal: what is kept, for how long, and what is shown of it.
use super::*;
use crate::state::rings::Rings;

fn ended<'e>(
    number: u64,
    target: &'e Uri,
    headers: &'e HeaderMap,
    content: &'e [u8],
    answer: &'e Bytes,
) -> Ended<'e> {
    Ended {
        number,
        at: 0,
        micros: 1,
        method: &Method::POST,
        target,
        headers,
        content,
        operation: Some(3),
        status: StatusCode::OK,
        answer_headers: headers,
        answer,
        source: "b".into(),
        violations: Vec::new(),
        answered: None,
    }
}

/// Limit that nothing reaches.
const ALL: usize = usize::MAX;

#[test]
fn what_is_secret_is_not_shown() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer abc"));
    headers.insert("x-auth-token", HeaderValue::from_static("abc"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    let target = Uri::from_static("/login?api_key=abc&limit=3");
    let content = br#"{"name": "x", "password": "abc", "cards": [{"cvc": 123}]}"#;
    let entry = Entry::new(
        ended(1, &target, &headers, content, &Bytes::new()),
        "",
        &|_| None,
    );
    let shown = entry.to_json();
    assert!(
        !shown.to_string().contains("abc") && !shown.to_string().contains("123"),
        "{shown}"
    );
    assert_eq!(
        shown["request"]["target"],
        "/login?api_key=[redacted]&limit=3"
    );
    assert_eq!(shown["request"]["headers"]["accept"], "*/*");
    assert_eq!(
        entry.body().map(|body| body["password"].clone()),
        Some(json!("abc"))
    );
}

#[test]
fn an_answer_that_repeats_a_secret_shows_none() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer t0ken-1"));
    headers.insert("x-echo", HeaderValue::from_static("got t0ken-1"));
    let target = Uri::from_static("/login?next=https%3A%2F%2Fann%3Apa55word%40h.example%2F");
    let content = br#"{"name": "x", "password": "hunter2/"}"#;
    let answer =
        r#"{"hint": "hunter2/ of t0ken-1", "url": "https://h.example/?p=hunter2%2F", "number": 7}"#;
    let answer = Bytes::from_static(answer.as_bytes());
    let mut ended = ended(1, &target, &headers, content, &answer);
    ended.violations = vec!["`hunter2/` is too short".to_owned()];
    let shown = Entry::new(ended, "", &|_| None).to_json();
    let text = shown.to_string();
    for secret in ["t0ken-1", "hunter2", "pa55word"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(
        shown["response"]["content"],
        json!({"hint": "[redacted] of [redacted]", "url": "https://h.example/?p=[redacted]", "number": 7})
    );
    assert_eq!(shown["violations"], json!(["`[redacted]` is too short"]));
}

#[test]
fn the_oldest_goes() {
    let mut journal = Journal::default();
    let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
    for number in 1..=5 {
        journal.add(ended(number, &target, &headers, &[0; 10], &answer), 3, ALL);
    }
    let numbers: Vec<u64> = journal
        .entries("", &|_| None, &|_| true, 0)
        .iter()
        .map(|entry| entry.number)
        .collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(
        journal.size(),
        journal.records.iter().map(Record::size).sum::<usize>()
    );
}

#[test]
fn exchanges_stay_within_their_bytes_and_the_oldest_go_first() {
    let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
    let mut journal = Journal::default();
    journal.add(ended(1, &target, &headers, &[0; 1000], &answer), 500, ALL);
    let one = journal.size();
    for number in 2..=9 {
        journal.add(
            ended(number, &target, &headers, &[0; 1000], &answer),
            500,
            one * 3,
        );
    }
    assert_eq!(journal.numbers(&|_| true).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!((journal.size(), journal.forgotten()), (one * 3, 6));
}

#[test]
fn rings_of_all_threads_share_their_bytes() {
    let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
    let rings = Rings::default();
    rings.add(ended(1, &target, &headers, &[0; 1000], &answer), 500, ALL);
    let one = rings.size();
    let add = |number| {
        rings.add(
            ended(number, &target, &headers, &[0; 1000], &answer),
            500,
            one * 2,
        );
    };
    std::thread::scope(|scope| drop(scope.spawn(|| (2..=3).for_each(add)).join()));
    let mut numbers = rings.numbers(&|_| true);
    numbers.sort_unstable();
    assert_eq!((numbers, rings.size()), (vec![2, 3], one * 2));
    assert_eq!((rings.last(1), rings.last(2)), ((3, 2), (2, 1)));
}

#[test]
fn what_was_kept_is_what_was_said() {
    let mut headers = HeaderMap::new();
    headers.append("x-a", HeaderValue::from_static("1"));
    headers.append("x-a", HeaderValue::from_static("2"));
    headers.append("x-empty", HeaderValue::from_static(""));
    headers.append(
        "x-odd",
        HeaderValue::from_bytes(b"\xff").expect("is allowed"),
    );
    let target = Uri::from_static("http://a.example/b?c=d");
    let mut journal = Journal::default();
    for (number, answer) in (1..).zip([
        Bytes::from_static(b"short"),
        Bytes::from(vec![7; MOST_COPIED + 1]),
    ]) {
        journal.add(
            ended(number, &target, &headers, b"content", &answer),
            1,
            ALL,
        );
        let entry = journal
            .entries("s", &|_| None, &|_| true, 0)
            .pop()
            .expect("is there");
        assert_eq!((entry.number, entry.session.as_str()), (number, "s"));
        assert_eq!(
            (entry.target.to_string().as_str(), &entry.headers),
            ("/b?c=d", &headers)
        );
        assert_eq!(
            (&entry.content[..], &entry.answer),
            (&b"content"[..], &answer)
        );
    }
    let long = vec![1; MOST_CONTENT + 1];
    journal.add(
        ended(
            3,
            &target,
            &HeaderMap::new(),
            &long,
            &Bytes::from(long.clone()),
        ),
        1,
        ALL,
    );
    let entry = journal
        .entries("", &|_| None, &|_| true, 0)
        .pop()
        .expect("is there");
    assert_eq!(
        (entry.content.len(), entry.answer.len()),
        (MOST_CONTENT, MOST_CONTENT)
    );
}
