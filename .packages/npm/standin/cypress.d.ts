import type { StartOptions } from './index.js';

/** Starts the server, and registers the task `standin`; return the result in `setupNodeEvents`. */
export declare function standin(on: any, config: any, options?: StartOptions): Promise<any>;
