'use strict';
// Global setup of Playwright: one server for all workers. Without it, each worker starts one.
const { publish, startShared } = require('./lib/shared.js');

/** Returns a global setup with these options instead of those under `standin` in `package.json`. */
function globalSetup(options) {
  return async function setup(config) {
    const run = await startShared(options, config?.rootDir);
    const withdraw = publish(run);
    return async () => {
      withdraw();
      await run.end();
    };
  };
}

module.exports = globalSetup();
module.exports.default = module.exports;
module.exports.globalSetup = globalSetup;
