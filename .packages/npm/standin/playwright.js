'use strict';
// Fixtures of Playwright: a session for each test, for the browser and for requests of the test itself.
const { expect: baseExpect, test: base } = require('@playwright/test');
const { connect } = require('./lib/client.js');
const { journalText } = require('./lib/journal.js');
const { matchers } = require('./lib/matchers.js');
const { testSessionName } = require('./lib/names.js');
const { projectOptions } = require('./lib/options.js');
const { start } = require('./lib/start.js');

const expect = baseExpect.extend(matchers);

const test = base.extend({
  /** Options of the server, instead of those under `standin` in `package.json`. */
  standinOptions: [undefined, { option: true, scope: 'worker' }],

  /** The server: the one that `STANDIN_URL` names, else one of this worker. */
  standin: [async ({ standinOptions }, use, workerInfo) => {
    const running = process.env.STANDIN_URL;
    if (running) return use(connect(running));
    const server = await start({ ...projectOptions(workerInfo.config.rootDir), ...standinOptions });
    await use(server);
    const { code, signal, output } = await server.stop();
    if (code !== 0 && !signal) throw new Error(`the sandbox ended with exit code ${code}\n${output}`);
  }, { scope: 'worker' }],

  /** Session of this test; its journal is attached to the report if the test fails. */
  sandbox: async ({ standin }, use, testInfo) => {
    const sandbox = standin.session(testSessionName(testInfo.project.name, ...testInfo.titlePath));
    await use(sandbox);
    if (testInfo.status === testInfo.expectedStatus) return;
    const exchanges = await sandbox.received().catch(() => []);
    if (!exchanges.length) return;
    await testInfo.attach('sandbox: requests', { body: journalText(exchanges), contentType: 'text/plain' });
    await testInfo.attach('sandbox: journal', { body: JSON.stringify(exchanges, null, 2), contentType: 'application/json' });
  },

  /** The application, if the configuration names it, else the sandbox. */
  baseURL: async ({ baseURL, standin }, use) => {
    await use(baseURL ?? standin.url);
  },

  /** Requests of the test itself, in the session. */
  request: async ({ playwright, baseURL, sandbox, extraHTTPHeaders, ignoreHTTPSErrors, storageState }, use) => {
    const headers = { ...extraHTTPHeaders, ...sandbox.headers };
    const request = await playwright.request.newContext({ baseURL, extraHTTPHeaders: headers, ignoreHTTPSErrors, storageState });
    await use(request);
    await request.dispose();
  },

  /** Browser whose requests to the application and to the sandbox are in the session. */
  context: async ({ context, baseURL, standin, sandbox }, use) => {
    // The cookie reaches the sandbox through a proxy at the origin of the application.
    const origins = new Set([new URL(baseURL).origin, new URL(standin.url).origin]);
    await context.addCookies([...origins].map((url) => ({ ...sandbox.cookie, url })));
    // Calls of another origin often send no cookies, so their header fields name the session.
    const { origin } = new URL(standin.url);
    await context.route((url) => url.origin === origin, (route, request) => (
      route.fallback({ headers: { ...request.headers(), ...sandbox.headers } })
    ));
    await use(context);
  },
});

module.exports = { expect, test };
