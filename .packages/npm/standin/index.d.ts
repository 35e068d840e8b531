/** Options of `start`; each is an option of `standin serve`, whose help explains it. */
export interface StartOptions {
  /** Files, folders or URLs of OpenAPI documents, or documents as objects; `./specs` without any. */
  documents?: DocumentSource | DocumentSource[];
  /** Folder of fixtures. */
  fixtures?: string;
  /** Keep what requests write, so that later requests read it; `false` by default. */
  state?: boolean;
  /** Seed of generated values: the same seed gives the same bytes. */
  seed?: number | string;
  /** Port to listen on; 0, the default, picks a free one. */
  port?: number;
  /** Address to listen on; `127.0.0.1` by default. */
  host?: string;
  /** Treatment of wrong requests; `strict` by default. */
  validate?: 'strict' | 'warn' | 'off';
  /** Default scenario of the fixtures. */
  scenario?: string;
  /** Default delay of answers: `300ms`, `100ms-1s`. */
  delay?: string | number;
  /** Number of exchanges that the journal of each session keeps; 500 by default. */
  journal?: number;
  /** Copy values from the request into answers that are not backed by state. */
  echo?: boolean;
  /** With state: answer for an id that was never created. */
  unknown?: '404' | 'seeded';
  /** Load documents again when they change; `false` by default. */
  watch?: boolean | string;
  /** The console at `/_standin/`. */
  console?: 'on' | 'off' | 'write';
  /** Form of the log, which `onOutput` gets; `off` by default. */
  log?: 'human' | 'json' | 'off';
  /** Overlays that correct the documents. */
  overlay?: string | string[];
  /** Conditions of exit code 1: `violations`, `unmatched`, `uncovered=10%`. */
  failOn?: string | string[];
  /** Operations that `uncovered` counts. */
  cover?: string | string[];
  /** Reports to write when the server stops: `{junit: 'report.xml'}`. */
  report?: { junit?: string; html?: string; json?: string };
  /** Further arguments of `standin serve`. */
  args?: string[];
  /** Folder that paths are relative to. */
  cwd?: string;
  /** Variables to add to the environment of the server. */
  env?: Record<string, string>;
  /** Token that the control API requires. */
  controlToken?: string;
  /** Milliseconds within which the server has to start; 30000 by default. */
  startTimeout?: number;
  /** Milliseconds within which the server has to stop; then it is killed; 10000 by default. */
  stopTimeout?: number;
  /** Receives the output of the server: diagnostics and the log. */
  onOutput?: (text: string) => void;
}

/** File, folder, URL, or an OpenAPI document as an object. */
export type DocumentSource = string | URL | object;

/** Expected calls, as `POST /_standin/verify` takes them. Each part has plain values, or is a JSON Schema. */
export interface Expected {
  path?: object;
  query?: object;
  header?: object;
  cookie?: object;
  body?: unknown;
  /** `404`, `'4XX'` */
  status?: number | string;
  times?: number;
  atLeast?: number;
  atMost?: number;
  /** Time to wait for further calls: `'2s'`; a number is in milliseconds. */
  within?: string | number;
}

/** Expected calls with the operation, or a sequence of calls. */
export interface ExpectedCalls extends Expected {
  operation?: string;
  sequence?: (Pick<Expected, 'path' | 'query' | 'header' | 'cookie' | 'body' | 'status'> & { operation?: string })[];
}

/** Verdict of the control API on calls. */
export interface Verdict {
  passed: boolean;
  count: number;
  /** Numbers of the requests that match. */
  requests: number[];
  /** Index of the first call of a sequence that was not found. */
  missing?: number;
  nearMisses?: { request: number; method: string; target: string; why: string[] }[];
  /** Number of exchanges that the journal does not keep any more. */
  forgotten?: number;
}

/** Exchange that the journal recorded. */
export interface Exchange {
  number: number;
  session: string;
  /** Time in milliseconds since 1970. */
  at: number;
  micros: number;
  request: { method: string; target: string; headers: Record<string, unknown>; content: unknown };
  operation: string | null;
  response: { status: number; headers: Record<string, unknown>; content: unknown };
  source: string;
  violations: string[];
  [more: string]: unknown;
}

/** Filter of the journal. */
export interface ReceivedFilter {
  operation?: string;
  status?: number | string;
  violation?: string;
  limit?: number;
  before?: number;
  after?: number;
}

/** Request to explain or to send; a text is the path and the query of a GET. */
export type RequestDescription = string | { method?: string; target: string; headers?: object; body?: unknown };

/** Fixtures in the form of a fixture file: operations with lists of entries. */
export type Fixtures = Record<string, object[]>;

/** Fixtures that were added. */
export interface AddedFixtures extends AsyncDisposable {
  fixtures: { id: number; operation: string; fixture: object }[];
  warnings?: string[];
  /** Takes them back. */
  remove(): Promise<void>;
}

/** Saved state of a session. */
export interface Snapshot {
  readonly name: string;
  restore(): Promise<void>;
  changes(): Promise<{ added: object[]; removed: object[]; changed: object[]; [more: string]: unknown }>;
  delete(): Promise<void>;
}

/** Collections of a session. `scope` has the values of the path before a nested collection: `'7'` for `/pets/7/visits`. */
export interface State {
  export(): Promise<object>;
  import(state: object): Promise<void>;
  list<T = any>(collection: string, query?: ListQuery): Promise<T[]>;
  replace<T = any>(collection: string, entities: T[], query?: Scope): Promise<T[]>;
  add<T = any>(collection: string, entity: object, query?: Scope): Promise<T>;
  get<T = any>(collection: string, key: string | number, query?: Scope): Promise<T | undefined>;
  put<T = any>(collection: string, key: string | number, entity: object, query?: Scope): Promise<T>;
  delete(collection: string, key: string | number, query?: Scope): Promise<void>;
  collections(): Promise<{ name: string; [more: string]: unknown }[]>;
}

export interface Scope {
  scope?: string;
}

export interface ListQuery extends Scope {
  q?: string;
  offset?: number;
  limit?: number;
}

/** A session: separate state, fixtures, scenario and journal. */
export declare class Sandbox {
  protected constructor();
  /** Name of the session; empty for the unnamed session. */
  readonly name: string;
  /** Base URL of the requests of this session. */
  readonly url: string;
  /** Header fields that put a request to the server's own address into this session. */
  readonly headers: Record<string, string>;
  /** Cookie that puts a request to the server's own address into this session. */
  readonly cookie: { name: string; value: string };
  readonly state: State;
  /** Adds fixtures to the session; they apply before all others. */
  fixtures(fixtures: Fixtures): Promise<AddedFixtures>;
  clearFixtures(): Promise<void>;
  /** Counts the calls that match; rejects with a `VerificationError` if they are not as expected. */
  verify(operation: string, expected?: Expected): Promise<Verdict>;
  verify(expected: ExpectedCalls): Promise<Verdict>;
  /** Counts the calls that match, and returns the verdict. */
  calls(operation: string, expected?: Expected): Promise<Verdict>;
  calls(expected: ExpectedCalls): Promise<Verdict>;
  /** Returns the recorded exchanges, oldest first: the last 100, or as many as `limit` says. */
  received(filter?: ReceivedFilter): Promise<Exchange[]>;
  /** Explains how a request would be answered; nothing changes. */
  explain(request: RequestDescription): Promise<any>;
  /** Sends a request to the simulated API, and returns its answer with the explanation. */
  send(request: RequestDescription): Promise<any>;
  snapshot(name?: string): Promise<Snapshot>;
  /** Selects a scenario of the fixtures; `null` for none. */
  scenario(name: string | null): Promise<void>;
  /** Removes what the session wrote, its fixtures, counts and recorded exchanges. */
  reset(options?: { keepJournal?: boolean }): Promise<void>;
  /** Sends a request of the control API about this session. */
  control(method: string, path: string, options?: { query?: object; body?: unknown; timeout?: number }): Promise<any>;
}

/** A running server. Its own methods are about the unnamed session; `received`, `calls` and `verify` about all. */
export declare class Server extends Sandbox {
  session(name: string): Sandbox;
  /** Returns the operations, statuses and parameters that were used, and not. */
  coverage(): Promise<any>;
  operations(): Promise<any[]>;
  /** Loads documents, fixtures and data again, and returns what differs. */
  reload(): Promise<any>;
}

/** A server that this process started; it ends with this process. */
export interface StartedServer extends Server, AsyncDisposable {
  readonly pid: number;
  /** The last output of the server. */
  readonly output: string;
  /** Token of the control API, if there is one. */
  readonly token: string | undefined;
  /** Stops the server, which writes its reports. The code is 1 if a condition of `failOn` is met. */
  stop(options?: { timeout?: number }): Promise<{ code: number | null; signal: string | null; output: string }>;
}

/** Starts a server on a free port, and returns it when it answers. */
export declare function start(options?: StartOptions): Promise<StartedServer>;
/** Returns the server that answers at a URL. */
export declare function connect(url: string, options?: { token?: string }): Server;
/** Returns the path of the program. */
export declare function binaryPath(env?: Record<string, string | undefined>): string;

/** Failure of a start; `output` is what the program printed. */
export declare class StartError extends Error {
  readonly output: string;
  readonly code: number | null;
}
/** Refusal of the control API. `problem` has the details of RFC 9457. */
export declare class ControlError extends Error {
  readonly status?: number;
  readonly problem?: { type?: string; title?: string; status?: number; detail?: string };
}
/** Calls that are not as expected. */
export declare class VerificationError extends Error {
  readonly verdict: Verdict;
}

/** Matchers of Vitest, Jest and Playwright. */
export interface StandinMatchers<R = unknown> {
  /**
   * Passes if the sandbox received calls of an operation, such as `'createPet'`, `'POST /pets'` or `'tag: pets'`.
   *
   * @param body values that the content has, or a JSON Schema of it
   * @param expected other parts of the request, the status, and the number of calls
   */
  toHaveReceived(operation: string, body?: unknown, expected?: Omit<Expected, 'body'>): R;
}

declare global {
  /** Types of TypeScript 5.2 and newer, for older ones. */
  interface AsyncDisposable {}
}
