/** hold-topology: builds the two hosts, prints `up PREFIX` and keeps them until a signal. */
import { Topology } from '../topology.js';

const topology = await Topology.up({ endpoint: 'kernel' });
topology.b.start(['sleep', '600']);
console.log(`up ${topology.prefix}`);
setInterval(() => {}, 1 << 30);
