/** Every check, in the order in which it is reported. */
import { checkBundles, checkDevices, checkDrops, checkEndpoint } from './check-endpoint.js';
import {
  checkCores,
  checkNode,
  checkPackages,
  checkPlatform,
  checkRights,
  checkTools,
  checkTun,
} from './check-host.js';
import { checkProbes, checkQueue } from './check-kernel.js';
import { checkConntrack, checkFirewall, checkPorts } from './check-ports.js';
import { checkRefused } from './check-refused.js';
import { checkChecksums, checkGro, checkMtu, checkReversePath, checkState, checkTransmit } from './check-underlay.js';
import type { Facts, LinkFacts } from './facts.js';
import { type Finding, note, type Reported } from './finding.js';

type Check = (facts: Facts) => readonly Finding[];

const hostChecks: readonly (readonly [name: string, check: Check])[] = [
  ['platform', checkPlatform],
  ['node', checkNode],
  ['rights', checkRights],
  ['tun', checkTun],
  ['tools', checkTools],
  ['packages', checkPackages],
  ['cores', checkCores],
];

const linkChecks: readonly (readonly [name: string, check: (facts: Facts, link: LinkFacts) => readonly Finding[]])[] = [
  ['state', (_, link) => checkState(link)],
  ['mtu', checkMtu],
  ['gro', (_, link) => checkGro(link)],
  ['transmit', checkTransmit],
  ['rp-filter', checkReversePath],
  ['outer-checksum', (_, link) => checkChecksums(link)],
];

const pathChecks: readonly (readonly [name: string, check: Check])[] = [
  ['port', checkPorts],
  ['firewall', checkFirewall],
  ['conntrack', checkConntrack],
  ['refused', checkRefused],
];

const endpointChecks: readonly (readonly [name: string, check: Check])[] = [
  ['endpoint', checkEndpoint],
  ['devices', checkDevices],
  ['drops', checkDrops],
  ['bundles', checkBundles],
];

/** Names of all checks, those of the kernel's probes left out. */
export const CHECK_NAMES: readonly string[] = [
  ...[...hostChecks, ['queues'] as const, ...linkChecks, ...pathChecks, ...endpointChecks].map(([name]) => name),
];

export function runChecks(facts: Facts): Reported[] {
  const run = (section: string, checks: typeof hostChecks): Reported[] =>
    checks.flatMap(([check, find]) => find(facts).map((finding) => ({ section, check, ...finding })));
  const kernel = checkProbes(facts).map(
    ({ name = 'probes', ...finding }): Reported => ({ section: 'kernel', check: name, ...finding }),
  );
  return [
    ...run('host', hostChecks),
    ...kernel,
    ...run('kernel', [['queues', checkQueue]]),
    ...underlayFindings(facts),
    ...run('path', pathChecks),
    ...run('endpoint', endpointChecks),
  ];
}

function underlayFindings(facts: Facts): Reported[] {
  const links = facts.underlays.flatMap((name) => facts.links.find((link) => link.name === name) ?? []);
  if (links.length === 0)
    return [{ section: 'underlay', check: 'state', ...note('no interface that could carry a tunnel is up') }];
  return links.flatMap((link) =>
    linkChecks.flatMap(([check, find]) =>
      find(facts, link).map((finding) => ({ section: `underlay ${link.name}`, check, ...finding })),
    ),
  );
}
