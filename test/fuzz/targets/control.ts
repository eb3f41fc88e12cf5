/** Bytes over the control socket of a live server: it answers in its protocol or closes, and serves the next client. */
import { connect } from 'node:net';
import * as fc from 'fast-check';
import { request } from '../../../src/control/client.js';
import { defects, PONG, type Serving, serving } from '../../../src/control/fuzz-server.test.helper.js';
import { MAX_REQUEST, parseReply, parseRequest } from '../../../src/control/protocol.js';
import { anyLine } from '../../../src/iproute/arbitrary-line.test.helper.js';
import { hold, type Target } from '../target.js';

let server: Promise<Serving> | undefined;

/** Sends all of it and a `ping` behind it, in pieces; gives back the lines that came. */
function play(path: string, bytes: Uint8Array): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard.split('\n').slice(0, -1)));
    const cut = (bytes[0] ?? 0) % (bytes.length + 1);
    socket.write(bytes.subarray(0, cut));
    socket.write(bytes.subarray(cut));
    // What still goes on ends with this.
    socket.end('\n{"argv":["ping"]}\n');
  });
}

async function run(input: Uint8Array): Promise<void> {
  for (const line of Buffer.from(input).toString().split('\n')) {
    const found = parseRequest(line);
    hold(typeof found === 'string' ? found !== '' : 'argv' in found || 'batch' in found, 'a request is neither');
  }
  server ??= serving();
  const { path } = await server;
  for (const line of await play(path, input)) hold(parseReply(line) !== undefined, `no reply: ${line.slice(0, 200)}`);
  const [defect] = defects.splice(0);
  if (defect !== undefined) throw defect;
  const exit = await request(['ping'], { out: () => undefined, err: () => undefined }, path);
  hold(exit === PONG, `the next client is answered with ${exit}`);
}

const line = anyLine.map(([tool, words]) => [tool, ...words.map((word) => word.slice(0, 200))]);
const message = fc.oneof(
  line.map((argv) => JSON.stringify({ argv })),
  fc.array(line, { maxLength: 3 }).map((lines) => JSON.stringify({ batch: { tool: null, lines, force: true } })),
  fc
    .record({
      tool: fc.constantFrom('tc', 'ip', 'bridge', 'x', 1),
      lines: fc.array(line, { maxLength: 2 }),
      more: fc.boolean(),
      atomic: fc.boolean(),
      dryRun: fc.boolean(),
    })
    .map((batch) => JSON.stringify({ batch })),
  fc.constantFrom(
    '{"argv":["monitor"]}',
    '{"argv":["monitor","-j","link"]}',
    '{"argv":["ping"]}',
    '{"batch":{"lines":[],"more":true}}',
  ),
  fc.constantFrom(
    '',
    '{',
    '[]',
    'null',
    '{"argv":1}',
    '{"argv":[1]}',
    '{"batch":{}}',
    '{"batch":{"lines":[[1]]}}',
    '{"__proto__":{"argv":[]}}',
  ),
  fc.json({ maxDepth: 2 }),
);

export const target: Target = {
  name: 'control',
  title: 'bytes over the control socket: answered in the protocol or refused, and the next client is served',
  covers: [
    'control/server',
    'control/protocol',
    'control/gather-batch',
    'control/batch-words',
    'control/report',
    'control/monitor',
    'control/peer',
  ],
  generated: fc
    .array(fc.tuple(message, fc.constantFrom('\n', '\n', '\n', '\r\n', '', '\n\n')), { minLength: 1, maxLength: 4 })
    .map((parts) => Uint8Array.from(Buffer.from(parts.flat().join('')).subarray(0, MAX_REQUEST))),
  longest: 4096,
  dictionary: [
    '{"argv":[',
    '"batch":{',
    '"lines":[[',
    '"more":true',
    '"atomic":true',
    '"force":',
    ']}\n',
    '\n',
    '"tc","filter",',
    '\\u0000',
    '\ud800',
  ],
  run,
  show: (input) => JSON.stringify(Buffer.from(input).toString()),
  close: async () => {
    const running = server;
    server = undefined;
    await (await running)?.close();
  },
};
