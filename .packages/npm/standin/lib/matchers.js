'use strict';
// The matcher `toHaveReceived`, for Vitest, Jest and Playwright alike.
const { Sandbox } = require('./client.js');
const { expectation, failure } = require('./verdict.js');

/**
 * Judges `expect(sandbox).toHaveReceived(operation, body, expected)`.
 *
 * `body` are values of the content, or a JSON Schema of it; `expected` has the other parts of the request,
 * the status and the number of calls.
 */
async function toHaveReceived(sandbox, operation, body, expected = {}) {
  if (typeof sandbox?.calls !== 'function' || !(sandbox instanceof Sandbox || 'control' in sandbox)) {
    throw new TypeError('toHaveReceived: expected a sandbox: what `start`, `connect` or `session` returned');
  }
  if (typeof operation !== 'string') {
    throw new TypeError('toHaveReceived: the first argument names an operation: "createPet", "POST /pets", "tag: pets" or "*"');
  }
  const asked = { ...expected, operation, ...(body !== undefined && { body }) };
  const verdict = await sandbox.calls(asked);
  return {
    pass: verdict.passed,
    actual: verdict,
    message: () => (verdict.passed
      ? `expected no calls of ${expectation(asked)}\nfound ${verdict.count}: requests ${verdict.requests.slice(0, 10).join(', ')}`
      : failure(asked, verdict)),
  };
}

module.exports = { matchers: { toHaveReceived } };
