'use strict';
// The control API of a running sandbox as methods.
const { ControlError, call } = require('./http.js');
const { checkedName, escaped, fitsHeader } = require('./names.js');
const { VerificationError, failure } = require('./verdict.js');

const asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** Sessions share one `Connection`: the address of the server and its token. */
class Connection {
  constructor(url, token) {
    this.origin = checkedUrl(url);
    this.token = token;
    /** Says why the server cannot answer any more, if that is known. */
    this.ended = () => undefined;
  }

  async call(method, path, { query = {}, body, timeout } = {}) {
    const url = new URL(`/_standin/${path}`, this.origin);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    try {
      return await call(url, { method, body, timeout, token: this.token });
    } catch (error) {
      const ended = this.ended();
      if (ended && error.status === undefined) throw new ControlError(ended, { cause: error });
      throw error;
    }
  }
}

function checkedUrl(url) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    throw new TypeError(`${JSON.stringify(url)} is not a URL; expected one such as http://127.0.0.1:4010`);
  }
  if (!['http:', 'https:'].includes(parsed.protocol)) {
    throw new TypeError(`${JSON.stringify(url)} begins with neither http:// nor https://`);
  }
  return parsed.origin;
}

/** What the unnamed session of a server and a named session have in common. */
class Sandbox {
  #connection;

  constructor(connection, name) {
    this.#connection = connection;
    /** Name of the session; empty for the unnamed session. */
    this.name = name;
    this.state = new State((method, path, options) => this.control(method, path, options));
  }

  /** Base URL of the requests of this session. */
  get url() {
    const { origin } = this.#connection;
    return this.name === '' ? origin : `${origin}/_standin/sessions/${escaped(this.name)}`;
  }

  /** Header fields that put a request to the server's own address into this session. */
  get headers() {
    if (this.name === '') return {};
    if (!fitsHeader(this.name)) {
      throw new TypeError(`a header field cannot carry the session name ${JSON.stringify(this.name)}; use \`url\` or \`cookie\``);
    }
    return { 'Standin-Session': this.name };
  }

  /** Cookie that puts a request to the server's own address into this session. */
  get cookie() {
    return { name: 'standin-session', value: escaped(this.name) };
  }

  /** Sends a request of the control API about this session: `control('GET', 'scenario')`. */
  control(method, path, options = {}) {
    return this.#connection.call(method, path, { ...options, query: { session: this.#sessionOf(path), ...options.query } });
  }

  // Without a session, these two are about all sessions.
  #sessionOf(path) {
    const all = this.name === '' && ['requests', 'verify'].includes(path);
    return all ? undefined : this.name;
  }

  /** Adds fixtures, in the form of a fixture file; they apply before all others. */
  async fixtures(fixtures) {
    const added = await this.control('POST', 'fixtures', { body: fixtures });
    const remove = async () => {
      for (const { id } of added.fixtures) {
        await this.control('DELETE', `fixtures/${id}`).catch((error) => {
          if (error.status !== 404) throw error;
        });
      }
    };
    return { ...added, remove, [asyncDispose]: remove };
  }

  /** Removes all fixtures that were added to the session. */
  async clearFixtures() {
    await this.control('DELETE', 'fixtures');
  }

  /** Counts the calls that match, and returns the verdict. */
  calls(operation, expected = {}) {
    const body = typeof operation === 'string' ? { ...expected, operation } : { ...operation };
    return this.control('POST', 'verify', { body, timeout: 95_000 });
  }

  /** Counts the calls that match; rejects with a `VerificationError` if they are not as expected. */
  async verify(operation, expected = {}) {
    const verdict = await this.calls(operation, expected);
    if (verdict.passed) return verdict;
    const asked = typeof operation === 'string' ? { ...expected, operation } : operation;
    throw new VerificationError(failure(asked, verdict), verdict);
  }

  /** Returns the recorded exchanges, oldest first: the last 100, or as many as `limit` says. */
  async received(filter = {}) {
    const { requests } = await this.control('GET', 'requests', { query: filter });
    return requests;
  }

  /** Explains how a request would be answered; nothing changes. */
  explain(request) {
    return this.#connection.call('POST', 'explain', { body: { ...this.#described(request), session: this.name } });
  }

  /** Sends a request to the simulated API, and returns its answer with the explanation. */
  send(request) {
    return this.#connection.call('POST', 'requests', { body: { ...this.#described(request), session: this.name } });
  }

  #described(request) {
    return typeof request === 'string' ? { target: request } : request;
  }

  /** Saves the state of the session under a name, which `restore` goes back to. */
  async snapshot(name = 'snapshot') {
    const path = `snapshots/${segment(name, 'a snapshot')}`;
    await this.control('PUT', path);
    return {
      name,
      restore: async () => { await this.control('POST', `${path}/restore`); },
      changes: () => this.control('GET', `${path}/changes`),
      delete: async () => { await this.control('DELETE', path); },
    };
  }

  /** Selects a scenario of the fixtures; `null` for none. */
  async scenario(name) {
    await this.control('PUT', 'scenario', { body: { scenario: name } });
  }

  /** Removes what the session wrote, its fixtures, counts and recorded exchanges. */
  async reset({ keepJournal = false } = {}) {
    await this.control('POST', 'reset', { query: { keep: keepJournal ? 'journal' : undefined } });
  }
}

/** Collections of a session. */
class State {
  #control;

  constructor(control) {
    this.#control = control;
  }

  /** Returns everything that the session wrote, as one value. */
  export() {
    return this.#control('GET', 'state');
  }

  /** Replaces everything that the session wrote. */
  async import(state) {
    await this.#control('PUT', 'state', { body: state });
  }

  /** Returns the entities of a collection: `list('pets')`, `list('visits', {scope: '7'})`. */
  async list(collection, query = {}) {
    return (await this.#control('GET', this.#path(collection), { query })).entities;
  }

  /** Replaces the entities of a collection. */
  async replace(collection, entities, query = {}) {
    return (await this.#control('PUT', this.#path(collection), { query, body: entities })).entities;
  }

  /** Adds an entity, which gets a key if it has none. */
  async add(collection, entity, query = {}) {
    return (await this.#control('POST', this.#path(collection), { query, body: entity })).entity;
  }

  /** Returns an entity, or `undefined` if there is none with this key. */
  async get(collection, key, query = {}) {
    try {
      return (await this.#control('GET', this.#path(collection, key), { query })).entity;
    } catch (error) {
      if (error.status === 404 && !/^there is no collection/.test(error.problem?.detail ?? '')) return undefined;
      throw error;
    }
  }

  /** Replaces an entity. */
  async put(collection, key, entity, query = {}) {
    return (await this.#control('PUT', this.#path(collection, key), { query, body: entity })).entity;
  }

  /** Deletes an entity. */
  async delete(collection, key, query = {}) {
    await this.#control('DELETE', this.#path(collection, key), { query });
  }

  /** Lists the collections. */
  async collections() {
    return (await this.#control('GET', 'collections')).collections;
  }

  #path(collection, ...key) {
    return ['state', segment(collection, 'a collection'), ...key.map((key) => segment(String(key), 'an entity'))].join('/');
  }
}

function segment(name, what) {
  if (typeof name !== 'string' || name === '' || name === '.' || name === '..' || /\p{Cs}/u.test(name)) {
    throw new TypeError(`${what} cannot have the name ${JSON.stringify(name) ?? String(name)}`);
  }
  return escaped(name);
}

/** A running server; its own methods are about the unnamed session. */
class Server extends Sandbox {
  #connection;

  constructor(connection) {
    super(connection, '');
    this.#connection = connection;
  }

  /** Returns a session: separate state, fixtures and journal. It exists from its first use. */
  session(name) {
    return new Sandbox(this.#connection, checkedName(name));
  }

  /** Returns the operations, statuses and parameters that were used, and not. */
  coverage() {
    return this.#connection.call('GET', 'coverage');
  }

  /** Lists the operations of the documents. */
  async operations() {
    return (await this.#connection.call('GET', 'operations')).operations;
  }

  /** Loads documents, fixtures and data again, and returns what differs. */
  reload() {
    return this.#connection.call('POST', 'reload');
  }
}

/** Returns the server that answers at a URL; it is not started, and not asked before it is used. */
function connect(url, { token = process.env.STANDIN_CONTROL_TOKEN } = {}) {
  return new Server(new Connection(url, token));
}

module.exports = { Connection, ControlError, Sandbox, Server, VerificationError, asyncDispose, connect };
