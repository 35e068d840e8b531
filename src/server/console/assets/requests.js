// Requests: the journal as it grows, one exchange, why it was answered so, differences, fixtures.
import { fill, html, json, proxy, session, writes } from './api.js';
import { attempt, debounced, localTimes, make, query, say } from './dom.js';
import { choice, detail, hint } from './views.js';

/** Number of rows that are fetched together, and that stay drawn while new ones come. */
const PAGE = 100;
const MOST = 1000;

let list;
let form;
let more;
let isPaused = false;

const numbers = () => [...list.querySelectorAll('a[data-number]')].map((row) => Number(row.dataset.number));

/** Fetches the rows of a part of the journal that the filters select. */
async function fetched(values) {
  const { session: which, ...filters } = Object.fromEntries(new FormData(form));
  let path = query('requests', { ...filters, ...values, limit: PAGE });
  // `session=` without a name is that of the unnamed session.
  if (which === 'own') path += `&session=${encodeURIComponent(session() ?? '')}`;
  const holder = make('ul');
  fill(holder, await html('GET', path, { ofSession: false }));
  localTimes(holder);
  return { rows: [...holder.querySelectorAll('.rows > li')], total: Number(holder.querySelector('.rows')?.dataset.total) };
}

async function restart() {
  const { rows } = await fetched({});
  list.replaceChildren(...rows);
  more.hidden = rows.length < PAGE;
  requests.mark();
}

/** Adds the exchanges that ended since. */
const grow = debounced(() => attempt(async () => {
  if (!list?.isConnected || isPaused) return;
  const { rows, total } = await fetched({ after: Math.max(0, ...numbers()) });
  // More than a page ended since: the rows between would be missing.
  if (total > rows.length) return restart();
  list.prepend(...rows);
  while (list.children.length > MOST) list.lastElementChild.remove();
  return undefined;
}), 120);

async function older() {
  const all = numbers();
  if (!all.length) return;
  const { rows } = await fetched({ before: Math.min(...all) });
  list.append(...rows);
  more.hidden = rows.length < PAGE;
}

export const requests = {
  exchanged: () => grow(),
  mark() {
    for (const row of list?.querySelectorAll('a') ?? []) {
      if (row.getAttribute('href') === location.hash.split('?')[0]) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    }
  },
  async fillList(pane, { search }) {
    form = make('form', { class: 'search', role: 'search' },
      make('input', { type: 'search', name: 'operation', placeholder: 'Operation', 'aria-label': 'Operation', value: search.get('operation') ?? '' }),
      make('input', { type: 'search', name: 'status', placeholder: '404, 4XX', 'aria-label': 'Status', title: 'A status such as 404, or 4XX for a class', size: 8, pattern: '[1-5]([0-9]{2}|[xX]{2})' }),
      make('input', { type: 'search', name: 'violation', placeholder: 'Violation', 'aria-label': 'Text of a violation', size: 12 }),
      ...(proxy ? [choice('answered-by', 'Answered by', {
        '': 'answered by all', real: 'by the real API', sandbox: 'by the sandbox', fallback: 'by the sandbox as a fallback', proxy: 'by the proxy, after a failure',
      })] : []),
      choice('session', 'Session', { all: 'all sessions', own: 'this session' }));
    const pause = make('button', { type: 'button', 'aria-pressed': 'false', onclick: () => {
      isPaused = !isPaused;
      pause.setAttribute('aria-pressed', isPaused);
      if (!isPaused) grow();
    } }, 'Pause');
    const clear = make('button', { type: 'button', onclick: () => attempt(async () => {
      if (!confirm('Clear the recorded requests?')) return;
      await json('DELETE', 'requests');
      await restart();
    }) }, 'Clear');
    list = make('ul', { class: 'rows journal' });
    form.addEventListener('input', debounced(() => form.checkValidity() && attempt(restart)));
    form.addEventListener('submit', (event) => event.preventDefault());
    list.addEventListener('keydown', (event) => {
      const step = { ArrowDown: 'nextElementSibling', j: 'nextElementSibling', ArrowUp: 'previousElementSibling', k: 'previousElementSibling' }[event.key];
      const item = step && event.target.closest('li')?.[step];
      if (!item) return;
      event.preventDefault();
      item.querySelector('a').focus();
    });
    more = make('button', { type: 'button', onclick: () => attempt(older) }, 'Older requests');
    pane.append(form, make('p', { class: 'actions' }, pause, clear), make('div', { class: 'scroll' }, list, more));
    await restart();
  },
  async updateList(_pane, { search }, isRefresh) {
    const wanted = search.get('operation');
    if (wanted !== null && form.elements.operation.value !== wanted) {
      form.elements.operation.value = wanted;
      await restart();
    } else if (isRefresh) await restart();
    requests.mark();
  },
  async fillDetail(pane, { segments: [number, part], search }) {
    if (!number) return hint(pane, 'Send a request to the sandbox: it appears here at once. Choose one to see both sides, why it was answered so, and to keep its answer as a fixture.');
    const path = `requests/${encodeURIComponent(number)}`;
    const of = { explain: '/explain', fixture: '/fixture', changes: `/changes?with=${encodeURIComponent(search.get('with') ?? '')}` };
    await detail(pane, path + (of[part] ?? ''), { ofSession: false });
    if (part) pane.prepend(make('p', {}, make('a', { href: `#/requests/${number}` }, `← Request ${number}`)));
    if (part === 'fixture') await keep(pane, path, number);
    return true;
  },
};

/** Files that fixtures were written to, by the number of the request. */
const written = new Map();

/** Adds the buttons that copy, pin and write a fixture. */
async function keep(pane, path, number) {
  const code = pane.querySelector('code[data-copy]');
  const kept = await json('GET', `${path}/fixture`, { ofSession: false });
  const write = async () => {
    const { file, reload } = await json('POST', `${path}/fixture`, { ofSession: false });
    written.set(number, file);
    note.textContent = `Written to ${file}`;
    if (reload.error) say(`The fixture was not loaded: ${reload.error}`, true);
  };
  const note = make('p', { class: 'note', role: 'status' }, written.has(number) ? `Written to ${written.get(number)}` : '');
  const actions = make('p', { class: 'actions' },
    make('button', { type: 'button', 'data-copy': code.textContent }, 'Copy'),
    make('button', { type: 'button', 'data-call': 'POST fixtures', 'data-body': JSON.stringify({ [kept.operation]: [kept.fixture] }), 'data-done': 'Pinned for this session' }, 'Pin for this session'),
    writes
      ? make('button', { type: 'button', onclick: () => attempt(write) }, 'Write to the folder of fixtures')
      : make('span', { class: 'note' }, 'Start the sandbox with --console write to write files from here.'));
  code.parentElement.before(actions, note);
}
