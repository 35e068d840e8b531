// Tests with a real API. Usage: node tests.mjs PROGRAM NAME; see `tests/real.rs`.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { clients } from './clients.mjs';
import { BUGS, shop } from './shop.mjs';
import { har, traffic } from './traffic.mjs';

const [program, wanted] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const tests = new Map();
const test = (name, run) => tests.set(name, run);

/** Returns the traffic with a shop. */
async function recorded(bugs = []) {
  const server = shop(bugs);
  await new Promise((started) => server.listen(0, '127.0.0.1', started));
  const base = `http://127.0.0.1:${server.address().port}`;
  try {
    return { base, seen: await traffic(base) };
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Runs `within` in a folder with the document, which is removed afterwards. */
async function inFolder(within) {
  const folder = mkdtempSync(join(tmpdir(), 'standin-real-'));
  try {
    mkdirSync(join(folder, 'specs'));
    cpSync(join(here, 'shop.yaml'), join(folder, 'specs/shop.yaml'));
    await within(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs `within` with the URL of a server that is started in a folder, and ends it. */
async function running(folder, words, within) {
  const child = spawn(program, [...words, '--port', '0', '--log', 'off'], { cwd: folder });
  const ended = new Promise((found) => child.on('exit', found));
  try {
    const url = await new Promise((found, failed) => {
      let text = '';
      const note = (part) => {
        text += part;
        const line = /listening on (http:\S+)/.exec(text);
        if (line) found(line[1]);
      };
      child.stdout.on('data', note);
      child.stderr.on('data', (part) => { text += part; });
      ended.then(() => failed(new Error(`the server has ended: ${text}`)));
    });
    return await within(url);
  } finally {
    child.kill();
    await ended;
  }
}

/** Returns what a client sees of an answer. A token is another one in the sandbox. */
function visible(base) {
  return ({ method, path, status, answered, content }) => {
    const field = (name) => answered.find(([own]) => own.toLowerCase() === name)?.[1].replaceAll(base, 'BASE');
    const media = field('content-type')?.split(';')[0];
    const text = content.toString('base64');
    const isJson = media === 'application/json' && content.length > 0;
    const value = isJson ? JSON.parse(content.toString().replaceAll(base, 'BASE')) : text;
    const body = isJson ? { ...value, ...(path === '/v1/login' && status === 200 ? { token: '' } : {}) } : value;
    const fields = ['location', 'link', 'www-authenticate', 'retry-after', 'x-total-count'].map((name) => [name, field(name)]);
    return { request: `${method} ${path}`, status, media, fields, body };
  };
}

/** Replays requests in the sandbox of a folder, and returns the numbers of all and of those answered alike. */
async function replayed(folder, base, seen, client) {
  return running(folder, ['serve'], async (url) => {
    const again = (await traffic(url, client)).map(visible(url));
    const first = seen.map(visible(base));
    const differing = first.map((own, at) => [own, again[at]]).filter(([own, other]) => JSON.stringify(own) !== JSON.stringify(other));
    return { all: seen.length, differing };
  });
}

test('the sandbox answers imported traffic as the real API did', () => inFolder(async (folder) => {
  const { base, seen } = await recorded();
  writeFileSync(join(folder, 'shop.har'), har(base, seen));
  const { status, stderr } = spawnSync(program, ['import', 'shop.har'], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const { all, differing } = await replayed(folder, base, seen);
  assert.deepEqual(differing, [], stderr);
  assert.ok(all > 20);
}));

test('each client library gets from the sandbox what a proxy recorded', async () => {
  const all = await clients();
  for (const [name, client] of Object.entries(all)) {
    await inFolder(async (folder) => {
      const server = shop();
      await new Promise((started) => server.listen(0, '127.0.0.1', started));
      const real = `http://127.0.0.1:${server.address().port}`;
      const seen = await running(folder, ['proxy', real, '--record', 'all', 'fixtures'], (url) => traffic(url, client));
      server.close();
      server.closeAllConnections();
      const { all: number, differing } = await replayed(folder, real, seen, client);
      console.log(`${name}: ${number} exchanges, ${number - differing.length} answered alike`);
      assert.deepEqual(differing, [], name);
    });
  }
});

/** Finding for each bug; a shop that sends another media type also sends it where none is documented. */
const EXPECTED = {
  'undocumented-status': /^undocumented-status: .*203/,
  'undocumented-field': /^undocumented-field: .*internalCode/,
  'missing-field': /^missing-field: .*name/,
  'null-value': /^undocumented-null: .*tags/,
  'enum-value': /^undocumented-enum-value: .*gone/,
  'wrong-type': /^other-type: .*price/,
  'wrong-format': /^broken-format: .*createdAt/,
  'missing-header': /^missing-header: .*location/i,
  'undocumented-header': /^undocumented-header: .*x-shard/i,
  'wrong-media-type': /^undocumented-(media-type|content): .*text\/plain/,
  'undocumented-operation': /^undocumented-operation: .*stats/,
  'error-shape': /^(missing-field: .*error|undocumented-field: `\/message`)/,
};

/** Returns the findings about the traffic with a shop, but for what never came. */
async function drifting(bugs) {
  const { base, seen } = await recorded(bugs);
  const found = [];
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'shop.har'), har(base, seen));
    const { stdout, stderr } = spawnSync(program, ['drift', '--har', 'shop.har', '--format', 'json'], { cwd: folder, encoding: 'utf8' });
    assert.ok(stdout, stderr);
    const { findings } = JSON.parse(stdout);
    const came = findings.filter(({ kind }) => !kind.startsWith('unseen-'));
    found.push(...came.flatMap(({ kind, message, places }) => places.map(({ operation }) => `${kind}: ${message} (${operation})`)));
  });
  return found;
}

test('each planted bug is found as drift, and nothing else is', async () => {
  assert.deepEqual(Object.keys(EXPECTED), BUGS);
  // The shop has errors of its own style, whose content the document leaves open.
  const clean = await drifting([]);
  assert.ok(clean.every((line) => line.startsWith('undocumented-content: ') && / 422\)$/.test(line)), clean.join('\n'));
  let [hits, alarms] = [0, []];
  for (const bug of BUGS) {
    const found = (await drifting([bug])).filter((line) => !clean.includes(line));
    const isMeant = (line) => EXPECTED[bug].test(line);
    if (found.some(isMeant)) hits += 1;
    alarms.push(...found.filter((line) => !isMeant(line)).map((line) => `${bug}: ${line}`));
  }
  console.log(`${hits} of ${BUGS.length} planted bugs found, ${alarms.length} false alarms`);
  assert.equal(hits, BUGS.length);
  assert.deepEqual(alarms, []);
});

test('each planted bug changes what a client sees', async () => {
  const seen = async (bugs) => {
    const { base, seen } = await recorded(bugs);
    return JSON.stringify(seen.map((own) => [visible(base)(own), own.answered.map(([name]) => name)]));
  };
  const clean = await seen([]);
  for (const bug of BUGS) assert.notEqual(await seen([bug]), clean, bug);
});

const run = tests.get(wanted);
if (!run) {
  console.error(`there is no test \`${wanted}\``);
  process.exit(1);
}
try {
  await run();
} catch (error) {
  console.error(error.stack, error.actual === undefined ? '' : JSON.stringify(error.actual, null, 1));
  process.exit(1);
}
process.exit(0);
