// Small helpers for elements and messages.

/** Creates an element: `make('button', { type: 'button' }, 'Send')`. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, '');
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

let timer;

/** Shows a message for some seconds; errors stay until the next message. */
export function say(text, isError = false) {
  const toast = document.querySelector('#toast');
  toast.textContent = text;
  toast.dataset.error = isError;
  toast.hidden = false;
  clearTimeout(timer);
  if (!isError) timer = setTimeout(() => (toast.hidden = true), 4000);
}

/** Runs a function, and shows its failure. */
export async function attempt(run) {
  try {
    return await run();
  } catch (error) {
    const isLost = error instanceof TypeError && /fetch/i.test(error.message);
    if (error.name !== 'AbortError') say(isLost ? 'The sandbox does not answer. Start it again; this page goes on then.' : error.message, true);
    return undefined;
  }
}

/** Copies a text. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without HTTPS, browsers have no clipboard for pages.
    const area = make('textarea', { readonly: true, 'aria-label': 'Text to copy' }, text);
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  say('Copied');
}

/** Returns a function that runs another one when it was not called for some milliseconds; `flush` runs it at once if it waits. */
export function debounced(run, wait = 150) {
  let waiting;
  const later = (...values) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      waiting = undefined;
      run(...values);
    }, wait);
  };
  later.flush = async () => {
    if (waiting === undefined) return;
    clearTimeout(waiting);
    waiting = undefined;
    await run();
  };
  return later;
}

/** Lets the keyboard scroll what is wider or higher than its place. */
export function makeScrollable(element) {
  for (const part of element.querySelectorAll('table, pre')) {
    if (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight) part.tabIndex = 0;
  }
}

/** Writes times and durations of the server in the user's own way. */
export function localTimes(element) {
  for (const time of element.querySelectorAll('time[data-at]')) {
    const at = new Date(Number(time.dataset.at));
    time.dateTime = at.toISOString();
    time.title = at.toLocaleString();
    time.textContent = at.toLocaleTimeString();
  }
}

/** Returns a link to a view: `link('requests', 17)`. */
export const link = (...segments) => `#/${segments.map(encodeURIComponent).join('/')}`;

/** Returns a path with a query of the values that are set. */
export function query(path, values) {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(set).toString();
  return text ? `${path}${path.includes('?') ? '&' : '?'}${text}` : path;
}
