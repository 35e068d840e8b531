'use strict';
// Plugin of Vite: the sandbox at the origin of the development server, so that a page needs no CORS.
const http = require('node:http');
const https = require('node:https');
const { connect } = require('./lib/client.js');
const { projectOptions } = require('./lib/options.js');
const { start } = require('./lib/start.js');

/** Milliseconds before the events are asked for again, if their connection breaks. */
const AGAIN = 1000;

/** Header fields of one connection (RFC 9110, section 7.6.1), which a proxy does not pass on. */
const OF_CONNECTION = ['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'transfer-encoding', 'upgrade', 'http2-settings'];

/**
 * Mounts a sandbox at paths of the development server.
 *
 * `path` is `'/api'`, or maps paths of the page to paths of the sandbox: `{'/backend': '/api/v1'}`. All other
 * options are those of `start`, and are also read from `standin` in `package.json`.
 */
function standin({ path = '/api', url, ...options } = {}) {
  const mounts = mountsOf(path);
  let server;
  const open = async (root) => {
    server ??= url ? connect(url) : await start({ watch: true, ...projectOptions(root), ...options });
    return server;
  };
  const close = async () => {
    const started = server;
    server = undefined;
    await started?.stop?.();
  };
  return {
    name: 'standin',
    apply: 'serve',
    async configureServer(vite) {
      // Vitest reads the same configuration, and has a sandbox of its own.
      if (process.env.VITEST) return;
      const { url: target } = await open(vite.config.root);
      vite.middlewares.use(forward(target, mounts));
      vite.config.logger.info(`  sandbox at ${[...mounts.keys()].join(', ')}, console at /_standin/`);
      const stopListening = listen(target, (event) => tell(vite, event));
      vite.httpServer?.once('close', () => {
        stopListening();
        close();
      });
    },
    async configurePreviewServer(vite) {
      const { url: target } = await open(vite.config.root);
      vite.middlewares.use(forward(target, mounts));
      vite.httpServer?.once('close', close);
    },
  };
}

function mountsOf(path) {
  const entries = typeof path === 'string' ? [[path, '']] : Object.entries(path ?? {});
  const mounts = new Map();
  for (const [from, to] of entries) {
    for (const one of [from, to || '/']) {
      if (typeof one !== 'string' || !one.startsWith('/')) throw new TypeError(`\`path\` has ${JSON.stringify(one)}; a path begins with "/"`);
    }
    mounts.set(from.replace(/\/+$/, '') || '/', to.replace(/\/+$/, ''));
  }
  // The console and the control API.
  mounts.set('/_standin', '/_standin');
  return mounts;
}

/** Returns the path at the sandbox for a path of the page; `undefined` if it is not the sandbox's. */
function targetOf(target, mounts) {
  for (const [from, to] of mounts) {
    if (from === '/') return to + target;
    if (target === from || target.startsWith(`${from}/`) || target.startsWith(`${from}?`)) {
      const rest = target.slice(from.length);
      return to + (rest.startsWith('/') || to ? rest : `/${rest}`);
    }
  }
  return undefined;
}

function forward(sandbox, mounts) {
  const { protocol, hostname, port } = new URL(sandbox);
  const client = protocol === 'https:' ? https : http;
  const agent = new client.Agent({ keepAlive: true });
  return function standinMiddleware(request, response, next) {
    // Another middleware may have changed `url`; the page asked for `originalUrl`.
    const path = targetOf(request.originalUrl ?? request.url, mounts);
    if (path === undefined) return next();
    const headers = passed(request.headers, request.rawHeaders);
    const forwarded = client.request({ hostname: hostname.replace(/^\[|\]$/g, ''), port, path, method: request.method, headers, agent });
    forwarded.on('response', (answer) => {
      const { statusCode, statusMessage, rawHeaders } = answer;
      response.writeHead(statusCode, statusMessage, passed(answer.headers, rawHeaders));
      // Event streams are sent at once, before their first event too.
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    forwarded.on('error', (error) => {
      if (response.headersSent) return response.destroy();
      response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`the sandbox at ${sandbox} cannot be reached: ${error.message || error.code}\n`);
    });
    response.on('close', () => forwarded.destroy());
    request.pipe(forwarded);
    return undefined;
  };
}

/** Returns the header fields that are passed on, in their order and spelling. */
function passed(headers, raw) {
  const named = String(headers.connection ?? '').toLowerCase().split(',').map((name) => name.trim());
  const left = new Set([...OF_CONNECTION, ...named]);
  const kept = {};
  for (let index = 0; index < raw.length; index += 2) {
    const [name, value] = [raw[index], raw[index + 1]];
    const lower = name.toLowerCase();
    // Fields that begin with a colon are those of HTTP/2 itself.
    if (left.has(lower) || lower.startsWith(':')) continue;
    (kept[lower] ??= []).push(value);
  }
  if (headers[':authority'] && !kept.host) kept.host = [headers[':authority']];
  return Object.fromEntries(Object.entries(kept).map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

/** Calls a function with each reload of the sandbox; returns a function that ends it. */
function listen(sandbox, onReload) {
  let request;
  let ended = false;
  let timer;
  const again = () => {
    if (ended) return;
    clearTimeout(timer);
    timer = setTimeout(open, AGAIN);
    timer.unref();
  };
  const open = () => {
    const token = process.env.STANDIN_CONTROL_TOKEN;
    const headers = { accept: 'text/event-stream', ...(token && { authorization: `Bearer ${token}` }) };
    request = (sandbox.startsWith('https:') ? https : http).get(`${sandbox}/_standin/events`, { headers, agent: false }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (piece) => {
        const events = (text + piece).split(/\r?\n\r?\n/);
        text = events.pop();
        for (const event of events) if (/^event: ?reload$/m.test(event)) onReload(dataOf(event));
      });
      response.on('close', again);
    });
    request.on('error', again);
    request.on('socket', (socket) => socket.unref());
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    request?.destroy();
  };
}

function dataOf(event) {
  const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  try {
    return JSON.parse(lines.map((line) => line.slice(5)).join('\n'));
  } catch {
    return {};
  }
}

function tell(vite, reload) {
  const channel = vite.ws ?? vite.hot;
  if (reload.error) {
    vite.config.logger.error(`sandbox: ${reload.error}`);
    channel.send({ type: 'error', err: { message: `The sandbox keeps the documents that it had: ${reload.error}`, stack: '', plugin: 'standin' } });
    return;
  }
  const changed = ['added', 'removed', 'changed'].map((kind) => reload[kind]?.length && `${reload[kind].length} ${kind}`).filter(Boolean);
  vite.config.logger.info(`  sandbox reloaded${changed.length ? `: operations ${changed.join(', ')}` : ''}`, { timestamp: true });
  channel.send({ type: 'full-reload' });
}

module.exports = standin;
module.exports.standin = standin;
