//! Security requirements and schemes of operations.
use serde_json::Value;

use crate::contract::compile::Compiler;
use crate::contract::terms::{Location, SecurityRequirement, SecurityScheme};
use crate::diagnostic::{Code, Place};
use crate::document::reference::resolve;
use crate::document::tree::join;

pub(crate) fn security_scheme(value: &Value) -> Option<SecurityScheme> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    match text("type")? {
        "apiKey" => {
            let location = match text("in")? {
                "query" => Location::Query,
                "header" => Location::Header,
                "cookie" => Location::Cookie,
                _ => return None,
            };
            Some(SecurityScheme::ApiKey {
                location,
                name: text("name")?.to_owned(),
            })
        }
        "http" => Some(SecurityScheme::Http {
            scheme: text("scheme")?.to_ascii_lowercase(),
        }),
        "oauth2" | "openIdConnect" => Some(SecurityScheme::Token),
        "mutualTLS" => Some(SecurityScheme::OutOfBand),
        _ => None,
    }
}

impl Compiler {
    /// Returns the requirements of the operation, else of the document (OpenAPI 3.0.4 §4.7.10.1).
    pub(super) fn security(
        &mut self,
        tree: &Value,
        operation: &Value,
        at: &str,
    ) -> Vec<SecurityRequirement> {
        let (requirements, at) = match operation.get("security") {
            Some(own) => (own, join(at, "security")),
            None => (&tree["security"], "/security".to_owned()),
        };
        let requirements = requirements.as_array().into_iter().flatten().enumerate();
        requirements
            .map(|(index, requirement)| {
                let at = join(&at, &index.to_string());
                let names = requirement
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name);
                SecurityRequirement {
                    schemes: names
                        .map(|name| self.security_scheme(tree, name, &at))
                        .collect(),
                }
            })
            .collect()
    }

    pub(super) fn security_scheme(&mut self, tree: &Value, name: &str, at: &str) -> SecurityScheme {
        let pointer = join("/components/securitySchemes", name);
        let defined = tree
            .pointer(&pointer)
            .and_then(|value| resolve(tree, value, &pointer).ok());
        let scheme = defined.and_then(|end| security_scheme(end.value));
        scheme.unwrap_or_else(|| {
            let message = format!("the security scheme `{name}` is not defined");
            let place = Place::key(self.schemas.source(), join(at, name));
            if self.undefined_schemes.insert(name.to_owned()) {
                self.warn(
                    Code::UndefinedSecurityScheme,
                    place,
                    message,
                    "any `Authorization` header is accepted for it",
                );
            }
            SecurityScheme::Http {
                scheme: String::new(),
            }
        })
    }
}
