// Global setup of Vitest: one server for all workers.
import shared from './lib/shared.js';

/** Returns a global setup with these options instead of those under `standin` in `package.json`. */
export function globalSetup(options) {
  return async function setup(project) {
    const run = await shared.startShared(options, project?.config?.root);
    // Not in the environment: another project of the same run may have other documents.
    project.provide('standin', { url: run.url, token: run.token });
    return async function teardown() {
      await run.end().catch((error) => {
        // Vitest only prints errors of a teardown.
        process.exitCode = 1;
        throw error;
      });
    };
  };
}

export default globalSetup();
