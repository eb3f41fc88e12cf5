/** The `vxlan …` part of `ip -d link show`, as vxlan_print_opt of iproute2 6.1 prints it. */
import { formatIp, isIpMulticast } from './address.js';
import { printMirrorOptions } from './mirror-words.js';
import { formatHex } from './numbers.js';
import type { Printer } from './printer.js';
import { VXLAN_AGEING, type VxlanOptions, vxlanLearns } from './vxlan-options.js';

const TOS_INHERIT = 1;

/** JSON has another key for IPv6, text has not. */
function printAddress(printer: Printer, name: string, address: Uint8Array): void {
  if (address.some((byte) => byte !== 0)) {
    const text = formatIp(address);
    printer.field(address.length === 4 ? name : `${name}6`, text, `${name} ${text} `);
  }
}

/** A flag that is printed when it is set. */
function printFlag(printer: Printer, name: string, value: boolean | undefined, key = name): void {
  if (value === true) {
    printer.field(key, true, `${name} `);
  }
}

/** A flag that is printed in any case, with `no` before it when it is not set. */
function printEither(printer: Printer, name: string, value: boolean, key: string): void {
  printer.field(key, value, `${value ? '' : 'no'}${name} `);
}

function printPeers(printer: Printer, { remote, local, dev, srcport = [0, 0], dstport }: VxlanOptions): void {
  if (remote !== undefined) {
    printAddress(printer, isIpMulticast(remote) ? 'group' : 'remote', remote);
  }
  if (local !== undefined) {
    printAddress(printer, 'local', local);
  }
  if (dev !== undefined) {
    printer.field('link', dev, `dev ${dev} `);
  }
  const [low, high] = srcport;
  printer.beginObject('port_range');
  printer.field('low', low, `srcport ${low} `);
  printer.field('high', high, `${high} `);
  printer.endObject();
  printer.field('port', dstport, `dstport ${dstport} `);
}

function printOuter(printer: Printer, { tos = 0, ttl = 0, df, flowlabel = 0 }: VxlanOptions): void {
  const byte = tos === 'inherit' ? TOS_INHERIT : tos;
  if (byte !== 0) {
    const hex = `0x${byte.toString(16)}`;
    printer.field('tos', hex, `tos ${byte === TOS_INHERIT ? 'inherit' : hex} `);
  }
  if (ttl === 'inherit') {
    printer.text('ttl inherit ');
  } else {
    printer.field('ttl', ttl, `ttl ${ttl === 0 ? 'auto' : ttl} `);
  }
  if (df === undefined) {
    printer.json('df', 'unset');
  } else {
    printer.field('df', df, `df ${df} `);
  }
  if (flowlabel !== 0) {
    const hex = `0x${flowlabel.toString(16)}`;
    printer.field('label', hex, `flowlabel ${hex} `);
  }
}

/** Within the object `info_data`; the text ends with a blank. */
export function printVxlanOptions(printer: Printer, options: VxlanOptions): void {
  const { external, id = 0, ageing = VXLAN_AGEING, maxaddress = 0, reservedBits } = options;
  printFlag(printer, 'external', external);
  if (options.vnifilter === true) {
    // 6.1 forgets the blank.
    printer.field('vnifilter', true, 'vnifilter');
  }
  if (options.anyVni === true) printMirrorOptions(printer, options);
  else printer.field('id', id, `id ${id} `);
  printPeers(printer, options);
  const learning = vxlanLearns(options);
  printer.field('learning', learning, learning ? '' : 'nolearning ');
  printFlag(printer, 'proxy', options.proxy);
  printFlag(printer, 'rsc', options.rsc);
  printFlag(printer, 'l2miss', options.l2miss);
  printFlag(printer, 'l3miss', options.l3miss);
  printOuter(printer, options);
  printer.field('ageing', ageing, `ageing ${ageing} `);
  if (maxaddress !== 0) {
    printer.field('limit', maxaddress, `maxaddr ${maxaddress} `);
  }
  printEither(printer, 'udpcsum', options.udpcsum, 'udp_csum');
  printEither(printer, 'udp6zerocsumtx', options.udp6zerocsumtx, 'udp_zero_csum6_tx');
  printEither(printer, 'udp6zerocsumrx', options.udp6zerocsumrx, 'udp_zero_csum6_rx');
  printFlag(printer, 'remcsumtx', options.remcsumtx, 'remcsum_tx');
  printFlag(printer, 'remcsumrx', options.remcsumrx, 'remcsum_rx');
  // 6.1 knows neither of these two, and prints nothing: vtep neither, while they are as in a device made without.
  if (options.localbypass === false) {
    printer.field('localbypass', false, 'nolocalbypass ');
  }
  if (reservedBits !== undefined) {
    const hex = `0x${formatHex(reservedBits).replace(/^0+(?=.)/, '')}`;
    printer.field('reserved_bits', hex, `reserved_bits ${hex} `);
  }
  if (options.underlay !== undefined) {
    printer.field('underlay', options.underlay, `underlay ${options.underlay} `);
  }
  printFlag(printer, 'gbp', options.gbp);
  printFlag(printer, 'gpe', options.gpe);
}
