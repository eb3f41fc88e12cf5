/** Who has the ports of the tunnel, and whether something in between drops what comes for them. */
import { type Facts, isUnseen } from './facts.js';
import { advice, type Finding, note, ok, problem, unseen } from './finding.js';
import { iptablesObstacles, nftObstacles } from './firewall.js';

export function checkPorts({ ports, holders, kernelVxlans, daemon }: Facts): Finding[] {
  const findings: Finding[] = [];
  const pid = isUnseen(daemon) ? undefined : daemon.health.pid;
  const devices = isUnseen(daemon) ? [] : daemon.health.devices;
  for (const port of ports) {
    const waiting = devices.filter(
      (device) => device.port === port && device.open === false && device.underlay !== 'pcap',
    );
    const isOwn = devices.some((device) => device.port === port && device.open === true);
    const kernels = isUnseen(kernelVxlans) ? [] : kernelVxlans.filter((each) => each.port === port);
    const others = isUnseen(holders)
      ? []
      : holders.filter((each) => each.port === port && (pid === undefined || each.pid !== pid));
    const names = [
      ...kernels.map(({ name }) => `the kernel's vxlan device ${name}`),
      // A socket of the kernel is in the list of sockets as well, and is no process's.
      ...others.flatMap(({ pid: other, command }) => {
        if (other !== undefined) return [`process ${other} (${command ?? '?'})`];
        return kernels.length > 0 || isOwn ? [] : ['a process that could not be found'];
      }),
    ];
    if (names.length > 0) {
      const sentence = `UDP port ${port} is taken by ${names.join(' and ')}`;
      const [kernel] = kernels;
      const remedy = kernel
        ? `ip link set ${kernel.name} down, or give one of them another dstport`
        : 'end it, or give the device another dstport';
      if (isOwn) findings.push(note(`${sentence}, too, and vtep has it as well`));
      else if (waiting.length > 0)
        findings.push(problem(`${sentence}: ${waiting.map(({ name }) => name).join(', ')} cannot be set up`, remedy));
      else findings.push(advice(`${sentence}: a device of vtep cannot be set up on it`, remedy));
    } else if (isOwn) findings.push(ok(`UDP port ${port} is open, and vtep's`));
    else if (isUnseen(holders)) findings.push(unseen(`who has UDP port ${port}: ${holders.unseen}`));
    else if (waiting.length > 0)
      findings.push(
        note(
          `UDP port ${port} is closed: ${waiting.map(({ name }) => name).join(', ')} is down`,
          `ip link set ${waiting[0]?.name} up`,
        ),
      );
    else findings.push(ok(`UDP port ${port} is free`));
  }
  return findings;
}

export function checkFirewall({ firewall: { nft, iptables }, ports }: Facts): Finding[] {
  if (isUnseen(nft) && isUnseen(iptables))
    return [unseen(`a firewall was not looked for: ${nft.unseen}; ${iptables.unseen}`)];
  const findings: Finding[] = [];
  for (const port of ports) {
    const obstacles = [
      ...(isUnseen(nft) ? [] : nftObstacles(nft, port)),
      ...(isUnseen(iptables) ? [] : iptablesObstacles(iptables, port)),
    ];
    findings.push(
      ...(obstacles.length === 0
        ? [ok(`no rule of the firewall stands in the way of UDP port ${port}`)]
        : obstacles.map((each) => advice(each, `accept it, as in: ${acceptance(isUnseen(nft), port)}`))),
    );
  }
  return findings;
}

function acceptance(isIptables: boolean, port: number): string {
  return isIptables
    ? `iptables -I INPUT -p udp --dport ${port} -j ACCEPT`
    : `nft insert rule inet filter input udp dport ${port} accept`;
}

export function checkConntrack({ conntrack }: Facts): Finding[] {
  if (!conntrack || conntrack.max === 0) return [];
  const { count, max } = conntrack;
  if (count < max * 0.9) return [ok(`connection tracking has room: ${count} of ${max} entries`)];
  return [
    advice(
      `connection tracking is full or nearly so (${count} of ${max} entries): every source port of a tunnel is an entry, and datagrams that find no room are dropped`,
      `sysctl -w net.netfilter.nf_conntrack_max=${max * 4}, or leave the tunnel out: a notrack rule for its port`,
    ),
  ];
}
