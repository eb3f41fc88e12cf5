import test from 'ava';
import { parseBatchLine } from '../iproute/batch.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { canBecome } from './vxlan-difference.js';

function optionsOf(words: string): VxlanOptions {
  const command = parseBatchLine(`ip link add x type vxlan ${words}`.split(' '));
  if (command.kind !== 'link-add-vxlan') throw new Error(words);
  return command.vxlan;
}

for (const [from, to, expected] of [
  ['external dstport 4789', 'external dstport 4789', 'same'],
  ['external dstport 4789 ttl auto', 'external dstport 4789', 'same'],
  ['external dstport 4789', 'external dstport 4789 ttl 9 tos 4', 'changed'],
  ['external dstport 4789 ttl 9 tos 4 ageing 10', 'external dstport 4789', 'changed'],
  ['external dstport 4789 nolocalbypass', 'external dstport 4789', 'changed'],
  ['id 4 dstport 4789 nolearning df set', 'id 4 dstport 4789', 'changed'],
  ['id 4 dstport 4789 remote 10.0.0.1', 'id 4 dstport 4789 remote 10.0.0.2', 'changed'],
  ['external dstport 4789', 'external dstport 4790', 'other'],
  ['external dstport 4789', 'id 4 dstport 4789', 'other'],
  ['id 4 dstport 4789', 'id 5 dstport 4789', 'other'],
  ['external dstport 4789 local 10.0.0.1', 'external dstport 4789', 'other'],
  ['external dstport 4789 local 10.0.0.1', 'external dstport 4789 local fd00::1', 'other'],
  ['external dstport 4789', 'external dstport 4789 noudpcsum', 'other'],
  ['external dstport 4789 srcport 1000 2000', 'external dstport 4789', 'other'],
  ['external dstport 4789 ttl inherit', 'external dstport 4789', 'other'],
] as const) {
  test(`"${from}" and "${to}": ${expected}`, (t) => {
    t.is(canBecome(optionsOf(from), optionsOf(to)), expected);
  });
}
