//! Control API: who answers the requests of an operation in a session, and why.
use serde_json::{Value, json};

use crate::contract::simulation::Responder;
use crate::sandbox::Sandbox;
use crate::sandbox::responder::{ChoosingFixture, FixtureChoice};
use crate::server::control::Control;
use crate::state::posted::ApplicableFixture;
use crate::upstream::choice::Responders;
use crate::upstream::gateway::Upstream;

/// Programs that answer the operations in one session of a proxy.
pub(super) struct SessionResponders<'c> {
    sandbox: &'c Sandbox,
    upstream: &'c Upstream,
    responders: &'c Responders,
    session: &'c str,
    added: Vec<ApplicableFixture>,
}

impl Control {
    /// Returns who answers in a session; `None` without a real API, as only a proxy has the choice.
    pub(super) fn session_responders<'c>(
        &'c self,
        session: &'c str,
    ) -> Option<SessionResponders<'c>> {
        let forwarding = self.upstream.as_ref()?;
        Some(SessionResponders {
            sandbox: &self.sandbox,
            upstream: &forwarding.upstream,
            responders: &forwarding.responders,
            session,
            added: self.sandbox.added(session),
        })
    }
}

impl SessionResponders<'_> {
    /// Returns who answers an operation: `{"name": "real", "reason": "default", "why": …}`.
    pub(super) fn short(&self, index: usize) -> Value {
        self.shown(index, &self.choice(index))
    }

    /// Returns who answers an operation, who does without added fixtures, and what differs for some
    /// requests.
    pub(super) fn whole(&self, index: usize) -> Value {
        let choice = self.choice(index);
        let mut shown = self.shown(index, &choice);
        let of_files = self.sandbox.fixture_choice(self.session, &[], index);
        shown["started"] = self.shown(index, &of_files);
        let conditional = choice.conditional.iter();
        let conditional: Vec<Value> = conditional.map(of_fixture).collect();
        shown["conditional"] = Value::Array(conditional);
        shown["switches"] = json!(Sandbox::switches(&self.added, index));
        shown["upstream"] = json!(self.upstream.address.to_string());
        let fallback = self.upstream.settings.fallback.iter();
        let fallback: Vec<String> = fallback.map(|event| event.name()).collect();
        shown["fallback"] = json!(fallback);
        shown
    }

    fn choice(&self, index: usize) -> FixtureChoice {
        self.sandbox
            .fixture_choice(self.session, &self.added, index)
    }

    fn shown(&self, index: usize, choice: &FixtureChoice) -> Value {
        match &choice.decides {
            Some(fixture) => of_fixture(fixture),
            None => self.by_option(index),
        }
    }

    /// Returns who answers an operation by the command line.
    fn by_option(&self, index: usize) -> Value {
        let responder = self.responders.of(Some(index));
        let (reason, why) = match (self.responders.rule(index), responder) {
            (Some(rule), _) => ("option", rule),
            (None, Responder::Real) => {
                ("default", "no `--real` or `--sandbox` names the operation")
            }
            (None, Responder::Sandbox) => ("default", "`--real` names other operations only"),
        };
        json!({ "name": responder.name(), "reason": reason, "why": why })
    }
}

fn of_fixture(fixture: &ChoosingFixture) -> Value {
    let name = fixture.responder.name();
    match &fixture.posted {
        Some((id, key)) => json!({
            "name": name,
            "reason": "added-fixture",
            "why": format!("fixture {id} of this session, for `{key}`"),
            "fixture": id,
        }),
        None => json!({
            "name": name,
            "reason": "fixture",
            "why": format!("the fixture at {}", fixture.place),
        }),
    }
}
