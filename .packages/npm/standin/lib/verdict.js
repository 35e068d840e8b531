'use strict';
// What a verdict of the control API says to a person.

/** Calls that are not as a test expects; `verdict` is the answer of the control API. */
class VerificationError extends Error {
  constructor(message, verdict) {
    super(message);
    this.name = 'VerificationError';
    this.verdict = verdict;
  }
}

/** Most characters of a value that a message shows. */
const LONGEST = 400;

/** Returns what was expected: "`createPet` with body {"name":"Rex"}, 2 times". */
function expectation(asked) {
  if (asked.sequence) return `${asked.sequence.length} calls in order: ${asked.sequence.map((call) => call.operation ?? 'any operation').join(', ')}`;
  const parts = ['path', 'query', 'header', 'cookie', 'body'].filter((part) => asked[part] !== undefined);
  const described = parts.map((part) => `${part} ${shown(asked[part])}`).join(' and ');
  const operation = asked.operation ? `\`${asked.operation}\`` : 'any operation';
  const status = asked.status === undefined ? '' : `, status ${asked.status}`;
  return `${operation}${described && ` with ${described}`}${status}${times(asked)}`;
}

function times({ times, atLeast, atMost }) {
  const said = [
    times !== undefined && `exactly ${times}`,
    atLeast !== undefined && `at least ${atLeast}`,
    atMost !== undefined && `at most ${atMost}`,
  ].filter(Boolean);
  const isOnce = (atMost ?? atLeast ?? times) === 1;
  return said.length ? `, ${said.join(' and ')} ${isOnce ? 'time' : 'times'}` : '';
}

function shown(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Returns why a verdict is not as expected, with the requests that nearly match. */
function failure(asked, verdict) {
  const lines = [`expected calls of ${expectation(asked)}`, found(verdict)];
  for (const { request, method, target, why = [] } of verdict.nearMisses ?? []) {
    lines.push(`request ${request}, ${method} ${target}: ${why.join('; ')}`);
  }
  if (verdict.forgotten) lines.push(`${verdict.forgotten} earlier exchanges are not kept any more; raise \`journal\``);
  return lines.join('\n');
}

function found({ count, missing, requests = [] }) {
  if (missing !== undefined) return `call ${missing} of the sequence (from 0) was not found`;
  const numbers = requests.length ? `: requests ${requests.slice(0, 10).join(', ')}` : '';
  return `found ${count} matching ${count === 1 ? 'call' : 'calls'}${numbers}`;
}

module.exports = { VerificationError, expectation, failure };
