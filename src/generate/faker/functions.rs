//! Functions of faker.js, and what makes their values here.
use std::collections::HashMap;
use std::sync::LazyLock;

use fake::Fake as _;
use fake::faker::lorem::en::{Sentence, Word, Words};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Number, Value, json};

use crate::generate::faker::locale::{Locale, local};
use crate::generate::plausible;
use crate::generate::primitive::{self, Called};

/// Maximum of arguments that count something, such as words; larger ones are cut.
const MOST: usize = 1000;

/// Arguments of a function: a list, or one that may be an object of options.
#[derive(Debug, Clone, Copy)]
pub(super) struct FakerArguments<'n> {
    arguments: Option<&'n Value>,
    pub(super) locale: Locale,
}

impl<'n> FakerArguments<'n> {
    pub(super) fn new(arguments: Option<&'n Value>, locale: Locale) -> Self {
        Self { arguments, locale }
    }

    /// Returns an argument by its position, or by its name in an object of options.
    fn get(&self, position: usize, name: &str) -> Option<&'n Value> {
        let arguments = self.arguments?;
        let first = match arguments {
            Value::Array(list) => list.first()?,
            one => one,
        };
        if let Value::Object(options) = first {
            return options.get(name);
        }
        match arguments {
            Value::Array(list) => list.get(position),
            one => Some(one).filter(|_| position == 0),
        }
    }

    fn number(&self, position: usize, name: &str, otherwise: f64) -> f64 {
        let value = self.get(position, name).and_then(Value::as_f64);
        value.unwrap_or(otherwise).clamp(-LARGEST, LARGEST)
    }

    fn count(&self, position: usize, name: &str, otherwise: usize) -> usize {
        let count = self.get(position, name).and_then(Value::as_u64);
        let count = count.and_then(|count| usize::try_from(count).ok());
        count.unwrap_or(otherwise).min(MOST)
    }

    pub(super) fn text(&self, position: usize, name: &str) -> Option<&'n str> {
        self.get(position, name).and_then(Value::as_str)
    }

    fn list(&self) -> &'n [Value] {
        // The list is the first argument: `{"helpers.arrayElement": [["a", "b"]]}`; many documents
        // write it without the outer brackets.
        match self.arguments {
            Some(Value::Array(list)) => match list.first() {
                Some(Value::Array(inner)) => inner,
                _ => list,
            },
            _ => &[],
        }
    }
}

type Make = fn(&FakerArguments<'_>, &mut ChaCha8Rng) -> Value;

/// Source of the values of a function.
#[derive(Clone, Copy)]
pub(super) enum FakerFunction {
    /// Text for a property of this name, see `plausible`.
    Like(&'static str),
    /// One of these texts.
    Of(&'static [&'static str]),
    /// Text of these words, one of each list.
    Joined(&'static [&'static [&'static str]]),
    /// Value that a function makes of the arguments.
    By(Make),
}

use FakerFunction::{By, Joined, Like, Of};

impl FakerFunction {
    /// Makes a value.
    pub(super) fn make(self, arguments: &FakerArguments<'_>, random: &mut ChaCha8Rng) -> Value {
        match self {
            Like(name) => {
                let called = Called { name, owner: "" };
                let text = plausible::text(called, &Map::new(), random);
                json!(text.unwrap_or_else(|| primitive::word(random).to_owned()))
            }
            Of(words) => json!(pick(words, random)),
            Joined(lists) => {
                let words: Vec<&str> = lists.iter().map(|words| pick(words, random)).collect();
                json!(words.join(" "))
            }
            By(make) => make(arguments, random),
        }
    }
}

/// Returns the function of a name.
pub(super) fn find(name: &str) -> Option<FakerFunction> {
    BY_NAME.get(name).copied()
}

/// Returns the names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().flat_map(|(names, _)| names.split('|'))
}

static BY_NAME: LazyLock<HashMap<&'static str, FakerFunction>> = LazyLock::new(|| {
    let all = FUNCTIONS.iter();
    all.flat_map(|(names, function)| names.split('|').map(|name| (name, *function)))
        .collect()
});

const ADJECTIVES: &[&str] = &[
    "Ergonomic",
    "Fantastic",
    "Generic",
    "Handcrafted",
    "Intelligent",
    "Practical",
    "Refined",
    "Rustic",
    "Sleek",
    "Small",
];
const MATERIALS: &[&str] = &[
    "Bronze", "Concrete", "Cotton", "Granite", "Metal", "Plastic", "Rubber", "Steel", "Wooden",
];
const PRODUCTS: &[&str] = &[
    "Bike", "Chair", "Gloves", "Hat", "Keyboard", "Mouse", "Pants", "Shirt", "Shoes", "Table",
];
const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const VERBS: &[&str] = &[
    "bypass", "compress", "connect", "index", "parse", "quantify", "transmit",
];
const ABBREVIATIONS: &[&str] = &["API", "HTTP", "JSON", "PNG", "SQL", "SSL", "TCP", "XML"];
const NOUNS: &[&str] = &[
    "alarm", "array", "card", "firewall", "matrix", "pixel", "protocol",
];
const TECHNICAL: &[&str] = &[
    "digital",
    "mobile",
    "online",
    "open-source",
    "virtual",
    "wireless",
];
const MAKERS: &[&str] = &["Audi", "BMW", "Fiat", "Ford", "Honda", "Toyota", "Volvo"];
const MODELS: &[&str] = &[
    "Alpine", "Camry", "Civic", "Focus", "Golf", "Model T", "Mustang",
];

/// Functions by their names in the versions 5 to 9 of faker.js.
#[rustfmt::skip]
const FUNCTIONS: &[(&str, FakerFunction)] = &[
    // People
    ("name.firstName|person.firstName|name.middleName|person.middleName", By(|a, r| json!(local!(name::FirstName, a.locale, r)))),
    ("name.lastName|person.lastName", By(|a, r| json!(local!(name::LastName, a.locale, r)))),
    ("name.findName|name.fullName|person.fullName|name.name", By(|a, r| json!(local!(name::Name, a.locale, r)))),
    ("name.prefix|person.prefix", By(|a, r| json!(local!(name::Title, a.locale, r)))),
    ("name.suffix|person.suffix", Of(&["Jr.", "Sr.", "I", "II", "III", "MD", "PhD"])),
    ("name.jobTitle|person.jobTitle|name.title", Like("job title")),
    ("name.jobArea|person.jobArea", Of(&["Accounts", "Brand", "Data", "Marketing", "Research", "Security"])),
    ("name.jobType|person.jobType", Of(&["Analyst", "Designer", "Engineer", "Manager", "Technician"])),
    ("name.jobDescriptor|person.jobDescriptor", Of(&["Chief", "Global", "Junior", "Lead", "Regional", "Senior"])),
    ("name.gender|person.gender|name.sex|person.sex|person.sexType|name.sexType", Of(&["female", "male"])),
    ("person.bio", Like("bio")),
    ("person.zodiacSign", Of(&["Aquarius", "Aries", "Cancer", "Gemini", "Leo", "Libra", "Pisces", "Virgo"])),
    // Internet
    ("internet.email|internet.exampleEmail|internet.safeEmail", Like("email")),
    ("internet.userName|internet.username|internet.displayName", Like("user name")),
    ("internet.url", Like("url")),
    ("internet.domainName", Like("domain")),
    ("internet.domainWord", By(|_, r| json!(primitive::word(r)))),
    ("internet.domainSuffix", Of(&["com", "net", "org", "test"])),
    ("internet.ip|internet.ipv4", Like("ip")),
    ("internet.ipv6", By(|_, r| json!(format!("2001:db8::{:x}", r.random_range(1..=0xffff))))),
    ("internet.mac", Like("mac")),
    ("internet.password", By(|a, r| json!(letters(a.count(0, "length", 15), ALPHANUMERIC, r)))),
    ("internet.protocol", Of(&["http", "https"])),
    ("internet.httpMethod", Of(&["GET", "POST", "PUT", "DELETE", "PATCH"])),
    ("internet.httpStatusCode", By(|_, r| json!([200, 201, 204, 301, 304, 400, 401, 403, 404, 500, 503][r.random_range(0..11)]))),
    ("internet.port", By(|_, r| json!(r.random_range(1024..=65_535)))),
    ("internet.color|color.rgb", Like("color")),
    ("internet.emoji", Of(&["😀", "🎉", "🚀", "🌍", "🐢", "🍎"])),
    ("internet.userAgent", Like("user agent")),
    ("internet.avatar|image.avatar|image.avatarGitHub", Like("avatar url")),
    ("internet.jwt", By(|_, r| json!(format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{}.{}", letters(40, ALPHANUMERIC, r), letters(43, ALPHANUMERIC, r))))),
    // Phones
    ("phone.phoneNumber|phone.number|phone.phoneNumberFormat", Like("phone")),
    ("phone.imei", By(|_, r| json!(digits(15, r)))),
    // Places
    ("address.city|address.cityName|location.city", By(|a, r| json!(local!(address::CityName, a.locale, r)))),
    ("address.streetAddress|location.streetAddress", By(|a, r| json!(format!("{} {}", r.random_range(1..200), local!(address::StreetName, a.locale, r))))),
    ("address.street|address.streetName|location.street", By(|a, r| json!(local!(address::StreetName, a.locale, r)))),
    ("address.secondaryAddress|location.secondaryAddress", Like("address line 2")),
    ("address.buildingNumber|location.buildingNumber", By(|_, r| json!(r.random_range(1..=999).to_string()))),
    ("address.zipCode|location.zipCode", By(|a, r| json!(local!(address::ZipCode, a.locale, r)))),
    ("address.state|location.state|address.county|location.county", By(|a, r| json!(local!(address::StateName, a.locale, r)))),
    ("address.stateAbbr", Like("state code")),
    ("address.country|location.country", By(|a, r| json!(local!(address::CountryName, a.locale, r)))),
    ("address.countryCode|location.countryCode", Like("country code")),
    ("address.latitude|location.latitude", By(|_, r| decimal(-90.0, 90.0, 4, r))),
    ("address.longitude|location.longitude", By(|_, r| decimal(-180.0, 180.0, 4, r))),
    ("address.timeZone|location.timeZone", Like("time zone")),
    ("address.direction|location.direction|address.cardinalDirection|location.cardinalDirection", Of(&["North", "East", "South", "West"])),
    // Companies and goods
    ("company.companyName|company.name", By(|a, r| json!(local!(company::CompanyName, a.locale, r)))),
    ("company.catchPhrase", Like("catch phrase")),
    ("company.bs|company.buzzPhrase", Like("slogan")),
    ("company.companySuffix", Of(&["Group", "Inc", "LLC", "and Sons"])),
    ("commerce.productName", Joined(&[ADJECTIVES, MATERIALS, PRODUCTS])),
    ("commerce.product", Of(PRODUCTS)),
    ("commerce.productAdjective", Of(ADJECTIVES)),
    ("commerce.productMaterial", Of(MATERIALS)),
    ("commerce.productDescription", Like("description")),
    ("commerce.department", Of(&["Books", "Games", "Garden", "Grocery", "Home", "Music", "Sports", "Toys"])),
    ("commerce.price", By(|a, r| amount(a, (1.0, 1000.0), r))),
    ("commerce.isbn", By(|_, r| json!(format!("978{}", digits(10, r))))),
    ("commerce.color|color.human|vehicle.color", Of(&["azure", "black", "green", "indigo", "orange", "red", "teal", "white"])),
    // Words
    ("lorem.word", By(|_, r| json!(Word().fake_with_rng::<String, _>(r)))),
    ("lorem.words", By(|a, r| json!(lorem_words(a.count(0, "wordCount", 3), r)))),
    ("lorem.slug", By(|a, r| json!(lorem_words(a.count(0, "wordCount", 3), r).replace(' ', "-")))),
    ("lorem.sentence|lorem.text", By(|_, r| json!(sentence(r)))),
    ("lorem.sentences", By(|a, r| json!(joined(a.count(0, "sentenceCount", 3), " ", sentence, r)))),
    ("lorem.lines", By(|a, r| json!(joined(a.count(0, "lineCount", 3), "\n", sentence, r)))),
    ("lorem.paragraph", By(|a, r| json!(joined(a.count(0, "sentenceCount", 3), " ", sentence, r)))),
    ("lorem.paragraphs", By(|a, r| json!(joined(a.count(0, "paragraphCount", 3), "\n", paragraph, r)))),
    ("random.word|word.sample|word.noun|random.words|word.words", By(|_, r| json!(primitive::word(r)))),
    ("word.adjective", Of(&["bright", "calm", "eager", "quiet", "rapid", "warm"])),
    ("word.adverb", Of(&["boldly", "calmly", "often", "quickly", "rarely"])),
    ("word.verb", Of(&["carry", "find", "jump", "open", "send", "write"])),
    ("hacker.phrase", By(|_, r| json!(format!("We need to {} the {} {} {}!", pick(VERBS, r), pick(TECHNICAL, r), pick(ABBREVIATIONS, r), pick(NOUNS, r))))),
    ("hacker.verb|hacker.ingverb", Of(VERBS)),
    ("hacker.noun", Of(NOUNS)),
    ("hacker.adjective", Of(TECHNICAL)),
    ("hacker.abbreviation", Of(ABBREVIATIONS)),
    // Times
    ("date.past", By(|_, r| time(0.0, 0.4, r))),
    ("date.recent", By(|_, r| time(0.4, 0.5, r))),
    ("date.soon", By(|_, r| time(0.5, 0.6, r))),
    ("date.future", By(|_, r| time(0.6, 1.0, r))),
    ("date.between|date.anytime|datatype.datetime|date.betweens", By(|_, r| time(0.0, 1.0, r))),
    ("date.birthdate", By(|_, r| json!(primitive::birthday(r)))),
    ("date.month", Of(MONTHS)),
    ("date.weekday", Of(&["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])),
    // Money
    ("finance.amount", By(|a, r| amount(a, (0.0, 1000.0), r))),
    ("finance.account|finance.accountNumber|finance.mask", By(|a, r| json!(digits(a.count(0, "length", 8), r)))),
    ("finance.accountName", Of(&["Checking Account", "Credit Card Account", "Investment Account", "Savings Account"])),
    ("finance.routingNumber", By(|_, r| json!(digits(9, r)))),
    ("finance.iban", Like("iban")),
    ("finance.bic", By(|_, r| json!(letters(8, UPPER, r)))),
    ("finance.currencyCode", Like("currency code")),
    ("finance.currencyName", Of(&["Euro", "Pound Sterling", "Swiss Franc", "US Dollar", "Yen"])),
    ("finance.currencySymbol", Of(&["$", "€", "£", "¥"])),
    ("finance.creditCardNumber", By(|_, r| json!(format!("4{}", digits(15, r))))),
    ("finance.creditCardCVV", By(|_, r| json!(digits(3, r)))),
    ("finance.pin", By(|a, r| json!(digits(a.count(0, "length", 4), r)))),
    ("finance.bitcoinAddress|finance.litecoinAddress", By(|_, r| json!(format!("1{}", letters(33, ALPHANUMERIC, r))))),
    ("finance.ethereumAddress", By(|_, r| json!(format!("0x{}", letters(40, HEX, r))))),
    ("finance.transactionType", Of(&["deposit", "invoice", "payment", "withdrawal"])),
    ("finance.transactionDescription", Like("description")),
    // Data
    ("datatype.uuid|string.uuid|random.uuid", Like("uuid")),
    ("datatype.number|number.int|random.number|datatype.bigInt|number.bigInt", By(whole)),
    ("datatype.float|number.float|random.float", By(|a, r| decimal(a.number(0, "min", 0.0), a.number(1, "max", 100.0), 2, r))),
    ("datatype.boolean|random.boolean", By(|_, r| json!(r.random_bool(0.5)))),
    ("datatype.string|string.sample|random.alphaNumeric|string.alphanumeric", By(|a, r| json!(letters(a.count(0, "length", 10), ALPHANUMERIC, r)))),
    ("random.alpha|string.alpha", By(|a, r| json!(letters(a.count(0, "length", 1), LOWER, r)))),
    ("random.numeric|string.numeric", By(|a, r| json!(digits(a.count(0, "length", 1), r)))),
    ("datatype.hexadecimal|string.hexadecimal|random.hexaDecimal", By(|a, r| json!(letters(a.count(0, "length", 10), HEX, r)))),
    ("string.nanoid", By(|a, r| json!(letters(a.count(0, "length", 21), ALPHANUMERIC, r)))),
    ("database.mongodbObjectId", By(|_, r| json!(letters(24, HEX, r)))),
    ("random.arrayElement|helpers.arrayElement|helpers.randomize", By(|a, r| a.list().choose(r).cloned().unwrap_or_default())),
    ("random.locale", Like("locale")),
    // Files, versions and pictures
    ("image.url|image.imageUrl|image.image|image.urlLoremFlickr|image.urlPicsumPhotos|image.abstract|image.animals|image.business|image.cats|image.city|image.food|image.nature|image.people|image.technics", Like("image url")),
    ("system.fileName|system.commonFileName", Like("file name")),
    ("system.mimeType", Like("mime type")),
    ("system.fileType|system.commonFileType", Of(&["audio", "image", "text", "video"])),
    ("system.fileExt|system.commonFileExt", Like("extension")),
    ("system.filePath|system.directoryPath", Like("path")),
    ("system.semver", Like("version")),
    ("git.commitSha", By(|_, r| json!(letters(40, HEX, r)))),
    ("git.shortSha", By(|_, r| json!(letters(7, HEX, r)))),
    ("git.branch", Like("slug")),
    ("git.commitMessage", By(|_, r| json!(format!("{} {}", pick(VERBS, r), pick(NOUNS, r))))),
    // Things
    ("vehicle.vehicle", Joined(&[MAKERS, MODELS])),
    ("vehicle.manufacturer", Of(MAKERS)),
    ("vehicle.model", Of(MODELS)),
    ("vehicle.type", Of(&["Convertible", "Coupe", "Hatchback", "Minivan", "SUV", "Sedan", "Wagon"])),
    ("vehicle.fuel", Of(&["Diesel", "Electric", "Gasoline", "Hybrid"])),
    ("vehicle.vin", By(|_, r| json!(letters(17, "ABCDEFGHJKLMNPRSTUVWXYZ0123456789", r)))),
    ("animal.type", Of(&["bear", "bird", "cat", "dog", "fish", "horse", "snake"])),
    ("animal.dog", Of(&["Beagle", "Boxer", "Collie", "Dachshund", "Poodle", "Whippet"])),
    ("animal.cat", Of(&["Bengal", "Birman", "Burmese", "Maine Coon", "Persian", "Siamese"])),
    ("music.genre", Of(&["Blues", "Classical", "Folk", "Jazz", "Pop", "Rock", "Soul"])),
];

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &str = "0123456789abcdef";
const ALPHANUMERIC: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn pick(words: &[&'static str], random: &mut ChaCha8Rng) -> &'static str {
    words.choose(random).copied().unwrap_or_default()
}

/// Draws a text of some of the letters, which are ASCII.
fn letters(length: usize, letters: &str, random: &mut ChaCha8Rng) -> String {
    let drawn = (0..length).map(|_| letters.as_bytes()[random.random_range(0..letters.len())]);
    drawn.map(char::from).collect()
}

fn digits(length: usize, random: &mut ChaCha8Rng) -> String {
    letters(length, "0123456789", random)
}

fn lorem_words(count: usize, random: &mut ChaCha8Rng) -> String {
    let words: Vec<String> = Words(count..count + 1).fake_with_rng(random);
    words.join(" ")
}

fn sentence(random: &mut ChaCha8Rng) -> String {
    Sentence(4..9).fake_with_rng(random)
}

fn paragraph(random: &mut ChaCha8Rng) -> String {
    joined(3, " ", sentence, random)
}

fn joined(
    count: usize,
    between: &str,
    make: fn(&mut ChaCha8Rng) -> String,
    random: &mut ChaCha8Rng,
) -> String {
    let texts: Vec<String> = (0..count).map(|_| make(random)).collect();
    texts.join(between)
}

fn time(from: f64, to: f64, random: &mut ChaCha8Rng) -> Value {
    json!(primitive::rfc3339(primitive::at(
        random.random_range(from..to)
    )))
}

/// Draws a number with some decimals; the bounds may be in any order.
fn decimal(low: f64, high: f64, decimals: i32, random: &mut ChaCha8Rng) -> Value {
    let drawn = random.random_range(low.min(high)..=high.max(low));
    let scale = 10_f64.powi(decimals);
    let rounded = (drawn * scale).round() / scale;
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

/// Draws an integer between `min` and `max`; a lone number is the maximum.
fn whole(arguments: &FakerArguments<'_>, random: &mut ChaCha8Rng) -> Value {
    let lone = match arguments.arguments {
        Some(Value::Array(list)) if list.len() == 1 => list[0].as_f64(),
        Some(value) => value.as_f64(),
        None => None,
    };
    let least = lone.map_or_else(|| arguments.number(0, "min", 0.0), |_| 0.0);
    let most = lone.unwrap_or_else(|| arguments.number(1, "max", 99_999.0));
    let (low, high) = (integer(least.min(most)), integer(most.max(least)));
    json!(random.random_range(low..=high))
}

/// Rounds a number to an integer that JSON readers keep (RFC 8259 §6).
#[expect(clippy::cast_possible_truncation, reason = "the value is bounded")]
pub(super) fn integer(value: f64) -> i64 {
    value.round().clamp(-LARGEST, LARGEST) as i64
}

/// Largest integer that every reader of JSON keeps: 2⁵³ − 1.
const LARGEST: f64 = 9_007_199_254_740_991.0;

/// Draws an amount of money as a text, such as `$12.50`.
fn amount(arguments: &FakerArguments<'_>, usual: (f64, f64), random: &mut ChaCha8Rng) -> Value {
    const MOST_DECIMALS: usize = 10;
    let low = arguments.number(0, "min", usual.0);
    let high = arguments.number(1, "max", usual.1);
    let decimals = arguments.count(2, "dec", 2).min(MOST_DECIMALS);
    let symbol = arguments.text(3, "symbol").unwrap_or_default();
    let drawn = random.random_range(low.min(high)..=high.max(low));
    json!(format!("{symbol}{drawn:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn made(name: &str, arguments: &Value) -> Value {
        let arguments = FakerArguments::new(Some(arguments), Locale::English);
        let function = find(name).expect("is known");
        function.make(&arguments, &mut ChaCha8Rng::seed_from_u64(5))
    }

    #[test]
    fn every_function_makes_a_value_of_any_arguments() {
        let odd = [
            Value::Null,
            json!([]),
            json!([-5, 1e300, 1000, "€"]),
            json!({"min": 9, "max": -9, "length": u64::MAX}),
            json!([[1, 2]]),
        ];
        for name in names() {
            for arguments in &odd {
                let value = made(name, arguments);
                let is_choice = name.ends_with("arrayElement") || name == "helpers.randomize";
                assert!(is_choice || !value.is_null(), "{name} {arguments}");
                assert!(value.to_string().len() < 300_000, "{name} {arguments}");
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut all: Vec<&str> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn arguments_bound_the_value() {
        let number = made("datatype.number", &json!([{"min": 3, "max": 4}]));
        assert!([json!(3), json!(4)].contains(&number));
        assert_eq!(made("finance.amount", &json!([5, 5, 1, "€"])), "€5.0");
        assert_eq!(
            made("string.numeric", &json!(6)).as_str().map(str::len),
            Some(6)
        );
        assert_eq!(made("helpers.arrayElement", &json!([["a"]])), "a");
    }
}
