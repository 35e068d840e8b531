// A small real API: the shop of `shop.yaml`, for tests of recording, replay and drift.
//
//   node shop.mjs [--port N] [--bug NAME]...
//
// It prints `listening on http://…` when it answers. Nothing is random: the same requests get the same
// answers. Its validation errors have a style of their own that the document does not describe. Each bug
// breaks the document at one place.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

export const BUGS = [
  'undocumented-status',
  'undocumented-field',
  'missing-field',
  'null-value',
  'enum-value',
  'wrong-type',
  'wrong-format',
  'missing-header',
  'undocumented-header',
  'wrong-media-type',
  'undocumented-operation',
  'error-shape',
];

const TOKEN = 'tok_4f9d2c7be8a1406391d5';
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPhfDwAChAGAcPrZ1QAAAABJRU5ErkJggg==', 'base64');

/** An error that a handler answers with. */
class Refusal extends Error {
  constructor(status, code, message, more = {}) {
    super(message);
    Object.assign(this, { status, body: { error: { code, message, ...more } } });
  }
}

/** Makes a shop; `bugs` are names of `BUGS`. */
export function shop(bugs = []) {
  const unknown = bugs.find((name) => !BUGS.includes(name));
  if (unknown) throw new Error(`there is no bug \`${unknown}\`; expected one of ${BUGS.join(', ')}`);
  const has = (name) => bugs.includes(name);
  const pets = new Map();
  const orders = new Map();
  const add = (pet) => {
    const id = pets.size + 1;
    pets.set(id, { id, createdAt: `2024-05-01T08:00:${String(id).padStart(2, '0')}Z`, status: 'available', tags: [], ...pet });
    return pets.get(id);
  };
  add({ name: 'Ada', price: 120.5, tags: ['calm'] });
  add({ name: 'Bo', price: 80, status: 'sold' });
  for (let number = 3; number <= 12; number += 1) add({ name: `Pet ${number}`, price: number });

  /** A pet as the API shows it. */
  const shown = (request) => (pet) => {
    const made = { ...pet, url: `http://${request.headers.host}/v1/pets/${pet.id}` };
    if (has('undocumented-field')) made.internalCode = `P-${pet.id}`;
    if (has('missing-field')) delete made.name;
    if (has('null-value')) made.tags = null;
    if (has('enum-value') && pet.status === 'sold') made.status = 'gone';
    if (has('wrong-type')) made.price = String(pet.price);
    if (has('wrong-format')) made.createdAt = '1 May 2024';
    return made;
  };
  const found = (id) => {
    const pet = pets.get(Number(id));
    if (!pet || pet.isDeleted) throw new Refusal(404, 'PET_NOT_FOUND', `there is no pet ${id}`);
    return pet;
  };
  const authorize = (request) => {
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      throw new Refusal(401, 'UNAUTHORIZED', 'the token is missing or wrong');
    }
  };
  const json = (response, status, body, headers = {}) => {
    const media = has('wrong-media-type') ? 'text/plain' : 'application/json';
    if (has('undocumented-header')) headers['X-Shard'] = 'eu-3';
    response.writeHead(status, { 'Content-Type': media, ...headers });
    response.end(JSON.stringify(body));
  };

  /** Checks a body; all faults of it are told at once. */
  const validate = (body, rules) => {
    const fields = [];
    for (const [name, { type, required, least }] of Object.entries(rules)) {
      const value = body?.[name];
      const add = (rule, message) => fields.push({ name, rule, message: `${name} ${message}` });
      if (value === undefined) {
        if (required) add('required', 'is missing');
      } else if (typeof value !== type) add('type', `has to be a ${type}`);
      else if (least !== undefined && (type === 'string' ? value.length : value) < least) add('least', `has to be ${least} at least`);
    }
    if (fields.length > 0) throw new Refusal(422, 'VALIDATION', `${fields.length} wrong`, { fields });
  };

  const routes = [
    ['GET', /^\/v1\/health$/, ({ response }) => json(response, 200, { status: 'up' })],
    ['POST', /^\/v1\/login$/, ({ body, response }) => {
      validate(body, { email: { type: 'string', required: true }, password: { type: 'string', required: true, least: 8 } });
      if (body.password !== 'correct-horse') throw new Refusal(401, 'BAD_CREDENTIALS', 'the email or the password is wrong');
      json(response, 200, { token: TOKEN, expiresIn: 3600 });
    }],
    ['GET', /^\/v1\/pets$/, ({ request, url, response }) => {
      const number = (name, usual) => Number(url.searchParams.get(name) ?? usual);
      const [page, perPage, status] = [number('page', 1), number('perPage', 5), url.searchParams.get('status')];
      if (!Number.isInteger(page) || page < 1) {
        throw new Refusal(422, 'VALIDATION', '1 wrong', { fields: [{ name: 'page', rule: 'least', message: 'page has to be 1 at least' }] });
      }
      const all = [...pets.values()].filter((pet) => !pet.isDeleted && (!status || pet.status === status));
      const items = all.slice((page - 1) * perPage, page * perPage).map(shown(request));
      const text = JSON.stringify({ items, total: all.length, page });
      const tag = `"${createHash('sha1').update(text).digest('hex').slice(0, 12)}"`;
      const headers = { ETag: tag, 'X-Total-Count': String(all.length), Vary: 'Accept-Encoding' };
      if (page * perPage < all.length) headers.Link = `</v1/pets?page=${page + 1}&perPage=${perPage}>; rel="next"`;
      if (request.headers['if-none-match'] === tag) {
        response.writeHead(304, headers);
        response.end();
      } else if (/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
        const media = has('wrong-media-type') ? 'text/plain' : 'application/json';
        response.writeHead(200, { ...headers, 'Content-Type': media, 'Content-Encoding': 'gzip' });
        response.end(gzipSync(text));
      } else json(response, 200, JSON.parse(text), headers);
    }],
    ['POST', /^\/v1\/pets$/, ({ request, body, response }) => {
      authorize(request);
      validate(body, { name: { type: 'string', required: true, least: 1 }, price: { type: 'number', required: true, least: 0 } });
      const taken = [...pets.values()].some((pet) => pet.name === body.name && !pet.isDeleted);
      if (taken) throw new Refusal(409, 'NAME_TAKEN', `there is a pet with the name ${body.name}`);
      const pet = add({ name: body.name, price: body.price, ...(Array.isArray(body.tags) ? { tags: body.tags } : {}) });
      const made = shown(request)(pet);
      json(response, 201, made, has('missing-header') ? {} : { Location: made.url });
    }],
    ['GET', /^\/v1\/pets\/([^/]+)$/, ({ request, response }, id) => {
      json(response, has('undocumented-status') ? 203 : 200, shown(request)(found(id)));
    }],
    ['PATCH', /^\/v1\/pets\/([^/]+)$/, ({ request, body, response }, id) => {
      authorize(request);
      const pet = found(id);
      validate(body, { name: { type: 'string', least: 1 }, price: { type: 'number', least: 0 } });
      for (const name of ['name', 'price']) if (body[name] !== undefined) pet[name] = body[name];
      json(response, 200, shown(request)(pet));
    }],
    ['DELETE', /^\/v1\/pets\/([^/]+)$/, ({ request, response }, id) => {
      authorize(request);
      const pet = found(id);
      if (pet.status === 'sold') throw new Refusal(409, 'PET_SOLD', 'a pet that is sold cannot be deleted');
      pet.isDeleted = true;
      response.writeHead(204);
      response.end();
    }],
    ['GET', /^\/v1\/pets\/([^/]+)\/photo$/, ({ response }, id) => {
      found(id);
      response.writeHead(200, { 'Content-Type': 'image/png', 'Content-Length': PNG.length });
      response.end(PNG);
    }],
    ['POST', /^\/v1\/orders$/, ({ request, body, response }) => {
      authorize(request);
      validate(body, { petId: { type: 'number', required: true, least: 1 } });
      const pet = found(body.petId);
      if (pet.status === 'sold') throw new Refusal(409, 'PET_SOLD', `pet ${pet.id} is sold`);
      pet.status = 'sold';
      const order = { id: 1000 + orders.size, petId: pet.id, status: 'pending', seen: 0 };
      orders.set(order.id, order);
      json(response, 202, { id: order.id, petId: order.petId, status: order.status }, { 'Retry-After': '1' });
    }],
    ['GET', /^\/v1\/orders\/([^/]+)$/, ({ request, response }, id) => {
      authorize(request);
      const order = orders.get(Number(id));
      if (!order) throw new Refusal(404, 'ORDER_NOT_FOUND', `there is no order ${id}`);
      order.seen += 1;
      if (order.seen > 2) order.status = 'done';
      // In two pieces, so that the answer is chunked.
      const text = JSON.stringify({ id: order.id, petId: order.petId, status: order.status });
      response.writeHead(200, { 'Content-Type': has('wrong-media-type') ? 'text/plain' : 'application/json' });
      response.write(text.slice(0, 8));
      setImmediate(() => response.end(text.slice(8)));
    }],
    ['GET', /^\/v1\/events$/, ({ response }) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      for (const [id, pet] of [[1, 1], [2, 2]]) response.write(`id: ${id}\nevent: sold\ndata: {"petId":${pet}}\n\n`);
      response.end();
    }],
  ];
  if (has('undocumented-operation')) {
    routes.push(['GET', /^\/v1\/stats$/, ({ response }) => json(response, 200, { pets: pets.size })]);
  }

  const handle = async (request, response) => {
    const url = new URL(request.url, 'http://shop.test');
    const parts = [];
    for await (const part of request) parts.push(part);
    const path = routes.filter(([, pattern]) => pattern.test(url.pathname));
    const route = path.find(([method]) => method === request.method);
    if (!route) throw new Refusal(path.length > 0 ? 405 : 404, 'NO_SUCH_OPERATION', `${request.method} ${url.pathname}`);
    let body;
    try {
      body = parts.length > 0 ? JSON.parse(Buffer.concat(parts)) : undefined;
    } catch {
      throw new Refusal(400, 'NOT_JSON', 'the body is not JSON');
    }
    route[2]({ request, response, url, body }, ...route[1].exec(url.pathname).slice(1));
  };
  return createServer((request, response) => {
    handle(request, response).catch((error) => {
      if (!(error instanceof Refusal)) return response.writeHead(500).end(String(error));
      const body = has('error-shape') ? { message: error.message } : error.body;
      return json(response, error.status, body, error.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="shop"' } : {});
    });
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const values = (name) => process.argv.flatMap((word, at) => (word === name ? [process.argv[at + 1]] : []));
  const server = shop(values('--bug'));
  server.listen(Number(values('--port')[0] ?? 0), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
}
