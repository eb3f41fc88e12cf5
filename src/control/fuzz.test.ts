// A live control server under bytes that nobody should send: it says what is wrong, or closes, and serves the next.
import { connect } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { anyLine, runs } from '../iproute/arbitrary-line.test.helper.js';
import { request } from './client.js';
import { defects, log, PONG, serving } from './fuzz-server.test.helper.js';
import { MAX_REQUEST, parseReply } from './protocol.js';

const line = anyLine.map(([tool, words]) => [tool, ...words]);
const sound = fc.oneof(
  line.map((argv) => JSON.stringify({ argv })),
  fc.array(line, { maxLength: 4 }).map((lines) => JSON.stringify({ batch: { tool: null, lines, force: true } })),
  fc
    .array(line, { maxLength: 4 })
    .map((lines) => JSON.stringify({ batch: { tool: 'tc', options: ['-s'], lines, more: true } })),
  fc.constantFrom('{"argv":["monitor"]}', '{"argv":["monitor","-j","frob"]}', '{"argv":["ping"]}'),
);
const unsound = fc.oneof(
  fc.json(),
  fc.constantFrom('', '{', '[]', 'null', '{"argv":1}', '{"argv":[1]}', '{"batch":{}}', '{"batch":{"lines":[[1]]}}'),
  fc.constantFrom(
    '{"argv":["__proto__"],"__proto__":{"argv":[]}}',
    `{"batch":{"lines":[],"more":1}}`,
    '[[[[[[[[',
    '"'.repeat(999),
  ),
  fc.constantFrom(
    '['.repeat(100_000),
    'x'.repeat(MAX_REQUEST - 1),
    'x'.repeat(MAX_REQUEST + 1),
    `{"argv":["${'y'.repeat(MAX_REQUEST)}`,
  ),
  fc.string({ unit: 'binary', maxLength: 50 }),
);

/** Bytes of a message with some of them changed, and a newline or none at its end. */
const message = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: sound }, { weight: 3, arbitrary: unsound }),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
    fc.constantFrom('\n', '\n', '\n', '\r\n', '', '\n\n'),
  )
  .map(([text, changes, end]) => {
    const bytes = Buffer.from(text + end);
    for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });

const session = fc.record({
  messages: fc.array(
    fc.oneof(
      message,
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 6 },
  ),
  /** Where what is sent is cut into pieces. */
  cuts: fc.array(fc.nat(), { maxLength: 4 }),
  leave: fc.constantFrom('end', 'destroy', 'answered'),
});

type Session = typeof session extends fc.Arbitrary<infer S> ? S : never;

/** Sends all of it; gives back the lines that came, none of which is anything but a reply. */
function play(path: string, { messages, cuts, leave }: Session): Promise<string[]> {
  const all = Buffer.concat(messages);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (all.length + 1)), all.length])].sort((a, b) => a - b);
  return new Promise((resolve) => {
    const socket = connect(path);
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard.split('\n').slice(0, -1)));
    for (const [i, from] of places.entries()) socket.write(all.subarray(from, places[i + 1]));
    if (leave === 'destroy') socket.destroy();
    else if (leave === 'end') socket.end();
    // A request behind all of it ends what still goes on; its answer may be the refusal of what stands before it.
    else socket.end('\n{"argv":["ping"]}\n');
  });
}

test('whatever comes over the socket, it is answered in the protocol or closed, and the next client is served', async (t) => {
  const { path, close } = await serving();
  t.teardown(close);
  await fc.assert(
    fc.asyncProperty(fc.array(session, { minLength: 1, maxLength: 3 }), async (sessions) => {
      const heard = await Promise.all(sessions.map((one) => play(path, one)));
      for (const said of heard.flat()) if (!parseReply(said)) throw new Error(`no reply: ${said}`);
      const exit = await request(['ping'], { out: () => undefined, err: () => undefined }, path);
      if (exit !== PONG) throw new Error(`exit ${exit}`);
      if (defects.length > 0) throw defects[0];
    }),
    { seed: 41, numRuns: runs(250), endOnFailure: true },
  );
  // Nobody listens any more: those that asked for a monitor are gone.
  const end = Date.now() + 10_000;
  while (log.isHeard && Date.now() < end) await new Promise((resolve) => setImmediate(resolve));
  t.false(log.isHeard);
});

test('half a message and silence keep no other client waiting', async (t) => {
  const { path, close } = await serving();
  t.teardown(close);
  const silent = Array.from({ length: 200 }, (_, i) => {
    const socket = connect(path);
    socket.on('error', () => undefined);
    socket.write(i % 2 === 0 ? '{"argv":["tc"' : '{"batch":{"tool":"tc","lines":[["qdisc","show"]],"more":true}}\n');
    return socket;
  });
  t.teardown(() => {
    for (const socket of silent) socket.destroy();
  });
  t.is(await request(['ping'], { out: () => undefined, err: () => undefined }, path), PONG);
});
