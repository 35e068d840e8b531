// What a client asks the shop: the same requests for the real one and for the sandbox.

import { platform } from './clients.mjs';

/** Sends all requests to `base` with a client, and returns what was sent and answered, in order. */
export async function traffic(base, client = platform) {
  const seen = [];
  let token = '';
  const ask = async (method, path, { body, headers = {}, auth = false } = {}) => {
    const sent = { ...headers };
    if (auth) sent.Authorization = `Bearer ${token}`;
    if (body !== undefined) sent['Content-Type'] = 'application/json';
    const at = new Date(Date.UTC(2024, 4, 1, 8, 0, seen.length)).toISOString();
    const text = typeof body === 'string' ? body : body && JSON.stringify(body);
    const { status, headers: answered, content } = await client({ method, url: base + path, headers: sent, body: text });
    seen.push({ at, method, path, headers: sent, body: text, status, answered, content });
    return content;
  };
  const json = async (...all) => JSON.parse(await ask(...all));

  await ask('GET', '/v1/health');
  await ask('POST', '/v1/login', { body: { email: 'ann@example.com', password: 'wrong-horse' } });
  await ask('POST', '/v1/login', { body: { email: 'ann@example.com' } });
  token = (await json('POST', '/v1/login', { body: { email: 'ann@example.com', password: 'correct-horse' } })).token;
  await ask('GET', '/v1/pets');
  await ask('GET', '/v1/pets?page=2&perPage=3');
  await ask('GET', '/v1/pets?status=sold');
  await ask('GET', '/v1/pets?page=0');
  await ask('GET', '/v1/pets/1');
  await ask('GET', '/v1/pets/2');
  await ask('GET', '/v1/pets/999');
  await ask('GET', '/v1/pets/1/photo');
  await ask('POST', '/v1/pets', { body: { name: 'Cleo', price: 10 } });
  await ask('POST', '/v1/pets', { auth: true, body: { price: -1 } });
  const made = await json('POST', '/v1/pets', { auth: true, body: { name: 'Cleo', price: 10, tags: ['new'] } });
  await ask('POST', '/v1/pets', { auth: true, body: { name: 'Ada', price: 10 } });
  await ask('GET', `/v1/pets/${made.id}`);
  await ask('PATCH', `/v1/pets/${made.id}`, { auth: true, body: { price: 12.5 } });
  await ask('DELETE', `/v1/pets/${made.id}`, { auth: true });
  await ask('GET', `/v1/pets/${made.id}`);
  await ask('DELETE', '/v1/pets/2', { auth: true });
  await ask('POST', '/v1/orders', { auth: true, body: { petId: 2 } });
  const order = await json('POST', '/v1/orders', { auth: true, body: { petId: 3 } });
  for (let time = 0; time < 3; time += 1) await ask('GET', `/v1/orders/${order.id}`, { auth: true });
  await ask('GET', '/v1/orders/7', { auth: true });
  await ask('DELETE', '/v1/health');
  await ask('GET', '/v1/events');
  await ask('GET', '/v1/stats');
  return seen;
}

/** Returns exchanges as HAR, as a browser saves it. */
export function har(base, seen) {
  const list = (headers) => headers.map(([name, value]) => ({ name, value }));
  const media = (headers) => headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  const entries = seen.map((own) => ({
    startedDateTime: own.at,
    time: 1,
    request: {
      method: own.method, url: base + own.path, httpVersion: 'HTTP/1.1', cookies: [], queryString: [],
      headers: list(Object.entries(own.headers)), headersSize: -1, bodySize: own.body ? own.body.length : 0,
      ...(own.body ? { postData: { mimeType: 'application/json', text: own.body } } : {}),
    },
    response: {
      status: own.status, statusText: '', httpVersion: 'HTTP/1.1', cookies: [], headers: list(own.answered),
      content: own.content.length > 0
        ? { size: own.content.length, mimeType: media(own.answered), text: own.content.toString('base64'), encoding: 'base64' }
        : { size: 0, mimeType: media(own.answered) },
      redirectURL: '', headersSize: -1, bodySize: -1,
    },
    cache: {},
    timings: { send: 0, wait: 1, receive: 0 },
  }));
  return JSON.stringify({ log: { version: '1.2', creator: { name: 'tests', version: '1' }, entries } });
}
