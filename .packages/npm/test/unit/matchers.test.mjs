// The matcher and the journal, without a test runner.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import { create, serving } from './support.mjs';

const require = createRequire(import.meta.url);
const { matchers: { toHaveReceived } } = require('../../standin/lib/matchers.js');
const { journalText } = require('../../standin/lib/journal.js');
const { testSessionName, checkedName, fitsHeader } = require('../../standin/lib/names.js');

test('the matcher takes the body and the other parts', async (t) => {
  const sandbox = (await serving(t)).session('matcher');
  await create(sandbox.url, { name: 'Rex' }, { 'x-caller': 'me' });
  for (const [expected, ...args] of [
    [true, 'createPet'],
    [true, 'POST /pets', { name: 'Rex' }],
    [true, 'tag: pets', undefined, { header: { 'X-Caller': 'me' }, status: '2XX', times: 1 }],
    [true, 'createPet', { required: ['name'] }],
    [false, 'createPet', { name: 'Bo' }],
    [false, 'createPet', undefined, { times: 2 }],
    [true, 'getPet', undefined, { times: 0 }],
  ]) assert.equal((await toHaveReceived(sandbox, ...args)).pass, expected, JSON.stringify(args));
  const found = await toHaveReceived(sandbox, 'createPet');
  assert.equal(found.message(), 'expected no calls of `createPet`\nfound 1: requests 1');
  await assert.rejects(toHaveReceived(sandbox, 'createPat'), /no document has the operation `createPat`/);
  await assert.rejects(toHaveReceived({}, 'createPet'), /expected a sandbox/);
  await assert.rejects(toHaveReceived(sandbox, { operation: 'createPet' }), /the first argument names an operation/);
});

test('the journal has one line for each exchange, and nothing that controls a terminal', async (t) => {
  const sandbox = (await serving(t)).session('journal');
  await create(sandbox.url, { name: '\u001b[31m\u0007', '\u001b]0;': 1 });
  await create(sandbox.url, {});
  await sandbox.send('/nothing\u2028'.replace('\u2028', ''));
  const text = journalText(await sandbox.received());
  assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}/u);
  assert.match(text, /^#\d+ POST \/pets → 422 \(createPet\)\n {3}sent {5}\{\}\n {3}answered .*\n {3}wrong {4}body: must have required property 'name'$/m);
  assert.match(text, /^#\d+ GET \/nothing → 404 \(no operation\)$/m);
});

test('a name of a test becomes a name that each way to address a session can carry', () => {
  for (const parts of [['a.test.js', 'über 日本 🐕'], ['x'.repeat(500)], ['a\nb\0;,"%\\'], ['', undefined], ['..'], [' ']]) {
    const name = testSessionName(...parts);
    assert.equal(checkedName(name), name);
    assert.ok(fitsHeader(name), name);
    assert.notEqual(testSessionName(...parts), name);
  }
});
