// The console: views by the hash of the address, calls of buttons and forms, keys.
import { download, element, html, json, session } from './api.js';
import { attempt, copy, debounced, localTimes, make, makeScrollable, say } from './dom.js';
import { start as startStream, listen } from './stream.js';
import * as pins from './pins.js';
import { operations } from './operations.js';
import { attempts } from './try.js';
import { requests } from './requests.js';
import { data } from './data.js';
import { sessions } from './sessions.js';
import { coverage } from './coverage.js';
import { documents, schemas } from './documents.js';
import { drift, recording } from './proxied.js';
import * as responder from './responder.js';

const views = { operations, try: attempts, requests, data, sessions, coverage, documents, schemas, drift, recording };

const listPane = document.querySelector('#list');
const detailPane = document.querySelector('#detail');
let shown;
let round = 0;

/** Reads the hash: `#/requests/17?with=18` is the view `requests`, the segment `17` and a query. */
function place() {
  const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const segments = path.split('/').filter(Boolean).map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
  const name = segments.shift() ?? 'operations';
  return { name, view: views[name] ?? operations, segments, search: new URLSearchParams(search) };
}

/** Marks the view of the address among the tabs. */
function showTab(at) {
  for (const tab of document.querySelectorAll('nav a')) {
    const tabName = tab.hash.slice(2);
    const isShown = tabName === at.name || (tabName === 'documents' && at.name === 'schemas');
    if (isShown) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
}

/** Shows the view of the address. */
async function show({ isRefresh = false } = {}) {
  const own = ++round;
  const at = place();
  const list = at.view.list ?? at.view;
  showTab(at);
  if (!isRefresh && shown !== list) detailPane.replaceChildren(make('p', { class: 'note hint' }, 'Loading …'));
  if (shown !== list) {
    shown = list;
    listPane.replaceChildren();
    listPane.hidden = !list.fillList;
    await attempt(() => list.fillList?.(listPane, at));
  } else await attempt(() => list.updateList?.(listPane, at, isRefresh));
  if (own !== round) return;
  listPane.querySelector('standin-list')?.mark();
  const pane = make('div');
  const hasDetail = await attempt(() => at.view.fillDetail(pane, at));
  if (own !== round) return;
  const isChosen = at.segments.length > 0 || at.search.has('compare');
  document.body.dataset.detail = !hasDetail ? 'none' : isChosen ? 'only' : 'both';
  if (isChosen) pane.prepend(make('p', { class: 'back' }, make('a', { href: `#/${at.name}` }, '← List')));
  localTimes(pane);
  const top = isRefresh ? detailPane.scrollTop : 0;
  const focused = isRefresh && detailPane.contains(document.activeElement) && document.activeElement.id;
  detailPane.replaceChildren(...pane.childNodes);
  detailPane.scrollTop = top;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  pins.mark();
  const heading = detailPane.querySelector('h2')?.textContent.trim() || at.name;
  document.title = `${heading} – ${document.documentElement.dataset.title}`;
  if (!isRefresh && hasDetail) detailPane.focus({ preventScroll: true });
}

/** Fetches what is shown again. */
export const refresh = () => Promise.all([pins.reload(), show({ isRefresh: true })]);

/** Performs the call of a button or form, `METHOD path`, and shows its effect. */
async function perform(source, body, type) {
  const [method, path] = (source.dataset.resolved ?? source.dataset.call).split(/ (.*)/);
  if (source.dataset.confirm && !confirm(source.dataset.confirm)) return;
  if (source.dataset.show) {
    const answer = await html(method, path, { body, type });
    detailPane.querySelector('.shown')?.remove();
    const article = element(answer);
    article.classList.add('shown');
    localTimes(article);
    detailPane.prepend(article);
    detailPane.scrollTop = 0;
    return;
  }
  const answer = await json(method, path, { body, type });
  say(source.dataset.done ?? answer?.warnings?.join('; ') ?? 'Done');
  if (source.dataset.then) location.hash = source.dataset.then;
  await refresh();
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('button, a');
  if (!button) return;
  const named = /^#\/operations\/(.+)/.exec(button.getAttribute('href') ?? '');
  if (named && place().name === 'try' && listPane.contains(button)) {
    event.preventDefault();
    location.hash = `#/try/${named[1]}`;
  } else if (button.matches('.pin')) {
    event.preventDefault();
    await attempt(() => pins.toggle(button));
  } else if (button.matches('.switch')) {
    await attempt(() => responder.choose(button));
  } else if (button.dataset.call && button.tagName === 'BUTTON') {
    event.preventDefault();
    const { body } = button.dataset;
    await attempt(() => perform(button, body === undefined ? undefined : JSON.parse(body)));
  } else if (button.dataset.download) {
    event.preventDefault();
    await attempt(() => download(button.dataset.download));
  } else if (button.dataset.session !== undefined) {
    event.preventDefault();
    select(button.dataset.session);
  } else if (button.dataset.copy) {
    await copy(button.dataset.copy);
  }
});

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (form.dataset.compare) {
    event.preventDefault();
    location.hash = `#/requests/${form.dataset.compare}/changes?with=${form.elements.with.value}`;
  }
  if (form.dataset.scope) {
    event.preventDefault();
    const scope = [...new FormData(form).values()].join('/');
    location.hash = `#/data/${encodeURIComponent(form.dataset.scope)}?scope=${encodeURIComponent(scope)}`;
  }
  if (!form.dataset.call) return;
  event.preventDefault();
  await attempt(async () => {
    form.dataset.resolved = form.dataset.call.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements[name].value));
    const file = form.elements.file;
    const text = form.elements.body;
    if (file) {
      if (!file.files[0]) throw new Error('Choose a file first.');
      const type = /json$/i.test(file.files[0].name) ? 'application/json' : (file.dataset.type ?? 'application/json');
      await perform(form, await file.files[0].text(), type);
    } else if (text) {
      try {
        JSON.parse(text.value);
      } catch (error) {
        throw new Error(`This is not JSON: ${error.message}`);
      }
      await perform(form, text.value, 'application/json');
    } else if (form.dataset.fields) {
      const fields = [...new FormData(form)].map(([name, value]) => [name, value === '' ? null : value]);
      await perform(form, Object.fromEntries(fields));
    } else await perform(form);
  });
});

/** Makes the page be about another session, and keeps that in its address. */
function select(name) {
  const url = new URL(location.href);
  url.searchParams.set('session', name);
  history.pushState(null, '', url);
  showSession();
  refresh();
}

function showSession() {
  const name = session();
  document.querySelector('#session').textContent = name ? `Session ${name}` : 'Unnamed session';
}

/** Keys of the console, with the function of each. */
const KEYS = {
  '/': () => listPane.querySelector('input[type=search]')?.focus(),
  '?': () => document.querySelector('#keys').showModal(),
  Escape: () => (listPane.querySelector('[aria-current]') ?? listPane.querySelector('.rows a') ?? document.querySelector('nav a[aria-current]'))?.focus(),
  ArrowDown: () => (listPane.querySelector('[aria-current]') ?? listPane.querySelector('.rows a'))?.focus(),
  j: () => KEYS.ArrowDown(),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const isTyping = event.target.matches('input, textarea, select');
  if (isTyping && event.key === 'Escape') event.target.blur();
  if (isTyping) {
    if (event.key === 'ArrowDown' && event.target.type === 'search') {
      event.preventDefault();
      listPane.querySelector('standin-list')?.enter();
    }
    return;
  }
  const tab = document.querySelectorAll('nav a')[Number(event.key) - 1];
  if (/^[1-9]$/.test(event.key) && tab) location.hash = tab.hash;
  else if (KEYS[event.key] && !event.defaultPrevented) {
    // The arrow scrolls the details when they have the focus.
    if (event.key === 'ArrowDown' && detailPane.contains(event.target)) return;
    event.preventDefault();
    KEYS[event.key]();
  }
});

new MutationObserver(debounced(() => makeScrollable(detailPane), 50)).observe(detailPane, { childList: true, subtree: true });

const connection = document.querySelector('#connection');

listen(({ kind, data: told }) => {
  if (kind === 'open' || kind === 'closed') {
    const wasClosed = connection.dataset.open === 'false';
    connection.dataset.open = kind === 'open';
    connection.textContent = kind === 'open' ? 'live' : 'no connection, trying again';
    // Exchanges may have ended since, also while another tab took the stream over.
    if (kind === 'open' && wasClosed) refresh();
    else if (kind === 'open') shown?.exchanged?.({});
  }
  if (kind === 'closed') return;
  if (kind === 'reload') {
    const changes = ['added', 'removed', 'changed'].filter((name) => told[name]?.length).map((name) => `${told[name].length} ${name}`);
    say(told.error ? `The documents were not loaded: ${told.error}` : `Documents loaded again: ${changes.join(', ') || 'no operation differs'}`, Boolean(told.error));
    if (told.error) return;
    shown = undefined;
    refresh();
  }
  if (kind === 'exchange') {
    pins.exchanged();
    shown?.exchanged?.(told);
  }
});

addEventListener('hashchange', () => show());
addEventListener('popstate', () => showSession());

// The list that the server drew is replaced when the first view is there.
document.querySelector('#fallback').remove();
listPane.parentElement.hidden = false;
document.querySelector('#keys button').addEventListener('click', () => document.querySelector('#keys').close());
showSession();
show().then(() => pins.reload()).then(startStream);

