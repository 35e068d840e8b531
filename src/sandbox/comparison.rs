//! Compares a sandbox with an earlier one, for reloads: the operations that changed, the files that
//! were broken, and the entities that no longer fit.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::contract::changes::Changes;
use crate::diagnostic::{Code, Diagnostic};
use crate::entity::values::misfit;
use crate::resource::Collection;
use crate::sandbox::Sandbox;
use crate::state::session::{SessionState, Snapshot};

/// Maximum number of entities that are checked against their schemas after a reload.
const MOST_JUDGED: usize = 10_000;

impl Sandbox {
    /// Returns the operations that differ from those of an earlier sandbox.
    #[must_use]
    pub(crate) fn changes_since(&self, earlier: &Self) -> Changes {
        Changes::between(&earlier.contract, &self.contract)
    }

    /// Returns true if fixtures or data differ from those of an earlier sandbox.
    #[must_use]
    pub(crate) fn has_other_fixtures(&self, earlier: &Self) -> bool {
        self.material.supplied != earlier.material.supplied
    }

    /// Returns the diagnostics that show a file that was broken since an earlier sandbox was
    /// loaded: it cannot be read or parsed, or is no longer a document.
    #[must_use]
    pub(crate) fn broken_since(&self, earlier: &Self) -> Vec<Diagnostic> {
        let is_broken = |found: &&Diagnostic| {
            matches!(
                found.code,
                Code::UnreadableFile
                    | Code::Syntax
                    | Code::NotOpenapi
                    | Code::UnsupportedVersion
                    | Code::BrokenOverlay
            )
        };
        let lines = |sandbox: &Self| {
            let all = sandbox.contract.diagnostics.iter().filter(is_broken);
            all.map(|found| (found.render_line(), found.clone()))
                .collect::<Vec<_>>()
        };
        let before = lines(earlier);
        let is_new =
            |(line, _): &(String, Diagnostic)| before.iter().all(|(there, _)| there != line);
        let mut broken: Vec<Diagnostic> = lines(self)
            .into_iter()
            .filter(is_new)
            .map(|(_, found)| found)
            .collect();
        if broken.is_empty() {
            broken.extend(self.lost_since(earlier));
        }
        broken
    }

    /// Returns a diagnostic for each file of an earlier sandbox that cannot be read any more, and for
    /// each document whose file still exists and is not a document any more.
    fn lost_since(&self, earlier: &Self) -> Vec<Diagnostic> {
        let sources = (self.sources(), earlier.sources());
        let was_whole =
            |path: &PathBuf| sources.1.files.contains(path) && !sources.1.failed.contains_key(path);
        let failed = sources.0.failed.iter();
        let failed = failed.filter(|(path, _)| was_whole(path));
        let failed = failed.map(|(_, why)| {
            Diagnostic::without_place(Code::UnreadableFile, why.clone())
                .help("a document refers to this file")
        });
        let mut found: Vec<Diagnostic> = failed.collect();
        if self.contract.documents.is_empty() && !earlier.contract.documents.is_empty() {
            let message = "no document is left to serve".to_owned();
            found.push(Diagnostic::without_place(Code::NotOpenapi, message));
        }
        let names = |sandbox: &Self| -> Vec<String> {
            let documents = sandbox.contract.documents.iter();
            documents
                .map(|document| document.source().name().to_owned())
                .collect()
        };
        let now = names(self);
        let is_lost = |name: &String| !now.contains(name) && Path::new(name).is_file();
        let lost = names(earlier).into_iter().filter(is_lost);
        found.extend(lost.map(|name| {
            let message = format!("`{name}` is not an OpenAPI document any more");
            Diagnostic::without_place(Code::NotOpenapi, message)
                .help("remove the file to stop serving its operations")
        }));
        found
    }

    /// Returns the collections with entities that do not fit their schema, and the number of these
    /// entities; at most [`MOST_JUDGED`] entities are checked.
    #[must_use]
    pub(crate) fn misfits(&self) -> Vec<(String, usize)> {
        let mut collections: IndexMap<&str, &Arc<Collection>> = IndexMap::new();
        for (_, role) in self.resources.all(&self.contract) {
            collections
                .entry(role.collection.name.as_str())
                .or_insert(&role.collection);
        }
        let mut misfits: IndexMap<String, usize> = IndexMap::new();
        let mut left = MOST_JUDGED;
        for (session, _) in self.memory.sessions() {
            let now = self.memory.look(&session, SessionState::now);
            for (name, entities) in now.iter().flat_map(Snapshot::written) {
                let Some(collection) = collections.get(name) else {
                    continue;
                };
                for entity in entities.all.values() {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                    if misfit(collection, entity).is_some() {
                        *misfits.entry(name.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        misfits.into_iter().collect()
    }
}
