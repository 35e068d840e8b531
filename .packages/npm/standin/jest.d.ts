import type { Sandbox, Server, StandinMatchers } from './index.js';

declare global {
  namespace jest {
    interface Matchers<R, T = {}> extends StandinMatchers<Promise<R>> {}
  }
}

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends StandinMatchers<Promise<void>> {}
}

/** Gives each test of this file, or of this `describe`, a session; the result is that of the test that runs. */
export declare function useSandbox(): Sandbox;
/** Returns the server that the global setup started. */
export declare function standin(): Server;
export declare const matchers: object;
