import type { StartOptions } from './index.js';

/** Options of the plugin: those of `start`, and these. */
interface StandinPluginOptions extends StartOptions {
  /** Path of the page below which the sandbox is, `/api` by default, or paths of the page with paths of the sandbox. */
  path?: string | Record<string, string>;
  /** Address of a running sandbox, instead of one that the plugin starts. */
  url?: string;
}

declare function standin(options?: StandinPluginOptions): any;
declare namespace standin {
  export { standin, StandinPluginOptions };
}
export = standin;
