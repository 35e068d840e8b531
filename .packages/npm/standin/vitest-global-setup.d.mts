import type { StartOptions } from './index.js';

type Setup = (project: any) => Promise<() => Promise<void>>;
/** Returns a global setup with these options instead of those under `standin` in `package.json`. */
export declare function globalSetup(options?: StartOptions): Setup;
declare const setup: Setup;
export default setup;
