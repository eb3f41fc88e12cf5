/** Frames from the wire, outer headers and all, as the underlays raw and pcap get them. */
import * as fc from 'fast-check';
import { vxlan } from '../../../src/dataplane/harness.test.helper.js';
import { OuterReader, WHOLE } from '../../../src/io/outer/outer-reader.js';
import { REASON } from '../../../src/memory/reasons.js';
import { TUNNEL_WORDS, TunnelWord } from '../../../src/memory/tunnel.js';
import { buildFrame, noise } from '../../../src/offload/test-frames.js';
import { anyFrame } from '../../../src/wire/frame-generator.js';
import { mutateFrame } from '../burst-mutations.js';
import { layoutOf } from '../frame-fields.js';
import { hexRows, hold, type Target } from '../target.js';

const AT = 64;
const ROOM = 1 << 17;
const PORT = 4789;
/** What a reader may refuse a packet for. */
const REFUSALS = ['outer-malformed', 'outer-checksum', 'outer-fragment', 'lost-segment-size'].map(
  (name) => REASON[name as keyof typeof REASON],
);

const memory = new Uint8Array(ROOM);
const reader = new OuterReader(memory.buffer, { port: PORT, udp6ZeroChecksum: false, mtu: 1500 });

function read(frame: Uint8Array, poison: number): string {
  memory.fill(poison, 0, AT + frame.length + 2048);
  memory.set(frame, AT);
  const words = new Int32Array(3 * TUNNEL_WORDS);
  const verdict = reader.readFrame(AT, frame.length, words, TUNNEL_WORDS);
  hold(verdict <= WHOLE || REFUSALS.includes(verdict), `${verdict} is no verdict of this reader`);
  const isOwn = words.every((word, n) => word === 0 || (n >= TUNNEL_WORDS && n < 2 * TUNNEL_WORDS));
  hold(isOwn, 'another tunnel record was written');
  hold(
    memory.subarray(AT, AT + frame.length).every((byte, n) => byte === frame[n]),
    'the frame was changed',
  );
  if (verdict !== WHOLE) return `${verdict}`;
  const { payload, length, segmentSize, truncated } = reader;
  hold(
    payload >= AT && length >= 0 && payload + length <= AT + frame.length,
    `the payload is ${length} bytes at ${payload - AT} of ${frame.length}`,
  );
  hold(
    segmentSize >= 0 && (segmentSize === 0 || segmentSize < length),
    `a segment size of ${segmentSize} in ${length} bytes`,
  );
  const { version } = layoutOf(frame);
  hold(words[TUNNEL_WORDS + TunnelWord.FAMILY] === version, 'the family is not that of the header');
  hold(words[TUNNEL_WORDS + TunnelWord.DST_PORT] === PORT, 'the port is another');
  return [verdict, payload, length, segmentSize, truncated, ...words].join();
}

function run(frame: Uint8Array): void {
  const found = read(frame, 0);
  for (const poison of [0xff, 0x08])
    hold(read(frame, poison) === found, 'what is read depends on bytes outside of the frame');
}

const outer = fc
  .record({
    version: fc.constantFrom<4 | 6>(4, 4, 6),
    vlans: fc.constantFrom<number[][]>([], [], [5], [5, 6], [5, 6, 7]),
    inner: fc.oneof(
      anyFrame(),
      fc.nat(90).map((size) => buildFrame({ payload: noise(size, 1) })),
    ),
    times: fc.constantFrom(1, 1, 2, 3),
    how: fc.constantFrom(
      {},
      {},
      {},
      { badChecksum: true },
      { noChecksum: true },
      { unfinished: true },
      { fragment: 0x2000 },
      { badIpChecksum: true },
      { padding: 4 },
    ),
    port: fc.constantFrom(PORT, PORT, PORT, 4790),
  })
  .map(({ version, vlans, inner, times, how, port }) => {
    const datagram = vxlan(4, inner);
    const payload = Uint8Array.from(Buffer.concat(new Array<Uint8Array>(times).fill(datagram)));
    return buildFrame({ version, vlans, protocol: 'udp', destinationPort: port, payload, ...how });
  });

export const target: Target = {
  name: 'outer',
  title:
    'a frame of the underlay through the reader of outer headers: a payload within it, or a reason, from its own bytes alone',
  covers: ['io/outer/', 'wire/'],
  generated: fc.oneof({ weight: 4, arbitrary: outer }, { weight: 1, arbitrary: anyFrame(0) }),
  mutate: mutateFrame,
  longest: 4096,
  run,
  show: hexRows,
};
