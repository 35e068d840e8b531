import type { TestAPI } from 'vitest';
import type { Sandbox, Server, StandinMatchers } from './index.js';

declare module 'vitest' {
  interface Assertion<T = any> extends StandinMatchers<Promise<void>> {}
  interface AsymmetricMatchersContaining extends StandinMatchers {}
  interface ProvidedContext {
    standin: { url: string; token?: string };
  }
}

export interface StandinFixtures {
  /** The server that all workers share. */
  standin: Server;
  /** Session that no other test shares. */
  sandbox: Sandbox;
}

export declare const test: TestAPI<StandinFixtures>;
export declare const it: typeof test;
export { expect } from 'vitest';
/** Returns the server that the global setup started. */
export declare function standin(): Server;
