// Documents: diagnostics, schemas, downloads.
import { fill, html, own } from './api.js';
import { attempt, debounced, make, query } from './dom.js';
import { choice, detail, hint, searched } from './views.js';

/** Number of diagnostics in a page. */
const PAGE = 100;

export const schemas = searched({
  source: 'schemas',
  title: 'Search schemas',
  above: () => [make('p', { class: 'actions' },
    make('a', { href: '#/documents' }, 'Diagnostics'),
    make('a', { href: new URL('openapi.yaml', own), download: 'openapi.yaml' }, 'Merged document, YAML'),
    make('a', { href: new URL('openapi.json', own), download: 'openapi.json' }, 'JSON'),
    make('a', { href: new URL('control.yaml', own), download: 'control.yaml' }, 'Control API'))],
  fillDetail: (pane, { segments: [name], search }) => (name
    ? detail(pane, query(`schemas/${encodeURIComponent(name)}`, { document: search.get('document') }))
    : hint(pane, 'Choose a schema.')),
});

export const documents = {
  list: schemas,
  async fillDetail(pane) {
    let offset = 0;
    const found = make('div');
    const show = async () => {
      const values = Object.fromEntries(new FormData(form));
      fill(found, await html('GET', query('diagnostics', { ...values, offset, limit: PAGE })));
      const total = Number(found.querySelector('[data-total]')?.dataset.total ?? 0);
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
      make('input', { type: 'search', name: 'q', placeholder: 'Search diagnostics', 'aria-label': 'Search diagnostics' }),
      choice('severity', 'Severity', { '': 'errors, warnings and notes', error: 'errors', warning: 'warnings' }));
    const move = make('p', { class: 'actions' });
    pane.append(make('h2', {}, 'Diagnostics of the documents'), form, move, found);
    await show();
    return true;
  },
};
