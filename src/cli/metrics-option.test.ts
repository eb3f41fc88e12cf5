import test from 'ava';
import { metricsAddress } from './metrics-option.js';

test('a port is on loopback; an address before it says where else', (t) => {
  t.deepEqual(metricsAddress('9789'), { host: '127.0.0.1', port: 9789 });
  t.deepEqual(metricsAddress('0.0.0.0:1'), { host: '0.0.0.0', port: 1 });
  t.deepEqual(metricsAddress('[::1]:9789'), { host: '::1', port: 9789 });
});

test('what is no address and port is refused with the word in question', (t) => {
  for (const word of ['', 'x', '65536', '-1', '1.2.3.4', 'host:1', '::1:5', '[1.2.3.4]:5', ':5'])
    t.throws(() => metricsAddress(word), { code: 'commander.invalidArgument' }, word);
});
