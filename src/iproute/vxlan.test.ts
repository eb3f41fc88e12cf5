/** Options of vxlan devices: what is read, what goes together, what can change, and the way back to words. */
import test from 'ava';
import fc from 'fast-check';
import { anyVxlan, compact, kernelVxlan, optional } from './arbitrary-vxlan.test.helper.js';
import { changeVxlan } from './change-vxlan.js';
import { CommandError, type LinkGeneric } from './commands.js';
import { hasKernelVxlan, quote, runInNamespace } from './kernel-oracle.test.helper.js';
import { linkCommand, vxlanWordsOf } from './link-command.js';
import { formatHex } from './numbers.js';
import { parseLine } from './parse.js';
import { printVxlanOptions } from './print-vxlan.js';
import { Printer } from './printer.js';
import { unsupportedVxlan, type VxlanOptions, vxlanFamilies } from './vxlan-options.js';

function optionsOf(words: string): VxlanOptions {
  const command = parseLine('ip', ['link', 'add', 'v', 'type', 'vxlan', ...words.split(' ')]);
  if (command.kind !== 'link-add-vxlan') {
    throw new Error(command.kind);
  }
  return command.vxlan;
}

const checksums = { udpcsum: true, udp6zerocsumtx: false, udp6zerocsumrx: false };

test('Every option of a classic device is read', (t) => {
  const { remote, local, ...rest } = optionsOf(
    'vni 0x10 group 239.1.1.1 dev eth0 local 10.0.0.1 hoplimit inherit dsfield EF df set ageing 60 maxaddress 5 ' +
      'port 1000 2000 nolearn proxy rsc l2miss l3miss remcsumtx remcsumrx gbp dstport 8472 nolocalbypass ' +
      'noudpcsum udp6zerocsumtx udp6zerocsumrx',
  );
  t.is(formatHex(remote ?? new Uint8Array()), 'ef010101');
  t.is(formatHex(local ?? new Uint8Array()), '0a000001');
  t.deepEqual(rest, {
    external: false,
    id: 16,
    dev: 'eth0',
    ttl: 'inherit',
    tos: 0xb8,
    df: 'set',
    ageing: 60,
    maxaddress: 5,
    srcport: [1000, 2000],
    learning: false,
    proxy: true,
    rsc: true,
    l2miss: true,
    l3miss: true,
    remcsumtx: true,
    remcsumrx: true,
    gbp: true,
    dstport: 8472,
    localbypass: false,
    udpcsum: false,
    udp6zerocsumtx: true,
    udp6zerocsumrx: true,
  });
});

test('What says no more than the default does is left out', (t) => {
  const neutral =
    'dstport 4789 ttl auto tos 0 df unset flowlabel 0 ageing none maxaddress unlimited srcport 0 0 noproxy norsc ' +
    'nol2miss nol3miss noremcsumtx noremcsumrx novnifilter localbypass udpcsum reserved_bits 0xf7ffffff000000ff';
  t.deepEqual(optionsOf(`id 4 learning noexternal ${neutral}`), {
    external: false,
    id: 4,
    dstport: 4789,
    ...checksums,
  });
  t.deepEqual(optionsOf(`external nolearning ${neutral}`), { external: true, dstport: 4789, ...checksums });
});

test('Of external and learning the later word says whether the device learns, as with ip', (t) => {
  t.true(optionsOf('external learning').learning);
  t.is(optionsOf('learning external').learning, undefined);
});

test('gpe has a port of its own', (t) => {
  t.is(optionsOf('external gpe').dstport, 4790);
  t.is(optionsOf('external gpe dstport 4789').dstport, 4789);
});

test('The addresses say of which family a device is, all zeros too', (t) => {
  t.deepEqual(vxlanFamilies(optionsOf('external')), [4, 6]);
  t.deepEqual(vxlanFamilies(optionsOf('id 4')), [4]);
  t.deepEqual(vxlanFamilies(optionsOf('id 4 remote ::')), [6]);
  t.deepEqual(vxlanFamilies(optionsOf('external local 10.0.0.1')), [4]);
});

test('What the daemon does not do is named in one place', (t) => {
  for (const [words, what] of [
    ['external dev eth0 local 10.0.0.1 ttl 5 tos 8 srcport 1 2 ageing 5 learning noudpcsum', undefined],
    ['id 4 remote 10.0.0.1 maxaddress 5 l2miss nolearning', undefined],
    [
      'external ttl inherit tos inherit df inherit local fd00::1 flowlabel 5 reserved_bits 0xff gbp nolocalbypass',
      undefined,
    ],
    ['external vnifilter', undefined],
    ['id 4 proxy l3miss', undefined],
    ['id 4 remcsumrx', 'vxlan "remcsumrx"'],
    ['external gpe', undefined],
  ] as const) {
    t.is(unsupportedVxlan(optionsOf(words)), what, words);
  }
});

const generic: fc.Arbitrary<LinkGeneric> = fc
  .record({
    name: fc.constantFrom('v', 'vxlan0', 'up', 'type.', 'a-b_c.d'),
    mtu: optional(fc.integer({ min: 68, max: 65535 })),
    address: optional(fc.uint8Array({ minLength: 5, maxLength: 5 }).map((tail) => Uint8Array.of(2, ...tail))),
    txqueuelen: optional(fc.nat()),
    up: optional(fc.boolean()),
  })
  .map((link) => compact(link) as LinkGeneric);

test('Every vxlan device is given back by the command that is made of it', (t) => {
  fc.assert(
    fc.property(generic, anyVxlan, (link, options) => {
      const words = linkCommand(link, { kind: 'vxlan', options });
      t.deepEqual(parseLine('ip', words), { kind: 'link-add-vxlan', link, vxlan: options, notes: [] }, words.join(' '));
    }),
    { seed: 33, numRuns: 1500 },
  );
});

test('So is every TAP', (t) => {
  fc.assert(
    fc.property(generic, fc.boolean(), (link, persist) => {
      t.deepEqual(parseLine('ip', linkCommand(link, { kind: 'tap', persist })), {
        kind: 'link-add-tap',
        link,
        persist,
      });
    }),
    { seed: 34, numRuns: 200 },
  );
});

function printed(options: VxlanOptions): string {
  const printer = new Printer({ statistics: false, details: true, json: false, pretty: false });
  printVxlanOptions(printer, options);
  return printer.take();
}

test('JSON of any device can be parsed, and says the same compact and pretty', (t) => {
  fc.assert(
    fc.property(anyVxlan, (options) => {
      const [compactly, prettily] = [false, true].map((pretty) => {
        const printer = new Printer({ statistics: false, details: true, json: true, pretty });
        printer.beginObject();
        printVxlanOptions(printer, options);
        printer.endObject();
        return JSON.parse(printer.take());
      });
      t.deepEqual(compactly, prettily);
      t.is(compactly.port, options.dstport);
    }),
    { seed: 36, numRuns: 300 },
  );
});

/** The first line of a refusal, or what the device is after the change. */
function changed(options: VxlanOptions, words: readonly string[]): string {
  try {
    const command = parseLine('ip', ['link', 'set', 'vtepx', 'type', 'vxlan', ...words]);
    return command.kind === 'link-set-vxlan' ? printed(changeVxlan(options, command.changes)) : command.kind;
  } catch (error) {
    if (error instanceof CommandError) {
      return error.message.split('\n')[0] ?? '';
    }
    throw error;
  }
}

const changes: readonly string[] = [
  ...['ttl 5', 'ttl auto', 'ttl inherit', 'tos 0x10', 'tos inherit', 'tos 0', 'df set', 'df unset', 'df inherit'],
  ...['flowlabel 0', 'flowlabel 5', 'ageing 7', 'ageing none', 'learning', 'nolearning', 'maxaddress 5', 'id 4'],
  ...['id 77', 'dstport 4', 'srcport 1 2', 'srcport 0 0', 'proxy', 'noproxy', 'rsc', 'l2miss', 'nol3miss', 'udpcsum'],
  ...['noudpcsum', 'udp6zerocsumtx', 'noudp6zerocsumrx', 'remcsumtx', 'noremcsumrx', 'external', 'noexternal', 'gbp'],
  ...['gpe', 'novnifilter', 'vnifilter', 'remote 10.1.1.1', 'remote fd00::9', 'local 10.1.1.2', 'local fd00::8'],
  ...['dev vtept', 'group 239.1.1.9 dev vtept', 'group ff05::9 dev vtept', 'remote 0.0.0.0', 'ttl 9 noproxy', 'foo'],
];

(hasKernelVxlan ? test : test.skip)('Changes do what they do to the kernel’s device, and are refused alike', (t) => {
  const tries = fc.sample(fc.tuple(kernelVxlan('vtept'), fc.constantFrom(...changes)), { numRuns: 150, seed: 35 });
  const scripts = tries.map(([options, change]) => {
    const words = vxlanWordsOf(options).map(quote).join(' ');
    return (
      `ip link add vtepx type vxlan ${words}; { ip link set vtepx type vxlan ${change} 2>&1 && ` +
      `ip -d link show vtepx | grep -o "^    vxlan .* addrgenmode" | sed 's/^    vxlan //; s/addrgenmode$//'; } | head -1; ` +
      'ip link del vtepx'
    );
  });
  const results = runInNamespace(['ip tuntap add vtept mode tap', ...scripts]).slice(1);
  for (const [i, [options, change]] of tries.entries()) {
    const title = `${vxlanWordsOf(options).join(' ')}: ${change}`;
    t.is(changed(options, change.split(' ')), (results[i] ?? '').replace(/\n$/, ''), title);
  }
});
