import { expect, test } from 'standin/vitest';

test('fails, and shows what the sandbox received', async ({ sandbox }) => {
  await fetch(`${sandbox.url}/pets/no-number`);
  expect(1).toBe(2);
});
