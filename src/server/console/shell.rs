//! The console: its page, scripts and style, which are part of the program.
use std::sync::OnceLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::generate::fingerprint;

/// File of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asset {
    /// Name below `/_standin/console/`.
    pub name: &'static str,
    /// Text of the file.
    pub text: &'static str,
}

impl Asset {
    fn is_script(&self) -> bool {
        self.name != STYLE
    }

    /// Returns the media type of the file.
    #[must_use]
    pub(crate) fn media(&self) -> &'static str {
        if self.is_script() {
            "text/javascript; charset=utf-8"
        } else {
            "text/css; charset=utf-8"
        }
    }

    /// Returns the entity tag of all files together (RFC 9110 §8.8.3): they belong to one version.
    #[must_use]
    pub(crate) fn tag() -> &'static str {
        static TAG: OnceLock<String> = OnceLock::new();
        TAG.get_or_init(|| {
            let all: Vec<&str> = ASSETS.iter().map(|asset| asset.text).collect();
            format!("\"{:016x}\"", fingerprint(&all.concat()))
        })
    }
}

/// Name of the style sheet.
const STYLE: &str = "console.css";

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        [$(Asset { name: $name, text: include_str!(concat!("assets/", $name)) }),*]
    };
}

/// Files of the console, `app.js` first, then the modules that it imports.
const ASSETS: [Asset; 18] = assets![
    "app.js",
    "api.js",
    "coverage.js",
    "data.js",
    "documents.js",
    "dom.js",
    "list.js",
    "operations.js",
    "pins.js",
    "proxied.js",
    "requests.js",
    "responder.js",
    "sessions.js",
    "snippets.js",
    "stream.js",
    "try.js",
    "views.js",
    "console.css",
];

/// Returns the file of the console with this name.
#[must_use]
pub(crate) fn asset(name: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.name == name)
}

/// Views of the console, with their names in its navigation.
const VIEWS: [(&str, &str); 7] = [
    ("operations", "Operations"),
    ("try", "Try"),
    ("requests", "Requests"),
    ("data", "Data"),
    ("sessions", "Sessions"),
    ("coverage", "Coverage"),
    ("documents", "Documents"),
];

/// Views that a proxy has besides.
const PROXY_VIEWS: [(&str, &str); 2] = [("drift", "Drift"), ("recording", "Recording")];

/// Keys of the console.
const KEYS: [(&str, &str); 5] = [
    ("/", "search"),
    ("↓ ↑ or j k", "next and previous row"),
    ("Enter", "open a row"),
    ("Esc", "go back to the list"),
    ("?", "show these keys"),
];

/// Parts of the console that only a proxy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyPage {
    /// A proxy with `--record`.
    Recording,
    /// A proxy without `--record`.
    NotRecording,
}

impl ProxyPage {
    fn name(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::NotRecording => "on",
        }
    }
}

/// Content of the page that depends on the sandbox.
#[derive(Debug)]
pub(crate) struct Page<'p> {
    /// Titles of the documents.
    pub title: &'p str,
    /// Relative URL of the simulated API.
    pub root: &'p str,
    /// Relative URL of the control API.
    pub own: &'p str,
    /// True if the console may write files.
    pub writes: bool,
    /// Parts for a proxy; `None` if the sandbox has no real API.
    pub proxy: Option<ProxyPage>,
    /// List of operations for browsers without scripts, as escaped HTML.
    pub fallback: String,
}

/// Writes the page of the console. Its addresses are relative, so that it works behind a path
/// prefix.
pub(crate) fn page(page: &Page<'_>) -> Markup {
    let own = page.own;
    let of_proxy: &[_] = if page.proxy.is_some() {
        &PROXY_VIEWS
    } else {
        &[]
    };
    html! {
        (DOCTYPE)
        html lang="en" data-own=(own) data-root=(page.root) data-title=(page.title) data-console=(if page.writes { "write" } else { "on" }) data-proxy=[page.proxy.map(ProxyPage::name)] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (page.title) " – Standin" }
                link rel="stylesheet" href=(format!("{own}console/{STYLE}"));
                @for asset in ASSETS.iter().filter(|asset| asset.is_script()) {
                    link rel="modulepreload" href=(format!("{own}console/{}", asset.name));
                }
                script type="module" src=(format!("{own}console/app.js")) {}
            }
            body {
                header {
                    h1 title=(page.title) { (page.title) }
                    nav aria-label="Parts of the console" {
                        @for (name, label) in VIEWS.iter().chain(of_proxy) { a href=(format!("#/{name}")) { (label) } }
                    }
                    a #session href="#/sessions" { "Unnamed session" }
                    p #connection role="status" {}
                }
                section #pins hidden aria-label="Pinned answers" {}
                section #fallback { (PreEscaped(&page.fallback)) }
                main hidden {
                    section #list aria-label="List" {}
                    section #detail aria-label="Details" tabindex="0" {}
                }
                p #toast role="status" hidden {}
                (dialogs(VIEWS.len() + of_proxy.len()))
            }
        }
    }
}

/// Writes the dialogs; `views` is the number of parts, which have a key each.
fn dialogs(views: usize) -> Markup {
    html! {
        dialog #login aria-labelledby="login-title" {
            form method="dialog" {
                h2 #login-title { "Token of the control API" }
                p { "This sandbox was started with " code { "--control-token" } ". The token is kept in this tab only." }
                p.violation hidden { "This token is not the right one." }
                p { label { "Token " input type="password" name="token" autocomplete="off" required; } }
                p { button.main { "Log in" } }
            }
        }
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl {
                dt { kbd { "1 – " (views) } } dd { "show a part of the console" }
                @for (key, effect) in KEYS { dt { kbd { (key) } } dd { (effect) } }
            }
            button type="button" { "Close" }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_files_take_at_most_60_kb_compressed() {
        let mut size = 0;
        for asset in ASSETS {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder
                .write_all(asset.text.as_bytes())
                .expect("memory is there");
            size += encoder.finish().expect("memory is there").len();
        }
        assert!(size <= 60_000, "{size} bytes");
    }

    #[test]
    fn files_import_each_other_only() {
        for asset in ASSETS {
            for line in asset
                .text
                .lines()
                .filter(|line| line.starts_with("import "))
            {
                let name = line
                    .rsplit("'./")
                    .next()
                    .and_then(|rest| rest.split('\'').next());
                assert!(
                    name.and_then(super::asset).is_some(),
                    "{}: {line}",
                    asset.name
                );
            }
            for foreign in ["http://", "https://", "//cdn"] {
                assert!(
                    !asset.text.contains(foreign),
                    "{} names {foreign}",
                    asset.name
                );
            }
        }
    }

    #[test]
    fn the_page_has_no_inline_script_or_style() {
        let page = page(&Page {
            title: "<script>",
            root: "../",
            own: "./",
            writes: false,
            proxy: None,
            fallback: String::new(),
        });
        let page = page.into_string();
        assert!(
            !page.contains("drift") && !page.contains("data-proxy"),
            "{page}"
        );
        assert!(
            !page.contains("<script>") && !page.contains(" style=") && !page.contains("<style"),
            "{page}"
        );
    }
}
