// Operations: search, reference of one, and its answers as buttons.
import { options } from './pins.js';
import { choice, detail, hint, searched } from './views.js';

export const operations = searched({
  source: 'operations',
  title: 'Search operations',
  filters: () => [choice('group', 'Group by', { tag: 'by tag', path: 'by path' })],
  async fillDetail(pane, { segments: [name] }) {
    if (!name) return hint(pane, 'Choose an operation: its answers are buttons here, and a click makes the sandbox give that answer next.');
    await detail(pane, `operations/${encodeURIComponent(name)}`);
    const first = pane.querySelector('button.pin');
    const group = first?.closest('table, ul, ol, section, dl') ?? first?.parentElement;
    group?.before(options(name));
    return true;
  },
});

operations.counted = (list) => `${Number(list.information.operations).toLocaleString()} operations`;

