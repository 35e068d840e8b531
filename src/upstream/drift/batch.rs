//! Comparison of several exchanges with the documents: what the documents say is worked out once for all of them.
use std::collections::HashMap;
use std::rc::Rc;

use crate::Sandbox;
use crate::contract::StatusPattern;
use crate::upstream::drift::address::{operation_key, operation_pointer, response_pointer};
use crate::upstream::drift::description::Description;
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::place::PlaceCount;
use crate::upstream::drift::walk::places_of;

/// Exchanges that are compared with the documents of one sandbox. What a document says about a place is
/// looked up for the first exchange, and serves the others.
pub(crate) struct DriftBatch<'s> {
    pub(super) sandbox: &'s Sandbox,
    /// Observations of the exchanges so far, but for the values that came by schema.
    pub(super) observations: Observations,
    descriptions: HashMap<DescribedContent, Rc<Description<'s>>>,
    operations: HashMap<usize, OperationAddress>,
}

/// Content that a schema describes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DescribedContent {
    /// Index of the document.
    pub document: usize,
    /// JSON Pointer of the schema.
    pub pointer: String,
    /// True if the schema describes each item of the content.
    pub is_each: bool,
    /// True for the content of requests, whose values are not counted.
    pub is_request: bool,
}

/// Address of an operation, and those of its responses.
#[derive(Debug, Clone)]
struct OperationAddress {
    key: Rc<str>,
    pointer: Rc<str>,
    responses: Vec<(StatusPattern, Rc<str>)>,
}

impl<'s> DriftBatch<'s> {
    /// Returns a batch of no exchange.
    pub(crate) fn new(sandbox: &'s Sandbox) -> Self {
        Self {
            sandbox,
            observations: Observations::default(),
            descriptions: HashMap::new(),
            operations: HashMap::new(),
        }
    }

    /// Returns the observations of all exchanges of the batch.
    pub(crate) fn finish(self) -> Observations {
        let mut observations = self.observations;
        let responses = self.descriptions.iter();
        for (content, description) in responses.filter(|(content, _)| !content.is_request) {
            for (pointer, count) in places_of(description) {
                let place = (content.document, pointer);
                observations.places.add(place, count, PlaceCount::merge);
            }
        }
        observations
    }

    /// Returns the description of a content.
    pub(super) fn description(&mut self, content: DescribedContent) -> Rc<Description<'s>> {
        if let Some(known) = self.descriptions.get(&content) {
            return Rc::clone(known);
        }
        let root = self.sandbox.contract().documents[content.document].tree();
        let made = if content.is_each {
            Description::of_items(root, &content.pointer)
        } else {
            Description::new(root, &content.pointer)
        };
        self.descriptions.insert(content, Rc::clone(&made));
        made
    }

    fn operation(&mut self, index: usize) -> &mut OperationAddress {
        let contract = self.sandbox.contract();
        let operation = &contract.operations[index];
        self.operations
            .entry(index)
            .or_insert_with(|| OperationAddress {
                key: operation_key(operation).into(),
                pointer: operation_pointer(contract, operation).into(),
                responses: Vec::new(),
            })
    }

    /// Returns method and path template of an operation: `GET /pets/{id}`.
    pub(super) fn key(&mut self, index: usize) -> Rc<str> {
        Rc::clone(&self.operation(index).key)
    }

    /// Returns the JSON Pointer of an operation.
    pub(super) fn pointer(&mut self, index: usize) -> Rc<str> {
        Rc::clone(&self.operation(index).pointer)
    }

    /// Returns the JSON Pointer of a response of an operation.
    pub(super) fn response_pointer(&mut self, index: usize, pattern: StatusPattern) -> Rc<str> {
        let contract = self.sandbox.contract();
        let responses = &mut self.operation(index).responses;
        if let Some((_, known)) = responses.iter().find(|(there, _)| *there == pattern) {
            return Rc::clone(known);
        }
        let made: Rc<str> = response_pointer(contract, &contract.operations[index], pattern).into();
        responses.push((pattern, Rc::clone(&made)));
        made
    }
}
