// What the tests of the library share: the document, a server that ends with its test, and requests.
import { fileURLToPath } from 'node:url';
import { start } from '../../standin/index.mjs';

export const PETS = fileURLToPath(new URL('../../../documents/pets.yaml', import.meta.url));

/** Starts a server with state, which the end of the test stops. */
export async function serving(t, options = {}) {
  const server = await start({ documents: PETS, state: true, ...options });
  t.after(() => server.stop());
  return server;
}

/** Sends a pet, and returns the answer. */
export function create(base, pet, headers = {}) {
  return fetch(`${base}/pets`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(pet),
  });
}

/** Returns the names of the pets. */
export async function names(base, headers = {}) {
  const pets = await (await fetch(`${base}/pets`, { headers })).json();
  return pets.map(({ name }) => name);
}
