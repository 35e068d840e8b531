// @vitest-environment jsdom
import { describe } from 'vitest';
import { expect, it, test } from 'standin/vitest';

const create = (base, name) => fetch(`${base}/pets`, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name }),
});

const names = async (base) => (await (await fetch(`${base}/pets`)).json()).map((pet) => pet.name);

describe.concurrent('pets', () => {
  for (let round = 0; round < 20; round += 1) {
    test(`a pet that another test does not see, ${round}`, async ({ sandbox, expect }) => {
      const before = await names(sandbox.url);
      await create(sandbox.url, 'Rex');
      expect(await names(sandbox.url)).toEqual([...before, 'Rex']);
      await expect(sandbox).toHaveReceived('createPet', { name: 'Rex' }, { times: 1 });
      await expect(sandbox).not.toHaveReceived('createPet', { name: 'Bo' });
    });
  }
});

it('the matcher says what came instead', async ({ sandbox }) => {
  await create(sandbox.url, 'Jon');
  await expect(expect(sandbox).toHaveReceived('createPet', { name: 'Rex' })).rejects.toThrow('`body/name` is "Jon", expected "Rex"');
  await expect(expect(sandbox).not.toHaveReceived('createPet')).rejects.toThrow('found 1: requests');
});

it('fixtures of one test are of this test only', async ({ sandbox, standin }) => {
  await sandbox.fixtures({ createPet: [{ status: 503 }] });
  expect((await create(sandbox.url, 'Rex')).status).toBe(503);
  expect((await create(standin.session('another').url, 'Rex')).status).toBe(201);
});
