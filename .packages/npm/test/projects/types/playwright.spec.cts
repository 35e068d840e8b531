import { expect, test } from 'standin/playwright';
import standin = require('standin/vite');
import globalSetup = require('standin/playwright/global-setup');

test.use({ standinOptions: { documents: 'a.yaml' } });
test('types', async ({ sandbox, page, request, standin }) => {
  await page.goto(standin.url);
  await request.get('/pets');
  await expect(sandbox).toHaveReceived('createPet', undefined, { query: { limit: 1 } });
});
console.log(standin(), standin.standin, globalSetup.globalSetup({ state: true }));
