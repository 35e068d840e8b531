//! Control API: valid requests to an operation, to be changed and sent.
use serde_json::{Map, Value, json};

use crate::codec::message::Request;
use crate::contract::media::MediaRange;
use crate::contract::{Location, Operation, Parameter};
use crate::errors::problem::Problem;
use crate::exchange::sample::{GivenValues, value};
use crate::server::control::{Control, ControlRequest, not_there, unprocessable};

impl Control {
    /// Returns the index of the operation that the path of a request to the control API names.
    ///
    /// # Errors
    ///
    /// `Problem` 404, with the most similar name.
    pub(super) fn operation_of(&self, asked: &ControlRequest<'_>) -> Result<usize, Problem> {
        let name = asked.segment("operations");
        let contract = self.sandbox.contract();
        contract.find(&name).ok_or_else(|| {
            let detail = format!("no document has the operation `{name}`");
            not_there(match contract.nearest_operation(&name) {
                Some(near) => format!("{detail}; there is `{near}`"),
                None => format!("{detail}; `GET /_standin/operations` lists them"),
            })
        })
    }

    /// Returns a valid request to an operation, with the values that the client chose.
    pub(super) fn draft_request(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let index = self.operation_of(asked)?;
        let operation = &self.sandbox.contract().operations[index];
        let media = match asked.query("media") {
            Some(text) => Some(media_of(operation, text)?),
            None => None,
        };
        let part = |name: &str| asked.body.get(name).and_then(Value::as_object);
        let given = GivenValues {
            path: part("path"),
            query: part("query"),
            header: part("header"),
            cookie: part("cookie"),
            body: asked.body.get("body"),
        };
        let request = self.sandbox.example_request(index, media.as_ref(), &given);
        let mut draft = describe(&request);
        let parameters = operation.compiled().parameters.iter();
        let parameters: Vec<Value> = parameters
            .map(|parameter| self.described(parameter))
            .collect();
        draft["operation"] = json!(operation.name());
        draft["parameters"] = json!(parameters);
        let body = operation.compiled().body.as_ref();
        let offered = body.into_iter().flat_map(|body| &body.content);
        draft["mediaTypes"] = offered.map(|media| media.range.as_str()).collect();
        Ok(draft)
    }

    /// Returns a parameter with a value that it may have.
    fn described(&self, parameter: &Parameter) -> Value {
        let types = parameter.schema().map(|schema| schema.own_types());
        json!({
            "name": parameter.name,
            "in": parameter.location.as_str(),
            "required": parameter.required || parameter.location == Location::Path,
            "types": types.unwrap_or_default(),
            "value": value(parameter, &self.sandbox.settings().options),
        })
    }
}

/// Returns the media type of a content that the operation documents.
fn media_of(operation: &Operation, text: &str) -> Result<MediaRange, Problem> {
    let body = operation.compiled().body.as_ref();
    let offered = || body.into_iter().flat_map(|body| &body.content);
    let wanted = MediaRange::parse(text);
    wanted
        .filter(|wanted| offered().any(|media| media.range.covers(wanted)))
        .ok_or_else(|| {
            let known: Vec<&str> = offered().map(|media| media.range.as_str()).collect();
            unprocessable(if known.is_empty() {
                format!("the media type is `{text}`, and the operation documents no content")
            } else {
                format!(
                    "the media type is `{text}`, expected one of `{}`",
                    known.join("`, `")
                )
            })
        })
}

/// Returns a request as `POST /_standin/requests` takes it.
fn describe(request: &Request) -> Value {
    let lines = request.headers().iter();
    let headers: Map<String, Value> = lines
        .map(|(name, line)| {
            let text = String::from_utf8_lossy(line.as_bytes()).into_owned();
            (name.as_str().to_owned(), Value::String(text))
        })
        .collect();
    let content = request.body().bytes();
    let body = match serde_json::from_slice::<Value>(&content) {
        _ if content.is_empty() => Value::Null,
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => Value::String(String::from_utf8_lossy(&content).into_owned()),
    };
    json!({
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "headers": headers,
        "body": body,
    })
}
