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
