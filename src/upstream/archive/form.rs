//! Forms that are recorded as lists of parameters: their content as it was sent.
use std::fmt::Write as _;

/// Parameter of a form.
#[derive(Debug, Clone, Default)]
pub(super) struct FormParameter {
    pub name: String,
    /// Value; `None` for the content of a file that was not recorded.
    pub value: Option<String>,
    pub file_name: Option<String>,
    pub content_type: Option<String>,
}

/// Delimiter of parts for a recorded form whose media type has none.
pub(super) const BOUNDARY: &str = "standin-recorded-form";

/// Returns a form as `application/x-www-form-urlencoded`.
pub(super) fn urlencoded(parameters: &[FormParameter]) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for parameter in parameters {
        pairs.append_pair(
            &parameter.name,
            parameter.value.as_deref().unwrap_or_default(),
        );
    }
    pairs.finish()
}

/// Returns a form as `multipart/form-data` (RFC 7578).
pub(super) fn multipart(parameters: &[FormParameter], boundary: &str) -> String {
    let mut content = String::new();
    for parameter in parameters {
        let _fits = write!(
            content,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            quoted(&parameter.name)
        );
        if let Some(name) = &parameter.file_name {
            let _fits = write!(content, "; filename=\"{}\"", quoted(name));
        }
        content.push_str("\r\n");
        if let Some(media) = &parameter.content_type {
            let media: String = media.chars().filter(|c| !c.is_control()).collect();
            let _fits = write!(content, "Content-Type: {media}\r\n");
        }
        let value = parameter.value.as_deref().unwrap_or_default();
        let _fits = write!(content, "\r\n{value}\r\n");
    }
    let _fits = write!(content, "--{boundary}--\r\n");
    content
}

/// Returns a name as browsers quote it (WHATWG HTML, multipart/form-data encoding).
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_written_as_clients_send_them() {
        let form = [
            FormParameter {
                name: "a b".to_owned(),
                value: Some("1&2".to_owned()),
                ..FormParameter::default()
            },
            FormParameter {
                name: "f\"".to_owned(),
                value: Some("x".to_owned()),
                file_name: Some("x.txt".to_owned()),
                content_type: Some("text/plain\r\nX: y".to_owned()),
            },
        ];
        assert_eq!(urlencoded(&form), "a+b=1%262&f%22=x");
        assert_eq!(
            multipart(&form, "B"),
            "--B\r\nContent-Disposition: form-data; name=\"a b\"\r\n\r\n1&2\r\n\
             --B\r\nContent-Disposition: form-data; name=\"f%22\"; filename=\"x.txt\"\r\n\
             Content-Type: text/plainX: y\r\n\r\nx\r\n--B--\r\n"
        );
    }
}
