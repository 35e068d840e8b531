#!/usr/bin/env node
// Packs the npm packages: `standin`, and one package with the program for each platform.
//
//   node pack.mjs --out DIR [--version 1.2.3] [linux-x64=FILE darwin-arm64=FILE …]
//
// A platform is `process.platform` and `process.arch` of Node, joined by a hyphen. Without one, the programs are packed
// that `cargo build --release` and `.packages/build` have left in the folder `target`.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const source = path.join(here, 'standin');
const manifest = JSON.parse(fs.readFileSync(path.join(source, 'package.json'), 'utf8'));
const platforms = Object.keys(manifest.optionalDependencies).map((name) => name.split('/')[1]);
const machine = `${process.platform}-${process.arch}`;
const target = path.resolve(process.env.CARGO_TARGET_DIR || path.join(here, '../../target'));
/** The parts of a target of the Rust compiler, by those of a platform. */
const RUST = {
  x64: 'x86_64', arm64: 'aarch64', linux: 'unknown-linux-gnu', darwin: 'apple-darwin', win32: 'pc-windows-msvc',
};

const usage = `usage: node pack.mjs --out DIR [--version 1.2.3] [PLATFORM=FILE]...

Packs the npm packages of programs that are built already: \`standin\`, and one package with the program for
each platform: ${platforms.join(', ')}. Without PLATFORM=FILE, it packs the programs that
\`cargo build --release\` and \`.packages/build\` have left in ${target}. For example:

  node pack.mjs --out packs ${machine}=target/release/standin
  npm install --save-dev packs/*.tgz`;
const { values, positionals } = given();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (!values.out) fail('`--out DIR` is missing: the folder for the packed files', '`node pack.mjs --help` shows the options');
if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(values.version)) fail(`\`${values.version}\` is not a version`, 'name one such as 1.2.3');
const programs = positionals.length > 0 ? positionals.map(platformOf) : builtPrograms();
const out = path.resolve(values.out);
try {
  fs.mkdirSync(out, { recursive: true });
} catch (error) {
  fail(`the folder \`${out}\` cannot be made: ${error.message}`);
}

const staging = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-pack-'));
try {
  for (const [platform, file] of programs) platformPackage(platform, file);
  mainPackage();
} finally {
  fs.rmSync(staging, { recursive: true, force: true });
}
const absent = platforms.filter((platform) => !programs.some(([packed]) => packed === platform));
if (absent.length > 0) {
  process.stderr.write(`note: packed without a program for ${absent.join(', ')}: \`npx standin\` fails there\n`);
}

function given() {
  const options = { out: { type: 'string' }, version: { type: 'string', default: manifest.version }, help: { type: 'boolean' } };
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    // Node adds advice about positional arguments, which does not apply here.
    return fail(error.message.split('. ')[0], '`node pack.mjs --help` shows the options');
  }
}

function platformOf(given) {
  const [platform, file] = [given.slice(0, given.indexOf('=')), given.slice(given.indexOf('=') + 1)];
  if (!given.includes('=') || !platforms.includes(platform)) {
    fail(`\`${given}\` is not PLATFORM=FILE`, `the platform is one of ${platforms.join(', ')}`);
  }
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (!found) fail(`the program \`${file}\` does not exist`, '`cargo build --release` writes target/release/standin');
  if (!found.isFile()) fail(`\`${file}\` is a folder, expected the program`, 'name the file: target/release/standin');
  return [platform, file];
}

/** Returns the platforms whose programs were built, with their files. */
function builtPrograms() {
  const found = platforms.map((platform) => [platform, placesOf(platform).find((file) => fs.existsSync(file))]);
  const built = found.filter(([, file]) => file);
  if (built.length > 0) return built;
  return fail(
    `no PLATFORM=FILE is named, and ${target} has no program`,
    'build one with `cargo build --release`, or with `.packages/build TARGET` for another platform',
  );
}

/** Returns the files that the program for a platform may be in. */
function placesOf(platform) {
  const [system, processor] = platform.split('-');
  const program = system === 'win32' ? 'standin.exe' : 'standin';
  const built = path.join(target, `${RUST[processor]}-${RUST[system]}`, 'release', program);
  return platform === machine ? [built, path.join(target, 'release', program)] : [built];
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

function fail(message, help) {
  process.stderr.write(`error: ${message}\n${help ? `  = help: ${help}\n` : ''}`);
  process.exit(2);
}
