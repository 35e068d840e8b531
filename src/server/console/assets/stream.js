// One event stream of exchanges and reloads for all tabs of a browser: the tab that has the lock reads it, and tells
// the others.
import { own, request } from './api.js';

const name = `standin ${own.href}`;
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : undefined;
const listeners = new Set();

/** True while the sandbox answers; `undefined` before that is known. */
export let isOpen;

/** Calls a function with each event: `{kind: 'exchange' | 'reload' | 'open' | 'closed', data}`. */
export function listen(run) {
  listeners.add(run);
}

function tell(event) {
  if (event.kind === 'open') isOpen = true;
  if (event.kind === 'closed') isOpen = false;
  for (const run of listeners) run(event);
}

function share(event) {
  channel?.postMessage(event);
  tell(event);
}

/** Reads the stream until it ends. */
async function read() {
  const response = await request('GET', 'events', { accept: 'text/event-stream', ofSession: false });
  if (!response.ok) throw new Error(`status ${response.status}`);
  share({ kind: 'open' });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const lines = block.split('\n');
      const of = (field) => lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2)).join('\n');
      const data = of('data');
      if (data) share({ kind: of('event') || 'exchange', data: summary(JSON.parse(data)) });
    }
  }
}

/** Returns what other tabs need of an event. */
const summary = ({ number, session, operation, ...rest }) => (number ? { number, session, operation } : rest);

async function readForEver() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    const began = Date.now();
    await read().catch(() => {});
    if (Date.now() - began > 5000) wait = 500;
    share({ kind: 'closed' });
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Tells the other tabs of a change. */
export const announce = (kind) => channel?.postMessage({ kind });

/** Begins to listen. */
export function start() {
  channel?.addEventListener('message', ({ data }) => {
    if (data.kind === 'hello') {
      if (isReader) channel.postMessage({ kind: isOpen ? 'open' : 'closed' });
    } else tell(data);
  });
  // Only pages of HTTPS and of this machine have locks.
  if (channel && navigator.locks) {
    channel.postMessage({ kind: 'hello' });
    navigator.locks.request(name, () => {
      isReader = true;
      return readForEver();
    });
  } else readForEver();
}

let isReader = false;
