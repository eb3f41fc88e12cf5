// Frames captured from other endpoints, as hex in captured/: what is read of their outer headers, and what comes out.
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { KeyWord } from '../../src/classifier/flow-key.js';
import { vxlanHeaders } from '../../src/control/vxlan-headers.js';
import { Harness, redirect, TAP0, unset, VXLAN0 } from '../../src/dataplane/harness.test.helper.js';
import { OuterReader, WHOLE } from '../../src/io/outer/outer-reader.js';
import { TUNNEL_WORDS, TunnelWord } from '../../src/memory/tunnel.js';

const FOLDER = new URL('../../../test/golden/captured/', import.meta.url);

interface Captured {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** A line `# key: value` of the file, or nothing. */
  says(key: string): string;
}

function captured(name: string): Captured {
  const text = readFileSync(new URL(name, FOLDER), 'utf8');
  const bytes = Buffer.from(text.replaceAll(/#.*|\s/g, ''), 'hex');
  return { name, bytes, says: (key) => new RegExp(`^# ${key}: (.*)$`, 'm').exec(text)?.[1] ?? '' };
}

function address(words: Int32Array, at: number): string {
  const bytes = Buffer.alloc(16);
  for (let w = 0; w < 4; w++) bytes.writeInt32BE(words[at + w] ?? 0, w * 4);
  if (words[TunnelWord.FAMILY] === 4) return bytes.subarray(0, 4).join('.');
  return `[${(bytes.toString('hex').match(/..../g) ?? []).map((part) => part.replace(/^0{1,3}/, '')).join(':')}]`;
}

function outerOf(words: Int32Array): string {
  const source = `${address(words, TunnelWord.SRC_IP)}:${words[TunnelWord.SRC_PORT]}`;
  const destination = `${address(words, TunnelWord.DST_IP)}:${words[TunnelWord.DST_PORT]}`;
  return `${source} > ${destination} tos ${words[TunnelWord.TOS]} ttl ${words[TunnelWord.TTL]}`;
}

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.hex'))) {
  const frame = captured(name);
  test(`${name.replace('.hex', '')}: what was captured is read and decapsulated`, (t) => {
    t.not(frame.says('source'), '', 'a captured frame says where it is from');
    const memory = new Uint8Array(64 * 1024);
    memory.set(frame.bytes);
    const words = new Int32Array(TUNNEL_WORDS);
    const port = Number(frame.says('port'));
    const reader = new OuterReader(memory.buffer, { port, udp6ZeroChecksum: true, mtu: 1500 });
    t.is(reader.readFrame(0, frame.bytes.length, words, 0), WHOLE);
    t.is(outerOf(words), frame.says('outer'));

    const harness = new Harness();
    const extension = frame.says('extension');
    const options = { external: true, dstport: port, udpcsum: true, udp6zerocsumtx: false, udp6zerocsumrx: true };
    const headers = vxlanHeaders({ ...options, gpe: extension === 'gpe', gbp: extension === 'gbp' });
    harness.devices.setHeaders(VXLAN0, headers);
    const match = { [KeyWord.ENC_KEY_ID]: Number(frame.says('vni')) };
    harness.use([{ device: VXLAN0, match, actions: [unset(), redirect(TAP0)] }]);
    const payload = memory.slice(reader.payload, reader.payload + reader.length);
    const { TOS, TTL, FAMILY } = TunnelWord;
    const tunnel = { TOS: words[TOS] ?? 0, TTL: words[TTL] ?? 0, FAMILY: words[FAMILY] ?? 0 };
    harness.receive({ bytes: payload, tunnel });
    t.deepEqual(harness.reasons(VXLAN0), {});
    t.is(harness.tap0.written.length, 1);
    const inner = Buffer.from(harness.tap0.written[0]?.bytes ?? []);
    const bytes = Number.parseInt(frame.says('inner'), 10);
    // What has no Ethernet header on the wire has one on a TAP.
    const whole = extension === 'gpe' ? inner.subarray(14) : inner;
    t.is(whole.length, bytes);
    t.is(whole.toString('hex'), Buffer.from(frame.bytes).subarray(-bytes).toString('hex'));
  });
}
