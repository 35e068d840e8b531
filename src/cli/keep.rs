//! The state of the session without a name, in a file across restarts.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::Sandbox;
use crate::state::memory::World;

/// How long a change may be only in memory.
const OFTEN: Duration = Duration::from_millis(500);

/// A file that has the state.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// The changes that are in it.
    written: u64,
}

impl StateFile {
    /// Reads the file into the sandbox; one that is not there is empty.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words. It is not touched then.
    pub fn open(path: &Path, sandbox: &Sandbox) -> Result<Self, String> {
        let failed = |why: String| format!("the state file `{}` cannot be used: {why}", path.display());
        match fs::read(path) {
            Ok(bytes) => {
                let value: Value = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
                let world = World::import(&value).map_err(failed)?;
                sandbox.within("", |there| there.become_like(world));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error.to_string())),
        }
        let written = sandbox.memory().look("", World::changes).unwrap_or(0);
        Ok(Self { path: path.to_owned(), written })
    }

    /// Writes what changed, if anything did: beside the file, and then in its place, so that there is always a
    /// whole one.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn write(&mut self, sandbox: &Sandbox) -> io::Result<()> {
        let Some((changes, state)) = sandbox
            .memory()
            .look("", |world| (world.changes() != self.written).then(|| (world.changes(), world.export())))
            .flatten()
        else {
            return Ok(());
        };
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = self.path.with_file_name(name);
        let mut file = fs::File::create(&beside)?;
        file.write_all(format!("{state:#}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        self.written = changes;
        Ok(())
    }

    /// Writes what changes, for ever.
    pub async fn keep(&mut self, sandbox: &Sandbox) {
        loop {
            tokio::time::sleep(OFTEN).await;
            if let Err(error) = self.write(sandbox) {
                tracing::error!(%error, file = %self.path.display(), "the state cannot be written");
            }
        }
    }
}
