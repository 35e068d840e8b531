//! Generates words and numbers that suit a property's name: a city for `city`, a price for
//! `amount`.
//!
//! The caller checks that they fit the schema; if not, it generates others without the name.
use std::collections::HashMap;
use std::sync::LazyLock;

use fake::Dummy;
use fake::Fake as _;
use fake::faker::address::en::{
    CityName, CountryCode, CountryName, StateName, StreetName, TimeZone, ZipCode,
};
use fake::faker::company::en::{CatchPhrase, CompanyName, Industry, Profession};
use fake::faker::currency::en::CurrencyCode;
use fake::faker::filesystem::en::MimeType;
use fake::faker::internet::en::Username;
use fake::faker::lorem::en::Sentence;
use fake::faker::name::en::{FirstName, LastName, Name};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Number, Value, json};

use crate::generate::primitive::{self, Called};
use crate::schema::name::{capitalised, words};

type Make = fn(&mut ChaCha8Rng) -> String;

/// Ends of property names and their generators; the longest matching end is used.
const TEXTS: &[(&str, Make)] = &[
    ("first name|given name|forename|middle name|fname", |r| {
        from(&FirstName(), r)
    }),
    ("last name|family name|surname|lname", |r| {
        from(&LastName(), r)
    }),
    ("user name|screen name|nick name|login|handle|nick", |r| {
        from(&Username(), r)
    }),
    (
        "full name|display name|real name|contact name|customer name|employee name|person name",
        |r| from(&Name(), r),
    ),
    (
        "author|assignee|manager|creator|recipient|cardholder|card holder|holder name",
        |r| from(&Name(), r),
    ),
    (
        "company name|organization name|organisation name|business name|brand name",
        |r| from(&CompanyName(), r),
    ),
    (
        "company|organization|organisation|employer|manufacturer|vendor|supplier|merchant",
        |r| from(&CompanyName(), r),
    ),
    ("file name", |r| {
        format!("{}-{}.pdf", primitive::word(r), r.random_range(1..100))
    }),
    ("host name|host|domain|domain name", |r| {
        format!("{}.example.com", primitive::word(r))
    }),
    ("email|emails|email address|e mail", email),
    (
        "phone|phones|phone number|contact number|mobile|mobile number|fax|tel|telephone|cell",
        phone,
    ),
    (
        "avatar|image|picture|photo|logo|icon|thumbnail|banner|cover",
        picture,
    ),
    (
        "avatar url|image url|picture url|photo url|photo urls|logo url|icon url|thumbnail url|banner url|cover url",
        picture,
    ),
    (
        "url|urls|uri|uris|link|links|href|website|homepage|home page|web site|callback|webhook|redirect",
        |r| format!("https://example.com/{}", primitive::word(r)),
    ),
    ("city|town", |r| from(&CityName(), r)),
    ("state code|province code|region code", |r| {
        ["CA", "NY", "TX", "WA", "OR"]
            .choose(r)
            .map_or("", |c| c)
            .to_owned()
    }),
    ("province|county", |r| from(&StateName(), r)),
    ("country code|nationality", |r| from(&CountryCode(), r)),
    ("country|country name", |r| from(&CountryName(), r)),
    (
        "street|street address|address|address line|address1|line1|address line 1|street name",
        |r| format!("{} {}", r.random_range(1..200), from::<_>(&StreetName(), r)),
    ),
    ("address2|line2|address line 2", |r| {
        format!("Apt. {}", r.random_range(1..90))
    }),
    ("zip|zip code|postal code|post code|postal", |r| {
        from(&ZipCode(), r)
    }),
    ("job title|job|profession|occupation|position title", |r| {
        from(&Profession(), r)
    }),
    ("industry|sector", |r| from(&Industry(), r)),
    ("currency|currency code", |r| from(&CurrencyCode(), r)),
    ("locale", |r| {
        pick(&["en-US", "de-DE", "fr-FR", "pt-BR", "ja-JP"], r)
    }),
    ("lang|language|language code", |r| {
        pick(&["en", "de", "fr", "pt", "ja"], r)
    }),
    ("time zone|timezone|tz", |r| from(&TimeZone(), r)),
    ("gender|sex", |r| pick(&["female", "male"], r)),
    (
        "price|amount|total|cost|fee|balance|subtotal|tax|salary",
        |r| format!("{}.{:02}", r.random_range(1..500), r.random_range(0..100)),
    ),
    ("color|colour|background color|text color", |r| {
        format!("#{:06x}", r.random_range(0..0x0100_0000))
    }),
    ("ip|ip address|ipv4|remote addr", |r| {
        format!("192.0.2.{}", r.random_range(1..=254))
    }),
    ("mac|mac address", |r| {
        format!("00:00:5e:00:53:{:02x}", r.random_range(0..=255))
    }),
    ("mime type|content type|media type", |r| {
        from(&MimeType(), r)
    }),
    ("user agent", |_| {
        "Mozilla/5.0 (X11; Linux x86_64) ExampleBrowser/1.0".to_owned()
    }),
    ("version|app version|api version", |r| {
        format!(
            "{}.{}.{}",
            r.random_range(1..5),
            r.random_range(0..10),
            r.random_range(0..20)
        )
    }),
    ("uuid|guid", primitive::uuid),
    ("iban", |r| {
        format!("DE{:020}", r.random_range(1..u64::MAX / 100))
    }),
    ("slug|permalink", |r| {
        format!("{}-{}", primitive::word(r), primitive::word(r))
    }),
    (
        "sku|code|reference|ref|serial|number|invoice number|order number|tracking number",
        |r| {
            format!(
                "{}-{:05}",
                primitive::word(r).to_uppercase().get(..2).unwrap_or("NO"),
                r.random_range(1..100_000)
            )
        },
    ),
    (
        "hash|sha|sha1|sha256|checksum|digest|md5|signature|fingerprint|etag",
        |r| hex(40, r),
    ),
    (
        "token|secret|api key|access key|secret key|client secret|nonce",
        |r| hex(32, r),
    ),
    ("id|ids|_id|identifier|key", |r| hex(24, r)),
    ("birthday|birth date|date of birth|dob", |r| {
        primitive::birthday(r)
    }),
    ("created|created on|started|start time|inserted", |r| {
        primitive::rfc3339(when("created", r))
    }),
    (
        "updated|updated on|modified|last modified|last updated|end time",
        |r| primitive::rfc3339(when("updated", r)),
    ),
    (
        "created at|inserted at|started at|created date|created time",
        |r| primitive::rfc3339(when("created", r)),
    ),
    (
        "updated at|modified at|ended at|updated date|updated time",
        |r| primitive::rfc3339(when("updated", r)),
    ),
    ("at|timestamp|time|ts|date time|datetime", |r| {
        primitive::rfc3339(primitive::moment(r))
    }),
    ("date|day", |r| primitive::moment(r).date().to_string()),
    ("status|state", |r| {
        pick(&["active", "pending", "completed"], r)
    }),
    ("path|directory|dir|folder", |r| {
        format!("/{}/{}", primitive::word(r), primitive::word(r))
    }),
    ("extension|file extension", |r| {
        pick(&["pdf", "png", "txt"], r)
    }),
    ("title|subject|headline|label|caption|topic", |r| title(r)),
    ("slogan|tagline|catch phrase", |r| from(&CatchPhrase(), r)),
    (
        "description|summary|comment|comments|message|text|note|notes|bio|about|body|content|reason|details|detail|excerpt",
        |r| from(&Sentence(4..9), r),
    ),
];

/// Owners whose `name` is that of a person; the lists below are for companies, places, files and
/// pets.
const PEOPLE: &[&str] = &[
    "user",
    "person",
    "people",
    "contact",
    "customer",
    "employee",
    "member",
    "author",
    "patient",
    "visitor",
    "agent",
    "owner",
    "player",
    "student",
    "teacher",
    "guest",
    "candidate",
    "passenger",
    "driver",
    "doctor",
    "lead",
    "artist",
];
const COMPANIES: &[&str] = &[
    "company",
    "organization",
    "organisation",
    "vendor",
    "supplier",
    "merchant",
    "brand",
];
const PLACES: &[&str] = &["address", "location", "place", "venue"];
const FILES: &[&str] = &["file", "attachment", "document", "upload"];
const PETS: &[&str] = &["pet", "dog", "cat", "animal"];

/// Phrases in descriptions and their generators, for names without a known meaning.
const DESCRIBED: &[(&str, Make)] = &[
    ("email address", email),
    ("phone number", phone),
    ("iso 4217", |r| from(&CurrencyCode(), r)),
    ("iso 3166", |r| from(&CountryCode(), r)),
    ("uuid", primitive::uuid),
    ("iso 8601", |r| primitive::rfc3339(primitive::moment(r))),
    ("rfc 3339", |r| primitive::rfc3339(primitive::moment(r))),
    ("url ", |r| {
        format!("https://example.com/{}", primitive::word(r))
    }),
];

/// Table whose rows are found by the ends of names.
struct NameEnds<T>(HashMap<String, T>);

impl<T: Copy> NameEnds<T> {
    pub(crate) fn new<'t>(rows: impl Iterator<Item = (&'t str, T)>) -> Self {
        let mut ends = HashMap::new();
        for (names, row) in rows {
            for name in names.split('|') {
                // The first of equal names wins; words of a name may also be written together.
                ends.entry(name.to_owned()).or_insert(row);
                ends.entry(name.replace(' ', "")).or_insert(row);
            }
        }
        Self(ends)
    }

    /// Returns the row with the longest end that the words have.
    fn find(&self, words: &[String]) -> Option<T> {
        let by_end = (0..words.len()).find_map(|start| self.0.get(&words[start..].join(" ")));
        by_end.or_else(|| self.0.get(&words.concat())).copied()
    }
}

static TEXT_ENDS: LazyLock<NameEnds<Make>> = LazyLock::new(|| NameEnds::new(TEXTS.iter().copied()));

static NUMBER_ENDS: LazyLock<NameEnds<(i64, i64, u32)>> = LazyLock::new(|| {
    NameEnds::new(
        NUMBERS
            .iter()
            .map(|(ends, low, high, decimals)| (*ends, (*low, *high, *decimals))),
    )
});

/// Returns the only word in back-ticks of a description: `container.file` for "The type of this
/// object (`container.file`)".
fn only_quoted(description: &str) -> Option<&str> {
    let mut parts = description.split('`');
    let (_, quoted, _) = (parts.next()?, parts.next()?, parts.next()?);
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
    (parts.next().is_none() && !quoted.is_empty() && quoted.chars().all(is_word)).then_some(quoted)
}

/// Generates a text for a name; `None` if neither the name nor the description has a known
/// meaning.
pub(super) fn text(
    called: Called<'_>,
    node: &Map<String, Value>,
    random: &mut ChaCha8Rng,
) -> Option<String> {
    let words = words(called.name);
    if words
        .last()
        .is_some_and(|last| last == "name" || last == "names")
        && words.len() == 1
    {
        return Some(name_of(called.owner, random));
    }
    if called.name == "state"
        && crate::schema::name::words(called.owner)
            .iter()
            .any(|word| PLACES.contains(&word.as_str()))
    {
        return Some(from(&StateName(), random));
    }
    let description = node.get("description").and_then(Value::as_str);
    if ["object", "type", "kind"].contains(&called.name)
        && let Some(constant) = description.and_then(only_quoted)
    {
        return Some(constant.to_owned());
    }
    if let Some(make) = TEXT_ENDS.find(&words) {
        return Some(make(random));
    }
    if words.last().is_some_and(|last| last == "name") {
        return Some(name_of(&words[..words.len() - 1].join(" "), random));
    }
    let description = description?.to_ascii_lowercase();
    DESCRIBED
        .iter()
        .find(|(said, _)| description.contains(said))
        .map(|(_, make)| make(random))
}

/// Makes the names and the email address of one person agree: `firstName` and `lastName` with
/// `email`, and with `fullName`. Properties that are not free, as their schema bounds them, stay
/// unchanged.
pub(super) fn agree(object: &mut Map<String, Value>, is_free: impl Fn(&str) -> bool) {
    let find = |object: &Map<String, Value>, wanted: &[&str]| {
        let named = object
            .iter()
            .find(|(name, value)| value.is_string() && wanted.contains(&&*words(name).join(" ")));
        named.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
    };
    let first = find(object, &["first name", "firstname", "given name"]);
    let last = find(object, &["last name", "lastname", "family name", "surname"]);
    let (Some((_, first)), Some((_, last))) = (first, last) else {
        return;
    };
    if let Some((name, _)) =
        find(object, &["name", "full name", "fullname", "display name"]).filter(|(n, _)| is_free(n))
    {
        object.insert(name, json!(format!("{first} {last}")));
    }
    if let Some((name, address)) =
        find(object, &["email", "email address"]).filter(|(name, _)| is_free(name))
        && address.ends_with("@example.com")
    {
        object.insert(name, json!(address_of(&first, &last)));
    }
}

fn address_of(first: &str, last: &str) -> String {
    let plain = |name: &str| {
        name.chars()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    format!("{}.{}@example.com", plain(first), plain(last))
}

/// Returns `true` if a name is that of a picture: `avatarUrl`.
pub(super) fn is_picture(name: &str) -> bool {
    const PICTURES: [&str; 8] = [
        "avatar",
        "image",
        "picture",
        "photo",
        "logo",
        "icon",
        "thumbnail",
        "banner",
    ];
    words(name).iter().any(|word| {
        PICTURES.contains(&word.trim_end_matches('s')) || PICTURES.contains(&word.as_str())
    })
}

/// Draws a time that suits a name: times of creation are before times of change.
pub(super) fn when(name: &str, random: &mut ChaCha8Rng) -> time::OffsetDateTime {
    let words = words(name);
    let says = |stems: &[&str]| {
        words
            .iter()
            .any(|word| stems.iter().any(|stem| word.starts_with(stem)))
    };
    if says(&[
        "creat", "start", "begin", "insert", "birth", "from", "since",
    ]) {
        primitive::at(random.random_range(0.0..0.4))
    } else if says(&[
        "updat", "modif", "end", "finish", "expir", "due", "until", "last", "clos", "delet",
    ]) {
        primitive::at(random.random_range(0.6..1.0))
    } else {
        primitive::moment(random)
    }
}

/// Ends of names of numbers: minimum, maximum, and number of decimals for non-integers.
const NUMBERS: &[(&str, i64, i64, u32)] = &[
    ("latitude|lat", -90, 90, 4),
    ("longitude|lng|lon|long", -180, 180, 4),
    ("age", 18, 80, 0),
    ("year", 2018, 2025, 0),
    ("month", 1, 12, 0),
    ("day", 1, 28, 0),
    ("hour|hours", 0, 23, 0),
    ("minute|minutes|second|seconds", 0, 59, 0),
    ("percent|percentage|progress", 0, 100, 1),
    ("rate|ratio|probability|confidence", 0, 1, 2),
    ("rating|stars|priority", 1, 5, 1),
    ("score", 0, 100, 1),
    ("page|page number", 1, 1, 0),
    ("per page|page size|limit", 20, 20, 0),
    ("offset|skip", 0, 0, 0),
    ("total pages|page count|pages", 1, 5, 0),
    ("port", 1024, 49151, 0),
    ("status code|http status", 200, 200, 0),
    (
        "price|amount|total|cost|fee|balance|subtotal|tax|salary|revenue|discount|value",
        1,
        500,
        2,
    ),
    (
        "quantity|qty|count|total count|stock|votes|likes|views|size|position|index|rank|order|number",
        1,
        50,
        0,
    ),
    ("width|height", 16, 1920, 0),
    ("weight|length|distance", 1, 100, 1),
    ("duration|timeout|ttl", 1, 3600, 0),
    ("bytes|file size|content length", 1024, 5_000_000, 0),
];

/// Generates a number for a name; `None` if the name has no known meaning.
#[expect(
    clippy::cast_precision_loss,
    reason = "the bounds of the table are small"
)]
pub(super) fn number(
    called: Called<'_>,
    is_integer: bool,
    random: &mut ChaCha8Rng,
) -> Option<Value> {
    let (low, high, decimals) = NUMBER_ENDS.find(&words(called.name))?;
    if is_integer {
        // Prices that are integers are in the smallest unit of their currency.
        let (low, high) = if decimals == 2 && high > 1 {
            (low * 100, high * 100)
        } else {
            (low, high)
        };
        return Some(json!(random.random_range(low..=high)));
    }
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    let drawn = random.random_range(low as f64..=high as f64);
    Number::from_f64((drawn * scale).round() / scale).map(Value::Number)
}

/// Returns `true` if integers of this name number the entities of a kind: `id`.
pub(super) fn is_identifier(name: &str) -> bool {
    matches!(name, "id" | "_id" | "ID" | "Id")
}

/// Returns `true` if integers of this name identify another entity: `ownerId`.
pub(super) fn is_reference(name: &str) -> bool {
    words(name)
        .last()
        .is_some_and(|last| last == "id" || last == "ids")
}

/// Returns `true` if an integer with this name, format or description is a time in seconds since
/// 1970.
pub(super) fn is_unix_time(name: &str, format: Option<&str>, description: Option<&str>) -> bool {
    if matches!(
        format,
        Some("unix-time" | "unixtime" | "timestamp" | "epoch" | "epoch-seconds")
    ) {
        return true;
    }
    let words = words(name);
    let by_name = words.len() > 1 && words.last().is_some_and(|last| last == "at")
        || words
            .last()
            .is_some_and(|last| last == "timestamp" || last == "created" || last == "updated");
    by_name || description.is_some_and(|text| text.contains("Unix") || text.contains("epoch"))
}

fn from<D>(maker: &D, random: &mut ChaCha8Rng) -> String
where
    String: Dummy<D>,
{
    maker.fake_with_rng(random)
}

fn pick(words: &[&str], random: &mut ChaCha8Rng) -> String {
    words.choose(random).copied().unwrap_or_default().to_owned()
}

fn email(random: &mut ChaCha8Rng) -> String {
    let (first, last) = (from(&FirstName(), random), from(&LastName(), random));
    address_of(&first, &last)
}

/// Generates a phone number that is reserved for fiction (555-0100 to 555-0199).
fn phone(random: &mut ChaCha8Rng) -> String {
    format!("+1202555{:04}", random.random_range(100..200))
}

/// Generates the URL of a picture.
pub(super) fn picture(random: &mut ChaCha8Rng) -> String {
    format!("https://example.com/images/{}.png", primitive::word(random))
}

fn hex(length: usize, random: &mut ChaCha8Rng) -> String {
    (0..length)
        .map(|_| char::from_digit(random.random_range(0..16), 16).unwrap_or('0'))
        .collect()
}

fn title(random: &mut ChaCha8Rng) -> String {
    format!(
        "{} {}",
        capitalised(primitive::word(random)),
        primitive::word(random)
    )
}

fn name_of(owner: &str, random: &mut ChaCha8Rng) -> String {
    let words = words(owner);
    let is = |kinds: &[&str]| {
        words
            .iter()
            .any(|word| kinds.contains(&word.as_str()) || kinds.contains(&singular(word)))
    };
    if is(PEOPLE) {
        from(&Name(), random)
    } else if is(COMPANIES) {
        from(&CompanyName(), random)
    } else if is(FILES) {
        format!(
            "{}-{}.pdf",
            primitive::word(random),
            random.random_range(1..100)
        )
    } else if is(PETS) {
        pick(
            &[
                "Bella", "Max", "Luna", "Rocky", "Coco", "Milo", "Daisy", "Simba",
            ],
            random,
        )
    } else {
        format!(
            "{} {}",
            capitalised(primitive::word(random)),
            capitalised(primitive::word(random))
        )
    }
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn made(name: &str, owner: &str) -> String {
        let called = Called { name, owner };
        text(called, &Map::new(), &mut ChaCha8Rng::seed_from_u64(3)).unwrap_or_default()
    }

    #[test]
    fn names_say_what_is_made() {
        assert!(made("email", "").ends_with("@example.com"));
        assert!(made("workEmail", "").ends_with("@example.com"));
        assert!(made("avatarUrl", "").starts_with("https://example.com/images/"));
        assert!(made("mobilephone", "").is_empty() || made("phone", "").starts_with("+1202555"));
        assert!(made("name", "User").contains(' '));
        assert!(
            [
                "Bella", "Max", "Luna", "Rocky", "Coco", "Milo", "Daisy", "Simba"
            ]
            .contains(&&*made("name", "Pet"))
        );
        assert_eq!(made("color", "").len(), 7);
    }

    #[test]
    fn names_that_only_sound_alike_say_nothing() {
        for name in ["capacity", "estate", "paid", "relationship", "zebra"] {
            assert_eq!(made(name, ""), "", "{name}");
        }
    }

    #[test]
    fn one_person_has_one_name() {
        let person = json!({"first_name": "Ada", "lastName": "O'Hara", "email": "x.y@example.com", "name": "z"});
        let Value::Object(mut person) = person else {
            return;
        };
        agree(&mut person, |_| true);
        assert_eq!(person["email"], "ada.ohara@example.com");
        assert_eq!(person["name"], "Ada O'Hara");
        agree(&mut person, |_| false);
        assert_eq!(person["name"], "Ada O'Hara");
    }

    #[test]
    fn numbers_are_in_the_range_of_their_name() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..50 {
            let latitude = number(
                Called {
                    name: "lat",
                    owner: "",
                },
                false,
                &mut random,
            )
            .expect("is known");
            assert!(
                latitude
                    .as_f64()
                    .is_some_and(|l| (-90.0..=90.0).contains(&l))
            );
            let price = number(
                Called {
                    name: "unit_price",
                    owner: "",
                },
                true,
                &mut random,
            )
            .expect("is known");
            assert!(price.as_i64().is_some_and(|p| (100..=50_000).contains(&p)));
        }
    }
}
