#!/usr/bin/env node
'use strict';
// Runs the program with the same arguments, input and output, and ends as it does.
const { spawn } = require('node:child_process');
const os = require('node:os');
const { binaryPath } = require('../lib/binary.js');

let file;
try {
  file = binaryPath();
} catch (error) {
  process.stderr.write(`error: ${error.message}\n`);
  process.exit(2);
}

const child = spawn(file, process.argv.slice(2), { stdio: 'inherit', windowsHide: true });
// A terminal sends its signals to the program too; twice would abort the exchanges in flight.
const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
  const passed = signal === 'SIGTERM' || !terminal;
  try {
    process.on(signal, () => passed && child.kill(signal));
  } catch {
    // The platform has no such signal.
  }
}
child.on('error', (error) => {
  process.stderr.write(`error: ${file} cannot be run: ${error.message}\n`);
  process.exit(2);
});
child.on('exit', (code, signal) => {
  if (!signal) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Where the signal does not end this process, as for one that is ignored.
  setTimeout(() => process.exit(128 + (os.constants.signals[signal] ?? 0)), 100);
});
