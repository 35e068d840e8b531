'use strict';
// A tiny process that ends the server if this process is killed, when no hook of it can run.
//
// It reads a pipe that only this process holds. First comes the process id of the server, later `done` if
// the server has ended; the end of the pipe without `done` means that this process is gone.
const { spawn } = require('node:child_process');

const SHELL = `
read -r pid || exit 0
read -r word && [ "$word" = done ] && exit 0
kill -TERM "$pid" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$pid" 2>/dev/null || exit 0; done
kill -KILL "$pid" 2>/dev/null
`;

const SCRIPT = `
let text = '';
process.stdin.on('data', (piece) => { text += piece; });
process.stdin.on('end', () => {
  const [pid, word] = text.split('\\n');
  if (pid && word !== 'done') try { process.kill(Number(pid)); } catch {}
});
`;

/** Starts the process; `watch` tells it the server, `done` that there is nothing to end any more. */
function guard() {
  const options = { stdio: ['pipe', 'ignore', 'ignore'], detached: true, windowsHide: true, cwd: undefined };
  const child = process.platform === 'win32'
    ? spawn(process.execPath, ['-e', SCRIPT], { ...options, env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' } })
    : spawn('/bin/sh', ['-c', SHELL], options);
  // Without it, the server still ends with this process in all cases but a kill.
  child.on('error', () => {});
  child.stdin?.on('error', () => {});
  child.unref();
  child.stdin?.unref?.();
  return {
    watch: (pid) => { child.stdin?.write(`${pid}\n`); },
    done: () => { child.stdin?.end('done\n'); },
  };
}

module.exports = { guard };
