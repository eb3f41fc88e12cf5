import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { Arena } from '../../memory/arena.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { DatagramVector, FOLLOWS } from '../../memory/vectors.js';
import { EBADFD } from '../../native/errno.js';
import { close } from '../../native/libc.js';
import { enterFreshNamespace, ip, rooted, rootedSince } from '../testing/namespace.js';
import { openTunnelGso, probeTunnelGso } from './open-tunnel-gso.js';
import { TUNNEL_GSO_BYTES, TunnelGso, type TunnelGsoParts } from './tunnel-gso.js';

/** Super-frames in tunnels for a TAP. */
const able = rootedSince([6, 17, 0]);

test.before(() => {
  if (process.getuid?.() !== 0) return;
  enterFreshNamespace();
  ip('link add va type veth peer name vb');
  for (const dev of ['va', 'vb']) ip(`link set ${dev} addrgenmode none`);
  ip('addr add 10.7.0.1/24 dev va');
  ip('addr add fd07::1/64 dev va nodad');
  ip('link set va up');
  ip('link set vb up');
  ip('route add 10.8.0.0/16 via 10.7.0.9 hoplimit 33');
});

interface Station {
  readonly parts: TunnelGsoParts;
  readonly gso: TunnelGso;
  readonly arena: Arena;
}

function station(t: ExecutionContext): Station {
  const { parts, refusals } = openTunnelGso('/dev/net/tun');
  if (parts === undefined) throw new Error(refusals.join('; '));
  t.teardown(() => close(parts.fd));
  const arena = new Arena(TUNNEL_GSO_BYTES + (1 << 20));
  const gso = new TunnelGso(arena, parts);
  t.teardown(() => gso.close());
  return { parts, gso, arena };
}

function recordTo(words: Partial<Record<keyof typeof TunnelWord, number>>, destination: readonly number[]): Int32Array {
  const tunnels = new Int32Array(TUNNEL_WORDS);
  for (const [name, value] of Object.entries(words)) tunnels[TunnelWord[name as keyof typeof TunnelWord]] = value;
  tunnels.set(destination, TunnelWord.DST_IP);
  return tunnels;
}

const LIMIT = (): number => 64;

rooted('the host forwards super-frames over both families, and the probe leaves nothing behind', (t) => {
  const state = (): string => ip('-o addr show') + ip('route show table all') + ip('rule show');
  const before = state();
  const { families, refusals } = probeTunnelGso('/dev/net/tun');
  t.is(state(), before);
  t.notRegex(ip('link show'), /vtepgso/);
  if (families.length === 0) t.regex(refusals.join(), /Linux 6\.17/);
  else t.deepEqual([families, refusals], [[4, 6], []]);
});

able('source and hop limit are filled in as the host would choose them', (t) => {
  const { gso } = station(t);
  const near = recordTo({ FAMILY: 4 }, [0x0a070002]);
  t.true(gso.complete(near, 0, LIMIT));
  t.deepEqual([near[TunnelWord.SRC_IP], near[TunnelWord.TTL]], [0x0a070001, 64]);
  const far = recordTo({ FAMILY: 4 }, [0x0a080002]);
  t.true(gso.complete(far, 0, LIMIT));
  t.is(far[TunnelWord.TTL], 33, "the route's own");
  const said = recordTo({ FAMILY: 4, TTL: 7, SRC_IP: 0x0a070001 }, [0x0a080002]);
  t.true(gso.complete(said, 0, LIMIT));
  t.is(said[TunnelWord.TTL], 7);
  const six = recordTo({ FAMILY: 6 }, [0xfd070000 | 0, 0, 0, 2]);
  t.true(gso.complete(six, 0, LIMIT));
  t.deepEqual([...six.subarray(TunnelWord.SRC_IP, TunnelWord.SRC_IP + 4)], [0xfd070000 | 0, 0, 0, 1]);
});

able('what the host would not forward, or not as it sends, is refused and left as it was', (t) => {
  const { gso } = station(t);
  for (const [name, words, destination] of [
    ['an address of this host', { FAMILY: 4 }, [0x0a070001]],
    ['no route', { FAMILY: 4 }, [0x0b000001]],
    ['multicast', { FAMILY: 4 }, [0xef000001 | 0]],
    ['broadcast', { FAMILY: 4 }, [0x0a0700ff]],
    ['a hop limit that cannot be one more', { FAMILY: 4, TTL: 255 }, [0x0a070002]],
    ['another device than the route says', { FAMILY: 4, IFINDEX: 1 }, [0x0a070002]],
    ['an address that is valid on a link only', { FAMILY: 6 }, [0xfe800000 | 0, 0, 0, 2]],
    ['an empty record', {}, [0]],
  ] as const) {
    const tunnels = recordTo(words, destination);
    const before = tunnels.slice();
    t.false(gso.complete(tunnels, 0, LIMIT), name);
    t.deepEqual(tunnels, before, name);
  }
});

able('a rule that leads what is forwarded elsewhere is noticed', (t) => {
  const { gso } = station(t);
  ip('rule add iif vtepgso0 to 10.8.0.0/16 prohibit');
  t.teardown(() => ip('rule del iif vtepgso0 to 10.8.0.0/16 prohibit'));
  t.false(gso.complete(recordTo({ FAMILY: 4 }, [0x0a080002]), 0, LIMIT));
  t.true(gso.complete(recordTo({ FAMILY: 4 }, [0x0a070002]), 0, LIMIT));
});

able('a host that keeps what is forwarded is told of, and one that filters sources', (t) => {
  ip('rule add iif vtepgso0 prohibit');
  t.teardown(() => ip('rule del iif vtepgso0 prohibit'));
  const kept = probeTunnelGso('/dev/net/tun');
  t.deepEqual(kept.families, [6]);
  t.regex(kept.refusals.join(), /^the host forwards no super-frames over IPv4: a trial was lost/);
  writeFileSync('/proc/sys/net/ipv4/conf/all/rp_filter', '1');
  t.teardown(() => writeFileSync('/proc/sys/net/ipv4/conf/all/rp_filter', '0'));
  t.regex(probeTunnelGso('/dev/net/tun').refusals.join(), /over IPv4: net\.ipv4\.conf\.all\.rp_filter is 1$/);
});

able('loose source filtering is no obstacle', (t) => {
  writeFileSync('/proc/sys/net/ipv4/conf/all/rp_filter', '2');
  t.teardown(() => writeFileSync('/proc/sys/net/ipv4/conf/all/rp_filter', '0'));
  const { gso } = station(t);
  t.true(gso.complete(recordTo({ FAMILY: 4 }, [0x0a080002]), 0, LIMIT));
});

test('without a device node there is a sentence', (t) => {
  const { families, refusals } = probeTunnelGso('/nonexistent/tun');
  t.deepEqual(families, []);
  t.deepEqual(refusals, ['a TAP for super-frames cannot be made: open /nonexistent/tun: No such file or directory']);
});

able('where the TAP is taken away it is given up, with the errno', (t) => {
  const { gso, arena } = station(t);
  const tunnels = recordTo({ FAMILY: 4 }, [0x0a070002]);
  t.true(gso.complete(tunnels, 0, LIMIT));
  const vector = new DatagramVector(arena, 1, 4, 256);
  vector.iovecs.add(vector.headers.take(100), 100);
  vector.iovecCount[0] = 1;
  vector.segments[0] = 1;
  vector.gsoType[0] = FOLLOWS;
  t.is(gso.send(vector, 0, tunnels, 0, 40000, 4789), 0);
  ip('link del vtepgso0');
  t.is(gso.send(vector, 0, tunnels, 0, 40000, 4789), EBADFD);
  t.is(gso.failure, EBADFD);
  t.false(gso.complete(recordTo({ FAMILY: 4 }, [0x0a070002]), 0, LIMIT));
});
