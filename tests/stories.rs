//! What is written is read, and what is deleted is not: random stories over the resources of documents, beside a
//! plain model of what must be there; each answer must fit its schema.

#[path = "support/known.rs"]
mod known;
#[path = "support/real.rs"]
mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, StatusCode, Uri};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use standin::internals::{
    Act, KeyFrom, MediaRange, MediaType, Operation, Role, Routed, Slot, StateMode, StatusPattern,
    Validation, place, sample,
};
use standin::{GenerateOptions, Input, Reading, Request, Sandbox, Settings};

use known::Failures;
use real::{Judge, corpus, documents};

/// How many steps a story has.
const STEPS: usize = 12;

/// A sandbox that remembers. What requests lack is not what the stories are about.
fn remembering(input: Input) -> Sandbox {
    let settings = Settings {
        state: StateMode::On,
        validation: Validation::Off,
        ..Settings::default()
    };
    Sandbox::load(&[input], None, &Reading::default(), settings)
}

/// What a story is about: the operations that do something with one collection.
struct Plot<'s> {
    sandbox: &'s Sandbox,
    create: (usize, &'s Role),
    read: (usize, &'s Role),
    delete: Option<(usize, &'s Role)>,
    change: Option<(usize, &'s Role)>,
    list: Option<(usize, &'s Role)>,
}

/// What went wrong.
type Faults = Vec<String>;

impl<'s> Plot<'s> {
    fn all(sandbox: &'s Sandbox) -> Vec<Self> {
        let roles = sandbox.resources().all(sandbox.contract());
        let mut names: Vec<&str> = roles
            .iter()
            .map(|(_, role)| role.collection.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let of = |name: &str, wanted: &dyn Fn(&Role) -> bool| {
            roles
                .iter()
                .find(|(_, role)| role.collection.name == name && wanted(role))
                .copied()
        };
        // A path with another property than the key does not take the key.
        let by_path = |role: &Role| role.key == KeyFrom::Path(1) && role.by.is_none();
        let plots = names.into_iter().filter_map(|name| {
            let create = of(name, &|role| {
                role.act == Act::Create && role.slot != Slot::Nothing
            })?;
            let read = of(name, &|role| role.act == Act::Read && by_path(role))?;
            // An entity whose own answer does not say what it is called cannot be read by a client.
            let is_named = match &create.1.slot {
                Slot::Entity(place) => {
                    let schema = create.1.collection.entity.as_ref()?;
                    let node = schema.root().pointer(&place.pointer)?;
                    create
                        .1
                        .collection
                        .key
                        .as_ref()
                        .and_then(|key| schema.property(node, key.name()?))
                        .is_some()
                }
                Slot::Key(_) => true,
                _ => false,
            };
            is_named.then(|| Self {
                sandbox,
                create,
                read,
                delete: of(name, &|role| role.act == Act::Delete && by_path(role)),
                change: of(name, &|role| role.act == Act::Merge && by_path(role)).filter(
                    |(index, _)| {
                        // A generated JSON Patch is about what is not there.
                        let body = sandbox.contract().operations[*index]
                            .compiled()
                            .body
                            .as_ref();
                        let is_object = |media: &MediaType| {
                            media
                                .schema
                                .as_ref()
                                .is_some_and(|schema| schema.own_types() == ["object"])
                        };
                        body.is_some_and(|body| {
                            body.content
                                .iter()
                                .any(|media| media.range.is_json() && is_object(media))
                        })
                    },
                ),
                list: of(name, &|role| role.act == Act::List),
            })
        });
        plots.collect()
    }

    fn operation(&self, index: usize) -> &'s Operation {
        &self.sandbox.contract().operations[index]
    }

    /// A request to an operation about the entity of a key; the scope is always the same.
    fn request(&self, index: usize, key: Option<&str>, seed: u64) -> Option<Request> {
        let operation = self.operation(index);
        let json = MediaRange::parse("application/json");
        let mut request = sample::request(operation, &GenerateOptions::seeded(seed), json.as_ref());
        let scope = self.create.1.collection.scope;
        let mut position = 0;
        let mut path = String::new();
        for part in operation.template.split_inclusive('}') {
            match part.split_once('{') {
                Some((before, _)) => {
                    path.push_str(before);
                    let value = if position < scope { "7" } else { key? };
                    path.push_str(
                        &percent_encoding::utf8_percent_encode(
                            value,
                            percent_encoding::NON_ALPHANUMERIC,
                        )
                        .to_string(),
                    );
                    position += 1;
                }
                None => path.push_str(part),
            }
        }
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        *request.uri_mut() = format!("{path}{query}").parse::<Uri>().ok()?;
        Some(request)
    }

    /// Name of a request in the list of known failures: `GET /pets/{id}`.
    fn at(&self, request: &Request) -> String {
        let contract = self.sandbox.contract();
        let path = request.uri().path();
        match contract.route(request.method(), path) {
            Routed::Operation(index, _) => {
                let template = &contract.operations[index].template;
                format!("{} {template}", request.method())
            }
            _ => format!("{} {path}", request.method()),
        }
    }

    fn answer(
        &self,
        request: &Request,
        judge: &mut Judge,
        faults: &mut Faults,
    ) -> (StatusCode, Option<Value>) {
        let (response, report) = self.sandbox.answer(request);
        let at = self.at(request);
        let body: Option<Value> = serde_json::from_slice(response.body()).ok();
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR
            && report.source.starts_with("problem internal")
        {
            faults.push(format!("{at}: failed"));
        }
        let operation = report.operation.map(|index| self.operation(index));
        let media = operation
            .and_then(|operation| operation.response(response.status()))
            .and_then(|documented| {
                documented
                    .content
                    .iter()
                    .find(|media| media.range.is_json())
            });
        let is_json = response.headers().get("content-type").is_some_and(|kind| {
            kind.to_str()
                .is_ok_and(|kind| kind.contains("json") && !kind.contains("problem"))
        });
        if let (Some(schema), Some(body), true) = (
            media.and_then(|media| media.schema.as_ref()),
            &body,
            is_json,
        ) && response.status().is_success()
            && judge.is_valid(schema.place().pointer(), body) == Some(false)
            && !response.headers().contains_key("standin-warning")
        {
            faults.push(format!("{at}: the answer does not fit its schema"));
        }
        (response.status(), body)
    }

    /// What an answer calls the entity.
    fn key(role: &Role, body: &Value) -> Option<String> {
        let value = match &role.slot {
            Slot::Entity(place) => {
                let key = role.collection.key.as_ref()?.name()?;
                place::at(body, &place.way)?.get(key)?
            }
            Slot::Key(way) => place::at(body, way)?,
            _ => return None,
        };
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn entity(role: &Role, body: &Value) -> Option<Map<String, Value>> {
        match &role.slot {
            Slot::Entity(place) => place::at(body, &place.way)?.as_object().cloned(),
            _ => None,
        }
    }

    /// Plays a story; what is there must be what the model says.
    fn play(&self, seed: u64, judge: &mut Judge) -> (usize, Faults) {
        let mut faults = Faults::new();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut model: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        let mut gone: BTreeSet<String> = BTreeSet::new();
        let mut steps = 0;
        for step in 0..STEPS {
            let known: Vec<String> = model.keys().cloned().collect();
            let any =
                (!known.is_empty()).then(|| known[random.random_range(0..known.len())].clone());
            match (random.random_range(0..5), any) {
                (0 | 1, _) | (_, None) => {
                    let Some(request) =
                        self.request(self.create.0, None, seed.wrapping_add(step as u64))
                    else {
                        break;
                    };
                    let (status, body) = self.answer(&request, judge, &mut faults);
                    if !status.is_success() {
                        // One that is called by what the client sends may be there already. Some documents have a 422
                        // for that, and no 409.
                        let documents = |status| {
                            let pattern = StatusPattern::Exact(status);
                            self.operation(self.create.0).response_at(pattern).is_some()
                        };
                        let is_taken = status == StatusCode::CONFLICT
                            || status == StatusCode::UNPROCESSABLE_ENTITY
                                && documents(status)
                                && !documents(StatusCode::CONFLICT);
                        if !is_taken {
                            faults.push(format!("{}: {status}", self.at(&request)));
                        }
                        continue;
                    }
                    let Some(key) = body
                        .as_ref()
                        .and_then(|body| Self::key(self.create.1, body))
                    else {
                        faults.push(format!("{}: nothing is called", self.at(&request)));
                        break;
                    };
                    gone.remove(&key);
                    model.insert(
                        key,
                        body.and_then(|body| Self::entity(self.create.1, &body))
                            .unwrap_or_default(),
                    );
                }
                (2, Some(key)) => {
                    let Some((index, _)) = self.delete else {
                        continue;
                    };
                    let Some(request) = self.request(index, Some(&key), seed) else {
                        break;
                    };
                    let (status, _) = self.answer(&request, judge, &mut faults);
                    if !status.is_success() && !status.is_redirection() {
                        faults.push(format!("{}: {status}", self.at(&request)));
                    }
                    model.remove(&key);
                    gone.insert(key);
                }
                (3, Some(key)) => {
                    let Some((index, role)) = self.change else {
                        continue;
                    };
                    let Some(request) = self.request(index, Some(&key), seed.wrapping_mul(3))
                    else {
                        break;
                    };
                    let (status, body) = self.answer(&request, judge, &mut faults);
                    if !status.is_success() {
                        faults.push(format!("{}: {status}", self.at(&request)));
                    }
                    // What it is now is what it says.
                    let now = body
                        .and_then(|body| Self::entity(role, &body))
                        .unwrap_or_default();
                    model.insert(key, now);
                }
                (_, Some(key)) => self.look(&key, &model, &gone, judge, &mut faults),
            }
            steps += 1;
        }
        if let Some((index, role)) = self.list {
            self.look_at_list((index, role), &model, judge, &mut faults);
        }
        (steps, faults)
    }

    /// What is there is read as it was written, and what is gone is not there.
    fn look(
        &self,
        key: &str,
        model: &BTreeMap<String, Map<String, Value>>,
        gone: &BTreeSet<String>,
        judge: &mut Judge,
        faults: &mut Faults,
    ) {
        let (index, role) = self.read;
        if let Some(request) = self.request(index, Some(key), 0) {
            let (status, body) = self.answer(&request, judge, faults);
            let shown = body
                .and_then(|body| Self::entity(role, &body))
                .unwrap_or_default();
            let wrong = model[key]
                .iter()
                .find(|(name, value)| shown.get(*name).is_some_and(|shown| shown != *value));
            if !status.is_success() {
                faults.push(format!(
                    "{}: {status}, and it was written",
                    self.at(&request)
                ));
            } else if let Some((name, _)) = wrong {
                faults.push(format!("{}: `{name}` is not as written", self.at(&request)));
            }
        }
        for key in gone {
            let Some(request) = self.request(index, Some(key), 0) else {
                continue;
            };
            let (status, _) = self.answer(&request, judge, faults);
            if status.is_success() {
                faults.push(format!(
                    "{}: {status}, and it was deleted",
                    self.at(&request)
                ));
            }
        }
    }

    fn look_at_list(
        &self,
        (index, role): (usize, &Role),
        model: &BTreeMap<String, Map<String, Value>>,
        judge: &mut Judge,
        faults: &mut Faults,
    ) {
        let (Slot::List(place), Some(key)) = (&role.slot, &role.collection.key) else {
            return;
        };
        let Some(mut request) = self.request(index, None, 0) else {
            return;
        };
        // Without what the sample asks for, all are there.
        let path = request.uri().path().to_owned();
        *request.uri_mut() = path.parse().expect("is a path");
        if self
            .operation(index)
            .compiled()
            .parameters
            .iter()
            .any(|parameter| parameter.required)
            || *request.method() != Method::GET
        {
            return;
        }
        let (_, body) = self.answer(&request, judge, faults);
        let items = body
            .as_ref()
            .and_then(|body| place::at(body, &place.way))
            .and_then(Value::as_array);
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let shown: BTreeSet<String> = items
            .into_iter()
            .flatten()
            .filter_map(|item| item.get(key.name()?).map(text))
            .collect();
        let has_limit = shown.len() >= 10;
        let is_complete = model.keys().all(|key| shown.contains(key));
        if !is_complete && !has_limit && !shown.is_empty() {
            faults.push(format!(
                "{}: a created entity is not in the list",
                self.at(&request)
            ));
        }
    }
}

/// The stories of one document: how many steps there were, how many collections, and what went wrong.
fn stories(sandbox: &Sandbox) -> (usize, usize, Faults) {
    let plots = Plot::all(sandbox);
    let mut faults = Faults::new();
    let mut steps = 0;
    for (number, plot) in plots.iter().enumerate() {
        let tree = sandbox.contract().documents[plot.operation(plot.create.0).document].tree();
        let Some(mut judge) = Judge::new(tree) else {
            continue;
        };
        let (made, found) = plot.play(number as u64 + 1, &mut judge);
        steps += made;
        faults.extend(found);
    }
    (steps, plots.len(), faults)
}

#[test]
fn what_was_written_is_read() {
    let pet = json!({"type": "object", "required": ["name"], "properties": {
        "id": {"type": "integer", "readOnly": true}, "name": {"type": "string", "minLength": 2}, "tag": {"type": "string"},
        "at": {"type": "string", "format": "date-time", "readOnly": true}}});
    let shown = json!({"content": {"application/json": {"schema": pet}}, "description": ""});
    let sent = json!({"required": true, "content": {"application/json": {"schema": pet}}});
    let list = json!({"description": "", "content": {"application/json": {"schema": {"type": "array", "items": pet}}}});
    let id = json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]);
    let text = json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
        "/pets": {"get": {"responses": {"200": list}}, "post": {"requestBody": sent, "responses": {"201": shown}}},
        "/pets/{id}": {"parameters": id, "get": {"responses": {"200": shown}}, "delete": {"responses": {"204": {"description": ""}}},
            "patch": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"tag": {"type": "string"}}}}}},
                "responses": {"200": shown}}},
    }});
    for seed in 0..40 {
        let sandbox = remembering(Input::Text {
            name: "a.json".into(),
            text: text.to_string(),
        });
        let plots = Plot::all(&sandbox);
        assert_eq!(plots.len(), 1);
        let mut judge = Judge::new(sandbox.contract().documents[0].tree()).expect("is sound");
        let (steps, faults) = plots[0].play(seed, &mut judge);
        assert!(
            steps >= STEPS / 2 && faults.is_empty(),
            "{seed}: {faults:#?}"
        );
    }
}

/// How many stories of a hundred may go wrong over all real documents: their examples and schemas contradict
#[test]
#[ignore = "needs STANDIN_CORPUS"]
fn stories_of_real_documents_are_true() {
    let corpus = corpus();
    let paths: Vec<PathBuf> = documents(&corpus);
    let next = AtomicUsize::new(0);
    let total = Mutex::new((0, 0, 0, Faults::new(), 0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            std::thread::Builder::new()
                .stack_size(32 * 1024 * 1024)
                .spawn_scoped(scope, || {
                    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let (made, collections, faults, roles) = told(path);
                        let mut total = total.lock().expect("nobody panicked");
                        total.0 += made;
                        total.1 += collections;
                        total.2 += usize::from(roles > 0);
                        total.3.extend(faults);
                        total.4 += roles;
                    }
                })
                .expect("starts");
        }
    });
    let (steps, collections, with_roles, faults, roles) =
        total.into_inner().expect("nobody panicked");
    println!(
        "{} documents, {with_roles} with resources, {roles} operations with a role; {collections} collections with a story, {steps} steps, {} faults",
        paths.len(),
        faults.len()
    );
    let failures = Failures::from([("wrong step", faults.into_iter().collect())]);
    known::compare("stories", &failures);
    assert!(collections > 100, "only {collections} collections");
}

/// The stories of the document at a path, and how many operations have a role.
fn told(path: &Path) -> (usize, usize, Faults, usize) {
    let sandbox = remembering(Input::Path(path.to_owned()));
    let roles = sandbox.resources().all(sandbox.contract()).len();
    let (steps, collections, faults) = stories(&sandbox);
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let faults = faults.into_iter().map(|fault| format!("{name}: {fault}"));
    (steps, collections, faults.collect(), roles)
}

#[test]
fn the_documents_of_the_project_have_resources() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs");
    let sandbox = remembering(Input::Path(folder));
    let roles = sandbox.resources().all(sandbox.contract());
    let acts: Vec<Act> = roles.iter().map(|(_, role)| role.act).collect();
    assert_eq!(acts, [Act::Upsert, Act::Replace, Act::Create, Act::Merge]);
}
