import { CommandError } from '../iproute/commands.js';
import { endWithReader } from './pipes.js';
import { program } from './program.js';

endWithReader();

/** Everything that stops a command ends here: what is said on stderr, and the exit code. */
program()
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    if (error instanceof CommandError) {
      if (error.message !== '') process.stderr.write(`${error.message}\n`);
      process.exitCode = error.exitCode;
    } else if (error instanceof Error && 'code' in error && error.code === 'EMFILE') {
      process.stderr.write(`vtep: ${error.message} (ulimit -n allows too few)\n`);
      process.exitCode = 1;
    } else {
      process.stderr.write(`vtep: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = 1;
    }
  });
