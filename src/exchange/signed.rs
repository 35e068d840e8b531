//! Signatures of webhooks, as their receivers verify them.
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use ring::hmac;

/// Scheme of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureScheme {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`
    Standard,
    /// Stripe: `stripe-signature` with the time and the signature
    Stripe,
    /// GitHub: `x-hub-signature-256`
    Github,
}

impl SignatureScheme {
    /// Names of the schemes.
    pub(crate) const NAMES: [(&'static str, Self); 3] = [
        ("standard", Self::Standard),
        ("stripe", Self::Stripe),
        ("github", Self::Github),
    ];

    /// Returns the scheme with a name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, scheme)| *scheme)
    }
}

/// Secret that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    /// Secret of Standard Webhooks that is not Base64.
    #[error(
        "the secret is no Base64, as Standard Webhooks have it, expected one such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`"
    )]
    NotBase64,
    /// Empty secret.
    #[error("the secret is empty, expected that of the receiver")]
    Empty,
}

/// Signs a request with its content; `seconds` is the time since 1970, and `id` the number of the
/// message.
///
/// # Errors
///
/// [`SecretError`], if the scheme cannot use the secret.
pub(crate) fn sign(
    request: &mut http::Request<Bytes>,
    scheme: SignatureScheme,
    secret: &str,
    (id, seconds): (&str, u64),
) -> Result<(), SecretError> {
    if secret.is_empty() {
        return Err(SecretError::Empty);
    }
    let secret = match scheme {
        SignatureScheme::Standard => {
            let secret = secret.strip_prefix("whsec_").unwrap_or(secret);
            let decoded = BASE64_STANDARD.decode(secret);
            decoded.map_err(|_| SecretError::NotBase64)?
        }
        SignatureScheme::Stripe | SignatureScheme::Github => secret.as_bytes().to_vec(),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let tag = |before: &str| {
        let signed = [before.as_bytes(), request.body()].concat();
        hmac::sign(&key, &signed)
    };
    let fields: Vec<(&'static str, String)> = match scheme {
        SignatureScheme::Standard => {
            let signature = BASE64_STANDARD.encode(tag(&format!("{id}.{seconds}.")));
            vec![
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", seconds.to_string()),
                ("webhook-signature", format!("v1,{signature}")),
            ]
        }
        SignatureScheme::Stripe => {
            let signature = hex(tag(&format!("{seconds}.")).as_ref());
            vec![("stripe-signature", format!("t={seconds},v1={signature}"))]
        }
        SignatureScheme::Github => {
            vec![(
                "x-hub-signature-256",
                format!("sha256={}", hex(tag("").as_ref())),
            )]
        }
    };
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 0xf];
    let digits = bytes.iter().flat_map(digits);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(scheme: SignatureScheme, secret: &str, body: &'static str) -> http::HeaderMap {
        let mut request = http::Request::new(Bytes::from_static(body.as_bytes()));
        let message = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        sign(&mut request, scheme, secret, message).expect("the secret is right");
        request.headers().clone()
    }

    #[test]
    fn signatures_are_those_of_the_examples_of_each_scheme() {
        // The example of the specification of Standard Webhooks.
        let standard = signed(
            SignatureScheme::Standard,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(
            standard["webhook-signature"],
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        // The example of GitHub's documentation of webhooks.
        let github = signed(
            SignatureScheme::Github,
            "It's a Secret to Everybody",
            "Hello, World!",
        );
        assert_eq!(
            github["x-hub-signature-256"],
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_refused() {
        let mut request = http::Request::new(Bytes::new());
        let refused =
            |secret, request: &mut _| sign(request, SignatureScheme::Standard, secret, ("a", 0));
        assert_eq!(refused("", &mut request), Err(SecretError::Empty));
        assert_eq!(
            refused("whsec_%", &mut request),
            Err(SecretError::NotBase64)
        );
    }
}
