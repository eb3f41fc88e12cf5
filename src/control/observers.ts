/** Everybody who looks into an endpoint from outside, by its control socket: `vtep drops`, `capture`, `top`, `save --state`. */
import type { Datapath } from '../dataplane/datapath.js';
import type { Devices } from './devices.js';
import { statePieces } from './endpoint-state.js';
import type { Interpreter } from './interpreter.js';
import { OverviewMaker } from './overview.js';
import type { Rules } from './rules.js';
import { stateInSlices } from './stateful-endpoint.js';

export interface Observed {
  readonly datapath: Datapath;
  readonly devices: Devices;
  readonly rules: Rules;
}

/** What is made for observers, to be closed at the end. */
export interface Observers {
  readonly overview: OverviewMaker;
  close(): void;
}

/** From now on `interpreter` answers what observers ask. */
export function admitObservers(interpreter: Interpreter, { datapath, devices, rules }: Observed): Observers {
  interpreter.drops.watch(datapath);
  interpreter.captures.datapath = datapath;
  interpreter.state = async () => {
    await devices.refreshCounters();
    return statePieces(await stateInSlices({ datapath, devices, rules }));
  };
  const overview = new OverviewMaker({
    devices,
    rules,
    counters: datapath.counters.sets,
    actionCounters: datapath.actionCounters,
    cpus: () => interpreter.cpus,
    calm: interpreter.calm,
  });
  interpreter.overview = () => overview.make('busiest');
  return {
    overview,
    close: () => {
      interpreter.drops.close();
      overview.close();
    },
  };
}

/** Has `log` told which workers die, and that others take their places. */
export function tellDeaths(datapath: Datapath, log: (line: string) => void): void {
  datapath.on('worker-died', (worker, error, wait) =>
    log(`worker ${worker} died, another takes its place${wait === 0 ? '' : ` in ${wait} ms`}: ${error.stack}`),
  );
  datapath.on('worker-resumed', (worker) => log(`worker ${worker} goes on`));
}
