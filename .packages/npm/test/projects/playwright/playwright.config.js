const { defineConfig } = require('@playwright/test');

module.exports = defineConfig({
  workers: 3,
  fullyParallel: true,
  // A browser that crashes when it starts is no fault of the package; a test that fails twice is.
  retries: process.env.FAILS ? 0 : 1,
  reporter: [['list'], ['json', { outputFile: process.env.RESULTS ?? 'results.json' }]],
  globalSetup: process.env.SHARED ? require.resolve('standin/playwright/global-setup') : undefined,
  webServer: { command: 'node app.js', url: 'http://127.0.0.1:4173', stdout: 'ignore' },
  use: { launchOptions: { executablePath: process.env.STANDIN_CHROMIUM, args: ['--no-sandbox'] } },
  projects: [
    { name: 'api', testMatch: 'api.spec.mjs' },
    { name: 'app', testMatch: 'app.spec.js', use: { baseURL: 'http://127.0.0.1:4173' } },
    ...(process.env.FAILS ? [{ name: 'fails', testMatch: 'fails.js' }] : []),
  ],
});
