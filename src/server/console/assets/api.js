// Calls of the control API, and HTML that it answers with.
const page = document.documentElement.dataset;

/** URL of the control API: `/_standin/`, behind any path prefix. */
export const own = new URL(page.own, location.href);

const mounted = /^(.*\/)_standin\/sessions\/([^/]+)\/_standin\/$/.exec(own.pathname);

/** URL of the simulated API, outside of any session. */
export const root = new URL(mounted?.[1] ?? page.root, location.href);

/** `recording` or `on` if the sandbox is beside a real API; else undefined. */
export const { proxy } = page;

/** True if the console may write files. */
export const writes = page.console === 'write';

const policy = globalThis.trustedTypes?.createPolicy('standin', { createHTML: (html) => html });

/** Replaces the content of an element by HTML of the server, which escapes what is not its own. */
export function fill(element, html) {
  element.innerHTML = policy ? policy.createHTML(html) : html;
}

/** Returns the first element of HTML of the server. */
export function element(html) {
  const holder = document.createElement('template');
  fill(holder, html);
  return holder.content.firstElementChild;
}

/** Name of the session that the page is about; `null` if its address names none. */
export const session = () => new URLSearchParams(location.search).get('session') ?? (mounted && decodeURIComponent(mounted[2]));

/** Failure of a call; `message` says why. */
export class CallError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const TOKEN = 'standin-token';

/** Asks for the token of `--control-token`, which only this tab keeps. */
let login;
function askForToken(isWrong) {
  login ??= new Promise((resolve) => {
    const dialog = document.querySelector('#login');
    dialog.querySelector('.violation').hidden = !isWrong;
    dialog.querySelector('form').onsubmit = (event) => {
      event.preventDefault();
      const input = dialog.querySelector('input');
      sessionStorage.setItem(TOKEN, input.value);
      input.value = '';
      dialog.close();
      login = undefined;
      resolve();
    };
    // Without the token there is nothing to go on with.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.showModal();
  });
  return login;
}

/** Sends a request to the control API, and asks for the token if it needs one. */
export async function request(method, path, { body, type, accept = 'text/html', ofSession = true, signal } = {}) {
  const url = new URL(path, own);
  // Browsers resolve the segments “.” and “..” of an address, also where they are names.
  if (!url.href.startsWith(own.href) || path.split('?')[0].split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) {
    throw new CallError('The names “.” and “..” cannot be part of an address. Use the control API with another client for them.');
  }
  const name = session();
  if (ofSession && name !== null && !url.searchParams.has('session')) url.searchParams.set('session', name);
  for (;;) {
    const headers = { accept };
    const token = sessionStorage.getItem(TOKEN);
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = type ?? 'application/json';
    const content = body === undefined || type ? body : JSON.stringify(body);
    const response = await fetch(url, { method, headers, body: content, signal, cache: 'no-store' });
    if (response.status !== 401) return response;
    await askForToken(Boolean(token));
  }
}

async function checked(response) {
  if (response.ok) return response;
  const text = await response.text();
  let message = text;
  try {
    const problem = JSON.parse(text);
    message = problem.detail ?? problem.title ?? text;
  } catch {
    // The text is shown as it is.
  }
  throw new CallError(message || `status ${response.status}`, response.status);
}

/** Returns the HTML of an answer. */
export const html = async (method, path, options) => (await checked(await request(method, path, options))).text();

/** Returns the JSON of an answer; `null` if it has no content. */
export async function json(method, path, options) {
  const response = await checked(await request(method, path, { accept: 'application/json', ...options }));
  return response.status === 204 ? null : response.json();
}

/** Saves an answer as a file. */
export async function download(path) {
  const response = await checked(await request('GET', path, { accept: '*/*' }));
  const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name ?? path.split('?')[0].split('/').pop();
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
