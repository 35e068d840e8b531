//! Directory of the named schemas of a contract: their places, and what refers to each.
//!
//! It is made once per contract, when a client first asks about schemas; the documents are read
//! once from end to end for it.
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::contract::catalogue::written;
use crate::contract::merge::item_of;
use crate::contract::{Contract, Operation};
use crate::document::link::FILES;
use crate::document::reference::{is_only_reference, local_pointer};
use crate::document::syntax::{find, join};
use crate::schema::outline::SchemaName;

/// Maximum number of operations, and of schemas, that are listed as users of a schema; others are
/// only counted.
const MOST_USERS: usize = 100;

/// Longest chain of references that is followed.
const LONGEST_CHAIN: usize = 20;

/// Schema in `components` of a document, or of a file that belongs to one.
#[derive(Debug)]
pub(crate) struct NamedSchema {
    /// Index in [`SchemaDirectory::schemas`].
    pub number: usize,
    /// Name, such as `Pet`; numbered if several files of a document have it: `Pet_2`.
    pub name: String,
    /// Index of its document in [`Contract::documents`].
    pub document: usize,
    /// JSON Pointer of the component.
    pub pointer: String,
    /// Operations that refer to it, directly or through parameters, bodies and responses.
    pub operations: Users,
    /// Schemas that refer to it, by their index.
    pub schemas: Users,
}

/// Users of a schema, by index.
#[derive(Debug, Default)]
pub(crate) struct Users {
    /// The first of them.
    pub first: Vec<usize>,
    /// Number of all.
    pub count: usize,
}

impl Users {
    fn add(&mut self, user: usize) {
        self.count += 1;
        if self.first.len() < MOST_USERS {
            self.first.push(user);
        }
    }
}

/// Named schemas of all documents.
#[derive(Debug)]
pub(crate) struct SchemaDirectory {
    /// Schemas in the order of the documents.
    pub schemas: Vec<NamedSchema>,
    /// Indexes of schemas by JSON Pointer, for each document.
    by_pointer: Vec<HashMap<String, usize>>,
    by_name: HashMap<String, Vec<usize>>,
}

impl SchemaDirectory {
    /// Reads the documents of a contract.
    #[must_use]
    pub(crate) fn new(contract: &Contract) -> Self {
        let mut directory = Self {
            schemas: Vec::new(),
            by_pointer: Vec::new(),
            by_name: HashMap::new(),
        };
        for (index, document) in contract.documents.iter().enumerate() {
            directory.by_pointer.push(HashMap::new());
            directory.add_components(index, document.tree());
        }
        for (index, schema) in directory.schemas.iter().enumerate() {
            let names = directory.by_name.entry(schema.name.clone()).or_default();
            names.push(index);
        }
        directory.add_users(contract);
        directory
    }

    /// Finds schemas by name: one for each document that has it.
    pub(crate) fn called(&self, name: &str) -> impl Iterator<Item = &NamedSchema> {
        let indexes = self.by_name.get(name).into_iter().flatten();
        indexes.map(|index| &self.schemas[*index])
    }

    /// Returns the name of the schema at a JSON Pointer of a document.
    #[must_use]
    pub(crate) fn name_at(
        &self,
        contract: &Contract,
        document: usize,
        pointer: &str,
    ) -> Option<SchemaName> {
        let schema = &self.schemas[*self.by_pointer.get(document)?.get(pointer)?];
        let is_shared = self.called(&schema.name).nth(1).is_some();
        Some(SchemaName {
            name: schema.name.clone(),
            document: is_shared.then(|| contract.documents[document].source().name().to_owned()),
        })
    }

    /// Returns the name of the schema that has a place in it, and of which the document is this.
    #[must_use]
    pub(crate) fn name_around(
        &self,
        contract: &Contract,
        document: usize,
        pointer: &str,
    ) -> Option<SchemaName> {
        let mut rest = pointer;
        loop {
            if let Some(name) = self.name_at(contract, document, rest) {
                return Some(name);
            }
            rest = &rest[..rest.rfind('/')?];
        }
    }

    fn add_components(&mut self, document: usize, tree: &Value) {
        let mut taken = HashSet::new();
        let mut homes = vec![(
            "/components/schemas".to_owned(),
            find(tree, "/components/schemas"),
        )];
        for (file, part) in members(tree.get(FILES)) {
            let home = join(&join("", FILES), file) + "/components/schemas";
            homes.push((home, part.pointer("/components/schemas")));
        }
        for (home, section) in homes {
            for (name, schema) in members(section) {
                let pointer = join(&home, name);
                // A component of the document may be a reference to this one.
                if self.by_pointer[document].contains_key(&pointer) {
                    continue;
                }
                let name = unused(name, &mut taken);
                let index = self.schemas.len();
                for at in chain(tree, pointer.clone(), schema) {
                    self.by_pointer[document].entry(at).or_insert(index);
                }
                self.schemas.push(NamedSchema {
                    number: index,
                    name,
                    document,
                    pointer,
                    operations: Users::default(),
                    schemas: Users::default(),
                });
            }
        }
    }

    fn add_users(&mut self, contract: &Contract) {
        let mut uses: Vec<(usize, usize)> = Vec::new();
        for (index, schema) in self.schemas.iter().enumerate() {
            let tree = contract.documents[schema.document].tree();
            let mut found = HashSet::new();
            if let Some(value) = find(tree, &schema.pointer) {
                references(value, &mut |pointer| {
                    found.extend(self.by_pointer[schema.document].get(&pointer).copied());
                });
            }
            uses.extend(found.into_iter().map(|used| (used, index)));
        }
        uses.sort_unstable();
        let mut reader = UserReader {
            directory: self,
            contract,
            known: HashMap::new(),
        };
        let mut used: Vec<(usize, usize)> = Vec::new();
        for (index, operation) in contract.operations.iter().enumerate() {
            used.extend(reader.used_by(operation).into_iter().map(|of| (of, index)));
        }
        for (of, schema) in uses {
            self.schemas[of].schemas.add(schema);
        }
        for (of, operation) in used {
            self.schemas[of].operations.add(operation);
        }
    }
}

/// Reader of the schemas that operations refer to.
struct UserReader<'d> {
    directory: &'d SchemaDirectory,
    contract: &'d Contract,
    /// Schemas that shared parameters, bodies and responses refer to, by document and pointer.
    known: HashMap<(usize, String), HashSet<usize>>,
}

impl UserReader<'_> {
    fn used_by(&mut self, operation: &Operation) -> HashSet<usize> {
        let document = operation.document;
        let tree = self.contract.documents[document].tree();
        let item = find(tree, item_of(operation.place.pointer()));
        let inherited = item.and_then(|item| item.get("parameters"));
        let mut found = HashSet::new();
        self.read(document, written(self.contract, operation), 0, &mut found);
        if let Some(inherited) = inherited {
            self.read(document, inherited, 0, &mut found);
        }
        found
    }

    /// Adds the schemas that a value refers to, directly or through shared parts that are no named
    /// schemas.
    fn read(&mut self, document: usize, value: &Value, depth: usize, found: &mut HashSet<usize>) {
        let mut shared = Vec::new();
        references(
            value,
            &mut |pointer| match self.directory.by_pointer[document].get(&pointer) {
                Some(schema) => {
                    found.insert(*schema);
                }
                None => shared.push(pointer),
            },
        );
        if depth >= LONGEST_CHAIN {
            return;
        }
        for pointer in shared {
            let key = (document, pointer);
            if !self.known.contains_key(&key) {
                // Entered first, so that a circle ends.
                self.known.insert(key.clone(), HashSet::new());
                let tree = self.contract.documents[document].tree();
                let mut inside = HashSet::new();
                if let Some(part) = find(tree, &key.1) {
                    self.read(document, part, depth + 1, &mut inside);
                }
                self.known.insert(key.clone(), inside);
            }
            found.extend(self.known.get(&key).into_iter().flatten());
        }
    }
}

/// Passes the pointers of all local references in a value to a function.
fn references(value: &Value, visit: &mut dyn FnMut(String)) {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str)
                && let Some(pointer) = local_pointer(reference)
            {
                visit(pointer);
            }
            object.values().for_each(|part| references(part, visit));
        }
        Value::Array(items) => items.iter().for_each(|part| references(part, visit)),
        _ => {}
    }
}

/// Returns the pointer of a component, and of what it leads to if it is only a reference.
fn chain(tree: &Value, pointer: String, schema: &Value) -> Vec<String> {
    let mut found = vec![pointer];
    let mut at = schema;
    while found.len() < LONGEST_CHAIN && is_only_reference(at) {
        let target = at
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(local_pointer);
        let Some((pointer, value)) = target.and_then(|to| Some((to.clone(), find(tree, &to)?)))
        else {
            break;
        };
        // A reference to another component of the document is an alias of it.
        if pointer.starts_with("/components/") {
            break;
        }
        found.push(pointer);
        at = value;
    }
    found
}

/// Returns a name that is not taken yet, with a number if it must be: `Error_2`.
fn unused(name: &str, taken: &mut HashSet<String>) -> String {
    let numbered = (2..=usize::MAX).map(|number| format!("{name}_{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}
