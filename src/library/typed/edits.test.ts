import test from 'ava';
import { frame, pair, until } from '../endpoints.test.helper.js';
import { Endpoint, type FilterMaking, VtepError, type VtepErrorCode } from '../index.js';

async function open(): Promise<Endpoint> {
  return Endpoint.open({ underlay: () => undefined });
}

/** One side of a tunnel between a device with a function and VNI 4 of the peer, without a line of text. */
async function side(endpoint: Endpoint, port: number, peer: number, transmit: (frame: Uint8Array) => void) {
  return endpoint.edit((edit) => {
    edit.addLink({ kind: 'vxlan', name: 'vxlan0', external: true, dstport: port, local: '127.0.0.1', up: true });
    const tap = edit.addLink({
      ...{ kind: 'tap', name: 'tap0', up: true },
      transmit(batch) {
        for (let i = 0; i < batch.count; i++) transmit(batch.copy(i));
      },
    });
    const from = edit.addFilter({
      ...{ dev: 'vxlan0', protocol: 'all', match: { enc_key_id: 4, enc_src_ip: '127.0.0.0/8' } },
      actions: [
        { kind: 'tunnel_key', unset: true },
        { kind: 'mirred', egress: 'redirect', dev: 'tap0' },
      ],
    });
    const to = edit.addFilter({
      ...{ dev: 'tap0', pref: 7, handle: 9 },
      actions: [
        { kind: 'tunnel_key', set: { src_ip: '127.0.0.1', dst_ip: '127.0.0.1', id: 4, dst_port: peer } },
        { kind: 'mirred', egress: 'redirect', dev: 'vxlan0' },
      ],
    });
    return { tap, from, to };
  });
}

test('one edit makes devices, functions and rules, and handles read, replace and delete what it has made', async (t) => {
  const [a, b] = await pair();
  t.teardown(() => Promise.all([a.close(), b.close()]));
  const got: Uint8Array[] = [];
  const here = await side(a, 4789, 4790, () => undefined);
  const there = await side(b, 4790, 4789, (bytes) => got.push(bytes));
  t.like(here.to, { dev: 'tap0', hook: 'ingress', pref: 7, handle: 9, chain: 0, protocol: 'all' });
  t.like(there.from, { dev: 'vxlan0', pref: 49152, handle: 1, protocol: 'all' });
  const sent = Array.from({ length: 20 }, (_, n) => frame(n));
  t.is(here.tap.device.sendAll(sent), 20);
  await until(() => got.length === 20);
  t.deepEqual(got, sent);
  t.like(await there.from.stats(), { packets: 20, drops: 0 });
  t.like(await there.from.read(), { pref: 49152, keys: { enc_key_id: 4 } });
  t.like(await there.tap.read(), { name: 'tap0', kind: 'tap', up: true });

  await there.from.replace({ match: { enc_key_id: 4 }, actions: ['drop'] });
  here.tap.device.sendAll(sent);
  await until(async () => (await there.from.stats()).drops === 20);
  t.is(got.length, 20);
  t.deepEqual((await there.from.read()).keys, { enc_key_id: 4 });
  await there.from.delete();
  await t.throwsAsync(there.from.stats(), { instanceOf: VtepError, message: /Cannot find specified filter chain/ });
  await there.tap.set({ mtu: 1400, up: false });
  t.like(await there.tap.read(), { mtu: 1400, up: false });
  await there.tap.delete();
  await t.throwsAsync(there.tap.read(), { code: 'no-device' });
  await t.throwsAsync(there.tap.set({ up: true }), { code: 'refused', message: 'Cannot find device "tap0"' });
});

test('forwarding entries, VNI filters, chains, qdiscs and actions of their own are made, changed and deleted', async (t) => {
  const endpoint = await open();
  t.teardown(() => endpoint.close());
  const mac = '02:00:00:00:00:01';
  await endpoint.edit((edit) => {
    edit.addLink({ kind: 'vxlan', name: 'v', external: true, vnifilter: true });
    edit.addLink({ kind: 'vxlan', name: 'w', id: 7, remote: '10.0.0.2', dstport: 4790, ageing: 60, learning: false });
    edit.addVni({ dev: 'v', vni: [4, { from: 6, to: 8 }] });
    edit.addFdb({ dev: 'w', mac, dst: '10.0.0.3', vni: 9, port: 4791, state: 'static' });
    edit.appendFdb({ dev: 'w', mac: '00:00:00:00:00:00', dst: '10.0.0.5' });
    edit.addQdisc({ dev: 'v', kind: 'ingress' });
    edit.addChain({ dev: 'v', chain: 5 });
    edit.addAction({ kind: 'gact', control: 'drop', index: 5 });
    edit.addFilter({ dev: 'v', chain: 5, pref: 1, actions: [{ kind: 'reference', of: 'gact', index: 5 }] });
    edit.addFilter({ dev: 'w', hook: 'egress', actions: ['pass'] });
  });
  t.regex(await endpoint.run('bridge vni show'), /4[\s\S]*6-8/);
  t.regex(await endpoint.run('ip -d link show w'), /id 7 remote 10.0.0.2 .*nolearning.* ageing 60/);
  t.is(await endpoint.run('tc qdisc show dev v'), 'qdisc ingress ffff: parent ffff:fff1 ---------------- \n');
  t.regex(await endpoint.run('tc qdisc show dev w'), /^qdisc clsact/);
  const [entry] = (await endpoint.fdb('w')).filter((one) => one.mac === mac);
  t.like(entry, { state: 'static', peer: '10.0.0.3', port: 4791, vni: 9 });
  t.is((await endpoint.fdb('w')).length, 3);

  await endpoint.edit((edit) => {
    edit.setLink('w', { vxlan: { ageing: 90, remote: '10.0.0.9' }, mtu: 1300, alias: 'an underlay of two words' });
    edit.replaceFdb({ dev: 'w', mac, dst: '10.0.0.6' });
    edit.deleteFdb({ dev: 'w', mac: '00:00:00:00:00:00', dst: '10.0.0.5' });
    edit.deleteVni({ dev: 'v', vni: { from: 6, to: 8 } });
    edit.replaceAction({ kind: 'gact', control: 'pass', index: 5 });
  });
  t.regex(
    await endpoint.run('ip -d link show w'),
    /mtu 1300[\s\S]*remote 10.0.0.9 [\s\S]* ageing 90[\s\S]*alias an underlay of two words/,
  );
  t.like(
    (await endpoint.fdb('w')).find((one) => one.mac === mac),
    { state: 'permanent', peer: '10.0.0.6' },
  );
  t.notRegex(await endpoint.run('bridge vni show'), /6-8/);
  t.regex(await endpoint.run('tc actions get action gact index 5'), /gact action pass/);

  await endpoint.edit((edit) => {
    edit.deleteFilter({ dev: 'v', chain: 5, pref: 1 });
    edit.deleteChain({ dev: 'v', chain: 5 });
    edit.deleteQdisc({ dev: 'v', kind: 'ingress' });
    edit.deleteAction({ kind: 'gact', index: 5 });
    edit.flushFdb({ dev: 'w', permanent: true, dst: '10.0.0.6' });
    edit.deleteLink('v');
  });
  t.deepEqual(
    (await endpoint.links()).map(({ name }) => name),
    ['w'],
  );
  t.false((await endpoint.fdb('w')).some((one) => one.mac === mac));
});

test('nothing of an edit is done where any of it is refused, and the error says which property of which edit', async (t) => {
  const endpoint = await open();
  t.teardown(() => endpoint.close());
  await endpoint.addLink({ kind: 'tap', name: 'tap0' });
  const rule = await endpoint.addFilter({ dev: 'tap0', pref: 1, actions: ['pass'] });
  const before = await endpoint.run('tc filter show dev tap0 ingress');
  const refused = async (
    wrong: object,
    code: VtepErrorCode,
    property: string | undefined,
    message: RegExp,
  ): Promise<void> => {
    const error = await t.throwsAsync<VtepError>(
      endpoint.edit((edit) => {
        edit.addLink({ kind: 'tap', name: 'new0', up: true });
        edit.deleteFilter(rule);
        // Programs in JavaScript have no compiler to stop them.
        edit.addFilter({ dev: 'tap0', ...wrong } as FilterMaking);
      }),
      { instanceOf: VtepError },
    );
    t.deepEqual([error?.code, error?.property], [code, property], error?.message);
    t.regex(error?.message ?? '', message);
    if (code === 'refused' && property !== 'actions[0].name') t.is(error?.edit, 3);
    t.deepEqual(
      (await endpoint.links()).map(({ name }) => name),
      ['tap0'],
    );
    t.is(await endpoint.run('tc filter show dev tap0 ingress'), before);
  };
  const set = { src_ip: '10.0.0.1', dst_ip: '10.0.0.2' };
  const tunnel = (more: object): object => ({
    actions: ['pass', { kind: 'tunnel_key', set: { ...set, ...more } }, 'drop'],
  });
  await refused({ match: { enc_key_id: 2 ** 40 } }, 'refused', 'match.enc_key_id', /^Illegal "enc_key_id"$/);
  await refused({ match: { dst_port: 80 } }, 'refused', 'match.dst_port', /^Illegal "dst_port"$/);
  await refused({ match: { ip_tos: 1 } }, 'refused', 'match.ip_tos', /without protocol ip or ipv6/);
  await refused(
    tunnel({ dst_ip: 'nobody' }),
    'refused',
    'actions[1].set.dst_ip',
    /address is expected rather than "nobody"/,
  );
  await refused(tunnel({ dst_ip: '::1' }), 'refused', 'actions[1]', /Missing either ipv4 or ipv6/);
  await refused(tunnel({ dst_ip: undefined }), 'refused', 'actions[1]', /dst_ip is missing/);
  await refused(tunnel({ tos: 300 }), 'refused', 'actions[1].set.tos', /Illegal "tos"/);
  await refused(
    { actions: [{ kind: 'mirred', egress: 'redirect', dev: 'nowhere0' }] },
    'refused',
    'actions[0].dev',
    /nowhere0/,
  );
  await refused({ dev: 'nowhere0' }, 'refused', 'dev', /^Cannot find device "nowhere0"$/);
  await refused({ pref: 70_000 }, 'refused', 'pref', /argument "70000" is wrong/);
  await refused(
    { actions: [{ kind: 'custom', name: 'drop' }] },
    'refused',
    'actions[0].name',
    /^Bad action type drop$/,
  );
  await refused({ protocl: 'ip' }, 'invalid', 'protocl', /there is no such property here \(dev, /);
  await refused({ match: { enc_key_id: '4' } }, 'invalid', 'match.enc_key_id', /"4" is not a whole number/);
  await refused({ match: { enc_src_ip: '1.1.1.1 action drop' } }, 'invalid', 'match.enc_src_ip', /is not a word/);
  await refused({ match: { ip_flags: { frag: 1 } } }, 'invalid', 'match.ip_flags.frag', /neither true nor false/);
  await refused({ match: { ip_flags: {} } }, 'invalid', 'match.ip_flags', /names no flag/);
  await refused({ actions: 'drop' }, 'invalid', 'actions', /not an array/);
  await refused({ actions: [{ kind: 'nat' }] }, 'invalid', 'actions[0].kind', /"nat" is none of/);
  await refused(
    { actions: [{ kind: 'vlan', pop: true, push: { id: 1 } }] },
    'invalid',
    'actions[0].push',
    /exclude each other/,
  );
  await refused({ actions: [{ kind: 'vlan' }] }, 'invalid', 'actions[0]', /one of pop, push/);
  await refused(
    { actions: [{ kind: 'mirred', egress: 'redirect', dev: 'tap0', control: 'pass' }] },
    'invalid',
    'actions[0].control',
    /has none/,
  );
  await refused({ actions: [{ kind: 'csum', update: ['pipe'] }] }, 'invalid', 'actions[0].update[0]', /none of iph/);
});

test('an edit is what its function has added when it returns, and edits are carried out in the order in which they began', async (t) => {
  const endpoint = await open();
  t.teardown(() => endpoint.close());
  const [link, filter] = await Promise.all([
    endpoint.addLink({ kind: 'tap', name: 'tap0' }),
    endpoint.addFilter({ dev: 'tap0', actions: ['drop'] }),
    t.throwsAsync(endpoint.addLink({ kind: 'tap', name: 'tap0' }), { code: 'refused', message: /File exists/ }),
  ]);
  t.is(filter.handle, 1);
  t.throws(() => link.device, { code: 'no-device' });
  await t.throwsAsync(
    endpoint.edit(async (edit) => edit.deleteLink(link)),
    { code: 'invalid', message: /not be async/ },
  );
  await endpoint.edit((edit) => {
    const made = edit.addFilter({ dev: 'tap0' });
    t.throws(() => made.pref, { code: 'invalid', message: /before its edit is in force/ });
    setImmediate(() => t.throws(() => edit.deleteLink('tap0'), { code: 'invalid', message: /the edit is over/ }));
  });
  await t.throwsAsync(
    endpoint.edit(() => {
      throw new TypeError('mine');
    }),
    { instanceOf: TypeError, message: 'mine' },
  );
  t.is(await endpoint.edit(() => 5), 5);
  t.is((await endpoint.filters('tap0')).length, 2);
  await endpoint.close();
  await t.throwsAsync(endpoint.addFilter({ dev: 'tap0' }), { code: 'closed' });
});

test('what is wrong with the change of a device or an entry is told by its property', async (t) => {
  const endpoint = await open();
  t.teardown(() => endpoint.close());
  await endpoint.addLink({ kind: 'vxlan', name: 'v', id: 4 });
  const rows: readonly (readonly [Promise<unknown>, string | undefined, RegExp])[] = [
    [endpoint.addLink({ kind: 'vxlan', name: 'v', id: 5 }), undefined, /^RTNETLINK answers: File exists\n/],
    [endpoint.addLink({ kind: 'vxlan', name: 'w', id: 5, remote: '239.0.0.1' }), 'remote', /invalid remote address/],
    [endpoint.addLink({ kind: 'vxlan', name: 'w', id: 2 ** 24 }), 'id', /invalid id/],
    [endpoint.addLink({ kind: 'tap', name: 'w', mtu: 3 }), 'mtu', /MTU must be between/],
    [endpoint.edit((edit) => edit.setLink('v', { vxlan: { ttl: 256 } })), 'vxlan.ttl', /TTL must be <= 255/],
    [endpoint.edit((edit) => edit.setLink('v', {})), undefined, /changes nothing/],
    [endpoint.edit((edit) => edit.addFdb({ dev: 'v', mac: 'self' })), 'mac', /is no MAC address/],
    [endpoint.edit((edit) => edit.addFdb({ dev: 'v', mac: '02:00:00:00:00:01', vni: 2 ** 24 })), 'vni', /invalid VNI/],
    [endpoint.edit((edit) => edit.addVni({ dev: 'v', vni: [1, 2 ** 24] })), 'vni', /invalid VNI/],
    [endpoint.edit((edit) => edit.flushFdb({ dev: 'nowhere0' })), 'dev', /Cannot find device "nowhere0"/],
  ];
  for (const [wrong, property, message] of rows) {
    const error = await t.throwsAsync<VtepError>(wrong, { instanceOf: VtepError });
    t.is(error?.property, property, error?.message);
    t.regex(error?.message ?? '', message);
  }
  t.deepEqual(
    (await endpoint.links()).map(({ name }) => name),
    ['v'],
  );
});
