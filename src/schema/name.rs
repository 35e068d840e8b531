//! Splits names into words, and writes them in the forms that sentences and codes use.

/// Returns the words of a name in lower case: `photoUrls`, `photo_urls` and `PhotoURLs` become
/// `photo` and `urls`.
#[must_use]
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut letters = name.chars().take(LONGEST_NAME);
    let mut before = None::<char>;
    while let Some(letter) = letters.next() {
        let goes_on_lower = || {
            letters
                .clone()
                .take(2)
                .filter(|next| next.is_lowercase())
                .count()
                == 2
        };
        let starts = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && goes_on_lower()
            });
        before = Some(letter);
        if (starts || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_ascii_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        } else if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Maximum number of characters of a name that are read; the rest is ignored.
const LONGEST_NAME: usize = 64;

/// Returns the letters and digits of a name in lower case, so that all its forms are equal.
#[must_use]
pub fn folded(name: &str) -> String {
    if name.is_ascii() {
        let letters = name
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase());
        let mut text = String::with_capacity(name.len());
        text.extend(letters.map(char::from));
        return text;
    }
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Capitalises a word: `manager` → `Manager`.
#[must_use]
pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().to_string() + letters.as_str()
    })
}

/// A form of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameForm {
    /// As documented: `contactManager`.
    #[default]
    AsIs,
    /// `contact manager`
    Words,
    /// `Contact manager`
    Sentence,
    /// `Contact Manager`
    Title,
    /// `ContactManager`
    Pascal,
    /// `contactManager`
    Camel,
    /// `contact_manager`
    Snake,
    /// `contact-manager`
    Kebab,
    /// `CONTACT_MANAGER`
    Upper,
    /// `contactmanager`
    Lower,
}

impl NameForm {
    /// Names of the forms, as written after the `|` of a slot.
    const NAMES: [(&'static str, Self); 9] = [
        ("words", Self::Words),
        ("Words", Self::Sentence),
        ("Title", Self::Title),
        ("Pascal", Self::Pascal),
        ("camel", Self::Camel),
        ("snake", Self::Snake),
        ("kebab", Self::Kebab),
        ("UPPER", Self::Upper),
        ("lower", Self::Lower),
    ];

    /// Returns the form that a slot such as `{name|Title}` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, form)| *form)
    }

    /// Returns the names of all forms that a slot can have.
    pub fn all() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }

    /// Writes a name in this form. In a path each segment is rewritten and the separators stay.
    #[must_use]
    pub fn write(self, name: &str) -> String {
        let capitals = |words: Vec<String>| -> Vec<String> {
            words.iter().map(|word| capitalised(word)).collect()
        };
        match self {
            Self::AsIs => name.to_owned(),
            Self::Words => segments(name, |words| words.join(" ")),
            Self::Sentence => capitalised(&segments(name, |words| words.join(" "))),
            Self::Title => segments(name, |words| capitals(words).join(" ")),
            Self::Pascal => segments(name, |words| capitals(words).concat()),
            Self::Camel => segments(name, |mut words| {
                let rest = words.split_off(words.len().min(1));
                words.concat() + &capitals(rest).concat()
            }),
            Self::Snake => segments(name, |words| words.join("_")),
            Self::Kebab => segments(name, |words| words.join("-")),
            Self::Upper => segments(name, |words| words.join("_").to_uppercase()),
            Self::Lower => segments(name, |words| words.concat()),
        }
    }

    /// Returns the form in which a text writes a name; none if it does not.
    #[must_use]
    pub fn of(text: &str, name: &str) -> Option<Self> {
        const ORDER: [NameForm; 10] = [
            NameForm::AsIs,
            NameForm::Snake,
            NameForm::Camel,
            NameForm::Pascal,
            NameForm::Kebab,
            NameForm::Words,
            NameForm::Sentence,
            NameForm::Title,
            NameForm::Upper,
            NameForm::Lower,
        ];
        ORDER.into_iter().find(|form| form.write(name) == text)
    }
}

/// Rewrites each segment of a path: `addresses[0].zipCode` → `Addresses[0].ZipCode`.
fn segments(path: &str, write: impl Fn(Vec<String>) -> String) -> String {
    let mut text = String::new();
    for part in path.split_inclusive(['.', '[', ']', '/']) {
        let (segment, end) = match part.char_indices().next_back() {
            Some((at, last @ ('.' | '[' | ']' | '/'))) => (&part[..at], Some(last)),
            _ => (part, None),
        };
        text.push_str(&write(words(segment)));
        text.extend(end);
    }
    text
}

/// Words of paging and the like, whose tokens only mark a position.
const POSITIONS: [&str; 6] = [
    "csrf",
    "xsrf",
    "page",
    "next",
    "continuation",
    "idempotency",
];

/// Returns true if the name of a header indicates that it carries credentials: `X-Auth-Token`,
/// `X-User-Id`, `Api-Key`.
#[must_use]
pub(crate) fn carries_credentials(name: &str) -> bool {
    const WORDS: [&str; 18] = [
        "auth",
        "authentication",
        "authorization",
        "token",
        "accesstoken",
        "authtoken",
        "apikey",
        "accesskey",
        "secretkey",
        "userid",
        "session",
        "sessionid",
        "secret",
        "signature",
        "credential",
        "credentials",
        "password",
        "jwt",
    ];
    const PAIRS: [[&str; 2]; 6] = [
        ["api", "key"],
        ["access", "key"],
        ["secret", "key"],
        ["app", "key"],
        ["user", "id"],
        ["client", "id"],
    ];
    let words = words(name);
    let has = |word: &str| words.iter().any(|there| there == word);
    let has_pair = |pair: &[&str; 2]| {
        words
            .windows(2)
            .any(|two| two[0] == pair[0] && two[1] == pair[1])
    };
    !POSITIONS.iter().any(|word| has(word))
        && (WORDS.iter().any(|word| has(word)) || PAIRS.iter().any(has_pair))
}

/// Returns true if a value of this name is a secret, wherever it is sent: `api_key`,
/// `accessToken`, `password`. The ids of users, clients and sessions are not secrets, and neither
/// are facts about a secret: `token_type`, `passwordChangedAt`.
#[must_use]
pub(crate) fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 19] = [
        "auth",
        "authentication",
        "authorization",
        "apikey",
        "accesskey",
        "secretkey",
        "privatekey",
        "signature",
        "sig",
        "credential",
        "credentials",
        "passwd",
        "pwd",
        "passphrase",
        "jwt",
        "pin",
        "cvv",
        "cvc",
        "otp",
    ];
    /// Endings that also count inside a longer word: `refreshtoken`.
    const ENDS: [&str; 3] = ["token", "secret", "password"];
    const PAIRS: [[&str; 2]; 5] = [
        ["api", "key"],
        ["access", "key"],
        ["secret", "key"],
        ["private", "key"],
        ["app", "key"],
    ];
    /// Last words of names that describe a secret: `token_type`.
    const ABOUT: [&str; 18] = [
        "type", "types", "count", "limit", "usage", "id", "ids", "name", "url", "uri", "endpoint",
        "method", "methods", "at", "in", "expiry", "status", "length",
    ];
    let words = words(name);
    let has = |word: &str| words.iter().any(|there| there == word);
    let is_about = words.len() > 1
        && words
            .last()
            .is_some_and(|last| ABOUT.contains(&last.as_str()));
    let is_named = || {
        WORDS.into_iter().any(has)
            || words
                .iter()
                .any(|word| ENDS.iter().any(|end| word.ends_with(end)))
    };
    let is_pair = || {
        words
            .windows(2)
            .any(|two| PAIRS.iter().any(|pair| two == pair))
    };
    !is_about && !POSITIONS.into_iter().any(has) && (is_named() || is_pair())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_carry_credentials_are_told_by_their_words() {
        for name in [
            "X-Auth-Token",
            "X-User-Id",
            "Api-Key",
            "api_key",
            "X-Session-ID",
            "Access-Key",
            "x-visitor-token",
            "X-authToken",
        ] {
            assert!(carries_credentials(name), "{name}");
        }
        for name in [
            "X-Request-Id",
            "Idempotency-Key",
            "If-Match",
            "X-Author-Name",
            "X-Page-Token",
            "X-Csrf-Token",
        ] {
            assert!(!carries_credentials(name), "{name}");
        }
    }

    #[test]
    fn names_of_secrets_are_told_from_those_of_ids() {
        for name in [
            "token",
            "apiKey",
            "api_key",
            "API-KEY",
            "access_token",
            "refreshtoken",
            "clientSecret",
            "password",
            "newPassword",
            "private_key",
            "pin",
            "pwd",
            "sig",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "userId",
            "clientId",
            "session",
            "sessionId",
            "token_type",
            "passwordChangedAt",
            "nextPageToken",
            "max_tokens",
            "author",
            "pinned",
            "accessKeyId",
            "key",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_are_cut_into_words() {
        assert_eq!(words("photoUrls"), ["photo", "urls"]);
        assert_eq!(words("created_at"), ["created", "at"]);
        assert_eq!(words("APIKey"), ["api", "key"]);
        assert_eq!(words("X-Request-ID"), ["x", "request", "id"]);
        assert_eq!(words("photoURLs"), ["photo", "urls"]);
    }

    #[test]
    fn a_name_has_forms() {
        let forms: Vec<String> = NameForm::all()
            .map(|form| {
                NameForm::parse(form)
                    .unwrap_or_default()
                    .write("contactManager")
            })
            .collect();
        let expected = [
            "contact manager",
            "Contact manager",
            "Contact Manager",
            "ContactManager",
            "contactManager",
            "contact_manager",
            "contact-manager",
            "CONTACT_MANAGER",
            "contactmanager",
        ];
        assert_eq!(forms, expected);
        assert_eq!(
            NameForm::Pascal.write("items[0].zip_code"),
            "Items[0].ZipCode"
        );
    }

    #[test]
    fn the_form_of_a_name_is_found() {
        assert_eq!(
            NameForm::of("contact manager", "contactManager"),
            Some(NameForm::Words)
        );
        assert_eq!(
            NameForm::of("contactManager", "contactManager"),
            Some(NameForm::AsIs)
        );
        assert_eq!(
            NameForm::of("ContactManager", "contact_manager"),
            Some(NameForm::Pascal)
        );
        assert_eq!(NameForm::of("manager", "contactManager"), None);
    }
}
