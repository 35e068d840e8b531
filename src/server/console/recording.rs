//! The console of a proxy: what is recorded, what was written, and what became nothing.
use maud::{Markup, html};
use serde_json::Value;

use crate::diagnostic::escape::one_line;
use crate::server::console::parts::{bytes, counted, is, items, number, short, text};

/// Writes the state of the recording, with the buttons that change it.
pub(super) fn page(value: &Value) -> Markup {
    let is_on = is(value, "on");
    html! {
        article.recording data-on=(is_on) {
            h2 { "Recording" }
            p.actions {
                @if is_on {
                    button #record-toggle type="button" data-call="PUT recording" data-body="{\"on\":false}" data-done="The recording is paused" { "Pause" }
                } @else {
                    button #record-toggle type="button" data-call="PUT recording" data-body="{\"on\":true}" data-done="The recording goes on" { "Start" }
                }
                " " button #record-write type="button" data-call="POST recording" data-done="The recording is written" { "Write now" }
            }
            div.live {
                p role="status" {
                    @if is_on { strong { "Exchanges with the real API are recorded." } }
                    @else { strong { "The recording is paused." } " Exchanges since then are not recorded." }
                    " " (counted(number(value, "exchanges"), "exchange")) ", " (bytes(number(value, "bytes"))) " so far."
                }
                (reached_limits(value))
                (learned(&value["learned"]))
                (written(value))
            }
        }
    }
}

/// Writes what was left out at limits.
fn reached_limits(value: &Value) -> Markup {
    let limits = &value["limits"];
    html! {
        @if number(value, "dropped") > 0 {
            p.warning {
                (counted(number(value, "dropped"), "exchange")) " not recorded: a recording has at most "
                (number(limits, "exchanges")) " exchanges and " (bytes(number(limits, "bytes"))) "."
            }
        }
        @if number(&value["learned"], "dropped") > 0 {
            p.warning { (counted(number(&value["learned"], "dropped"), "error")) " not learned: the limit of learned errors was reached." }
        }
        @if number(&value["har"], "dropped") > 0 {
            p.warning { (counted(number(&value["har"], "dropped"), "exchange")) " not in the HAR, which has reached its limit." }
        }
    }
}

/// Writes the files of the last write, and what became of the exchanges.
fn written(value: &Value) -> Markup {
    let (folder, report) = (one_line(text(value, "folder")), &value["written"]);
    if report.is_null() {
        return html! { p.note { "Nothing is written yet. Fixtures are written to " code { (folder) } " when the proxy ends, and now if you wish." } };
    }
    let files = items(report, "files");
    html! {
        h3 { "Last write" }
        p {
            (counted(number(report, "recorded"), "exchange")) " became fixtures"
            @if number(report, "standIns") > 0 { ", with stand-ins for " (counted(number(report, "standIns"), "secret")) }
            "."
        }
        @if files.is_empty() { p.note { "No file was written." } } @else {
            table.files {
                caption { "Files for " (folder) }
                thead { tr { th scope="col" { "File" } th scope="col" { "Entries" } th scope="col" { "Size" } } }
                tbody {
                    @for file in files {
                        tr {
                            th scope="row" { (one_line(text(file, "path"))) }
                            td { @if number(file, "entries") > 0 { (number(file, "entries")) } @else { "a body" } }
                            td { (bytes(number(file, "bytes"))) }
                        }
                    }
                }
            }
        }
        (unmatched(items(report, "unmatched")))
        @for left_out in items(report, "leftOut") { (left_out_for(left_out)) }
        (unreproduced(items(report, "unreproduced")))
    }
}

fn unmatched(all: &[Value]) -> Markup {
    html! {
        @if !all.is_empty() {
            h4 { "No fixture, as no operation of the documents matches" }
            ul { @for one in all { li { code { (one_line(text(one, "request"))) } " " span.note { (counted(number(one, "count"), "time")) } } } }
        }
    }
}

fn left_out_for(left_out: &Value) -> Markup {
    html! {
        h4 { "No fixture for " (counted(number(left_out, "count"), "exchange")) ", as " (text(left_out, "reason")) }
        ul { @for one in items(left_out, "requests") { li { code { (short(one)) } } } }
    }
}

fn unreproduced(all: &[Value]) -> Markup {
    html! {
        @if !all.is_empty() {
            h4 { "Not answered as they were recorded" }
            ul { @for one in all { li { code { (one_line(text(one, "request"))) } " " (text(one, "reason")) } } }
        }
    }
}

/// Writes what was learned about the errors of the real API.
fn learned(learned: &Value) -> Markup {
    let unused = learned["unused"].as_object().into_iter().flatten();
    let voice = &learned["voice"];
    let has_learned = voice["learned"]
        .as_object()
        .is_some_and(|all| !all.is_empty());
    html! {
        @if number(learned, "errors") > 0 {
            p {
                (counted(number(learned, "errors"), "error")) " of the real API, from whose words its other errors are learned"
                @if has_learned { "; " code { "learned.yaml" } " has what they prove" }
                "."
            }
        }
        @for (reason, count) in unused { p.note { (short(count)) " not used: " (reason) } }
        @for line in items(voice, "contradictions").iter().chain(items(voice, "unreproduced")) { p.warning { (short(line)) } }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_and_what_became_nothing_are_told() {
        let value = json!({
            "on": false, "exchanges": 2, "bytes": 2048, "dropped": 3, "folder": "fixtures/recorded",
            "limits": {"exchanges": 2, "bytes": 1_048_576}, "har": {"dropped": 1},
            "learned": {"errors": 1, "voice": {"learned": {"*": {"required": 1}}}},
            "written": {"recorded": 1, "files": [{"path": "recorded/a.yaml", "bytes": 10, "entries": 1}],
                "unmatched": [{"request": "GET /x", "count": 2}],
                "leftOut": [{"reason": "the status is none that a fixture can have", "count": 1, "requests": ["GET /y"]}]},
        });
        let page = page(&value).into_string();
        for part in [
            "The recording is paused.",
            "2 exchanges, 2 KiB so far",
            "3 exchanges not recorded: a recording has at most 2 exchanges and 1.0 MiB.",
            "1 exchange not in the HAR",
            "<code>learned.yaml</code> has what they prove",
            "recorded/a.yaml",
            "<code>GET /x</code>",
            "No fixture for 1 exchange, as the status is none that a fixture can have",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
