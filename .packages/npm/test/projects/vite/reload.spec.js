import fs from 'node:fs';
import { expect, test } from 'standin/playwright';

test('the page loads again with the documents, and shows why they are broken', async ({ page }) => {
  const document = fs.readFileSync('pets.yaml', 'utf8');
  await page.goto('/');
  await expect.poll(() => page.evaluate(() => window.loads)).toBe(1);
  fs.writeFileSync('pets.yaml', document.replace('maxLength: 50', 'maxLength: 49'));
  await expect.poll(() => page.evaluate(() => window.loads).catch(() => 0), { timeout: 15_000 }).toBe(2);
  fs.writeFileSync('pets.yaml', 'openapi: [');
  await expect(page.locator('vite-error-overlay')).toContainText('keeps the documents that it had', { timeout: 15_000 });
  fs.writeFileSync('pets.yaml', document);
  await expect.poll(() => page.evaluate(() => window.loads).catch(() => 0), { timeout: 15_000 }).toBe(3);
});
