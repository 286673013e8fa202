import { parseArgs } from 'node:util';
import { startSimulator } from './index.ts';

/**
 * Runs the simulator until SIGINT: `node simulator/cli.ts [--speed 60]`. Prints the environment of a job as shell
 * commands, and then a line for each request.
 */
const { values } = parseArgs({ options: { speed: { type: 'string', default: '1' } } });
const simulator = await startSimulator({ speed: Number(values.speed) });
const { accessKeyId, secret } = simulator.admin;
const env = { ...simulator.env, ALICLOUD_ACCESS_KEY: accessKeyId, ALICLOUD_SECRET_KEY: secret };
for (const [name, value] of Object.entries(env)) console.log(`export ${name}='${value}'`);

simulator.after = ({ n, operation, host, key, status, code, violation }) => {
  console.error([n, operation, host, key, status, code, violation].filter((part) => part !== undefined).join(' '));
};
process.once('SIGINT', () => {
  void simulator.close().then(() => process.exit());
});
