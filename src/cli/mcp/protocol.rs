//! Messages of the Model Context Protocol: JSON-RPC 2.0, one message in each line.
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::cli::mcp::control_call::{Make, ToolOutcome, run};
use crate::schema::error::SchemaError;
use crate::schema::{Schema, standalone};

/// Versions of the protocol that are spoken, the latest first.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// Definitions of the tools.
const TOOLS: &str = include_str!("tools.json");

/// Longest text of a result, in characters; the rest is cut off, and the text says so.
const LONGEST_RESULT: usize = 60_000;

/// Most messages of one batch.
const MOST_IN_BATCH: usize = 100;

/// Text that tells an agent what the tools are for.
const INSTRUCTIONS: &str = "Standin is a sandbox of the APIs that its OpenAPI documents describe. It validates each \
request, and answers with documented examples, with what it remembers, or with generated values; a wrong request gets \
the error that the API documents. Use `find` and `describe` before you write code that calls the API, `call` to try a \
request, `arrange` to rehearse errors, and `journal` and `coverage` to see what a program under test has sent. Tests \
that run at the same time use a `session` each.";

/// Codes of JSON-RPC 2.0 §5.1.
#[derive(Debug, Clone, Copy)]
enum ErrorCode {
    Parse = -32700,
    Request = -32600,
    Method = -32601,
    Parameters = -32602,
}

/// Error of a message, with what is said of it.
type Fault = (ErrorCode, String);

/// Answers one line; `None` if there is nothing to answer.
pub(super) fn answer(line: &[u8], make: &mut Make<'_>) -> Option<Value> {
    let message: Value = match serde_json::from_slice(line) {
        Ok(message) => message,
        Err(error) => {
            let why = format!("the line is no JSON: {error}");
            return Some(failure(&Value::Null, (ErrorCode::Parse, why)));
        }
    };
    match message {
        Value::Array(batch) if batch.is_empty() || batch.len() > MOST_IN_BATCH => {
            let why = format!("a batch has 1 to {MOST_IN_BATCH} messages");
            Some(failure(&Value::Null, (ErrorCode::Request, why)))
        }
        Value::Array(batch) => {
            let answers = batch.iter().filter_map(|message| one(message, make));
            let answers: Vec<Value> = answers.collect();
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        message => one(&message, make),
    }
}

/// Answers one message; `None` for a notification, and for what answers a request of ours.
fn one(message: &Value, make: &mut Make<'_>) -> Option<Value> {
    let id = message.get("id").cloned();
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        if message.get("result").is_some() || message.get("error").is_some() {
            return None;
        }
        let why = "expected a JSON-RPC request with `method`".to_owned();
        return Some(failure(&id.unwrap_or_default(), (ErrorCode::Request, why)));
    };
    let id = id?;
    let empty = Map::new();
    let parameters = message.get("params").and_then(Value::as_object);
    let result = reply(method, parameters.unwrap_or(&empty), make);
    Some(match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(fault) => failure(&id, fault),
    })
}

/// Returns the answer to a line that is too long to be read.
pub(super) fn too_long(most: usize) -> Value {
    let why = format!("the line is longer than {most} bytes");
    failure(&Value::Null, (ErrorCode::Request, why))
}

fn failure(id: &Value, (code, message): Fault) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": message } })
}

fn reply(
    method: &str,
    parameters: &Map<String, Value>,
    make: &mut Make<'_>,
) -> Result<Value, Fault> {
    match method {
        "initialize" => Ok(initialized(parameters)),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools() })),
        "tools/call" => called(parameters, make),
        // Clients may ask for what is not offered.
        "resources/list" => Ok(json!({ "resources": [] })),
        "resources/templates/list" => Ok(json!({ "resourceTemplates": [] })),
        "prompts/list" => Ok(json!({ "prompts": [] })),
        other => Err((ErrorCode::Method, format!("there is no method `{other}`"))),
    }
}

/// Returns the version that the client asks for if it is spoken, else the latest one.
fn initialized(parameters: &Map<String, Value>) -> Value {
    let wanted = parameters.get("protocolVersion").and_then(Value::as_str);
    let version = VERSIONS.iter().find(|version| Some(**version) == wanted);
    json!({
        "protocolVersion": version.unwrap_or(&VERSIONS[0]),
        "capabilities": { "tools": { "listChanged": false } },
        "serverInfo": { "name": "standin", "title": "Standin", "version": env!("CARGO_PKG_VERSION") },
        "instructions": INSTRUCTIONS,
    })
}

fn tools() -> &'static Value {
    static ALL: OnceLock<Value> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(TOOLS).unwrap_or_default())
}

fn called(parameters: &Map<String, Value>, make: &mut Make<'_>) -> Result<Value, Fault> {
    let name = parameters.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| (ErrorCode::Parameters, "`name` is missing".to_owned()))?;
    let arguments = parameters.get("arguments").cloned();
    let arguments = match arguments.unwrap_or(Value::Null) {
        Value::Null => Value::Object(Map::new()),
        arguments => arguments,
    };
    let all = tools().as_array().into_iter().flatten();
    let mut own = all.filter(|tool| tool.get("name").and_then(Value::as_str) == Some(name));
    let tool = own.next().ok_or_else(|| {
        let why = format!("there is no tool `{name}`");
        (ErrorCode::Parameters, why)
    })?;
    // What is wrong with arguments is told as a result, so that the model reads it.
    if let Some(wrong) = wrong(&tool["inputSchema"], &arguments) {
        return Ok(text(&wrong, true));
    }
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let outcome = run(name, &arguments, make);
    let ToolOutcome { value, is_error } = outcome.unwrap_or_else(|| ToolOutcome {
        value: Value::Null,
        is_error: true,
    });
    let shown = match value {
        Value::Null => "done".to_owned(),
        value => value.to_string(),
    };
    Ok(text(&shown, is_error))
}

/// Returns what is wrong with the arguments of a tool.
fn wrong(schema: &Value, arguments: &Value) -> Option<String> {
    let compiled: Schema = standalone(schema).ok()?;
    let errors = compiled.errors(arguments).ok()?;
    let sentences: Vec<String> = errors.iter().map(|error| about(error, schema)).collect();
    (!sentences.is_empty()).then(|| format!("the arguments are wrong: {}", sentences.join("; ")))
}

/// Returns a sentence about an argument with what is expected: `` `limit` must be integer (expected an integer from
/// 1 to 200) ``.
fn about(error: &SchemaError, schema: &Value) -> String {
    let properties = &schema["properties"];
    let path = error.pointer.trim_start_matches('/').replace('/', ".");
    let subject = if path.is_empty() {
        String::new()
    } else {
        format!("`{path}` ")
    };
    let named = error.operands.get("property").and_then(Value::as_str);
    let is_unknown = matches!(
        error.keyword.as_str(),
        "additionalProperties" | "unevaluatedProperties"
    );
    if is_unknown && path.is_empty() {
        let names = properties.as_object().into_iter().flatten();
        let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
        return format!(
            "there is no argument `{}`; the tool has {}",
            named.unwrap_or_default(),
            names.join(", ")
        );
    }
    let first = path.split('.').next().filter(|name| !name.is_empty());
    let expected = first.or(named).and_then(|name| expected(&properties[name]));
    let expected = expected.map(|expected| format!(" (expected {expected})"));
    let sentence = error.sentence();
    format!("{subject}{sentence}{}", expected.unwrap_or_default())
}

/// Returns what an argument must be, as its schema says: `integer from 1 to 200`, or ``one of `get`, `list` ``.
fn expected(schema: &Value) -> Option<String> {
    let plain = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values
            .iter()
            .map(|value| format!("`{}`", plain(value)))
            .collect();
        return Some(format!("one of {}", values.join(", ")));
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(plain).collect::<Vec<_>>().join(" or "),
        Value::String(kind) => kind.clone(),
        _ => return None,
    };
    Some(match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => kind,
        (least, Value::Null) => format!("{kind} of at least {least}"),
        (Value::Null, most) => format!("{kind} of at most {most}"),
        (least, most) => format!("{kind} from {least} to {most}"),
    })
}

/// Returns a result with one text.
fn text(text: &str, is_error: bool) -> Value {
    let count = text.chars().count();
    let shown: String = if count > LONGEST_RESULT {
        let beginning: String = text.chars().take(LONGEST_RESULT).collect();
        let left = count - LONGEST_RESULT;
        format!(
            "{beginning}\n… cut here, {left} characters are left out; ask for less with `limit`, `offset` or words"
        )
    } else {
        text.to_owned()
    };
    json!({ "content": [{ "type": "text", "text": shown }], "isError": is_error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::mcp::control_call::ControlCall;

    fn asked(line: &str) -> (Option<Value>, Vec<ControlCall>) {
        let mut calls = Vec::new();
        let answered = answer(line.as_bytes(), &mut |call| {
            calls.push(call);
            Ok((200, json!({ "found": true })))
        });
        (answered, calls)
    }

    fn code(line: &str) -> i64 {
        let (answered, _) = asked(line);
        answered.expect("is answered")["error"]["code"]
            .as_i64()
            .expect("is an error")
    }

    #[test]
    fn messages_that_are_none_get_the_codes_of_json_rpc() {
        assert_eq!(code("{"), -32700);
        assert_eq!(code("[]"), -32600);
        assert_eq!(code(r#"{"jsonrpc": "2.0", "id": 1}"#), -32600);
        assert_eq!(code(r#"{"id": 1, "method": "tools/none"}"#), -32601);
        assert_eq!(code(r#"{"id": 1, "method": "tools/call"}"#), -32602);
        assert_eq!(
            code(r#"{"id": 1, "method": "tools/call", "params": {"name": "none"}}"#),
            -32602
        );
    }

    #[test]
    fn notifications_and_answers_are_not_answered() {
        for line in [
            r#"{"method": "notifications/initialized"}"#,
            r#"{"id": 3, "result": {}}"#,
            r#"[{"method": "notifications/cancelled"}]"#,
        ] {
            assert_eq!(asked(line).0, None, "{line}");
        }
    }

    #[test]
    fn the_version_of_the_client_is_taken_if_it_is_known() {
        let version = |wanted: &str| {
            let line =
                json!({"id": 1, "method": "initialize", "params": {"protocolVersion": wanted}});
            let (answered, _) = asked(&line.to_string());
            answered.expect("is answered")["result"]["protocolVersion"].clone()
        };
        assert_eq!(version("2024-11-05"), "2024-11-05");
        assert_eq!(version("1999-01-01"), VERSIONS[0]);
    }

    #[test]
    fn there_are_nine_tools_whose_schemas_can_be_compiled() {
        let all = tools().as_array().expect("is a list");
        assert_eq!(all.len(), 9);
        for tool in all {
            assert!(standalone(&tool["inputSchema"]).is_ok(), "{}", tool["name"]);
            let name = tool["name"].as_str().expect("is text");
            let outcome = run(name, &Map::new(), &mut |_| Ok((200, json!({}))));
            assert!(outcome.is_some(), "{name} cannot be run");
        }
    }

    #[test]
    fn wrong_arguments_are_told_and_nothing_is_called() {
        let (answered, calls) = asked(
            r#"{"id": 1, "method": "tools/call", "params": {"name": "data", "arguments": {"action": "get", "collection": "pets"}}}"#,
        );
        let result = &answered.expect("is answered")["result"];
        assert_eq!(result["isError"], true);
        let text = result["content"][0]["text"].as_str().expect("is text");
        assert!(text.contains("must have required property 'key'"), "{text}");
        assert_eq!(calls, []);
    }

    #[test]
    fn a_wrong_argument_is_named_with_what_is_expected() {
        let told = |tool: &str, arguments: &Value| {
            let own = tools().as_array().into_iter().flatten();
            let mut own = own.filter(|own| own["name"] == tool);
            let tool = own.next().expect("is there");
            wrong(&tool["inputSchema"], arguments).expect("is wrong")
        };
        assert_eq!(
            told("find", &json!({"limit": "many"})),
            "the arguments are wrong: `limit` must be integer (expected integer from 1 to 200)"
        );
        assert_eq!(
            told("find", &json!({"word": "a"})),
            "the arguments are wrong: there is no argument `word`; the tool has `words`, `tag`, `offset`, `limit`"
        );
        let missing = told("data", &json!({"action": "get", "collection": "pets"}));
        assert!(missing.contains("'key' (expected string)"), "{missing}");
        let other = told("data", &json!({"action": "shout"}));
        assert!(
            other.contains("(expected one of `collections`, "),
            "{other}"
        );
    }

    #[test]
    fn arguments_become_a_call_of_the_control_api() {
        let (_, calls) = asked(
            r#"{"id": 1, "method": "tools/call", "params": {"name": "data", "arguments": {
                "action": "replace", "collection": "/users/{id}/orders", "scope": "7", "key": "a/b", "entity": {"n": 1}, "session": "t 1"}}}"#,
        );
        let [call] = calls.as_slice() else {
            panic!("{calls:?}");
        };
        assert_eq!(call.method, http::Method::PUT);
        assert_eq!(
            call.target,
            "state/%2Fusers%2F%7Bid%7D%2Forders/a%2Fb?scope=7&session=t%201"
        );
        assert_eq!(call.content, Some(json!({"n": 1})));
    }

    #[test]
    fn a_long_result_is_cut_and_says_so() {
        let long = text(&"x".repeat(LONGEST_RESULT + 5), false);
        let shown = long["content"][0]["text"].as_str().expect("is text");
        assert!(
            shown.contains("5 characters are left out"),
            "{}",
            &shown[LONGEST_RESULT..]
        );
    }
}
