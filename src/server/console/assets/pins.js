// Pinned answers: fixtures of the session that a button adds and removes.
import { element, html, json, session } from './api.js';
import { attempt, debounced, make, say } from './dom.js';
import { announce, listen } from './stream.js';

const place = document.querySelector('#pins');

listen(({ kind }) => kind === 'pins' && reload());

/** Shows the fixtures that were added to the session. */
export async function reload() {
  const text = await attempt(() => html('GET', 'fixtures'));
  if (text === undefined) return;
  const list = text ? element(`<div>${text}</div>`) : undefined;
  const of = session() ? `session ${session()}` : 'the unnamed session';
  place.hidden = !list?.querySelector('li');
  place.replaceChildren(make('h2', {}, `Pinned for ${of}`), ...(list?.childNodes ?? []));
  mark();
  document.dispatchEvent(new Event('pins'));
}

/** Returns the pinned fixture that a button stands for. */
function pinned(button) {
  const { status, example = '' } = JSON.parse(button.dataset.pin);
  return [...place.querySelectorAll('li')].find((item) =>
    item.dataset.operation === button.dataset.operation
    && item.dataset.used === 'false'
    // Who answers has buttons of its own.
    && !('upstream' in JSON.parse(item.dataset.fixture))
    && item.dataset.status === String(status ?? 0)
    && item.dataset.example === example);
}

/** Shows again what is left of pinned answers after an exchange. */
export const exchanged = debounced(() => place.querySelector('li[data-used=false]') && reload(), 300);

/** Marks the buttons of pinned answers. */
export function mark() {
  for (const button of document.querySelectorAll('button.pin')) button.setAttribute('aria-pressed', Boolean(pinned(button)));
}

/** Returns the fields that the choices beside a button add. */
function choices() {
  const form = document.querySelector('#pin-options');
  if (!form) return {};
  const { often, every, delay, fault } = form.elements;
  const fields = {};
  if (often.value === 'once') fields.times = 1;
  if (often.value === 'every') fields.every = Number(every.value);
  if (delay.value.trim()) fields.delay = delay.value.trim();
  if (fault.value) fields.fault = fault.value;
  return fields;
}

/** Pins the answer of a button, or lets go of it. */
export async function toggle(button) {
  const fixture = { ...JSON.parse(button.dataset.pin), ...choices() };
  const { status, delay, fault } = fixture;
  const before = pinned(button);
  const isSame = before && JSON.stringify(JSON.parse(before.dataset.fixture)) === JSON.stringify(fixture);
  if (isSame) await json('DELETE', `fixtures/${before.dataset.id}`);
  else {
    if (!status && !delay && !fault) throw new Error('Write a delay or choose a fault first.');
    const answer = await json('POST', 'fixtures', { body: { [button.dataset.operation]: [fixture] } });
    // One answer is pinned once: the new one takes the place of the old one.
    if (before) await json('DELETE', `fixtures/${before.dataset.id}`);
    say(answer.warnings?.join('; ') ?? `Pinned ${status ?? 'the delay or fault'} for ${button.dataset.operation}`);
  }
  announce('pins');
  await reload();
}

/** Returns the choices that stand beside the buttons of an operation. */
export function options(operation) {
  const every = make('input', { name: 'every', type: 'number', min: 1, value: 3, 'aria-label': 'Number of calls' });
  const form = make('form', { id: 'pin-options', class: 'inline' },
    make('label', {}, 'For ', make('select', { name: 'often' },
      make('option', { value: 'always' }, 'every call'),
      make('option', { value: 'once' }, 'the next call only'),
      make('option', { value: 'every' }, 'every n-th call'))),
    make('label', { class: 'every' }, 'n = ', every),
    make('label', {}, 'Delay ', make('input', { name: 'delay', placeholder: '300ms, 1s-3s', size: 10 })),
    make('label', {}, 'Fault ', make('select', { name: 'fault' },
      make('option', { value: '' }, 'none'),
      ...['reset', 'empty', 'truncate', 'slow-body'].map((name) => make('option', { value: name }, name)))),
    make('button', { type: 'button', class: 'pin', 'data-operation': operation, 'data-pin': '{}' }, 'Pin only the delay or fault'));
  form.addEventListener('submit', (event) => event.preventDefault());
  return form;
}
