// The control API as methods, against the real program.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ControlError, VerificationError, connect } from '../../standin/index.mjs';
import { create, names, serving } from './support.mjs';

test('sessions have separate state, by URL, header field and cookie', async (t) => {
  const server = await serving(t);
  const [first, second, third] = ['first', 'second', 'third'].map((name) => server.session(name));
  assert.equal((await create(first.url, { name: 'Rex' })).status, 201);
  assert.equal((await create(server.url, { name: 'Bo' }, second.headers)).status, 201);
  const cookie = `${third.cookie.name}=${third.cookie.value}`;
  assert.equal((await create(server.url, { name: 'Cy' }, { cookie })).status, 201);
  assert.ok((await names(first.url)).includes('Rex'));
  assert.deepEqual((await names(server.url, second.headers)).filter((name) => ['Rex', 'Bo', 'Cy'].includes(name)), ['Bo']);
  assert.deepEqual((await names(third.url)).filter((name) => ['Rex', 'Bo', 'Cy'].includes(name)), ['Cy']);
});

test('a name of a session is escaped in its URL, its cookie and in requests of the client', async (t) => {
  const server = await serving(t);
  const hostile = ['a/b', '../../x', 'ünï 日本 🐕', '?#&=%2F%', '{"a":1}', "'; drop --", '%00', '...', ' a ', 'a'.repeat(200)];
  for (const name of hostile) {
    const session = server.session(name);
    assert.equal((await create(session.url, { name: 'Rex' })).status, 201, name);
    const [exchange] = await session.received();
    assert.equal(exchange.session, name);
    const cookie = `${session.cookie.name}=${session.cookie.value}`;
    assert.equal((await create(server.url, { name: 'Bo' }, { cookie })).status, 201, name);
    assert.equal((await session.received({ operation: 'createPet' })).length, 2, name);
  }
  assert.equal((await server.received({ limit: 500 })).length, 2 * hostile.length);
});

test('a name that no session can have is refused with the reason', async () => {
  const server = connect('http://127.0.0.1:1');
  const wrong = { '': /empty/, '..': /clients remove it/, 'a\nb': /control/, 'a\u0000': /control/, '\ud800': /Unicode/, ['ü'.repeat(101)]: /202 bytes/ };
  for (const [name, why] of Object.entries(wrong)) assert.throws(() => server.session(name), { name: 'TypeError', message: why });
  assert.throws(() => server.session(undefined), /undefined: it is not a string/);
  assert.throws(() => server.session('ü').headers, /a header field cannot carry/);
  assert.throws(() => server.session(' a').headers, /a header field cannot carry/);
});

test('verify names the requests that nearly match', async (t) => {
  const session = (await serving(t)).session('verify');
  await create(session.url, { name: 'Jon' });
  const verdict = await session.verify('createPet', { body: { name: 'Jon' }, times: 1 });
  assert.deepEqual([verdict.passed, verdict.count, verdict.requests.length], [true, 1, 1]);
  const error = await session.verify('createPet', { body: { name: 'Rex' } }).catch((error) => error);
  assert.ok(error instanceof VerificationError);
  assert.equal(error.message, [
    'expected calls of `createPet` with body {"name":"Rex"}',
    'found 0 matching calls',
    'request 1, POST /pets: `body/name` is "Jon", expected "Rex"',
  ].join('\n'));
  assert.equal((await session.calls('createPet', { body: { name: 'Rex' } })).passed, false);
  await assert.rejects(session.verify({ sequence: [{ operation: 'createPet' }, { operation: 'getPet' }] }), /call 1 of the sequence/);
  await assert.rejects(session.verify('createPat'), { name: 'ControlError', status: 422, message: /no document has the operation `createPat`/ });
});

test('verify without a session is about all sessions', async (t) => {
  const server = await serving(t);
  await create(server.session('a').url, { name: 'Rex' });
  await create(server.session('b').url, { name: 'Rex' });
  assert.equal((await server.verify('createPet', { times: 2 })).count, 2);
  assert.equal((await server.received()).length, 2);
});

test('verify waits for calls that are still to come', async (t) => {
  const session = (await serving(t)).session('later');
  setTimeout(() => create(session.url, { name: 'Rex' }), 100);
  assert.equal((await session.verify('createPet', { within: '5s' })).count, 1);
});

test('fixtures apply to their session, and are taken back', async (t) => {
  const server = await serving(t);
  const [mine, other] = [server.session('mine'), server.session('other')];
  const added = await mine.fixtures({ createPet: [{ status: 503 }] });
  assert.equal((await create(mine.url, { name: 'Rex' })).status, 503);
  assert.equal((await create(other.url, { name: 'Rex' })).status, 201);
  await added.remove();
  await added.remove();
  assert.equal((await create(mine.url, { name: 'Rex' })).status, 201);
  await assert.rejects(mine.fixtures({ createPet: [{ statos: 503 }] }), { name: 'ControlError', status: 422, message: /statos/ });
  await mine.fixtures({ createPet: [{ status: 503 }] });
  await mine.clearFixtures();
  assert.equal((await create(mine.url, { name: 'Rex' })).status, 201);
});

test('state is read, replaced and kept in snapshots', async (t) => {
  const session = (await serving(t)).session('state');
  await session.state.replace('pets', [{ id: 1, name: 'Rex' }]);
  assert.deepEqual(await names(session.url), ['Rex']);
  assert.deepEqual(await session.state.get('pets', 1), { id: 1, name: 'Rex' });
  assert.equal(await session.state.get('pets', 2), undefined);
  await assert.rejects(session.state.get('pats', 1), /there is no collection `pats`/);
  const snapshot = await session.snapshot('a/b ü');
  assert.equal((await session.state.add('pets', { id: 2, name: 'Bo' })).name, 'Bo');
  await session.state.put('pets', 1, { id: 1, name: 'Max' });
  assert.deepEqual(await names(session.url), ['Max', 'Bo']);
  const { added, changed } = await snapshot.changes();
  assert.deepEqual([added.length, changed.length], [1, 1]);
  await snapshot.restore();
  assert.deepEqual(await names(session.url), ['Rex']);
  await session.state.delete('pets', 1);
  assert.deepEqual(await session.state.list('pets'), []);
  const exported = await session.state.export();
  await session.reset();
  assert.notDeepEqual(await session.state.list('pets'), []);
  await session.state.import(exported);
  assert.deepEqual(await session.state.list('pets'), []);
  assert.deepEqual((await session.state.collections()).map(({ name }) => name), ['/pets']);
  await snapshot.delete();
  await assert.rejects(snapshot.restore(), { status: 404 });
});

test('explain and send describe one request', async (t) => {
  const session = (await serving(t)).session('explain');
  const { violations } = await session.explain({ method: 'POST', target: '/pets', body: {} });
  assert.match(violations.join(), /name/);
  assert.deepEqual(await session.received(), []);
  assert.equal((await session.send('/pets/999999')).response.status, 404);
  assert.equal((await session.received({ status: '4XX' })).length, 1);
});

test('a server lists operations and coverage, and loads again', async (t) => {
  const server = await serving(t);
  await create(server.url, { name: 'Rex' });
  assert.deepEqual((await server.operations()).map(({ operation }) => operation), ['listPets', 'createPet', 'getPet']);
  assert.match(JSON.stringify(await server.coverage()), /createPet/);
  assert.deepEqual((await server.reload()).changed, []);
});

test('a replaced `fetch` does not matter', async (t) => {
  const server = await serving(t);
  t.mock.method(globalThis, 'fetch', () => { throw new Error('replaced'); });
  assert.deepEqual(await server.received(), []);
});

test('an address that is none, and one without a server, get an error that says so', async () => {
  assert.throws(() => connect('localhost:4010'), /begins with neither http/);
  assert.throws(() => connect('nothing'), /is not a URL/);
  const error = await connect('http://127.0.0.1:1').received().catch((error) => error);
  assert.ok(error instanceof ControlError);
  assert.match(error.message, /the sandbox at http:\/\/127\.0\.0\.1:1 cannot be reached/);
});

test('an idle connection that the server closed is opened again', async (t) => {
  const server = await serving(t, { args: ['--header-timeout', '1'] });
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await server.operations()).length, 3);
    await new Promise((resolve) => { setTimeout(resolve, 1000 + round * 700); });
  }
});
