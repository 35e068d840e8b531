//! The base paths of Server Objects: `https://{host}/v{n}` → `/v1`.
use serde_json::Value;

/// Reason why a Server Object has no base path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BasePathError {
    /// Variable in the path without a `default` and without an `enum`.
    #[error("the variable `{name}` has no default")]
    NoDefault {
        /// Name of the variable.
        name: String,
    },
}

/// Returns the base path of one Server Object, without a trailing slash: `/v1`, or empty.
///
/// Variables take their default, else their first `enum` value. Host and scheme do not matter to a
/// sandbox.
///
/// # Errors
///
/// Returns the reason if a variable in the path has neither.
pub(crate) fn base_path(server: &Value) -> Result<String, BasePathError> {
    let url = server.get("url").and_then(Value::as_str).unwrap_or("/");
    let url = substitute(url, server.get("variables"));
    let after_scheme = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => url.strip_prefix("//").map_or(url.as_str(), |rest| {
            rest.find('/').map_or("", |slash| &rest[slash..])
        }),
    };
    if let Some((_, after)) = after_scheme.split_once(UNKNOWN) {
        let name = after.split(UNKNOWN).next().unwrap_or_default();
        return Err(BasePathError::NoDefault {
            name: name.to_owned(),
        });
    }
    let path = after_scheme
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_matches('/');
    let path = path.strip_prefix("./").unwrap_or(path);
    Ok(if path.is_empty() || path == "." {
        String::new()
    } else {
        format!("/{path}")
    })
}

/// Most servers of an operation that are read; further ones are ignored.
const MOST_SERVERS: usize = 64;

/// Returns the absolute `http` and `https` URLs of the servers of an operation, or else of its path item,
/// with the default values of their variables (OpenAPI 3.1 §4.8.9).
#[must_use]
pub(crate) fn own_servers(operation: &Value, item: &Value) -> Box<[String]> {
    let nearest = [operation, item].into_iter().find_map(|value| {
        let servers = value.get("servers")?.as_array()?;
        (!servers.is_empty()).then_some(servers)
    });
    let urls = nearest.into_iter().flatten().take(MOST_SERVERS);
    urls.filter_map(|server| {
        let url = server.get("url")?.as_str()?;
        let url = substitute(url, server.get("variables"));
        let is_absolute = url.starts_with("https://") || url.starts_with("http://");
        (is_absolute && !url.contains(UNKNOWN)).then_some(url)
    })
    .collect()
}

/// Delimiter around the name of a variable without a default, which does not matter in a host.
const UNKNOWN: char = '\u{0}';

fn substitute(url: &str, variables: Option<&Value>) -> String {
    let mut text = String::new();
    let mut rest = url;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else {
            break;
        };
        let name = &rest[open + 1..open + close];
        let variable = variables.and_then(|all| all.get(name));
        let default = variable.and_then(|v| v.get("default").or_else(|| v.get("enum")?.get(0)));
        let default = default.and_then(Value::as_str);
        text.push_str(&rest[..open]);
        text.push_str(&default.map_or_else(|| format!("{UNKNOWN}{name}{UNKNOWN}"), str::to_owned));
        rest = &rest[open + close + 1..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_path_counts() {
        let base = |url: &str| base_path(&json!({ "url": url })).expect("has a path");
        assert_eq!(base("https://api.example.com/v1/"), "/v1");
        assert_eq!(base("https://api.example.com"), "");
        assert_eq!(base("/"), "");
        assert_eq!(base("v2/x"), "/v2/x");
        assert_eq!(base("//api.example.com/v3"), "/v3");
    }

    #[test]
    fn an_operation_has_the_servers_that_are_nearest() {
        let of = |operation: Value, item: Value| own_servers(&operation, &item).to_vec();
        let server = |url: &str| json!({"servers": [{"url": url}]});
        let (near, far) = (
            server("https://files.example/v1"),
            server("http://far.example"),
        );
        assert_eq!(of(near, far.clone()), ["https://files.example/v1"]);
        assert_eq!(of(json!({"servers": []}), far), ["http://far.example"]);
        assert!(of(json!({}), json!({})).is_empty());
        assert!(of(server("/v1"), server("https://{host}/")).is_empty());
        let with_default = json!({"servers": [{
            "url": "https://{host}/v1", "variables": {"host": {"default": "files.example"}},
        }]});
        assert_eq!(of(with_default, json!({})), ["https://files.example/v1"]);
    }

    #[test]
    fn variables_take_their_default() {
        let server = json!({"url": "https://{h}/{base}/v1", "variables": {"h": {"default": "a.b"}, "base": {"default": "api"}}});
        assert_eq!(base_path(&server).expect("has defaults"), "/api/v1");
        assert_eq!(
            base_path(&json!({"url": "/{x}"})).map_err(|error| error.to_string()),
            Err("the variable `x` has no default".to_owned())
        );
        assert_eq!(
            base_path(&json!({"url": "https://{x}.com/v1"})).as_deref(),
            Ok("/v1")
        );
    }
}
