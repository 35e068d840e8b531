//! Function through which the control API loads the documents again; the command line sets it.
use std::fmt;

use serde_json::Value;

/// Function that loads the documents again. It returns a report as JSON, or the reason why the
/// current sandbox stays.
pub(crate) struct ReloadFunction(pub Box<dyn Fn() -> Result<Value, String> + Send + Sync>);

impl fmt::Debug for ReloadFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReloadFunction")
    }
}

impl ReloadFunction {
    pub(super) fn call(&self) -> Result<Value, String> {
        (self.0)()
    }
}
