import type { StartOptions } from './index.js';

declare function setup(config: any): Promise<() => Promise<void>>;
declare namespace setup {
  /** Returns a global setup with these options instead of those under `standin` in `package.json`. */
  function globalSetup(options?: StartOptions): typeof setup;
}
export = setup;
