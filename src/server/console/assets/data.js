// Data: the collections of the session as tables, and single entities to edit.
import { fill, html } from './api.js';
import { attempt, debounced, link, make, query } from './dom.js';
import { hint, searched } from './views.js';

/** Table that is shown, which follows the exchanges. */
let shown;

/** Shows an entity, or a new one, in a form. */
async function entity(pane, name, key, scope) {
  const path = `state/${encodeURIComponent(name)}`;
  const text = key === '+new'
    ? await html('POST', query(path, { scope, draft: true }))
    : await html('GET', query(`${path}/${encodeURIComponent(key)}`, { scope }));
  fill(pane, text);
  pane.prepend(make('p', {}, make('a', { href: query(link('data', name), { scope }) }, `← ${name}`)));
  return true;
}

export const data = searched({
  source: 'collections',
  title: 'Search collections',
  exchanged: debounced(() => {
    document.querySelector('#list standin-list')?.reload({ keep: true });
    if (shown?.isConnected) attempt(shown.refresh);
  }, 500),
  async fillDetail(pane, { segments: [name, key], search }) {
    if (!name) return hint(pane, 'Choose a collection to see, change, import and export its entities.');
    const scope = search.get('scope') ?? undefined;
    if (key) return entity(pane, name, key, scope);
    const table = make('div');
    const show = async (values = {}) => {
      const path = query(`state/${encodeURIComponent(name)}`, { scope, q: search.get('q'), offset: search.get('offset'), limit: 100, ...values });
      fill(table, await html('GET', path));
    };
    const field = make('input', { type: 'search', value: search.get('q') ?? '', placeholder: 'Search entities', 'aria-label': 'Search entities', oninput: debounced(() => attempt(() => show({ q: field.value, offset: undefined }))) });
    pane.append(make('p', { class: 'search' }, field), table);
    await show();
    shown = table;
    shown.refresh = () => show({ q: field.value });
    return true;
  },
});
