#!/usr/bin/env node
// Packs the npm packages: `standin`, and one package with the program for each platform.
//
//   node pack.mjs --out DIR [--version 1.2.3] linux-x64=FILE darwin-arm64=FILE …
//
// A platform is `process.platform` and `process.arch` of Node, joined by a hyphen.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const source = path.join(here, 'standin');
const manifest = JSON.parse(fs.readFileSync(path.join(source, 'package.json'), 'utf8'));
const platforms = Object.keys(manifest.optionalDependencies).map((name) => name.split('/')[1]);

const usage = `usage: node pack.mjs --out DIR [--version 1.2.3] PLATFORM=FILE ...

Packs the npm packages of programs that are built already: \`standin\`, and one package with the program for
each platform: ${platforms.join(', ')}. For example:

  node pack.mjs --out packs ${process.platform}-${process.arch}=target/release/standin
  npm install --save-dev packs/*.tgz`;
const { values, positionals } = given();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (!values.out) fail('`--out DIR` is missing: the folder for the packed files');
if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(values.version)) fail(`\`${values.version}\` is not a version such as 1.2.3`);
const out = path.resolve(values.out);
try {
  fs.mkdirSync(out, { recursive: true });
} catch (error) {
  fail(`the folder \`${out}\` cannot be made: ${error.message}`);
}

const staging = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-pack-'));
try {
  for (const given of positionals) platformPackage(...platformOf(given));
  mainPackage();
} finally {
  fs.rmSync(staging, { recursive: true, force: true });
}

function given() {
  const options = { out: { type: 'string' }, version: { type: 'string', default: manifest.version }, help: { type: 'boolean' } };
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return fail(`${error.message.split('\n')[0]}; \`node pack.mjs --help\` shows the options`);
  }
}

function platformOf(given) {
  const [platform, file] = [given.slice(0, given.indexOf('=')), given.slice(given.indexOf('=') + 1)];
  if (!given.includes('=') || !platforms.includes(platform)) {
    fail(`\`${given}\` is not PLATFORM=FILE, where the platform is one of ${platforms.join(', ')}`);
  }
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) fail(`\`${file}\` is not a file`);
  return [platform, file];
}

function platformPackage(platform, file) {
  const [system, processor] = platform.split('-');
  const folder = path.join(staging, platform);
  const program = system === 'win32' ? 'standin.exe' : 'standin';
  const libc = system === 'linux' && needsLibrary(file) ? { libc: ['glibc'] } : {};
  write(folder, 'package.json', JSON.stringify({
    name: `@standin/${platform}`,
    version: values.version,
    description: `The program of standin for ${system} on ${processor}`,
    license: manifest.license,
    os: [system],
    cpu: [processor],
    ...libc,
    files: ['bin'],
    // Yarn keeps packages in archives, from which no program can be run.
    preferUnplugged: true,
  }, null, 2));
  write(folder, 'README.md', `# @standin/${platform}\n\nThe program of [standin](https://www.npmjs.com/package/standin) for ${system} on ${processor}. Install \`standin\` instead.\n`);
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.copyFileSync(file, path.join(folder, 'bin', program));
  fs.chmodSync(path.join(folder, 'bin', program), 0o755);
  pack(folder);
}

/** Returns true if a Linux program asks for a dynamic linker, and so for the C library that it was built with. */
function needsLibrary(file) {
  const bytes = fs.readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    fail(`\`${file}\` is not a 64-bit little-endian ELF program`);
  }
  const [start, size, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  const INTERPRETER = 3;
  for (let index = 0; index < count; index += 1) {
    if (bytes.readUInt32LE(start + index * size) === INTERPRETER) return true;
  }
  return false;
}

function mainPackage() {
  const folder = path.join(staging, 'standin');
  fs.cpSync(source, folder, { recursive: true });
  const versions = Object.fromEntries(Object.keys(manifest.optionalDependencies).map((name) => [name, values.version]));
  write(folder, 'package.json', JSON.stringify({ ...manifest, version: values.version, optionalDependencies: versions }, null, 2));
  pack(folder);
}

function pack(folder) {
  fs.copyFileSync(path.join(here, '../../LICENSE'), path.join(folder, 'LICENSE'));
  // `npm` is a script on Windows, which needs a shell; no argument comes from outside.
  execFileSync('npm', ['pack', '--silent', '--pack-destination', out], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' });
}

function write(folder, name, content) {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, name), `${content.trimEnd()}\n`);
}

function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}
