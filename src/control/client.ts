import { connect } from 'node:net';
import { CommandError } from '../iproute/commands.js';
import { parseReply } from './protocol.js';
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
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return; // `close` says it
      const absent = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      const message = absent
        ? `vtep: no vtep runs in this network namespace (nothing listens at ${path}); start one with: vtep run -b FILE`
        : `vtep: ${path}: ${error.message}`;
      reject(new CommandError(message, 1));
    });
    socket.once('connect', () => socket.write(`${JSON.stringify({ argv })}\n`));
    const hear = (line: string): void => {
      const reply = parseReply(line);
      if (reply === undefined) {
        reject(new CommandError(`vtep: ${path}: what answers there is no vtep`, 1));
        socket.destroy();
      } else if ('exit' in reply) {
        resolve(reply.exit);
        socket.end();
      } else if ('out' in reply) {
        output.out(reply.out);
      } else {
        output.err(reply.err);
      }
    };
    let pending = '';
    socket.on('data', (text: string) => {
      const lines = (pending + text).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) hear(line);
    });
    // Whichever of these comes first decides.
    socket.once('close', () => reject(new CommandError('vtep: the daemon ended before it answered', 1)));
  });
}
