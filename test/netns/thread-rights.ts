/** What the kernel says of the rights of a process's threads. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ThreadRights {
  readonly name: string;
  /** Values of /proc/PID/task/TID/status by name, with single blanks. */
  readonly fields: ReadonlyMap<string, string>;
}

export function threadRights(pid: number): ThreadRights[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const lines = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8').split('\n');
    const fields = new Map(
      lines.map((line): [string, string] => {
        const [name = '', value = ''] = line.split(':\t');
        return [name, value.trim().replaceAll('\t', ' ')];
      }),
    );
    return { name: fields.get('Name') ?? '', fields };
  });
}

/** What of a thread's rights is left; empty where it is `user` of `group` with nothing but `capabilities` (hex). */
export function rightsLeft(
  { name, fields }: ThreadRights,
  user: number,
  group: number,
  capabilities = '0000000000000000',
): string[] {
  const wanted: readonly (readonly [string, string])[] = [
    ['Uid', `${user} ${user} ${user} ${user}`],
    ['Gid', `${group} ${group} ${group} ${group}`],
    ['Groups', ''],
    ['NoNewPrivs', '1'],
    ...['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map((set) => [set, capabilities] as const),
  ];
  return wanted.flatMap(([field, value]) =>
    fields.get(field) === value ? [] : [`${name}: ${field} ${fields.get(field)}`],
  );
}

/** The processes that a process has begun. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}
