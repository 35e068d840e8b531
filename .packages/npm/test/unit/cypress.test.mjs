// The task of Cypress. Cypress itself is a program that its package downloads, so `on` stands in for it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { standin } from '../../standin/cypress.mjs';
import { PETS, create } from './support.mjs';

async function registered(t, options) {
  const events = {};
  const config = await standin((event, handler) => { events[event] = handler; }, { env: { mine: 1 }, projectRoot: '/' }, options);
  t.after(() => events['after:run']?.());
  return { config, task: events.task.standin };
}

test('the task asks a session of the server', async (t) => {
  const { config, task } = await registered(t, { documents: PETS, state: true });
  assert.equal(config.env.mine, 1);
  const url = await task({ session: 'one', method: 'url' });
  assert.equal(url, `${config.env.standinUrl}/_standin/sessions/one`);
  await create(url, { name: 'Rex' });
  assert.equal((await task({ session: 'one', method: 'verify', args: ['createPet', { body: { name: 'Rex' } }] })).passed, true);
  await assert.rejects(task({ session: 'one', method: 'verify', args: ['createPet', { body: { name: 'Bo' } }] }), /`body\/name` is "Rex", expected "Bo"/);
  assert.equal((await task({ session: 'one', method: 'received' })).length, 1);
  assert.ok((await task({ session: 'one', method: 'state', args: ['pets'] })).some(({ name }) => name === 'Rex'));
  assert.equal(await task({ session: 'one', method: 'reset' }), null);
  assert.deepEqual(await task({ session: 'one', method: 'received' }), []);
  const { fixtures } = await task({ session: 'one', method: 'fixtures', args: [{ createPet: [{ status: 503 }] }] });
  assert.equal(fixtures.length, 1);
  for (const method of ['constructor', 'control', '__proto__', undefined]) {
    await assert.rejects(task({ session: 'one', method }), /has no method/);
  }
  await assert.rejects(task({ session: '..', method: 'received' }), /a session cannot have the name/);
});
