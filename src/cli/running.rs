//! Credentials for a running sandbox: its control token, and the local certificate authority.
use crate::cli::authority::certificate_file;
use crate::document::fetch::{Credentials, HeaderField};

/// Returns the credentials for the sandbox at a URL. One that serves `https` on this machine has a certificate
/// of the local authority, unless its user has another.
pub(super) fn credentials(url: &str, token: Option<&str>) -> Credentials {
    let field = |token: &str| HeaderField {
        name: "Authorization".to_owned(),
        value: format!("Bearer {token}"),
    };
    let parsed = url.parse::<http::Uri>().ok();
    let host = parsed
        .as_ref()
        .and_then(http::Uri::host)
        .unwrap_or_default();
    let is_local =
        matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost");
    let authority = certificate_file().ok().filter(|file| file.is_file());
    Credentials {
        headers: token.map(field).into_iter().collect(),
        authority: authority.filter(|_| is_local && url.starts_with("https://")),
    }
}
