'use strict';
// A sandbox API server made from OpenAPI documents, for tests in JavaScript.
const { binaryPath } = require('./lib/binary.js');
const { ControlError, Sandbox, Server, VerificationError, connect } = require('./lib/client.js');
const { StartError, start } = require('./lib/start.js');

module.exports = { start, connect, binaryPath, Sandbox, Server, StartError, ControlError, VerificationError };
