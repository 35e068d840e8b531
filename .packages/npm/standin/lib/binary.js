'use strict';
// Where is the program? In `STANDIN_BINARY`, else in the package of this platform.
const fs = require('node:fs');
const path = require('node:path');

/** Returns the name of the package that has the program for a platform: `@standin/linux-x64`. */
function platformPackage(platform = process.platform, architecture = process.arch) {
  return `@standin/${platform}-${architecture}`;
}

/**
 * Returns the path of the program.
 *
 * @throws {Error} if `STANDIN_BINARY` names no file, or the package of this platform is not installed
 */
function binaryPath(env = process.env) {
  const named = env.STANDIN_BINARY;
  if (named) {
    if (fs.statSync(named, { throwIfNoEntry: false })?.isFile()) return path.resolve(named);
    throw new Error(`STANDIN_BINARY names ${JSON.stringify(named)}, which is not a file; it has to be the path of the program`);
  }
  const file = process.platform === 'win32' ? 'standin.exe' : 'standin';
  const name = platformPackage();
  try {
    return require.resolve(`${name}/bin/${file}`);
  } catch {
    throw new Error(absent(name));
  }
}

function absent(name) {
  const { optionalDependencies } = require('../package.json');
  const known = Object.keys(optionalDependencies);
  if (!known.includes(name)) {
    return `there is no program for ${process.platform} on ${process.arch}; the packages are ${known.join(', ')}. `
      + 'Build Standin from its sources, and set STANDIN_BINARY to the path of the program';
  }
  return `the package ${name}, which has the program for this platform, is not installed. `
    + 'Install without `--omit=optional` or `--no-optional`, and on this platform (a node_modules folder that was '
    + `copied from another system lacks it): npm install --include=optional, or npm install ${name}. `
    + 'Or set STANDIN_BINARY to the path of the program';
}

module.exports = { binaryPath, platformPackage };
