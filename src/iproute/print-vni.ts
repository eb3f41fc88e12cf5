/** VNIs of devices with `vnifilter`, as `bridge vni show` of iproute2 6.1 prints them. */
import { formatIp, isIpMulticast } from './address.js';
import type { OutputOptions } from './commands.js';
import type { VniState, VniStatistics } from './fdb-types.js';
import { Printer } from './printer.js';

/** Widths of the columns. */
const DEVICE = 16;
const VNI = 14;

interface Range {
  readonly first: VniState;
  last: number;
}

function formatRemote({ remote }: VniState): string {
  return remote === undefined ? '' : formatIp(remote);
}

/** Neighbours with one remote are told of together, unless each has its counters (vxlan_vnifilter_dump_dev). */
function rangesOf(vnis: readonly VniState[], together: boolean): Range[] {
  const ranges: Range[] = [];
  for (const one of [...vnis].sort((a, b) => a.vni - b.vni)) {
    const previous = ranges.at(-1);
    const follows = previous !== undefined && previous.last + 1 === one.vni;
    if (together && follows && formatRemote(previous.first) === formatRemote(one)) {
      previous.last = one.vni;
    } else {
      ranges.push({ first: one, last: one.vni });
    }
  }
  return ranges;
}

function printDirection(printer: Printer, direction: 'rx' | 'tx', counts: readonly number[]): void {
  printer.text(`\n${''.padEnd(DEVICE)}   ${direction.toUpperCase()}: `);
  for (const [i, name] of ['bytes', 'pkts', 'drops', 'errors'].entries()) {
    printer.field(`${direction}_${name}`, counts[i] ?? 0, `${name} ${counts[i] ?? 0} `);
  }
}

function printStatistics(printer: Printer, statistics: VniStatistics): void {
  const { rxBytes, rxPackets, rxDrops, rxErrors, txBytes, txPackets, txDrops, txErrors } = statistics;
  printer.beginObject('stats');
  printDirection(printer, 'rx', [rxBytes, rxPackets, rxDrops, rxErrors]);
  printDirection(printer, 'tx', [txBytes, txPackets, txDrops, txErrors]);
  printer.endObject();
}

function printRange(printer: Printer, { first, last }: Range): void {
  const { vni, remote, statistics } = first;
  printer.beginObject();
  if (last === vni) {
    printer.field('vni', vni, ` ${`${vni}`.padEnd(VNI)}`);
  } else {
    printer.field('vni', vni, ` ${vni}`);
    printer.field('vniEnd', last, `-${`${last}`.padEnd(VNI)} `);
  }
  if (remote?.some((byte) => byte !== 0) === true) {
    printer.field(isIpMulticast(remote) ? 'group' : 'remote', formatIp(remote), ` ${formatIp(remote)}`);
  }
  if (printer.options.statistics) {
    printStatistics(printer, statistics);
  }
  printer.endObject();
  printer.text('\n');
}

/** Those of one device stand together. */
export function printVnis(vnis: readonly VniState[], output: OutputOptions): string {
  const printer = new Printer(output);
  const devices = new Set(vnis.map(({ dev }) => dev));
  printer.text(`${'dev'.padEnd(DEVICE)}  ${'vni'.padEnd(VNI + 1)}  ${'group/remote'.padEnd(VNI + 1)}\n`);
  printer.beginArray();
  for (const dev of devices) {
    const own = vnis.filter((one) => one.dev === dev);
    printer.beginObject();
    printer.field('ifname', dev, `${dev.padEnd(DEVICE)}  `);
    printer.beginArray('vnis');
    for (const [i, range] of rangesOf(own, !output.statistics).entries()) {
      printer.text(i === 0 ? '' : `${''.padEnd(DEVICE)}  `);
      printRange(printer, range);
    }
    printer.endArray();
    printer.endObject();
    printer.text('\n');
  }
  printer.endArray();
  return printer.take() + (output.json ? '\n' : '');
}
