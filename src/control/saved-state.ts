import { isHere } from './device-registry.js';
import type { Devices } from './devices.js';
import type { Rules } from './rules.js';
import { saveLines } from './save.js';
import { savedForwarding } from './saved-forwarding.js';

/** What `vtep save` says, line by line. They are of one state where nothing is edited before the last is fetched. */
export function savedState(devices: Devices, rules: Rules): Generator<string> {
  const { registry, forwarding, links } = devices;
  const elsewhere = registry.list().filter((device) => !isHere(device) && !device.mirror);
  const tables = (dev: string): Iterable<string[]> => {
    const device = registry.find(dev);
    return device ? savedForwarding(device, forwarding) : [];
  };
  const names = elsewhere.map(({ name }) => name);
  return saveLines(links.states(), names, rules, tables);
}
