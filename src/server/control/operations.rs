//! Control API: lists and describes the operations of the documents.
use std::ops::Range;

use serde_json::{Value, json};

use crate::contract::catalogue::{Catalogue, Found, Grouping, Row, Search, tags_of, written};
use crate::contract::described::describe;
use crate::contract::directory::SchemaDirectory;
use crate::contract::lines::PlaceLines;
use crate::errors::problem::Problem;
use crate::schema::start_of;
use crate::server::control::lists::{Paging, is_page};
use crate::server::control::{Control, ControlRequest, not_there};

/// Maximum bytes of a summary in a list; the rest is cut.
const MOST_SUMMARY: usize = 500;

/// Maximum number of groups in an answer, apart from those whose headings are in its window.
const MOST_GROUPS: usize = 1_000;

impl Control {
    /// Lists the operations that a search finds, with the headings of their groups.
    pub(super) fn operations(&self, asked: &ControlRequest<'_>) -> Value {
        let is_html = is_page(asked.request);
        let paging = Paging::read(asked);
        let found = self.catalogue().find(&Search {
            words: asked.query("q").unwrap_or_default(),
            tag: asked.query("tag"),
            grouping: match asked.query("group") {
                Some("tag") => Some(Grouping::Tag),
                Some("path") => Some(Grouping::Path),
                _ => None,
            },
        });
        let shown = range_of(&paging, found.rows.len());
        let responders = self.session_responders(asked.about());
        let mut operations = Vec::with_capacity(shown.len());
        for row in &found.rows[shown.clone()] {
            if let Row::Operation(index) = row {
                let mut listed = self.listed(*index);
                if let Some(responders) = &responders {
                    listed["responder"] = responders.short(*index);
                }
                // Roles are inferred from compiled operations, and pages do not list them.
                if !is_html {
                    self.add_role(*index, &mut listed);
                }
                operations.push(listed);
            }
        }
        let mut answer = json!({ "total": found.total, "offset": paging.offset });
        if let Some(limit) = paging.limit {
            answer["limit"] = json!(limit);
        }
        if asked.query("group").is_some() {
            answer["rows"] = json!(found.rows.len());
            let (groups, left_out) = groups(&found, &shown);
            answer["groups"] = groups;
            if left_out > 0 {
                answer["groupsLeftOut"] = json!(left_out);
            }
        }
        answer["operations"] = Value::Array(operations);
        answer
    }

    /// Returns the search texts and groups of the operations, made at the first call.
    fn catalogue(&self) -> &Catalogue {
        self.catalogue
            .get_or_init(|| Catalogue::new(self.sandbox.contract()))
    }

    /// Describes one operation.
    ///
    /// # Errors
    ///
    /// `Problem` 404 with the nearest name, if there is no such operation.
    pub(super) fn describe_operation(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.after("operations");
        let contract = self.sandbox.contract();
        let index = contract.find(&name).ok_or_else(|| {
            let nearest = contract.nearest_operation(&name);
            let nearest = nearest.map(|name| format!("; there is `{name}`"));
            not_there(format!(
                "operation `{name}` not found{}",
                nearest.unwrap_or_default()
            ))
        })?;
        let operation = &contract.operations[index];
        let name_of = |pointer: &str| {
            self.directory()
                .name_at(contract, operation.document, pointer)
        };
        let mut described = describe(
            contract,
            operation,
            self.lines().of_operation(index),
            &name_of,
        );
        self.add_role(index, &mut described);
        if let Some(responders) = self.session_responders(asked.about()) {
            described["responder"] = responders.whole(index);
        }
        Ok(described)
    }

    /// Returns the named schemas of the documents, found at the first call.
    pub(super) fn directory(&self) -> &SchemaDirectory {
        self.directory
            .get_or_init(|| SchemaDirectory::new(self.sandbox.contract()))
    }

    /// Returns the lines of operations and schemas, found at the first call.
    pub(super) fn lines(&self) -> &PlaceLines {
        self.lines
            .get_or_init(|| PlaceLines::new(self.sandbox.contract(), self.directory()))
    }

    /// Returns the row of an operation in a list, for which nothing is compiled.
    fn listed(&self, index: usize) -> Value {
        let contract = self.sandbox.contract();
        let operation = &contract.operations[index];
        let value = written(contract, operation);
        let summary = value.get("summary").and_then(Value::as_str);
        json!({
            "operation": operation.name(),
            "method": operation.method.as_str(),
            "path": operation.path_key(),
            "document": contract.documents[operation.document].source().name(),
            "summary": summary.map(|text| start_of(text, MOST_SUMMARY)),
            "tags": tags_of(value),
            "deprecated": value.get("deprecated") == Some(&Value::Bool(true)),
            "fixtures": operation.fixtures.len(),
        })
    }

    /// Adds the action of an operation and its collection.
    fn add_role(&self, index: usize, shown: &mut Value) {
        let role = self
            .sandbox
            .resources()
            .role(self.sandbox.contract(), index);
        shown["does"] = json!(role.map(|role| role.act.name()));
        shown["collection"] = json!(role.map(|role| &role.collection.name));
    }
}

/// Returns the indexes of the rows of a page.
fn range_of(paging: &Paging, length: usize) -> Range<usize> {
    let begin = paging.offset.min(length);
    let end = paging.limit.map(|limit| begin.saturating_add(limit));
    begin..end.unwrap_or(length).min(length)
}

/// Returns the groups of a result, and the number of those that are left out.
fn groups(found: &Found<'_>, shown: &Range<usize>) -> (Value, usize) {
    let listed = found
        .groups
        .iter()
        .enumerate()
        .filter(|(index, group)| *index < MOST_GROUPS || shown.contains(&group.row));
    let listed: Vec<Value> = listed
        .map(|(_, group)| json!({ "name": group.name, "count": group.count, "row": group.row }))
        .collect();
    let left_out = found.groups.len() - listed.len();
    (Value::Array(listed), left_out)
}
