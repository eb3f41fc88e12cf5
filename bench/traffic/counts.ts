/** What the kernel counts, read from /proc. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/**
 * CPU seconds that all threads of a process have used: the run time of /proc/PID/task/TID/schedstat in nanoseconds;
 * where the kernel keeps none, utime and stime of /proc/PID/stat, in clock ticks (proc(5)).
 */
export function processSeconds(pid: number): number {
  try {
    let nanoseconds = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    }
    return nanoseconds / 1e9;
  } catch {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }
}

/** CPU seconds that the machine has used in all, interrupts included; reads the first line of /proc/stat. */
export function machineSeconds(stat = readFileSync('/proc/stat', 'utf8')): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    stat.split('\n', 1)[0]?.split(/\s+/).slice(1).map(Number) ?? [];
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}

/** Datagrams that reached the sink (sink.ts) on a port: its drops in the text of /proc/PID/net/udp. Throws where there is none. */
export function deliveredTo(port: number, table: string): number {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.split(':')[1] === wanted) return Number(fields.at(-1));
  }
  throw new Error(`no socket has UDP port ${port}`);
}

/** Datagrams whose checksum was wrong, of the text of /proc/PID/net/snmp. */
export function udpChecksumErrors(snmp: string): number {
  const [names, values] = snmp
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  return Number(values?.[names?.indexOf('InCsumErrors') ?? -1] ?? 0);
}
