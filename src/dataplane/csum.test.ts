// Checksums of protocols that nothing else computes, made over frames whose fields hold garbage, against RFC 1071 by
// the letter; and the frames for which there is none to make.
import test from 'ava';
import { CSUM_ICMP, CSUM_IGMP, CSUM_IPV4, CSUM_SCTP, CSUM_TCP, CSUM_UDP, CSUM_UDPLITE } from '../actions/program.js';
import { buildFrame, concat, hex, naiveSum, noise } from '../offload/test-frames.js';
import { csum, Harness, redirect, TAP0, VXLAN0, vxlan } from './harness.test.helper.js';

const ALL = 0x7f;
const MACS = '52540000000b52540000000a';

function ipv4(protocol: number, payload: Uint8Array, fragment = 0x4000): Uint8Array {
  const header = hex(`450000000001${fragment.toString(16).padStart(4, '0')}40000000 0a000001 0a000002`);
  header[2] = (20 + payload.length) >> 8;
  header[3] = (20 + payload.length) & 255;
  header[9] = protocol;
  const sum = ~naiveSum(header) & 0xffff;
  header[10] = sum >> 8;
  header[11] = sum & 255;
  return concat(hex(`${MACS}0800`), header, payload);
}

/** `extensions`: a chain of headers of 8 bytes, each with the number of the next one. */
function ipv6(protocol: number, payload: Uint8Array, extensions: readonly number[] = []): Uint8Array {
  const chain = extensions.map((_, n) =>
    hex(`${(extensions[n + 1] ?? protocol).toString(16).padStart(2, '0')}00010400000000`),
  );
  const length = payload.length + 8 * chain.length;
  const first = (extensions[0] ?? protocol).toString(16).padStart(2, '0');
  const header = hex(
    `60000000${length.toString(16).padStart(4, '0')}${first}40 20010db8000000000000000000000001 20010db8000000000000000000000002`,
  );
  return concat(hex(`${MACS}86dd`), header, ...chain, payload);
}

/** What leaves of a frame that meets action csum; undefined: it was dropped. */
function through(frame: Uint8Array, flags = ALL): Uint8Array | undefined {
  const harness = new Harness({ offloads: 0 });
  harness.use([{ device: VXLAN0, actions: [csum(flags), redirect(TAP0)] }]);
  harness.receive(vxlan(4, frame));
  const [written] = harness.tap0.written;
  if (written === undefined) {
    const { 'csum-cut-header': cut } = harness.reasons(VXLAN0);
    if (cut !== 1 || harness.action(0, 0)[2] !== 1) throw new Error('dropped for another reason');
  }
  return written?.bytes;
}

function pseudo4(frame: Uint8Array, protocol: number, length: number): Uint8Array {
  return concat(frame.slice(26, 34), Uint8Array.of(0, protocol, length >> 8, length & 255));
}

function pseudo6(frame: Uint8Array, protocol: number, length: number): Uint8Array {
  return concat(frame.slice(22, 54), Uint8Array.of(0, 0, length >> 8, length & 255, 0, 0, 0, protocol));
}

/** CRC32c, a bit at a time. */
function naiveCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const isOne = ((crc ^ (byte >> bit)) & 1) === 1;
      crc = isOne ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  }
  return ~crc >>> 0;
}

for (const size of [8, 9, 64, 1001]) {
  test(`ICMP and IGMP of ${size} bytes`, (t) => {
    for (const protocol of [1, 2]) {
      const out = through(ipv4(protocol, noise(size, size)));
      t.is(naiveSum(out?.slice(34) ?? new Uint8Array(0)), 0xffff, `${protocol}`);
    }
    const frame = ipv6(58, noise(size, size));
    const out = through(frame) ?? frame;
    t.is(naiveSum(concat(pseudo6(frame, 58, size), out.slice(54))), 0xffff);
    const behind = ipv6(58, noise(size, size), [0, 60]);
    const long = through(behind) ?? behind;
    t.is(naiveSum(concat(pseudo6(behind, 58, size), long.slice(70))), 0xffff, 'behind two extension headers');
  });

  test(`UDP-Lite of ${size} bytes, all of it covered or a part`, (t) => {
    for (const coverage of [0, 8, size]) {
      for (const version of [4, 6]) {
        const payload = noise(size, size);
        payload[4] = coverage >> 8;
        payload[5] = coverage & 255;
        const frame = version === 4 ? ipv4(136, payload) : ipv6(136, payload);
        const out = through(frame) ?? frame;
        const at = version === 4 ? 34 : 54;
        const covered = out.slice(at, at + (coverage || size));
        const pseudo = version === 4 ? pseudo4(frame, 136, size) : pseudo6(frame, 136, size);
        t.is(naiveSum(concat(pseudo, covered)), 0xffff, `${coverage} of IPv${version}`);
      }
    }
  });

  test(`SCTP of ${size + 4} bytes has a CRC, least significant byte first`, (t) => {
    for (const frame of [ipv4(132, noise(size + 4, size)), ipv6(132, noise(size + 4, size))]) {
      const out = through(frame) ?? frame;
      const packet = out.slice(frame[12] === 8 ? 34 : 54);
      const crc = new DataView(packet.buffer).getUint32(8, true);
      packet.fill(0, 8, 12);
      t.is(crc, naiveCrc(packet));
    }
  });
}

test('the CRC of the nine digits is the one that everybody knows', (t) => {
  t.is(naiveCrc(new TextEncoder().encode('123456789')), 0xe3069283);
});

test('what was not asked for stays as it is', (t) => {
  const tcp = buildFrame({ badChecksum: true, badIpChecksum: true });
  t.deepEqual(through(tcp, CSUM_ICMP | CSUM_UDP | CSUM_SCTP | CSUM_IGMP | CSUM_UDPLITE), tcp);
  t.notDeepEqual(through(tcp, CSUM_IPV4), tcp);
  t.deepEqual(through(tcp, CSUM_IPV4 | CSUM_TCP), buildFrame({}));
  const icmp = ipv4(1, noise(20, 1));
  t.deepEqual(through(icmp, CSUM_TCP), icmp);
});

test('fragments, frames without IP and UDP without a checksum have none to make', (t) => {
  for (const frame of [
    ipv4(1, noise(64, 1), 0x2000),
    ipv4(6, noise(64, 1), 0x0010),
    ipv6(17, noise(64, 1), [44]),
    concat(hex(`${MACS}0806`), noise(28, 2)),
    buildFrame({ protocol: 'udp', noChecksum: true }),
    ipv4(47, noise(30, 3)),
  ]) {
    t.deepEqual(through(frame), frame);
  }
});

test('a UDP length that is not that of the packet leaves its checksum alone', (t) => {
  const frame = buildFrame({ protocol: 'udp', badChecksum: true });
  frame[38] = 0;
  frame[39] = 20;
  t.deepEqual(through(frame), frame);
});

test('a header that is cut short cannot be summed, and the frame is dropped by name', (t) => {
  for (const frame of [
    ipv4(1, noise(7, 1)),
    ipv4(2, noise(7, 1)),
    ipv4(6, noise(19, 1)),
    ipv4(17, noise(7, 1)),
    ipv4(132, noise(11, 1)),
    ipv4(136, noise(7, 1)),
    ipv6(58, noise(7, 1)),
  ]) {
    t.is(through(frame), undefined, `${frame.length}`);
  }
});
