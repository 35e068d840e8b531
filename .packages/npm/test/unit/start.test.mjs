// The program as a child process: its options, its end, and what a failed start says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import * as esm from '../../standin/index.mjs';
import { PETS, create, serving } from './support.mjs';

const { StartError, start } = esm;
const require = createRequire(import.meta.url);
const library = fileURLToPath(new URL('../../standin/index.mjs', import.meta.url));
const program = fileURLToPath(new URL('../../standin/bin/standin.js', import.meta.url));

const lives = (pid) => {
  try {
    process.kill(pid, 0);
    // A process that has ended and that nobody waited for is still in the table.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

async function until(condition, milliseconds = 5000) {
  for (const end = Date.now() + milliseconds; Date.now() < end;) {
    if (condition()) return true;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  return false;
}

function temporary(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-test-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('ESM and CommonJS are one library', () => {
  const common = require('../../standin/index.js');
  assert.equal(esm.start, common.start);
  assert.deepEqual(Object.keys(esm).filter((name) => name !== 'default').sort(), Object.keys(common).sort());
});

test('documents may be objects, and their files are removed', async (t) => {
  const document = { openapi: '3.1.0', info: { title: 't', version: '1' }, paths: { '/hi': { get: { operationId: 'hi', responses: { 200: { description: '', content: { 'text/plain': { example: 'hello' } } } } } } } };
  const [cwd, scratch, before] = [temporary(t), temporary(t), process.env.TMPDIR];
  // A folder of its own: other programs of this machine put files of the same name into the usual one.
  process.env.TMPDIR = scratch;
  t.after(() => (before === undefined ? delete process.env.TMPDIR : (process.env.TMPDIR = before)));
  const server = await start({ documents: document, cwd });
  assert.equal(fs.readdirSync(scratch).length, 1);
  assert.equal(await (await fetch(`${server.url}/hi`)).text(), 'hello');
  await server.stop();
  assert.deepEqual(fs.readdirSync(scratch), []);
});

test('seed and validation are options', async (t) => {
  const pets = async (seed) => (await fetch(`${(await serving(t, { seed })).url}/pets`)).text();
  const [one, two, other] = [await pets(7), await pets('7'), await pets(8)];
  assert.equal(one, two);
  assert.notEqual(one, other);
  const lenient = await serving(t, { validate: 'off' });
  assert.equal((await create(lenient.url, {})).status, 201);
});

test('a start that fails carries what the program printed', async () => {
  const error = await start({ documents: 'nowhere.yaml' }).catch((error) => error);
  assert.ok(error instanceof StartError);
  assert.equal(error.code, 2);
  assert.match(error.message, /^the sandbox did not start; it ended with exit code 2\n/);
  assert.match(error.message, /`nowhere\.yaml` cannot be read/);
  await assert.rejects(start({ documents: PETS, args: ['--sead', '7'] }), /--sead/);
});

test('a start without a program names what is missing', async () => {
  await assert.rejects(start({ env: { STANDIN_BINARY: '/nowhere/standin' } }), /STANDIN_BINARY names "\/nowhere\/standin", which is not a file/);
  await assert.rejects(start({ env: { STANDIN_BINARY: os.tmpdir() } }), /which is not a file/);
  await assert.rejects(start({ env: { STANDIN_BINARY: library } }), /the sandbox cannot be run|EACCES/);
});

test('a start that takes too long is ended', async (t) => {
  const slow = path.join(temporary(t), 'slow');
  fs.writeFileSync(slow, '#!/bin/sh\necho "still loading" >&2\nexec sleep 60\n', { mode: 0o755 });
  const error = await start({ env: { STANDIN_BINARY: slow }, startTimeout: 300 }).catch((error) => error);
  assert.match(error.message, /did not start within 300 ms\nstill loading/);
});

test('options that are unknown or have a wrong type are refused', async () => {
  await assert.rejects(start({ document: PETS }), /unknown option `document`; the options are .*documents/);
  await assert.rejects(start({ documents: '-' }), /no standard input/);
  await assert.rejects(start({ documents: 'a\0b' }), /expected a string/);
  await assert.rejects(start({ seed: {} }), /`seed` has \{\}/);
});

test('a document whose name looks like an option is a document', async (t) => {
  const folder = temporary(t);
  fs.copyFileSync(PETS, path.join(folder, '--help'));
  const server = await serving(t, { documents: '--help', cwd: folder });
  assert.equal((await server.operations()).length, 3);
});

test('the environment does not change what the library needs', async (t) => {
  const server = await serving(t, { env: { STANDIN_CONTROL: 'off', STANDIN_PORT: '1', STANDIN_LOG: 'json', STANDIN_CONTROL_TOKEN: 'secret' } });
  assert.equal(server.token, 'secret');
  assert.deepEqual(await server.received(), []);
  await assert.rejects(esm.connect(server.url, { token: 'wrong' }).received(), { status: 401 });
});

test('stop ends the program, and tells its exit code', async () => {
  const server = await start({ documents: PETS, failOn: 'unmatched' });
  assert.ok(lives(server.pid));
  await fetch(`${server.url}/nothing`);
  const [first, second] = await Promise.all([server.stop(), server.stop()]);
  assert.deepEqual(first, second);
  assert.equal(first.code, 1);
  assert.ok(!lives(server.pid));
  await assert.rejects(server.received(), /the sandbox has ended with exit code 1/);
});

test('the end of a block stops the server', async () => {
  const server = await start({ documents: PETS });
  const dispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
  await server[dispose]();
  assert.ok(!lives(server.pid));
});

test('reports are written at the end', async (t) => {
  const folder = temporary(t);
  const server = await start({ documents: PETS, report: { junit: 'report.xml' }, cwd: folder });
  await server.stop();
  assert.match(fs.readFileSync(path.join(folder, 'report.xml'), 'utf8'), /<testsuite/);
});

for (const [how, code, end] of [
  ['ends without stop', '', undefined],
  ['calls process.exit', 'process.exit(0);', undefined],
  ['has an error', 'setTimeout(() => { throw new Error("crash"); }, 10);', undefined],
  ['is killed', 'setInterval(() => {}, 1000);', 'SIGKILL'],
  ['gets SIGTERM', 'setInterval(() => {}, 1000);', 'SIGTERM'],
]) {
  test(`no server is left when the process that started it ${how}`, async () => {
    const script = `const { start } = await import(${JSON.stringify(library)});
      const server = await start({ documents: ${JSON.stringify(PETS)} });
      process.stdout.write(server.pid + "\\n", () => { ${code} });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const pid = await new Promise((resolve) => { child.stdout.on('data', (text) => resolve(Number(text))); });
    assert.ok(pid > 0);
    if (end) child.kill(end);
    assert.ok(await until(() => child.exitCode !== null || child.signalCode !== null), 'the process ends by itself');
    assert.ok(await until(() => !lives(pid)), 'the server ends');
  });
}

test('`standin` runs the program with its input, output, exit code and signals', async () => {
  const version = spawn(process.execPath, [program, '--version'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const text = await new Promise((resolve) => { version.stdout.on('data', (data) => resolve(String(data))); });
  assert.match(text, /^standin \d/);
  const wrong = spawn(process.execPath, [program, 'serve', 'nowhere.yaml'], { stdio: 'ignore' });
  assert.equal(await new Promise((resolve) => { wrong.on('exit', resolve); }), 2);
  const piped = spawn(process.execPath, [program, 'routes', '-'], { stdio: ['pipe', 'pipe', 'ignore'] });
  piped.stdin.end(fs.readFileSync(PETS));
  assert.match(await new Promise((resolve) => { piped.stdout.on('data', (data) => resolve(String(data))); }), /createPet/);
  const server = spawn(process.execPath, [program, 'serve', '--port', '0', '--log', 'off', PETS], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => { server.stdout.on('data', (data) => /listening/.test(data) && resolve()); });
  server.kill('SIGTERM');
  assert.equal(await new Promise((resolve) => { server.on('exit', resolve); }), 0);
});

test('`standin` without a program says what to install', async (t) => {
  const folder = temporary(t);
  fs.cpSync(path.dirname(library), folder, { recursive: true });
  const env = { ...process.env };
  delete env.STANDIN_BINARY;
  const child = spawn(process.execPath, [path.join(folder, 'bin/standin.js'), 'serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (data) => { text += data; });
  assert.equal(await new Promise((resolve) => { child.on('close', resolve); }), 2);
  assert.match(text, /^error: the package @standin\/\S+, which has the program for this platform, is not installed/);
});
