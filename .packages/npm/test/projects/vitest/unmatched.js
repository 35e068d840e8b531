import { expect, test } from 'standin/vitest';

test('passes, but asks for a path that no document has', async ({ sandbox }) => {
  expect((await fetch(`${sandbox.url}/nothing`)).status).toBe(404);
});
