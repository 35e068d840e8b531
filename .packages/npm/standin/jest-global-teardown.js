'use strict';
// Global teardown of Jest: stops the server of the global setup.
module.exports = async function teardown() {
  await globalThis.__STANDIN_RUN__?.();
  delete globalThis.__STANDIN_RUN__;
};
