//! Languages of names and places, from the crate `fake`.
use fake::Dummy;
use fake::Fake as _;
use rand_chacha::ChaCha8Rng;

/// Language of generated names and places (`locale` of `x-json-schema-faker`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Locale {
    #[default]
    English,
    German,
    French,
    Italian,
    Dutch,
    Portuguese,
    Brazilian,
    Turkish,
    Japanese,
    Chinese,
    Taiwanese,
    Arabic,
    Persian,
}

impl Locale {
    /// Reads the name of a locale of faker.js, such as `de`, `de_AT` or `pt_BR`; the country is
    /// left out where there is only one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('-', "_");
        let language = name.split('_').next().unwrap_or_default();
        Some(match (name.as_str(), language) {
            ("pt_br", _) => Self::Brazilian,
            ("zh_tw", _) => Self::Taiwanese,
            (_, "en") => Self::English,
            (_, "de") => Self::German,
            (_, "fr") => Self::French,
            (_, "it") => Self::Italian,
            (_, "nl") => Self::Dutch,
            (_, "pt") => Self::Portuguese,
            (_, "tr") => Self::Turkish,
            (_, "ja") => Self::Japanese,
            (_, "zh") => Self::Chinese,
            (_, "ar") => Self::Arabic,
            (_, "fa") => Self::Persian,
            _ => return None,
        })
    }
}

/// Makes a text of a faker of the crate `fake` in a locale: `local!(name::FirstName, locale, random)`.
macro_rules! local {
    ($module:ident :: $maker:ident, $locale:expr, $random:expr) => {{
        use fake::faker::$module::raw::$maker;
        use fake::locales::*;
        use $crate::generate::faker::locale::{Locale, made};
        match $locale {
            Locale::English => made(&$maker(EN), $random),
            Locale::German => made(&$maker(DE_DE), $random),
            Locale::French => made(&$maker(FR_FR), $random),
            Locale::Italian => made(&$maker(IT_IT), $random),
            Locale::Dutch => made(&$maker(NL_NL), $random),
            Locale::Portuguese => made(&$maker(PT_PT), $random),
            Locale::Brazilian => made(&$maker(PT_BR), $random),
            Locale::Turkish => made(&$maker(TR_TR), $random),
            Locale::Japanese => made(&$maker(JA_JP), $random),
            Locale::Chinese => made(&$maker(ZH_CN), $random),
            Locale::Taiwanese => made(&$maker(ZH_TW), $random),
            Locale::Arabic => made(&$maker(AR_SA), $random),
            Locale::Persian => made(&$maker(FA_IR), $random),
        }
    }};
}
pub(crate) use local;

/// Makes a text of a faker.
pub(crate) fn made<D>(maker: &D, random: &mut ChaCha8Rng) -> String
where
    String: Dummy<D>,
{
    maker.fake_with_rng(random)
}
