const { expect, test } = require('standin/playwright');

test('fails, and attaches the journal', async ({ request }) => {
  await request.post('/pets', { data: {} });
  expect(1).toBe(2);
});
