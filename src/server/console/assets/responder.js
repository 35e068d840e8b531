// Who answers an operation of a proxy: the switch, and the marks in the list.
import { element, html, json } from './api.js';
import { attempt, say } from './dom.js';
import { reload } from './pins.js';
import { announce } from './stream.js';

const LABELS = { real: 'the real API', sandbox: 'the sandbox' };

/** Performs a click on the switch: adds a fixture that chooses, and removes those of earlier clicks. */
export async function choose(button) {
  const { operation, switches } = button.closest('.responder').dataset;
  const { responder } = button.dataset;
  if (responder) await json('POST', 'fixtures', { body: { [operation]: [{ upstream: responder }] } });
  for (const id of JSON.parse(switches)) await json('DELETE', `fixtures/${id}`);
  say(responder ? `${operation} is answered by ${LABELS[responder]} in this session` : `${operation} is answered as at the start`);
  announce('pins');
  await reload();
}

/** Shows again who answers: the operation that is shown, and the rows of the list. */
async function refresh() {
  const shown = document.querySelector('.responder');
  if (shown) {
    const page = element(await html('GET', `operations/${encodeURIComponent(shown.dataset.operation)}`));
    const now = page.querySelector('.responder');
    const focused = shown.contains(document.activeElement) ? document.activeElement.dataset.responder : undefined;
    shown.replaceWith(now);
    if (focused !== undefined) now.querySelector(`[data-responder="${focused}"]`)?.focus();
  }
  const list = document.querySelector('#list .by[data-by]')?.closest('standin-list');
  if (list && !list.contains(document.activeElement)) await list.reload({ keep: true });
}

document.addEventListener('pins', () => attempt(refresh));
