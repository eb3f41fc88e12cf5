/** Which interfaces carry, or would carry, a tunnel. */
import type { Health, HealthDevice } from '../../control/health.js';
import { CommandError } from '../../iproute/commands.js';
import type { LinkFacts } from './facts.js';

/** More than these are asked one by one: `vtep doctor dev X`. */
const MOST = 4;

type Candidate = Pick<LinkFacts, 'name' | 'kind' | 'isUp' | 'isLoopback' | 'hasMaster' | 'isEthernet'>;

/** `defaultRoute`: the interface that the default route leads through. */
export function chooseUnderlays(
  links: readonly Candidate[],
  health: Health | undefined,
  defaultRoute: string | undefined,
  dev?: string,
): string[] {
  const devices = health?.devices.filter(({ kind }) => kind === 'vxlan') ?? [];
  if (dev !== undefined) {
    const device = health?.devices.find(({ name }) => name === dev);
    if (!device) {
      if (!links.some(({ name }) => name === dev)) throw new CommandError(`Cannot find device "${dev}"`, 2);
      return [dev];
    }
    return device.kind === 'vxlan' ? below([device], links, defaultRoute) : below(devices, links, defaultRoute);
  }
  return below(devices, links, defaultRoute);
}

function below(
  devices: readonly HealthDevice[],
  links: readonly Candidate[],
  defaultRoute: string | undefined,
): string[] {
  const known = devices.flatMap(({ lower }) => lower ?? []);
  const isKnown = devices.length > 0 && known.length === devices.length;
  return [...new Set([...known, ...(isKnown ? [] : candidates(links, defaultRoute))])];
}

/** Where nothing tells: what could be. */
function candidates(links: readonly Candidate[], defaultRoute: string | undefined): string[] {
  const names = links
    .filter(({ isUp, isLoopback, hasMaster, isEthernet }) => isUp && !isLoopback && !hasMaster && isEthernet)
    .filter(({ kind }) => kind !== 'tun' && kind !== 'vxlan' && kind !== 'dummy')
    .map(({ name }) => name);
  if (names.length <= MOST) return names;
  return defaultRoute !== undefined && names.includes(defaultRoute) ? [defaultRoute] : names.slice(0, MOST);
}
