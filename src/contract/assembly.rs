//! Several documents and the fixture files → one contract, which says which operation answers at a
//! path.
//!
//! `outline` finds the operations of each document.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::contract::fixture_key::attach;
use crate::contract::merge::same_operation;
use crate::contract::operation::{Operation, OutgoingOperation};
use crate::contract::outline::outline;
use crate::contract::route::{PathTemplate, Router};
use crate::contract::{Contract, error_override};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Document, FixtureFile, Loaded};
use crate::schema::Examples;
use crate::schema::{Demand, Schemas};

/// Assembles one contract from everything that was loaded.
#[must_use]
pub(crate) fn assemble(
    loaded: &Loaded,
    fixtures: &[FixtureFile],
    examples: Examples,
    demand: Demand,
) -> Contract {
    let mut assembly = Assembly::new(loaded.diagnostics.clone());
    for document in loaded.documents.iter().cloned() {
        assembly.document(document, examples, demand);
    }
    assembly.finish(fixtures, loaded.passed_over)
}

/// A contract under construction.
struct Assembly {
    documents: Vec<Arc<Schemas>>,
    operations: Vec<Operation>,
    webhooks: Vec<OutgoingOperation>,
    router: Router,
    variants: HashMap<usize, Vec<usize>>,
    diagnostics: Vec<Diagnostic>,
}

impl Assembly {
    pub(crate) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            documents: Vec::new(),
            operations: Vec::new(),
            webhooks: Vec::new(),
            router: Router::new(),
            variants: HashMap::new(),
            diagnostics,
        }
    }

    fn document(&mut self, document: Document, examples: Examples, demand: Demand) {
        let schemas = Schemas::new(document.source, document.tree, demand);
        schemas.treat_examples(examples);
        let outline = outline(&schemas, self.documents.len(), examples);
        self.diagnostics.extend(outline.diagnostics);
        self.documents.push(schemas);
        self.webhooks.extend(outline.webhooks);
        outline
            .operations
            .into_iter()
            .for_each(|operation| self.add(operation));
    }

    /// Adds an operation at its path without a base path. If the path is taken, the first
    /// operation keeps it, unless that one is broken and this one is not; variants of a path share
    /// it.
    fn add(&mut self, operation: Operation) {
        let template = PathTemplate::parse(&operation.template);
        let bare = self.router.add(
            &PathTemplate::parse(""),
            &template,
            &operation.method,
            self.operations.len(),
        );
        let Err(first) = bare else {
            self.operations.push(operation);
            return;
        };
        let variants = self.variants.entry(first).or_insert_with(|| vec![first]);
        if variants
            .iter()
            .all(|index| self.operations[*index].variant != operation.variant)
        {
            variants.push(self.operations.len());
            self.operations.push(operation);
            return;
        }
        if !self.operations[first].compiled().unknown.is_empty()
            && operation.compiled().unknown.is_empty()
        {
            // Only one of them can answer here, so the intact operation replaces the broken one.
            let broken = std::mem::replace(&mut self.operations[first], operation);
            self.diagnostics
                .extend(broken.compiled().diagnostics.iter().cloned());
            return;
        }
        let first = &self.operations[first];
        if same_operation(&self.documents, first, &operation) {
            return;
        }
        let message = format!(
            "`{} {}` is documented twice and differently",
            operation.method,
            operation.path_key()
        );
        let only_bases = first.bases != operation.bases && !operation.bases.is_empty();
        let answers = if only_bases {
            format!(", this one only below {}", operation.bases.join(", "))
        } else {
            String::new()
        };
        let found = Diagnostic::at(Code::DuplicateOperation, operation.place.clone(), message);
        self.diagnostics.push(found.help_at(
            "the one at ",
            first.place.clone(),
            format!(" answers{answers}"),
        ));
        if only_bases {
            self.operations.push(operation);
        }
    }

    /// Marks operations whose `operationId` an earlier one has: names must tell them apart.
    fn mark_repeated_ids(&mut self) {
        let mut known: HashSet<String> = HashSet::new();
        for operation in &mut self.operations {
            if let Some(id) = &operation.id {
                operation.repeats_id = !known.insert(id.clone());
            }
        }
    }

    fn finish(mut self, fixtures: &[FixtureFile], passed_over: usize) -> Contract {
        self.mark_repeated_ids();
        self.base_paths();
        self.operation_ids();
        let mut contract = Contract {
            operations: self.operations,
            webhooks: self.webhooks,
            documents: self.documents,
            diagnostics: self.diagnostics,
            overrules: Vec::new(),
            passed_over,
            router: self.router,
            variants: self.variants,
            named: Mutex::default(),
        };
        attach(&mut contract, fixtures);
        overrule_errors(&mut contract, fixtures);
        contract
    }

    /// Adds the base paths last, and ignores those whose place is taken: an operation documented
    /// at a path takes precedence over one that a base path moves there.
    fn base_paths(&mut self) {
        for (index, operation) in self.operations.iter().enumerate() {
            let template = PathTemplate::parse(&operation.template);
            for base in operation.bases.iter() {
                let _taken = self.router.add(
                    &PathTemplate::parse(base),
                    &template,
                    &operation.method,
                    index,
                );
            }
        }
    }

    fn operation_ids(&mut self) {
        let mut first_with: HashMap<&str, &Operation> = HashMap::new();
        for operation in &self.operations {
            let Some(id) = operation.id.as_deref() else {
                continue;
            };
            if let Some(first) = first_with.get(id) {
                let message = format!("the operationId `{id}` is used twice");
                let found =
                    Diagnostic::at(Code::DuplicateOperationId, operation.place.clone(), message);
                self.diagnostics.push(found.help_at(
                    "fixtures for it go to the one at ",
                    first.place.clone(),
                    "",
                ));
            } else {
                first_with.insert(id, operation);
            }
        }
    }
}

/// Attaches error overrides to their operations. Those of an operation take precedence over those
/// of its document, and these over those of `*`; all that a person wrote takes precedence over what was
/// learned.
fn overrule_errors(contract: &mut Contract, fixtures: &[FixtureFile]) {
    let mut found = Vec::new();
    let (learned, written): (Vec<&FixtureFile>, Vec<&FixtureFile>) =
        fixtures.iter().partition(|file| file.is_learned());
    overrule_errors_by(contract, &written, &mut found);
    overrule_errors_by(contract, &learned, &mut found);
    contract.diagnostics.append(&mut found);
}

/// Attaches the error overrides of some files after those that operations have.
fn overrule_errors_by(
    contract: &mut Contract,
    fixtures: &[&FixtureFile],
    found: &mut Vec<Diagnostic>,
) {
    let (mut of_operations, mut of_documents, mut of_all) = (Vec::new(), Vec::new(), Vec::new());
    for (name, overrule) in fixtures
        .iter()
        .flat_map(|file| error_override::read(file, found))
        .collect::<Vec<_>>()
    {
        let overrule = Arc::new(overrule);
        let document = contract
            .documents
            .iter()
            .position(|document| is_called(document.source().name(), &name));
        match (contract.find(&name), document) {
            _ if name == "*" => of_all.push(overrule),
            (Some(index), _) => of_operations.push((index, overrule)),
            (None, Some(index)) => of_documents.push((index, overrule)),
            (None, None) => {
                let message = format!("there is neither an operation nor a document `{name}`");
                let unknown = Diagnostic::at(
                    Code::UnknownFixtureOperation,
                    overrule.place.clone(),
                    message,
                );
                found.push(match contract.nearest_operation(&name) {
                    Some(name) => unknown.help(format!("there is `{name}`")),
                    None => unknown.help("write an operationId, `METHOD /path`, the name of a document's file, or `*`"),
                });
            }
        }
    }
    contract
        .overrules
        .resize_with(contract.documents.len(), Vec::new);
    for (index, overrules) in contract.overrules.iter_mut().enumerate() {
        let own = of_documents.iter().filter(|(there, _)| *there == index);
        overrules.extend(own.map(|(_, overrule)| overrule).chain(&of_all).cloned());
    }
    for (index, operation) in contract.operations.iter_mut().enumerate() {
        let own = of_operations.iter().filter(|(there, _)| *there == index);
        let of_document = of_documents
            .iter()
            .filter(|(there, _)| *there == operation.document);
        let all = own.chain(of_document).map(|(_, overrule)| overrule);
        operation.overrules.extend(all.chain(&of_all).cloned());
    }
}

/// Returns true if a name refers to a document: its path, or the end of its path.
fn is_called(document: &str, name: &str) -> bool {
    document == name
        || document
            .strip_suffix(name)
            .is_some_and(|before| before.ends_with(['/', '\\']))
}
