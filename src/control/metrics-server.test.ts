// Whoever reaches the metrics reads, and does nothing else.
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { MetricsServer } from './metrics-server.js';

async function server(t: ExecutionContext): Promise<{ port: number; made: () => number }> {
  let made = 0;
  const metrics = await MetricsServer.listen({ host: '127.0.0.1', port: 0 }, async () => {
    made++;
    return { type: 'text/plain', text: 'one 1\n' };
  });
  t.teardown(() => metrics.close());
  return { port: Number(new URL(metrics.url).port), made: () => made };
}

/** What comes back for some bytes, until the server closes. */
function answer(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
}

test('metrics are read, and nothing else is done for whoever asks', async (t) => {
  const { port, made } = await server(t);
  const head = 'Host: x\r\nConnection: close\r\n\r\n';
  const read = await answer(port, `GET /metrics HTTP/1.1\r\n${head}`);
  t.regex(read, /^HTTP\/1\.1 200 .*\r\n\r\none 1\n$/s);
  for (const method of ['POST', 'PUT', 'DELETE'])
    t.regex(await answer(port, `${method} /metrics HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 405 /);
  t.regex(await answer(port, `GET /../../etc/passwd HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 404 /);
  t.regex(await answer(port, `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 431 /);
  t.regex(await answer(port, '\0\xff\r\n\r\n'), /^HTTP\/1\.1 400 /);
  t.is(made(), 1);
});

test('whoever holds connections open gets sixteen of them', async (t) => {
  const { port } = await server(t);
  const open: Socket[] = [];
  t.teardown(() => {
    for (const socket of open) socket.destroy();
  });
  const isHeld = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      open.push(socket);
      socket.on('error', () => resolve(false)).on('close', () => resolve(false));
      // A first request tells whether it was let in; the connection stays open.
      socket.on('connect', () => socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'));
      socket.once('data', () => resolve(true));
    });
  const held: boolean[] = [];
  for (let n = 0; n < 20; n++) held.push(await isHeld());
  t.is(held.filter((each) => each).length, 16);
});
