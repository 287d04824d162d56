#!/usr/bin/env node
// A gateway to be supervised: it shows what it was started with and what reaches it, and misbehaves on request.
//
// Every path answers JSON about the process and the request (see `describe`), after `?delay=MS` if asked. Beside that:
//   /health, /api/health   200, or 503 during --unhealthy-for
//   .../sse                an event {"n":N} every 100 ms (?every=MS), each flushed, for ever (?count=N events)
//   .../echo               the request body, piped back as it arrives
//   .../upgrade            `Upgrade: websocket` is accepted, then every byte comes back
// With --mcp PATH it is an MCP server there, healthy at /api/health, and everything else is a 404.
// With --answers FILE, a path that is in that file gets what it says: {"/path": {"status", "headers", "body"}};
// with "foreign": true only those who ask under another Host than its own.
//
// It prints `listening PORT` once it is up.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { spawn } = require('node:child_process');
const { parseArgs } = require('node:util');

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: process.env.PORT ?? '3001' }, // 0 = any
    host: { type: 'string', default: '127.0.0.1' },
    'slow-start': { type: 'string', default: '0' }, // MS before it listens
    'unhealthy-for': { type: 'string', default: '0' }, // MS of 503 after it listens
    'crash-at-start': flag, // exit 3 with a reason, before it listens
    'crash-after': text, // the same, MS after the start
    'hang-after': text, // MS after the start: block the event loop for ever
    'ignore-term': flag, // survive SIGTERM, SIGINT and SIGHUP
    grandchild: flag, // leave a process in a session of its own; prints `grandchild PID`
    'reject-foreign-host': flag, // 403 unless Host is localhost:PORT or 127.0.0.1:PORT
    guard: flag, // 401 and a challenge to who sends no `Authorization: Bearer user-token` to an MCP path
    metadata: text, // ... which names this as its resource_metadata
    'starts-file': text, // append {"pid","app_url","at"} at each start
    mcp: text, // speak MCP at this path, and nothing else anywhere
    answers: text, // a JSON file, read at every request
    'until-eof': flag, // end with standard input, so as to outlive no test
  },
});

const appUrl = process.env.APP_URL ?? null;
const starts = countStart(options['starts-file']);
let healthyFrom = Infinity;
/** Requests that were neither answered to their end nor broken off. */
let underWay = 0;

function countStart(file) {
  if (!file) return 1;
  fs.appendFileSync(file, JSON.stringify({ pid: process.pid, app_url: appUrl, at: new Date().toISOString() }) + '\n');
  return fs.readFileSync(file, 'utf8').trim().split('\n').length;
}

function crash() {
  fs.writeSync(2, 'boom: the reason\n');
  process.exit(3);
}

function hang() {
  for (;;);
}

function leaveGrandchild() {
  const idle = ['-e', 'setInterval(() => {}, 1e9) // grandchild'];
  const { pid } = spawn(process.execPath, idle, { detached: true, stdio: 'ignore' });
  console.log(`grandchild ${pid}`);
}

const shown = ([name]) => /^(APP|GW|MCPGW)_/.test(name);

/** Repeated headers become one array. */
function headersAsSent({ rawHeaders }) {
  const headers = {};
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i], rawHeaders[i + 1]];
    headers[name] = name in headers ? [headers[name], value].flat() : value;
  }
  return headers;
}

function describe(request, bodyLength) {
  return {
    app_url: appUrl,
    env: Object.fromEntries(Object.entries(process.env).filter(shown)),
    pid: process.pid,
    starts,
    method: request.method,
    url: request.url,
    headers: headersAsSent(request),
    body_length: bodyLength,
    under_way: underWay - 1,
  };
}

function json(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function sendEvents(response, query) {
  const last = Number(query.get('count') ?? Infinity);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  let n = 0;
  const timer = setInterval(() => {
    response.write(`data: {"n":${++n}}\n\n`);
    if (n >= last) response.end();
  }, Number(query.get('every') ?? 100));
  response.on('close', () => clearInterval(timer));
}

function echo(request, response) {
  response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'application/octet-stream' });
  response.flushHeaders();
  request.pipe(response);
}

/** What the file of answers says about this path, if anything. */
function prescribed(pathname, host) {
  if (!options.answers) return undefined;
  const all = JSON.parse(fs.readFileSync(options.answers, 'utf8'));
  const written = Object.hasOwn(all, pathname) ? all[pathname] : undefined;
  return written?.foreign && isLocal(host) ? undefined : written;
}

function prescribe(response, { status = 200, headers = {}, body = '' }) {
  response.writeHead(status, headers);
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** MCP over streamable HTTP, as little of it as a client's first words need. */
function speakMcp(pathname, request, body, response) {
  if (pathname === '/api/health') return json(response, 200, { status: 'ok' });
  if (pathname !== options.mcp) return json(response, 404, { error: 'not found' });
  if (request.method !== 'POST') return json(response, 405, { error: 'use POST' });
  const { id, method } = JSON.parse(body);
  if (id === undefined) return response.writeHead(202).end();
  if (method !== 'initialize') return json(response, 200, { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } });
  const serverInfo = { name: 'test-gateway', version: '1.0.0' };
  json(response, 200, { jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo } });
}

async function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://gateway');
  const written = prescribed(pathname, request.headers.host);
  if (written) return prescribe(response, written);
  if (options['reject-foreign-host'] && !isLocal(request.headers.host)) {
    return json(response, 403, { error: `host ${request.headers.host} is not allowed` });
  }
  if (options.guard && isClosed(pathname) && request.headers.authorization !== 'Bearer user-token') {
    const metadata = options.metadata ?? `${appUrl}/.well-known/oauth-protected-resource${pathname}`;
    response.setHeader('WWW-Authenticate', `Bearer resource_metadata="${metadata}"`);
    return json(response, 401, { error: 'who are you?' });
  }
  if (pathname.endsWith('/sse')) return sendEvents(response, searchParams);
  // An event, and the end in its middle.
  if (pathname.endsWith('/cut')) {
    return request.socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n');
  }
  if (pathname.endsWith('/echo')) return echo(request, response);
  let bodyLength = 0;
  const chunks = [];
  for await (const chunk of request) {
    bodyLength += chunk.length;
    if (options.mcp) chunks.push(chunk);
  }
  if (options.mcp) return speakMcp(pathname, request, Buffer.concat(chunks).toString(), response);
  await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get('delay') ?? 0)));
  const unhealthy = pathname.endsWith('/health') && Date.now() < healthyFrom;
  json(response, unhealthy ? 503 : 200, describe(request, bodyLength));
}

/** `--guard` alone closes every MCP path; with GW_OPEN=PATH in the environment, all but that. */
function isClosed(pathname) {
  return /^\/(api\/)?mcp(\/|$)/.test(pathname) && pathname !== process.env.GW_OPEN;
}

function isLocal(host) {
  const { port } = server.address();
  return host === `localhost:${port}` || host === `127.0.0.1:${port}`;
}

// As gateways do whose own code reads a certificate.
const { GW_HTTPS, SSL_CERT_PATH, SSL_KEY_PATH } = process.env;
const pair = GW_HTTPS && { cert: fs.readFileSync(SSL_CERT_PATH), key: fs.readFileSync(SSL_KEY_PATH) };
const create = pair ? (listener) => https.createServer(pair, listener) : http.createServer;
const server = create((request, response) => {
  underWay += 1;
  response.on('close', () => (underWay -= 1));
  // A visitor who leaves in the middle of a body is no reason to end.
  answer(request, response).catch(() => response.destroy());
});

server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  if (!/\/upgrade(\?|$)/.test(request.url) || request.headers.upgrade !== 'websocket') {
    return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  }
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  socket.write(head);
  socket.pipe(socket);
});

server.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});

function listen() {
  server.listen(Number(options.port), options.host, () => {
    healthyFrom = Date.now() + Number(options['unhealthy-for']);
    console.log(`listening ${server.address().port}`);
  });
}

if (options['ignore-term']) for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});
if (options['until-eof']) process.stdin.on('end', () => process.exit(0)).resume();
if (options.grandchild) leaveGrandchild();
if (options['crash-at-start']) crash();
if (options['crash-after']) setTimeout(crash, Number(options['crash-after']));
if (options['hang-after']) setTimeout(hang, Number(options['hang-after']));
setTimeout(listen, Number(options['slow-start']));
