/** `vtep save` of a vxlan device's forwarding table and VNI filter: the lines of bridge that make them again. */
import { type FdbRecord, type FdbRemote, isSameRemote } from '../devices/fdb-records.js';
import { fdbCommand, vniCommand } from '../iproute/fdb-command.js';
import { reportedFdbEntry, type VniRange, type VniState } from '../iproute/fdb-types.js';
import type { Device } from './device-registry.js';
import type { Forwarding } from './forwarding.js';

/** The words after `bridge`, line by line. What was learned comes back by itself, and is left out. */
export function* savedForwarding(device: Device, forwarding: Forwarding): Generator<string[]> {
  const { vxlan, filter, name } = device;
  if (!vxlan) return;
  const vnis = filter?.states(name) ?? [];
  for (const { range, remote } of rangesOf(vnis)) yield vniCommand(name, [range], remote);
  const records = forwarding.contents.made(device);
  // What the lines so far, and the making of the device, put into the table.
  const given = forwarding.remotes.all(device, vnis);
  for (const record of records) {
    const own = given.find(({ vni }) => isZeros(record.mac) && vni === record.vni)?.remote;
    let mode: 'add' | 'append' = own ? 'append' : 'add';
    for (const remote of record.remotes) {
      if (own && isSameRemote(own, remote)) continue;
      const entry = reportedFdbEntry(forwarding.stateOf(device, record, remote), vxlan);
      yield fdbCommand(entry, mode);
      mode = 'append';
    }
  }
  for (const { vni, remote } of given)
    if (!isThere(records, vni, remote)) yield forwarding.deletion(device, vni, remote);
}

function isThere(records: readonly FdbRecord[], vni: number, remote: FdbRemote): boolean {
  return records.some(
    (record) => isZeros(record.mac) && record.vni === vni && record.remotes.some((one) => isSameRemote(one, remote)),
  );
}

function isZeros(mac: Uint8Array): boolean {
  return mac.every((byte) => byte === 0);
}

/** Neighbours with one remote in one line. */
function rangesOf(vnis: readonly VniState[]): { range: VniRange; remote?: Uint8Array }[] {
  const ranges: { range: { first: number; last: number }; remote?: Uint8Array }[] = [];
  for (const { vni, remote } of vnis) {
    const last = ranges.at(-1);
    if (last && last.range.last + 1 === vni && `${last.remote}` === `${remote}`) last.range.last = vni;
    else ranges.push({ range: { first: vni, last: vni }, ...(remote && { remote }) });
  }
  return ranges;
}
