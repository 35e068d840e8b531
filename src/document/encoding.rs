//! Decodes bytes to text, and recognizes texts that look like OpenAPI documents.

/// Decodes UTF-8 or UTF-16, detected by a byte order mark or by the zeros of the first two ASCII
/// characters (YAML 1.2.2 §5.2); returns `None` for anything else.
pub(crate) fn decode(bytes: Vec<u8>) -> Option<String> {
    let wide = |start: usize, to_unit: fn([u8; 2]) -> u16| {
        if !(bytes.len() - start).is_multiple_of(2) {
            return None;
        }
        let units: Vec<u16> = bytes[start..]
            .chunks_exact(2)
            .map(|pair| to_unit([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).ok()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(2, u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(2, u16::from_be_bytes),
        [1..=255, 0, 1..=255, 0, ..] => wide(0, u16::from_le_bytes),
        [0, 1..=255, 0, 1..=255, ..] => wide(0, u16::from_be_bytes),
        _ => String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0')),
    }
}

/// Returns true if a text may be an OpenAPI document; the quick search saves parsing every file of
/// a folder.
pub(crate) fn mentions_openapi(text: &str) -> bool {
    text.contains("openapi") || text.contains("swagger")
}

/// Returns true if a text looks like a document, even if it does not parse: one of its first 50
/// lines begins with the key of the version.
pub(crate) fn begins_as_openapi(text: &str) -> bool {
    let is_version = |line: &str| {
        let key = line.trim_start_matches(['{', ' ', '"', '\'', '\u{feff}']);
        ["openapi", "swagger"].iter().any(|word| {
            key.strip_prefix(word)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        })
    };
    text.lines().take(50).any(is_version)
}
