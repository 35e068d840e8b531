'use strict';
// Helpers for tests in Jest: a session for each test, and the matcher.
const { matchers } = require('./lib/matchers.js');
const { testSessionName } = require('./lib/names.js');
const { connectShared } = require('./lib/shared.js');

expect.extend(matchers);

let server;

/** Returns the server that the global setup started. */
function standin() {
  server ??= connectShared("add `globalSetup: 'standin/jest/global-setup'` and `globalTeardown: 'standin/jest/global-teardown'` to the configuration of Jest");
  return server;
}

/**
 * Gives each test of this file, or of this `describe`, a session that no other test shares. The returned
 * object is always the session of the test that runs.
 */
function useSandbox() {
  let current;
  beforeEach(() => {
    const { currentTestName, testPath } = expect.getState();
    const file = require('node:path').relative(process.cwd(), testPath ?? '');
    current = standin().session(testSessionName(file, currentTestName));
  });
  const session = () => {
    if (!current) throw new Error('there is no session yet; use the sandbox in a test or in `beforeEach`, after `useSandbox()`');
    return current;
  };
  return new Proxy({}, {
    get: (_, name) => {
      // A promise that this object is the result of asks for `then`.
      if (name === 'then' || (typeof name === 'symbol' && !current)) return undefined;
      const value = session()[name];
      return typeof value === 'function' ? value.bind(session()) : value;
    },
    has: (_, name) => name in session(),
  });
}

module.exports = { matchers, standin, useSandbox };
