import { expect, test } from '@jest/globals';
import { useSandbox } from 'standin/jest';

const sandbox = useSandbox();

test('types', async () => {
  await expect(sandbox).toHaveReceived('createPet', { name: 'Rex' });
});
