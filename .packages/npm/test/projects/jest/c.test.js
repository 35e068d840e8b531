/** @jest-environment jsdom */
const { useSandbox, standin } = require('standin/jest');

const http = require('node:http');

const send = (url, method, value) => new Promise((resolve, reject) => {
  const headers = value ? { 'content-type': 'application/json' } : {};
  const request = http.request(url, { method, headers }, (response) => {
    let text = '';
    response.on('data', (piece) => { text += piece; });
    response.on('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
  });
  request.on('error', reject);
  request.end(value && JSON.stringify(value));
});
const create = (name, base) => send(`${base}/pets`, 'POST', { name });
const names = async (base) => (await send(`${base}/pets`, 'GET')).body.map((pet) => pet.name);

const sandbox = useSandbox();

test.each(Array.from({ length: 20 }, (_, index) => index))('a pet that another test does not see, %i', async () => {
  const before = await names(sandbox.url);
  await create('Rex', sandbox.url);
  expect(await names(sandbox.url)).toEqual([...before, 'Rex']);
  await expect(sandbox).toHaveReceived('createPet', { name: 'Rex' }, { times: 1 });
  await expect(sandbox).not.toHaveReceived('createPet', { name: 'Bo' });
});

test('the matcher says what came instead', async () => {
  await create('Jon', sandbox.url);
  await expect(expect(sandbox).toHaveReceived('createPet', { name: 'Rex' })).rejects.toThrow('`body/name` is "Jon", expected "Rex"');
});

test('fixtures of one test are of this test only', async () => {
  await sandbox.fixtures({ createPet: [{ status: 503 }] });
  expect((await create('Rex', sandbox.url)).status).toBe(503);
  expect((await create('Rex', standin().session('another').url)).status).toBe(201);
});
