import { parseArgs } from 'node:util';
import { startSimulator } from './index.ts';

/** Serves until SIGINT: `eval "$(node simulator/cli.ts --port 8443)"` in one shell, or read what it prints. */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    speed: { type: 'string', default: '1' },
    directory: { type: 'string' },
  },
});
const simulator = await startSimulator({
  port: Number(values.port),
  speed: Number(values.speed),
  ...(values.directory !== undefined && { directory: values.directory }),
});
const { accessKeyId, secret } = simulator.admin;
const env = { ...simulator.env, ALICLOUD_ACCESS_KEY: accessKeyId, ALICLOUD_SECRET_KEY: secret };
for (const [name, value] of Object.entries(env)) console.log(`export ${name}='${value}'`);

simulator.after = ({ n, operation, host, key, status, code, violation }) => {
  console.error([n, operation, host, key, status, code, violation].filter((part) => part !== undefined).join(' '));
};
process.once('SIGINT', () => {
  void simulator.close().then(() => process.exit());
});
