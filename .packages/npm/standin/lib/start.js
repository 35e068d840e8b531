'use strict';
// A server as a child process, which ends with this process, however that ends.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { binaryPath } = require('./binary.js');
const { Connection, Server, asyncDispose } = require('./client.js');
const { commandLine } = require('./options.js');
const { guard } = require('./guard.js');

/** Number of the last characters of the output that are kept. */
const KEPT = 64 * 1024;

/** Failure of a start; `output` is what the program printed, `code` its exit code. */
class StartError extends Error {
  constructor(message, { output = '', code = null, cause } = {}) {
    const printed = output.trimEnd();
    super(printed ? `${message}\n${printed}` : message, cause ? { cause } : undefined);
    this.name = 'StartError';
    this.output = output;
    this.code = code;
  }
}

/** Children that run, so that one hook ends them all when this process exits. */
const running = new Set();
process.on('exit', () => {
  for (const started of running) started.abandon();
});

/** Program that runs, with the end of its output. */
class Program {
  constructor(options) {
    const { args, folder } = commandLine(options);
    this.folder = folder;
    this.output = '';
    this.onOutput = options.onOutput;
    const env = { ...process.env, ...options.env };
    // Not on the command line, which other users of the machine can list.
    if (options.controlToken) env.STANDIN_CONTROL_TOKEN = options.controlToken;
    this.token = env.STANDIN_CONTROL_TOKEN;
    const watched = guard();
    try {
      this.child = spawn(binaryPath(env), args, { cwd: options.cwd, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    } catch (error) {
      watched.done();
      this.#clean();
      throw error;
    }
    if (this.child.pid) watched.watch(this.child.pid);
    running.add(this);
    this.exited = this.#untilExit(watched);
    // A test that forgets `stop` still ends; the hook above then stops the server.
    this.child.unref();
  }

  #untilExit(watched) {
    return new Promise((resolve) => {
      const end = (result) => {
        watched.done();
        running.delete(this);
        this.#clean();
        this.result = result;
        resolve(result);
      };
      this.child.on('error', (error) => end({ code: null, signal: null, error }));
      // Not `exit`: the last output may come after it.
      this.child.on('close', (code, signal) => end({ code, signal }));
    });
  }

  #clean() {
    if (this.folder) fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ends the program at once, without waiting for it. */
  abandon() {
    this.child.kill('SIGTERM');
    this.#clean();
  }

  /** Waits for the line with the address. */
  listening(timeout) {
    return new Promise((resolve, reject) => {
      let lines = '';
      const timer = setTimeout(() => {
        this.child.kill('SIGKILL');
        reject(new StartError(`the sandbox did not start within ${timeout} ms`, this));
      }, timeout);
      const settle = (act, value) => {
        clearTimeout(timer);
        act(value);
      };
      for (const stream of [this.child.stdout, this.child.stderr]) {
        stream?.setEncoding('utf8');
        stream?.on('data', (text) => this.#printed(text));
        stream?.unref?.();
      }
      this.child.stdout?.on('data', (text) => {
        if (lines === undefined) return;
        lines = (lines + text).slice(-KEPT);
        const url = /^listening on (https?:\/\/\S+)\s/m.exec(lines)?.[1];
        if (!url) return;
        lines = undefined;
        settle(resolve, url);
      });
      this.exited.then(({ code, signal, error }) => settle(reject, error
        ? new StartError(`the sandbox cannot be run: ${error.message}`, { cause: error })
        : new StartError(`the sandbox did not start; it ended with ${ending(code, signal)}`, { output: this.output, code })));
    });
  }

  #printed(text) {
    this.output = (this.output + text).slice(-KEPT);
    this.onOutput?.(text);
  }

  /** Ends the program in order, so that it writes its reports; after the timeout, at once. */
  async stop(timeout) {
    if (!this.result) {
      this.child.ref();
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), timeout);
      await this.exited;
      clearTimeout(timer);
    }
    const { code, signal } = this.result;
    return { code, signal, output: this.output };
  }
}

function ending(code, signal) {
  return signal ? `the signal ${signal}` : `exit code ${code}`;
}

/** Server that this process started. */
class StartedServer extends Server {
  #program;
  #stopped;
  #stopTimeout;

  constructor(connection, program, stopTimeout) {
    super(connection);
    this.#program = program;
    this.#stopTimeout = stopTimeout;
    connection.ended = () => {
      const { result, output } = program;
      return result && `the sandbox has ended with ${ending(result.code, result.signal)}\n${output.slice(-2000)}`.trimEnd();
    };
    this[asyncDispose] = async () => { await this.stop(); };
  }

  /** Process id of the server. */
  get pid() {
    return this.#program.child.pid;
  }

  /** The last output of the server: diagnostics of the documents, and the log. */
  get output() {
    return this.#program.output;
  }

  /** Token of the control API, if there is one. */
  get token() {
    return this.#program.token;
  }

  /** Stops the server, which writes its reports; returns its exit code and output. */
  stop({ timeout = this.#stopTimeout } = {}) {
    this.#stopped ??= this.#program.stop(timeout);
    return this.#stopped;
  }
}

/** Starts a server on a free port, and returns it when it answers. */
async function start(options = {}) {
  const { startTimeout = 30_000, stopTimeout = 10_000 } = options;
  const program = new Program(options);
  const url = await program.listening(startTimeout);
  const connection = new Connection(reachable(url), program.token);
  return new StartedServer(connection, program, stopTimeout);
}

/** Returns the address that a client on this machine can use. */
function reachable(url) {
  return url.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]');
}

module.exports = { StartError, StartedServer, start };
