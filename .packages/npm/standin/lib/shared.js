'use strict';
// One server for all workers of a test runner: the main process starts it, the workers connect to it.
const { connect } = require('./client.js');
const { projectOptions } = require('./options.js');
const { start } = require('./start.js');

/** Environment variable with the address of a running server, which workers inherit. */
const URL_VARIABLE = 'STANDIN_URL';

/**
 * Starts the server of a run, or uses the one that `STANDIN_URL` names. Returns its address, its token, and
 * a function that ends it and throws if its `failOn` conditions are met.
 */
async function startShared(options, from) {
  const running = process.env[URL_VARIABLE];
  if (running) {
    return { url: running, token: process.env.STANDIN_CONTROL_TOKEN, end: async () => {} };
  }
  const server = await start({ ...projectOptions(from), ...options });
  return { url: server.url, token: server.token, end: () => endShared(server) };
}

async function endShared(server) {
  const { code, signal, output } = await server.stop();
  if (code === 0 || signal) return;
  throw new Error(`the sandbox ended with exit code ${code}\n${output}`.trimEnd());
}

/** Puts the address into the environment, for workers that start later; returns a function that undoes it. */
function publish({ url, token }) {
  const before = { [URL_VARIABLE]: process.env[URL_VARIABLE], STANDIN_CONTROL_TOKEN: process.env.STANDIN_CONTROL_TOKEN };
  process.env[URL_VARIABLE] = url;
  if (token) process.env.STANDIN_CONTROL_TOKEN = token;
  return () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** Returns the server whose address is in the environment. */
function connectShared(hint) {
  const url = process.env[URL_VARIABLE];
  if (!url) throw new Error(`there is no sandbox: ${URL_VARIABLE} is not set; ${hint}`);
  return connect(url);
}

module.exports = { connectShared, publish, startShared };
