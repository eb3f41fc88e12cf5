// The control socket over a real socket in a directory of its own: server, protocol and client.
import { once } from 'node:events';
import { linkSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { request } from './client.js';
import { MAX_REQUEST, parseReply, parseRequest } from './protocol.js';
import { ControlServer, type Handler } from './server.js';

function place(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-control-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'x.sock');
}

async function serving(t: ExecutionContext, handler: Handler): Promise<string> {
  const path = place(t);
  const server = await ControlServer.listen(path, handler);
  t.teardown(() => server.close());
  return path;
}

const echo: Handler = async (argv, reply) => {
  reply({ out: `${argv.join(' ')}\n` });
  return argv.length;
};

/** Sends these bytes as they are; all that comes back until the server closes, or `lines` lines. */
function raw(path: string, text: string, lines = Number.POSITIVE_INFINITY): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let heard = '';
    const finish = (): void => {
      socket.destroy();
      resolve(heard.split('\n').slice(0, -1));
    };
    socket.setEncoding('utf8').on('data', (more: string) => {
      heard += more;
      if (heard.split('\n').length > lines) finish();
    });
    socket.on('error', () => undefined);
    socket.on('close', finish);
    socket.write(text);
  });
}

/** What `vtep` would print, and its exit code. */
async function ask(path: string, argv: readonly string[]): Promise<{ out: string; err: string; exit: number }> {
  let out = '';
  let err = '';
  const output = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  const exit = await request(argv, output, path);
  return { out, err, exit };
}

test('a request runs, says things in order on both streams, and ends with its exit code', async (t) => {
  const path = await serving(t, async (argv, reply) => {
    reply({ out: 'one\n' });
    reply({ err: `${argv[1]}\n` });
    reply({ out: 'two: ü\u2028\n' });
    return 7;
  });
  t.deepEqual(await ask(path, ['tc', 'a "b" ü']), { out: 'one\ntwo: ü\u2028\n', err: 'a "b" ü\n', exit: 7 });
});

test('the socket is its owner’s alone', async (t) => {
  const path = await serving(t, echo);
  t.is(statSync(path).mode & 0o777, 0o600);
});

const malformed = [
  ['no JSON', '{"argv":', 'the request is not JSON'],
  ['an empty line', '', 'the request is not JSON'],
  ['a list', '[]', 'the request is not an object'],
  ['null', 'null', 'the request is not an object'],
  ['an object without argv', '{}', 'the request has no list "argv"'],
  ['argv that is no list', '{"argv":"tc"}', 'the request has no list "argv"'],
  ['argv with a number', '{"argv":["tc",1]}', '"argv" holds something else than strings'],
] as const;
for (const [title, line, sentence] of malformed) {
  test(`a request that is ${title} is answered, and the next one runs`, async (t) => {
    t.is(parseRequest(line), sentence);
    const path = await serving(t, echo);
    t.deepEqual(await raw(path, `${line}\n{"argv":["x"]}\n`, 4), [
      `{"err":"vtep: ${sentence.replaceAll('"', '\\"')}\\n"}`,
      '{"exit":1}',
      '{"out":"x\\n"}',
      '{"exit":1}',
    ]);
  });
}

for (const [title, ending] of [
  ['with an end', '\n'],
  ['without an end', ''],
] as const) {
  test(`a request longer than a megabyte ${title} is refused, and the server goes on`, async (t) => {
    let runs = 0;
    const path = await serving(t, async () => ++runs);
    const [first, second] = await raw(path, `{"argv":["${'x'.repeat(MAX_REQUEST)}"]}${ending}`);
    t.regex(first ?? '', /longer than 1048576 characters/);
    t.is(second, '{"exit":1}');
    t.is(runs, 0);
    t.is((await ask(path, ['x'])).exit, 1);
  });
}

test('requests of one connection run one after the other, in their order, however they are cut', async (t) => {
  const running: string[] = [];
  const path = await serving(t, async ([word = ''], reply) => {
    running.push(`begin ${word}`);
    for (let n = 0; n < 3; n++) await new Promise(setImmediate);
    running.push(`end ${word}`);
    reply({ out: word });
    return 0;
  });
  const socket = connect(path);
  const text = ['a', 'b', 'c'].map((word) => `{"argv":["${word}"]}\n`).join('');
  const replies = new Promise<string>((resolve) => {
    let heard = '';
    socket.setEncoding('utf8').on('data', (more: string) => {
      heard += more;
      if (heard.split('\n').length === 7) resolve(heard);
    });
  });
  for (const byte of text) {
    socket.write(byte);
    await new Promise(setImmediate);
  }
  t.is(await replies, ['a', 'b', 'c'].map((word) => `{"out":"${word}"}\n{"exit":0}\n`).join(''));
  t.deepEqual(running, ['begin a', 'end a', 'begin b', 'end b', 'begin c', 'end c']);
  socket.destroy();
});

test('clients do not wait for one another, and each hears only its own answers', async (t) => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const path = await serving(t, async ([word], reply) => {
    if (word === 'slow') await held;
    reply({ out: `${word}` });
    return 0;
  });
  const slow = ask(path, ['slow']);
  const others = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(path, [`${n}`])));
  t.deepEqual(
    others.map(({ out }) => out),
    Array.from({ length: 20 }, (_, n) => `${n}`),
  );
  release();
  t.is((await slow).out, 'slow');
});

test('a client that dies in the middle of its request harms nobody', async (t) => {
  const state: { begun?: () => void } = {};
  const begun = new Promise<void>((resolve) => {
    state.begun = resolve;
  });
  const path = await serving(t, async ([word], reply) => {
    if (word === 'long') {
      state.begun?.();
      for (let n = 0; n < 50; n++) {
        reply({ out: 'x'.repeat(100_000) });
        await new Promise(setImmediate);
      }
    }
    return 3;
  });
  const socket = connect(path);
  socket.on('error', () => undefined);
  socket.write('{"argv":["long"]}\n{"argv":["never read"]}\n');
  await begun;
  socket.destroy();
  t.is((await ask(path, ['x'])).exit, 3);
});

test('a batch is one request: what fails in it is numbered, and its exit code comes last', async (t) => {
  const path = place(t);
  const server = await ControlServer.listen(path, echo, async (batch, reply) => {
    reply({ out: JSON.stringify(batch) });
    reply({ failed: 1 });
    return 1;
  });
  t.teardown(() => server.close());
  t.deepEqual(await raw(path, '{"batch":{"lines":[["tc","a"],["b"]]}}\n{"argv":["x"]}\n', 5), [
    JSON.stringify({ out: JSON.stringify({ tool: null, options: [], lines: [['tc', 'a'], ['b']], force: false }) }),
    '{"failed":1}',
    '{"exit":1}',
    '{"out":"x\\n"}',
    '{"exit":1}',
  ]);
});

test('a batch in several requests is carried out with the last of them, as one', async (t) => {
  const path = place(t);
  const server = await ControlServer.listen(path, echo, async (batch, reply) => {
    reply({ out: JSON.stringify(batch) });
    return 0;
  });
  t.teardown(() => server.close());
  const part = (word: string, more: boolean): string =>
    `${JSON.stringify({ batch: { lines: [[word]], atomic: true, more } })}\n`;
  const [first, second, third, fourth] = await raw(path, part('a', true) + part('b', true) + part('c', false), 4);
  const whole = { tool: null, options: [], lines: [['a'], ['b'], ['c']], force: false, atomic: true };
  t.deepEqual([first, second, fourth], ['{"exit":0}', '{"exit":0}', '{"exit":0}']);
  t.is(third, JSON.stringify({ out: JSON.stringify(whole) }));
});

for (const [batch, sentence] of [
  ['{"lines":[],"atomic":1}', '"atomic", "dryRun" and "more" are true or false'],
  ['1', '"batch" is not an object'],
  ['[]', '"batch" is not an object'],
  ['{}', '"lines" is not a list of lists of strings'],
  ['{"lines":["a"]}', '"lines" is not a list of lists of strings'],
  ['{"lines":[["a",1]]}', '"lines" is not a list of lists of strings'],
  ['{"lines":[],"tool":"vtep"}', '"tool" is neither "ip", "tc", "bridge" nor null'],
  ['{"lines":[],"options":"-s"}', '"options" is not a list of strings'],
  ['{"lines":[],"options":["-s"]}', '"options" are those of a "tool"'],
  ['{"lines":[],"force":1}', '"force" is neither true nor false'],
] as const) {
  test(`a batch of ${batch} is refused with a sentence`, (t) => {
    t.is(parseRequest(`{"batch":${batch}}`), sentence);
  });
}

test('whoever says more than the client reads is told to wait, and goes on when it reads', async (t) => {
  let said = 0;
  let waits = 0;
  const path = await serving(t, async (_argv, say) => {
    for (; said < 100; said++) {
      const slow = say({ out: 'x'.repeat(65_536) });
      if (slow) waits++;
      await slow;
    }
    return 0;
  });
  const socket = connect(path);
  socket.pause();
  socket.write('{"argv":["x"]}\n');
  while (waits === 0) await new Promise(setImmediate);
  for (let n = 0; n < 20; n++) await new Promise(setImmediate);
  t.true(said < 20, `${said} pieces of 64 KiB are in hand`);
  let length = 0;
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      length += bytes.length;
      if (bytes.subarray(-2).toString() === '}\n' && said === 100) resolve();
    });
    socket.resume();
  });
  t.true(length > 100 * 65_536);
  socket.destroy();
});

for (const [what, line] of [
  ['requests', '{"argv":["x"]}\n'],
  ['what is no request', 'x\n'],
] as const) {
  test(`nothing more is read from a client that sends ${what} and takes no answer`, async (t) => {
    const path = await serving(t, echo);
    const socket = connect(path);
    t.teardown(() => socket.destroy());
    const piece = line.repeat(50_000 / line.length);
    const total = 400;
    let sent = 0;
    const send = (): void => {
      if (sent++ < total) socket.write(piece, () => send());
    };
    send();
    // It stands still at some time: then others have been served for long without a further piece being taken.
    for (let before = -1, still = 0; still < 50 && sent < total; still = sent === before ? still + 1 : 0) {
      before = sent;
      t.is((await ask(path, ['a', 'b'])).exit, 2);
    }
    t.true(sent < total / 2, `${sent} of ${total}`);
  });
}

test('what waits for a client that goes away is told so', async (t) => {
  const state: { heard?: (error: Error) => void } = {};
  const heard = new Promise<Error>((resolve) => {
    state.heard = resolve;
  });
  const path = await serving(t, async (_argv, say) => {
    try {
      for (;;) await say({ out: 'x'.repeat(65_536) });
    } catch (error) {
      if (error instanceof Error) state.heard?.(error);
    }
    return 0;
  });
  const socket = connect(path);
  socket.write('{"argv":["x"]}\n');
  socket.once('data', () => socket.destroy());
  t.is((await heard).message, 'vtep: the client is gone');
});

test('much output arrives whole', async (t) => {
  const path = await serving(t, async (_argv, reply) => {
    for (let n = 0; n < 100; n++) reply({ out: `${n}`.padEnd(50_000) });
    return 0;
  });
  const { out } = await ask(path, ['x']);
  t.is(out.length, 5_000_000);
  t.is(out.slice(-50_000, -49_998), '99');
});

test('so many clients are served at a time; one more is told so, and has room when another goes', async (t) => {
  const path = place(t);
  const server = await ControlServer.listen(
    path,
    echo,
    undefined,
    {},
    { clients: 2, unfinished: 1000, gathered: 1000 },
  );
  t.teardown(() => server.close());
  const first = connect(path);
  const second = connect(path);
  for (const socket of [first, second]) {
    const heard = once(socket, 'data');
    socket.write('{"argv":["a"]}\n');
    await heard;
  }
  t.deepEqual(await raw(path, '{"argv":["b"]}\n'), [
    '{"err":"vtep: there are 2 clients, and may be no more\\n"}',
    '{"exit":1}',
  ]);
  first.destroy();
  await once(first, 'close');
  // The server hears of that in its own time.
  let out = '';
  for (let tries = 0; out === '' && tries < 100; tries++) ({ out } = await ask(path, ['c']));
  t.is(out, 'c\n');
  second.destroy();
});

test('what clients have begun to say is bounded together; others go on', async (t) => {
  const path = place(t);
  const server = await ControlServer.listen(
    path,
    echo,
    undefined,
    {},
    { clients: 100, unfinished: 1000, gathered: 1000 },
  );
  t.teardown(() => server.close());
  const half = connect(path);
  half.write(`{"argv":["${'x'.repeat(800)}`);
  // It is held once the next is heard.
  t.is((await ask(path, ['a'])).exit, 1);
  t.deepEqual(await raw(path, `{"argv":["${'y'.repeat(800)}`), [
    '{"err":"vtep: unfinished requests of all clients together are longer than 1000 characters\\n"}',
    '{"exit":1}',
  ]);
  const answer = once(half, 'data');
  half.write('"]}\n');
  t.regex(String((await answer)[0]), /xxx/);
  half.destroy();
});

test('a place where no socket can be is refused with a sentence', async (t) => {
  const path = place(t);
  await t.throwsAsync(ControlServer.listen(join(path, 'no', 'folder'), echo), {
    name: 'CommandError',
    message: /^vtep: control socket: /,
  });
  await t.throwsAsync(ControlServer.listen(`${path}${'x'.repeat(120)}`, echo), { name: 'CommandError' });
});

test('without a daemon the client says how to start one', async (t) => {
  const path = place(t);
  await t.throwsAsync(ask(path, ['tc']), {
    name: 'CommandError',
    message: /no vtep runs in this network namespace.*vtep run -b FILE/,
  });
});

test('a daemon that ends in the middle of a request is an error of the client, not a silence', async (t) => {
  const path = place(t);
  const server = await ControlServer.listen(path, () => new Promise(() => undefined));
  const asked = ask(path, ['x']);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await server.close();
  await t.throwsAsync(asked, { message: /ended before it answered|no vtep runs/ });
});

test('a server that is no vtep is recognised', async (t) => {
  const path = place(t);
  const stranger: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('220 mail.example ESMTP\r\n');
  });
  await new Promise<void>((resolve) => {
    stranger.listen(path, resolve);
  });
  t.teardown(() => stranger.close());
  await t.throwsAsync(ask(path, ['x']), { message: /what answers there is no vtep/ });
});

test('a reply is one of four, and nothing else', (t) => {
  t.deepEqual(parseReply('{"out":"a"}'), { out: 'a' });
  t.deepEqual(parseReply('{"err":"a"}'), { err: 'a' });
  t.deepEqual(parseReply('{"exit":0}'), { exit: 0 });
  t.deepEqual(parseReply('{"failed":3}'), { failed: 3 });
  for (const line of ['', '1', 'null', '{}', '{"exit":"0"}', '{"out":1}', '[]']) t.is(parseReply(line), undefined);
});

test('a socket that nobody listens on is replaced; what is no socket, or is listened on, is left alone', async (t) => {
  const path = place(t);
  const stale = createServer().listen(path);
  await once(stale, 'listening');
  await t.throwsAsync(ControlServer.listen(path, echo), { message: /another program listens at .*x\.sock$/ });
  t.true(statSync(path).isSocket());
  // As after SIGKILL: the file stays, and nobody accepts.
  const kept = `${path}.kept`;
  linkSync(path, kept);
  await new Promise((resolve) => stale.close(resolve));
  renameSync(kept, path);
  const server = await ControlServer.listen(path, echo);
  t.is((await ask(path, ['x'])).out, 'x\n');
  await server.close();
  writeFileSync(path, 'of somebody');
  await t.throwsAsync(ControlServer.listen(path, echo), { message: /x\.sock is there already, and is no socket$/ });
  t.is(readFileSync(path, 'utf8'), 'of somebody');
});
