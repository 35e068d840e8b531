'use strict';
// Names of sessions: what the server takes, in a URL, a header field and a cookie.
const crypto = require('node:crypto');

/** Longest name of a session, in bytes of UTF-8. */
const LONGEST = 200;

/**
 * Returns the name if a session can have it.
 *
 * @throws {TypeError} if it is no text, empty, too long, a dot segment, or has control characters
 */
function checkedName(name) {
  const shown = JSON.stringify(typeof name === 'string' ? name.slice(0, 80) : name) ?? String(name);
  const refuse = (why) => {
    throw new TypeError(`a session cannot have the name ${shown}: ${why}`);
  };
  if (typeof name !== 'string') refuse('it is not a string');
  if (name === '') refuse('it is empty; the server itself is the unnamed session');
  if (/\p{Cc}/u.test(name)) refuse('it has control characters');
  if (/\p{Cs}/u.test(name)) refuse('it is not valid Unicode');
  if (Buffer.byteLength(name) > LONGEST) refuse(`it has ${Buffer.byteLength(name)} bytes, and at most ${LONGEST} are possible`);
  // Clients remove dot segments from a path, so no base URL could name the session.
  if (name === '.' || name === '..') refuse('clients remove it from a URL');
  return name;
}

/** Returns a name as one segment of a path, or as the value of a cookie. */
function escaped(name) {
  return encodeURIComponent(name).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Returns true if a header field can carry the name as it is. */
function fitsHeader(name) {
  return /^[!-~](?:[ -~]*[!-~])?$/.test(name);
}

/**
 * Returns a name for the session of one test: the readable parts, and an ending that no other run has.
 * Each way to address a session can carry it.
 */
function testSessionName(...parts) {
  const text = parts.filter(Boolean).join(' > ').normalize('NFKD');
  const readable = text.replace(/[^ -~]+/g, '').replace(/["\\;,%]/g, '').replace(/\s+/g, ' ').trim();
  return `${readable.slice(-160).trim()} #${crypto.randomBytes(5).toString('hex')}`.trim();
}

module.exports = { LONGEST, checkedName, escaped, fitsHeader, testSessionName };
