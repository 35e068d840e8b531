// A request as text for people and tools: HTTP message, curl, fetch, Hurl, Playwright.
import { root, session } from './api.js';

/** Returns the content of a request as text. */
export const contentOf = ({ body }) => (body == null ? '' : typeof body === 'string' ? body : JSON.stringify(body, null, 2));

/** Returns the URL of a request, and its header fields with the session. */
function sent(request) {
  const url = root.href.replace(/\/$/, '') + request.target;
  const headers = { ...request.headers };
  const name = session();
  if (name) headers['standin-session'] = name;
  return { url, headers, content: contentOf(request) };
}

/** Returns the request as an HTTP message. */
export function message(request) {
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  return [`${request.method} ${request.target}`, ...lines, '', contentOf(request)].join('\n');
}

/** Reads an HTTP message. Throws if its first line is not `METHOD /path`. */
export function parse(text) {
  const [head, ...content] = text.split(/\r?\n\r?\n/);
  const [first, ...lines] = head.split(/\r?\n/);
  const match = /^([^\s]+) (\/\S*)( HTTP\/[\d.]+)?\s*$/.exec(first);
  if (!match) throw new Error(`The first line is “${first}”, expected a method and a path such as “GET /pets?limit=3”.`);
  const headers = {};
  for (const line of lines.filter(Boolean)) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`The line “${line}” is no header field, expected “name: value”.`);
    headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  const body = content.join('\n\n');
  return { method: match[1], target: match[2], headers, body: body === '' ? null : body };
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Returns the request in the languages of `LANGUAGES`. */
export const LANGUAGES = {
  curl(request) {
    const { url, headers, content } = sent(request);
    const parts = [`curl -i -X ${request.method} ${quoted(url)}`];
    for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
    if (content) parts.push(`--data-raw ${quoted(content)}`);
    return parts.join(' \\\n  ');
  },
  fetch(request) {
    const { url, headers, content } = sent(request);
    const options = { method: request.method, headers, ...(content && { body: content }) };
    return `const response = await fetch(${JSON.stringify(url)}, ${JSON.stringify(options, null, 2)});\nconsole.log(response.status, await response.text());`;
  },
  Hurl(request) {
    const { url, headers, content } = sent(request);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const body = content ? ['```', content, '```'] : [];
    return [`${request.method} ${url}`, ...lines, ...body, 'HTTP *', ''].join('\n');
  },
  Playwright(request) {
    const { url, headers, content } = sent(request);
    const options = { method: request.method, headers, ...(content && { data: content }) };
    return `const response = await request.fetch(${JSON.stringify(url)}, ${JSON.stringify(options, null, 2)});\nconsole.log(response.status(), await response.text());`;
  },
};
