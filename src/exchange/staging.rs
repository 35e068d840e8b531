//! Finds the fixtures that apply to a request, and combines their effects.
//!
//! Entries are tried in order. One that only adds to an answer (`delay`, `fault`, `rate_limit`,
//! `headers`) is combined with the next one that gives the answer. `answer` runs it before
//! `negotiate` chooses the response.
use core::time::Duration;

use crate::contract::Operation;
use crate::contract::fixture::Fixture;
use crate::contract::simulation::{Break, Delay};
use crate::exchange::criteria::ResponseCriteria;
use crate::exchange::session_view::draw;

/// Fixtures that apply to a request.
#[derive(Debug, Default)]
pub(crate) struct StagedFixtures<'c> {
    /// Effect of the fixtures together.
    pub staging: Staging<'c>,
    /// Fixtures that only add header fields, the first one with precedence.
    pub beside: Vec<&'c Fixture>,
}

/// Effect of the fixtures that apply to a request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Staging<'c> {
    /// Fixture that gives the answer, or that makes the operation fail.
    pub fixture: Option<&'c Fixture>,
    /// Delay of the answer.
    pub delay: Option<Delay>,
    /// Fault to simulate.
    pub fault: Option<Break>,
    /// Time until the operation may be called again, if its rate limit is exceeded.
    pub retry_after: Option<Duration>,
}

impl<'c> Staging<'c> {
    /// Returns true if the operation fails, so that no later fixture is asked for an answer.
    fn fails(&self) -> bool {
        let breaks_off = matches!(
            self.fault,
            Some(Break::Status(_) | Break::Reset | Break::Empty)
        );
        breaks_off || self.retry_after.is_some()
    }

    /// Returns the fixture whose own answer a failure has, or whose answer a request gets.
    #[must_use]
    pub(crate) fn answering(&self) -> Option<&'c Fixture> {
        self.fixture.filter(|fixture| !fixture.only_adds())
    }
}

/// Finds the fixtures that apply to a request: `posted` ones of the session before those of files,
/// and of each those of the active scenario first, then those without a scenario. None apply if the
/// client itself chooses the answer.
#[must_use]
pub(crate) fn stage<'c>(
    posted: &[&'c Fixture],
    operation: &'c Operation,
    criteria: &ResponseCriteria<'_, '_>,
) -> StagedFixtures<'c> {
    let mut staged = StagedFixtures::default();
    if operation.fixtures.is_empty() && posted.is_empty() || criteria.preferences.chooses() {
        return staged;
    }
    let instance = criteria.values.as_instance(criteria.inputs);
    let preferred = criteria.preferences.scenario.as_ref();
    let scenario = preferred.or(criteria.session_view.scenario.as_ref());
    let is_of_scenario =
        |fixture: &&Fixture| fixture.scenario.is_some() && fixture.scenario.as_ref() == scenario;
    let is_of_any = |fixture: &&Fixture| fixture.scenario.is_none();
    let posted = || posted.iter().copied();
    let of_files = || operation.fixtures.iter().map(|own| &**own);
    let in_turn = (posted().filter(is_of_scenario))
        .chain(posted().filter(is_of_any))
        .chain(of_files().filter(is_of_scenario))
        .chain(of_files().filter(is_of_any));
    for fixture in in_turn {
        let when = fixture.when.as_ref();
        if !when.is_none_or(|when| when.holds(&instance)) {
            continue;
        }
        let Some(own) = takes(fixture, criteria) else {
            continue;
        };
        staged.staging = Staging {
            fixture: own.fixture,
            delay: staged.staging.delay.or(own.delay),
            fault: staged.staging.fault.or(own.fault),
            retry_after: own.retry_after,
        };
        if own.fails() || own.answering().is_some() {
            return staged;
        }
        let adding = own.fixture.filter(|fixture| !fixture.headers.is_empty());
        staged.beside.extend(adding);
    }
    staged.staging.fixture = None;
    staged
}

/// Applies a fixture whose condition holds. Returns `None` if it does not apply this time: it is for
/// every third call and this is the second, it has applied to as many calls as it is for, its rate
/// limit is not exceeded, or chance spares the request.
fn takes<'c>(fixture: &'c Fixture, criteria: &ResponseCriteria<'_, '_>) -> Option<Staging<'c>> {
    let session_view = criteria.session_view;
    let name = fixture.place.name();
    // Each call takes a number of its own, so of concurrent calls exactly one in `every` applies.
    // `times` comes after it, so that calls in between do not use it up.
    if let Some(every) = fixture.every
        && session_view.turn(&format!("every {name}")) % every + 1 != every.get()
    {
        return None;
    }
    if let Some(times) = fixture.times
        && !session_view.counts_below(&format!("times {name}"), times)
    {
        return None;
    }
    let mut staging = gate(fixture, criteria)?;
    if fixture.then.is_some() {
        let mut turn = session_view.turn(&name);
        let mut at = fixture;
        while let Some((after, next)) = at.then.as_ref().filter(|(after, _)| turn >= *after) {
            turn -= after;
            at = next;
        }
        if !core::ptr::eq(at, fixture) {
            // The limit and the fault of an entry apply to its steps too.
            let own = gate(at, criteria)?;
            staging.fault = own.fault.or(staging.fault);
            staging.retry_after = own.retry_after.or(staging.retry_after);
            staging.delay = own.delay;
        }
        staging.fixture = Some(at);
    }
    Some(staging)
}

/// Applies the rate limit and the fault of a step; `None` if the limit is not exceeded or chance
/// spares the request.
fn gate<'c>(step: &'c Fixture, criteria: &ResponseCriteria<'_, '_>) -> Option<Staging<'c>> {
    let session_view = criteria.session_view;
    let mut staging = Staging {
        fixture: Some(step),
        delay: step.delay,
        ..Staging::default()
    };
    if let Some(limit) = step.rate_limit {
        let (count, left) = session_view.window(&step.place.name(), limit.per);
        if count <= limit.calls {
            return None;
        }
        staging.retry_after = Some(left);
    }
    if let Some(fault) = step.fault {
        let name = format!("fault {}", step.place.name());
        let is_sure = fault.probability >= 1.0;
        if !is_sure && draw(criteria.seed, &name, session_view.turn(&name)).0 >= fault.probability {
            return None;
        }
        staging.fault = Some(fault.kind);
    }
    Some(staging)
}
