import { execFileSync } from 'node:child_process';
import test from 'ava';
import { linkOffloads } from './ethtool.js';
import { enterFreshNamespace, ip, rooted } from './testing/namespace.js';

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

function ethtool(line: string): void {
  execFileSync('ethtool', line.split(' '), { stdio: 'ignore', env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
}

rooted('offloads of an interface are told as they are set', (t) => {
  ip('link add ve0 type veth peer name ve1');
  t.teardown(() => ip('link del ve0'));
  t.deepEqual(linkOffloads('ve0'), { gro: false, txChecksum: true, tso: true });
  ethtool('-K ve0 gro on');
  ethtool('-K ve0 tx off');
  t.deepEqual(linkOffloads('ve0'), { gro: true, txChecksum: false, tso: false });
});

test('of an interface that is not there nothing is told', (t) => {
  t.deepEqual(linkOffloads('nosuchdevice0'), {});
});
