// What the commands of vtep say of an endpoint that has a control socket: a program's own reasons and actions with the rest.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { request } from '../control/client.js';
import type { DropRow } from '../observe/drops.js';
import { buildFrame } from '../offload/test-frames.js';
import { Endpoint } from './index.js';

const run = promisify(execFile);
const VTEP = fileURLToPath(new URL('../../../bin/vtep', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vtep-looking-in-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
const frame = buildFrame({ protocol: 'udp', payload: Uint8Array.of(1) });

test('drops, captures, the overview and a saved state of an endpoint know its own reasons and actions', async (t) => {
  const control = join(folder, 'control.sock');
  const endpoint = await Endpoint.open({ control, underlay: () => undefined });
  t.teardown(() => endpoint.close());
  const ask = async (...argv: string[]): Promise<{ code: number; out: string; err: string }> => {
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
    return { code: await request(argv, output, control), out, err };
  };
  const unwanted = endpoint.reason('unwanted', 'a test did not want the frame');
  endpoint.action('refuse', (batch) => {
    for (let i = 0; i < batch.count; i++) batch.drop(i, unwanted);
  });
  const device = await endpoint.device('in0', {});
  await endpoint.batch([
    'tc qdisc add dev in0 ingress',
    'tc filter add dev in0 ingress protocol all pref 1 flower action refuse',
  ]);
  const captured = ask('capture', '--text', '--count', '1', 'reason', 'unwanted');
  const rows = async (): Promise<DropRow[]> =>
    JSON.parse((await ask('drops', '--json', '--last', '2', 'unwanted')).out);
  // The capture is on once it has seen one.
  const sending = setInterval(() => device.send(frame), 1);
  t.teardown(() => clearInterval(sending));
  const { out, code } = await captured;
  clearInterval(sending);
  t.is(code, 0);
  t.regex(
    out,
    /in0 drop {2}rule dev in0 ingress chain 0 pref 1 handle 0x1, drop unwanted: a test did not want the frame/,
  );
  const [row] = await rows();
  t.like(row, { device: 'in0', reason: 'unwanted', verdict: 'drop', sentence: 'a test did not want the frame' });
  t.is(row?.frames?.length, 2);
  t.like(row?.frames?.[0], { length: frame.length, rule: { dev: 'in0', pref: 1 } });
  const overview = JSON.parse((await ask('overview')).out) as {
    drops: { reason: string }[];
    devices: { name: string }[];
  };
  t.deepEqual([overview.devices[0]?.name, overview.drops[0]?.reason], ['in0', 'unwanted']);
  t.regex((await ask('save')).out, /^# Functions of the program .*: refuse$/m);
  t.regex((await ask('save', '--state')).out, /"says":"refuse pipe"/);
  const traced = await run(process.execPath, [VTEP, '--control', control, 'trace', 'dev', 'in0', 'ip_proto', 'tcp']);
  t.regex(traced.stdout, /action 1: refuse pipe[\s\S]*verdict function: a function of the program decides/);
  const unknown = await ask('drops', 'unwantd');
  t.is(unknown.code, 1);
  t.regex(unknown.err, /did you mean "unwanted"/);
});
