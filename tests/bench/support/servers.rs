//! Servers in processes of their own, and what they use.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A server in a process of its own, which ends with this value.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:4010`
    pub address: String,
}

impl Server {
    /// Starts a command that prints `listening on http://…`.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let out = child.stdout.take().expect("is piped");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("prints");
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .expect("listens")
            .to_owned();
        Self { child, address }
    }

    /// Starts Standin with these arguments.
    pub(crate) fn program(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_standin"));
        // Away from the fixtures of the project.
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        Self::start(command.args(arguments))
    }

    /// The processor time that it has used, in nanoseconds; none where the system does not say.
    pub(crate) fn processor_time(&self) -> Option<u64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        Some(tasks.flatten().filter_map(of_task).sum())
    }

    /// The memory that it has, in bytes.
    pub(crate) fn memory(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
