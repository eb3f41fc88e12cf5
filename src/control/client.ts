import { connect } from 'node:net';
import { CommandError } from '../iproute/commands.js';
import { controlPath } from './socket-path.js';

export interface Output {
  out(text: string): void;
  err(text: string): void;
}

/** Sends one request to the daemon of this network namespace and passes on what it prints; resolves with the exit code. */
export function request(argv: readonly string[], output: Output, path: string = controlPath()): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setEncoding('utf8');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const absent = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      const message = absent
        ? `vtep: no vtep runs in this network namespace (nothing listens at ${path}); start one with: vtep run -b FILE`
        : `vtep: ${path}: ${error.message}`;
      reject(new CommandError(message, 1));
    });
    socket.once('connect', () => socket.write(`${JSON.stringify({ argv })}\n`));
    let exit: number | undefined;
    const hear = (line: string): void => {
      const reply = JSON.parse(line) as { out?: string; err?: string; exit?: number };
      if (reply.out !== undefined) output.out(reply.out);
      if (reply.err !== undefined) output.err(reply.err);
      if (reply.exit !== undefined) {
        exit = reply.exit;
        socket.end();
      }
    };
    let pending = '';
    socket.on('data', (text: string) => {
      const lines = (pending + text).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) hear(line);
    });
    socket.once('close', () => {
      if (exit === undefined) reject(new CommandError('vtep: the daemon ended before it answered', 1));
      else resolve(exit);
    });
  });
}
