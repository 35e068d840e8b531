import { expect, test } from 'standin/playwright';

for (let round = 0; round < 10; round += 1) {
  test(`requests of a test are in its session, ${round}`, async ({ request, sandbox }) => {
    const names = async () => (await (await request.get('/pets')).json()).map((pet) => pet.name);
    const before = await names();
    expect((await request.post('/pets', { data: { name: 'Rex' } })).status()).toBe(201);
    expect(await names()).toEqual([...before, 'Rex']);
    await expect(sandbox).toHaveReceived('createPet', { name: 'Rex' }, { times: 1 });
    await expect(sandbox).not.toHaveReceived('createPet', { name: 'Bo' });
  });
}
