// Endpoints that begin, end and fail, alone and beside others: nothing of them is left behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { dropsOf, frame, pair, side, until } from './endpoints.test.helper.js';
import { type Device, Endpoint, type EndpointOptions, VtepError } from './index.js';

const LIBRARY = new URL('./index.js', import.meta.url).href;
const [PORT_A, PORT_B] = [24_795, 24_796];

/** Descriptors of this process, but for what reads them. */
function descriptors(): string[] {
  const found: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      found.push(`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`);
    } catch {
      // It was the directory's own.
    }
  }
  return found.sort();
}

/** What stays the process's once there was an endpoint, as its probes. */
async function warm(): Promise<string[]> {
  await (await Endpoint.open({ batch: side(PORT_A, PORT_B) })).close();
  return settled();
}

/** Descriptors, once the thread that waited has ended. */
async function settled(): Promise<string[]> {
  let last = descriptors();
  for (let same = 0; same < 20; ) {
    await turn();
    const now = descriptors();
    same = now.join() === last.join() ? same + 1 : 0;
    last = now;
  }
  return last;
}

async function leavesNothing(t: ExecutionContext, before: readonly string[]): Promise<void> {
  await until(async () => (await settled()).length <= before.length);
  t.is(descriptors().length, before.length);
}

test.serial('what fails while it begins leaves neither descriptor nor file nor port behind', async (t) => {
  const before = await warm();
  const folder = mkdtempSync(join(tmpdir(), 'vtep-lifecycle-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const taken = join(folder, 'taken.sock');
  const holder = await Endpoint.open({ control: taken, batch: side(PORT_A, PORT_B) });
  const foreign = join(folder, 'foreign.sock');
  const server = createServer().listen(foreign);
  await once(server, 'listening');
  const held = await settled();
  const failing: readonly (readonly [options: EndpointOptions, code: string, message: RegExp])[] = [
    [{ control: taken }, 'start', /taken\.sock/],
    [{ control: foreign }, 'start', /foreign\.sock/],
    [{ control: join(folder, `${'long'.repeat(40)}.sock`) }, 'start', /longer than/],
    [{ control: join(folder, 'new.sock'), batch: side(PORT_A, PORT_B) }, 'refused', /Address already in use/],
    [{ control: join(folder, 'new.sock'), batch: 'ip link add x0 type tap\nnonsense' }, 'refused', /nonsense/],
    [{ underlay: () => undefined, batch: 'ip addr add 10.0.0.1/24 dev x0' }, 'refused', /is about the host/],
  ];
  for (const [options, code, message] of failing)
    await t.throwsAsync(Endpoint.open(options), { instanceOf: VtepError, code, message });
  t.deepEqual(readdirSync(folder).sort(), ['foreign.sock', 'taken.sock', 'taken.sock.lock']);
  await leavesNothing(t, held);
  // What holds them goes on.
  t.is((await holder.links()).length, 2);
  server.close();
  await holder.close();
  t.false(existsSync(taken));
  await leavesNothing(t, before);
});

test.serial(
  '`await using` closes an endpoint at the end of its block, and when the block is left by an error',
  async (t) => {
    const before = await warm();
    let kept: Endpoint | undefined;
    const use = async (fails: boolean): Promise<void> => {
      await using endpoint = await Endpoint.open({ batch: side(PORT_A, PORT_B) });
      kept = endpoint;
      if (fails) throw new Error('on purpose');
    };
    await use(false);
    await t.throwsAsync(async () => kept?.links(), { code: 'closed' });
    await t.throwsAsync(use(true), { message: 'on purpose' });
    await t.throwsAsync(async () => kept?.links(), { code: 'closed' });
    await leavesNothing(t, before);
  },
);

test.serial('endpoints end while traffic runs both ways, and whatever still calls them is told', async (t) => {
  const before = await warm();
  for (let round = 0; round < 3; round++) {
    const a = await Endpoint.open({ batch: side(PORT_A, PORT_B) });
    const b = await Endpoint.open({ batch: side(PORT_B, PORT_A) });
    let got = 0;
    const errors: unknown[] = [];
    const taps: Device[] = [];
    for (const endpoint of [a, b])
      taps.push(
        await endpoint.device('tap0', {
          transmit: (batch, self) => {
            got += batch.count;
            // Each comes back, without end.
            for (let i = 0; i < batch.count; i++) self.send(batch.bytes(i));
          },
        }),
      );
    const reading = (async () => {
      for await (const event of a.events('error')) errors.push(event);
    })();
    for (let n = 0; n < 200; n++) taps[n % 2]?.send(frame(n));
    await until(() => got > 1000);
    await Promise.all([a.close(), a.close(), b.close()]);
    await reading;
    t.deepEqual(errors, []);
    t.throws(() => taps[0]?.send(frame(1)), { code: 'closed' });
    t.throws(() => a.deliver(frame(1)), { code: 'closed' });
    t.throws(() => a.events(), { code: 'closed' });
    t.throws(() => a.action('late', () => undefined), { code: 'closed' });
    await t.throwsAsync(async () => a.device('late0'), { code: 'closed' });
    await t.throwsAsync(a.run('ip link show'), { code: 'closed' });
    await t.notThrowsAsync(taps[0]?.close() ?? Promise.reject());
    const end = got;
    await turn();
    t.is(got, end);
  }
  await leavesNothing(t, before);
});

test.serial(
  'an endpoint that ends takes nothing from another: names, actions, reasons, ports and links are its own',
  async (t) => {
    const [a, b] = await pair({ batch: side(PORT_A, PORT_B) });
    const third = await Endpoint.open({ underlay: () => undefined });
    t.teardown(() => Promise.all([b.close(), third.close()]));
    const seen: string[] = [];
    for (const [name, endpoint] of Object.entries({ a, b, third })) {
      const reason = endpoint.reason('unwanted', `${name} did not want it`);
      endpoint.action('refuse', (batch) => {
        seen.push(name);
        for (let i = 0; i < batch.count; i++) batch.drop(i, reason);
      });
      const device = await endpoint.device('in0');
      await endpoint.batch([
        'tc qdisc add dev in0 ingress',
        'tc filter add dev in0 ingress protocol all pref 1 flower action refuse',
      ]);
      device.send(frame(1));
      await until(async () => (await dropsOf(endpoint)).unwanted === 1);
      t.is((await endpoint.drops()).find((drop) => drop.reason === 'unwanted')?.sentence, `${name} did not want it`);
      if (name === 'a') await endpoint.close();
    }
    t.deepEqual(seen, ['a', 'b', 'third']);
    t.deepEqual(
      (await third.links()).map(({ name }) => name),
      ['in0'],
    );
  },
);

test.serial('more endpoints than the thread pool has threads wait together, without a warning', async (t) => {
  const warnings: string[] = [];
  const warned = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const all: Endpoint[] = [];
  for (let n = 0; n < 12; n++)
    all.push(
      await Endpoint.open({
        batch: `ip link add vxlan0 type vxlan external dstport ${PORT_A + n} local 127.0.0.1\nip link set vxlan0 up`,
      }),
    );
  const counts = await Promise.all(
    all.map(async (endpoint, n) => {
      let got = 0;
      await endpoint.device('vxlan0', {
        transmit: (batch) => {
          got += batch.count;
        },
      });
      const to = all[(n + 1) % all.length];
      const device = await endpoint.device('out0');
      await endpoint.batch([
        'tc qdisc add dev out0 ingress',
        `tc filter add dev out0 ingress protocol all pref 1 flower action tunnel_key set src_ip 127.0.0.1 dst_ip 127.0.0.1 id 4 dst_port ${PORT_A + ((n + 1) % all.length)} action mirred egress redirect dev vxlan0`,
      ]);
      t.not(to, undefined);
      return { send: () => device.send(frame(n)), got: () => got };
    }),
  );
  for (const { send } of counts) send();
  await until(() => counts.every(({ got }) => got() === 1));
  await Promise.all(all.map((endpoint) => endpoint.close()));
  t.deepEqual(warnings, []);
});

/** A program of its own that opens an endpoint and forgets it. */
async function program(lines: string): Promise<{ code: number | null; signal: string | null; out: string }> {
  const script = `const { Endpoint } = await import(${JSON.stringify(LIBRARY)});\n${lines}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return { code, signal, out };
}

const OPEN = 'let endpoint = await Endpoint.open({ underlay: () => undefined });';

test('a program that has forgotten its endpoint ends when it says so, by whichever way', async (t) => {
  const [exited, thrown, killed, closed] = await Promise.all([
    program(`${OPEN} setTimeout(() => process.exit(7), 20);`),
    program(`${OPEN} setTimeout(() => { throw new Error('on purpose'); }, 20);`),
    program(`${OPEN} endpoint = undefined; setTimeout(() => process.kill(process.pid, 'SIGTERM'), 20);`),
    program(`${OPEN} await endpoint.close(); console.log('closed');`),
  ]);
  t.deepEqual([exited?.code, thrown?.code, killed?.signal, closed?.code], [7, 1, 'SIGTERM', 0]);
  t.is(closed?.out, 'closed\n');
});

test('an endpoint keeps its program alive until it is closed, though it waits for nothing else', async (t) => {
  const { out, code } = await program(
    `${OPEN} process.on('exit', () => console.log('end')); setTimeout(async () => { console.log('there'); await endpoint.close(); }, 50).unref();`,
  );
  t.is(code, 0);
  t.is(out, 'there\nend\n');
});
