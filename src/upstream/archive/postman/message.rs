//! Requests and responses of a collection.
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use serde_json::{Value, json};

use crate::codec::message::{Body, Request};
use crate::upstream::archive::entry::ArchiveNotes;
use crate::upstream::archive::form::{self, BOUNDARY, FormParameter};
use crate::upstream::archive::headers;
use crate::upstream::archive::postman::auth::{Credentials, credentials, signing_kind};
use crate::upstream::archive::postman::variables::{Variables, text_of};
use crate::upstream::archive::url::{self, SplitUrl, UrlFault};

/// Reader of the messages of one saved response.
pub(super) struct MessageReader<'m> {
    pub variables: &'m Variables,
    /// Nearest `auth`: of the request, its folders, the collection.
    pub auth: &'m Value,
    /// Limit of a content in bytes.
    pub most: usize,
    pub place: &'m str,
    pub notes: &'m mut ArchiveNotes,
}

/// Request of a collection with its origin.
pub(super) struct ReadRequest {
    pub origin: String,
    pub request: Request,
    /// False if the content is in a file of the user.
    pub has_content: bool,
}

impl MessageReader<'_> {
    fn resolve(&mut self, text: &str) -> String {
        let mut unresolved = Vec::new();
        let made = self.variables.resolve(text, &mut unresolved);
        unresolved
            .iter()
            .for_each(|name| self.notes.unresolved(name));
        made
    }

    /// Returns the value of `key` of a list of parameters that are on.
    fn parameters(&mut self, list: &Value) -> Vec<(String, Option<String>, Value)> {
        let on = list.as_array().into_iter().flatten();
        let on = on.filter(|own| own["disabled"].as_bool() != Some(true));
        on.filter_map(|own| {
            let name = self.resolve(own["key"].as_str()?);
            let value = text_of(&own["value"]).map(|text| self.resolve(&text));
            Some((name, value, own.clone()))
        })
        .collect()
    }

    /// Reads a request; `None` if it has no URL that could be sent, which the notes tell.
    pub(super) fn request(&mut self, request: &Value) -> Option<ReadRequest> {
        let object = json!({ "url": request });
        let request = if request.is_string() {
            &object
        } else {
            request
        };
        let text = request["method"].as_str().unwrap_or("GET");
        let Ok(method) = Method::try_from(text.to_ascii_uppercase().as_str()) else {
            let place = format!("{}, method", self.place);
            self.notes.fault(
                place,
                format!("`{text}` is no method; expected such as `GET`"),
            );
            return None;
        };
        let auth = Some(&request["auth"])
            .filter(|own| own.is_object())
            .unwrap_or(self.auth);
        if let Some(kind) = signing_kind(auth) {
            self.notes.signed(kind);
        }
        let credentials = credentials(auth, &mut |text| self.resolve(text));
        let mut url = self.url(&request["url"])?;
        let mut fields = self.fields(&request["header"], "header");
        match credentials {
            Some(Credentials::Field(name, value)) => {
                if let Ok(name) = HeaderName::try_from(name) {
                    headers::add(name, &value, &mut fields);
                }
            }
            Some(Credentials::Query(name, value)) if !fields.contains_key(AUTHORIZATION) => {
                add_query(&mut url, &name, &value);
            }
            _ => {}
        }
        let host = url.origin.split_once("://").map_or("", |(_, host)| host);
        headers::add(HOST, host, &mut fields);
        let content = self.content(&request["body"], &mut fields);
        headers::without_framing(&mut fields);
        let mut made = Request::new(content.clone().unwrap_or(Body::Missing));
        *made.method_mut() = method;
        *made.uri_mut() = Uri::from(url.target);
        *made.headers_mut() = fields;
        Some(ReadRequest {
            origin: url.origin,
            request: made,
            has_content: content.is_some(),
        })
    }

    fn url(&mut self, url: &Value) -> Option<SplitUrl> {
        let place = format!("{}, url", self.place);
        let Some(text) = self.url_text(url) else {
            self.notes.fault(
                place,
                "there is no URL; expected a text or an object with `raw`",
            );
            return None;
        };
        if let Some(name) = missing_in_path(&text) {
            let message = format!("the variable `{name}` of the path has no value");
            self.notes.fault(place, message);
            return None;
        }
        match without_origin(&text) {
            Ok(url) => Some(url),
            Err(_) => {
                let message = format!(
                    "`{text}` is no URL of HTTP; expected such as `https://api.example.com/pets`"
                );
                self.notes.fault(place, message);
                None
            }
        }
    }

    /// Returns the URL with its variables replaced; those of the path are `:name`.
    fn url_text(&mut self, url: &Value) -> Option<String> {
        let path_variables = self.parameters(&url["variable"]);
        let raw = url.as_str().or_else(|| url["raw"].as_str());
        let is_structured = url["path"].is_array() || url["path"].is_string();
        let (before, path, query) = match raw {
            Some(raw) if !is_structured => {
                let raw = raw.split('#').next().unwrap_or_default();
                let (whole, query) = raw
                    .split_once('?')
                    .map_or((raw, None), |(a, b)| (a, Some(b)));
                let start = whole.find("://").map_or(0, |at| at + 3);
                let slash = whole[start..]
                    .find('/')
                    .map_or(whole.len(), |at| start + at);
                let query = query.map(|query| self.resolve(query));
                (
                    self.resolve(&whole[..slash]),
                    whole[slash..].to_owned(),
                    query,
                )
            }
            _ if url.is_object() => (self.host(url), path_text(&url["path"]), self.query(url)),
            _ => return None,
        };
        let mut segments = Vec::new();
        for segment in path.trim_start_matches('/').split('/') {
            let own = segment.strip_prefix(':').filter(|name| !name.is_empty());
            let value = own.and_then(|name| {
                let found = path_variables.iter().find(|(there, ..)| there == name);
                found
                    .and_then(|(_, value, _)| value.clone())
                    .filter(|value| !value.is_empty())
            });
            segments.push(value.unwrap_or_else(|| self.resolve(segment)));
        }
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("{before}/{}{query}", segments.join("/")))
    }

    /// Returns scheme, host and port of a URL in parts; empty if it has none.
    fn host(&mut self, url: &Value) -> String {
        let host = match &url["host"] {
            Value::String(host) => host.clone(),
            Value::Array(parts) => {
                let parts = parts.iter().filter_map(Value::as_str);
                parts.collect::<Vec<_>>().join(".")
            }
            _ => String::new(),
        };
        let host = self.resolve(&host);
        if host.is_empty() {
            return String::new();
        }
        let port = text_of(&url["port"]).filter(|port| !port.is_empty());
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let is_whole = host.contains("://") || host.starts_with("{{");
        let scheme = url["protocol"].as_str().unwrap_or("http");
        if is_whole {
            format!("{}{port}", host.trim_end_matches('/'))
        } else {
            format!("{scheme}://{host}{port}")
        }
    }

    fn query(&mut self, url: &Value) -> Option<String> {
        let pairs = self.parameters(&url["query"]);
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(name, value, _)| match value {
                Some(value) => format!("{}={}", query_text(&name), query_text(&value)),
                None => query_text(&name),
            })
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }

    /// Reads header fields: a list, or in old collections lines of text.
    fn fields(&mut self, list: &Value, member: &str) -> HeaderMap {
        let lines = list.as_str().map(|text| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            lines
                .map(|(name, value)| json!({ "key": name.trim(), "value": value.trim() }))
                .collect::<Value>()
        });
        let place = format!("{}, {member}", self.place);
        let mut unresolved = Vec::new();
        let variables = self.variables;
        let mut resolve = |text: &str| variables.resolve(text, &mut unresolved);
        let fields = headers::read(
            lines.as_ref().unwrap_or(list),
            &place,
            &mut resolve,
            self.notes,
        );
        unresolved
            .iter()
            .for_each(|name| self.notes.unresolved(name));
        fields
    }

    /// Reads the content of a request; `None` if it is in a file of the user.
    fn content(&mut self, body: &Value, fields: &mut HeaderMap) -> Option<Body> {
        if body.is_null() || body["disabled"].as_bool() == Some(true) {
            return Some(Body::Complete(Bytes::new()));
        }
        let (text, media) = match body["mode"].as_str().unwrap_or_default() {
            "raw" => {
                let text = self.resolve(body["raw"].as_str().unwrap_or_default());
                let language = body["options"]["raw"]["language"].as_str();
                (
                    text,
                    language.and_then(media_of_language).map(str::to_owned),
                )
            }
            "urlencoded" => {
                let parameters = self.form(&body["urlencoded"])?;
                (
                    form::urlencoded(&parameters),
                    Some("application/x-www-form-urlencoded".to_owned()),
                )
            }
            "formdata" => {
                let parameters = self.form(&body["formdata"])?;
                // The boundary of a field that the user typed would not be that of the content.
                fields.remove(CONTENT_TYPE);
                let media = format!("multipart/form-data; boundary={BOUNDARY}");
                (form::multipart(&parameters, BOUNDARY), Some(media))
            }
            "graphql" => (
                self.graphql(&body["graphql"]),
                Some("application/json".to_owned()),
            ),
            "file" => {
                let content = body["file"]["content"].as_str()?;
                (self.resolve(content), None)
            }
            _ => (String::new(), None),
        };
        if !text.is_empty() {
            headers::add_content_type(media.as_deref(), fields);
        }
        Some(limited(text, self.most))
    }

    /// Returns the parameters of a form; `None` if one is a file of the user.
    fn form(&mut self, list: &Value) -> Option<Vec<FormParameter>> {
        let mut form = Vec::new();
        for (name, value, own) in self.parameters(list) {
            if own["type"] == "file" {
                return None;
            }
            form.push(FormParameter {
                name,
                value,
                file_name: None,
                content_type: own["contentType"].as_str().map(str::to_owned),
            });
        }
        Some(form)
    }

    fn graphql(&mut self, body: &Value) -> String {
        let query = self.resolve(body["query"].as_str().unwrap_or_default());
        let variables = match &body["variables"] {
            Value::String(text) => {
                let text = self.resolve(text);
                serde_json::from_str(&text).unwrap_or(Value::Null)
            }
            other => other.clone(),
        };
        let mut made = json!({ "query": query });
        if !variables.is_null() {
            made["variables"] = variables;
        }
        made.to_string()
    }

    /// Reads a saved response; `None` if it has no status, which the notes tell.
    pub(super) fn response(&mut self, response: &Value) -> Option<http::Response<Body>> {
        let code = response["code"].as_u64();
        let status = code.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
        let Some(status) = status else {
            let place = format!("{}, code", self.place);
            let found = match &response["code"] {
                Value::Null => "there is no status".to_owned(),
                other => format!("{other} is no status"),
            };
            self.notes
                .fault(place, format!("{found}; expected a number from 100 to 999"));
            return None;
        };
        let mut fields = self.fields(&response["header"], "header");
        // A saved body is what the API answered: braces in it are no variables.
        let text = response["body"].as_str().unwrap_or_default().to_owned();
        let language = response["_postman_previewlanguage"].as_str();
        if !text.is_empty() {
            headers::add_content_type(language.and_then(media_of_language), &mut fields);
        }
        headers::without_framing(&mut fields);
        let mut made = http::Response::new(limited(text, self.most));
        *made.status_mut() = status;
        *made.headers_mut() = fields;
        Some(made)
    }
}

fn limited(text: String, most: usize) -> Body {
    if text.len() > most {
        Body::TooLarge(most)
    } else {
        Body::Complete(Bytes::from(text))
    }
}

fn media_of_language(language: &str) -> Option<&'static str> {
    match language {
        "json" => Some("application/json"),
        "xml" => Some("application/xml"),
        "html" => Some("text/html"),
        "javascript" => Some("application/javascript"),
        "text" => Some("text/plain"),
        _ => None,
    }
}

fn path_text(path: &Value) -> String {
    match path {
        Value::String(path) => path.clone(),
        Value::Array(segments) => {
            let segments = segments.iter();
            let texts = segments.filter_map(|own| own.as_str().or_else(|| own["value"].as_str()));
            texts.collect::<Vec<_>>().join("/")
        }
        _ => String::new(),
    }
}

/// Encodes the characters of a name or value that end it in a query. `%` stays, as Postman keeps it.
fn query_text(text: &str) -> String {
    let mut made = String::new();
    for letter in text.chars() {
        match letter {
            '&' => made.push_str("%26"),
            '#' => made.push_str("%23"),
            '+' => made.push_str("%2B"),
            other => made.push(other),
        }
    }
    made
}

fn add_query(url: &mut SplitUrl, name: &str, value: &str) {
    let mark = if url.target.query().is_some() {
        '&'
    } else {
        '?'
    };
    let text = format!(
        "{}{mark}{}={}",
        url.target,
        query_text(name),
        query_text(value)
    );
    if let Some(target) = url::target_of(&text) {
        url.target = target;
    }
}

/// Splits a URL; of one that begins with a variable, a path or a bare host, the origin is the text
/// before the path.
fn without_origin(text: &str) -> Result<SplitUrl, UrlFault> {
    match url::split(text) {
        Err(UrlFault::NotAbsolute) => {
            let slash = text.find('/').unwrap_or(text.len());
            let (origin, target) = text.split_at(slash);
            let target = url::target_of(target).ok_or(UrlFault::NotAbsolute)?;
            Ok(SplitUrl {
                origin: origin.to_owned(),
                target,
            })
        }
        // `localhost:3000/pets` has no scheme.
        Err(UrlFault::Scheme(scheme)) => {
            let port = text.get(scheme.len() + 1..).unwrap_or_default();
            if port.starts_with(|c: char| c.is_ascii_digit()) {
                url::split(&format!("http://{text}"))
            } else {
                Err(UrlFault::Scheme(scheme))
            }
        }
        other => other,
    }
}

/// Returns the first variable without a value in a path: `id` of `/pets/:id` or `/pets/{{id}}`.
fn missing_in_path(url: &str) -> Option<&str> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let whole = url.split('?').next().unwrap_or_default();
    let path = whole.get(start..)?;
    let segments = path.split('/').skip(1);
    let mut missing = segments.filter_map(|segment| {
        let braced = || Some(segment.split_once("{{")?.1.split_once("}}")?.0.trim());
        let own = segment.strip_prefix(':').filter(|name| !name.is_empty());
        own.or_else(braced)
    });
    missing.next()
}
