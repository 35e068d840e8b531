// Helpers for tests in Vitest: a test with a session of its own, and the matcher.
import { expect as vitestExpect, inject, onTestFailed, test as base } from 'vitest';
import client from './lib/client.js';
import journal from './lib/journal.js';
import matching from './lib/matchers.js';
import names from './lib/names.js';

vitestExpect.extend(matching.matchers);

export const expect = vitestExpect;

let server;

/** Returns the server that the global setup started. */
export function standin() {
  server ??= connected();
  return server;
}

function connected() {
  const provided = inject('standin');
  const url = provided?.url ?? process.env.STANDIN_URL;
  if (!url) throw new Error("there is no sandbox; add `globalSetup: ['standin/vitest/global-setup']` to `test` in the configuration of Vitest");
  return client.connect(url, { token: provided?.token });
}

function suites(task) {
  const outer = [];
  for (let suite = task?.suite; suite?.name; suite = suite.suite) outer.unshift(suite.name);
  return outer;
}

function fileOf(task) {
  return String(task?.file?.name ?? task?.file?.filepath ?? '');
}

/** Test with `standin`, the server, and `sandbox`, a session that no other test shares. */
export const test = base.extend({
  // eslint-disable-next-line no-empty-pattern
  standin: async ({}, use) => {
    await use(standin());
  },
  sandbox: async ({ task, standin }, use) => {
    const sandbox = standin.session(names.testSessionName(task.file?.projectName, fileOf(task), ...suites(task), task.name));
    (task.context?.onTestFailed ?? onTestFailed)(async () => {
      const exchanges = await sandbox.received().catch(() => []);
      if (exchanges.length) console.log(`the sandbox received, in the session ${sandbox.name}:\n${journal.journalText(exchanges)}`);
    });
    await use(sandbox);
  },
});

export const it = test;
