import { expect, test } from 'standin/vitest';

test('types', async ({ sandbox, standin }) => {
  await expect(sandbox).toHaveReceived('createPet', { name: 'Rex' }, { times: 1, status: '2XX' });
  await expect(sandbox).not.toHaveReceived('createPet');
  console.log(standin.session('a').url);
  // @ts-expect-error the operation is a text
  await expect(sandbox).toHaveReceived(1);
});
