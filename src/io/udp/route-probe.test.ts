import test from 'ava';
import { Arena } from '../../memory/arena.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { RtnetlinkClient } from '../rtnetlink/client.js';
import { enterFreshNamespace, ip, rooted } from '../testing/namespace.js';
import { ROUTE_PROBE_BYTES, RouteProbe } from './route-probe.js';

/** A record of which only the destination counts. */
function to(...words: readonly number[]): Int32Array {
  const record = new Int32Array(TUNNEL_WORDS);
  record[TunnelWord.FAMILY] = words.length === 1 ? 4 : 6;
  record.set(words, TunnelWord.DST_IP);
  return record;
}

const v4 = (last: number): number => 0xc6336400 + last; // 198.51.100.0/24
const v6 = (last: number): readonly number[] => [0x20010db8, 0, 0, last];

rooted('the MTU of the route, the source that goes with it, and whether it is this host', (t) => {
  enterFreshNamespace();
  ip('link add va mtu 1480 type veth peer name vb');
  ip('link set va up');
  ip('link set vb up');
  ip('addr add 198.51.100.1/24 dev va');
  ip('addr add 2001:db8::1/64 dev va nodad');
  ip('route add 198.51.100.9/32 dev va mtu 1300');
  ip('route add 2001:db8::9/128 dev va mtu 1320');
  const probe = new RouteProbe(new Arena(ROUTE_PROBE_BYTES + 64));
  t.true(probe.ask(to(v4(2)), 0));
  t.deepEqual([probe.mtu, probe.local, [...probe.source]], [1480, false, [v4(1) | 0, 0, 0, 0]]);
  t.true(probe.ask(to(v4(9)), 0));
  t.is(probe.mtu, 1300);
  t.true(probe.ask(to(...v6(2)), 0));
  t.deepEqual([probe.mtu, probe.local, [...probe.source]], [1480, false, [...v6(1)]]);
  t.true(probe.ask(to(...v6(9)), 0));
  t.is(probe.mtu, 1320);
  for (const own of [to(v4(1)), to(0x7f000001), to(...v6(1)), to(0, 0, 0, 1)]) {
    t.true(probe.ask(own, 0));
    t.true(probe.local);
  }
  // What it was connected to before does not matter, and a way that is not there is said.
  t.true(probe.ask(to(v4(2)), 0));
  t.deepEqual([probe.local, probe.source[0]], [false, v4(1) | 0]);
  t.false(probe.ask(to(0x0a000001), 0));
  ip('link set va mtu 1400');
  t.true(probe.ask(to(v4(2)), 0));
  t.is(probe.mtu, 1400);
  probe.close();
});

rooted('the interface that datagrams leave by, as routes change; of this host it says none', (t) => {
  enterFreshNamespace();
  ip('link add va type veth peer name vb');
  ip('link set va up');
  ip('link set vb up');
  ip('addr add 198.51.100.1/24 dev va');
  ip('addr add 2001:db8::1/64 dev va nodad');
  const links = new RtnetlinkClient();
  const indexOf = (name: string): number => links.link(name)?.index ?? -1;
  const probe = new RouteProbe(new Arena(ROUTE_PROBE_BYTES + 64));
  t.true(probe.ask(to(v4(2)), 0));
  t.is(probe.device, indexOf('va'));
  ip('route add 198.51.100.2/32 dev vb');
  t.true(probe.ask(to(v4(2)), 0));
  t.is(probe.device, indexOf('vb'));
  t.true(probe.ask(to(...v6(2)), 0));
  t.is(probe.device, indexOf('va'));
  t.true(probe.ask(to(v4(1)), 0));
  t.is(probe.device, 0);
  links.close();
  probe.close();
});

test('a probe that is asked nothing opens nothing', (t) => {
  const probe = new RouteProbe(new Arena(ROUTE_PROBE_BYTES + 64));
  t.notThrows(() => probe.close());
});
