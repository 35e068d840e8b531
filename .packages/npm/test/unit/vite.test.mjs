// The middleware of the Vite plugin, without Vite: which paths it forwards, and what it passes.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import test from 'node:test';
import standin from '../../standin/vite.mjs';

async function mounted(t, path, answer) {
  const sandbox = http.createServer(answer).listen(0, '127.0.0.1');
  await once(sandbox, 'listening');
  const middlewares = [];
  const front = http.createServer((request, response) => middlewares[0](request, response, () => response.end('page'))).listen(0, '127.0.0.1');
  await once(front, 'listening');
  const config = { root: '/', logger: { info() {}, error() {} } };
  const vite = { config, middlewares: { use: (one) => middlewares.push(one) }, httpServer: front, ws: { send() {} } };
  await standin({ path, url: `http://127.0.0.1:${sandbox.address().port}` }).configureServer(vite);
  t.after(() => {
    for (const server of [front, sandbox]) {
      server.close();
      server.closeAllConnections();
    }
  });
  return { base: `http://127.0.0.1:${front.address().port}`, sandbox };
}

const shown = (request, response) => {
  if (request.url === '/_standin/events') return;
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.end(`${request.method} ${request.url} ${request.headers.host} ${request.headers.x ?? ''}`);
};

for (const [path, cases] of [
  ['/api', { '/api/pets?a=/api': '/pets?a=/api', '/api': '/', '/api?x': '/?x', '/apis': 'page', '/': 'page', '/_standin/health': '/_standin/health' }],
  [{ '/backend': '/api/v1', '/v2/': '/v2/' }, { '/backend/pets': '/api/v1/pets', '/v2/pets': '/v2/pets', '/v2': '/v2', '/pets': 'page' }],
  ['/', { '/pets': '/pets' }],
]) {
  test(`paths below ${JSON.stringify(path)} are forwarded`, async (t) => {
    const { base } = await mounted(t, path, shown);
    for (const [asked, expected] of Object.entries(cases)) {
      const text = await (await fetch(base + asked)).text();
      assert.equal(text.split(' ')[1] ?? text, expected, asked);
    }
  });
}

test('the host, repeated fields and the content pass, fields of the connection do not', async (t) => {
  const { base } = await mounted(t, '/api', (request, response) => {
    if (request.url === '/_standin/events') return;
    assert.equal(request.headers['x-hop'], undefined);
    request.pipe(response.setHeader('set-cookie', ['a=1', 'b=2']));
  });
  const { port } = new URL(base);
  const answer = await new Promise((resolve) => {
    const request = http.request({ port, path: '/api', method: 'POST', headers: { connection: 'x-hop', 'x-hop': '1' } }, resolve);
    request.end('content');
  });
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(String((await answer.toArray())[0]), 'content');
});

test('a sandbox that is gone gets a 502 that says so', async (t) => {
  const { base, sandbox } = await mounted(t, '/api', shown);
  sandbox.closeAllConnections();
  sandbox.close();
  await once(sandbox, 'close');
  const answer = await fetch(`${base}/api/pets`);
  assert.equal(answer.status, 502);
  assert.match(await answer.text(), /the sandbox at http:\S+ cannot be reached: connect ECONNREFUSED/);
});

test('a path that is none is refused', () => {
  assert.throws(() => standin({ path: 'api' }), /a path begins with "\/"/);
  assert.throws(() => standin({ path: { '/a': 'b' } }), /a path begins with "\/"/);
});
