//! Plans the answer to a request that is valid, or is answered although it is not.
//!
//! `exchange::plan` runs it after validation; `negotiate` chooses the response.
use std::borrow::Cow;

use http::header::{CONTENT_LOCATION, LOCATION, UPGRADE};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::codec::message::Request;
use crate::codec::parameter::Inputs;
use crate::codec::preference::Preferences;
use crate::codec::text;
use crate::contract::fixture::Fixture;
use crate::contract::media::{MediaRange, Sequence};
use crate::contract::simulation::Break;
use crate::contract::{Operation, ResponseHeader, StatusPattern};
use crate::entity::{self, EntityRequest};
use crate::errors::problem::{Problem, ProblemKind};
use crate::errors::{self, Fault, Rejection};
use crate::exchange::applied_fixture::{Alterable, AppliedFixture};
use crate::exchange::context::ExchangeContext;
use crate::exchange::criteria::ResponseCriteria;
use crate::exchange::echo::Echo;
use crate::exchange::header_meaning::EntityPlace;
use crate::exchange::negotiate::{self, Choice, ContentSource};
use crate::exchange::outgoing::PlannedCallbacks;
use crate::exchange::plan::{Decision, Plan, Remembered, Sending};
use crate::exchange::settings::{Callbacks, Echoing, Settings, StateMode};
use crate::exchange::staging::{StagedFixtures, Staging, stage};
use crate::generate::entity::PathValues;
use crate::generate::{self, GenerateOptions};
use crate::resource::Act;

/// Request to answer, with everything that the answer depends on.
pub(super) struct ValidRequest<'r, 'c, 's> {
    pub context: ExchangeContext<'c>,
    pub index: usize,
    pub operation: &'c Operation,
    pub settings: &'r Settings,
    pub request: &'r Request,
    pub options: GenerateOptions,
    pub criteria: ResponseCriteria<'r, 's>,
    pub violations: Vec<String>,
}

impl<'c> ValidRequest<'_, 'c, '_> {
    /// Decides on the answer.
    pub(super) fn plan(self) -> Plan<'c> {
        let posted = self.context.posted.iter();
        let posted = posted.filter(|fixture| fixture.operations.contains(&self.index));
        let posted: Vec<&Fixture> = posted.map(|fixture| &fixture.posted.fixture).collect();
        let StagedFixtures { staging, beside } = stage(&posted, self.operation, &self.criteria);
        // A field that several fixtures set has the value of the first of them.
        let all = staging.fixture.into_iter();
        let all = all.chain(beside.into_iter().rev());
        let mut applied: Vec<_> = all.map(|fixture| self.applied(fixture)).collect();
        let callbacks = self.callbacks();
        let plan = match negotiate::choose(self.operation, &self.criteria, staging) {
            Ok(choice) => self.choice(choice),
            Err(problem) => {
                let is_own = matches!(problem.kind, ProblemKind::Limited | ProblemKind::Simulated);
                if !is_own {
                    let of_fixtures = applied.iter_mut();
                    of_fixtures.for_each(|applied| applied.scope = Alterable::Headers);
                }
                self.problem(problem, &staging)
            }
        };
        let callbacks = callbacks.map(|planned| {
            let example = plan.decision.example().map(str::to_owned);
            Box::new(PlannedCallbacks { example, ..planned })
        });
        Plan {
            callbacks,
            applied,
            ..plan
        }
    }

    /// Returns the data for the callbacks of the operation; `None` if it has none.
    fn callbacks(&self) -> Option<PlannedCallbacks<'c>> {
        if self.operation.callbacks.is_empty() || self.settings.callbacks == Callbacks::Off {
            return None;
        }
        let contract = self.context.contract;
        let role = self.context.resources.role(contract, self.index);
        let about = role.map(|role| {
            let collection = &role.collection;
            (collection.noun.clone(), collection.keys.clone())
        });
        Some(PlannedCallbacks {
            contract,
            index: self.index,
            instance: self.criteria.values.as_instance(self.criteria.inputs),
            options: self.options,
            example: None,
            about,
        })
    }

    /// Returns a fixture with everything that its expressions refer to.
    fn applied(&self, fixture: &'c Fixture) -> AppliedFixture<'c> {
        let (mut instance, mut seed) = (Value::Null, self.options.seed);
        if fixture.has_expressions {
            let name = fixture.place.name();
            let turn = self
                .criteria
                .session_view
                .turn(&format!("expressions {name}"));
            instance = self.criteria.values.as_instance(self.criteria.inputs);
            seed = seed ^ generate::fingerprint(&name) ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        AppliedFixture {
            fixture,
            contract: self.context.contract,
            operation: self.operation,
            instance,
            options: GenerateOptions {
                seed,
                ..self.options
            },
            scope: Alterable::Whole,
        }
    }

    fn decided(self, decision: Decision<'c>, sending: Sending) -> Plan<'c> {
        let known = if decision.is_generated() {
            known(self.operation, self.criteria.inputs)
        } else {
            PathValues::default()
        };
        Plan {
            operation: Some(self.operation),
            violations: self.violations,
            options: self.options,
            known,
            sending,
            ..Plan::without_operation(decision)
        }
    }

    fn choice(self, choice: Choice<'c>) -> Plan<'c> {
        let preferences = self.criteria.preferences;
        let is_error = choice.status.is_client_error() || choice.status.is_server_error();
        let is_free = has_documented_body(&choice)
            && !preferences.chooses()
            && choice.staging.retry_after.is_none()
            && !matches!(choice.staging.fault, Some(Break::Status(_)));
        let is_failing = is_error && choice.staging.fixture.is_some();
        let is_remembered = self.settings.state == StateMode::On && is_free && !is_failing;
        let sending = self.sending(&choice.staging);
        if is_remembered
            && let Some(asked) = self.asked()
            && let Some(choice) = self.success(&asked, &choice)
        {
            let remembered = Remembered {
                asked,
                created: self.created(&choice),
                usual: self.usual(&choice),
                choice,
                context: self.context,
            };
            return self.decided(Decision::Remembered(Box::new(remembered)), sending);
        }
        if self.is_error_without_example(&choice) {
            let fault = Fault::Status(choice.status);
            let rejection = errors::reject(
                self.context.errors(),
                self.operation,
                &fault,
                self.criteria.accept,
                &self.options,
            );
            let rejection = Rejection {
                applied: choice.applied,
                ..rejection
            };
            return self.decided(
                Decision::Rejection(rejection, Vec::new()),
                Sending {
                    fault: sending
                        .fault
                        .filter(|fault| !matches!(fault, Break::Status(_))),
                    ..sending
                },
            );
        }
        let is_shown =
            choice.status.is_success() && matches!(choice.content, ContentSource::Generated(_));
        let shown = is_shown.then(|| self.shown()).flatten().map(Box::new);
        let is_echo = self.settings.echo == Echoing::On;
        // A client of events compares the ids in them with the one that it asked for.
        let sequence = choice.media.as_ref().and_then(|media| media.sequence());
        let is_of_path = is_echo || sequence == Some(Sequence::Events);
        let body = self.criteria.values.body.as_ref().filter(|_| is_echo);
        let echo = (is_of_path && is_free && choice.status.is_success()).then(|| Echo {
            body: body.cloned(),
            known: known(self.operation, self.criteria.inputs),
        });
        let place = self.place(&choice);
        Plan {
            shown,
            echo,
            place,
            ..self.decided(Decision::Answer(choice), sending)
        }
    }

    /// Returns the place of the entity that the answer says was written, if the response documents
    /// `Location` or `Content-Location`.
    fn place(&self, choice: &Choice<'c>) -> Option<EntityPlace<'c>> {
        let tells =
            |header: &ResponseHeader| header.name == LOCATION || header.name == CONTENT_LOCATION;
        let is_told = choice
            .response
            .is_some_and(|documented| documented.headers.iter().any(tells));
        if !is_told || !choice.status.is_success() {
            return None;
        }
        let (contract, inputs) = (self.context.contract, self.criteria.inputs);
        let role = self.context.resources.role(contract, self.index)?;
        let collection = &role.collection;
        let reader = &contract.operations[collection.reader?];
        let values: Vec<String> = inputs
            .path
            .iter()
            .map(|(_, raw)| text::decode(raw))
            .collect();
        let (scope, rest) = values.split_at(role.scope().min(values.len()));
        let base = reader
            .bases
            .iter()
            .find(|base| self.context.path.starts_with(base.as_str()));
        (role.act.writes() && role.act != Act::Delete).then(|| EntityPlace {
            reader,
            base: base.cloned().unwrap_or_default(),
            scope: scope.iter().take(collection.scope).cloned().collect(),
            key: collection.key.clone(),
            slot: role.slot.clone(),
            named: (!rest.is_empty()).then(|| rest.join("/")),
        })
    }

    fn received(&self) -> entity::StepInput<'_> {
        entity::StepInput {
            inputs: self.criteria.inputs,
            values: self.criteria.values,
            request: self.request,
        }
    }

    fn asked(&self) -> Option<EntityRequest<'c>> {
        EntityRequest::of(
            self.context.entities(),
            self.index,
            self.options,
            self.settings.unknown,
            self.received(),
        )
    }

    fn shown(&self) -> Option<EntityRequest<'c>> {
        EntityRequest::shown(
            self.context.entities(),
            self.index,
            self.options,
            self.received(),
        )
    }

    /// Returns the success response: the chosen one, or a usual one if the operation documents
    /// only errors.
    fn success(&self, asked: &EntityRequest<'c>, choice: &Choice<'c>) -> Option<Choice<'c>> {
        let is_documented =
            choice.response.is_some() || self.operation.compiled().responses.is_empty();
        if choice.status.is_success() && is_documented {
            return Some(choice.clone());
        }
        let is_success = |pattern: &StatusPattern| {
            *pattern == StatusPattern::Default
                || pattern.status().is_success()
                || pattern.status().is_redirection()
        };
        if self
            .operation
            .compiled()
            .responses
            .iter()
            .any(|(pattern, _)| is_success(pattern))
        {
            return None;
        }
        let status = match asked.role.act {
            Act::Create | Act::Upsert => StatusCode::CREATED,
            Act::Delete => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        };
        let media = MediaRange::parse("application/json")
            .filter(|_| status != StatusCode::NO_CONTENT)
            .map(Cow::Owned);
        let reason = "no success is documented".into();
        Some(Choice {
            status,
            response: None,
            content: ContentSource::Empty,
            media,
            reason,
            ..choice.clone()
        })
    }

    /// Returns the success that the operation would have without the status of a fixture, if the
    /// document has another response for that status.
    fn usual(&self, choice: &Choice<'_>) -> Option<Choice<'c>> {
        choice.staging.answering()?.status?;
        let usual = negotiate::usual(self.operation, &self.criteria).ok()?;
        let is_same = match (usual.response, choice.response) {
            (Some(usual), Some(own)) => core::ptr::eq(usual, own),
            _ => true,
        };
        (!is_same).then_some(usual)
    }

    /// Returns the response for an added entity, if the operation documents 201 beside the chosen
    /// success, and no fixture sets the status.
    fn created(&self, choice: &Choice<'_>) -> Option<Choice<'c>> {
        let created = StatusCode::CREATED;
        let own = choice
            .staging
            .answering()
            .and_then(|fixture| fixture.status);
        if choice.status == created
            || own.is_some()
            || self
                .operation
                .response_at(StatusPattern::Exact(created))
                .is_none()
        {
            return None;
        }
        let preferences = Preferences {
            code: Some(created),
            ..self.criteria.preferences.clone()
        };
        let criteria = ResponseCriteria {
            preferences: &preferences,
            ..self.criteria
        };
        let choice = negotiate::usual(self.operation, &criteria).ok()?;
        Some(Choice {
            applied: Vec::new(),
            ..choice
        })
    }

    fn problem(self, problem: Problem, staging: &Staging<'_>) -> Plan<'c> {
        let sending = Sending {
            fault: None,
            retry_after: problem.retry_after,
            ..self.sending(staging)
        };
        if let Some(fault) = self.documented_fault(&problem) {
            let rejection = errors::reject(
                self.context.errors(),
                self.operation,
                &fault,
                self.criteria.accept,
                &self.options,
            );
            let applied = match &fault {
                Fault::Status(status) => vec![format!("code={}", status.as_u16())],
                _ => Vec::new(),
            };
            let rejection = Rejection {
                applied,
                ..rejection
            };
            return self.decided(Decision::Rejection(rejection, Vec::new()), sending);
        }
        // RFC 9110 §15.5.22
        let upgrade = (problem.kind == ProblemKind::Upgrade)
            .then(|| (UPGRADE, HeaderValue::from_static("websocket")));
        self.decided(
            Decision::Problem(problem, upgrade.into_iter().collect()),
            sending,
        )
    }

    /// Returns the fault behind a problem that the real API would have too, and so may document.
    fn documented_fault(&self, problem: &Problem) -> Option<Fault> {
        let document = self.operation.document;
        let asked = self
            .criteria
            .preferences
            .code
            .filter(StatusCode::is_client_error);
        match problem.kind {
            ProblemKind::NotAcceptable | ProblemKind::Limited | ProblemKind::Simulated => {
                Some(Fault::Problem(problem.clone()))
            }
            ProblemKind::UndocumentedStatus => asked
                .filter(|status| errors::is_usual(self.context.errors(), document, *status))
                .map(Fault::Status),
            _ => None,
        }
    }

    fn sending(&self, staging: &Staging<'_>) -> Sending {
        let asked = self.criteria.preferences.delay;
        let usual = staging.delay.or(self.settings.delay);
        let (delay, longest) = self.criteria.session_view.wait(
            asked,
            usual,
            self.settings,
            self.operation,
            self.options.seed,
        );
        Sending {
            delay,
            longest,
            fault: staging.fault,
            retry_after: staging.retry_after.map(negotiate::seconds),
        }
    }

    /// Returns true for an error that neither an example nor the body of a fixture shows, unless
    /// the client prefers generated content.
    fn is_error_without_example(&self, choice: &Choice<'_>) -> bool {
        let is_error = choice.status.is_client_error() || choice.status.is_server_error();
        let is_shown = match choice.content {
            ContentSource::Example(..) | ContentSource::Empty => true,
            ContentSource::Generated(_) => false,
        };
        is_error
            && !is_shown
            && has_documented_body(choice)
            && self.criteria.preferences.dynamic != Some(true)
    }
}

/// Returns true if no fixture has a body for the answer.
fn has_documented_body(choice: &Choice<'_>) -> bool {
    let fixture = choice.staging.answering();
    fixture.is_none_or(Fixture::has_documented_body)
}

fn known(operation: &Operation, inputs: &Inputs<'_>) -> PathValues {
    PathValues {
        values: inputs
            .path
            .iter()
            .map(|(name, raw)| ((*name).to_owned(), text::decode(raw)))
            .collect(),
        names_entity: operation.template.ends_with('}'),
    }
}
