const { expect, test } = require('standin/playwright');

for (let round = 0; round < 6; round += 1) {
  test(`the page of a test is in its session, ${round}`, async ({ page, sandbox, standin }) => {
    await page.goto(`/?api=${standin.url}`);
    await expect(page.getByRole('listitem')).not.toHaveCount(0);
    const before = await page.getByRole('listitem').count();
    await page.getByRole('textbox').fill('Rex');
    await page.getByRole('button').click();
    await expect(page.getByRole('listitem').filter({ hasText: 'Rex' })).toHaveCount(1);
    expect(await page.getByRole('listitem').count()).toBe(before + 1);
    await expect(sandbox).toHaveReceived('createPet', { name: 'Rex' }, { times: 1 });
  });
}

test('an outage reaches the page', async ({ page, sandbox, standin }) => {
  await sandbox.fixtures({ listPets: [{ body: [{ id: 1, name: 'Only' }] }] });
  await page.goto(`/?api=${standin.url}`);
  await expect(page.getByRole('listitem')).toHaveText(['Only']);
});
