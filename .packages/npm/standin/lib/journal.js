'use strict';
// The exchanges of a session as text, for the report of a test that failed.

/** Most characters of a content that a line shows. */
const LONGEST = 300;

/** Returns one line for each exchange, and one for each violation; empty if there is none. */
function journalText(exchanges) {
  return exchanges.map((exchange) => {
    const { number, request, response, operation, violations = [] } = exchange;
    const sent = content(request.content);
    const answered = content(response?.content);
    const head = `#${number} ${request.method} ${plain(request.target)} → ${response?.status ?? 'no answer'} (${operation ?? 'no operation'})`;
    return [head, sent && `   sent     ${sent}`, answered && `   answered ${answered}`, ...violations.map((violation) => `   wrong    ${plain(violation)}`)]
      .filter(Boolean)
      .join('\n');
  }).join('\n');
}

function content(value) {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = plain(text);
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** Returns a text of the tested program without what would control a terminal. */
function plain(text) {
  return text.replace(/\p{Cc}/gu, ' ');
}

module.exports = { journalText };
