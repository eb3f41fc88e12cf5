import test from 'ava';
import { isHostLookup } from './host-lookups.js';

test('lines that only ask are told from those that may change something', (t) => {
  for (const line of [
    ...[
      'addr',
      'addr show dev tap0',
      '-s -d link sh',
      '-4 -json route list',
      '-br addr',
      'neigh ls',
      'route get 10.0.0.1',
    ],
    ...['-n blue addr show', '-family inet route', 'vlan show', '-p -j class show dev tap0', 'netns'],
  ]) {
    t.true(isHostLookup(line.split(' ')), line);
  }
  for (const line of [
    ...['addr add 10.0.0.1/24 dev tap0', 'route flush cache', 'link set eth0 up', 'netns exec blue sh', 'netns add b'],
    ...[
      '-batch file',
      '-b file',
      '-force addr',
      'vrf exec blue sh',
      'neigh del 10.0.0.1 dev tap0',
      'stats s',
      'addr s',
    ],
    ...['-n', '-unknown addr show', '-n show addr add'],
  ]) {
    t.false(isHostLookup(line.split(' ')), line);
  }
  t.false(isHostLookup([]));
});
