'use strict';
// Tasks of Cypress: its tests run in a browser, and ask the sandbox through them.
const { connect } = require('./lib/client.js');
const { projectOptions } = require('./lib/options.js');
const { start } = require('./lib/start.js');

/** Methods of a session that the task `standin` calls, with the arguments of the test. */
const METHODS = ['calls', 'clearFixtures', 'explain', 'fixtures', 'received', 'reset', 'scenario', 'send', 'verify'];

/**
 * Starts the server, or uses the one that `STANDIN_URL` names; registers the task `standin`; and puts the
 * address into `config.env.standinUrl`. Call it in `setupNodeEvents`, and return the result.
 */
async function standin(on, config, options) {
  const running = process.env.STANDIN_URL;
  const server = running ? connect(running) : await start({ ...projectOptions(config.projectRoot), ...options });
  on('task', {
    standin: async ({ session, method, args = [] } = {}) => {
      const target = session ? server.session(session) : server;
      if (method === 'url') return target.url;
      if (method === 'state') return target.state.list(...args);
      if (!METHODS.includes(method)) throw new Error(`the task \`standin\` has no method \`${method}\`; it has url, state, ${METHODS.join(', ')}`);
      // A task returns plain data, and never `undefined`.
      return JSON.parse(JSON.stringify((await target[method](...args)) ?? null));
    },
  });
  if (!running) on('after:run', async () => { await server.stop(); });
  return { ...config, env: { ...config.env, standinUrl: server.url } };
}

module.exports = { standin };
