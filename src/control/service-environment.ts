/** What a service manager says to the process that it starts, in the environment (sd_notify(3), sd_watchdog_enabled(3)). */

export interface ServiceEnvironment {
  /** The socket to tell: a path, or `@NAME`. */
  readonly notifySocket?: string;
  /** Milliseconds within which the manager wants to hear `WATCHDOG=1`, again and again. */
  readonly watchdog?: number;
  /** What of it was not understood, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads it, and takes it out of `env`: what vtep starts is not the service, and must not speak for it. The watchdog is
 * on where its time is given and the process that is meant is this one, `pid`.
 */
export function takeServiceEnvironment(env: NodeJS.ProcessEnv, pid: number): ServiceEnvironment {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: time = '', WATCHDOG_PID: meant = '' } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  const notes: string[] = [];
  const isSocket = /^[/@]./.test(socket);
  if (socket !== '' && !isSocket) notes.push(`NOTIFY_SOCKET is not a path or a name behind @: ${socket}`);
  const isTime = /^\d{1,15}$/.test(time) && Number(time) >= 1000;
  if (time !== '' && !isTime) notes.push(`WATCHDOG_USEC is not a number of microseconds from 1000 on: ${time}`);
  const isMeant = meant === '' || Number(meant) === pid;
  return {
    ...(isSocket && { notifySocket: socket }),
    ...(isSocket && isTime && isMeant && { watchdog: Math.floor(Number(time) / 1000) }),
    notes,
  };
}
