//! Smallest files that are valid for their media type.
//!
//! Generated content of binary media types and binary parts uses them.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Files with one pixel or no entry, in Base64, by media type.
const FILES: &[(&str, &str)] = &[
    (
        "image/png",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    ),
    (
        "image/gif",
        "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
    ),
    (
        "image/jpeg",
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////2wBDAf//////////////////////////////////////////////////////////////////////////////////////wAARCAABAAEDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFAEBAAAAAAAAAAAAAAAAAAAAAP/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AKAA/9k=",
    ),
    (
        "image/webp",
        "UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAAfQ//73v/+BiOh/AAA=",
    ),
    (
        "image/bmp",
        "Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAA////AA==",
    ),
    (
        "audio/wav",
        "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=",
    ),
    ("application/zip", "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="),
    ("application/gzip", "H4sIAAAAAAACAwMAAAAAAAAAAAA="),
];

const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>"#;

/// Returns the file for a media type (`image/png`), if there is one.
#[must_use]
pub(super) fn of(essence: &str) -> Option<Bytes> {
    let same = match essence {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "image/x-ms-bmp" => "image/bmp",
        "audio/wave" | "audio/x-wav" | "audio/vnd.wave" => "audio/wav",
        "application/x-zip-compressed" | "application/x-zip" => "application/zip",
        "application/x-gzip" => "application/gzip",
        "application/pdf" => return Some(Bytes::from(pdf())),
        "image/svg+xml" => return Some(Bytes::from_static(SVG.as_bytes())),
        other => other,
    };
    let (_, encoded) = FILES.iter().find(|(there, _)| *there == same)?;
    STANDARD.decode(encoded).ok().map(Bytes::from)
}

/// Returns a PDF of one empty page, with the byte offsets that its cross-reference table needs
/// (ISO 32000-1 §7.5).
fn pdf() -> String {
    const OBJECTS: [&str; 3] = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    ];
    let mut text = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (index, object) in OBJECTS.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", text.len()));
        text.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let start = text.len();
    let count = OBJECTS.len() + 1;
    text.push_str(&format!(
        "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\n"
    ));
    text.push_str(&format!("startxref\n{start}\n%%EOF\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_begin_as_their_type_does() {
        let begin = |essence: &str| of(essence).expect("there is one")[..4].to_vec();
        assert_eq!(begin("image/png"), [0x89, b'P', b'N', b'G']);
        assert_eq!(begin("image/jpg"), [0xff, 0xd8, 0xff, 0xe0]);
        assert_eq!(begin("application/pdf"), *b"%PDF");
        assert_eq!(begin("application/zip"), [b'P', b'K', 5, 6]);
        assert_eq!(of("video/mp4"), None);
    }

    #[test]
    fn the_offsets_of_the_page_are_right() {
        let text = pdf();
        let start: usize = text
            .split("startxref\n")
            .nth(1)
            .and_then(|t| t.lines().next()?.parse().ok())
            .expect("is there");
        assert!(text[start..].starts_with("xref\n"));
        let third: usize = text[start..]
            .lines()
            .nth(5)
            .and_then(|line| line[..10].parse().ok())
            .expect("is there");
        assert!(text[third..].starts_with("3 0 obj"));
    }
}
