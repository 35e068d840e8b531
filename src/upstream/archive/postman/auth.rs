//! Credentials of a collection: `auth` of a request, a folder or the collection → a header field or
//! query parameter.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::upstream::archive::postman::variables::text_of;

/// Credentials as they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Name and value of a header field.
    Field(String, String),
    /// Name and value of a query parameter.
    Query(String, String),
}

/// Returns the credentials of an `auth`; `None` for `noauth`, and for kinds that sign each request.
pub(super) fn credentials(
    auth: &Value,
    resolve: &mut dyn FnMut(&str) -> String,
) -> Option<Credentials> {
    let kind = auth["type"].as_str()?;
    let mut parameter = |name: &str| parameter(&auth[kind], name).map(|text| resolve(&text));
    let authorization = |value| Credentials::Field("Authorization".to_owned(), value);
    match kind {
        "bearer" => Some(authorization(format!("Bearer {}", parameter("token")?))),
        "basic" => {
            let user = parameter("username").unwrap_or_default();
            let password = parameter("password").unwrap_or_default();
            let pair = STANDARD.encode(format!("{user}:{password}"));
            Some(authorization(format!("Basic {pair}")))
        }
        "apikey" => {
            let (name, value) = (parameter("key")?, parameter("value").unwrap_or_default());
            Some(match parameter("in").as_deref() {
                Some("query") => Credentials::Query(name, value),
                _ => Credentials::Field(name, value),
            })
        }
        "oauth2" => {
            let token = parameter("accessToken")?;
            if parameter("addTokenTo").as_deref() == Some("queryParams") {
                return Some(Credentials::Query("access_token".to_owned(), token));
            }
            let prefix = parameter("headerPrefix").unwrap_or_else(|| "Bearer".to_owned());
            Some(authorization(
                format!("{} {token}", prefix.trim()).trim_start().to_owned(),
            ))
        }
        _ => None,
    }
}

/// Returns the kind of an `auth` that signs each request anew, such as `digest` or `awsv4`, so that it
/// cannot be repeated.
pub(super) fn signing_kind(auth: &Value) -> Option<&str> {
    const SENT: [&str; 5] = ["noauth", "bearer", "basic", "apikey", "oauth2"];
    auth["type"].as_str().filter(|kind| !SENT.contains(kind))
}

/// Returns a parameter of `auth`: of a list in 2.1, and of an object in 2.0.
fn parameter(of_kind: &Value, name: &str) -> Option<String> {
    let value = match of_kind {
        Value::Array(list) => &list.iter().find(|own| own["key"] == name)?["value"],
        other => &other[name],
    };
    text_of(value).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn credentials_are_those_that_the_client_sends() {
        let of = |auth: Value| credentials(&auth, &mut str::to_owned);
        let field =
            |name: &str, value: &str| Some(Credentials::Field(name.to_owned(), value.to_owned()));
        let bearer = json!({"type": "bearer", "bearer": [{"key": "token", "value": "t"}]});
        assert_eq!(of(bearer), field("Authorization", "Bearer t"));
        // 2.0 has an object. RFC 7617 §2: Aladdin:open sesame.
        let basic =
            json!({"type": "basic", "basic": {"username": "Aladdin", "password": "open sesame"}});
        assert_eq!(
            of(basic),
            field("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        let key = json!({"type": "apikey", "apikey": [{"key": "key", "value": "k"}, {"key": "value", "value": "v"}, {"key": "in", "value": "query"}]});
        assert_eq!(
            of(key),
            Some(Credentials::Query("k".to_owned(), "v".to_owned()))
        );
        let oauth = json!({"type": "oauth2", "oauth2": [{"key": "accessToken", "value": "t"}]});
        assert_eq!(of(oauth), field("Authorization", "Bearer t"));
        for none in [
            json!(null),
            json!({"type": "noauth"}),
            json!({"type": "hawk", "hawk": []}),
        ] {
            assert_eq!(of(none), None);
        }
        assert_eq!(signing_kind(&json!({"type": "awsv4"})), Some("awsv4"));
        assert_eq!(signing_kind(&json!({"type": "noauth"})), None);
    }
}
