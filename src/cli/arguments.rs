//! Arguments that commands share: the documents to load, and the options for generated values.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use crate::cli::outcome::Failure;
use crate::contract::simulation::duration;
use crate::diagnostic::escape;
use crate::document::Input;
use crate::document::fetch::{HeaderField, host_of, is_fetched, origin_of};
use crate::document::files::Access;
use crate::document::sources::Sources;
use crate::exchange::Settings;
use crate::generate::{AdditionalProperties, GenerateOptions};
use crate::sandbox::{Reading, Sandbox};
use crate::schema::Examples;

#[derive(Debug, Clone, Args)]
pub(super) struct Documents {
    /// Files, folders, URLs, or `-` for standard input [default: ./specs]
    ///
    /// A file is JSON, YAML, or a Markdown or text page with fenced OpenAPI documents, recognized
    /// by its content. A folder is searched with all its sub-folders; files that are not OpenAPI
    /// documents are skipped. A URL allows its host; the document is kept in the cache for starts
    /// without network. `HEAD~1:api.yaml` reads the file and its references from that revision.
    #[arg(value_name = "DOCUMENT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Folder of fixtures [default: ./fixtures, if it exists]
    ///
    /// For a document outside of the current folder, the default is the folder `fixtures` beside it.
    ///
    /// Each YAML or JSON file in it maps operations (`operationId`, `METHOD /path`, `GET /pets/*`,
    /// `tag: NAME`, `*`) to lists of responses, each with `when` (values or JSON Schemas of `path`,
    /// `query`, `header`, `cookie` and `body`), `times`, `every`, `status`, `example`, `body` or
    /// `patch`, and `headers`. The first response whose condition holds is the answer. `errors` in a file sets the form of errors for all operations (`*`), a document,
    /// or an operation.
    #[arg(long, value_name = "DIR", env = "STANDIN_FIXTURES", hide_env = true)]
    pub(super) fixtures: Option<PathBuf>,
    /// Treatment of examples that do not fit their schema
    ///
    /// `coerce` changes values that have only one reading, such as "true" where a boolean is
    /// documented, and reports the change; `repair` changes every value that does not fit, adds
    /// missing members and removes forbidden ones; `verbatim` changes nothing.
    #[arg(
        long,
        value_enum,
        value_name = "coerce|repair|verbatim",
        hide_possible_values = true,
        default_value = "coerce",
        env = "STANDIN_EXAMPLES",
        hide_env = true,
        hide_short_help = true
    )]
    pub(super) examples: ExamplesChoice,
    /// Overlay (OpenAPI Overlay 1.0 or 1.1) that corrects the documents; may be repeated
    ///
    /// An overlay is applied to every document, or only to the one whose file name its `extends`
    /// has. `STANDIN_OVERLAY` lists paths with the separator of `PATH`.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) overlay: Vec<PathBuf>,
    /// Another folder that documents may refer to; may be repeated
    ///
    /// A `$ref` to another file is followed inside the folder of its document and the sub-folders.
    /// It is also followed inside the current folder and the served folders, if the document is in
    /// them and the file is not hidden. No other file is read. `STANDIN_ALLOW_PATH` lists paths
    /// with the separator of `PATH`.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(super) allow_path: Vec<PathBuf>,
    /// Host that documents may refer to, such as example.com or localhost:8080; may be repeated
    ///
    /// Without it, nothing is fetched from the network. Fetched documents are kept in the cache, so
    /// that the next start needs no network.
    #[arg(
        long,
        value_name = "HOST",
        env = "STANDIN_ALLOW_HOST",
        hide_env = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(super) allow_host: Vec<String>,
    /// Header field to send to the hosts of documents named by URL, such as 'Authorization: Bearer x'
    ///
    /// May be repeated. It goes to the same scheme, host and port only. `STANDIN_HEADER` has one field in each line.
    #[arg(
        long,
        value_name = "FIELD",
        value_parser = header,
        env = "STANDIN_HEADER",
        hide_env = true,
        hide_env_values = true,
        value_delimiter = '\n',
        hide_short_help = true
    )]
    pub(super) header: Vec<HeaderField>,
    /// Time to wait for the host of a URL that does not answer yet, such as 30s
    #[arg(
        long,
        value_name = "TIME",
        value_parser = time,
        default_value = "0s",
        env = "STANDIN_WAIT",
        hide_env = true,
        hide_short_help = true
    )]
    pub(super) wait: Duration,
    /// Folder for fetched documents [default: standin in the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "STANDIN_CACHE",
        hide_env = true,
        hide_short_help = true
    )]
    pub(super) cache: Option<PathBuf>,
}

impl Documents {
    /// Loads the documents, and warns of each `--allow-path` that is not a folder.
    pub(super) fn load(
        &self,
        settings: Settings,
        err: &mut impl Write,
    ) -> Result<Sandbox, Failure> {
        for folder in self.allowed().iter().filter(|folder| !folder.is_dir()) {
            let folder = folder.display().to_string();
            writeln!(
                err,
                "warning: `--allow-path {}` allows nothing, as there is no such folder",
                escape::one_line(&folder)
            )?;
        }
        Ok(self.sandbox(&self.reading(), settings))
    }

    /// Loads the documents again.
    pub(super) fn again(&self, settings: Settings) -> Sandbox {
        let mut reading = self.reading();
        reading.access.is_reload = true;
        reading.access.wait_until = None;
        self.sandbox(&reading, settings)
    }

    fn sandbox(&self, reading: &Reading, settings: Settings) -> Sandbox {
        let mut inputs: Vec<Input> = self.inputs.iter().map(|path| input(path)).collect();
        if inputs.is_empty() {
            inputs.push(Input::Path(PathBuf::from("specs")));
        }
        let usual = || usual_fixtures(&self.inputs);
        let fixtures = self.fixtures.clone().or_else(usual);
        Sandbox::load(&inputs, fixtures.as_deref(), reading, settings)
    }

    /// Returns the folder of fixtures, for files that are written to it. It need not exist.
    pub(super) fn fixtures_folder(&self) -> PathBuf {
        match &self.fixtures {
            Some(given) if given.is_file() => given.parent().unwrap_or(given).to_owned(),
            Some(given) => given.clone(),
            None => fixtures_folder(&self.inputs),
        }
    }

    /// Returns what a reload may find: the folder that fixtures are taken from once it exists.
    pub(super) fn sources_to_come(&self) -> Sources {
        let usual = || fixtures_folder(&self.inputs);
        let folder = self.fixtures.clone().unwrap_or_else(usual);
        Sources {
            folders: [folder].into(),
            ..Sources::default()
        }
    }

    /// Returns true if a document is on standard input.
    pub(super) fn has_standard_input(&self) -> bool {
        self.inputs.iter().any(|path| path.as_os_str() == "-")
    }

    /// Returns the other folders that documents may refer to.
    pub(super) fn allowed(&self) -> Vec<PathBuf> {
        paths(&self.allow_path, "STANDIN_ALLOW_PATH")
    }

    pub(super) fn reading(&self) -> Reading {
        let examples = match self.examples {
            ExamplesChoice::Coerce => Examples::Coerce,
            ExamplesChoice::Repair => Examples::Repair,
            ExamplesChoice::Verbatim => Examples::Verbatim,
        };
        let urls = || {
            let texts = self.inputs.iter().filter_map(|path| path.to_str());
            texts.filter(|text| is_fetched(text))
        };
        let access = Access {
            folders: self.allowed(),
            hosts: self
                .allow_host
                .iter()
                .cloned()
                .chain(urls().filter_map(host_of))
                .collect(),
            cache: self.cache.clone().or_else(usual_cache),
            headers: self.header.clone(),
            named: urls().filter_map(origin_of).collect(),
            authority: None,
            wait_until: (!self.wait.is_zero()).then(|| Instant::now() + self.wait),
            is_reload: false,
        };
        let overlays = paths(&self.overlay, "STANDIN_OVERLAY")
            .into_iter()
            .map(Input::Path)
            .collect();
        Reading {
            examples,
            access,
            overlays,
        }
    }
}

/// Returns the folder of fixtures that belongs to documents, if it is there.
fn usual_fixtures(inputs: &[PathBuf]) -> Option<PathBuf> {
    Some(fixtures_folder(inputs)).filter(|folder| folder.is_dir())
}

/// Returns the folder of fixtures that belongs to documents: `fixtures` in the current folder, or
/// beside the first document if that is outside of the current folder. It need not exist.
pub(super) fn fixtures_folder(inputs: &[PathBuf]) -> PathBuf {
    let current = std::env::current_dir().and_then(|current| current.canonicalize());
    let first = inputs.first().and_then(|path| path.canonicalize().ok());
    let beside = match (&first, current) {
        (Some(document), Ok(current)) if !document.starts_with(&current) => document.parent(),
        _ => None,
    };
    beside.map_or_else(
        || PathBuf::from("fixtures"),
        |folder| folder.join("fixtures"),
    )
}

/// Returns the input that an argument names.
fn input(path: &Path) -> Input {
    let Some(text) = path.to_str() else {
        return Input::Path(path.to_owned());
    };
    if text == "-" {
        return Input::Stdin;
    }
    if text.contains("://") {
        return Input::Url(text.to_owned());
    }
    // `C:\api.yaml` is a path.
    let is_drive = |name: &str| name.len() == 1 && name.chars().all(|c| c.is_ascii_alphabetic());
    match text.split_once(':') {
        Some((name, below)) if !name.is_empty() && !is_drive(name) && !path.exists() => {
            Input::Revision {
                name: name.to_owned(),
                path: below.to_owned(),
            }
        }
        _ => Input::Path(path.to_owned()),
    }
}

/// Parses a header field such as `Authorization: Bearer x`.
pub(super) fn header(text: &str) -> Result<HeaderField, String> {
    let expected = || "expected a name and a value, such as `Authorization: Bearer x`".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(expected)?;
    let (name, value) = (name.trim(), value.trim());
    let is_name = http::HeaderName::try_from(name).is_ok();
    let is_value = http::HeaderValue::try_from(value).is_ok();
    if is_name && is_value {
        Ok(HeaderField {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    } else {
        Err(expected())
    }
}

/// Parses the URL of a server, and returns it without a slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let is_url = is_fetched(text) && host_of(text).is_some();
    if is_url && !text.contains(['?', '#']) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("expected a URL such as http://127.0.0.1:4010".to_owned())
    }
}

/// Parses a time such as `300ms`, `1.5s` or `2m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    duration(text)
        .ok_or_else(|| "expected a time such as 300ms, 1.5s or 2m, an hour at most".to_owned())
}

/// Options for generated values.
#[derive(Debug, Args)]
pub(super) struct Generation {
    /// Seed of generated values: the same seed gives the same bytes
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        env = "STANDIN_SEED",
        hide_env = true
    )]
    pub(super) seed: u64,
    /// Number of items in generated lists: 3, or 2-3
    ///
    /// Other bounds in the schema take precedence.
    #[arg(
        long,
        value_name = "N|N-M",
        default_value = "2-3",
        value_parser = list_size,
        env = "STANDIN_LIST_SIZE",
        hide_env = true,
        hide_short_help = true
    )]
    pub(super) list_size: (usize, usize),
    /// Generate a member that no property declares, where `additionalProperties` has a schema
    ///
    /// Applies to objects without declared properties; `minProperties` is met in any case.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_ADDITIONAL_PROPERTIES",
        hide_env = true,
        hide_short_help = true
    )]
    pub(super) additional_properties: Switch,
    /// Most values to try when looking for one that fits
    ///
    /// A list of three numbers counts as four values. If no value within the limit fits, the answer
    /// has the nearest value, and reports it in `Standin-Warning`.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 60_000,
        env = "STANDIN_MAX_VALUES",
        hide_env = true,
        hide_short_help = true
    )]
    pub(super) max_values: usize,
    /// Most text in one generated value, approximately
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "4MiB",
        value_parser = size,
        env = "STANDIN_MAX_GENERATED",
        hide_env = true,
        hide_short_help = true
    )]
    pub(super) max_generated: usize,

    /// Number that the numeric keys of new entities begin after.
    #[arg(skip)]
    pub(super) keys_after: u64,
}

impl Generation {
    pub(super) fn options(&self) -> GenerateOptions {
        GenerateOptions {
            seed: self.seed,
            list_size: self.list_size,
            additional: match self.additional_properties {
                Switch::On => AdditionalProperties::Generated,
                Switch::Off => AdditionalProperties::LeftOut,
            },
            most_values: self.max_values,
            most_bytes: self.max_generated,
            keys_after: self.keys_after,
        }
    }

    /// Returns the default settings with these options for generated values.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            options: self.options(),
            ..Settings::default()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ExamplesChoice {
    Coerce,
    Repair,
    Verbatim,
}

/// Returns the paths of the command line unchanged; without any, those of an environment variable,
/// separated by colons or, on Windows, semicolons.
pub(super) fn paths(given: &[PathBuf], variable: &str) -> Vec<PathBuf> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let listed = std::env::var_os(variable).unwrap_or_default();
    std::env::split_paths(&listed)
        .filter(|path| !path.as_os_str().is_empty())
        .collect()
}

/// Returns `$XDG_CACHE_HOME/standin`, or its counterpart on this system.
pub(super) fn usual_cache() -> Option<PathBuf> {
    folder_of_user("XDG_CACHE_HOME", ".cache")
}

/// Returns `$XDG_DATA_HOME/standin`, or its counterpart on this system.
pub(super) fn data_folder() -> Option<PathBuf> {
    folder_of_user("XDG_DATA_HOME", ".local/share")
}

/// Returns a folder of the user for Standin (XDG Base Directory Specification); `usual` is its place in the
/// home folder.
fn folder_of_user(variable: &str, usual: &str) -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").map(|home| home.join(usual));
    set(variable)
        .or_else(|| set("LOCALAPPDATA"))
        .or_else(home)
        .map(|folder| folder.join("standin"))
}

/// Parses a size such as `10MiB`, `512k` or `1048576`; units are powers of 1000 or, with an `i`, of
/// 1024.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "expected a number with a unit, such as `512k` or `10MiB`".to_owned())?;
    usize::try_from(size.as_u64()).map_err(|_| "it is too large".to_owned())
}

/// Parses `3` or `2-3`.
pub(super) fn list_size(text: &str) -> Result<(usize, usize), String> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        text.trim()
            .parse::<usize>()
            .map_err(|_| "expected a number or a range such as `2-3`")
    };
    let (least, most) = (number(least)?, number(most)?);
    if least > most {
        Err(format!("{least} is more than {most}"))
    } else {
        Ok((least, most))
    }
}

/// Parses a control token that a header field can hold. An empty one, as from a secret that is not
/// set, is refused because it would protect nothing.
pub(super) fn control_token(text: &str) -> Result<String, String> {
    match text {
        "" => {
            Err("an empty token protects nothing; give one, or leave the option (and STANDIN_CONTROL_TOKEN) out"
                .to_owned())
        }
        _ if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err("a token has visible ASCII characters and no blanks, as it is sent in a header field".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("10MiB"), Ok(10 * 1024 * 1024));
        assert_eq!(size("2k"), Ok(2000));
        assert_eq!(size("7"), Ok(7));
        assert!(size("ten").is_err());
        assert!(size("1parsec").is_err());
    }

    #[test]
    fn list_sizes_are_numbers_or_ranges() {
        assert_eq!(list_size("3"), Ok((3, 3)));
        assert_eq!(list_size("2-5"), Ok((2, 5)));
        assert!(list_size("5-2").is_err() && list_size("few").is_err());
    }
}
