// Try: a request that begins as a valid one, its answer and the explanation of it.
import { fill, html, json } from './api.js';
import { attempt, copy, debounced, link, localTimes, make } from './dom.js';
import { operations } from './operations.js';
import { LANGUAGES, contentOf, message, parse } from './snippets.js';
import { hint } from './views.js';

const PARTS = ['path', 'query', 'header', 'cookie'];

/** Reads what was typed for a parameter: lists and objects are JSON, everything else is text. */
function typed(text, types) {
  if (!types.some((type) => type === 'array' || type === 'object')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text.includes(',') && types.includes('array') ? text.split(',') : text;
  }
}

const shown = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

class Attempt {
  /** Creates the page of an operation. */
  constructor(name, draft) {
    this.name = name;
    this.parameters = draft.parameters;
    this.mediaTypes = draft.mediaTypes;
    this.extra = {};
    this.isRaw = false;
    // Counts what was typed: an answer of the server that belongs to older text is not shown.
    this.edits = 0;
    this.answer = make('div', { class: 'answer', 'aria-live': 'polite' });
    this.raw = make('textarea', { rows: 14, spellcheck: 'false', 'aria-label': 'Request as an HTTP message' });
    this.raw.addEventListener('input', () => this.edits++);
    this.form = make('form', { class: 'parameters' });
    this.take(draft);
    this.drawForm(draft);
    const again = debounced((edit) => attempt(() => this.draft(edit)), 200);
    this.form.addEventListener('input', () => again(++this.edits));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      attempt(() => this.send());
    });
  }

  /** Takes a request over. */
  take(request) {
    this.raw.value = message(this.complete(request));
  }

  /** Adds the header fields that the link to this page asked for. */
  complete({ method, target, headers, body }) {
    return { method, target, headers: { ...headers, ...this.extra }, body };
  }

  drawForm(draft) {
    const rows = this.parameters.map((parameter, index) => {
      const id = `parameter-${index}`;
      const isNeeded = parameter.required;
      return make('tr', {},
        make('td', {}, make('input', { type: 'checkbox', name: `use-${index}`, checked: isNeeded, disabled: parameter.in === 'path', 'aria-label': `Send ${parameter.name}` })),
        make('th', { scope: 'row' }, make('label', { for: id }, parameter.name), isNeeded ? make('span', { class: 'tag' }, 'required') : ''),
        make('td', { class: 'note' }, parameter.in),
        make('td', {}, make('input', { id, name: `value-${index}`, value: shown(parameter.value), autocomplete: 'off' })));
    });
    // What is typed is meant to be sent.
    this.form.addEventListener('input', ({ target }) => {
      const index = /^value-(\d+)$/.exec(target.name ?? '')?.[1];
      if (index !== undefined) this.form.elements[`use-${index}`].checked = true;
    });
    if (rows.length) this.form.append(make('table', { class: 'parameters' }, make('caption', {}, 'Parameters'), make('tbody', {}, ...rows)));
    if (this.mediaTypes.length > 1) {
      const select = make('select', { name: 'media' }, ...this.mediaTypes.map((media) => make('option', {}, media)));
      select.addEventListener('change', () => attempt(() => this.changeMedia(select.value)));
      this.form.append(make('label', {}, 'Media type ', select));
    }
    if (this.mediaTypes.length) {
      const body = make('textarea', { name: 'body', rows: 12, spellcheck: 'false' }, contentOf(draft));
      this.form.append(make('label', { class: 'wide' }, `Content${this.mediaTypes.length === 1 ? `, ${this.mediaTypes[0]}` : ''}`, body));
    }
  }

  async changeMedia(media) {
    const draft = await json('GET', `operations/${encodeURIComponent(this.name)}/request?media=${encodeURIComponent(media)}`);
    this.form.elements.body.value = contentOf(draft);
    await this.draft();
  }

  /** Makes the request of the values in the form, and shows it unless something else was typed meanwhile. */
  async draft(edit = ++this.edits) {
    const chosen = { path: {}, query: {}, header: {}, cookie: {} };
    this.parameters.forEach((parameter, index) => {
      const isUsed = this.form.elements[`use-${index}`].checked;
      if (isUsed && PARTS.includes(parameter.in)) chosen[parameter.in][parameter.name] = typed(this.form.elements[`value-${index}`].value, parameter.types);
    });
    const media = this.form.elements.media?.value;
    const path = `operations/${encodeURIComponent(this.name)}/request${media ? `?media=${encodeURIComponent(media)}` : ''}`;
    const made = await json('POST', path, { body: chosen });
    const body = this.form.elements.body?.value;
    // The content is sent as it is typed: it may be wrong on purpose.
    if (body !== undefined) made.body = body.trim() === '' ? null : body;
    if (edit === this.edits) this.take(made);
    return this.complete(made);
  }

  /** Returns the request that would be sent now. */
  async current() {
    return this.isRaw ? parse(this.raw.value) : this.draft();
  }

  async send(isAsked = false) {
    const request = await this.current();
    const text = await html('POST', isAsked ? 'explain' : 'requests', { body: request });
    fill(this.answer, text);
    localTimes(this.answer);
  }

  /** Returns the page. */
  draw() {
    const sides = make('div', { class: 'sides' });
    const mode = (isRaw) => {
      this.isRaw = isRaw;
      this.form.hidden = isRaw;
      this.raw.hidden = !isRaw;
    };
    const radio = (label, isRaw) => make('label', {}, make('input', { type: 'radio', name: 'mode', checked: isRaw === this.isRaw, onchange: () => mode(isRaw) }), ` ${label} `);
    const copies = Object.entries(LANGUAGES).map(([name, write]) =>
      make('button', { type: 'button', onclick: () => attempt(async () => copy(write(await this.current()))) }, `Copy as ${name}`));
    const left = make('section', { 'aria-label': 'Request' },
      make('p', { class: 'modes' }, radio('Form', false), radio('Raw', true)),
      this.form, this.raw,
      make('p', { class: 'actions' },
        make('button', { type: 'button', class: 'main', onclick: () => attempt(() => this.send()) }, 'Send'),
        make('button', { type: 'button', onclick: () => attempt(() => this.send(true)) }, 'Explain without sending')),
      make('p', { class: 'actions' }, ...copies));
    mode(this.isRaw);
    sides.append(left, this.answer);
    return sides;
  }
}

export const attempts = {
  list: operations,
  async fillDetail(pane, { segments: [name], search }) {
    if (!name) return hint(pane, 'Choose an operation to try it.');
    const path = `operations/${encodeURIComponent(name)}`;
    const draft = await json('GET', `${path}/request`);
    const attempted = new Attempt(name, draft);
    if (search.get('code')) {
      attempted.extra.prefer = `code=${search.get('code')}`;
      attempted.take(draft);
    }
    const number = search.get('request');
    const isRedacted = number && (await again(attempted, number));
    pane.append(
      make('h2', {}, 'Try ', make('a', { href: link('operations', name) }, name)),
      attempted.extra.prefer ? make('p', { class: 'note' }, `The request has “Prefer: ${attempted.extra.prefer}”, so that the sandbox answers with that status.`) : '',
      isRedacted ? make('p', { class: 'warning' }, 'Values that may be secret are not recorded; write them in place of [redacted], or use Replay.') : '',
      attempted.draw());
    return true;
  },
};

/** Begins with a recorded request instead of a generated one. Returns true if secrets are left out of it. */
async function again(attempted, number) {
  const { request } = await json('GET', `requests/${encodeURIComponent(number)}`);
  attempted.take({ ...request, body: request.content });
  attempted.isRaw = true;
  return attempted.raw.value.includes('[redacted]');
}
