'use strict';
// One request to the control API. It uses `node:http`, because tests replace the global `fetch`.
const http = require('node:http');
const https = require('node:https');

/** Longest answer that is read, in bytes; a longer one is an error. */
const MOST = 256 * 1024 * 1024;

const agents = {
  'http:': new http.Agent({ keepAlive: true }),
  'https:': new https.Agent({ keepAlive: true }),
};

/** Refusal of the control API: `status`, and the `problem` (RFC 9457) that it answered with. */
class ControlError extends Error {
  constructor(message, { status, problem, cause } = {}) {
    super(message, cause ? { cause } : undefined);
    this.name = 'ControlError';
    this.status = status;
    this.problem = problem;
  }
}

/**
 * Sends a request and returns the content of the answer: a value for JSON, else text.
 *
 * @param {URL} url
 * @param {{method?: string, body?: unknown, headers?: object, token?: string, timeout?: number}} options
 */
async function call(url, options = {}) {
  let answer;
  try {
    answer = await sent(url, options);
  } catch (error) {
    // The server closed an idle connection at the moment of its reuse.
    if (!(error.reused && ['ECONNRESET', 'EPIPE'].includes(error.code))) throw unreached(url, error);
    answer = await sent(url, { ...options, agent: false }).catch((again) => {
      throw unreached(url, again);
    });
  }
  const content = parsed(answer);
  if (answer.status >= 200 && answer.status < 300) return content;
  throw refused(url, options.method ?? 'GET', answer.status, content);
}

function sent(url, { method = 'GET', body, headers, token, timeout = 30_000, agent }) {
  const client = url.protocol === 'https:' ? https : http;
  const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const fields = {
    accept: 'application/json',
    ...(content && { 'content-type': 'application/json', 'content-length': content.length }),
    ...(token && { authorization: `Bearer ${token}` }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const request = client.request(url, { method, headers: fields, agent: agent ?? agents[url.protocol] });
    const fail = (error) => reject(Object.assign(error, { reused: request.reusedSocket }));
    request.setTimeout(timeout, () => request.destroy(new Error(`no answer within ${timeout} ms`)));
    request.on('error', fail);
    request.on('response', (response) => {
      const pieces = [];
      let size = 0;
      response.on('data', (piece) => {
        size += piece.length;
        if (size > MOST) request.destroy(new Error(`the answer has more than ${MOST} bytes`));
        else pieces.push(piece);
      });
      response.on('error', fail);
      response.on('end', () => resolve({
        status: response.statusCode,
        type: response.headers['content-type'] ?? '',
        text: Buffer.concat(pieces).toString('utf8'),
      }));
    });
    request.end(content);
  });
}

function parsed({ type, text }) {
  if (text === '') return undefined;
  if (!/[/+]json\b/.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function unreached(url, error) {
  const why = error.message || error.code || 'the connection failed';
  return new ControlError(`the sandbox at ${url.origin} cannot be reached: ${why}`, { cause: error });
}

function refused(url, method, status, content) {
  const known = typeof content === 'object' && content !== null;
  const detail = known ? content.detail ?? content.title ?? JSON.stringify(content) : String(content ?? '').slice(0, 500);
  return new ControlError(`${method} ${url.pathname}: ${detail || 'refused'} (status ${status})`, {
    status,
    problem: known ? content : undefined,
  });
}

module.exports = { ControlError, call };
