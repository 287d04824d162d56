#!/usr/bin/env node
// The public side of ngrok and Cloudflare, on loopback: a proxy through which every HTTPS name leads back here.
//
//   cloud.cjs --key KEY.pem --cert CERT.pem [--port P]
//
// The first line on standard output is {"port":P}. One port serves everything:
//
//   CONNECT HOST:443                    TLS with the given certificate inside; its requests go to the port registered for
//                                       HOST as they are, with X-Forwarded-Proto: https. Unknown: 530, `error code: 1033`
//   POST /_register?host=&port=         registers HOST for as long as this request's connection lasts (it has no end); `owner=`
//                                       is any word
//   POST /_unregister?host=             ends it; with `owner=` only where that one registered it
//   /_fault?host=&fault=                what HOST does from now on (`*`: every host without a fault of its own):
//     none          nothing special
//     loca          localtunnel's page for browsers: 401
//     ngrok-6024    ngrok's page for browsers: 200
//     ngrok-3200    no agent is connected: 404
//     ngrok-8012    the agent cannot connect to its local port: 502
//     captive       302 to a hotel's login page
//     other         some other web server: 200
//     dead          accepts requests, never answers
//     down          closes the connection
//     buffer        holds back event streams asked for by GET until they end, as quick tunnels do
//     nxdomain      serves as ever, but DNS does not know it yet
//     loca-browser  localtunnel's page for browsers, and for browsers only
//     rewrite-host  the origin gets `Host: localhost`
//     no-upgrade    upgrades are answered with 400
//   GET /dns-query?name=&type=A|AAAA    DNS over HTTPS, JSON: 127.0.0.1 for a registered name, else Status 3
//   /_skew?seconds=                     how far DNS's clock is from this machine's, in its Date header
//   GET /_stats                         {"hosts":{HOST:{"port","fault","requests","connects","dns"}}}; each of the latter three is
//                                       {"count","times"}, in Unix milliseconds; "port" is null while none is registered
//
// It ends at the end of its input, so that it outlives no test. It never listens on anything but loopback, nor connects elsewhere.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const { parseArgs } = require('node:util');

const { values: options } = parseArgs({
  options: { key: { type: 'string' }, cert: { type: 'string' }, port: { type: 'string', default: '0' } },
});

const registered = new Map(); // host: { port, owner }
const faults = new Map(); // host or `*`: its name
const stats = new Map(); // host: { requests, connects, dns }, times
let skew = 0; // seconds

const html = (title, text) => `<!doctype html><html><head><title>${title}</title></head><body>${text}</body></html>\n`;

const page = (status, headers, body) => (response) => {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers });
  response.end(body);
};

const ngrok = (status, code, text) => page(status, { 'ngrok-error-code': code }, html(code, `${text} (${code})`));

const passwordPage = html(
  'Tunnel website ahead!',
  'You are about to visit a tunnel. To access the website, please enter the Tunnel Password. ' +
    'If you are the developer, get it from <a href="https://loca.lt/mytunnelpassword">loca.lt/mytunnelpassword</a>.',
);

const misbehave = {
  loca: page(401, {}, passwordPage),
  'ngrok-6024': ngrok(200, 'ERR_NGROK_6024', 'You are about to visit a site that is served for free through ngrok.com.'),
  'ngrok-3200': ngrok(404, 'ERR_NGROK_3200', 'The endpoint is offline.'),
  'ngrok-8012': ngrok(502, 'ERR_NGROK_8012', 'Traffic was successfully tunneled to the agent, which failed to connect.'),
  captive: page(302, { location: 'http://login.hotel.example/' }, ''),
  other: page(200, { server: 'nginx' }, html('Welcome to nginx!', 'It works.')),
  dead: () => {},
  down: (response) => response.destroy(),
};
const known = ['none', 'buffer', 'nxdomain', 'loca-browser', 'rewrite-host', 'no-upgrade', ...Object.keys(misbehave)];

const faultOf = (host) => faults.get(host) ?? faults.get('*') ?? 'none';

function note(host, what) {
  if (!stats.has(host)) stats.set(host, { requests: [], connects: [], dns: [] });
  stats.get(host)[what].push(Date.now());
}

const hostOf = (request) => (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();

/** The headers as they came, in order, less those that are for one connection only. */
function passed(rawHeaders, dropped) {
  const headers = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!dropped.includes(rawHeaders[i].toLowerCase())) headers.push(rawHeaders[i], rawHeaders[i + 1]);
  }
  return headers;
}

const toOrigin = ({ rawHeaders }, ...dropped) => {
  return [...passed(rawHeaders, ['x-forwarded-proto', 'proxy-connection', ...dropped]), 'X-Forwarded-Proto', 'https'];
};

function visit(request, response) {
  const host = hostOf(request);
  note(host, 'requests');
  // A body nobody reads would keep the connection from its next request.
  const browser = /^Mozilla/.test(request.headers['user-agent'] ?? '') && faultOf(host) === 'loca-browser';
  const fault = browser ? misbehave.loca : misbehave[faultOf(host)];
  if (fault) return request.resume(), fault(response);
  const origin = registered.get(host);
  if (!origin) return request.resume(), page(530, { 'content-type': 'text/plain' }, 'error code: 1033\n')(response);
  forward(request, response, origin.port);
}

function forward(request, response, port) {
  const { method, url: path } = request;
  const rewritten = faultOf(hostOf(request)) === 'rewrite-host';
  const headers = toOrigin(request, 'connection', 'keep-alive', ...(rewritten ? ['host'] : []));
  if (rewritten) headers.push('Host', 'localhost');
  const onward = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false });
  onward.on('response', (answer) => {
    const dropped = ['connection', 'keep-alive', 'transfer-encoding'];
    response.writeHead(answer.statusCode, answer.statusMessage, passed(answer.rawHeaders, dropped));
    answer.on('error', () => response.destroy());
    const events = method === 'GET' && /^text\/event-stream/.test(answer.headers['content-type'] ?? '');
    if (events && faultOf(hostOf(request)) === 'buffer') {
      const held = [];
      return answer.on('data', (chunk) => held.push(chunk)).on('end', () => response.end(Buffer.concat(held)));
    }
    response.flushHeaders();
    answer.pipe(response);
  });
  onward.on('error', () => {
    if (response.headersSent) response.destroy();
    else page(502, {}, html('502', 'Unable to reach the origin service.'))(response);
  });
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** An upgrade is passed on as it is, with all that follows it. */
function upgrade(request, socket, head) {
  const host = hostOf(request);
  note(host, 'requests');
  const origin = registered.get(host);
  if (!origin || misbehave[faultOf(host)]) return socket.destroy();
  if (faultOf(host) === 'no-upgrade') return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  const onward = net.connect(origin.port, '127.0.0.1', () => {
    const headers = toOrigin(request);
    const lines = headers.flatMap((name, i) => (i % 2 ? [] : `${name}: ${headers[i + 1]}`));
    onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  for (const [one, other] of [[socket, onward], [onward, socket]]) {
    one.on('error', () => other.destroy()).on('close', () => other.destroy());
  }
}

function json(response, value, type = 'application/json') {
  response.writeHead(200, { 'content-type': type });
  response.end(JSON.stringify(value) + '\n');
}

function failed(response, status, text) {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text + '\n');
}

const control = {
  '/_register'(query, response) {
    const host = query.get('host')?.toLowerCase();
    const registration = { port: Number(query.get('port')), owner: query.get('owner') };
    if (!host || !registration.port) return failed(response, 400, 'host and port');
    registered.set(host, registration);
    response.on('close', () => {
      if (registered.get(host) === registration) registered.delete(host);
    });
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('registered\n');
  },
  '/_unregister'(query, response) {
    const [host, owner] = [query.get('host')?.toLowerCase(), query.get('owner')];
    if (owner === null || registered.get(host)?.owner === owner) registered.delete(host);
    json(response, {});
  },
  '/_fault'(query, response) {
    const [host, fault] = [query.get('host')?.toLowerCase(), query.get('fault')];
    if (!host || !known.includes(fault)) return failed(response, 400, `host and fault, which is one of ${known.join(' ')}`);
    faults.set(host, fault);
    json(response, { host, fault });
  },
  '/_skew'(query, response) {
    skew = Number(query.get('seconds'));
    json(response, { skew });
  },
  '/dns-query'(query, response) {
    response.setHeader('Date', new Date(Date.now() + skew * 1000).toUTCString());
    const name = query.get('name')?.replace(/\.$/, '').toLowerCase();
    const type = { A: 1, AAAA: 28, 1: 1, 28: 28 }[query.get('type') ?? 'A'];
    if (!name || !type) return failed(response, 400, 'name and type');
    note(name, 'dns');
    const exists = registered.has(name) && faultOf(name) !== 'nxdomain';
    const answer = { Status: exists ? 0 : 3, Question: [{ name, type }] };
    if (exists && type === 1) answer.Answer = [{ name, type: 1, TTL: 60, data: '127.0.0.1' }];
    json(response, answer, 'application/dns-json');
  },
  '/_stats'(query, response) {
    const counted = (times = []) => ({ count: times.length, times });
    const row = (host) => {
      const { requests, connects, dns } = stats.get(host) ?? {};
      const port = registered.get(host)?.port ?? null;
      return { port, fault: faultOf(host), requests: counted(requests), connects: counted(connects), dns: counted(dns) };
    };
    const hosts = new Set([...stats.keys(), ...registered.keys()]);
    json(response, { hosts: Object.fromEntries([...hosts].map((host) => [host, row(host)])) });
  },
};

const tls = https.createServer({ key: fs.readFileSync(options.key), cert: fs.readFileSync(options.cert) }, visit);
tls.on('upgrade', upgrade);
// A client that trusts nothing here, or leaves, is part of the tests.
tls.on('tlsClientError', (error, socket) => socket.destroy());
// Nothing here ends a quiet stream: what does is under test.
tls.requestTimeout = tls.headersTimeout = tls.timeout = 0;

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://cloud');
  request.resume();
  if (Object.hasOwn(control, pathname)) control[pathname](searchParams, response);
  else failed(response, 404, `no ${pathname} here`);
});
// A registration is a request without an end.
server.requestTimeout = server.timeout = 0;

server.on('connect', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  const [, host] = /^([^:]+):443$/.exec(request.url) ?? [];
  if (!host) return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  note(host.toLowerCase(), 'connects');
  socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
  if (head.length) socket.unshift(head);
  tls.emit('connection', socket);
});

server.on('error', (error) => {
  console.error(`cannot listen: ${error.message}`);
  process.exit(1);
});

server.listen(Number(options.port), '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({ port: server.address().port }) + '\n');
  process.stdin.on('end', () => process.exit(0)).resume();
});
