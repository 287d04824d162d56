#!/usr/bin/env node
// The official TypeScript SDK's client, starting an MCP server on standard input and output as a desktop client
// does, and trying everything that the server says it has.
//
//   node sdk-client.mjs [--modern] -- COMMAND ARGS...
//
// It prints one JSON document: what worked, each with a short result, or `error: ...`. `--modern` takes version 2
// of the SDK, which asks for 2026-07-28 first and goes back to `initialize` where that is unknown.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const args = process.argv.slice(2);
const modern = args[0] === '--modern';
const [command, ...rest] = args.slice(args.indexOf('--') + 1);
// The SDKs are installed where this was started.
const require = createRequire(join(process.cwd(), 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);

const report = {};
const progress = [];
const asked = [];

async function attempt(name, work) {
  try {
    report[name] = await work();
  } catch (error) {
    report[name] = `error: ${error.message}`;
  }
}

const text = (result) => result.content?.map((part) => part.text ?? part.type).join(' ').slice(0, 200);

async function start() {
  const transport = { command, args: rest, cwd: '/', stderr: 'inherit', env: env() };
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
  const info = { name: 'sdk-client', version: '1.0.0' };
  const sampled = async () => (asked.push('sampling'), { role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled' } });
  const elicited = async () => (asked.push('elicitation'), { action: 'accept', content: { name: 'elicited' } });
  const roots = async () => (asked.push('roots'), { roots: [{ uri: 'file:///somewhere' }] });
  if (modern) {
    const { Client } = await load('@modelcontextprotocol/client');
    const { StdioClientTransport } = await load('@modelcontextprotocol/client/stdio');
    const client = new Client(info, { capabilities, versionNegotiation: { mode: 'auto' } });
    client.setRequestHandler('sampling/createMessage', sampled);
    client.setRequestHandler('elicitation/create', elicited);
    client.setRequestHandler('roots/list', roots);
    await client.connect(new StdioClientTransport(transport));
    return client;
  }
  const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
  const { StdioClientTransport } = await load('@modelcontextprotocol/sdk/client/stdio.js');
  const types = await load('@modelcontextprotocol/sdk/types.js');
  const client = new Client(info, { capabilities });
  client.setRequestHandler(types.CreateMessageRequestSchema, sampled);
  client.setRequestHandler(types.ElicitRequestSchema, elicited);
  client.setRequestHandler(types.ListRootsRequestSchema, roots);
  await client.connect(new StdioClientTransport(transport));
  return client;
}

/** What a desktop client leaves: nothing. The bridge needs MCPGW_HOME, mcp-remote a HOME, a PATH and the CA. */
function env() {
  const kept = ['MCPGW_HOME', 'HOME', 'PATH', 'NODE_EXTRA_CA_CERTS'].filter((name) => process.env[name]);
  return Object.fromEntries(kept.map((name) => [name, process.env[name]]));
}

const client = await start();
const capabilities = client.getServerCapabilities();
report.server = client.getServerVersion()?.name;
const call = (name, given, options) => {
  const params = { name, arguments: given };
  return modern ? client.callTool(params, options) : client.callTool(params, undefined, options);
};
let tools = [];
await attempt('tools', async () => {
  tools = (await client.listTools()).tools.map((tool) => tool.name);
  return tools.length;
});
const has = (name) => tools.includes(name);
if (has('echo')) await attempt('echo', async () => text(await call('echo', { message: 'hällo' })));
if (has('get_current_time')) await attempt('time', async () => text(await call('get_current_time', { timezone: 'UTC' })).includes('UTC'));
if (has('trigger-long-running-operation')) {
  await attempt('long', async () => {
    const options = { onprogress: (step) => progress.push(step.progress) };
    const result = await call('trigger-long-running-operation', { duration: 1, steps: 4 }, options);
    // A step that is read together with the answer is lost inside the SDK: three or four of four arrive.
    return text(result).includes('completed') && progress.length >= 3;
  });
}
if (has('trigger-sampling-request')) {
  await attempt('sampling', async () => text(await call('trigger-sampling-request', { prompt: 'x', maxTokens: 5 })).includes('sampled'));
}
if (has('trigger-elicitation-request')) {
  await attempt('elicitation', async () => text(await call('trigger-elicitation-request', {})).includes('elicited'));
}
if (has('get-structured-content')) {
  await attempt('structured', async () => Object.keys((await call('get-structured-content', { location: 'New York' })).structuredContent).length);
}
await attempt('together', async () => {
  if (!has('echo')) return 0;
  const results = await Promise.all(Array.from({ length: 32 }, (_, n) => call('echo', { message: `n${n}.` })));
  return results.filter((result, n) => text(result).includes(`n${n}.`)).length;
});
if (capabilities?.prompts) {
  await attempt('prompts', async () => {
    const { prompts } = await client.listPrompts();
    const got = await client.getPrompt({ name: prompts[0].name, arguments: {} });
    return [prompts.length, got.messages.length];
  });
}
if (capabilities?.resources) {
  await attempt('resources', async () => {
    const { resources } = await client.listResources();
    const read = await client.readResource({ uri: resources[0].uri });
    const { resourceTemplates } = await client.listResourceTemplates();
    return [resources.length, read.contents.length, resourceTemplates.length];
  });
}
if (capabilities?.logging && !modern) await attempt('level', async () => Object.keys(await client.setLoggingLevel('error')).length);
await attempt('unknown tool', async () => text(await call('no-such-tool', {})));
await attempt('cancelled', async () => {
  if (!has('trigger-long-running-operation')) return true;
  const controller = new AbortController();
  const running = call('trigger-long-running-operation', { duration: 20, steps: 2 }, { signal: controller.signal });
  setTimeout(() => controller.abort('enough'), 200);
  return running.then(() => 'it ran to its end', () => true);
});
await attempt('after that', async () => (has('echo') ? text(await call('echo', { message: 'still' })) : ''));
if (!modern) await attempt('ping', async () => Object.keys(await client.ping()).length);
report.asked = [...new Set(asked)].sort();
await client.close();
console.log(JSON.stringify(report));
