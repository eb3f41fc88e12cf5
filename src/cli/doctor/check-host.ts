/** Checks of the machine and of who runs vtep on it. */
import { EACCES, ENOENT, EPERM, errnoText } from '../../native/errno.js';
import { type Facts, isUnseen } from './facts.js';
import { advice, type Finding, note, ok, problem } from './finding.js';

/** Processors from which on several workers pay: sender and receiver want one each. */
const SHARED_FROM = 4;
const NODE_FLOOR: readonly [number, number] = [20, 8];

export function checkPlatform({ platformRefusal, kernel }: Facts): Finding[] {
  return platformRefusal === undefined ? [ok(`Linux ${kernel}`)] : [problem(platformRefusal)];
}

export function checkNode({ node }: Facts): Finding[] {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const [floor, floorMinor] = NODE_FLOOR;
  const isOld = major < floor || (major === floor && minor < floorMinor);
  return isOld
    ? [problem(`Node.js ${node} is too old: vtep needs ${floor}.${floorMinor} or later`)]
    : [ok(`Node.js ${node}`)];
}

export function checkRights(facts: Facts): Finding[] {
  const { capabilities, isRoot, isInUserNamespace, mayMakeUserNamespace } = facts;
  const findings: Finding[] = [];
  const runs = !isUnseen(facts.daemon);
  if (capabilities.netAdmin) {
    const where = isInUserNamespace ? ' within a user namespace' : '';
    findings.push(ok(`CAP_NET_ADMIN: devices can be made${where}`));
  } else {
    const remedy = isRoot
      ? 'give the container CAP_NET_ADMIN (docker run --cap-add NET_ADMIN)'
      : `run it as root${mayMakeUserNamespace === false ? '' : ', or in a user namespace: unshare -rn vtep run -b FILE'}`;
    const sentence = 'this user has no CAP_NET_ADMIN, without which no TAP can be made';
    findings.push(runs ? note(`${sentence}; the vtep that runs has it`) : problem(sentence, remedy));
    if (!isRoot && mayMakeUserNamespace === false)
      findings.push(
        note(
          'this user may make no user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)',
        ),
      );
  }
  findings.push(
    capabilities.netRaw
      ? ok('CAP_NET_RAW: the underlays raw and pcap can be opened, and mirred can send to interfaces of the host')
      : note('no CAP_NET_RAW: the underlays raw and pcap, and mirred to interfaces of the host, are refused'),
  );
  return findings;
}

export function checkTun({ tun: { path, errno }, isInUserNamespace, daemon }: Facts): Finding[] {
  if (errno === 0) return [ok(`${path} can be opened`)];
  const sentence = `${path}: ${errnoText(errno)}`;
  const remedy =
    errno === ENOENT
      ? `modprobe tun; in a container, start it with --device ${path}`
      : errno === EACCES || errno === EPERM
        ? isInUserNamespace
          ? `as the machine's root: chmod 666 ${path}, or name a node of your own with --tun PATH`
          : `run as root, or name a node of your own with --tun PATH`
        : 'modprobe tun';
  return [isUnseen(daemon) ? problem(sentence, remedy) : note(`${sentence}; the vtep that runs has it open`)];
}

export function checkTools({ missingTools }: Facts): Finding[] {
  if (missingTools.length === 0) return [ok('ip, tc and bridge of iproute2 are installed')];
  const list = missingTools.join(', ');
  return [
    advice(
      `${list}: not installed; lines about the host itself (addresses, routes, bridges) are handed to them`,
      'apt-get install iproute2',
    ),
  ];
}

export function checkPackages({ packages }: Facts): Finding[] {
  const missing = Object.values(packages);
  return missing.length === 0
    ? [ok('raw-socket and cap are installed: the underlays raw and pcap can be used')]
    : missing.map((why) => note(why));
}

export function checkCores({ cores, daemon }: Facts): Finding[] {
  if (isUnseen(daemon)) return [ok(cores === 1 ? 'one processor' : `${cores} processors`)];
  const { workers } = daemon.health;
  const words = `${workers === 1 ? 'one worker' : `${workers} workers`} on ${cores === 1 ? 'one processor' : `${cores} processors`}`;
  if (workers > cores)
    return [advice(`${words}: they take turns, which costs more than it gains`, `vtep run --workers ${cores}`)];
  if (workers === 1 && cores >= SHARED_FROM)
    return [note(`${words}: with traffic of many flows more of them pay (vtep run --workers N, docs/performance.md)`)];
  return [ok(words)];
}
