// Views that most parts of the console have: a searched list beside a detail.
import { fill, html } from './api.js';
import { debounced, make, query } from './dom.js';
import './list.js';

/** Shows HTML of the server. Returns true, so that a view can end with it. */
export async function detail(pane, path, options) {
  fill(pane, await html('GET', path, options));
  return true;
}

/** Shows a sentence where a detail would be. */
export function hint(pane, text) {
  pane.append(make('p', { class: 'note hint' }, text));
  return false;
}

/**
 * Returns a view with a searched list of any length.
 *
 * `source` is the path of the list; `filters` are controls beside the search, each with a name; `title` is the label of
 * the search; `above` makes elements over the list.
 */
export function searched({ source, title, filters = () => [], above = () => [], fillDetail, exchanged }) {
  const view = {
    fillDetail,
    exchanged,
    async fillList(pane, { search }) {
      const list = make('standin-list');
      const form = make('form', { class: 'search', role: 'search' },
        make('input', { type: 'search', name: 'q', placeholder: title, 'aria-label': title, maxlength: 200, value: search.get('q') ?? '' }),
        ...filters(search));
      const count = make('p', { class: 'note count', role: 'status' });
      list.source = (offset, limit) => query(source, { ...Object.fromEntries(new FormData(form)), offset, limit });
      list.addEventListener('loaded', () => (count.textContent = list.total ? (view.counted?.(list) ?? `${list.total.toLocaleString()} found`) : 'Nothing was found.'));
      const again = debounced(() => list.reload());
      // The first row of what was typed, and not of what was shown before.
      list.enter = async () => {
        await again.flush();
        return (await list.focusRow(0)) || list.focusRow(1);
      };
      form.addEventListener('input', again);
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        list.enter();
      });
      pane.append(form, ...above(list), count, list);
      await list.reload();
    },
    async updateList(pane, _at, isRefresh) {
      if (isRefresh) await pane.querySelector('standin-list').reload({ keep: true });
    },
  };
  return view;
}

/** Returns a choice that is part of a search. */
export function choice(name, label, options, value) {
  const select = make('select', { name, 'aria-label': label },
    ...Object.entries(options).map(([key, text]) => make('option', { value: key, selected: key === value }, text)));
  return select;
}

