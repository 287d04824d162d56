#!/usr/bin/env node
// A server by version 2 of the official SDK that speaks 2026-07-28 and nothing older (`--legacy`: older too).
// It prints `listening PORT`.
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The SDK is installed where this was started.
const require = createRequire(join(process.cwd(), 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { McpServer, createMcpHandler } = await load('@modelcontextprotocol/server');
const { toNodeHandler } = await load('@modelcontextprotocol/node');
const { z } = await load('zod');

function make() {
  const server = new McpServer({ name: 'modern', version: '1.0.0' });
  const inputSchema = z.object({ message: z.string() });
  server.registerTool('echo', { inputSchema }, async ({ message }) => ({ content: [{ type: 'text', text: `Echo: ${message}` }] }));
  return server;
}

const legacy = process.argv.includes('--legacy') ? undefined : 'reject';
const server = http.createServer(toNodeHandler(createMcpHandler(make, { legacy })));
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
