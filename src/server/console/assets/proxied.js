// What a proxy makes of the exchanges with the real API: the drift and the recording.
import { element, fill, html, proxy } from './api.js';
import { attempt, debounced, make, query } from './dom.js';
import { choice, detail } from './views.js';

/** Number of findings in a page. */
const PAGE = 50;

/** Fetches the findings again, if they are shown. */
let showAgain;

export const drift = {
  exchanged: debounced(() => document.querySelector('#detail .drift') && attempt(() => showAgain?.()), 1500),
  async fillDetail(pane, { segments: [fingerprint] }) {
    let offset = 0;
    const found = make('div');
    const show = async () => {
      const open = [...found.querySelectorAll('details[open]')].map((one) => one.dataset.key);
      const values = Object.fromEntries(new FormData(form));
      fill(found, await html('GET', query('drift', { ...values, fingerprint, offset, limit: PAGE })));
      for (const one of found.querySelectorAll('details')) one.open = open.includes(one.dataset.key);
      const total = Number(found.querySelector('[data-total]').dataset.total);
      move.hidden = total <= PAGE;
      move.replaceChildren(
        make('button', { type: 'button', disabled: offset === 0, onclick: () => go(-PAGE) }, 'Previous'),
        ` ${total ? offset + 1 : 0}–${Math.min(total, offset + PAGE)} of ${total.toLocaleString()} `,
        make('button', { type: 'button', disabled: offset + PAGE >= total, onclick: () => go(PAGE) }, 'Next'));
    };
    const go = (step) => attempt(() => {
      offset += step;
      return show();
    });
    const again = debounced(() => attempt(() => {
      offset = 0;
      return show();
    }));
    const form = make('form', { class: 'search', role: 'search', oninput: again, onsubmit: (event) => event.preventDefault() },
      make('input', { type: 'search', name: 'q', placeholder: 'Search the drift', 'aria-label': 'Search the drift' }),
      choice('severity', 'Severity', { '': 'all', breaking: 'breaking', incomplete: 'incomplete', information: 'information' }));
    const move = make('p', { class: 'actions' });
    pane.append(make('h2', {}, 'Drift: documents and real API'));
    if (fingerprint) pane.append(make('p', {}, make('a', { href: '#/drift' }, '← All findings')));
    else pane.append(form, move);
    pane.append(found);
    showAgain = show;
    await show();
    return true;
  },
};

export const recording = {
  // The buttons stay where they are, so that they keep the focus.
  exchanged: debounced(() => attempt(async () => {
    if (!document.querySelector('#detail .recording')) return;
    const now = element(await html('GET', 'recording')).querySelector('.live');
    document.querySelector('#detail .recording .live')?.replaceWith(now);
  }), 1000),
  async fillDetail(pane) {
    if (proxy === 'recording') return detail(pane, 'recording');
    pane.append(
      make('h2', {}, 'Recording'),
      make('p', {}, 'Nothing is recorded. Start the proxy with ', make('code', {}, '--record new fixtures'),
        ': the exchanges with the real API become fixtures in the folder ', make('code', {}, 'fixtures'),
        ', from which the sandbox answers without it.'));
    return true;
  },
};
