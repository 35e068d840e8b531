import { expect, test } from 'standin/playwright';

for (let round = 0; round < 6; round += 1) {
  test(`the cookie of a page reaches the sandbox through the development server, ${round}`, async ({ page, sandbox }) => {
    await sandbox.state.replace('pets', [{ id: 1, name: `Only ${round}` }]);
    await page.goto('/');
    await expect(page.getByRole('listitem')).toHaveText([`Only ${round}`]);
    await expect(sandbox).toHaveReceived('listPets', undefined, { times: 1 });
  });
}

test('requests, answers and the console pass', async ({ request, page, baseURL }) => {
  const created = await request.post('/api/pets', { data: { name: 'Rex' } });
  expect([created.status(), await created.json()]).toEqual([201, { id: expect.any(Number), name: 'Rex' }]);
  const wrong = await request.post('/api/pets', { data: {} });
  expect([wrong.status(), wrong.headers()['standin-violations']]).toEqual([422, expect.stringContaining('name')]);
  expect((await request.get('/api/pets/0x')).status()).toBe(404);
  expect((await request.get('/apis')).headers()['content-type']).toContain('text/html');
  await page.goto('/_standin/');
  const reset = await page.evaluate(async () => (await fetch('/_standin/reset', { method: 'POST' })).status);
  expect(reset).toBe(204);
  const events = await page.evaluate(() => new Promise((resolve, reject) => {
    const source = new EventSource('/_standin/events');
    source.addEventListener('exchange', (event) => resolve(JSON.parse(event.data)));
    source.onopen = () => fetch('/api/pets/7');
    setTimeout(() => reject(new Error('no event')), 5000);
  }));
  expect(events.request.target).toBe('/pets/7');
  expect(baseURL).toContain('4174');
});
