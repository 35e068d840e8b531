import type { Expect, PlaywrightTestArgs, PlaywrightTestOptions, PlaywrightWorkerArgs, PlaywrightWorkerOptions, TestType } from '@playwright/test';
import type { Sandbox, Server, StandinMatchers, StartOptions } from './index.js';

export interface StandinFixtures {
  /** Session that no other test shares. The browser and `request` of the test are in it. */
  sandbox: Sandbox;
}

export interface StandinWorkerFixtures {
  /** The server: the one that `STANDIN_URL` names, else one of this worker. */
  standin: Server;
  /** Options of the server of this worker. */
  standinOptions: StartOptions | undefined;
}

type Matcher = (sandbox: Sandbox, ...rest: Parameters<StandinMatchers['toHaveReceived']>) => Promise<any>;
export declare const test: TestType<PlaywrightTestArgs & PlaywrightTestOptions & StandinFixtures, PlaywrightWorkerArgs & PlaywrightWorkerOptions & StandinWorkerFixtures>;
export declare const expect: Expect<{ toHaveReceived: Matcher }>;
