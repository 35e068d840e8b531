//! Program that answers a request as fixtures say: the real API or the sandbox.
use crate::codec::message::Request;
use crate::contract::fixture::Fixture;
use crate::contract::simulation::Responder;
use crate::sandbox::Sandbox;
use crate::state::posted::ApplicableFixture;
use crate::state::session::SessionState;

/// Maximum number of fixtures with conditions that a choice lists.
const MOST_CONDITIONAL: usize = 20;

/// Choice of fixtures about who answers an operation, as far as it can be told before a request.
#[derive(Debug, Default)]
pub(crate) struct FixtureChoice {
    /// Fixture that decides for all requests without another one.
    pub decides: Option<ChoosingFixture>,
    /// Fixtures before it that decide for some requests, in their order; at most 20.
    pub conditional: Vec<ChoosingFixture>,
}

/// Fixture that chooses who answers.
#[derive(Debug)]
pub(crate) struct ChoosingFixture {
    pub responder: Responder,
    /// Number and key of a fixture that a client added; `None` for one of a file.
    pub posted: Option<(u64, String)>,
    /// Place of the fixture: `fixtures/pets.yaml:3`.
    pub place: String,
}

impl Sandbox {
    /// Returns true if a fixture of an operation may choose who answers: one that a client added, or one
    /// of a file with `upstream`.
    pub(crate) fn has_choosing_fixture(&self, session: &str, index: usize) -> bool {
        let of_files = &self.contract.operations[index].fixtures;
        of_files.iter().any(|fixture| fixture.upstream.is_some())
            || self
                .posted(session)
                .iter()
                .any(|own| own.operations.contains(&index))
    }

    /// Returns who answers a request as its fixtures say; `None` if they do not say it. The first entry
    /// with `upstream` counts whose condition holds; an entry that a client added and that has an answer
    /// of its own makes the sandbox answer.
    pub(crate) fn chosen_responder(
        &self,
        session: &str,
        index: usize,
        request: &Request,
    ) -> Option<Responder> {
        let posted = self.posted(session);
        let posted = posted
            .iter()
            .filter(|own| own.operations.contains(&index))
            .map(|own| (&own.posted.fixture, true));
        let of_files = self.contract.operations[index].fixtures.iter();
        let all = posted.chain(of_files.map(|own| (&**own, false)));
        let instance = self.instance(request);
        for (fixture, is_posted) in all {
            let when = fixture.when.as_ref();
            let answers = is_posted && (!fixture.only_adds() || fixture.fault.is_some());
            if (fixture.upstream.is_some() || answers)
                && self.is_of_scenario(session, fixture)
                && when.is_none_or(|when| when.holds(&instance))
                && self.is_its_turn(session, fixture)
            {
                return Some(fixture.upstream.unwrap_or(Responder::Sandbox));
            }
        }
        None
    }

    /// Returns the fixtures that a client added to a session, for [`fixture_choice`](Self::fixture_choice)
    /// of several operations.
    pub(crate) fn added(&self, session: &str) -> Vec<ApplicableFixture> {
        self.posted(session)
    }

    /// Returns what fixtures say about who answers an operation in a session; `added` are those of
    /// [`added`](Self::added). Nothing is counted.
    pub(crate) fn fixture_choice(
        &self,
        session: &str,
        added: &[ApplicableFixture],
        index: usize,
    ) -> FixtureChoice {
        let posted = added.iter().filter(|own| own.operations.contains(&index));
        let posted = posted.map(|own| (&own.posted.fixture, Some(&own.posted)));
        let of_files = self.contract.operations[index].fixtures.iter();
        let all = posted.chain(of_files.map(|own| (&**own, None)));
        let mut choice = FixtureChoice::default();
        for (fixture, posted) in all {
            let answers = posted.is_some() && (!fixture.only_adds() || fixture.fault.is_some());
            if fixture.upstream.is_none() && !answers {
                continue;
            }
            if !self.is_of_scenario(session, fixture) || self.is_used_up(session, fixture) {
                continue;
            }
            let found = ChoosingFixture {
                responder: fixture.upstream.unwrap_or(Responder::Sandbox),
                posted: posted.map(|posted| (posted.id, posted.key.clone())),
                place: fixture.place.to_string(),
            };
            if fixture.when.is_none() && fixture.every.is_none() {
                choice.decides = Some(found);
                break;
            }
            if choice.conditional.len() < MOST_CONDITIONAL {
                choice.conditional.push(found);
            }
        }
        choice
    }

    /// Returns the fixtures that a client added to a session and that do nothing but choose who answers
    /// this one operation.
    pub(crate) fn switches(added: &[ApplicableFixture], index: usize) -> Vec<u64> {
        let is_switch = |own: &&ApplicableFixture| {
            let written = own.posted.written.as_object();
            *own.operations == [index]
                && written.is_some_and(|entry| entry.len() == 1 && entry.contains_key("upstream"))
        };
        let own = added.iter().filter(is_switch);
        own.map(|own| own.posted.id).collect()
    }

    fn is_of_scenario(&self, session: &str, fixture: &Fixture) -> bool {
        let Some(wanted) = &fixture.scenario else {
            return true;
        };
        let chosen = |session_state: &SessionState| session_state.scenario().cloned();
        let scenario = self.memory.look(session, chosen).flatten();
        scenario.or_else(|| self.scenario.clone()).as_ref() == Some(wanted)
    }

    /// Returns true if a fixture with `times` was applied as often as it says.
    fn is_used_up(&self, session: &str, fixture: &Fixture) -> bool {
        let counter = format!("times {}", fixture.place.name());
        let count = |session_state: &SessionState| session_state.count(&counter);
        fixture
            .times
            .is_some_and(|times| self.memory.look(session, count).unwrap_or_default() >= times)
    }

    /// Returns true if a fixture applies to this call of the session. A call that an entry with `every`
    /// leaves out is counted here, as the sandbox does not see it.
    fn is_its_turn(&self, session: &str, fixture: &Fixture) -> bool {
        let name = fixture.place.name();
        if let Some(every) = fixture.every {
            let counter = format!("every {name}");
            let is_now = self.within(session, |session_state| {
                let is_now = session_state.count(&counter) % every + 1 == every.get();
                if !is_now {
                    session_state.turn(&counter);
                }
                is_now
            });
            if !is_now {
                return false;
            }
        }
        !self.is_used_up(session, fixture)
    }
}
