//! Real documents, of the folder that `STANDIN_CORPUS` names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use standin::{Input, Reading, Sandbox, Settings};

/// The folder. Tests that need it are ignored unless they are asked for.
pub(crate) fn corpus() -> PathBuf {
    std::env::var_os("STANDIN_CORPUS")
        .map(PathBuf::from)
        .expect("STANDIN_CORPUS names a folder of documents")
}

/// Returns the sandbox of a document, or of a folder of documents.
pub(crate) fn load(path: &Path) -> Sandbox {
    load_with(path, &Reading::default())
}

/// Returns the sandbox of a document that is read with these options.
pub(crate) fn load_with(path: &Path, reading: &Reading) -> Sandbox {
    let input = Input::Path(path.to_owned());
    Sandbox::load(&[input], None, reading, Settings::default())
}

/// Every document of it, by folder.
pub(crate) fn documents(corpus: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(corpus)
        .expect("the corpus is there")
        .map(|entry| entry.expect("can be read").path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    let of_folder = |folder: &PathBuf| {
        let sandbox = load(folder);
        let names = sandbox
            .contract()
            .documents
            .iter()
            .map(|document| PathBuf::from(document.source().name()));
        names.collect::<Vec<_>>()
    };
    folders.iter().flat_map(of_folder).collect()
}

/// A validator of one document, set up apart from the one that answers are made with: on the whole
/// tree, with what is `writeOnly` not asked for.
pub(crate) struct Judge {
    registry: jsonschema::Registry<'static>,
    validators: HashMap<String, Option<jsonschema::Validator>>,
}

const BASE: &str = "judge:/document";

impl Judge {
    pub(crate) fn new(tree: &Value) -> Option<Self> {
        let mut tree = tree.clone();
        forget_write_only(&mut tree);
        let registry = jsonschema::Registry::new()
            .draft(jsonschema::Draft::Draft202012)
            .add(BASE, tree)
            .ok()?;
        Some(Self {
            registry: registry.prepare().ok()?,
            validators: HashMap::new(),
        })
    }

    pub(crate) fn is_valid(&mut self, pointer: &str, body: &Value) -> Option<bool> {
        let registry = &self.registry;
        let validator = self
            .validators
            .entry(pointer.to_owned())
            .or_insert_with(|| {
                let fragment = percent_encoding::utf8_percent_encode(pointer, FRAGMENT).to_string();
                let schema = serde_json::json!({ "$ref": format!("{BASE}#{fragment}") });
                jsonschema::draft202012::options()
                    .with_registry(registry)
                    .build(&schema)
                    .ok()
            });
        validator.as_ref().map(|validator| validator.is_valid(body))
    }
}

/// What a fragment may not have as it is, of what pointers have.
const FRAGMENT: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'{')
    .add(b'}')
    .add(b'^')
    .add(b'|')
    .add(b'`')
    .add(b'#')
    .add(b'[')
    .add(b']')
    .add(b'\\');

fn forget_write_only(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let secret: Vec<String> = object
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter(|(_, property)| property.get("writeOnly") == Some(&Value::Bool(true)))
                .map(|(name, _)| name.clone())
                .collect();
            if let Some(Value::Array(required)) = object.get_mut("required") {
                required.retain(|name| !secret.iter().any(|secret| name == secret));
            }
            object.values_mut().for_each(forget_write_only);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_write_only),
        _ => {}
    }
}
