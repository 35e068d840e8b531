//! Options of `standin serve`, and the settings that they set.

mod address;
mod listen;
mod meanwhile;
mod notice;
mod recorded_writes;
mod reload;
mod run;
mod settings;
mod signal;
mod watch_choice;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::arguments::{Documents, Generation, Switch, control_token, size, time};
use crate::cli::report_file::{self, Condition};
use crate::cli::serve::listen::Listening;
use crate::contract::simulation::Delay;
use crate::server::control::sender::AllowedHost;
use crate::server::log;

/// Options of `serve`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one option")]
pub struct Serve {
    #[command(flatten)]
    documents: Documents,
    /// Address to listen on
    #[arg(
        long,
        default_value = "127.0.0.1",
        env = "STANDIN_HOST",
        hide_env = true
    )]
    host: String,
    /// Port to listen on; 0 picks a free one
    #[arg(
        long,
        short,
        default_value_t = 4010,
        env = "STANDIN_PORT",
        hide_env = true
    )]
    port: u16,
    #[command(flatten)]
    listening: Listening,
    /// Answer with generated values, and not with the documented examples
    ///
    /// A client that prefers an example by its name (`Prefer: example=NAME`), or `dynamic=false`,
    /// still gets it. Fixtures and errors stay as they are.
    #[arg(long, env = "STANDIN_DYNAMIC", hide_env = true, hide_short_help = true)]
    dynamic: bool,
    #[command(flatten)]
    generation: Generation,
    /// Answer 500 instead of an answer that does not fit the document
    ///
    /// Examples, fixtures and generated values may not fit their schema. With this option, such an
    /// answer is replaced by a problem that lists its violations. With `standin proxy`, wrong requests
    /// get the documented error and are not forwarded, and wrong answers of the real API become 502. An
    /// answer that cannot be judged as a whole before it passes (beyond `--max-body`, an event stream, slower
    /// than `--upstream-timeout`) passes all the same; its violations are in the log and the journal.
    #[arg(
        long,
        env = "STANDIN_ERRORS", hide_env = true, hide_short_help = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    errors: bool,
    /// Word errors that the document does not have as Prism does, and send `sl-violations`
    ///
    /// For suites that were written against Prism. Errors that the operation documents stay as they
    /// are.
    #[arg(
        long,
        env = "STANDIN_PRISM", hide_env = true, hide_short_help = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    prism: bool,
    /// Treatment of wrong requests
    ///
    /// `strict` rejects them with the documented error; `warn` answers them and reports the
    /// violations in the `Standin-Violations` header and in the log; `off` does not validate.
    #[arg(
        long,
        value_enum,
        value_name = "strict|warn|off",
        hide_possible_values = true,
        default_value = "strict",
        env = "STANDIN_VALIDATE",
        hide_env = true
    )]
    validate: ValidationChoice,
    /// Refuse to start if documents or fixtures have errors
    ///
    /// Without it, an error affects only its place: any value is allowed there, and answers report
    /// it in `Standin-Warning`. With it, the errors are printed and the exit code is 1.
    #[arg(
        long,
        env = "STANDIN_STRICT_DOCUMENTS", hide_env = true, hide_short_help = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    strict_documents: bool,
    /// Validate an absent body as an empty object, even if none is required
    ///
    /// OpenAPI allows a request to omit its body unless `requestBody.required` is true, and many
    /// documents forget to set it.
    #[arg(
        long,
        env = "STANDIN_REQUIRE_BODIES", hide_env = true, hide_short_help = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    require_bodies: bool,
    /// Reject query names that no parameter declares
    #[arg(
        long,
        env = "STANDIN_STRICT_QUERY", hide_env = true, hide_short_help = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    strict_query: bool,
    /// Extra array notations accepted in queries
    ///
    /// `brackets` accepts a[]=1&a[]=2, which the other values accept too; `comma` also accepts
    /// a=1,2, and `repeat` a=1&a=2.
    #[arg(
        long,
        value_enum,
        value_name = "brackets|comma|repeat",
        hide_possible_values = true,
        default_value = "brackets",
        env = "STANDIN_QUERY_ARRAYS",
        hide_env = true,
        hide_short_help = true
    )]
    query_arrays: ArraysChoice,
    /// Keep what requests write, so that it can be read
    ///
    /// `standin routes --state` shows the resource and the action of each operation.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "off",
        env = "STANDIN_STATE",
        hide_env = true
    )]
    state: Switch,
    /// Copy values from the request into answers that are not backed by state [default: as --state]
    ///
    /// Copies values of the same name and type, and the ids of the path.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        env = "STANDIN_ECHO",
        hide_env = true,
        hide_short_help = true
    )]
    echo: Option<Switch>,
    /// Answer to a request for an id that was never created
    ///
    /// Applies with `--state on`. `404`: not found; `seeded`: an entity generated from the id,
    /// always the same.
    #[arg(
        long,
        value_enum,
        value_name = "404|seeded",
        hide_possible_values = true,
        default_value = "404",
        env = "STANDIN_UNKNOWN",
        hide_env = true,
        hide_short_help = true
    )]
    unknown: UnknownChoice,
    /// Default scenario of the fixtures, if the session selects no other
    #[arg(
        long,
        value_name = "NAME",
        env = "STANDIN_SCENARIO",
        hide_env = true,
        hide_short_help = true
    )]
    scenario: Option<String>,
    /// Delay of answers, such as 300ms or 100ms-1s, if nothing else sets one
    #[arg(
        long,
        value_name = "TIME",
        value_parser = delay,
        env = "STANDIN_DELAY",
        hide_env = true,
        hide_short_help = true
    )]
    delay: Option<Delay>,
    /// Longest delay that `Prefer: delay` sets; a longer one is cut
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        value_parser = time,
        env = "STANDIN_MAX_DELAY",
        hide_env = true,
        hide_short_help = true
    )]
    max_delay: Duration,
    /// Most sessions kept at a time; then the least recently used one is removed
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "STANDIN_MAX_SESSIONS",
        hide_env = true,
        hide_short_help = true
    )]
    max_sessions: u32,
    /// Memory of all sessions together, such as 512MiB; then the least recently used one is removed
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "512MiB",
        value_parser = size,
        env = "STANDIN_SESSION_MEMORY",
        hide_env = true,
        hide_short_help = true
    )]
    session_memory: usize,
    /// Enable the control API below `/_standin/`
    ///
    /// On an address that is not loopback, it is enabled only with `--control-token`.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_CONTROL",
        hide_env = true,
        hide_short_help = true
    )]
    control: Switch,
    /// Send callbacks after answers, and webhooks when they are asked for
    ///
    /// Only this machine is called, and each host of `--allow-callback`. If the address of the server is
    /// not loopback, this machine needs `--allow-callback localhost` too.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_CALLBACKS",
        hide_env = true,
        hide_short_help = true
    )]
    callbacks: Switch,
    /// Another host that callbacks and webhooks may call, such as `hooks.test` or `10.0.0.7:8080`; may be repeated
    #[arg(
        long,
        value_name = "HOST",
        value_parser = AllowedHost::parse,
        env = "STANDIN_ALLOW_CALLBACK",
        hide_env = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    allow_callback: Vec<AllowedHost>,
    /// Token that the control API requires: `Authorization: Bearer TOKEN`
    #[arg(
        long,
        value_name = "TOKEN",
        value_parser = control_token,
        env = "STANDIN_CONTROL_TOKEN",
        hide_env = true,
        hide_env_values = true,
        hide_short_help = true
    )]
    control_token: Option<String>,
    /// Console at `/_standin/`: `on`, `off`, or `write` to let it write fixtures to files
    ///
    /// With `write`, "Keep" in the console, and `POST /_standin/requests/17/fixture`, write a new
    /// file to the folder of fixtures. It needs the control API.
    #[arg(
        long,
        value_enum,
        value_name = "on|off|write",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_CONSOLE",
        hide_env = true,
        hide_short_help = true
    )]
    console: ConsoleChoice,
    /// Another host name that the control API answers to; may be repeated
    ///
    /// Loopback names and the address of the server are always accepted. Examples of other names
    /// are `host.docker.internal`, and the name of a container or a proxy. Requests to unknown
    /// names may come from pages whose host names resolve to this machine (DNS rebinding). Pages that
    /// a proxy serves at one of these names may change the state.
    #[arg(
        long,
        value_name = "NAME",
        env = "STANDIN_CONTROL_HOST",
        hide_env = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    control_host: Vec<String>,
    /// Answer requests to any host name on a loopback address
    ///
    /// Use it for another name of this machine, a tunnel or a proxy. On other addresses, the API
    /// always answers to any name. The control API is not affected; for other names it needs
    /// `--control-host`.
    #[arg(
        long,
        env = "STANDIN_ALLOW_ANY_HOST", hide_env = true, hide_short_help = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    allow_any_host: bool,
    /// Exchanges that the journal of each session keeps
    #[arg(
        long,
        value_name = "N",
        default_value_t = 500,
        env = "STANDIN_JOURNAL",
        hide_env = true,
        hide_short_help = true
    )]
    journal: usize,
    /// Allow pages of other origins to use the sandbox
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_CORS",
        hide_env = true,
        hide_short_help = true
    )]
    cors: Switch,
    /// Compress answers for clients that accept it, if that makes them shorter
    ///
    /// Uses gzip or deflate, from 1 KiB on, for text such as JSON. Answers that are sent item by
    /// item are not compressed.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_COMPRESS",
        hide_env = true,
        hide_short_help = true
    )]
    compress: Switch,
    /// Largest request content, such as 512KiB; a larger one gets 413
    #[arg(long, value_name = "SIZE", default_value = "10MiB", value_parser = size, env = "STANDIN_MAX_BODY", hide_env = true)]
    max_body: usize,
    /// Memory of all contents of requests and answers, such as 512MiB; then requests get 503
    ///
    /// Contents of up to 4 KiB are not counted, nor content that several answers share.
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "512MiB",
        value_parser = size,
        env = "STANDIN_CONTENT_MEMORY",
        hide_env = true,
        hide_short_help = true
    )]
    content_memory: usize,
    /// Milliseconds between the items of an answer that is sent item by item
    ///
    /// Applies to server-sent events, JSON Lines and JSON text sequences.
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(..=1000 * YEAR),
        env = "STANDIN_ITEM_DELAY",
        hide_env = true,
        hide_short_help = true
    )]
    item_delay: u64,
    /// End of event streams [default: hold for clients that accept them by name, else end]
    ///
    /// `end` ends the answer after the documented events; `hold` keeps it open, with a comment as a
    /// heartbeat every 15 seconds; `repeat` sends the events again and again, with growing ids and a
    /// pause of `--item-delay`, at least one second. Streams that end with `[DONE]` always end.
    #[arg(
        long,
        value_enum,
        value_name = "end|hold|repeat",
        hide_possible_values = true,
        env = "STANDIN_STREAMS",
        hide_env = true,
        hide_short_help = true
    )]
    streams: Option<StreamsChoice>,
    /// Most connections served at a time
    ///
    /// Others wait in the queue of the system until one of them closes.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "STANDIN_MAX_CONNECTIONS",
        hide_env = true,
        hide_short_help = true
    )]
    max_connections: u32,
    /// Most open requests on one HTTP/2 connection
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "STANDIN_MAX_STREAMS",
        hide_env = true,
        hide_short_help = true
    )]
    max_streams: u32,
    /// Seconds for a client to send the header of a request, or to begin the next one
    ///
    /// Then its connection is closed. An HTTP/2 connection that is silent for this time gets a
    /// ping, which must be answered.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 75,
        value_parser = clap::value_parser!(u64).range(1..=YEAR),
        env = "STANDIN_HEADER_TIMEOUT",
        hide_env = true,
        hide_short_help = true
    )]
    header_timeout: u64,
    /// Seconds for a client to send the content of a request; then it gets 408
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=YEAR),
        env = "STANDIN_BODY_TIMEOUT",
        hide_env = true,
        hide_short_help = true
    )]
    body_timeout: u64,
    /// Seconds in which a client may read nothing of an answer; then its connection closes
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=YEAR),
        env = "STANDIN_WRITE_TIMEOUT",
        hide_env = true,
        hide_short_help = true
    )]
    write_timeout: u64,
    /// Seconds for exchanges in flight to finish when the server stops
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(..=YEAR),
        env = "STANDIN_DRAIN",
        hide_env = true,
        hide_short_help = true
    )]
    drain: u64,
    /// File that keeps the state of the unnamed session across restarts, with `--state on`
    ///
    /// One server uses the file at a time; the file `FILE.lock` beside it ensures this.
    #[arg(
        long,
        value_name = "FILE",
        env = "STANDIN_STATE_FILE",
        hide_env = true,
        hide_short_help = true
    )]
    state_file: Option<PathBuf>,
    /// Report to write when the server stops: `junit`, `html` or `json`, and a file
    #[arg(
        long,
        value_names = ["FORM", "FILE"],
        num_args = 2,
        action = clap::ArgAction::Append,
        hide_short_help = true
    )]
    report: Vec<String>,
    /// Condition that causes exit code 1: `violations`, `unmatched`, `uncovered=10%`
    ///
    /// `violations`: a request to an operation did not fit the documents. `unmatched`: a request
    /// matched no operation (unknown path or method). `uncovered`: more operations than this share
    /// were never called.
    #[arg(
        long,
        value_name = "CONDITION",
        value_parser = report_file::condition,
        value_delimiter = ',',
        env = "STANDIN_FAIL_ON",
        hide_env = true,
        hide_short_help = true
    )]
    fail_on: Vec<Condition>,
    /// Operations that `uncovered` counts: an operationId, `tag: NAME`, `GET /pets/*`; may be repeated
    #[arg(
        long,
        value_name = "OPERATIONS",
        env = "STANDIN_COVER",
        hide_env = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    cover: Vec<String>,
    /// Load documents, fixtures and data again when they change: `on`, `off`, `poll=2s`
    ///
    /// On a terminal the default is `on`, else `off`. URLs are asked for changes every 5 seconds.
    /// `poll` compares the files at an interval, for file systems that report no changes, such as
    /// some mounts of containers. SIGHUP and `POST /_standin/reload` load them at any time.
    #[arg(
        long,
        value_name = "on|off|poll=TIME",
        value_parser = watch_choice::choice,
        env = "STANDIN_WATCH",
        hide_env = true,
        hide_short_help = true
    )]
    watch: Option<watch_choice::WatchChoice>,
    /// Format of the log on standard error
    ///
    /// One line for each exchange. `--log-level debug` adds the reason of each answer.
    #[arg(
        long,
        value_enum,
        value_name = "human|json|off",
        hide_possible_values = true,
        default_value = "human",
        env = "STANDIN_LOG",
        hide_env = true
    )]
    log: log::LogFormat,
    /// Least severe level of the log: error, warn, info, debug, trace
    ///
    /// Also levels by target: `standin=debug,hyper=trace`. `debug` adds the reason of each answer.
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = log::level,
        default_value = "info",
        env = "STANDIN_LOG_LEVEL",
        hide_env = true,
        hide_short_help = true
    )]
    log_level: log::LogLevel,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ValidationChoice {
    Strict,
    Warn,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ConsoleChoice {
    On,
    Off,
    Write,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ArraysChoice {
    Brackets,
    Comma,
    Repeat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StreamsChoice {
    End,
    Hold,
    Repeat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UnknownChoice {
    #[value(name = "404")]
    NotFound,
    Seeded,
}

fn delay(text: &str) -> Result<Delay, String> {
    Delay::parse(text).ok_or_else(|| {
        "expected a time such as 300ms, 1.5s or 100ms-1s, an hour at most".to_owned()
    })
}

/// Seconds of a year, the maximum of options in seconds; larger values are refused, because clocks
/// cannot represent the end of such a wait.
const YEAR: u64 = 31_536_000;
