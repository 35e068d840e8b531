// Tests of the console; the names are those that `cargo test --test console` lists.
import assert from 'node:assert/strict';
import http from 'node:http';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shop } from '../real/shop.mjs';
import { SHOP, main, serve, test } from './harness.mjs';

const text = (locator) => locator.innerText();

test('an operation is found, pinned once, and let go', {}, async ({ page, open, call }) => {
  await open();
  await page.keyboard.press('/');
  await page.keyboard.type('list pets');
  const row = page.locator('#list a', { hasText: '/pets' });
  await row.first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.locator('#list a:focus').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#detail h2', { hasText: '/pets' }).waitFor();
  await page.locator('#pin-options select[name=often]').selectOption('once');
  const pin = page.locator('button.pin', { hasText: 'outage' });
  await pin.click();
  await page.locator('#pins li', { hasText: 'listPets' }).waitFor();
  assert.equal(await pin.getAttribute('aria-pressed'), 'true');
  const failed = await call('/pets');
  assert.equal(failed.status, 503);
  assert.deepEqual(await failed.json(), { error: 'We are down' });
  assert.equal((await call('/pets')).status, 200);
  await page.locator('#pins li[data-used=true]', { hasText: 'used' }).waitFor();
  assert.equal(await pin.getAttribute('aria-pressed'), 'false');
  await page.locator('#pins button', { hasText: 'Let go' }).click();
  await page.locator('#pins').waitFor({ state: 'hidden' });
});

test('a pin is changed by another click, and lets go by the same', { errors: [/422/] }, async ({ page, open, call }) => {
  await open('#/operations/listPets');
  const pin = page.locator('button.pin', { hasText: 'busy' });
  await pin.click();
  await page.locator('#pins li', { hasText: 'busy' }).waitFor();
  await page.locator('#pin-options input[name=delay]').fill('soon');
  await pin.click();
  await page.locator('#toast[data-error=true]', { hasText: 'soon' }).waitFor();
  assert.equal((await call('/pets')).status, 503);
  await page.locator('#pin-options input[name=delay]').fill('10ms');
  await pin.click();
  await page.locator('#pins li', { hasText: 'after 10ms' }).waitFor();
  assert.equal(await page.locator('#pins li').count(), 1);
  await pin.click();
  await page.locator('#pins').waitFor({ state: 'hidden' });
});

test('a recorded request is edited and sent', {}, async ({ page, open, post, call }) => {
  await post('/pets', { price: -1 });
  await open('#/requests/1');
  await page.locator('#detail a', { hasText: 'Edit and send' }).click();
  const raw = page.getByLabel('Request as an HTTP message');
  await raw.waitFor();
  assert.match(await raw.inputValue(), /"price": -1/);
  await page.locator('button', { hasText: /^Send$/ }).click();
  await page.locator('.answer h2 .status', { hasText: '400' }).waitFor();
  const { request } = await (await call('/_standin/requests/2')).json();
  assert.deepEqual(request.content, { price: -1 });
});

test('pages of the API and names such as .. reach nothing of the console', {
  document: SHOP.replace("  /health: {get: {operationId: health, responses: {'200': {description: ok}}}}", `  /: {get: {operationId: root, responses: {'200': {description: ok, content: {text/html: {example: "<h2>API</h2><button data-call='POST reset'>x</button>"}}}}}}
  /page: {get: {operationId: page, responses: {'200': {description: ok, content: {text/html: {example: "<p id=p>waiting</p><script>fetch('/_standin/sessions').then((a) => a.json()).then(() => document.title = 'read', () => document.title = 'refused'); try { sessionStorage.x = 1 } catch { document.querySelector('#p').textContent = 'apart' }</script>"}}}}}}`),
  errors: [/CORS|ERR_FAILED|403|Access to fetch/],
}, async ({ page, open, base }) => {
  await open('#/data/../..');
  await page.locator('#toast[data-error=true]', { hasText: 'cannot be part of an address' }).waitFor();
  assert.equal(await page.locator('#detail button[data-call="POST reset"]').count(), 0);
  await page.goto(`${base}/page`);
  await page.waitForFunction(() => document.title === 'refused');
  await page.locator('#p', { hasText: 'apart' }).waitFor();
});

test('all pinned answers are let go together', {}, async ({ page, open, call }) => {
  await open('#/operations/listPets');
  await page.locator('button.pin', { hasText: 'busy' }).click();
  await page.locator('#pins li').waitFor();
  await page.goto(`${page.url().split('#')[0]}#/operations/createPet`);
  await page.locator('button.pin', { hasText: '400' }).first().click();
  await page.locator('#pins li').nth(1).waitFor();
  assert.equal((await call('/pets')).status, 503);
  await page.locator('#pins button', { hasText: 'Let go of all' }).click();
  await page.locator('#pins').waitFor({ state: 'hidden' });
  assert.equal((await call('/pets')).status, 200);
});

test('a request is tried, and its answer explained', {}, async ({ page, open }) => {
  await open('#/try/createPet');
  const body = page.locator('textarea[name=body]');
  await body.fill('{"price": -1}');
  await page.locator('button', { hasText: /^Send$/ }).click();
  await page.locator('.answer h2 .status', { hasText: '400' }).waitFor();
  const judged = await text(page.locator('.answer pre.judged'));
  assert.match(judged, /"price": -1\s+↑ must be at least 0/);
  assert.match(await text(page.locator('.answer')), /It is answered with the documented error/);
  await body.fill('{"name": "Rex"}');
  await page.locator('button', { hasText: /^Send$/ }).click();
  await page.locator('.answer h2 .status', { hasText: '201' }).waitFor();
  await page.locator('input[name=mode]').nth(1).check();
  const raw = page.getByLabel('Request as an HTTP message');
  assert.match(await raw.inputValue(), /^POST \/pets\ncontent-type: application\/json\n\n\{"name": "Rex"\}$/);
  await raw.fill('nonsense');
  await page.locator('button', { hasText: /^Send$/ }).click();
  await page.locator('#toast[data-error=true]', { hasText: 'expected a method and a path' }).waitFor();
});

test('a slow answer of the server replaces nothing that was typed after it', {}, async ({ page, open }) => {
  await open('#/try/createPet');
  const asked = [];
  await page.route(/\/operations\/createPet\/request$/, async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    // The first draft is answered last.
    const isFirst = asked.push(route) === 1;
    if (!isFirst) await route.continue();
  });
  await page.locator('textarea[name=body]').fill('{"name": "Rex"}');
  await page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/createPet/request'));
  await page.locator('input[name=mode]').nth(1).check();
  const raw = page.getByLabel('Request as an HTTP message');
  await raw.fill('nonsense');
  const answered = page.waitForResponse(/\/createPet\/request$/);
  await asked[0].continue();
  await (await answered).finished();
  await page.waitForTimeout(100);
  assert.equal(await raw.inputValue(), 'nonsense');
});

test('a draft that waits replaces nothing that was typed after it', {}, async ({ page, open }) => {
  await open('#/try/createPet');
  const drafted = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().endsWith('/createPet/request'));
  // Both are typed before the draft of the form is asked for.
  await page.evaluate(() => {
    const type = (area, value) => {
      area.value = value;
      area.dispatchEvent(new Event('input', { bubbles: true }));
    };
    type(document.querySelector('textarea[name=body]'), '{"name": "Rex"}');
    document.querySelectorAll('input[name=mode]')[1].click();
    type(document.querySelector('textarea[aria-label="Request as an HTTP message"]'), 'nonsense');
  });
  await (await drafted).finished();
  await page.waitForTimeout(100);
  assert.equal(await page.getByLabel('Request as an HTTP message').inputValue(), 'nonsense');
});

test('parameters are chosen in the form, and a request is copied', {}, async ({ page, open, context, base }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open('#/try/listPets?code=503');
  await page.locator('input[name=value-0]').fill('5');
  await page.locator('button', { hasText: 'Copy as curl' }).click();
  await page.locator('#toast', { hasText: 'Copied' }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, `curl -i -X GET '${base}/pets?limit=5' \\\n  -H 'prefer: code=503'`);
  await page.locator('button', { hasText: 'Explain without sending' }).click();
  await page.locator('.answer h2 .status', { hasText: '503' }).waitFor();
});

test('the journal grows, explains, compares and replays', {}, async ({ page, open, call, post }) => {
  await open('#/requests');
  await call('/pets?limit=3');
  await page.locator('.journal a', { hasText: '/pets?limit=3' }).waitFor();
  await post('/pets', { price: -1 });
  await page.locator('.journal a', { hasText: '2 violations' }).waitFor();
  await page.locator('.journal a[data-number="2"]').click();
  await page.locator('#detail h2', { hasText: '400' }).waitFor();
  await page.locator('#detail a', { hasText: 'Why?' }).click();
  await page.locator('#detail h2', { hasText: 'Why request 2 was answered with 400' }).waitFor();
  await page.goBack();
  await page.locator('#detail input[name=with]').fill('1');
  await page.locator('#detail button', { hasText: 'Compare' }).click();
  await page.locator('#detail th', { hasText: 'request/method' }).waitFor();
  await page.goBack();
  await page.locator('#detail button', { hasText: 'Replay' }).click();
  await page.locator('#detail .shown h2', { hasText: 'Answer 400' }).waitFor();
  await page.locator('.journal a[data-number="3"]').waitFor();
  await page.locator('input[name=status]').fill('2XX');
  await page.locator('.journal a[data-number="2"]').waitFor({ state: 'detached' });
  await page.locator('.journal a[data-number="1"]').waitFor();
});

test('a request becomes a fixture in the folder of fixtures', { flags: ['--console', 'write'] }, async ({ page, open, call, folder }) => {
  await call('/pets?limit=3');
  await open('#/requests/1/fixture');
  assert.match(await text(page.locator('pre code')), /^listPets:\n {2}- when:\n {6}query:\n {8}limit: 3/);
  await page.locator('button', { hasText: 'Write to the folder' }).click();
  await page.locator('#detail', { hasText: 'Written to' }).waitFor();
  assert.deepEqual(readdirSync(join(folder, 'fixtures')), ['kept-listPets.yaml']);
  assert.match(readFileSync(join(folder, 'fixtures/kept-listPets.yaml'), 'utf8'), /^listPets:\n/);
  const { fixtures } = await (await call('/_standin/health')).json();
  assert.equal(fixtures, 1);
});

test('without --console write a fixture is pinned instead', {}, async ({ page, open, call, folder }) => {
  await call('/pets?limit=3');
  await open('#/requests/1/fixture');
  await page.locator('#detail', { hasText: '--console write' }).waitFor();
  await page.locator('button', { hasText: 'Pin for this session' }).click();
  await page.locator('#pins li', { hasText: 'on a condition' }).waitFor();
  assert(!existsSync(join(folder, 'fixtures')));
});

test('an entity is found, changed, refused, and deleted', { errors: [/422/] }, async ({ page, open, call, post }) => {
  const { id } = await (await post('/pets', { name: 'Rex', price: 3 })).json();
  await open('#/data');
  await page.locator('#list a', { hasText: 'pets' }).click();
  await page.getByLabel('Search entities').fill('rex');
  await page.locator('#detail table a').nth(1).waitFor({ state: 'detached' });
  await page.locator('#detail table a').first().click();
  const body = page.locator('textarea[name=body]');
  await body.waitFor();
  const pet = JSON.parse(await body.inputValue());
  await body.fill(JSON.stringify({ ...pet, price: -2 }));
  await page.locator('button', { hasText: 'Save' }).click();
  await page.locator('#toast[data-error=true]', { hasText: 'price' }).waitFor();
  await body.fill(JSON.stringify({ ...pet, price: 7 }));
  await page.locator('button', { hasText: 'Save' }).click();
  await page.locator('#toast[data-error=false]').waitFor();
  assert.equal((await (await call(`/pets/${id}`)).json()).price, 7);
  await page.locator('#detail button', { hasText: 'Delete' }).click();
  await page.waitForFunction(() => !location.hash.includes('%2F') || !document.querySelector('textarea'));
  assert.equal((await call(`/pets/${id}`)).status, 404);
});

test('a snapshot is saved, compared and restored', {}, async ({ page, open, call, post }) => {
  const pets = async () => (await (await call('/pets')).json()).length;
  const before = await pets();
  await open('#/sessions');
  await page.locator('form[data-call="PUT snapshots/{name}"] input').fill('start');
  await page.locator('form[data-call="PUT snapshots/{name}"] button').click();
  await page.locator('#detail', { hasText: 'start' }).waitFor();
  await post('/pets', { name: 'Rex' });
  assert.equal(await pets(), before + 1);
  await page.locator('#detail a', { hasText: 'Compare' }).first().click();
  await page.locator('#detail', { hasText: 'Rex' }).waitFor();
  await page.goBack();
  await page.locator('#detail button', { hasText: 'Restore' }).click();
  await page.locator('#toast[data-error=false]').waitFor();
  assert.equal(await pets(), before);
});

test('sessions are switched, and kept in the address', {}, async ({ page, open, post, call, base }) => {
  await post('/pets', { name: 'Rex' }, { 'standin-session': 'blue' });
  await open('#/sessions');
  await page.locator('#list a', { hasText: 'blue' }).click();
  await page.locator('#detail h2', { hasText: 'Session blue' }).waitFor();
  assert.match(page.url(), /\?session=blue#\/sessions$/);
  await page.locator('#detail code', { hasText: `${base}/_standin/sessions/blue` }).waitFor();
  await page.goto(`${page.url().split('#')[0]}#/operations/listPets`);
  await page.locator('button.pin', { hasText: 'busy' }).click();
  await page.locator('#pins', { hasText: 'Pinned for session blue' }).waitFor();
  assert.equal((await call('/pets', { headers: { 'standin-session': 'blue' } })).status, 503);
  assert.equal((await call('/pets')).status, 200);
  await page.reload();
  await page.locator('#session', { hasText: 'Session blue' }).waitFor();
});

test('the coverage shows what was never called, and a click tries it', {}, async ({ page, open, call }) => {
  await call('/pets');
  await open('#/coverage');
  await page.locator('#list .count', { hasText: '1 of 6 operations called' }).waitFor();
  await page.locator('.square[data-hit=true]', { hasText: '200' }).waitFor();
  await page.locator('select[name=only]').selectOption('uncalled');
  await page.locator('#list .count', { hasText: '5 shown' }).waitFor();
  await page.locator('.square', { hasText: '404' }).click();
  await page.locator('#detail', { hasText: 'Prefer: code=404' }).waitFor();
});

test('diagnostics, schemas and the merged document are there', { document: SHOP.replace('example: {error: pet not found}', 'example: {error: 7}') }, async ({ page, open }) => {
  await open('#/documents');
  await page.locator('#detail', { hasText: 'example' }).waitFor();
  await page.locator('#detail pre', { hasText: 'error: 7' }).waitFor();
  await page.locator('#list a', { hasText: 'NewPet' }).click();
  await page.locator('#detail h2', { hasText: 'NewPet' }).waitFor();
  await page.locator('#detail', { hasText: 'name' }).waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#list a', { hasText: 'Merged document' }).click()]);
  assert.equal(download.suggestedFilename(), 'openapi.yaml');
});

test('a reload is told, and shows the new operations', { flags: ['--watch', 'poll=200ms'] }, async ({ page, open, write }) => {
  await open('#/operations');
  await page.locator('#list a', { hasText: '/health' }).waitFor();
  write('api.yaml', SHOP.replace('/health:', '/well:'));
  await page.locator('#toast', { hasText: 'Documents loaded again' }).waitFor();
  await page.locator('#list a', { hasText: '/well' }).waitFor();
  write('api.yaml', 'openapi: [');
  await page.locator('#toast[data-error=true]', { hasText: 'api.yaml' }).waitFor();
  await page.locator('#list a', { hasText: '/well' }).waitFor();
});

test('the page says that the sandbox stopped, and goes on when it is back', { errors: [/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|net::/] }, async ({ page, open, server, folder }) => {
  await open('#/requests');
  const port = new URL(server.base).port;
  await server.stop();
  await page.locator('#connection[data-open=false]').waitFor();
  const again = await serve(folder, ['--state', 'on'], port);
  await page.locator('#connection[data-open=true]').waitFor({ timeout: 20_000 });
  await fetch(`${again.base}/pets`);
  await page.locator('.journal a', { hasText: '/pets' }).waitFor();
  await again.stop();
});

test('two tabs share one event stream', {}, async ({ page, open, context, call }) => {
  const streams = [];
  context.on('request', (request) => request.url().endsWith('/events') && streams.push(request.url()));
  await open('#/requests');
  const other = await context.newPage();
  await open('#/requests', other);
  await call('/pets?limit=2');
  for (const tab of [page, other]) await tab.locator('.journal a', { hasText: '/pets?limit=2' }).waitFor();
  assert.equal(streams.length, 1);
  await page.close();
  await call('/pets?limit=4');
  await other.locator('.journal a', { hasText: '/pets?limit=4' }).waitFor({ timeout: 20_000 });
});

test('a token is asked for, and is in no address', { flags: ['--control-token', 'secret-7'], errors: [/401/] }, async ({ page, base, context }) => {
  const urls = [];
  context.on('request', (request) => urls.push(request.url()));
  await page.goto(`${base}/_standin/#/requests`);
  const dialog = page.locator('#login');
  await dialog.waitFor();
  await dialog.getByLabel('Token').fill('wrong');
  await dialog.locator('button').click();
  await dialog.locator('.violation').waitFor();
  await dialog.getByLabel('Token').fill('secret-7');
  await dialog.locator('button').click();
  await page.locator('#connection[data-open=true]').waitFor();
  await dialog.waitFor({ state: 'hidden' });
  assert(!urls.some((url) => url.includes('secret-7')), urls.join('\n'));
});

test('with --control off there is no console', { flags: ['--control', 'off'] }, async ({ page, base }) => {
  await page.goto(`${base}/_standin/`);
  await page.locator('td', { hasText: 'listPets' }).waitFor();
  assert.equal(await page.locator('script, nav').count(), 0);
});

test('it works behind a path prefix of a proxy', {}, async ({ page, server, base }) => {
  const to = new URL(base);
  const proxy = http.createServer((request, response) => {
    const headers = { ...request.headers, host: to.host };
    const forwarded = http.request({ host: to.hostname, port: to.port, method: request.method, path: request.url.replace(/^\/mock/, ''), headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const prefix = `http://localhost:${proxy.address().port}/mock`;
  page.removeAllListeners('request');
  await page.goto(`${prefix}/_standin/#/try/createPet`);
  await page.locator('#connection[data-open=true]').waitFor();
  await page.locator('textarea[name=body]').fill('{"name": "Rex"}');
  await page.locator('button', { hasText: /^Send$/ }).click();
  await page.locator('.answer h2 .status', { hasText: '201' }).waitFor();
  proxy.closeAllConnections();
  proxy.close();
  assert(server);
});

/** A document with as many operations as wanted. */
function many(count) {
  const lines = ['openapi: 3.1.0', "info: {title: Many, version: '1'}", 'paths:'];
  for (let number = 0; number < count; number += 1) {
    lines.push(`  /things${number}/{id}: {get: {operationId: getThing${number}, tags: [tag${number % 300}], parameters: [{name: id, in: path, required: true, schema: {type: string}}], responses: {'200': {description: ok}, '404': {description: none}}}}`);
  }
  return lines.join('\n');
}

test('45,000 operations are searched and scrolled without freezing', { document: many(45_000), flags: [] }, async ({ page, open }) => {
  await open();
  await page.locator('standin-list a').first().waitFor();
  const began = Date.now();
  await page.keyboard.press('/');
  await page.keyboard.type('getThing44321');
  await page.locator('#list a', { hasText: 'things44321' }).waitFor();
  const searched = Date.now() - began;
  await page.locator('#list input[type=search]').fill('');
  await page.locator('#list .count', { hasText: '45,000 operations' }).waitFor();
  const list = page.locator('standin-list');
  await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
  await page.locator('#list a', { hasText: 'things' }).first().waitFor();
  const drawn = await page.locator('standin-list li').count();
  assert(drawn < 1500, `${drawn} rows are drawn`);
  // A debug build of the server is slow; a browser that freezes is much slower.
  assert(searched < 15_000, `the search took ${searched} ms`);
});

/** A proxy of the small shop of `tests/real`, with two of its bugs. */
const PROXY = {
  document: readFileSync(new URL('../real/shop.yaml', import.meta.url), 'utf8'),
  flags: ['--fallback', '404', '--sandbox', 'health', '--record', 'new', 'fixtures'],
  real: () => shop(['undocumented-field', 'wrong-type']),
};

/** Returns the texts of elements. */
const names = (locator) => locator.evaluateAll((all) => all.map((one) => one.textContent));

test('a switch changes who answers an operation, for the session of the page', PROXY, async ({ page, open, call }) => {
  const name = async (session) => (await (await call('/v1/pets/1', { headers: session ? { 'standin-session': session } : {} })).json()).name;
  assert.equal(await name(), 'Ada');
  await open('#/operations/getPet');
  const now = page.locator('.responder .now');
  const pressed = () => names(page.locator('.responder [aria-pressed=true]'));
  const row = page.locator('#list a[href="#/operations/getPet"] .by');
  await row.waitFor();
  assert.match(await text(now), /^Now the real API answers, because of the default/);
  assert.deepEqual(await pressed(), ['As started']);
  assert.equal(await text(row), 'real');
  await page.locator('.switch', { hasText: 'Sandbox' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#pins li', { hasText: 'answered by the sandbox' }).waitFor();
  await now.filter({ hasText: 'Now the sandbox answers, because of fixture' }).waitFor();
  await row.filter({ hasText: 'sandbox' }).waitFor();
  assert.deepEqual(await pressed(), ['Sandbox']);
  assert.equal(await page.locator('button.pin[aria-pressed=true]').count(), 0, 'the choice is no pinned delay');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Sandbox', 'the focus stays');
  assert.notEqual(await name(), 'Ada');
  assert.equal(await name('blue'), 'Ada', 'another session is as before');
  await page.locator('.switch', { hasText: 'Real API' }).click();
  await now.filter({ hasText: 'Now the real API answers, because of fixture' }).waitFor();
  assert.equal(await page.locator('#pins li').count(), 1);
  assert.equal(await name(), 'Ada');
  await page.locator('button.pin', { hasText: '404' }).first().click();
  await now.filter({ hasText: 'Now the sandbox answers' }).waitFor();
  assert.equal((await call('/v1/pets/1')).status, 404);
  await page.locator('#pins button', { hasText: 'Let go of all' }).click();
  await now.filter({ hasText: 'because of the default' }).waitFor();
  assert.equal(await name(), 'Ada');
});

test('the console says why an operation is answered by the sandbox, and the switch overrules it', PROXY, async ({ page, open, call, post }) => {
  assert.equal((await post('/_standin/fixtures', { 'GET /pets/**': [{ upstream: 'sandbox' }] })).status, 201);
  await open('#/operations/getPet');
  await page.locator('.responder .now', { hasText: 'fixture 1 of this session, for GET /pets/**' }).waitFor();
  assert.equal(await page.locator('#pins a').count(), 0, 'a group of operations has no page');
  await page.locator('.switch', { hasText: 'Real API' }).click();
  await page.locator('.responder .now', { hasText: 'Now the real API' }).waitFor();
  assert.equal((await (await call('/v1/pets/1')).json()).name, 'Ada');
  await page.locator('.switch', { hasText: 'As started' }).click();
  await page.locator('.responder .now', { hasText: 'Now the sandbox' }).waitFor();
  await page.goto(`${page.url().split('#')[0]}#/operations/health`);
  await page.locator('.responder .now', { hasText: 'Now the sandbox answers, because of the option --sandbox health' }).waitFor();
});

test('the journal shows who answered, and the violations of both sides', PROXY, async ({ page, open, call }) => {
  await call('/v1/pets/1?odd=1');
  await call('/v1/pets/999');
  await call('/v1/health');
  await open('#/requests');
  const by = (number) => page.locator(`.journal a[data-number="${number}"] .by`);
  await by(3).waitFor();
  assert.deepEqual([await text(by(1)), await text(by(2)), await text(by(3))], ['real', 'fallback', 'sandbox']);
  await page.getByLabel('Answered by').selectOption('fallback');
  await by(1).waitFor({ state: 'detached' });
  await page.locator('.journal a[data-number="2"]').click();
  await page.locator('#detail', { hasText: 'answered by the sandbox, because the real API answered with 404' }).waitFor();
  await page.goto(`${page.url().split('#')[0]}#/requests/1`);
  await page.locator('#detail h3', { hasText: '1 violation of the answer' }).waitFor();
  await page.locator('#detail .judged .violation', { hasText: 'must be number' }).waitFor();
  await page.locator('#detail button', { hasText: 'Replay' }).click();
  await page.locator('#detail .shown', { hasText: 'requests that this page sends are not forwarded' }).waitFor();
});

test('a recording is paused, started, and written from the page', { ...PROXY, flags: ['--record', 'new', 'fixtures'] }, async ({ page, open, call, folder }) => {
  await open('#/recording');
  await page.locator('.live', { hasText: 'Nothing is written yet' }).waitFor();
  await call('/v1/pets/1');
  await call('/v1/nothing');
  await page.locator('.live', { hasText: '2 exchanges' }).waitFor();
  await page.locator('#record-toggle', { hasText: 'Pause' }).click();
  await page.locator('.live', { hasText: 'The recording is paused' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'record-toggle');
  await call('/v1/pets/2');
  await page.locator('#record-toggle', { hasText: 'Start' }).click();
  await page.locator('.live', { hasText: 'are recorded' }).waitFor();
  await page.locator('#record-write').click();
  await page.locator('.live table.files').waitFor();
  assert.match(await text(page.locator('.live')), /1 exchange became fixtures/);
  // What the real API says of an unknown path is learned, and becomes no fixture.
  assert.match(await text(page.locator('.live')), /1 error of the real API, from whose words/);
  const files = readdirSync(join(folder, 'fixtures/recorded'), { recursive: true }).map(String);
  const shown = await names(page.locator('table.files th[scope=row]'));
  assert(shown.length > 0 && shown.every((file) => files.includes(file.replace('recorded/', ''))), `${shown} of ${files}`);
});

test('without --record the page says how to get a recording', { ...PROXY, flags: [] }, async ({ page, open }) => {
  await open('#/recording');
  await page.locator('#detail code', { hasText: '--record new fixtures' }).waitFor();
});

test('drift is found, leads to its operation, and is saved in its forms', PROXY, async ({ page, open, call, folder, base }) => {
  await open('#/drift');
  await page.locator('.drift', { hasText: 'The real API has not answered yet' }).waitFor();
  await call('/v1/pets/1');
  await call('/v1/pets?perPage=2');
  const found = page.locator('article.finding');
  await found.filter({ hasText: 'internalCode' }).waitFor();
  await page.getByLabel('Severity').selectOption('breaking');
  await found.filter({ hasText: 'internalCode' }).waitFor({ state: 'detached' });
  const wrong = found.filter({ hasText: 'other-type' });
  assert.match(await text(wrong.first()), /api\.yaml:\d+:\d+/);
  const save = async (label) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.drift button', { hasText: label }).click()]);
    return { name: download.suggestedFilename(), content: readFileSync(await download.path(), 'utf8') };
  };
  const sarif = await save('SARIF');
  assert.equal(sarif.name, 'drift.sarif');
  assert.equal(JSON.parse(sarif.content).version, '2.1.0');
  assert.match((await save('JUnit')).content, /<testsuites name="standin"/);
  const overlay = await save('Save the repair of');
  assert.match(overlay.content, /internalCode/);
  // The repair is one: the overlay describes what came.
  writeFileSync(join(folder, overlay.name), overlay.content);
  const repaired = await serve(folder, ['--overlay', overlay.name]);
  assert.match(await (await fetch(`${repaired.base}/_standin/openapi.json`)).text(), /internalCode/);
  await repaired.stop();
  await wrong.first().locator('.places a').first().click();
  await page.locator('#detail .responder').waitFor();
  assert(page.url().startsWith(`${base}/_standin/#/operations/`), page.url());
});

test('a finding has an address of its own', PROXY, async ({ page, open, call }) => {
  await call('/v1/pets/1');
  await open('#/drift');
  const tag = page.locator('article.finding .tag').first();
  const title = await text(page.locator('article.finding h3').first());
  await tag.click();
  await page.locator('#detail a', { hasText: 'All findings' }).waitFor();
  assert.deepEqual(await names(page.locator('article.finding h3')), [title]);
});

test('a sandbox without a real API shows nothing of one', {}, async ({ page, open, call }) => {
  await call('/pets');
  await open('#/operations/listPets');
  await page.locator('#detail h2').waitFor();
  assert.equal(await page.locator('.responder, .by, nav a[href="#/drift"], nav a[href="#/recording"]').count(), 0);
  await page.goto(`${page.url().split('#')[0]}#/requests`);
  await page.locator('.journal a').waitFor();
  assert.equal(await page.locator('select[name=answered-by], .by').count(), 0);
});

/** Looks at the parts that a proxy has with axe-core, and for a window that scrolls sideways. */
const everyPartOfProxy = (colors) => async ({ page, open, call, accessible }) => {
  await call('/v1/pets/1?odd=1');
  await call('/v1/pets?perPage=3');
  await call('/v1/pets/999');
  await call('/v1/nothing');
  await call('/_standin/recording', { method: 'POST' });
  await call('/_standin/fixtures', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"getPet": [{"upstream": "sandbox"}]}' });
  await open();
  for (const hash of ['#/operations', '#/operations/getPet', '#/requests', '#/requests/1', '#/requests/3', '#/drift', '#/recording']) {
    await look(page, hash, `proxy-${colors}`, accessible);
  }
};

test('every part of a proxy is accessible in a wide, light window', { ...PROXY, colors: 'light' }, everyPartOfProxy('light'));

test('every part of a proxy is accessible on a dark phone', { ...PROXY, viewport: { width: 390, height: 780 }, colors: 'dark' }, everyPartOfProxy('dark'));

/** Looks at one part of the console. */
async function look(page, hash, name, accessible) {
  await page.evaluate((to) => (location.hash = to), hash);
  await page.waitForTimeout(500);
  if (process.env.STANDIN_SHOTS) await page.screenshot({ path: join(process.env.STANDIN_SHOTS, `${name}${hash.replaceAll(/[^a-z0-9]+/gi, '-')}.png`) });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(overflow <= 0, `${hash} is ${overflow} pixels wider than the window`);
  await accessible(hash);
}

/** Looks at every part of the console with axe-core, and for a window that scrolls sideways. */
const everyPart = (colors) => async ({ page, open, call, post, accessible }) => {
  await call('/pets');
  await post('/pets', { price: -1 });
  await open();
  const hashes = ['#/operations', '#/operations/listPets', '#/try/createPet', '#/requests', '#/requests/2', '#/requests/2/explain', '#/requests/1/fixture', '#/requests/2/changes?with=1', '#/data', '#/data/%2Fpets', '#/sessions', '#/coverage', '#/documents', '#/schemas/Pet'];
  for (const hash of hashes) {
    await look(page, hash, colors, accessible);
  }
};

test('every part is accessible in a wide, light window', { colors: 'light' }, everyPart('light'));

test('every part is accessible on a dark phone', { viewport: { width: 390, height: 780 }, colors: 'dark' }, everyPart('dark'));

await main();
