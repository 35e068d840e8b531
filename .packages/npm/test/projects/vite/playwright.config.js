import { defineConfig } from '@playwright/test';

// The sandbox is the one of the development server, at its own origin.
process.env.STANDIN_URL = 'http://127.0.0.1:4174';

export default defineConfig({
  workers: 3,
  fullyParallel: true,
  // A browser that crashes when it starts is no fault of the package; a test that fails twice is.
  retries: 1,
  webServer: { command: 'npx vite', url: 'http://127.0.0.1:4174/', stdout: 'ignore', env: { STANDIN_URL: '' } },
  use: { baseURL: 'http://127.0.0.1:4174', launchOptions: { executablePath: process.env.STANDIN_CHROMIUM, args: ['--no-sandbox'] } },
  projects: [
    { name: 'sessions', testMatch: 'sessions.spec.js' },
    { name: 'reload', testMatch: 'reload.spec.js', dependencies: ['sessions'] },
  ],
});
