'use strict';
// Options of `start` → the command line of `standin serve`.
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** Options that are one option of the command line each, with its name. */
const PLAIN = {
  fixtures: '--fixtures',
  seed: '--seed',
  host: '--host',
  port: '--port',
  validate: '--validate',
  scenario: '--scenario',
  delay: '--delay',
  journal: '--journal',
  unknown: '--unknown',
  console: '--console',
  log: '--log',
};

/** Options that are `on` or `off` on the command line. */
const SWITCHES = { state: '--state', echo: '--echo', watch: '--watch' };

/** Options whose values are each named by an option of the command line. */
const LISTS = { overlay: '--overlay', failOn: '--fail-on', cover: '--cover' };

const OTHERS = ['documents', 'report', 'args', 'cwd', 'env', 'controlToken', 'startTimeout', 'stopTimeout', 'onOutput'];
const KNOWN = [...Object.keys(PLAIN), ...Object.keys(SWITCHES), ...Object.keys(LISTS), ...OTHERS];

/**
 * Returns the arguments of `standin serve`, and the folder of documents that were given as values.
 *
 * @throws {TypeError} if an option is unknown or has a wrong type
 */
function commandLine(options) {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) {
      throw new TypeError(`unknown option \`${name}\`; the options are ${KNOWN.join(', ')}. Others of \`standin serve\` go into \`args\``);
    }
  }
  // The environment may turn off what this library needs, or choose a port that is taken.
  const defaults = { port: 0, log: 'off', watch: false };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
  const all = { ...defaults, ...given };
  const args = ['serve', '--control', 'on'];
  for (const [name, flag] of Object.entries(PLAIN)) {
    if (all[name] !== undefined) args.push(`${flag}=${text(name, all[name])}`);
  }
  for (const [name, flag] of Object.entries(SWITCHES)) {
    if (all[name] !== undefined) args.push(`${flag}=${onOrOff(name, all[name])}`);
  }
  for (const [name, flag] of Object.entries(LISTS)) {
    for (const value of list(all[name])) args.push(`${flag}=${text(name, value)}`);
  }
  for (const [form, file] of Object.entries(all.report ?? {})) args.push('--report', form, text('report', file));
  for (const value of list(all.args)) args.push(text('args', value));
  const { files, folder } = documentFiles(list(all.documents));
  // What follows `--` is never read as an option, whatever its name is.
  if (files.length) args.push('--', ...files);
  return { args, folder };
}

function list(value) {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function text(name, value) {
  if (typeof value === 'string' && !value.includes('\0')) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (value instanceof URL) return value.protocol === 'file:' ? require('node:url').fileURLToPath(value) : value.href;
  throw new TypeError(`\`${name}\` has ${JSON.stringify(value) ?? String(value)}; expected a string or a number`);
}

function onOrOff(name, value) {
  if (value === true) return 'on';
  return value === false ? 'off' : text(name, value);
}

function documentFiles(documents) {
  let folder;
  const files = documents.map((document, index) => {
    if (document === '-') throw new TypeError('`documents` has "-", but the server has no standard input; name a file, or give the document as an object');
    if (typeof document !== 'object' || document instanceof URL) return text('documents', document);
    folder ??= fs.mkdtempSync(path.join(os.tmpdir(), 'standin-'));
    const file = path.join(folder, `document-${index + 1}.json`);
    fs.writeFileSync(file, JSON.stringify(document));
    return file;
  });
  return { files, folder };
}

/**
 * Returns the options under `standin` in the nearest `package.json`, with its folder as `cwd`; none if
 * there are none.
 */
function projectOptions(from = process.cwd()) {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    const options = optionsIn(path.join(folder, 'package.json'));
    if (options) return { cwd: folder, ...options };
    if (path.dirname(folder) === folder) return {};
  }
}

function optionsIn(file) {
  let content;
  try {
    content = fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  let options;
  try {
    options = JSON.parse(content)?.standin;
  } catch (error) {
    throw new Error(`${file} is not valid JSON: ${error.message}`);
  }
  if (options === undefined) return undefined;
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options;
  throw new TypeError(`\`standin\` in ${file} is not an object; expected one such as {"documents": "openapi.yaml"}`);
}

module.exports = { commandLine, projectOptions };
