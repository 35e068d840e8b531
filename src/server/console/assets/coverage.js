// Coverage: operations and statuses as squares.
import { make, attempt } from './dom.js';
import { json } from './api.js';
import { choice, hint, searched } from './views.js';

export const coverage = searched({
  source: 'coverage/operations',
  title: 'Search operations',
  filters: () => [choice('only', 'Operations', {
    all: 'all', uncalled: 'never called', unfailed: 'never failed', incomplete: 'with a status that was never answered', violated: 'with violations',
  })],
  above: (list) => [make('p', { class: 'actions' },
    make('button', { type: 'button', onclick: () => attempt(async () => {
      if (!confirm('Clear the coverage, also for the report at the end?')) return;
      await json('DELETE', 'coverage');
      await list.reload();
    }) }, 'Clear the coverage'))],
  fillDetail: (pane) => hint(pane, 'A filled square is a status that was answered, an empty one never was, and a dashed one is not documented. A click tries it.'),
});

coverage.counted = (list) => `${Number(list.information.called).toLocaleString()} of ${Number(list.information.all).toLocaleString()} operations called in all sessions, ${Number(list.total).toLocaleString()} shown`;

let timer;
coverage.exchanged = () => {
  clearTimeout(timer);
  timer = setTimeout(() => document.querySelector('#list .map')?.closest('standin-list').reload({ keep: true }), 500);
};
