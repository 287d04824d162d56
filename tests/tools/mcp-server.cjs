#!/usr/bin/env node
// An MCP server over HTTP that counts what it runs, forgets, breaks off, and answers in every way that servers do.
//
// Which way is said by the query of its address, for example /mcp?answers=json&lost=400&get=405:
//   answers=sse|json|pretty|crlf|cr|bytes|gzip|text-id|null-id   how a call is answered (default sse)
//   sessions=no              without session ids
//   lost=404|400             what an unknown session gets
//   get=stream|405|close     what a GET gets
//   delete=405
//   ids=yes                  events carry ids, and a stream that broke off can go on
//   redirect=307             once, to the same without it
//   version=V                what `initialize` answers
//   auth=oauth|key           without an Authorization header: 401 and where to log in, or 403
//   busy=429|503|502         what a call gets, the first two with Retry-After
//   modern=only|strict|bare|too          2026-07-28: `server/discover` and requests that say what they are
// /sse is the transport of 2024-11-05. /_log is what came: [{http, headers, message}]. /_kick breaks every stream.
//
// Tools: echo {text} · count {call, wait, after} appends `call` to --count-file, `wait` ms later answers; `break: true`
// drops the connection instead · ask {} asks the client · big {size} · progress {steps}.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const zlib = require('node:zlib');
const { randomUUID } = require('node:crypto');
const { parseArgs } = require('node:util');

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'count-file': { type: 'string' },
    name: { type: 'string', default: 'counter' }, // of the server
    tools: { type: 'string', default: '' }, // more tools, comma separated
  },
});

const VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
const META = 'io.modelcontextprotocol/';
const sessions = new Map(); // id -> {get: response, asked: Map(id -> resolve)}
const streams = new Map(); // event stream id -> {events: [], response}
const log = [];
let redirected = false;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function tools() {
  const object = { type: 'object', properties: {} };
  const region = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
  const names = ['echo', 'count', 'ask', 'big', 'progress', ...options.tools.split(',').filter(Boolean)];
  return [
    ...names.map((name) => ({ name, inputSchema: object })),
    { name: 'safe', inputSchema: object, annotations: { readOnlyHint: true } },
    { name: 'region', inputSchema: region },
  ];
}

function capabilities() {
  return { tools: {}, resources: { subscribe: true }, logging: {} };
}

function success(id, result) {
  return { jsonrpc: '2.0', id, result };
}

function failure(id, code, message, data) {
  return { jsonrpc: '2.0', id, error: { code, message, data } };
}

const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });

/** Runs a request; `say` sends something before the answer, and `drop` ends the connection without one. */
async function run(message, session, say, drop, query) {
  const { id, method, params = {} } = message;
  switch (method) {
    case 'ping':
    case 'logging/setLevel':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return success(id, {});
    case 'tools/list':
      return success(id, { tools: tools() });
    case 'resources/list':
      return success(id, { resources: [] });
    case 'server/discover':
      if (!query.has('modern')) break;
      return success(id, { supportedVersions: ['2026-07-28'], capabilities: capabilities(), serverInfo: { name: options.name, version: '1' } });
    case 'tools/call':
      return call(id, params.name, params.arguments ?? {}, params, session, say, drop);
  }
  return failure(id, -32601, `no ${method}`);
}

async function call(id, name, args, params, session, say, drop) {
  switch (name) {
    case 'echo':
      return success(id, text(args.text));
    case 'region':
      return success(id, text(params.region ?? 'here'));
    case 'safe':
    case 'count':
      await sleep(args.before ?? 0);
      if (options['count-file']) fs.appendFileSync(options['count-file'], `${args.call}\n`);
      if (args.break && !fs.existsSync(`${options['count-file']}.broken`)) {
        fs.writeFileSync(`${options['count-file']}.broken`, '');
        return drop();
      }
      await sleep(args.wait ?? 0);
      return success(id, text(args.call));
    case 'ask': {
      if (!session) return failure(id, -32000, 'no session');
      const question = `q${session.questions++}`;
      const answered = new Promise((resolve) => session.asked.set(args.id ?? question, resolve));
      const request = { jsonrpc: '2.0', id: args.id ?? question, method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
      if (args.over === 'get') session.send(request);
      else say(request);
      return success(id, text(JSON.stringify(await answered)));
    }
    case 'big':
      return success(id, text('ö'.repeat(args.size / 2)));
    case 'progress':
      for (let n = 1; n <= args.steps; n++) {
        const progressToken = params._meta?.progressToken;
        say({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: n } });
        await sleep(args.every ?? 20);
      }
      return success(id, text('done'));
  }
  return failure(id, -32602, `no tool ${name}`);
}

/** Takes answers to questions; anything else is nothing to us. */
function hear(message, session) {
  const waiting = session?.asked.get(message.id);
  if (!message.method && waiting) {
    session.asked.delete(message.id);
    waiting(message.result ?? message.error);
  }
}

function newSession() {
  return { asked: new Map(), questions: 0, queue: [], get: null, send(message) {
    if (this.get) this.get(message);
    else this.queue.push(message);
  } };
}

function json(response, status, value, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

/** Opens an event stream and gives what sends a message on it. */
function openStream(response, query, headers = {}, key = randomUUID(), already = []) {
  const end = { crlf: '\r\n', cr: '\r' }[query.get('answers')] ?? '\n';
  const stream = streams.get(key) ?? { events: already };
  stream.response = response;
  if (query.get('ids')) streams.set(key, stream);
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  response.flushHeaders();
  const write = (event) => {
    const bytes = Buffer.from(event);
    if (query.get('answers') !== 'bytes') return stream.response.write(bytes);
    for (const byte of bytes) stream.response.write(Buffer.from([byte]));
  };
  if (query.get('ids')) write(`retry: 50${end}id: ${key}/0${end}data: ${end}${end}`);
  if (end !== '\n') write(`\ufeff: hello${end}${end}`);
  return {
    say(message) {
      stream.events.push(message);
      const id = query.get('ids') ? `id: ${key}/${stream.events.length}${end}` : '';
      write(`event: message${end}${id}data: ${JSON.stringify(message)}${end}${end}`);
    },
    end: () => stream.response.end(),
  };
}

/** Goes on with a stream behind an event. */
function resume(response, last, query) {
  const [key, count] = last.split('/');
  const stream = streams.get(key);
  if (!stream) return json(response, 404, { error: 'no such stream' });
  const missed = stream.events.slice(Number(count));
  stream.events.length = Number(count);
  const opened = openStream(response, query, {}, key);
  missed.forEach((message) => opened.say(message));
  if (stream.events.some((message) => 'id' in message && !message.method)) opened.end();
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const raw = Buffer.concat(chunks).toString();
  return raw ? JSON.parse(raw) : undefined;
}

async function post(request, response, query, session) {
  const message = await body(request);
  log.push({ http: 'POST', path: request.url, headers: request.headers, message });
  if (message.method === undefined || message.id === undefined) {
    hear(message, session);
    // Some servers say more than they should.
    response.writeHead(202, { 'content-type': 'text/plain' });
    return response.end('Accepted');
  }
  if (query.has('busy') && message.method !== 'initialize') {
    const status = Number(query.get('busy'));
    response.writeHead(status, status === 502 ? {} : { 'retry-after': '1' });
    return response.end('not now\n');
  }
  const headers = {};
  if (message.method === 'initialize') {
    // The header that older clients cannot know is missing, too.
    if (query.get('modern') === 'strict') return json(response, 400, failure(null, -32020, 'Header mismatch: MCP-Protocol-Version is missing'));
    if (query.get('modern') === 'bare') return json(response, 400, { error: 'bad request' });
    if (query.get('modern') === 'only') {
      return json(response, 400, failure(null, -32022, 'Unsupported protocol version', { supported: ['2026-07-28'], requested: message.params.protocolVersion }));
    }
    const asked = message.params.protocolVersion;
    const protocolVersion = query.get('version') ?? (VERSIONS.includes(asked) ? asked : VERSIONS[0]);
    if (query.get('sessions') !== 'no') {
      const id = randomUUID();
      sessions.set(id, newSession());
      headers['mcp-session-id'] = id;
    }
    const result = { protocolVersion, capabilities: capabilities(), serverInfo: { name: options.name, version: '1' } };
    return answer(response, query, success(message.id, result), headers);
  }
  const drop = () => {
    response.socket.destroy();
    return null;
  };
  const streamed = !['json', 'pretty', 'gzip', 'text-id', 'null-id'].includes(query.get('answers'));
  if (streamed) {
    const stream = openStream(response, query, headers);
    const result = await run(message, session, stream.say, drop, query);
    if (result === null) return;
    stream.say(result);
    return stream.end();
  }
  const result = await run(message, session, (said) => session?.send(said), drop, query);
  if (result !== null) answer(response, query, result, headers);
}

function answer(response, query, message, headers = {}) {
  const style = query.get('answers');
  const type = { 'content-type': 'application/json; charset=utf-8', ...headers };
  if (style === 'pretty') {
    response.writeHead(200, type);
    return response.end('\ufeff' + JSON.stringify(message, null, 2) + '\r\n');
  }
  if (style === 'gzip') {
    response.writeHead(200, { ...type, 'content-encoding': 'gzip' });
    return response.end(zlib.gzipSync(JSON.stringify(message)));
  }
  if (['json', 'text-id', 'null-id'].includes(style)) {
    // An error that does not know its request, as some SDKs write it.
    if (message.error && style === 'text-id') message.id = 'server-error';
    if (message.error && style === 'null-id') message.id = null;
    return json(response, message.error ? 400 : 200, message, headers);
  }
  const stream = openStream(response, query, headers);
  stream.say(message);
  stream.end();
}

/** 2026-07-28: what is in `_meta` and what is in the headers must be the same. */
async function modern(request, response, query) {
  const message = await body(request);
  log.push({ http: 'POST', path: request.url, headers: request.headers, message });
  const wrong = (why) => json(response, 400, failure(message.id, -32020, `Header mismatch: ${why}`));
  const { headers } = request;
  const version = message.params?._meta?.[`${META}protocolVersion`];
  if (headers['mcp-protocol-version'] !== version) return wrong('version');
  if (version !== '2026-07-28') return json(response, 400, failure(message.id, -32022, 'Unsupported protocol version', { supported: ['2026-07-28'] }));
  if (headers['mcp-method'] !== message.method) return wrong('method');
  if (message.method === 'tools/call') {
    if (headers['mcp-name'] !== message.params.name) return wrong('name');
    if (message.params.name === 'region' && headers['mcp-param-region'] !== message.params.arguments?.region) return wrong('region');
  }
  const stream = openStream(response, query);
  let cancelled = false;
  response.on('close', () => {
    if (!response.writableEnded) cancelled = true;
    if (cancelled) log.push({ http: 'closed', message });
  });
  if (message.method === 'subscriptions/listen') {
    const params = { _meta: { [`${META}subscriptionId`]: message.id }, notifications: message.params.notifications };
    return stream.say({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params });
  }
  const { inputResponses } = message.params;
  if (message.method === 'tools/call' && message.params.name === 'ask' && !inputResponses) {
    const question = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
    stream.say(success(message.id, { resultType: 'input_required', inputRequests: { one: question }, requestState: 'state' }));
    return stream.end();
  }
  if (message.method === 'tools/call' && message.params.name === 'ask') {
    stream.say(success(message.id, { resultType: 'complete', ...text(JSON.stringify([inputResponses.one, message.params.requestState])) }));
    return stream.end();
  }
  const result = await run(message, null, stream.say, () => response.socket.destroy(), query);
  stream.say(result);
  stream.end();
}

function get(request, response, query, session) {
  log.push({ http: 'GET', path: request.url, headers: request.headers });
  const last = request.headers['last-event-id'];
  if (last && query.get('ids')) return resume(response, last, query);
  switch (query.get('get')) {
    case '405':
      response.writeHead(405, { allow: 'POST' });
      return response.end();
    case 'close':
      openStream(response, query);
      return response.end();
  }
  const stream = openStream(response, query);
  if (!session) return;
  session.get = (message) => stream.say(message);
  session.queue.splice(0).forEach((message) => stream.say(message));
  response.on('close', () => (session.get = null));
}

/** The transport of 2024-11-05. */
async function old(request, response, url) {
  if (url.pathname === '/sse') {
    if (request.method !== 'GET') return json(response, 405, { error: 'use GET' });
    const id = randomUUID();
    const session = newSession();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: endpoint\ndata: /messages?session=${id}\n\n`);
    session.get = (message) => response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    sessions.set(id, session);
    return response.on('close', () => sessions.delete(id));
  }
  const session = sessions.get(url.searchParams.get('session'));
  if (!session) return json(response, 404, { error: 'no session' });
  const message = await body(request);
  log.push({ http: 'POST', path: request.url, headers: request.headers, message });
  response.writeHead(202);
  response.end('Accepted');
  if (message.method === undefined || message.id === undefined) return hear(message, session);
  if (message.method === 'initialize') {
    const result = { protocolVersion: '2024-11-05', capabilities: capabilities(), serverInfo: { name: options.name, version: '1' } };
    return session.send(success(message.id, result));
  }
  session.send(await run(message, session, (said) => session.send(said), () => request.socket.destroy(), url.searchParams));
}

async function serve(request, response) {
  const url = new URL(request.url, 'http://server');
  const query = url.searchParams;
  if (url.pathname === '/_log') return json(response, 200, log);
  if (url.pathname === '/_kick') {
    for (const { response: stream } of streams.values()) stream.socket?.destroy();
    return json(response, 200, {});
  }
  if (url.pathname === '/sse' || url.pathname === '/messages') return old(request, response, url);
  if (query.get('redirect') && !(query.get('redirect') === 'once' && redirected)) {
    redirected = true;
    const status = Number(query.get('redirect')) || 307;
    query.delete('redirect');
    request.resume();
    response.writeHead(status, { location: `${url.pathname}?${query}` });
    return response.end();
  }
  if (query.has('auth') && !request.headers.authorization) {
    request.resume();
    const where = `Bearer resource_metadata="http://${request.headers.host}/.well-known/oauth-protected-resource"`;
    response.writeHead(query.get('auth') === 'oauth' ? 401 : 403, query.get('auth') === 'oauth' ? { 'www-authenticate': where } : {});
    return response.end('who are you?\n');
  }
  const said = request.headers['mcp-protocol-version'];
  if (query.has('modern') && request.method === 'POST' && said && !VERSIONS.includes(said)) return modern(request, response, query);
  const id = request.headers['mcp-session-id'];
  const session = sessions.get(id);
  if (id && !session) {
    request.resume();
    log.push({ http: request.method, headers: request.headers, lost: true });
    const status = Number(query.get('lost') ?? 404);
    return json(response, status, failure(null, -32000, status === 400 ? 'Bad Request: No valid session ID provided' : 'Session not found'));
  }
  switch (request.method) {
    case 'POST':
      return post(request, response, query, session);
    case 'GET':
      return get(request, response, query, session);
    case 'DELETE':
      log.push({ http: 'DELETE', headers: request.headers });
      if (query.get('delete') === '405') {
        response.writeHead(405);
        return response.end();
      }
      sessions.delete(id);
      return json(response, 200, {});
  }
  json(response, 405, { error: 'what?' });
}

const server = http.createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
});
server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
