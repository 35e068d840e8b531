// Sessions: which one the page is about, its address for tests, scenario, snapshots and reset.
import { fill, html, root, session } from './api.js';
import { attempt, debounced, make } from './dom.js';
import { detail, searched } from './views.js';

/** Returns the address that puts the requests of a test into a session. */
const address = (name) => (name ? `${root.href}_standin/sessions/${encodeURIComponent(name)}` : root.href.replace(/\/$/, ''));

async function part(title, path) {
  const section = make('section', {}, make('h3', {}, title));
  const content = make('div');
  const text = await attempt(() => html('GET', path));
  fill(content, text ?? '');
  section.append(content);
  return section;
}

export const sessions = searched({
  source: 'sessions',
  title: 'Search sessions',
  above: () => {
    const name = make('input', { name: 'name', required: true, maxlength: 200, placeholder: 'New or existing session', 'aria-label': 'Name of a new or existing session' });
    const form = make('form', { class: 'inline' }, name, make('button', {}, 'Switch'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const button = make('button', { 'data-session': name.value });
      form.append(button);
      button.click();
      button.remove();
    });
    return [form];
  },
  exchanged: debounced(() => document.querySelector('#list standin-list')?.reload({ keep: true }), 1000),
  async fillDetail(pane, { search }) {
    const compared = search.get('compare');
    if (compared) {
      const other = search.get('with');
      await detail(pane, `snapshots/${encodeURIComponent(compared)}/changes${other ? `?with=${encodeURIComponent(other)}` : ''}`);
      pane.prepend(make('p', {}, make('a', { href: '#/sessions' }, '← Session')));
      return true;
    }
    const name = session();
    const url = address(name);
    pane.append(
      make('h2', {}, name ? `Session ${name}` : 'Unnamed session'),
      make('p', {}, 'Address for a test: ', make('code', {}, url), ' ', make('button', { type: 'button', 'data-copy': url }, 'Copy')),
      make('p', { class: 'note' }, name
        ? `Requests to this address, or with the header field “Standin-Session: ${name}”, are in the session.`
        : 'Requests without a session are here. Give each test a session of its own, and their data stay apart.'),
      await part('Scenario', 'scenario'),
      await part('Snapshots', 'snapshots'),
      make('section', {}, make('h3', {}, 'Reset'),
        make('p', { class: 'actions' },
          make('button', { type: 'button', 'data-call': 'POST reset?keep=journal', 'data-confirm': 'Remove what the session wrote, its counts and its added fixtures?', 'data-done': 'The session is reset' }, 'Reset the data'),
          make('button', { type: 'button', 'data-call': 'POST reset', 'data-confirm': 'Remove what the session wrote, its counts, its added fixtures and its recorded requests?', 'data-done': 'The session is reset' }, 'Reset everything'))));
    return true;
  },
});
