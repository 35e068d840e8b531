// Starts a sandbox and a browser for each test, and fails it for any error of the page.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(join(process.env.STANDIN_BROWSER, 'node_modules', 'x.js'));
const { chromium } = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');

const [binary, wanted] = process.argv.slice(2);
const all = new Map();

/** Registers a test; the function gets what `open` returns. */
export const test = (name, options, run) => all.set(name, { options, run });

/** Document of most tests. */
export const SHOP = `openapi: 3.1.0
info: {title: Pet shop, version: '1', description: A **shop** of pets}
tags: [{name: pets, description: All about pets}]
paths:
  /pets:
    get:
      operationId: listPets
      tags: [pets]
      summary: List pets
      parameters: [{name: limit, in: query, description: How many, schema: {type: integer, maximum: 100}}]
      responses:
        '200': {description: Pets, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}}}}
        '503':
          description: Out of order
          content: {application/json: {schema: {$ref: '#/components/schemas/Error'}, examples: {outage: {value: {error: We are down}}, busy: {value: {error: Too many pets}}}}}
    post:
      operationId: createPet
      tags: [pets]
      summary: Create a pet
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/NewPet'}}}}
      responses:
        '201': {description: Created, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '400': {description: Wrong, content: {application/json: {schema: {$ref: '#/components/schemas/Error'}, example: {error: "must have required property 'name'"}}}}
  /pets/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get:
      operationId: getPet
      tags: [pets]
      summary: Get a pet
      responses:
        '200': {description: The pet, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '404': {description: Unknown, content: {application/json: {schema: {$ref: '#/components/schemas/Error'}, example: {error: pet not found}}}}
    put:
      operationId: updatePet
      tags: [pets]
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/NewPet'}}}}
      responses:
        '200': {description: The pet, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
    delete:
      operationId: deletePet
      tags: [pets]
      responses: {'204': {description: Gone}}
  /health: {get: {operationId: health, responses: {'200': {description: ok}}}}
components:
  schemas:
    NewPet: {type: object, required: [name], properties: {name: {type: string, minLength: 2}, status: {enum: [available, sold], default: available}, price: {type: number, minimum: 0}}}
    Pet: {allOf: [{$ref: '#/components/schemas/NewPet'}, {type: object, required: [id], properties: {id: {type: integer}}}]}
    Error: {type: object, required: [error], properties: {error: {type: string}}}
`;

/**
 * Starts the sandbox, and returns its address and a function that ends it; `upstream` is the address of a real API, for
 * a proxy.
 */
export async function serve(folder, options = [], port = '0', upstream = undefined) {
  const command = upstream === undefined ? ['serve'] : ['proxy', upstream];
  const child = spawn(binary, [...command, 'api.yaml', '--port', port, '--host', '127.0.0.1', ...options], { cwd: folder });
  let told = '';
  const base = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        told += data;
        const found = /listening on (http:\/\/[\d.]+:\d+)/.exec(told);
        if (found) resolve(found[1]);
      });
    }
    child.on('exit', () => reject(new Error(`the sandbox ended: ${told}`)));
  });
  const stop = () => new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.on('exit', resolve);
    child.kill('SIGTERM');
  });
  return { base, stop };
}

/** Starts a real API, a server of node, and returns its address and a function that ends it. */
async function listen(api) {
  await new Promise((resolve) => api.listen(0, '127.0.0.1', resolve));
  const stop = () => {
    api.closeAllConnections();
    api.close();
  };
  return { base: `http://127.0.0.1:${api.address().port}`, stop };
}

/** Runs the test that the command line names. */
export async function main() {
  const { options, run } = all.get(wanted) ?? {};
  assert(run, `there is no test "${wanted}"`);
  const folder = mkdtempSync(join(tmpdir(), 'standin-console-'));
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write('api.yaml', options.document ?? SHOP);
  const real = options.real ? await listen(options.real()) : undefined;
  const server = await serve(folder, options.flags ?? ['--state', 'on'], '0', real?.base);
  const browser = await chromium.launch({ executablePath: process.env.STANDIN_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  const context = await browser.newContext({ viewport: options.viewport ?? { width: 1300, height: 800 }, colorScheme: options.colors });
  const base = options.base?.(server.base) ?? server.base;
  const wrong = [];
  const expected = options.errors ?? [];
  const note = (text) => expected.some((pattern) => pattern.test(text)) || wrong.push(text);
  context.on('page', (page) => {
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && note(`${message.type()}: ${message.text()} ${message.location().url}`));
    page.on('pageerror', (error) => note(String(error.stack)));
    page.on('request', (request) => /^(https?|wss?):/.test(request.url()) && !request.url().startsWith(base) && note(`foreign request: ${request.url()}`));
    page.on('dialog', (dialog) => dialog.accept());
    page.setDefaultTimeout(20_000);
  });
  const page = await context.newPage();
  const help = {
    page, context, folder, write, server, base,
    /** Opens a view, and waits until the page is live. */
    async open(hash = '', on = page) {
      await on.goto(`${base}/_standin/${hash}`);
      await on.locator('#connection[data-open=true]').waitFor();
    },
    /** Calls the simulated API as another program would. */
    call: (path, init) => fetch(server.base + path, init),
    post: (path, body, headers) => fetch(server.base + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
    /** Fails if axe-core finds something serious. */
    async accessible(what) {
      await page.evaluate(readFileSync(axe, 'utf8'));
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
      const told = serious.map(({ id, help: text, nodes }) => `${id}: ${text}\n  ${nodes.slice(0, 5).map((node) => node.html.slice(0, 200)).join('\n  ')}`);
      assert.equal(serious.length, 0, `${what}: ${told.join('\n')}`);
    },
  };
  try {
    await run(help);
    assert.deepEqual(wrong, [], 'errors of the page');
  } catch (error) {
    if (process.env.STANDIN_SHOTS) await page.screenshot({ path: join(process.env.STANDIN_SHOTS, 'failed.png') });
    console.error(error.stack, wrong);
    process.exitCode = 1;
  } finally {
    await browser.close();
    await server.stop().catch(() => {});
    real?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
