// Client libraries that ask the shop. Each is a function from a request to the answer as the library shows it.
//
// Those of npm are loaded from the folder that `STANDIN_CLIENTS` names:
//
//   npm install --prefix /tmp/clients openapi-fetch@0.17 axios@1 undici@6

import { request as send } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** `fetch` of the platform. */
export async function platform({ method, url, headers, body }) {
  const answer = await fetch(url, { method, headers, body });
  return { status: answer.status, headers: [...answer.headers], content: Buffer.from(await answer.arrayBuffer()) };
}

/** `node:http` without any library. */
function plain({ method, url, headers, body }) {
  return new Promise((answered, failed) => {
    const request = send(url, { method, headers }, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      const lines = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
      answered({ status: answer.statusCode, headers: lines, content: Buffer.concat(parts) });
    });
    request.on('error', failed);
    request.end(body);
  });
}

function axiosOf(axios) {
  return async ({ method, url, headers, body }) => {
    const answer = await axios.request({
      method, url, headers, data: body, responseType: 'arraybuffer', validateStatus: () => true, transformRequest: (data) => data,
    });
    const lines = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
    return { status: answer.status, headers: lines, content: Buffer.from(answer.data) };
  };
}

function openapiFetchOf(create) {
  return async ({ method, url, headers, body }) => {
    const { origin } = new URL(url);
    const client = create({ baseUrl: origin });
    const sent = { headers, parseAs: 'stream', ...(body === undefined ? {} : { body, bodySerializer: (text) => text }) };
    let content = Buffer.alloc(0);
    // It reads an error to its end, so that its bytes are taken on the way.
    client.use({
      async onResponse({ response }) {
        content = Buffer.from(await response.clone().arrayBuffer());
      },
    });
    const { response } = await client.request(method.toLowerCase(), url.slice(origin.length), sent);
    return { status: response.status, headers: [...response.headers], content };
  };
}

function undiciOf({ request }) {
  return async ({ method, url, headers, body }) => {
    const answer = await request(url, { method, headers, body });
    const lines = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
    return { status: answer.statusCode, headers: lines, content: Buffer.from(await answer.body.arrayBuffer()) };
  };
}

/** Returns the clients by name: those of the platform, and those of npm that are installed. */
export async function clients() {
  const all = { fetch: platform, 'node:http': plain };
  const folder = process.env.STANDIN_CLIENTS;
  if (!folder) return all;
  const need = createRequire(join(folder, 'package.json'));
  const load = async (name) => import(need.resolve(name));
  all.axios = axiosOf((await load('axios')).default);
  all['openapi-fetch'] = openapiFetchOf(need('openapi-fetch').default ?? (await load('openapi-fetch')).default);
  all.undici = undiciOf(need('undici'));
  return all;
}
