import type { LinkState, LinkStatistics } from '../iproute/link-state.js';

/** A TAP of vtep that is down. */
export function linkOf(ifindex: number, name: string): LinkState {
  return {
    ifindex,
    name,
    flags: ['BROADCAST', 'MULTICAST'],
    mtu: 1450,
    qdisc: 'noop',
    operstate: 'DOWN',
    mode: 'DEFAULT',
    group: 'default',
    promiscuity: 0,
    allmulti: 0,
    minMtu: 68,
    maxMtu: 65521,
    details: { kind: 'tap', pi: false, vnetHdr: true, persist: false },
    numTxQueues: 1,
    numRxQueues: 1,
    gsoMaxSize: 65536,
    gsoMaxSegs: 65535,
    tsoMaxSize: 65536,
    tsoMaxSegs: 65535,
    groMaxSize: 65536,
    statistics: {} as LinkStatistics,
  };
}
