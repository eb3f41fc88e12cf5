import test from 'ava';
import type { Reply } from './protocol.js';
import { confinedAs, confinementOf, controlGroup, isConfined, LostRights, type OwnRights } from './rights.js';

const ROOT: OwnRights = {
  status: 'Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n',
  uidMap: '         0          0 4294967295\n',
  gidMap: '         0          0 4294967295\n',
  setgroups: 'allow\n',
};

test('a user is a name or a number, with a group or without', (t) => {
  t.like(confinementOf('nobody', [], ROOT), { uid: 65534, user: 'nobody', keep: [] });
  t.like(confinementOf('65534', [], ROOT), { uid: 65534 });
  t.like(confinementOf('nobody:daemon', [], ROOT), { uid: 65534, gid: controlGroup('daemon') });
  t.like(confinementOf('4242:4343', ['net_admin'], ROOT), { uid: 4242, gid: 4343, keep: ['net_admin'] });
});

const refused: readonly (readonly [word: string, rights: Partial<OwnRights>, sentence: RegExp])[] = [
  ['', {}, /"" is not USER or USER:GROUP/],
  ['nobody:', {}, /"nobody:" is not USER or USER:GROUP/],
  ['a:b:c', {}, /is not USER or USER:GROUP/],
  ['no-such-user', {}, /there is no user "no-such-user"/],
  ['99999999999', {}, /there is no user "99999999999"/],
  ['nobody:no-such-group', {}, /there is no group "no-such-group"/],
  ['4242', {}, /which group user 4242 is of: --user 4242:GROUP/],
  ['root', {}, /"root" is root, and nothing would be given up/],
  ['0:0', {}, /"0" is root/],
  ['nobody', { status: 'Uid:\t1000\t1000\t1000\t1000\n' }, /only root can become another user/],
  ['nobody', { status: 'Uid:\t0\t0\t0\t0\nCapEff:\t0000000000000040\n' }, /becoming another user needs CAP_SETUID$/],
  ['nobody', { status: 'Uid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\n' }, /needs CAP_SETUID and CAP_SETGID$/],
  ['nobody', { setgroups: 'deny\n' }, /this user namespace forbids setgroups/],
  ['4242:4242', { uidMap: '0 1000 1\n' }, /this user namespace has no user 4242/],
  ['4242:4242', { gidMap: '0 1000 1\n' }, /this user namespace has no group 4242/],
];
for (const [word, rights, message] of refused)
  test(`--user ${word} is refused: ${message.source}`, (t) => {
    t.throws(() => confinementOf(word, [], { ...ROOT, ...rights }), { name: 'CommandError', message });
  });

test('a control group that there is not is refused', (t) => {
  t.is(controlGroup('4711'), 4711);
  t.throws(() => controlGroup('no-such-group'), { message: /--control-group: there is no group "no-such-group"/ });
});

const CONFINED = `Uid:\t7\t7\t7\t7
Gid:\t8\t8\t8\t8
Groups:\t 
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t000001ffffffffff
CapAmb:\t0000000000000000
`;

test('a thread is confined where every number of it says so', (t) => {
  const identity = { uid: 7, gid: 8 };
  t.true(isConfined(CONFINED, identity, [], true));
  for (const [from, to] of [
    ['Uid:\t7\t7\t7\t7', 'Uid:\t7\t7\t0\t7'],
    ['Gid:\t8\t8\t8\t8', 'Gid:\t8\t8\t8\t0'],
    ['Groups:\t ', 'Groups:\t0 '],
    ['CapPrm:\t0000000000000000', 'CapPrm:\t0000000000001000'],
    ['CapEff:\t0000000000000000', 'CapEff:\t0000000000001000'],
    ['CapAmb:\t0000000000000000', 'CapAmb:\t0000000000001000'],
    ['CapInh:\t0000000000000000', 'CapInh:\t0000000000001000'],
    ['CapAmb', 'Nothing'],
  ] as const)
    t.false(isConfined(CONFINED.replace(from, to), identity, [], true), to);
  const keeps = CONFINED.replace(/(Inh|Prm|Eff|Amb):\t0{16}/g, '$1:\t0000000000001000');
  t.true(isConfined(keeps, identity, [12], true));
  t.false(isConfined(keeps, identity, [], true));
});

test('a refusal for want of rights is explained once, and nothing else is', async (t) => {
  const said: string[] = [];
  const say = (reply: Reply): undefined => {
    if ('err' in reply) said.push(reply.err);
  };
  const lost = new LostRights({ uid: 7, gid: 8, user: 'vtep', keep: ['net_raw'] });
  const failing = (text: string, exit: number) =>
    lost.explain(say, async (to) => {
      to({ err: text });
      to({ err: text });
      return exit;
    });
  t.is(await failing('RTNETLINK answers: Operation not permitted\n', 2), 2);
  t.is(said.length, 3);
  t.regex(said[2] ?? '', /^vtep: this vtep has given up all rights but net_raw \(--user vtep\); /);
  said.length = 0;
  await failing('RTNETLINK answers: File exists\n', 2);
  await failing('Operation not permitted\n', 0);
  t.is(said.length, 4);
  said.length = 0;
  await new LostRights(undefined).explain(say, async (to) => {
    to({ err: 'Operation not permitted\n' });
    return 2;
  });
  t.is(said.length, 1);
});

test('the log says who the daemon is from now on', (t) => {
  t.is(
    confinedAs({ uid: 7, gid: 8, user: 'vtep', keep: [] }),
    'runs as vtep (user 7, group 8) from now on, with no capabilities',
  );
  t.regex(confinedAs({ uid: 7, gid: 8, user: 'vtep', keep: ['net_admin', 'net_raw'] }), /CAP_NET_ADMIN, CAP_NET_RAW$/);
});
