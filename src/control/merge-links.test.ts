// The host's part of the expected texts was taken from ip 6.1.
import test from 'ava';
import type { OutputOptions } from '../iproute/commands.js';
import { printLinks } from '../iproute/print-link.js';
import { linkOf } from './link-state.test.helper.js';
import { mergeLinks } from './merge-links.js';

const plain: OutputOptions = { statistics: false, details: false, json: false, pretty: false };

const LO = `1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
`;
const TAP = `2: vxlan0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ether 42:8c:f8:03:65:27 brd ff:ff:ff:ff:ff:ff
    alias vtep
`;
const ETH = `13: eth0@if7: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
    link/ether 42:8c:f8:03:65:28 brd ff:ff:ff:ff:ff:ff link-netnsid 0
`;

test('a device of vtep stands in the place of its TAP, the others as ip printed them', (t) => {
  const merged = mergeLinks(LO + TAP + ETH, new Set([2]), [linkOf(2, 'vxlan0')], plain);
  t.is(merged, LO + printLinks([linkOf(2, 'vxlan0')], plain) + ETH);
});

test('a device that ip left out comes where its index belongs, and one that was not asked for goes', (t) => {
  t.is(mergeLinks('', new Set([2]), [linkOf(2, 'vxlan0')], plain), printLinks([linkOf(2, 'vxlan0')], plain));
  t.is(mergeLinks(LO + TAP + ETH, new Set([2]), [], plain), LO + ETH);
  t.is(mergeLinks(LO + ETH, new Set([2]), [linkOf(2, 'a')], plain), LO + printLinks([linkOf(2, 'a')], plain) + ETH);
});

for (const pretty of [false, true]) {
  test(`JSON is one array again${pretty ? ', pretty' : ''}`, (t) => {
    const output = { ...plain, json: true, pretty };
    const name = 'b"}{\\';
    const all = [linkOf(1, 'a'), linkOf(2, 'vxlan0'), linkOf(13, name)];
    const host = printLinks([linkOf(1, 'a'), linkOf(2, 'tap'), linkOf(13, name)], output);
    t.is(mergeLinks(host, new Set([2]), [linkOf(2, 'vxlan0')], output), printLinks(all, output));
    t.is(mergeLinks('[{},{}]\n', new Set([2]), [], output), printLinks([], output));
    t.is(mergeLinks('[{},{}]\n', new Set([2]), [linkOf(2, 'c')], output), printLinks([linkOf(2, 'c')], output));
  });
}
