import test from 'ava';
import type { Link } from '../io/rtnetlink/link.js';
import { type Device, DeviceRegistry, ELSEWHERE } from './device-registry.js';

const link = (index: number, name: string): Link => ({
  index,
  name,
  flags: 0,
  up: false,
  lowerUp: false,
  mtu: 1500,
  address: new Uint8Array(6),
  alias: '',
  kind: 'tun',
  lower: 0,
  master: 0,
});

/** A registry over a host with these links; asking it counts. */
function over(...links: Link[]): { registry: DeviceRegistry; host: Link[]; asked: () => number } {
  let asked = 0;
  const registry = new DeviceRegistry({
    link: (which) => {
      asked++;
      return links.find(({ index, name }) => which === index || which === name);
    },
  });
  return { registry, host: links, asked: () => asked };
}

function device(registry: DeviceRegistry, name: string, ifindex: number, nsid?: number): Device {
  const made: Device = {
    index: registry.indices.next(),
    kind: 'tap',
    fd: -1,
    fds: [],
    persist: false,
    ifindex,
    name,
    madeAs: name,
    nsid,
    isNew: true,
    isRising: false,
    isGone: false,
  };
  registry.add(made);
  return made;
}

test('a device is known by its name without asking the kernel', (t) => {
  const { registry, asked } = over();
  device(registry, 'tap0', 5);
  t.is(registry.indexOf('tap0'), 0);
  t.is(registry.ifindexOf('tap0'), 5);
  t.is(registry.nameOf(0), 'tap0');
  t.is(asked(), 0);
});

test('a name that was given a moment ago is found by the link behind it', (t) => {
  const { registry } = over(link(5, 'new0'));
  const tap = device(registry, 'old0', 5);
  t.is(registry.find('new0'), tap);
  t.is(tap.name, 'new0');
  t.is(registry.find('old0'), undefined);
});

test('in another namespace, or deleted, a device keeps its index and loses its name', (t) => {
  const { registry } = over();
  const moved = device(registry, 'tap0', 5, 3);
  device(registry, 'tap1', 6, ELSEWHERE);
  const gone = device(registry, 'tap2', 7);
  gone.isGone = true;
  for (const name of ['tap0', 'tap1', 'tap2']) t.false(registry.has(name), name);
  t.is(registry.nameOf(0), 'tap0');
  t.is(registry.byLink(link(5, 'tap0'), 3), moved);
  t.is(registry.byLink(link(5, 'tap0'), undefined), undefined, 'the same ifindex here is another link');
  t.is(registry.byLink(link(7, 'tap2'), undefined), undefined);
  const next = device(registry, 'tap2', 9);
  t.is(registry.find('tap2'), next);
});

test('what is not vtep’s is refused by name, what is not there as ip and tc do', (t) => {
  const { registry } = over(link(2, 'eth0'));
  t.throws(() => registry.indexOf('eth0'), { name: 'CommandError', message: /"eth0" is the host's/ });
  t.throws(
    () => registry.targetOf('eth0'),
    { message: /^Cannot find device "eth0"\nbad action parsing\n/ },
    'nobody reaches it',
  );
  registry.outside = { targetOf: ({ index }) => 100 + index, nameOf: () => undefined, dropped: () => undefined };
  t.is(registry.targetOf('eth0'), 102, 'mirred may send to any interface');
  t.throws(() => registry.targetOf('eth0', 'ingress'), {
    message: /^vtep: mirred ingress to "eth0".* only "mirred egress"/,
  });
  t.is(registry.ifindexOf('eth0'), 2, 'indev may name any interface');
  t.throws(() => registry.indexOf('no0'), { message: 'Cannot find device "no0"' });
  t.throws(() => registry.ifindexOf('no0'), { message: 'Cannot find device "no0"' });
  t.throws(() => registry.targetOf('no0'), { message: /^Cannot find device "no0"\nbad action parsing\n/ });
  t.is(registry.nameOf(7), '*');
});
