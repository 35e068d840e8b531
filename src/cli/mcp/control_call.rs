//! Calls of the control API that carry out the tools.
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// Call of the control API.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ControlCall {
    pub(super) method: Method,
    /// Path below `/_standin/`, and the query.
    pub(super) target: String,
    pub(super) content: Option<Value>,
}

/// Outcome of a tool.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToolOutcome {
    pub(super) value: Value,
    pub(super) is_error: bool,
}

/// Function that makes a call, and returns the status and the content of the answer.
pub(super) type Make<'m> = dyn FnMut(ControlCall) -> Result<(u16, Value), String> + 'm;

/// Arguments of a tool, which fit its schema.
#[derive(Debug, Clone, Copy)]
struct Given<'g>(&'g Map<String, Value>);

/// Characters of a path segment and of a query that are not encoded (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Runs a tool by its name; `None` if there is no such tool.
pub(super) fn run(
    name: &str,
    arguments: &Map<String, Value>,
    make: &mut Make<'_>,
) -> Option<ToolOutcome> {
    let given = Given(arguments);
    let tool = match name {
        "find" => find,
        "describe" => describe,
        "call" => call,
        "explain" => explain,
        "journal" => journal,
        "data" => data,
        "arrange" => arrange,
        "coverage" => coverage,
        "check" => check,
        _ => return None,
    };
    let outcome = tool(given, make);
    Some(outcome.unwrap_or_else(|refused| refused))
}

/// Result of a tool, or of the call that was refused first.
type Ran = Result<ToolOutcome, ToolOutcome>;

impl<'g> Given<'g> {
    fn text(self, name: &str) -> Option<&'g str> {
        self.0.get(name)?.as_str()
    }

    /// Returns the query with these arguments, which have other names there, and the session.
    fn query(self, names: &[(&str, &str)]) -> String {
        let mut pairs = Vec::new();
        for (argument, parameter) in names.iter().chain(&[("session", "session")]) {
            let value = match self.0.get(*argument) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::Bool(flag)) => flag.to_string(),
                _ => continue,
            };
            pairs.push(format!("{parameter}={}", encoded(&value)));
        }
        if pairs.is_empty() {
            return String::new();
        }
        format!("?{}", pairs.join("&"))
    }
}

/// Returns a target with the query of a list: these arguments, the session, and the limit.
fn list(given: Given<'_>, path: &str, names: &[(&str, &str)], usual_limit: u64) -> String {
    let limit = given.0.get("limit").cloned().unwrap_or(json!(usual_limit));
    with(
        &format!("{path}{}", given.query(names)),
        &format!("limit={limit}"),
    )
}

/// Returns a target with one more parameter of the query.
fn with(target: &str, parameter: &str) -> String {
    let joint = if target.contains('?') { '&' } else { '?' };
    format!("{target}{joint}{parameter}")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn read(target: String, make: &mut Make<'_>) -> Result<Value, ToolOutcome> {
    ask(Method::GET, target, None, make)
}

/// Makes a call, and returns the content of its answer; a refusal is the outcome of the tool.
fn ask(
    method: Method,
    target: String,
    content: Option<Value>,
    make: &mut Make<'_>,
) -> Result<Value, ToolOutcome> {
    let refused = |value| ToolOutcome {
        value,
        is_error: true,
    };
    let call = ControlCall {
        method,
        target,
        content,
    };
    match make(call) {
        Ok((200..=299, value)) => Ok(value),
        Ok((_, value)) => Err(refused(value)),
        Err(why) => Err(refused(json!({ "detail": why }))),
    }
}

fn done(value: Value) -> ToolOutcome {
    ToolOutcome {
        value,
        is_error: false,
    }
}

fn find(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    let names = [("words", "q"), ("tag", "tag"), ("offset", "offset")];
    read(list(given, "operations", &names, 50), make).map(done)
}

fn describe(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    if let Some(name) = given.text("schema") {
        return read(format!("schemas/{}", encoded(name)), make).map(done);
    }
    let name = encoded(given.text("operation").unwrap_or_default());
    let mut described = read(format!("operations/{name}"), make)?;
    // An operation without a valid request is still described.
    if let Ok(request) = read(format!("operations/{name}/request"), make)
        && let Value::Object(described) = &mut described
    {
        let mut request = request;
        if let Value::Object(request) = &mut request {
            request.remove("parameters");
        }
        described.insert("request".to_owned(), request);
    }
    Ok(done(described))
}

/// Names of the arguments with values of parameters.
const PARAMETERS: [&str; 4] = ["path", "query", "header", "cookie"];

fn call(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    let mut request = match given.text("operation") {
        Some(name) => drafted(given, name, make)?,
        None => request_of(given),
    };
    let headers = request.entry("headers").or_insert_with(|| json!({}));
    if let Value::Object(headers) = headers {
        let more = given.0.get("headers").and_then(Value::as_object);
        headers.extend(
            more.into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        if let Some(prefer) = given.text("prefer") {
            headers.insert("Prefer".to_owned(), json!(prefer));
        }
    }
    let target = format!("requests{}", given.query(&[]));
    let mut sent = ask(Method::POST, target, Some(Value::Object(request)), make)?;
    if let Value::Object(sent) = &mut sent {
        // `explain` has it.
        sent.remove("explanation");
    }
    Ok(done(sent))
}

/// Returns the valid request to an operation with the values of the arguments.
fn drafted(
    given: Given<'_>,
    name: &str,
    make: &mut Make<'_>,
) -> Result<Map<String, Value>, ToolOutcome> {
    let target = format!("operations/{}/request", encoded(name));
    let valid = read(target.clone(), make)?;
    let chosen = PARAMETERS
        .iter()
        .filter(|part| given.0.contains_key(**part));
    let chosen: Vec<&str> = chosen.copied().collect();
    let mut draft = if chosen.is_empty() {
        valid
    } else {
        let mut values = Map::new();
        for part in PARAMETERS {
            let mut own = usual(&valid, part);
            let more = given.0.get(part).and_then(Value::as_object);
            own.extend(
                more.into_iter()
                    .flatten()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
            values.insert(part.to_owned(), Value::Object(own));
        }
        if let Some(body) = valid.get("body") {
            values.insert("body".to_owned(), body.clone());
        }
        ask(Method::POST, target, Some(Value::Object(values)), make)?
    };
    let mut request = Map::new();
    for member in ["method", "target", "headers", "body"] {
        if let Some(value) = draft.get_mut(member) {
            request.insert(member.to_owned(), value.take());
        }
    }
    match given.0.get("body") {
        Some(Value::Null) => drop(request.shift_remove("body")),
        Some(body) => drop(request.insert("body".to_owned(), body.clone())),
        None => {}
    }
    Ok(request)
}

/// Returns the values that the valid request has for the parameters of one place.
fn usual(valid: &Value, place: &str) -> Map<String, Value> {
    let parameters = valid.get("parameters").and_then(Value::as_array);
    let own = parameters
        .into_iter()
        .flatten()
        .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some(place));
    own.filter_map(|parameter| {
        let name = parameter.get("name")?.as_str()?;
        let value = parameter.get("value").filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    })
    .collect()
}

fn request_of(given: Given<'_>) -> Map<String, Value> {
    let members = ["method", "target", "headers", "body"];
    let members = members.into_iter().filter_map(|name| {
        let value = given.0.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    members.collect()
}

fn explain(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    let query = given.query(&[]);
    if let Some(number) = given.0.get("number") {
        return read(format!("requests/{number}/explain{query}"), make).map(done);
    }
    let mut request = request_of(given);
    if let Some(session) = given.0.get("session") {
        request.insert("session".to_owned(), session.clone());
    }
    let asked = ask(
        Method::POST,
        "explain".to_owned(),
        Some(Value::Object(request)),
        make,
    );
    asked.map(done)
}

fn journal(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    if let Some(number) = given.0.get("number") {
        return read(format!("requests/{number}{}", given.query(&[])), make).map(done);
    }
    let names = [
        ("operation", "operation"),
        ("status", "status"),
        ("violation", "violation"),
    ];
    read(list(given, "requests", &names, 10), make).map(done)
}

fn data(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    let listed = [("words", "q"), ("offset", "offset"), ("scope", "scope")];
    let collection = encoded(given.text("collection").unwrap_or_default());
    let of_list = |path: &str| list(given, path, &listed, 20);
    let of_one = |path: String| format!("{path}{}", given.query(&[("scope", "scope")]));
    let key = encoded(given.text("key").unwrap_or_default());
    let one = || of_one(format!("state/{collection}/{key}"));
    let snapshot = encoded(given.text("name").unwrap_or_default());
    let session = given.query(&[]);
    let (method, target) = match given.text("action").unwrap_or_default() {
        "collections" => (Method::GET, of_list("collections")),
        "list" => (Method::GET, of_list(&format!("state/{collection}"))),
        "get" => (Method::GET, one()),
        "draft" => {
            let target = of_one(format!("state/{collection}"));
            (Method::POST, with(&target, "draft=true"))
        }
        "create" => (Method::POST, of_one(format!("state/{collection}"))),
        "replace" => (Method::PUT, one()),
        "delete" => (Method::DELETE, one()),
        "save" => (Method::PUT, format!("snapshots/{snapshot}{session}")),
        "restore" => (
            Method::POST,
            format!("snapshots/{snapshot}/restore{session}"),
        ),
        _ => (Method::POST, format!("reset{session}")),
    };
    let content = given.0.get("entity").cloned();
    ask(method, target, content, make).map(done)
}

fn arrange(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    let query = given.query(&[]);
    if given.0.get("clear") == Some(&Value::Bool(true)) {
        ask(Method::DELETE, format!("fixtures{query}"), None, make)?;
    }
    if let Some(scenario) = given.0.get("scenario") {
        let content = json!({ "scenario": scenario });
        ask(Method::PUT, format!("scenario{query}"), Some(content), make)?;
    }
    if let Some(fixtures) = given.0.get("fixtures") {
        ask(
            Method::POST,
            format!("fixtures{query}"),
            Some(fixtures.clone()),
            make,
        )?;
    }
    let mut arranged = read(format!("fixtures{query}"), make)?;
    let scenario = read(format!("scenario{query}"), make)?;
    if let (Value::Object(arranged), Value::Object(scenario)) = (&mut arranged, scenario) {
        arranged.extend(scenario);
    }
    Ok(done(arranged))
}

fn coverage(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    let names = [("only", "only"), ("words", "q"), ("offset", "offset")];
    read(list(given, "coverage/operations", &names, 50), make).map(done)
}

fn check(given: Given<'_>, make: &mut Make<'_>) -> Ran {
    let names = [
        ("severity", "severity"),
        ("words", "q"),
        ("offset", "offset"),
    ];
    read(list(given, "diagnostics", &names, 20), make).map(done)
}
