import { standin, useSandbox } from 'standin/jest';

const sandbox = useSandbox();

test('types', async () => {
  await expect(sandbox).toHaveReceived('createPet', { name: 'Rex' }, { times: 1 });
  await expect(sandbox).not.toHaveReceived('createPet');
  console.log(standin().session('a').headers);
});
