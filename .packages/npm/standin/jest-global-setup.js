'use strict';
// Global setup of Jest: one server for all workers.
const { publish, startShared } = require('./lib/shared.js');

/** Returns a global setup with these options instead of those under `standin` in `package.json`. */
function globalSetup(options) {
  return async function setup(globalConfig) {
    const run = await startShared(options, globalConfig?.rootDir);
    const withdraw = publish(run);
    // Jest calls the teardown of another module in this process.
    globalThis.__STANDIN_RUN__ = async () => {
      withdraw();
      await run.end();
    };
  };
}

module.exports = globalSetup();
module.exports.globalSetup = globalSetup;
