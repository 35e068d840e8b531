//! Entities that a session wrote in the sandbox, to be shown among those of the real API.
use crate::codec::message::Request;
use crate::entity::written::WrittenList;
use crate::exchange::StateMode;
use crate::exchange::written::{names_written, written_list};
use crate::resource::{Act, KeyFrom};
use crate::sandbox::Sandbox;
use crate::state::session::SessionState;

impl Sandbox {
    /// Returns true if a session wrote entities.
    pub(crate) fn has_written(&self, session: &str) -> bool {
        self.settings.state == StateMode::On
            && self.memory.look(session, SessionState::has_written) == Some(true)
    }

    /// Returns true if a request names an entity that the session wrote, or something below one.
    pub(crate) fn names_written(&self, session: &str, request: &Request) -> bool {
        self.written_state(session).is_some_and(|session_state| {
            let context = self.context(request.uri().path());
            names_written(context, &self.settings, request, &session_state)
        })
    }

    /// Returns true if a request to an operation may name its entity in the content.
    pub(crate) fn may_name_in_content(&self, index: usize) -> bool {
        let operation = &self.contract.operations[index];
        let role = self.resources.role(&self.contract, index);
        operation.compiled().body.is_some()
            && role.is_some_and(|role| role.key == KeyFrom::Field || role.act == Act::Find)
    }

    /// Returns the entities that the session wrote of those that a request lists; `None` if there are
    /// none.
    pub(crate) fn written_list(&self, session: &str, request: &Request) -> Option<WrittenList> {
        let session_state = self.written_state(session)?;
        let context = self.context(request.uri().path());
        written_list(context, &self.settings, request, &session_state)
    }

    /// Returns a copy of the state of a session that wrote entities; the copy shares them.
    fn written_state(&self, session: &str) -> Option<SessionState> {
        if self.settings.state == StateMode::Off {
            return None;
        }
        let now =
            |session_state: &SessionState| session_state.has_written().then(|| session_state.now());
        let now = self.memory.look(session, now).flatten();
        now.map(SessionState::of)
    }
}
