//! Which fixtures apply to a request, and what do they do?
//!
//! Entries are tried in order. One that only changes how an answer is sent (`delay`, `fault`,
//! `rate_limit`) is combined with the next one that gives an answer. `answer` runs it before
//! `negotiate` chooses the response.
use core::time::Duration;

use crate::contract::Operation;
use crate::contract::fixture::Fixture;
use crate::contract::simulation::{Break, Delay};
use crate::exchange::criteria::ResponseCriteria;
use crate::exchange::session_view::draw;

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
        self.fixture.filter(|fixture| !fixture.is_manner())
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
) -> Staging<'c> {
    let mut staging = Staging::default();
    if operation.fixtures.is_empty() && posted.is_empty() || criteria.preferences.chooses() {
        return staging;
    }
    let instance = criteria.values.as_instance(criteria.inputs);
    let scenario = criteria
        .preferences
        .scenario
        .as_ref()
        .or(criteria.session_view.scenario.as_ref());
    let of_files: Vec<&Fixture> = operation.fixtures.iter().map(|own| &**own).collect();
    let in_turn = |all: &[&'c Fixture]| {
        let is_chosen = |fixture: &&Fixture| {
            fixture.scenario.is_some() && fixture.scenario.as_ref() == scenario
        };
        let of_scenario = all.iter().copied().filter(is_chosen);
        let of_any = all
            .iter()
            .copied()
            .filter(|fixture| fixture.scenario.is_none());
        of_scenario.chain(of_any).collect::<Vec<_>>()
    };
    for fixture in in_turn(posted).into_iter().chain(in_turn(&of_files)) {
        let when = fixture.when.as_ref();
        if !when.is_none_or(|when| when.holds(&instance)) {
            continue;
        }
        let Some(own) = takes(fixture, criteria) else {
            continue;
        };
        staging = Staging {
            fixture: own.fixture,
            delay: staging.delay.or(own.delay),
            fault: staging.fault.or(own.fault),
            retry_after: own.retry_after,
        };
        if own.fails() || own.answering().is_some() {
            return staging;
        }
    }
    Staging {
        fixture: None,
        ..staging
    }
}

/// Applies a fixture whose condition holds. Returns `None` if it does not apply this time: it has
/// applied to as many calls as it is for, its rate limit is not exceeded, or chance spares the
/// request.
fn takes<'c>(fixture: &'c Fixture, criteria: &ResponseCriteria<'_, '_>) -> Option<Staging<'c>> {
    let session_view = criteria.session_view;
    let name = fixture.place.name();
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
