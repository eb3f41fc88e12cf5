import test from 'ava';
import { idempotent } from './idempotent.js';

const lines = [
  ['addr add 10.4.0.2/24 dev tap0', 'addr replace 10.4.0.2/24 dev tap0'],
  ['a a 10.4.0.2/24 dev tap0', 'a replace 10.4.0.2/24 dev tap0'],
  ['-6 route add fd00::/64 dev tap0', '-6 route replace fd00::/64 dev tap0'],
  [
    '-f inet neigh add 10.4.0.1 lladdr 2:0:0:0:0:1 dev tap0',
    '-f inet neigh replace 10.4.0.1 lladdr 2:0:0:0:0:1 dev tap0',
  ],
  ['addr del 10.4.0.2/24 dev tap0', 'addr del 10.4.0.2/24 dev tap0'],
  ['link add add type dummy', 'link add add type dummy'],
  ['addr', 'addr'],
  ['', ''],
] as const;

for (const [line, expected] of lines) {
  test(`"${line}" becomes "${expected}"`, (t) => {
    t.is(idempotent(line.split(' ')).join(' '), expected);
  });
}
